"""Numbers that stand for no measurement, and numbers that can hardly be one."""

import warnings

import numpy as np
import pytest
import xarray as xr

from bayesjoint import GravityOperator, JointProblem, MagneticOperator, Matern, Mesh, Parameter, Survey, read_survey

from ..refusals import refused

HEAD = "easting,northing,height,gravity_mGal\n"
GOOD = "0,0,5,1\n100,0,5,2\n"


@pytest.fixture
def read(tmp_path):
    def reading(text, **options):
        path = tmp_path / "a.csv"
        path.write_text(text, encoding="utf-8")
        return read_survey(path, "gravity", **options)
    return reading


@pytest.fixture
def grid(tmp_path):
    def reading(values, height=5.0, attributes=None, encoding=None, **options):
        v = np.asarray(values)
        data = xr.Dataset({"gravity": (("northing", "easting"), v, {"units": "mGal"} | (attributes or {}))},
                          {"easting": 100.0 * np.arange(v.shape[1]), "northing": 100.0 * np.arange(v.shape[0])})
        data["gravity_upward"] = height if np.ndim(height) == 0 else (("northing", "easting"), height)
        data["gravity_upward"].attrs["units"] = "m"
        path = tmp_path / "a.nc"
        data.to_netcdf(path, engine="h5netcdf", encoding={"gravity": {"_FillValue": None}} | (encoding or {}))
        return read_survey(path, "gravity", **options)
    return reading


@pytest.mark.parametrize("mark", [-99999.9, -1e32, 1.70141e38, -9999.0, 9.96921e36, -3.4028235e38, 0.1])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_mark_is_found_as_the_files_precision_holds_it(grid, mark, dtype):
    values = np.array([[1, 2, 3], [4, mark, 6]], dtype)
    assert grid(values, missing=mark).observed.tolist() == [[True] * 3, [True, False, True]]


def test_several_marks_at_once_and_a_mark_that_is_endless(grid):
    values = np.array([[1, -9999, 3], [1e32, 5, np.inf]], "f4")
    assert grid(values, missing=[-9999, 1e32, np.inf]).observed.tolist() == [[True, False, True], [False, True, False]]
    assert grid(values, missing=(-9999, 1e32, np.inf, np.nan)).observed.sum() == 3
    for missing in (np.array([-9999, 1e32, np.inf]), {-9999, 1e32, np.inf}, xr.DataArray([-9999, 1e32, np.inf])):
        assert grid(values, missing=missing).observed.sum() == 3


def test_a_near_number_is_no_mark(grid):
    assert grid(np.array([[1.0, -9999.5], [3.0, 4.0]]), missing=-9999).data[0, 1] == -9999.5


@pytest.mark.parametrize("missing", ["-9999", True, [1.0, "x"], [[1.0], [2.0, 3.0]], 1j])
def test_marks_are_numbers(read, missing):
    refused(lambda: read(HEAD + GOOD, missing=missing), "missing", TypeError)


@pytest.mark.parametrize("mark", ["-9999", "-99999", "1e32", "-99999.9", "1.70141e38", "-32768", "-999.25", "1e20"])
def test_a_mark_that_nobody_named_is_refused(read, mark):
    text = refused(lambda: read(HEAD + GOOD + f"200,0,5,{mark}\n"), "data")
    assert "missing=" in text and "a.csv" in text
    assert read(HEAD + GOOD + f"200,0,5,{mark}\n", missing=float(mark)).observed.sum() == 2


@pytest.mark.parametrize("value", [-999.2, 9998.0, 32767.5, 100_000.0, 1_000_000.0])
def test_numbers_beside_the_known_marks_are_data(value):
    assert Survey("magnetic", [value, 1.0], [0, 100], [0, 100], 0.0).data[0] == value


def test_a_survey_made_by_hand_refuses_marks_too():
    refused(lambda: Survey("gravity", [1.0, -9999.0], [0, 100], [0, 100], 0.0), "data")
    refused(lambda: Survey("gravity", [1.0, 2.0], [0, 100], [0, 100], [0.0, -99999.0]), "upward")
    with pytest.warns(UserWarning, match="mark of missing values"):
        Survey("travel_time", [1.0, 1e32], [0, 100], [0, 100], 0.0, units="s")


def test_heights_may_be_missing_where_data_are(read, grid):
    for text, options in (("200,0,-99999,-99999\n", {"missing": -99999}), ("200,0,,\n", {})):
        survey = read(HEAD + GOOD + text, std=0.1, **options)
        assert np.isnan(survey.upward[2]) and "upward 5 m" in repr(survey)
        mesh = Mesh.from_surveys([survey], depth=500.0, spacing=100.0, layers=2, padding=0)
        assert mesh.upward_edges[-1] == 0.0
        assert survey.modality(Parameter("density", mesh, prior=Matern(std=1.0, range=100.0))).size == 2
    values, height = np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([[5.0, np.nan], [5.0, 5.0]])
    survey = grid(values, height, std=0.1)
    mesh = Mesh.from_surveys([survey], depth=300.0, layers=2)
    assert "FFT" in survey.modality(Parameter("density", mesh)).metadata["forward"]
    refused(lambda: read(HEAD + GOOD + "200,0,,7\n"), "upward")
    refused(lambda: grid(np.ones((2, 2)), height), "upward")


