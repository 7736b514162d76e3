"""Files in the layouts that people have, and files that nobody can read."""

import h5py
import numpy as np
import pytest
import xarray as xr

from bayesjoint import Survey, read_survey

from ..refusals import refused

HEAD = "easting_m,northing_m,height_m,gravity_mGal\n0,0,5,1\n100,0,5,2\n"
ONE = {"columns": {"easting": 0, "northing": 1, "upward": 2, "data": 3}, "units": "mGal"}
LAYOUTS = {
    "blank lines": ("\n\n" + HEAD, {}), "CRLF": (HEAD.replace("\n", "\r\n"), {}), "CR": (HEAD.replace("\n", "\r"), {}),
    "trailing comma": (HEAD.replace("\n", ",\n"), {}), "decimal comma": (
        "easting_m;northing_m;height_m;gravity_mGal\n0,0;0,0;5,0;1,0\n100,0;0;5;2,00\n", {}),
    "count line": ("2\n0 0 5 1\n100 0 5 2\n", ONE),
    "Geosoft": ("/ X Y Z G\nLine 10\n0 0 5 1\nTie 20:1\n100 0 5 2\n", ONE),
    "Fortran": (HEAD.replace("100,", "1.0D+02,"), {}), "header in a comment": (
        "# made by hand\n#easting northing upward gravity\n0 0 5 1\n100 0 5 2\n", {"units": "mGal"}),
    "tabs": (HEAD.replace(",", "\t"), {}), "positions under a header": (HEAD, ONE),
}


