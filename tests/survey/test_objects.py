"""Tables of pandas, arrays and datasets of xarray, read by the names in them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesjoint import read_survey

from ..refusals import refused

FRAME = pd.DataFrame({"northing_m": [0.0, 0, 50], "gravity_um/s2": [10.0, 20, np.nan], "easting_m": [0.0, 100, 0],
                      "height_m": [5.0, 6, 7], "sigma_um/s2": [1.0, 1, 2], "line": ["L1", "L1", "T2"]})
X, Y = np.array([300.0, 200.0, 100.0, 0.0]), np.array([0.0, 50.0, 100.0])
GRID = np.arange(12.0).reshape(4, 3)  # dims (x, y), x from east to west


def test_a_frame_is_read_by_the_names_of_its_columns():
    survey = read_survey(FRAME, "gravity")
    np.testing.assert_array_equal(survey.data, [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(survey.easting, [0.0, 100.0, 0.0])
    np.testing.assert_array_equal(survey.northing, [0.0, 0.0, 50.0])
    np.testing.assert_array_equal(survey.upward, [5.0, 6.0, 7.0])
    np.testing.assert_allclose(survey.std, [0.1, 0.1, np.nan])  # none where there is no datum
    assert survey.lines.tolist() == ["L1", "L1", "T2"] and survey.units == "mGal"
    assert survey.history[0].startswith("taken from DataFrame: ")


def test_a_frame_and_its_csv_are_the_same_survey(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    one, other = read_survey(FRAME, "gravity"), read_survey(tmp_path / "t.csv", "gravity")
    for key in ("data", "easting", "northing", "upward", "std"):
        np.testing.assert_array_equal(getattr(one, key), getattr(other, key))


def test_system_index_and_arguments_of_a_frame():
    frame = FRAME.set_index(["easting_m", "northing_m"])
    frame.attrs |= {"crs": "EPSG:32751", "licence": "CC-BY-4.0", "title": "Window"}
    survey = read_survey(frame, "gravity", missing=10.0)
    assert (survey.crs, survey.licence, survey.source) == ("EPSG:32751", "CC-BY-4.0", "Window")
    assert int(survey.observed.sum()) == 1
    assert read_survey(FRAME, "gravity", columns={"data": 1}, crs=28351).crs == "EPSG:28351"
    assert FRAME["gravity_um/s2"].tolist()[:2] == [10.0, 20.0]  # not written to


def test_frames_that_cannot_be_read():
    refused(lambda: read_survey(FRAME.rename(columns={"easting_m": "a"}), "gravity"), "columns")
    refused(lambda: read_survey(FRAME.assign(height_m=["a", "b", "c"]), "gravity"), "column 'height_m'")
    refused(lambda: read_survey(FRAME.assign(height_m=[True, True, False]), "gravity"), "column 'height_m'")
    refused(lambda: read_survey(pd.concat([FRAME, FRAME[["line"]]], axis=1), "gravity"), "path")
    refused(lambda: read_survey(FRAME, "gravity", format="table"), "format")
    text = refused(lambda: read_survey(FRAME.drop(columns="height_m"), "gravity"), "height")
    assert "the DataFrame" in text


def array(dims=("x", "y"), **attributes):
    return xr.DataArray(GRID, {dims[0]: X, dims[1]: Y}, dims, "g", {"units": "mGal", "height_m": 10.0} | attributes)


@pytest.mark.parametrize("dims", [("x", "y"), ("easting", "northing")])
def test_an_array_is_laid_by_the_names_of_its_dims(dims):
    survey = read_survey(array(dims, crs="EPSG:32751"), "gravity")
    np.testing.assert_array_equal(survey.data, GRID[::-1].T)
    np.testing.assert_array_equal(survey.easting, X[::-1])
    assert (survey.crs, survey.upward, survey.shape) == ("EPSG:32751", 10.0, (3, 4))
    assert survey.history[0].startswith("taken from DataArray: data 'g'")


def test_a_grid_mapping_beside_an_array_is_its_system():
    mapped = array().assign_coords(spatial_ref=((), 0, {"crs_wkt": 'PROJCS["UTM 51S"]'}))
    assert read_survey(mapped, "gravity").crs == 'PROJCS["UTM 51S"]'
    layered = array().expand_dims(band=[1]).transpose("band", "y", "x")
    assert read_survey(layered, "gravity").shape == (3, 4)


def test_a_dataset_is_read_like_its_file(tmp_path):
    dataset = array().to_dataset(name="gravity").assign(gravity_std=(("x", "y"), 0.1 + 0 * GRID, {"units": "mGal"}))
    dataset.to_netcdf(tmp_path / "d.nc", engine="h5netcdf")
    one, other = read_survey(dataset, "gravity"), read_survey(tmp_path / "d.nc", "gravity")
    for key in ("data", "easting", "northing", "upward", "std"):
        np.testing.assert_array_equal(getattr(one, key), getattr(other, key))


def test_arrays_that_cannot_be_read():
    refused(lambda: read_survey(array(("a", "b")), "gravity"), "columns")
    refused(lambda: read_survey(array(units=None).drop_attrs(), "gravity", height=1.0), "units")
    refused(lambda: read_survey(array().rename("x"), "gravity"), "path")
    refused(lambda: read_survey(array().isnull(), "gravity"), "variable", TypeError)


def test_what_is_none_of_them_is_refused_as_no_file():
    for wrong in (3, None, np.ones(3), {"data": [1.0]}, [1.0]):
        refused(lambda wrong=wrong: read_survey(wrong, "gravity"), "path", TypeError)