def test_rows_without_place_and_datum_are_left_out_and_counted(read):
    survey = read(HEAD + GOOD + ",,,\n-1e32,-1e32,-1e32,-1e32\n", missing=-1e32)
    assert survey.size == 2 and "2 row(s) without datum and place" in survey.history[0]
    refused(lambda: read(HEAD + GOOD + ",0,5,3\n"), "easting")


def test_a_declared_range_of_valid_values_counts(grid):
    values = np.array([[1.0, -500.0], [2.0, 700.0]])
    assert grid(values, attributes={"valid_min": -100.0, "valid_max": 100.0}).observed.sum() == 2
    assert grid(values, attributes={"valid_range": [-600.0, 100.0]}).observed.sum() == 3


def test_absolute_gravity_is_no_anomaly():
    text = refused(lambda: Survey("gravity", [979_000.0, 979_010.0], [0, 100], [0, 100], 0.0), "data")
    assert "absolute gravity" in text


def test_the_whole_field_is_warned_of():
    with pytest.warns(UserWarning, match="IGRF"):
        Survey("magnetic", [55_000.0, 55_100.0, 54_900.0], [0, 100, 0], [0, 0, 100], 0.0)


@pytest.mark.parametrize(("intensity", "unit"), [(50.0, "µT"), (0.5, "gauss"), (5e-5, "tesla"), (300.0, "Earth")])
def test_a_field_in_another_unit_is_warned_of(intensity, unit):
    with pytest.warns(UserWarning, match=unit):
        Survey("magnetic", [1.0], [0], [0], 0.0, intensity=intensity)
    mesh = Mesh.regular((1, 2, 2), (100, 100, 100))
    with pytest.warns(UserWarning, match=unit):
        MagneticOperator(mesh, mesh.easting, mesh.northing, height=1.0, intensity=intensity)


