"""Longitude and latitude, and other systems, projected on request."""

import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesjoint import read_survey

from ..refusals import refused
from .formats.files import icgem

WHY = "stations are projected by it: pip install 'bayesjoint[crs]'"
TABLE = "lon,lat,height_m,gravity_mGal\n123.0,-30.0,5,1\n123.5,-30.5,6,2\n,,7,\n"


def snyder(lon, lat, meridian=123.0):
    """UTM south of the equator, from Snyder's series: independent of PROJ, good to centimetres within a zone."""
    a, f, k0 = 6378137.0, 1 / 298.257223563, 0.9996
    e2 = f * (2 - f)
    phi, lam = np.radians(lat), np.radians(lon - meridian)
    ep2, big_n = e2 / (1 - e2), a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    t, c, aa = np.tan(phi) ** 2, ep2 * np.cos(phi) ** 2, np.cos(phi) * lam
    m = a * ((1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
             - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * np.sin(2 * phi)
             + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * np.sin(4 * phi) - 35 * e2**3 / 3072 * np.sin(6 * phi))
    x = k0 * big_n * (aa + (1 - t + c) * aa**3 / 6 + (5 - 18 * t + t**2 + 72 * c - 58 * ep2) * aa**5 / 120)
    y = k0 * (m + big_n * np.tan(phi) * (aa**2 / 2 + (5 - t + 9 * c + 4 * c**2) * aa**4 / 24
                                         + (61 - 58 * t + t**2 + 600 * c - 330 * ep2) * aa**6 / 720))
    return 500_000 + x, 10_000_000 + y


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


def test_longitude_and_latitude_of_a_table(table):
    pytest.importorskip("pyproj", reason=WHY)
    survey = read_survey(table, "gravity", to_crs="EPSG:32751")
    east, north = snyder(np.array([123.0, 123.5]), np.array([-30.0, -30.5]))
    np.testing.assert_allclose(survey.easting[:2], east, rtol=0, atol=0.02)
    np.testing.assert_allclose(survey.northing[:2], north, rtol=0, atol=0.02)
    assert survey.crs == "EPSG:32751" and survey.size == 2  # the row without a place is left out
    assert "projected from EPSG:4326, which nothing stated to EPSG:32751 by pyproj" in survey.history[0]
    stated = read_survey(table, "gravity", crs="EPSG:4283", to_crs=28351)
    assert stated.crs == "EPSG:28351" and "from EPSG:4283 to EPSG:28351" in stated.history[0]
    np.testing.assert_allclose(stated.easting[:2], east, rtol=0, atol=0.02)  # GRS 80 differs by 0.1 mm


def test_a_frame_an_array_and_an_icgem_grid_in_degrees(tmp_path):
    pytest.importorskip("pyproj", reason=WHY)
    frame = pd.DataFrame({"longitude": [123.25], "latitude": [-30.1], "gravity": [1.0]})
    one = read_survey(frame, "gravity", units="mGal", height=0.0, to_crs=32751)
    np.testing.assert_allclose((one.easting[0], one.northing[0]), snyder(123.25, -30.1), rtol=0, atol=0.02)
    lon, lat = np.array([123.0, 123.1, 123.2]), np.array([-30.0, -30.1])
    grid = xr.DataArray(np.arange(6.0).reshape(2, 3), {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": (
        "lon", lon, {"units": "degrees_east"})}, ("lat", "lon"), "g", {"units": "mGal", "height_m": 9.0})
    survey = read_survey(grid, "gravity", to_crs=32751)
    east, north = snyder(*np.meshgrid(lon, lat))
    np.testing.assert_allclose(survey.easting, east.ravel(), rtol=0, atol=0.02)
    np.testing.assert_allclose(survey.northing, north.ravel(), rtol=0, atol=0.02)
    np.testing.assert_array_equal(survey.data, np.arange(6.0))
    assert not survey.is_grid and survey.upward == 9.0
    path = tmp_path / "g.gdf"
    text = icgem(names=("longitude", "latitude", "gravity_disturbance"), units=("[deg.]", "[deg.]", "[mgal]"))
    path.write_text(text.replace("400000.000", "123.0").replace("400050.000", "123.1").replace(
        "400100.000", "123.2").replace("400150.000", "123.3").replace("7000000.000", "-30.0").replace(
            "7000025.000", "-30.1").replace("7000050.000", "-30.2"))
    survey = read_survey(path, "gravity", to_crs=32751)
    assert 499_999 < survey.easting.min() < survey.easting.max() < 530_000


def test_from_one_projected_system_to_another(tmp_path):
    pytest.importorskip("pyproj", reason=WHY)
    east, north = snyder(np.array([123.5]), np.array([-30.5]))
    frame = pd.DataFrame({"easting": east, "northing": north, "gravity": [1.0]})
    survey = read_survey(frame, "gravity", units="mGal", height=0.0, crs="EPSG:32751", to_crs="EPSG:32752")
    np.testing.assert_allclose((survey.easting[0], survey.northing[0]), snyder(123.5, -30.5, 129.0), rtol=0, atol=0.5)
    same = read_survey(frame, "gravity", units="mGal", height=0.0, crs="EPSG:32751", to_crs="EPSG:32751")
    assert same.easting[0] == east[0] and "projected" not in same.history[0]


def test_what_cannot_be_projected_is_refused(table):
    pytest.importorskip("pyproj", reason=WHY)
    metres = pd.DataFrame({"easting": [0.0], "northing": [0.0], "gravity": [1.0]})
    given = {"units": "mGal", "height": 0.0}
    assert "none stated" in refused(lambda: read_survey(metres, "gravity", to_crs=32751, **given), "crs")
    refused(lambda: read_survey(table, "gravity", crs="EPSG:32751", to_crs="EPSG:32751"), "crs")
    refused(lambda: read_survey(table, "gravity", to_crs="EPSG:4326"), "to_crs")
    refused(lambda: read_survey(table, "gravity", to_crs=2263), "to_crs")  # feet
    refused(lambda: read_survey(table, "gravity", to_crs="my grid"), "to_crs")
    refused(lambda: read_survey(table, "gravity", crs="my grid", to_crs=32751), "crs")
    swapped = pd.DataFrame({"longitude": [-30.0], "latitude": [123.0], "gravity": [1.0]})
    assert "swapped" in refused(lambda: read_survey(swapped, "gravity", to_crs=32751, **given), "the stations")


@pytest.mark.filterwarnings("ignore:the survey is 0.5 by 0.5 m wide")
def test_without_to_crs_degrees_are_refused_with_it_as_the_remedy(table):
    assert "to_crs=" in refused(lambda: read_survey(table, "gravity"), "columns")
    assert "to_crs=" in refused(lambda: read_survey(table, "gravity", crs="EPSG:4326", columns={
        "easting": "lon", "northing": "lat"}), "crs")


def test_without_pyproj_the_error_says_how_to_install_it(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyproj", None)
    with pytest.raises(ImportError, match=r"pyproj must .*; found no .* pip install 'bayesjoint\[crs\]'"):
        read_survey(table, "gravity", to_crs="EPSG:32751")
