"""GeoTIFF, written by rasterio: places, gaps, bands, systems; damaged files refused on one line."""

import re
import sys
import warnings

import numpy as np
import pytest

from bayesjoint import read_survey

from ...refusals import refused
from .files import EAST, NORTH, VALUES
from .test_damaged import damaged

WHY = "GeoTIFF is read through it: pip install 'bayesjoint[geotiff]'"
GIVEN = {"height": 10.0, "units": "mGal"}
MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@pytest.fixture
def tif(tmp_path):
    """A function that writes a GeoTIFF of bands given from south to north."""
    rasterio = pytest.importorskip("rasterio", reason=WHY)

    def write(*bands, name="g.tif", turn=0.0, place=True, words=(), units=(), scale=None, **profile):
        bands = bands or (VALUES,)
        where = rasterio.Affine(50.0, turn, EAST[0] - 25.0, turn, -25.0, NORTH[-1] + 12.5)
        given = {"dtype": "float32", "crs": "EPSG:32751", "nodata": -99999.0} | profile
        path = tmp_path / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a TIFF without a place
            with rasterio.open(path, "w", driver="GTiff", width=4, height=3, count=len(bands),
                               **({"transform": where} if place else {}), **given) as file:
                for k, values in enumerate(bands, 1):
                    gap = np.isnan(values) & (given["nodata"] is not None)
                    file.write(np.where(gap, given["nodata"], values)[::-1].astype(given["dtype"]), k)
                for k, text in enumerate(words, 1):
                    file.set_band_description(k, text)
                for k, text in enumerate(units, 1):
                    file.set_band_unit(k, text)
                if scale:
                    file.scales, file.offsets = [scale[0]] * len(bands), [scale[1]] * len(bands)
        return path

    return write


FORMS = {
    "plain": {}, "doubles": {"dtype": "float64"}, "packed": {"compress": "deflate", "predictor": 3},
    "tiled": {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "lzw"}, "integers": {"dtype": "int16",
    "nodata": -32768}, "NaN": {"nodata": np.nan}, "no mark": {"nodata": None}, "big": {"BIGTIFF": "YES"},
    "big-endian": {"ENDIANNESS": "BIG"},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_read(tif, form):
    survey = read_survey(tif(**form), "gravity", **GIVEN)
    np.testing.assert_array_equal(survey.data, VALUES)
    np.testing.assert_allclose(survey.easting, EAST, rtol=0, atol=1e-6)
    np.testing.assert_allclose(survey.northing, NORTH, rtol=0, atol=1e-6)
    assert survey.crs == "EPSG:32751" and "band 1 of a GeoTIFF" in survey.history[0]


def test_bands_are_named_by_number_or_description(tif):
    path = tif(VALUES, np.abs(VALUES) / 10, words=("g", "g error"), units=("um/s2", "um/s2"))
    text = refused(lambda: read_survey(path, "gravity", height=0.0), "variable")
    assert "1: g; 2: g error" in text
    survey = read_survey(path, "gravity", height=0.0, columns={"data": "g", "std": 2})
    np.testing.assert_allclose(survey.data, VALUES / 10)
    np.testing.assert_allclose(survey.std, np.abs(VALUES) / 100, rtol=1e-6)
    assert survey.units == "mGal"
    np.testing.assert_allclose(read_survey(path, "gravity", height=0.0, variable="2").data, np.abs(VALUES) / 100,
                               rtol=1e-6)
    refused(lambda: read_survey(path, "gravity", height=0.0, variable="3"), "columns")
    refused(lambda: read_survey(path, "gravity", height=0.0, variable="1", columns={"easting": 2}), "columns")


def test_scale_and_offset_are_applied(tif):
    survey = read_survey(tif(scale=(0.5, 3.0)), "gravity", **GIVEN)
    np.testing.assert_array_equal(survey.data, 0.5 * VALUES + 3.0)


def test_what_is_no_grid_in_metres_is_refused(tif):
    assert "turned" in refused(lambda: read_survey(tif(turn=5.0), "gravity", **GIVEN), "the grid")
    assert "without a place" in refused(lambda: read_survey(tif(place=False), "gravity", **GIVEN), "path")
    assert "to_crs" in refused(lambda: read_survey(tif(crs="EPSG:4283"), "gravity", **GIVEN), "crs")
    refused(lambda: read_survey(tif(crs="EPSG:2263"), "gravity", **GIVEN), "crs")  # feet
    assert "complex64" in refused(lambda: read_survey(tif(dtype="complex64", nodata=None), "gravity", **GIVEN), "path")
    assert read_survey(tif(crs=None), "gravity", crs=28351, **GIVEN).crs == "EPSG:28351"
    refused(lambda: read_survey(tif(), "gravity", height=0.0), "units")
    refused(lambda: read_survey(tif(), "gravity", units="mGal"), "height")


def test_damaged_files_are_read_or_refused(tif):
    for k, form in enumerate(({}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 16, "blockysize": 16})):
        path, rng = tif(name=f"f{k}.tif", **form), np.random.default_rng(k)
        sound = path.read_bytes()
        for _ in range(25):
            path.write_bytes(damaged(sound, rng))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)
                    read_survey(path, "gravity", format="geotiff", **GIVEN)
            except (ValueError, TypeError) as error:
                text = str(error)
                assert re.fullmatch(r".+? must .+; found .+\. .*[.)]", text) and path.name in text, text


def test_a_size_that_no_memory_holds_is_refused_unread(tif):
    rasterio = pytest.importorskip("rasterio", reason=WHY)
    path = tif()
    with rasterio.open(path.with_name("huge.tif"), "w", driver="GTiff", width=2_000_000, height=2_000_000, count=1,
                       dtype="float32", sparse_ok=True, BIGTIFF="YES", tiled=True, crs="EPSG:32751", blockxsize=65536,
                       blockysize=65536, transform=rasterio.Affine(50, 0, 0, 0, -50, 0)):
        pass
    assert "huge.tif" in refused(lambda: read_survey(path.with_name("huge.tif"), "gravity", **GIVEN), "path")


@pytest.mark.parametrize("magic", MAGICS)
def test_without_rasterio_the_error_says_how_to_install_it(tmp_path, monkeypatch, magic):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    path = tmp_path / "g.dat"
    path.write_bytes(magic + bytes(100))
    with pytest.raises(ImportError, match=r"rasterio must .*; found no .* pip install 'bayesjoint\[geotiff\]'.*GS7BG"):
        read_survey(path, "gravity", **GIVEN)