def test_degrees_are_warned_of_and_small_local_surveys_are_not():
    with pytest.warns(UserWarning, match="degrees"):
        Survey("gravity", np.ones((3, 3)), [121.0, 121.5, 122.0], [-31.0, -30.5, -30.0], 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Survey("gravity", np.ones((3, 3)), [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], 0.0)
        Survey("gravity", np.ones((3, 3)), [0.0, 50.0, 100.0], [0.0, 50.0, 100.0], 0.0)


@pytest.mark.parametrize(("changes", "argument"), [
    ({"upward": 3e6}, "upward"), ({"upward": -13_000.0}, "upward"), ({"easting": [0.0, 2e8]}, "easting")])
def test_places_beyond_the_earth_are_refused(changes, argument):
    given = {"easting": [0.0, 100.0], "northing": [0.0, 100.0], "upward": 0.0} | changes
    refused(lambda: Survey("gravity", [1.0, 2.0], **given), argument)


def pair(shift=0.0, **changes):
    axis = np.arange(5) * 100.0
    return [Survey("gravity", np.ones((5, 5)), axis, axis, 5.0, std=1.0, **changes),
            Survey("magnetic", np.ones((5, 5)), axis + shift, axis, 5.0, std=1.0)]


def test_surveys_far_apart_are_refused_and_those_that_do_not_overlap_warned_of():
    refused(lambda: Mesh.from_surveys(pair(1e6), depth=300.0), "surveys")
    with pytest.warns(UserWarning, match="do not overlap"):
        Mesh.from_surveys(pair(3000.0), depth=300.0)
    Mesh.from_surveys(pair(500.0), depth=300.0)  # neighbours


def test_a_survey_beside_the_mesh_is_refused_or_warned_of():
    survey = pair()[0]
    for west, words in ((1e5, None), (450.0, None), (300.0, "of the stations lie beside the mesh")):
        density = Parameter("density", Mesh.regular((1, 5, 5), (100, 100, 100), west=west, south=-50.0))
        if words is None and west > 1e4:
            refused(lambda density=density: survey.modality(density), "survey")
        elif words:
            with pytest.warns(UserWarning, match=words):
                survey.modality(density)


def test_stations_high_above_a_top_that_nobody_stated_are_warned_of():
    high = pair()[0].replace(upward=300.0)
    with pytest.warns(UserWarning, match="left at 0"):
        Mesh.from_surveys([high], depth=300.0)
    Mesh.from_surveys([high], depth=300.0, top=0.0)
    Mesh.from_surveys([high, pair()[1]], depth=300.0)  # one on the ground says where it is


def test_two_systems_are_refused_and_texts_that_cannot_be_compared_warned_of():
    one, two = pair(crs="EPSG:32751")
    refused(lambda: Mesh.from_surveys([one, two.replace(crs=28351)], depth=300.0), "surveys")
    for same in ("epsg: 32751", "urn:ogc:def:crs:EPSG::32751", "+proj=utm +zone=51 +south +datum=WGS84",
                 'PROJCS["WGS 84 / UTM zone 51S",AUTHORITY["EPSG","32751"]]'):
        Mesh.from_surveys([one, two.replace(crs=same)], depth=300.0)
    with pytest.warns(UserWarning, match="cannot be compared"):
        Mesh.from_surveys([one, two.replace(crs="local grid")], depth=300.0)
    mesh = Mesh.from_surveys([one], depth=300.0, layers=2)
    density = Parameter("density", mesh, prior=Matern(std=1.0, range=100.0))
    other = one.replace(crs="EPSG:28351")
    refused(lambda: JointProblem([density], [one.modality(density), other.modality(density, name="other")]),
            "modalities")


@pytest.mark.parametrize("crs", ["EPSG:4326", 'GEOGCS["WGS 84"]', "+proj=longlat +datum=WGS84", "OGC:CRS84", 4283,
                                 'PROJCS["NAD83",UNIT["US survey foot",0.3048006]]'])
def test_systems_that_are_not_in_metres_are_refused(crs):
    refused(lambda: pair(crs=crs), "crs")


def test_labelled_data_are_laid_out_by_their_dims():
    x, v = np.arange(4) * 100.0, np.arange(16.0).reshape(4, 4)
    for dims in (("easting", "northing"), ("x", "y"), ("X", "northing"), ("east_m", "north_m"), ("column", "row")):
        da = xr.DataArray(v, dims=dims, coords={dims[0]: x, dims[1]: x})
        survey = Survey("gravity", da, da[dims[0]], da[dims[1]], da + 1000.0, std=da + 1)
        for values, off in ((survey.data, 0), (survey.upward, 1000), (survey.std, 1)):
            np.testing.assert_array_equal(values, v.T + off)
    refused(lambda: Survey("gravity", xr.DataArray(v, dims=("a", "b")), x, x, 0.0), "data")


def test_labelled_data_that_run_against_the_axis_are_turned():
    axis, values = np.arange(3) * 100.0, np.arange(9.0).reshape(3, 3)
    da = xr.DataArray(values, {"northing": axis[::-1], "easting": axis}, ("northing", "easting"))
    np.testing.assert_array_equal(Survey("gravity", da, axis, axis, 0.0).data, values[::-1])
    np.testing.assert_array_equal(Survey("gravity", da, axis, axis[::-1], 0.0).data, values[::-1])


def test_labelled_models_are_laid_out_by_their_dims():
    mesh = Mesh.regular((2, 3, 4), (100, 100, 100))
    values = np.arange(24.0).reshape(mesh.shape)
    da = xr.DataArray(values, mesh_coords(mesh), ("upward", "northing", "easting"))
    gravity = GravityOperator(mesh, mesh.easting, mesh.northing, height=1.0)
    wanted = Parameter("density", mesh).to_hat(values)
    for turned in (da.transpose("easting", "upward", "northing"), da.isel(upward=slice(None, None, -1)),
                   da.rename(upward="z", northing="y", easting="x").transpose("x", "y", "z")):
        np.testing.assert_array_equal(Parameter("density", mesh).to_hat(turned), wanted)
        np.testing.assert_array_equal(Parameter("density", mesh, fixed=turned).fixed_values, wanted)
    assert gravity.predict(values).shape == (3, 4)


def mesh_coords(mesh):
    return {d: getattr(mesh, d) for d in ("upward", "northing", "easting")}


@pytest.mark.parametrize("mark", [-999.0, -999.99, 99.99, -32767.0, -2147483648.0, -1e10])
def test_marks_that_may_be_measured_count_far_from_all_else(rng, mark):
    data = rng.standard_normal((5, 5))
    data[2, 2] = mark
    refused(lambda: Survey("gravity", data, 100.0 * np.arange(5), 100.0 * np.arange(5), 5.0, std=0.1), "data")


@pytest.mark.parametrize("value", [-999.0, 99.99, 999.99])
def test_they_are_data_among_others_of_their_size(rng, value):
    data = 400.0 * rng.standard_normal((5, 5))
    data[2, 2] = value
    survey = Survey("magnetic", data, 100.0 * np.arange(5), 100.0 * np.arange(5), 5.0, std=5.0, inclination=60.0,
                       declination=0.0, intensity=5e4)
    assert survey.data[2, 2] == value
