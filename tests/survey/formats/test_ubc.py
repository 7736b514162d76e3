"""Observations of UBC-GIF and data of Tomofast-x: the same rows, heights of opposite sign."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint import read_survey

from ...refusals import refused
from .files import INDUCING, ROWS, ubc, ubc_magnetic, writer

TEXT, MAGNETIC = ubc(), ubc_magnetic()


@pytest.fixture
def obs(tmp_path):
    return writer(tmp_path, "s.obs")


def rows_of(survey):
    return np.stack([*survey.coordinates(), survey.data, survey.std], axis=1)


@pytest.mark.parametrize("text", [TEXT, "! by hand\n" + TEXT.replace("\n", " ! x\n"), TEXT.replace("\n", "\r\n\r\n")])
def test_gravity(obs, text):
    survey = read_survey(obs(text), "gravity")
    np.testing.assert_array_equal(rows_of(survey), ROWS)
    assert survey.units == "mGal" and "UBC-GIF" in survey.history[0]


def test_gravity_is_positive_above_what_is_dense(obs):
    """As the manuals have it and this package has it: no sign is turned."""
    mesh = bj.Mesh.regular((1, 1, 1), (100.0, 100.0, 100.0), top=-50.0)
    datum = bj.GravityOperator.at_stations(mesh, [50.0], [50.0], [0.0]).predict(np.full((1, 1, 1), 1000.0))
    assert datum > 0
    assert read_survey(obs(f"1\n50 50 0 {float(datum[0])}\n"), "gravity").data[0] > 0


def test_without_std_and_with_a_given_one(obs):
    assert read_survey(obs(ubc(ROWS[:, :4])), "gravity").std is None
    assert read_survey(obs(ubc(ROWS[:, :4])), "gravity", std=0.3).std[0] == 0.3


def test_magnetic_data_bring_their_field(obs):
    for name in ("s.obs", "s.txt", "s.csv"):  # told by its content
        survey = read_survey(obs(MAGNETIC, name), "magnetic")
        np.testing.assert_array_equal(rows_of(survey), ROWS)
        assert (survey.inclination, survey.declination, survey.intensity) == INDUCING
    assert read_survey(obs(MAGNETIC), "magnetic", intensity=50e3).intensity == 50e3


def test_the_direction_of_the_anomaly_is_that_of_the_kind(obs):
    up = obs(ubc_magnetic(along=(-90, 30, 1)))
    assert read_survey(up, "b_u").size == 3
    assert "b_u" in refused(lambda: read_survey(up, "magnetic"), "path")
    refused(lambda: read_survey(up, "b_e"), "path")
    refused(lambda: read_survey(obs(ubc_magnetic(along=(60, -20, 0))), "magnetic"), "path")


def test_the_wrong_kind_is_refused(obs):
    refused(lambda: read_survey(obs(TEXT), "magnetic"), "units")
    refused(lambda: read_survey(obs(MAGNETIC), "gravity"), "units")
    refused(lambda: read_survey(obs("datacomp=xx,zz\n1\n0 0 0 1 2\n"), "gzz"), "path")


def test_a_count_alone_does_not_say_whose_it_is(obs):
    path = obs(ubc(ROWS[:, :4]), "s.dat")
    message = refused(lambda: read_survey(path, "gravity", units="mGal"), "format")
    assert "positive down" in message
    up = read_survey(path, "gravity", format="ubc")
    down = read_survey(path, "gravity", format="tomofast", units="um/s2")
    np.testing.assert_array_equal(up.upward, ROWS[:, 2])
    np.testing.assert_array_equal(down.upward, -ROWS[:, 2])
    assert "upward -z" in down.history[0]
    np.testing.assert_allclose(down.data, 0.1 * ROWS[:, 3])
    refused(lambda: read_survey(path, "gravity", format="tomofast"), "units")
    refused(lambda: read_survey(obs(TEXT, "s.dat"), "gravity", format="tomofast", units="mGal"), "path")
    by_place = {"easting": 0, "northing": 1, "upward": 2, "data": 3}
    assert read_survey(path, "gravity", columns=by_place, units="mGal").size == 3


def changed(rows, old, new):
    return ubc(np.where(rows == old, new, rows))


def bad(rows):
    """Texts of so many columns that cannot be right."""
    text = ubc(rows)
    return {
        "cut short": text[:-20], "one row less": ubc(rows, count=4), "one row more": ubc(rows, count=2),
        "count alone": "3",
        "absurd": ubc(rows, count=10**15), "places alone": ubc(rows[:, :3]), "words": text.replace("-2.5000", "low"),
        "none": "0\n", "negative": ubc(rows, count=-3), "half": ubc(rows, count=3.5), "empty": "",
        "cells": text.replace("50.0000", "50 1"), "infinite": text.replace("1.5000", "inf"),
        "underscore": text.replace("100.0000", "1_0"), "six cells": ubc(np.hstack([rows, rows])[:, :6]),
        "all gaps": ubc(np.where(np.arange(rows.shape[1]) == 3, np.nan, rows)),
        "NaN place": changed(rows, 50.0, np.nan),
        "NaN height": changed(rows, 14.0, np.nan), "comments alone": "! nothing\n! at all\n",
    }  # fmt: skip


BAD = [(form, name, text) for form, rows in (("ubc", ROWS), (None, ROWS), ("tomofast", ROWS[:, :4]))
       for name, text in bad(rows).items()] + [("ubc", "no std", changed(ROWS, 0.2, 0.0))]


@pytest.mark.parametrize(("form", "name", "text"), BAD)
def test_bad_gravity_files_are_refused_by_name_on_one_line(obs, form, name, text):
    message = refused(lambda: read_survey(obs(text), "gravity", format=form, units="mGal"), "")
    assert "s.obs" in message and "\n" not in message


HEADS = {
    "two numbers": (INDUCING[:2], (60, -20, 1)), "NaN": (("nan", 0, 5e4), (60, -20, 1)), "words": (("a", "b",
    "c"), (1, 2)),
    "no field": ((60, -20, 0), (60, -20, 1)), "steep": ((160, -20, 5e4), (160, -20, 1)), "direction": (INDUCING, (60,)),
}  # fmt: skip


@pytest.mark.parametrize(("field", "along"), HEADS.values(), ids=HEADS)
def test_bad_magnetic_heads_are_refused_by_name_on_one_line(obs, field, along):
    message = refused(lambda: read_survey(obs(ubc_magnetic(field=field, along=along)), "magnetic", format="ubc"), "")
    assert "s.obs" in message and "\n" not in message


@pytest.mark.parametrize("text", [MAGNETIC[:40], "60 -20 55000\n60 -20 1\n", "60 -20 55000\n", ubc_magnetic(count=9)])
def test_short_magnetic_files_are_refused(obs, text):
    message = refused(lambda: read_survey(obs(text), "magnetic", format="ubc"), "")
    assert "s.obs" in message and "\n" not in message
