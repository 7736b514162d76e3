"""Files of other programs, read back by their own libraries where those are installed, and by their texts always."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesjoint as bj
from bayesjoint.io import FORMATS

from ..refusals import refused
from .ground import fields, posterior


@pytest.fixture(scope="module")
def post():
    return posterior()


@pytest.fixture(scope="module")
def square():
    return posterior(equal=True)


@pytest.fixture(scope="module")
def saved(post, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "posterior.nc"
    return post.to_file(path, draws=10, chains=2) or path


# -- UBC ---------------------------------------------------------------------------------------------------------------
def ubc_model(path, shape):
    """(nz, ny, nx) by the format's own rule: top down fastest, then east, then north."""
    values, out = [float(line) for line in path.read_text().split()], np.empty(shape)
    nz, ny, nx = shape
    for j in range(ny):
        for i in range(nx):
            for k in range(nz):
                out[nz - 1 - k, j, i] = values[k + nz * (i + nx * j)]
    return out


def test_ubc_by_its_text(post, tmp_path):
    folder = bj.save_ubc(post, tmp_path / "ubc")
    mesh, expected = post.problem.parameters[0].mesh, fields(post)
    lines = (folder / "mesh.msh").read_text().splitlines()
    assert lines[0] == "4 3 2"
    assert [float(x) for x in lines[1].split()] == [500.0, -200.0, -40.0]
    assert [[float(x) for x in line.split()] for line in lines[2:]] == [
        [100.0, 150.0, 50.0, 100.0], [120.0] * 3, [80.0, 180.0]]
    for name, values in expected.items():
        den = name.startswith("density")
        got = ubc_model(folder / f"{name}{'.den' if den else '.sus'}", mesh.shape)
        assert np.all(got[~mesh.active] == -100)
        np.testing.assert_allclose(got[mesh.active], values[mesh.active] * (1e-3 if den else 1), rtol=1e-8)
    np.testing.assert_array_equal(ubc_model(folder / "active.txt", mesh.shape) == 1, mesh.active)
    words = (folder / "README.txt").read_text()
    assert "density_std.den: posterior standard deviation of density; g/cm3, 0.001 of kg/m3" in words
    assert "susceptibility_lower.sus: lower end of the 0.9 interval (equal-tailed Gaussian" in words
    assert "EPSG:32751" in words and "Exact for the stated prior" in words
    assert len(list(folder.iterdir())) == 8 + 3


def test_ubc_by_discretize(post, tmp_path):
    discretize = pytest.importorskip("discretize", reason="the reader of UBC meshes of SimPEG: pip install discretize")
    folder = bj.save_ubc(post, tmp_path / "ubc")
    mesh, active = post.problem.parameters[0].mesh, post.problem.parameters[0].mesh.active
    read = discretize.TensorMesh.read_UBC(str(folder / "mesh.msh"))
    for axis, nodes in (("easting", read.nodes_x), ("northing", read.nodes_y), ("upward", read.nodes_z)):
        np.testing.assert_allclose(nodes, getattr(mesh, f"{axis}_edges"), rtol=0, atol=1e-9)
    model = read.read_model_UBC(str(folder / "susceptibility_std.sus"))
    got = model.reshape(mesh.shape)  # discretize: easting fastest, then northing, then upward
    np.testing.assert_allclose(got[active], post.std()["susceptibility"][active], rtol=1e-8)


# -- VTK ---------------------------------------------------------------------------------------------------------------
def vtr_arrays(path):
    """{name: values} of an appended raw file, by the format's own rule."""
    content = path.read_bytes()
    start = content.index(b"_", content.index(b"<AppendedData")) + 1
    head = content[:content.index(b"<AppendedData")].decode() + "</VTKFile>"
    types = {"Float64": "<f8", "UInt8": "u1"}
    out = {}
    for item in ET.fromstring(head).iter("DataArray"):
        place = start + int(item.get("offset"))
        size = int.from_bytes(content[place:place + 8], "little")
        out[item.get("Name")] = np.frombuffer(content[place + 8:place + 8 + size], types[item.get("type")])
    return out


