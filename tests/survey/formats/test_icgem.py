"""Grids of the ICGEM service: in degrees they are refused with what to do, projected they are read."""

import numpy as np
import pytest

from bayesjoint import read_survey

from ...refusals import refused
from .files import EAST, NORTH, VALUES, icgem, writer

DEGREES = {"names": ("longitude", "latitude", "gravity_disturbance"), "units": ("[deg.]", "[deg.]", "[mgal]")}
TEXT = icgem()


@pytest.fixture
def gdf(tmp_path):
    return writer(tmp_path, "g.gdf")


def test_a_projected_grid_is_read(gdf):
    survey = read_survey(gdf(TEXT), "gravity")
    place = {(x, y): v for x, y, v in zip(*survey.coordinates()[:2], survey.data, strict=True)}
    expected = {(x, y): VALUES[j, i] for j, y in enumerate(NORTH) for i, x in enumerate(EAST)}
    np.testing.assert_array_equal([place[key] for key in expected], list(expected.values()))
    assert (survey.units, survey.upward, survey.source) == ("mGal", 1200.0, "EIGEN-6C4")
    assert "'height_over_ell'" in survey.history[0]


def test_degrees_are_refused_with_the_remedy(gdf):
    message = refused(lambda: read_survey(gdf(icgem(**DEGREES)), "gravity"), "columns")
    assert "longitude and latitude" in message and "Project" in message and "g.gdf" in message


def test_one_of_several_columns_is_named(gdf):
    text = icgem(names=("x", "y", "potential"))
    refused(lambda: read_survey(gdf(text), "gravity"), "columns")
    refused(lambda: read_survey(gdf(icgem(units=("[deg.]", "[deg.]", "[mgal]"))), "gravity"), "units of easting")
    assert read_survey(gdf(text), "gravity", variable="potential").size == 12
    assert read_survey(gdf(icgem(height_over_ell=None)), "gravity", height=3.0).upward == 3.0


BAD = {
    "cut short": TEXT[:-20], "no rows": TEXT[:TEXT.index("end_of_head") + 20], "no end": TEXT.replace("end_of", "end"),
    "end alone": "latlimit_north\nend_of_head\n1 2 3", "counts": icgem(number_of_gridpoints=13),
    "counted in words": icgem(
        number_of_gridpoints="twelve"), "units": icgem(units=("[m]", "[m]")), "twice": icgem(names=("x", "x",
        "gravity")),
    "words": TEXT.replace("11.0", "eleven"), "gap": icgem(gapvalue="none"), "height": icgem(height_over_ell="high"),
    "infinite": TEXT.replace("11.00000", "inf"), "other units": icgem(units=("[m]", "[m]", "[m^2/s^2]")),
    "more cells": TEXT.replace("11.0", "11 0"), "empty key": icgem(number_of_gridpoints=""),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_grids_are_refused_by_name_on_one_line(gdf, text):
    message = refused(lambda: read_survey(gdf(text), "gravity"), "")
    assert "g.gdf" in message and "\n" not in message
