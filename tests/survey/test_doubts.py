"""What a survey can hardly be: sizes in the stated unit, strays, times."""

import warnings

import numpy as np
import pytest
import xarray as xr

from bayesjoint import read_survey
from bayesjoint.survey import other_units, span

from ..refusals import refused

RNG = np.random.default_rng(5)
EAST, NORTH = 500e3 + RNG.uniform(0, 2000, 120), 6.5e6 + RNG.uniform(0, 2000, 120)
BUMP = np.exp(-((EAST - 501e3) ** 2 + (NORTH - 6.501e6) ** 2) / 2 / 400**2)


@pytest.fixture
def table(tmp_path):
    def write(data, east=EAST, north=NORTH, up=0.0, name="gravity"):
        rows = np.column_stack([east, north, np.broadcast_to(up, np.shape(east)), data])
        np.savetxt(tmp_path / "s.csv", rows, fmt="%.9g", delimiter=",", header=f"x,y,z,{name}", comments="")
        return tmp_path / "s.csv"

    return write


USUAL = {  # kind, units, size of the anomaly in them
    "gravity": ("gravity", "mGal", 3.0), "micro": ("gravity", "um/s2", 0.5), "strong": ("gravity", "um/s2", 120.0),
    "in SI": ("gravity", "m/s2", 3e-5), "magnetic": ("magnetic", "nT", 300.0), "weak": ("magnetic", "nT", 2.0),
    "iron": ("magnetic", "uT", 60.0), "gradient": ("gzz", "E", 60.0)}


@pytest.mark.parametrize("case", USUAL)
def test_usual_sizes_pass_in_silence(table, case):
    kind, units, size = USUAL[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_survey(table(size * BUMP, name=kind), kind, units=units)


ODD = {  # kind, units they are taken for, size in them, the unit that would do
    "um/s2 for mGal": ("gravity", "mGal", 30.0, "In um/s2 they would span"),
    "mGal for m/s2 too small": ("gravity", "nm/s2", 3.0, "In mGal they would span"),
    "nT for T too small": ("magnetic", "nT", 3e-7, "In T they would span"),
    "uT for nT": ("magnetic", "uT", 300.0, "In nT they would span"),
    "E for 1e-9": ("gzz", "mGal/m", 60.0, "In E they would span"),
}


@pytest.mark.parametrize("case", ODD)
def test_unusual_sizes_are_said_with_figures_and_the_unit_that_would_do(table, case):
    kind, units, size, better = ODD[case]
    with pytest.warns(UserWarning, match="would be usual") as caught:
        survey = read_survey(table(size * BUMP, name=kind), kind, units=units)
    text = str(caught[0].message)
    assert better in text and f"{span(survey):.3g} {survey.units} over 2 km" in text and f"for {units}" in text
    assert text.index(better) < text.index(" Are the units right?")


def test_anomalies_that_no_ground_makes_are_refused(table):
    message = refused(lambda: read_survey(table(30.0 * BUMP), "gravity", units="gal"), "data must be anomalies below")
    assert "In um/s2 they would span" in message and "Pass units=" in message
    refused(lambda: read_survey(table(1e5 * BUMP + 1.0), "gravity", units="mGal"), "data must be anomalies below")
    refused(lambda: read_survey(table(300.0 * BUMP, name="tmi"), "magnetic", units="T"), "data must be anomalies below")


def test_relief_explains_free_air_anomalies(table):
    up = 500.0 * BUMP
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_survey(table(0.11 * up, up=up), "gravity", units="mGal")
    with pytest.warns(UserWarning, match="would be usual"):
        read_survey(table(0.11 * up), "gravity", units="mGal")


def test_other_units_are_in_the_order_of_likelihood(table):
    with pytest.warns(UserWarning):
        survey = read_survey(table(30.0 * BUMP), "gravity", units="mGal")
    fits = other_units(survey, "mGal")
    assert fits[0] == ("um/s2", pytest.approx(0.1 * span(survey)))
    assert "m/s2" not in dict(fits)


@pytest.mark.parametrize("axis", ["easting", "northing"])
def test_a_station_at_a_mark_of_missing_coordinates_is_refused(table, axis):
    places = {"east": EAST.copy(), "north": NORTH.copy()}
    places[axis[:-3]][7] = -9999.0
    path = table(BUMP, **places)
    message = refused(lambda: read_survey(path, "gravity", units="mGal"), f"{axis} must hold no number that marks")
    assert "missing=[-9999]" in message
    rest = table(np.where(np.arange(120) == 7, np.nan, BUMP), **places)
    assert read_survey(rest, "gravity", units="mGal", missing=[-9999]).size == 119


def test_a_coordinate_that_looks_like_a_mark_among_others_is_one(table):
    east = np.linspace(9000.0, 11000.0, 120)
    east[60] = 9999.0
    assert read_survey(table(BUMP, east=east), "gravity", units="mGal").size == 120


def test_a_stray_is_named(table):
    east, north = EAST.copy(), NORTH.copy()
    east[7] = north[7] = 0.0
    with pytest.warns(UserWarning, match=r"1 station\(s\) lie more than 20 extents.*row 8 of the stations"):
        read_survey(table(BUMP, east, north), "gravity", units="mGal")


@pytest.mark.parametrize("units", ["seconds since 1970-01-01", "days", "s"])
def test_times_are_no_data_whatever_units_are_given(tmp_path, units):
    axes = {"northing": [0.0, 50.0], "easting": [0.0, 50.0, 100.0]}
    data = xr.Dataset({"t": (("northing", "easting"), np.arange(6.0).reshape(2, 3), {"units": units})}, axes)
    data.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    message = refused(lambda: read_survey(tmp_path / "g.nc", "gravity", variable="t", units="mGal", height=0.0), "data")
    assert "times" in message