def test_vtk_by_its_text(post, tmp_path):
    path = bj.save_vtk(post, tmp_path / "a.vtr")
    mesh, found = post.problem.parameters[0].mesh, vtr_arrays(path)
    for name, values in fields(post).items():
        units = "kg/m3" if name.startswith("density") else "SI"
        np.testing.assert_array_equal(found[f"{name} [{units}]"].reshape(mesh.shape), values)
    np.testing.assert_array_equal(found["easting [m]"], mesh.easting_edges)
    np.testing.assert_array_equal(found["ground"].reshape(mesh.shape) == 1, mesh.active)
    np.testing.assert_array_equal(found["vtkGhostType"] == 32, ~mesh.active.ravel())
    assert b"EPSG:32751" in path.read_bytes()


def test_vtk_by_vtk(post, tmp_path):
    pytest.importorskip("vtk", reason="VTK's own reader: pip install vtk")
    from vtk.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLRectilinearGridReader

    mesh, reader = post.problem.parameters[0].mesh, vtkXMLRectilinearGridReader()
    reader.SetFileName(str(bj.save_vtk(post, tmp_path / "a.vtr")))
    reader.Update()
    grid = reader.GetOutput()
    assert grid.GetDimensions() == (5, 4, 3)
    for axis, get in (("easting", grid.GetXCoordinates), ("northing", grid.GetYCoordinates),
                      ("upward", grid.GetZCoordinates)):
        np.testing.assert_array_equal(vtk_to_numpy(get()), getattr(mesh, f"{axis}_edges"))
    cells = grid.GetCellData()
    for name, values in fields(post).items():
        units = "kg/m3" if name.startswith("density") else "SI"
        array = cells.GetArray(f"{name} [{units}]")
        np.testing.assert_array_equal(vtk_to_numpy(array).reshape(mesh.shape), values)
        assert array.GetInformation().Get(array.UNITS_LABEL()) == units
    k, j, i = np.argwhere(~mesh.active)[0]
    assert not grid.IsCellVisible(int(np.ravel_multi_index((k, j, i), mesh.shape)))
    assert grid.IsCellVisible(0)


# -- CSV ---------------------------------------------------------------------------------------------------------------
def test_csv_by_pandas(post, tmp_path):
    path = bj.save_csv(post, tmp_path / "cells.csv", probability=0.5)
    mesh, table = post.problem.parameters[0].mesh, pd.read_csv(path, dtype=str).astype(float)
    assert len(table) == mesh.size
    for name, values in fields(post, 0.5).items():
        level = "50" if name.endswith(("lower", "upper")) else ""
        column = f"{name}{level}_{'kg/m3' if name.startswith('density') else 'SI'}"
        np.testing.assert_array_equal(table[column].to_numpy().reshape(mesh.shape), values)
    np.testing.assert_array_equal(table["ground"].to_numpy().reshape(mesh.shape) == 1, mesh.active)
    np.testing.assert_array_equal(table["northing_m"].to_numpy().reshape(mesh.shape)[0, :, 0], mesh.northing)
    west, east, south, north, bottom, top = (table[f"{side}_m"] for side in (
        "west", "east", "south", "north", "bottom", "top"))
    volume = ((east - west) * (north - south) * (top - bottom)).to_numpy().reshape(mesh.shape)
    np.testing.assert_allclose(volume, np.multiply.outer(np.diff(mesh.upward_edges), np.multiply.outer(
        np.diff(mesh.northing_edges), np.diff(mesh.easting_edges))))
    said = json.loads((tmp_path / "cells.csv-metadata.json").read_text())
    assert [c["titles"] for c in said["tableSchema"]["columns"]] == list(table.columns)
    assert said["dc:spatial"] == "EPSG:32751" and said["url"] == "cells.csv"
    assert "0.5 interval (equal-tailed Gaussian" in said["tableSchema"]["columns"][12]["dc:description"]


# -- CF netCDF ---------------------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:the grid mapping of")
def test_netcdf_by_its_attributes(post, tmp_path):
    path = bj.save_netcdf(post, tmp_path / "d.nc")
    mesh = post.problem.parameters[0].mesh
    with xr.open_dataset(path, engine="h5netcdf", decode_coords="all") as found:
        assert found.attrs["Conventions"] == "CF-1.11"
        for name, values in fields(post).items():
            variable = found[name]
            np.testing.assert_array_equal(variable.values, values)
            assert variable.dims == mesh.dims
            assert variable.attrs["units"] == ("kg m-3" if name.startswith("density") else "1")
        assert found["density_mean"].attrs["ancillary_variables"] == "density_std density_lower density_upper"
        assert found["density_upper"].attrs["probability"] == 0.9
        for axis, letter in (("upward", "Z"), ("northing", "Y"), ("easting", "X")):
            assert found[axis].attrs["axis"] == letter and found[axis].attrs["units"] == "m"
            np.testing.assert_array_equal(found[f"{axis}_bounds"].values[:, 1], getattr(mesh, f"{axis}_edges")[1:])
        assert found["upward"].attrs["positive"] == "up"
        np.testing.assert_array_equal(found["ground"].values == 1, mesh.active)
        assert found.attrs["crs"] == "EPSG:32751"


