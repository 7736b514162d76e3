"""Files that Oasis montaj and the ICGEM format's own readers know, against the values that belong to them."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayesjoint import read_survey

DATA = Path(__file__).parent / "data"
GIVEN = {"height": 10.0, "units": "nT"}


@pytest.fixture(scope="module")
def expected():
    with xr.open_dataset(DATA / "om_expected.nc") as opened:
        return opened["__xarray_dataarray_variable__"].load().transpose("northing", "easting")


@pytest.mark.parametrize(("name", "step"), [("byte", 0.21), ("compress", 0.0), ("short", 8e-4), ("order", 1e-7)])
def test_grids_written_by_oasis_montaj(expected, name, step):
    """`step` is what one unit of the file's integers stands for."""
    survey = read_survey(DATA / f"om_{name}.grd", "magnetic", **GIVEN)
    np.testing.assert_allclose(survey.easting, expected.easting)
    np.testing.assert_allclose(survey.northing, expected.northing)
    np.testing.assert_allclose(survey.data, expected.values, atol=0.51 * step, rtol=0)


def test_a_turned_grid_of_oasis_montaj_holds_the_same_values(expected):
    survey = read_survey(DATA / "om_rotate.grd", "magnetic", **GIVEN)
    assert not survey.is_grid
    np.testing.assert_allclose(survey.data, expected.values.ravel(), atol=1e-6)
    turn = np.radians(-30.0)
    north, east = np.meshgrid(np.arange(49.0), np.arange(50.0), indexing="ij")
    np.testing.assert_allclose(survey.easting - survey.easting[0], (east * np.cos(turn) - north * np.sin(turn)).ravel(),
                               atol=1e-6)
    np.testing.assert_allclose(survey.northing - survey.northing[0],
                               (east * np.sin(turn) + north * np.cos(turn)).ravel(), atol=1e-6)


def test_a_grid_of_the_icgem_format():
    pytest.importorskip("pyproj", reason="pyproj, the extra 'crs', is not installed")
    survey = read_survey(DATA / "icgem-sample.gdf", "gravity", height=10.0, columns={"data": "sample_data"},
                         to_crs="EPSG:32656")
    rows = [line.split() for line in (DATA / "icgem-sample.gdf").read_text().split("end_of_head")[1].splitlines()[1:]]
    values = np.array([row[-1] for row in rows if len(row) > 2], dtype=float)
    np.testing.assert_allclose(np.sort(survey.data), np.sort(values))

