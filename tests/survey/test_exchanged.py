"""Easting and northing exchanged: by names, by where a system is in use, by another survey."""

import warnings

import numpy as np
import pytest

from bayesjoint import Mesh, Survey, read_survey

from ..refusals import refused

RNG = np.random.default_rng(6)
EAST, NORTH = 400e3 + RNG.uniform(0, 3000, 20), 6.55e6 + RNG.uniform(0, 2000, 20)


@pytest.fixture
def table(tmp_path):
    def write(east=EAST, north=NORTH, names="x,y"):
        np.savetxt(tmp_path / "s.csv", np.column_stack([east, north, np.ones(east.size)]), fmt="%.2f", delimiter=",",
                   header=f"{names},gravity_mGal", comments="")
        return tmp_path / "s.csv"

    return write


def test_the_area_of_a_system_tells(table):
    pytest.importorskip("pyproj")
    for crs in ("EPSG:28351", 32751, "EPSG:7851"):
        assert read_survey(table(), "gravity", height=0.0, crs=crs).size == 20
        message = refused(lambda crs=crs: read_survey(table(NORTH, EAST), "gravity", height=0.0, crs=crs),
                          "easting and northing")
        assert "columns={'easting': 'Y', 'northing': 'X'}" in message and "from 'x' (guessed)" in message
    right = {"easting": "y", "northing": "x"}
    assert read_survey(table(NORTH, EAST), "gravity", height=0.0, crs="EPSG:28351", columns=right).size == 20


def test_a_place_outside_either_way_is_the_business_of_others(table):
    pytest.importorskip("pyproj")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_survey(table(EAST - 400e3, NORTH - 6.55e6), "gravity", height=0.0, crs="EPSG:28351")


def test_without_a_system_the_size_of_utm_s_coordinates_is_said(table):
    with pytest.warns(UserWarning, match="seem to be exchanged: easting about 655"):
        read_survey(table(NORTH, EAST), "gravity", height=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_survey(table(), "gravity", height=0.0)
        read_survey(table(EAST + 3e6, NORTH - 1e6), "gravity", height=0.0)  # Gauss-Krüger, with the zone's number


def test_columns_called_by_the_other_s_name_are_refused(table):
    path, crossed = table(names="easting,northing"), {"easting": "northing", "northing": "easting"}
    message = refused(lambda: read_survey(path, "gravity", height=0.0, columns=crossed), "columns")
    assert "by position" in message
    by_place = read_survey(path, "gravity", height=0.0, columns={"easting": 0, "northing": 1})
    np.testing.assert_allclose(by_place.easting, EAST, atol=0.01)


def pair(second_east, second_north):
    first = Survey("gravity", np.ones(EAST.size), EAST, NORTH, 0.0)
    return [first, Survey("magnetic", np.ones(np.size(second_east)), second_east, second_north, 0.0)]


def test_a_survey_that_lies_over_another_only_when_exchanged_is_refused():
    message = refused(lambda: Mesh.from_surveys(pair(NORTH, EAST), depth=500.0, spacing=100.0), "surveys")
    assert "'magnetic' at east" in message and "are exchanged" in message and "columns=" in message


def test_local_coordinates_that_fit_better_when_exchanged_are_warned_of():
    east, north = RNG.uniform(0, 4000, 60), RNG.uniform(0, 1000, 60)
    first = Survey("gravity", np.ones(60), east, north, 0.0)
    other = Survey("magnetic", np.ones(60), north, east, 0.0)
    with pytest.warns(UserWarning, match="lies over 'gravity' .* when its easting and northing are exchanged"):
        Mesh.from_surveys([first, other], depth=500.0, spacing=100.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mesh.from_surveys([first, first.replace(kind="magnetic", name="magnetic", units="nT")], depth=500.0,
                          spacing=100.0)