@pytest.mark.parametrize(("text", "options"), LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_layouts_and_encodings_of_tables(tmp_path, text, options, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    survey = read_survey(path, "gravity", **options)
    assert (survey.easting.tolist(), survey.data.tolist(), survey.upward.tolist()) == ([0, 100], [1, 2], [5, 5])


def test_a_micro_sign_of_windows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(HEAD.replace("mGal", "µGal").encode("cp1252"))
    assert read_survey(path, "gravity").data.tolist() == [0.001, 0.002]


BAD = {
    "extra cells": HEAD + "1000,5,2000,5,30,5,4,5\n", "short row": HEAD + "200,0,5\n", "cut short": HEAD + "200,0",
    "wrong count": "3\n0 0 5 1\n100 0 5 2\n", "thousands": "easting;northing;height;gravity_mGal\n1,000;2,000;5;1\n",
    "underscore": HEAD + "2_00,0,5,1\n", "words": HEAD + "a,b,c,d\n", "picture": "\x89PNG\r\n\x1a\n\x00\x00",
    "nothing": "", "quoted thousands": HEAD + '"1,200",0,5,1\n', "complex": HEAD + "200,0,5,1+2j\n",
    "true": HEAD + "200,0,5,True\n", "hex": HEAD + "0x10,0,5,1\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_tables_are_refused_by_name_on_one_line(tmp_path, text):
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("latin-1"))
    message = refused(lambda: read_survey(path, "gravity", **(ONE if text[:1] == "3" else {})), "")
    assert "bad.csv" in message and "\n" not in message


def dataset(**changes):
    axis = np.arange(3) * 100.0
    given = {"values": np.arange(9.0).reshape(3, 3), "units": "mGal", "attrs": {}} | changes
    return xr.Dataset({"gravity": (("northing", "easting"), given["values"], {"units": given["units"]})},
                      {"northing": axis, "easting": axis}, {"height_m": 5.0} | given["attrs"])


def written(tmp_path, data, **options):
    path = tmp_path / "g.nc"
    data.to_netcdf(path, engine="h5netcdf", **options)
    return path


@pytest.mark.filterwarnings("ignore:You are writing invalid netcdf")
@pytest.mark.parametrize("values", [np.ones((3, 3), bool), np.full((3, 3), "a"), np.full((3, 3), 1 + 2j)])
def test_what_is_no_real_number_is_refused(tmp_path, values):
    options = {"invalid_netcdf": True} if values.dtype.kind == "c" else {}
    path = written(tmp_path, dataset(values=values), **options)
    message = refused(lambda: read_survey(path, "gravity"), "", TypeError)
    assert "g.nc" in message


@pytest.mark.parametrize("values", [[True, False], [1.0, True], ["1", "2"], [1j, 2.0], np.array([1, "2"], object),
                                    np.ma.array([1j, 2.0])])
def test_arguments_that_are_no_real_numbers_are_refused(values):
    refused(lambda: Survey("gravity", values, [0, 100], [0, 100], 0.0), "data", TypeError)
    refused(lambda: Survey("gravity", [1.0, 2.0], values, [0, 100], 0.0), "easting", TypeError)
    refused(lambda: Survey("gravity", [1.0, 2.0], [0, 100], [0, 100], values), "upward", TypeError)
    refused(lambda: Survey("gravity", [1.0, 2.0], [0, 100], [0, 100], 0.0, std=values), "std", TypeError)


@pytest.mark.parametrize(("change", "argument"), [
    (lambda d: d["gravity"].attrs.update(units=3), "units"),
    (lambda d: d["easting"].attrs.update(units=3.5), "units"),
    (lambda d: d["easting"].attrs.update(units="US survey foot"), "units of easting"),
    (lambda d: d.attrs.update(height_m="five"), "attribute 'height_m'"),
    (lambda d: d.attrs.update(height_m=[1.0, 2.0]), "attribute 'height_m'"),
    (lambda d: d.attrs.update(crs="EPSG:4326"), "crs"),
    (lambda d: d.update({"gravity_upward": ((), 5.0, {"positive": "down"})}), "variable 'gravity_upward'"),
])
def test_attributes_that_mean_something_else_are_refused(tmp_path, change, argument):
    data = dataset()
    change(data)
    path = written(tmp_path, data)
    with pytest.raises((ValueError, TypeError), match=argument) as caught:
        read_survey(path, "gravity")
    assert "g.nc" in str(caught.value)


def test_the_system_of_a_grid_mapping_is_read(tmp_path):
    for attributes, wanted in (({"crs_wkt": 'PROJCS["UTM 51S"]'}, 'PROJCS["UTM 51S"]'),
                               ({"epsg_code": 28351}, "EPSG:28351"),
                               ({"spatial_ref": "EPSG:32751"}, "EPSG:32751")):
        data = dataset()
        data["gravity"].attrs["grid_mapping"] = "spatial_ref"
        data["spatial_ref"] = ((), 0, attributes)
        assert read_survey(written(tmp_path, data), "gravity").crs == wanted
    data["spatial_ref"].attrs = {"grid_mapping_name": "rotated_latitude_longitude"}
    refused(lambda: read_survey(written(tmp_path, data), "gravity"), "the grid mapping")
    data["spatial_ref"].attrs = {"GeoTransform": "0 86.6 -50 0 50 86.6"}
    assert "30 degrees" in refused(lambda: read_survey(written(tmp_path, data), "gravity"), "the grid")


def test_a_turned_grid_is_read_as_stations(tmp_path):
    row, column = np.meshgrid(np.arange(3.0), np.arange(4.0), indexing="ij")
    data = xr.Dataset({"gravity": (("row", "column"), 10 * row + column, {"units": "mGal"})},
                      {"easting": (("row", "column"), 100 * (column - row)),
                       "northing": (("row", "column"), 100 * (column + row))}, {"height_m": 5.0})
    survey = read_survey(written(tmp_path, data), "gravity")
    assert not survey.is_grid and survey.size == 12
    np.testing.assert_allclose(survey.data, 10 * (survey.northing - survey.easting) / 200
                               + (survey.northing + survey.easting) / 200)


def test_unreadable_netcdf_is_refused_by_name(tmp_path):
    import h5py

    path = written(tmp_path, dataset())
    content = path.read_bytes()
    for damaged in (content[:100], content[: len(content) // 2], content[:8] + bytes(len(content) - 8), b"CDF\x01",
                    b"CDF\x02" + bytes(30), b"\x89HDF\r\n\x1a\n"):
        path.write_bytes(damaged)
        message = refused(lambda: read_survey(path, "gravity"), "path|variable")
        assert "g.nc" in message and "\n" not in message
    path.unlink()
    with h5py.File(path, "w") as file:
        file["gravity"], file["loop"] = np.ones((3, 3)), h5py.SoftLink("/loop")
    refused(lambda: read_survey(path, "gravity"), "path")


def test_a_file_that_may_not_be_had_in_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("bayesjoint._memory.available_memory", lambda: 100)
    assert "would take" in refused(lambda: read_survey(written(tmp_path, dataset()), "gravity"), "path")


def _stating(path, where, key, value):
    """A file of a grid in which an attribute says something odd."""
    with h5py.File(path, "w") as stream:
        for axis in ("northing", "easting"):
            stream.create_dataset(axis, data=[0.0, 100.0]).make_scale(axis)
        data = stream.create_dataset("gravity", data=np.ones((2, 2)))
        data.attrs.update({"units": "mGal", "height_m": 5.0})
        for place, axis in enumerate(("northing", "easting")):
            data.dims[place].attach_scale(stream[axis])
        (data if where == "gravity" else stream).attrs[key] = value
    return path


@pytest.mark.parametrize("value", [np.array([1.5, 2.0]), np.full((2, 2), 1.5)], ids=["vector", "matrix"])
def test_attributes_of_several_parts_are_said_or_refused_in_words(tmp_path, value):
    path = tmp_path / "odd.nc"
    for key in ("title", "citation", "source", "licence", "license", "history"):
        survey = read_survey(_stating(path, "/", key, value), "gravity")
        assert "1.5. " in f"{survey.source} {survey.licence} {survey.history}"
    refused(lambda: read_survey(_stating(path, "/", "crs", value), "gravity"), "crs must be", TypeError)
    refused(lambda: read_survey(_stating(path, "gravity", "units", value), "gravity"), "units must be a", TypeError)
    text = refused(lambda: read_survey(_stating(path, "gravity", "units", "x" * 9999), "gravity"), "units of the data")
    assert len(text) < 400
    assert read_survey(_stating(path, "/", "crs", 32633), "gravity").crs == "EPSG:32633"
