"""GeoTIFF grids (.tif), through rasterio: one band is the data, another may be its standard deviation."""

import warnings

import numpy as np

from ..._checks import fail
from ..._damaged import attempt
from ..._memory import check_memory
from ._parts import DAMAGED, grid

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TURNED = 1e-6  # of a cell
EACH = 24  # bytes of memory that a value of one band may come to


def looks(head):
    """Whether a file begins like a TIFF."""
    return head[:4] in MAGICS


def read(path, kind, columns):
    """Contents of a grid as a dict of plain arrays."""
    with path.open("rb") as stream:
        if not looks(stream.read(4)):
            fail("path", "be a GeoTIFF", f"{path.name!r}, which does not begin like one", DAMAGED)
    rasterio = _rasterio()
    other = sorted(set(columns) - {"data", "std"})
    if other:
        fail("columns", "name bands of a GeoTIFF, as data or std", f"{other[0]!r} too", "Leave it out.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # refused below
        file, cause = attempt(lambda: rasterio.open(path, driver="GTiff", sharing=False))
        _refuse_damaged(path, cause)
        with file:
            return _contents(path, file, columns)


def _contents(path, file, columns):
    check_memory("path", EACH * float(file.width) * file.height, f"{path.name!r} would take",
                 "Cut a window out of it first (gdal_translate -projwin).")
    turn = file.transform
    if turn.is_identity:
        fail("path", "say where its cells are", "a TIFF without a place on the ground", "Georeference it first.")
    if max(abs(turn.b), abs(turn.d)) > TURNED * min(abs(turn.a), abs(turn.e)):
        fail("the grid", "have its axes along east and north", "a GeoTIFF that is turned",
             "Warp it to a grid along east and north (gdalwarp).")
    number = _band(file, columns.get("data"), "data")
    values, units = _values(path, file, number)
    more = {"attributes": {"crs": _system(file.crs)}, "units": units}
    if "std" in columns:
        more["std"], more["std_units"] = _values(path, file, _band(file, columns["std"], "std"))
    found = grid(f"band {number} of a GeoTIFF", values, turn.c + turn.a * (np.arange(file.width) + 0.5),
                 turn.f + turn.e * (np.arange(file.height) + 0.5), **more)
    found["notes"] |= {"std": f"band {columns.get('std')}"}
    return found


def _band(file, name, role):
    """Number of a band, which is named by its number or its description."""
    said = [text or "" for text in file.descriptions]
    known = "; ".join(f"{k}{': ' if text else ''}{text}" for k, text in enumerate(said, 1))[:300]
    if name is None and file.count == 1:
        return 1
    if name is None:
        fail("variable", f"be given: the GeoTIFF has {file.count} bands", known, "Pass variable='1', for example.")
    if str(name).isdecimal() and 1 <= int(name) <= file.count:
        return int(name)
    if said.count(str(name)) != 1:
        fail(f"columns[{role!r}]", "name a band of the file, by number or description", f"{name!r}; it has {known}",
             "Correct the name.")
    return said.index(str(name)) + 1


def _values(path, file, number):
    """(values with gaps as NaN, units or None) of a band, as its scale and offset have them."""
    kind = np.dtype(file.dtypes[number - 1]).kind if "complex" not in file.dtypes[number - 1] else "c"
    if kind not in "iuf":
        fail("path", "hold real numbers", f"{file.dtypes[number - 1]} in band {number}", "Convert it to floats first.")
    found, cause = attempt(lambda: file.read(number, masked=True))
    _refuse_damaged(path, cause)
    values = np.where(np.ma.getmaskarray(found), np.nan, np.ma.getdata(found).astype(float))
    return values * file.scales[number - 1] + file.offsets[number - 1], file.units[number - 1] or None


def _system(crs):
    """Text of a system: its code, or all of it where it has none or is not in metres, which is then seen."""
    if not crs:
        return None
    metres = crs.is_projected and crs.linear_units_factor[1] == 1.0
    code = crs.to_epsg() if metres or crs.is_geographic else None
    return crs.to_wkt() if code is None else f"EPSG:{code}"


def _refuse_damaged(path, cause):
    if cause is not None:
        fail("path", "name a readable GeoTIFF", f"{path.name!r}, which cannot be read ({cause})", DAMAGED)


def _rasterio():
    try:
        import rasterio
    except ImportError:
        fail("rasterio", "be installed to read a GeoTIFF", "no module of that name",
             "pip install 'bayesjoint[geotiff]'; or gdal_translate -of GS7BG IN OUT.grd makes a Surfer grid of it.",
             ImportError)
    return rasterio
