"""`read_survey`: every role from argument, attribute or header, and a clear refusal where none of them settles it."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesjoint import Survey, read_survey
from bayesjoint.survey._units import plain_unit

KALGOORLIE = Path(__file__).parents[2] / "case_studies" / "kalgoorlie_window" / "data" / "kalgoorlie_small.nc"
EAST, NORTH = np.array([0.0, 10, 20, 30]), np.array([0.0, 5, 15])
VALUES = np.arange(12.0).reshape(3, 4)
TABLE = "easting_m,northing_m,height_m,gravity_mGal,gravity_noisy_mGal,sigma_mGal\n0,1,5,10,11,0.1\n2,3,6,20,,0.2\n"


@pytest.fixture
def table(tmp_path):
    def write(text=TABLE, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def netcdf(tmp_path):
    def write(dataset, name="grid.nc", **options):
        path = tmp_path / name
        dataset.to_netcdf(path, **{"engine": "h5netcdf"} | options)
        return path

    return write


def lattice(dims=("northing", "easting"), values=VALUES, attrs=None, data_attrs=None, name="gravity"):
    data = (dims, values if dims[0] in ("northing", "y") else values.T, {"units": "mGal"} | (data_attrs or {}))
    axes = {d: (d, NORTH if d in ("northing", "y") else EAST) for d in dims}
    return xr.Dataset({name: data}, axes, {"gravity_height_m": 3.0} | (attrs or {}))


# -- the real window ---------------------------------------------------------------------------------------------------


def test_kalgoorlie_gravity():
    survey = read_survey(KALGOORLIE, "gravity", std=0.5)
    with xr.open_dataset(KALGOORLIE, engine="scipy") as dataset:
        np.testing.assert_array_equal(survey.data, dataset["gravity"].to_numpy())
    assert survey.shape == (40, 40)
    assert (survey.units, survey.upward, survey.crs, survey.intensity) == ("mGal", 0.0, "EPSG:28351", None)
    assert "Apache-2.0" in survey.licence
    assert "Codd" in survey.source
    np.testing.assert_array_equal(np.diff(survey.easting), 800.0)


def test_kalgoorlie_magnetic():
    survey = read_survey(KALGOORLIE, "magnetic")
    assert (survey.upward, survey.std) == (460.0, None)
    assert survey.intensity == pytest.approx(58014.0333)
    assert survey.inclination == pytest.approx(-64.6878439)
    assert survey.declination == pytest.approx(0.86171459)
    assert "attribute 'magnetic_height_m'" in survey.history[0]


def test_explicit_arguments_win_over_attributes():
    survey = read_survey(KALGOORLIE, "magnetic", std=10, height=500.0, crs="EPSG:1", intensity=5e4, inclination=-60.0,
                         declination=0.0, source="me", licence="mine", name="airborne")  # fmt: skip
    assert (survey.upward, survey.crs, survey.intensity, survey.inclination, survey.declination) == (
        500.0, "EPSG:1", 5e4, -60.0, 0.0)  # fmt: skip
    assert (survey.source, survey.licence, survey.name) == ("me", "mine", "airborne")
    assert "upward given" in survey.history[0]
    assert "std given" in survey.history[0]


# -- netCDF ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"engine": "scipy"}, {"engine": "scipy", "format": "NETCDF3_CLASSIC"},
                                     {"engine": "h5netcdf"}])  # fmt: skip
@pytest.mark.parametrize(
    "survey",
    [
        Survey("gravity", np.where(VALUES == 3, np.nan, VALUES), EAST, NORTH, 4.0, VALUES + 1, crs="EPSG:28351",
               source="somewhere", licence="CC BY"),
        Survey("magnetic", VALUES, EAST, NORTH, VALUES * 2, intensity=5e4, inclination=-60.0, declination=3.0),
        Survey("gravity", [1.0, 2.0], [0.0, 3.0], [0.0, 4.0], [5.0, 6.0], 0.1, name="ground"),
    ],
    ids=["grid", "draped", "scattered"],
)  # fmt: skip
def test_what_to_dataset_writes_read_survey_reads(netcdf, survey, options):
    path = netcdf(survey.to_dataset(), name="file.of-any-suffix", **options)
    again = read_survey(path, survey.kind, name=survey.name)
    for key in ("data", "easting", "northing", "upward", "std"):
        if getattr(survey, key) is None:
            assert getattr(again, key) is None
        else:
            np.testing.assert_array_equal(getattr(again, key), getattr(survey, key))
    for key in ("kind", "name", "units", "crs", "source", "licence", "intensity", "inclination", "declination"):
        assert getattr(again, key) == getattr(survey, key)


def test_any_order_and_direction_of_the_axes(netcdf):
    expected = read_survey(netcdf(lattice()), "gravity")
    for k, dataset in enumerate((lattice(("easting", "northing")), lattice().isel(northing=slice(None, None, -1)),
                                 lattice(("y", "x")), lattice().expand_dims(time=[0]))):  # fmt: skip
        survey = read_survey(netcdf(dataset, name=f"{k}.nc"), "gravity")
        np.testing.assert_array_equal(survey.data, expected.data)
        np.testing.assert_array_equal(survey.northing, NORTH)


def test_axes_known_by_standard_name_or_by_argument(netcdf):
    dataset = lattice(("y", "x")).rename(y="rows", x="columns")
    with pytest.raises(ValueError, match=r"'easting'.*'columns'"):
        read_survey(netcdf(dataset), "gravity")
    named = read_survey(netcdf(dataset, "a.nc"), "gravity", columns={"easting": "columns", "northing": "rows"})
    dataset["rows"].attrs["standard_name"] = "projection_y_coordinate"
    dataset["columns"].attrs["standard_name"] = "projection_x_coordinate"
    for survey in (named, read_survey(netcdf(dataset, "b.nc"), "gravity")):
        np.testing.assert_array_equal(survey.data, VALUES)


def test_fill_values_and_stated_missing_values_are_gaps(netcdf):
    values = VALUES.copy()
    values[0, 0], values[1, 1] = np.nan, -99999.0
    path = netcdf(lattice(values=values), encoding={"gravity": {"_FillValue": 1e20}})
    np.testing.assert_array_equal(np.isnan(read_survey(path, "gravity", missing=-99999).data),
                                  np.isnan(values) | (values == -99999.0))  # fmt: skip


def test_variable_by_argument_then_kind_then_the_only_one_that_sounds_like_it(netcdf):
    dataset = lattice(name="bouguer_anomaly", attrs={"height_m": 7.0})
    survey = read_survey(netcdf(dataset), "gravity")
    assert (survey.name, survey.upward) == ("gravity", 3.0)
    dataset["gz_raw"] = dataset["bouguer_anomaly"] + 1
    with pytest.raises(ValueError, match=r"2 variables.*'bouguer_anomaly', 'gz_raw'"):
        read_survey(netcdf(dataset, "b.nc"), "gravity")
    dataset["gz_raw"].attrs["units"] = "mGal"
    for options in ({"variable": "gz_raw"}, {"columns": {"data": "gz_raw"}}):
        assert read_survey(netcdf(dataset, "c.nc"), "gravity", **options).data[0, 0] == 1.0


@pytest.mark.parametrize(("kind", "units", "factor"), [
    ("gravity", "um/s^2", 0.1), ("gravity", "µm s⁻²", 0.1), ("gravity", "m/s2", 1e5), ("gravity", "milligal", 1.0),
    ("gravity", "m s-2", 1e5), ("magnetic", "nT", 1.0), ("magnetic", "T", 1e9), ("magnetic", "gamma", 1.0),
])  # fmt: skip
def test_units_are_converted_data_and_std_alike(netcdf, kind, units, factor):
    one = 1 / max(factor, 1.0)
    values = VALUES * one  # as large as an anomaly is in those units
    dataset = lattice(values=values, name=kind, attrs={"height_m": 0.0}, data_attrs={"units": units})
    dataset[f"{kind}_std"] = dataset[kind] + one  # arithmetic drops or keeps attributes by xarray's version
    dataset[f"{kind}_std"].attrs = {}
    survey = read_survey(netcdf(dataset), kind)
    np.testing.assert_allclose(survey.data, values * factor)
    np.testing.assert_allclose(survey.std, (values + one) * factor)
    assert ("converted" in survey.history[0]) == (factor != 1.0)


def test_explicit_units_correct_a_wrong_attribute_and_say_so(netcdf):
    survey = read_survey(netcdf(lattice(data_attrs={"units": "degrees"})), "gravity", units="um/s2")
    np.testing.assert_allclose(survey.data, VALUES / 10)
    assert "'degrees' set aside" in survey.history[0]


def test_units_unknown_or_absent_are_refused(netcdf):
    with pytest.raises(ValueError, match=r"units of the data must be one of mgal.*'degrees'.*Pass units="):
        read_survey(netcdf(lattice(data_attrs={"units": "degrees"})), "gravity")
    dataset = lattice()
    del dataset["gravity"].attrs["units"]
    with pytest.raises(ValueError, match=r"units must be known.*Pass units="):
        read_survey(netcdf(dataset, "b.nc"), "gravity")


def test_an_unknown_height_is_refused_never_zero(netcdf):
    dataset = lattice()
    del dataset.attrs["gravity_height_m"]
    path = netcdf(dataset)
    with pytest.raises(ValueError, match=r"height must be known.*Pass height="):
        read_survey(path, "gravity")
    assert read_survey(path, "gravity", height=0).upward == 0.0
    np.testing.assert_array_equal(read_survey(path, "gravity", height=VALUES).upward, VALUES)


def test_a_height_axis_of_something_else_is_not_the_stations_height(netcdf):
    path = netcdf(lattice().assign_coords(height=("height", [1.0, 2.0])))
    assert read_survey(path, "gravity").upward == 3.0
    with pytest.raises(ValueError, match="dims"):
        read_survey(path, "gravity", columns={"upward": "height"})


def test_coordinates_in_kilometres_or_degrees(netcdf):
    dataset = lattice()
    dataset["easting"].attrs["units"] = "km"
    np.testing.assert_array_equal(read_survey(netcdf(dataset), "gravity").easting, EAST * 1000)
    geographic = lattice().rename(easting="longitude", northing="latitude")
    with pytest.raises(ValueError, match="Project"):
        read_survey(netcdf(geographic, "b.nc"), "gravity")
    dataset["easting"].attrs["units"] = "degrees_east"
    with pytest.raises(ValueError, match="Project"):
        read_survey(netcdf(dataset, "c.nc"), "gravity")


def test_a_cube_is_refused(netcdf):
    with pytest.raises(ValueError, match="one or two dimensions"):
        read_survey(netcdf(lattice().expand_dims(layer=[0, 1])), "gravity")


def test_missing_variable_lists_what_there_is(netcdf):
    path = netcdf(lattice())
    for options in ({"variable": "grv"}, {"columns": {"easting": "xx"}}, {"columns": {"std": "s"}}):
        with pytest.raises(ValueError, match=r"the file holds.*'gravity'"):
            read_survey(path, "gravity", **options)
    with pytest.raises(ValueError, match="0 variables that sound like 'magnetic'"):
        read_survey(path, "magnetic")


# -- tables ------------------------------------------------------------------------------------------------------------


def test_table_with_mapping_and_guesses_that_are_reported(table):
    survey = read_survey(table(), "gravity", columns={"data": "gravity_noisy_mGal"})
    np.testing.assert_array_equal(survey.data, [11.0, np.nan])
    np.testing.assert_array_equal(survey.easting, [0.0, 2.0])
    np.testing.assert_array_equal(survey.upward, [5.0, 6.0])
    np.testing.assert_array_equal(survey.std, [0.1, np.nan])
    assert "'easting_m' (guessed)" in survey.history[0]
    assert "'gravity_noisy_mGal'," in survey.history[0]


def test_two_candidates_are_never_chosen_between(table):
    with pytest.raises(ValueError, match="gravity_mGal, gravity_noisy_mGal"):
        read_survey(table(), "gravity")
    with pytest.raises(ValueError, match=r"'std'.*sigma_a, sigma_b"):
        read_survey(table("x,y,z,tmi_nT,sigma_a,sigma_b\n1,2,3,4,5,6"), "magnetic")


@pytest.mark.parametrize("text", [
    "easting;northing;upward;gravity_mGal\n1;2;3;4\n5;6;7;8\n",
    "easting northing upward gravity_mGal\n1 2 3 4\n5   6 7 8",
    "easting\tnorthing\tupward\tgravity_mGal\n1\t2\t3\t4\n5\t6\t7\t8\n",
    '\ufeff# a comment\n"easting", "northing", "upward", "gravity [mGal]"\n1, 2, 3, 4\n\n5, 6, 7, 8\n',
    "X,Y,Elevation (m),Gz (mGal),line\n1,2,3,4,L1\n5,6,7,8,L 2\n",
    "northing_km,easting_km,height_m,gravity_um/s2\n.002,.001,3,40\n.006,.005,7,80\n",
])  # fmt: skip
def test_dialects(table, text):
    survey = read_survey(table(text), "gravity")
    np.testing.assert_allclose(survey.easting, [1.0, 5.0])
    np.testing.assert_allclose(survey.northing, [2.0, 6.0])
    np.testing.assert_allclose(survey.upward, [3.0, 7.0])
    np.testing.assert_allclose(survey.data, [4.0, 8.0])


def test_without_header_columns_are_counted(table):
    path = table("1 2 3 4\n5 6 7 8\n", "xyz.dat")
    columns = {"easting": 0, "northing": 1, "upward": 2, "data": 3}
    np.testing.assert_array_equal(read_survey(path, "gravity", columns=columns, units="mGal").data, [4.0, 8.0])
    with pytest.raises(ValueError, match="0 candidate"):
        read_survey(path, "gravity", units="mGal")


@pytest.mark.parametrize(("text", "message"), [
    ("", "no lines"),
    ("# only a comment\n", "no lines"),
    ("easting,northing,height,gravity_mGal\n", "no line after it"),
    ("x,x,y,height,gravity_mGal\n1,2,3,4,5", "repeated"),
    ("x,y,height,gravity_mGal\n1,2,3\n4,5,6,7", "same columns"),
    ("x,y,height,gravity_mGal\n1,2,3,4\n4,5,6,oops", "'gravity_mGal' must hold numbers; found 'oops' in data row 2"),
    ("x,y,height,gravity_mGal\n1,,3,4\n4,5,6,7", "northing must hold finite"),
    ("x,y,height,gravity_mGal\n1,2,3,\n4,5,6,nan", "at least one value"),
    ("x,y,height,gravity_mGal\n1,2,3,inf\n4,5,6,7", "no Inf"),
    ("x,y,height,gravity_mGal,std_mGal\n1,2,3,4,0\n4,5,6,7,1", "std must be > 0"),
    ("x,y,height,gravity\n1,2,3,4\n", "units must be known"),
    ("x,y,gravity_mGal\n1,2,3\n", "Pass height="),
    ("x,y,height_ft,gravity_mGal\n1,2,3,4\n", "'ft'"),
    ("lon,lat,height,gravity_mGal\n1,2,3,4\n", "longitude and latitude"),
])  # fmt: skip
def test_bad_tables(table, text, message):
    with pytest.raises(ValueError, match=message):
        read_survey(table(text), "gravity")


def test_bad_arguments(table, tmp_path):
    with pytest.raises(FileNotFoundError, match="must name an existing file"):
        read_survey(tmp_path / "nowhere.nc", "gravity")
    with pytest.raises(FileNotFoundError):
        read_survey(tmp_path, "gravity")
    with pytest.raises(ValueError, match="'easting', 'northing', 'upward', 'std'"):
        read_survey(table(), "gravity", columns={"east": "easting_m"})
    with pytest.raises(ValueError, match="agree"):
        read_survey(table(), "gravity", variable="gravity_mGal", columns={"data": "gravity_noisy_mGal"})
    with pytest.raises(ValueError, match="height"):
        read_survey(table(), "gravity", variable="gravity_mGal", height=0.0, columns={"upward": "height_m"})
    with pytest.raises(ValueError, match="a picture"):
        path = tmp_path / "picture.png"
        path.write_bytes(b"\x89PNG\r\n\xff\xfe\x00")
        read_survey(path, "gravity")
    with pytest.raises(ValueError, match="nccopy"):
        path = tmp_path / "cdf5.nc"
        path.write_bytes(b"CDF\x05" + bytes(40))
        read_survey(path, "gravity")


@given(st.sampled_from(["um/s2", "um/s^2", "um s-2", "um s^-2", "um s**-2", "µm/s²", "μm·s⁻²", "UM.S-2"]))
def test_one_unit_many_spellings(text):
    assert plain_unit(text) in ("um/s2", "ums-2")