def test_netcdf_grid_mapping_by_cf_xarray(post, tmp_path):
    pyproj = pytest.importorskip("pyproj", reason="grid mappings are made by it: pip install 'bayesjoint[crs]'")
    pytest.importorskip("cf_xarray", reason="the reader of CF conventions: pip install cf-xarray")
    path = bj.save_netcdf(post, tmp_path / "d.nc")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert found.cf["vertical"].name == "upward"
        assert found.cf.standard_names["projection_x_coordinate"] == ["easting"]
        assert found.cf.bounds["easting"] == ["easting_bounds"]
        mapping = found[found["density_mean"].encoding.get("grid_mapping") or found["density_mean"].attrs[
            "grid_mapping"]]
        assert mapping.attrs["grid_mapping_name"] == "transverse_mercator"
        assert pyproj.CRS.from_cf(mapping.attrs) == pyproj.CRS.from_epsg(32751)


def test_netcdf_without_pyproj_warns_and_keeps_the_text(post, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyproj", None)
    with pytest.warns(UserWarning, match=r"needs pyproj \(pip install 'bayesjoint\[crs\]'\)"):
        path = bj.save_netcdf(post, tmp_path / "d.nc")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert found.attrs["crs"] == "EPSG:32751" and "spatial_ref" not in found


# -- GeoTIFF -----------------------------------------------------------------------------------------------------------
def test_geotiff_by_rasterio(square, tmp_path):
    rasterio = pytest.importorskip("rasterio", reason="GeoTIFF is written by it: pip install 'bayesjoint[geotiff]'")
    folder = bj.save_geotiff(square, tmp_path / "tif")
    mesh, expected = square.problem.parameters[0].mesh, fields(square)
    assert sorted(p.name for p in folder.iterdir()) == [
        f"{name}_up_{layer}_m.tif" for name in ("density", "susceptibility")
        for layer in ("-120_to_-40", "-300_to_-120")]
    with rasterio.open(folder / "density_up_-120_to_-40_m.tif") as file:
        assert file.crs.to_epsg() == 32751
        assert tuple(file.bounds) == (500.0, -200.0, 900.0, 160.0)
        assert file.descriptions == tuple(f"density_{key} [kg/m3]" for key in ("mean", "std", "lower", "upper"))
        assert file.units == ("kg/m3",) * 4 and np.isnan(file.nodata)
        for number, key in enumerate(("mean", "std", "lower", "upper"), 1):
            np.testing.assert_array_equal(file.read(number)[::-1], expected[f"density_{key}"][1])
        for x, y in ((mesh.easting[2], mesh.northing[1]), (mesh.easting[3], mesh.northing[2])):
            row, column = file.index(x, y)
            j, i = list(mesh.northing).index(y), list(mesh.easting).index(x)
            assert file.read(2)[row, column] == expected["density_std"][1, j, i]
        assert "interval" in file.tags(3)["long_name"]
    some = bj.save_geotiff(square, tmp_path / "one", "density", upward=-200.0)
    assert [p.name for p in some.iterdir()] == ["density_up_-300_to_-120_m.tif"]


def test_geotiff_refusals(post, square, tmp_path):
    pytest.importorskip("rasterio", reason="GeoTIFF is written by it: pip install 'bayesjoint[geotiff]'")
    assert "50 to 150 m" in refused(lambda: bj.save_geotiff(post, tmp_path / "t"), "source")
    refused(lambda: bj.save_geotiff(square, tmp_path / "t", upward=10.0), "upward")
    refused(lambda: bj.save_geotiff(square, tmp_path / "t", crs="my grid"), "crs")
    assert list(tmp_path.iterdir()) == []


def test_geotiff_without_rasterio(square, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImportError, match=r"rasterio must .*; found no .* pip install 'bayesjoint\[geotiff\]'"):
        bj.save_geotiff(square, tmp_path / "t")


# -- what holds for all ------------------------------------------------------------------------------------------------
WRITERS = {name: save for name, save in FORMATS.items() if name != "geotiff"}
quiet = pytest.mark.filterwarnings("ignore:the grid mapping of")


@quiet
@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
def test_a_file_a_tree_and_a_loaded_posterior_give_the_same(save, post, saved, tmp_path):
    def texts(source, name):
        target = save(source, tmp_path / name)
        if target.is_file() and target.read_bytes().startswith(b"\x89HDF"):  # which holds the second of its making
            with xr.open_dataset(target, engine="h5netcdf") as opened:
                return json.dumps(opened.load().to_dict(), default=str, sort_keys=True)
        files = sorted(target.rglob("*")) if target.is_dir() else [target]
        return [re.sub(rb"dataset.*|<!--.*?-->", b"", f.read_bytes(), flags=re.DOTALL) for f in files]

    expected = texts(bj.load(saved), "a")
    assert texts(saved, "b") == expected
    assert texts(str(saved.parent), "c") == expected
    assert texts(bj.load(saved).tree, "d") == expected


@quiet
@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
def test_nothing_is_replaced_unasked_and_what_is_read_never(save, post, saved, tmp_path):
    target = save(post, tmp_path / "out")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    text = refused(lambda: save(post, tmp_path / "out", statistics=["std"]), "path|folder")
    assert "overwrite=True" in text
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    save(post, target, statistics=["std"], overwrite=True)
    assert {p for p in tmp_path.rglob("*") if p.is_file()} <= set(before)
    assert any(p.read_bytes() != content for p, content in before.items())
    held = saved.read_bytes()
    refused(lambda: save(saved, saved, overwrite=True), "path|folder")
    assert saved.read_bytes() == held


@quiet
@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
def test_nothing_is_left_of_what_fails(save, post, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    monkeypatch.setattr("pathlib.Path.rename", full)
    with pytest.raises(OSError, match="No space"):
        save(post, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", FORMATS.values(), ids=FORMATS)
def test_a_number_without_its_error_is_refused(save, post, tmp_path):
    if save is bj.save_geotiff:
        pytest.importorskip("rasterio", reason="GeoTIFF is written by it: pip install 'bayesjoint[geotiff]'")
    target = tmp_path / "out"
    assert "add 'std'" in refused(lambda: save(post, target, statistics="mean"), "statistics")
    text = refused(lambda: save(bj.find_map(post.problem), target), "source", TypeError)
    assert "no standard deviations" in text and "bj.posterior(problem, at=result)" in text
    refused(lambda: save(post, target, statistics=["mean", "median"]), "statistics")
    refused(lambda: save(post, target, "porosity"), "parameter")
    refused(lambda: save(post, target, probability=90), "probability")
    if save is not bj.save_geotiff:  # whose columns of the mesh are refused first
        with pytest.raises(FileNotFoundError, match=r"must lie in an existing folder; found .*none"):
            save(post, tmp_path / "none" / "out")
    assert list(tmp_path.iterdir()) == []


@quiet
def test_a_recalibrated_interval_says_so(tmp_path):
    mesh = bj.Mesh.regular((2, 4, 5), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    survey = bj.Survey("gravity", np.arange(20.0).reshape(4, 5) / 20, mesh.easting, mesh.northing, 10.0, std=0.1)
    family = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(200.0)}, number=2, size=200.0)])
    sound = bj.recalibrate(bj.posterior(bj.JointProblem([density], [survey.modality(density)])), family, worlds=60,
                           sensitivity=None)
    folder = bj.save_ubc(sound, tmp_path / "ubc")
    assert "interval (recalibrated on " in (folder / "README.txt").read_text()
    np.testing.assert_allclose(ubc_model(folder / "density_upper.den", mesh.shape),
                               1e-3 * sound.interval(0.9)["density"][1], rtol=1e-8)


def test_vectors_alone_are_refused(tmp_path):
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    post = bj.posterior(bj.JointProblem([slope], [bj.Modality("l", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "slope")]))
    assert "plain vectors only" in refused(lambda: bj.save_csv(post, tmp_path / "a.csv"), "source")


def test_writing_needs_no_extra_at_import():
    code = "import sys, bayesjoint as bj; bj.save_vtk; print(*sorted({'rasterio', 'pyproj', 'vtk'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
