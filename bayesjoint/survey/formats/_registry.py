"""The kinds of files that are read, one entry each, and which of them a file is."""

from typing import NamedTuple

from ..._checks import fail, one_of
from .._netcdf import read_netcdf, variant_of
from .._table import read_table
from . import _esri, _geotiff, _icgem, _oasis, _surfer, _tomofast, _ubc
from ._unread import refuse_unread

HEAD = 8192  # bytes of a file by which its kind is told


class Format(NamedTuple):
    """A kind of file.

    Parameters
    ----------
    words : str
        What people call it.
    looks : callable
        first bytes of a file -> whether it is one.
    read : callable
        (path, kind of survey, columns by role) -> dict of plain arrays, as of `read_netcdf`.
    has_columns : bool
        Whether `columns` may name something in it.
    """

    words: str
    looks: object
    read: object
    has_columns: bool = False


FORMATS = {
    "netcdf": Format("netCDF", variant_of, read_netcdf, True),
    "oasis": Format("Oasis montaj grid (.grd)", _oasis.looks, _oasis.read),
    "surfer": Format("Surfer grid (.grd: DSAA, DSBB, DSRB)", _surfer.looks, _surfer.read),
    "esri": Format("ESRI ASCII grid (.asc)", _esri.looks, _esri.read),
    "geotiff": Format("GeoTIFF (.tif; extra geotiff)", _geotiff.looks, _geotiff.read, True),
    "icgem": Format("ICGEM grid (.gdf)", _icgem.looks, _icgem.read, True),
    "ubc": Format("UBC-GIF observations (.obs, .grv, .mag)", _ubc.looks, _ubc.read),
    "tomofast": Format("Tomofast-x data (format='tomofast')", lambda head: False, _tomofast.read),
    "table": Format("text table (CSV and its kin)", lambda head: b"\0" not in head or head[:2] in (
        b"\xff\xfe", b"\xfe\xff"), read_table, True),
}  # asked in this order


def format_of(path, given, columns):
    """Entry of a file: the one that was named, else what its first bytes say.

    Parameters
    ----------
    path : Path
    given : str or None
        Name of an entry.
    columns : dict
        What the caller names by role; refused where the format names nothing.

    Returns
    -------
    Format
    """
    if given is not None:
        one_of("format", given, FORMATS)
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    name = given or next((name for name, form in FORMATS.items() if form.looks(head)), None)
    if given is None and name in ("netcdf", "table", None):  # whose first bytes say little
        refuse_unread(path, head)
    if name is None:
        fail("path", f"be of a kind that is read: {', '.join(form.words for form in FORMATS.values())}",
             f"{path.name!r}, which is of none", "Convert it first.")
    if name == "table" and given is None and not columns and _ubc.is_counted(head):
        if path.suffix.lower() not in _ubc.ENDINGS:
            fail("format", "be given for a count and rows of x, y, z and data: UBC-GIF has heights, positive up, and "
                 "Tomofast-x depths, positive down", f"{path.name!r}, whose name tells neither",
                 "Pass format='ubc' or format='tomofast', or name its columns by position.")
        name = "ubc"
    form = FORMATS[name]
    if columns and not form.has_columns:
        fail("columns", "be left out for a file whose values have no names", f"{form.words} in {path.name!r}",
             "Leave columns and variable out.")
    return form
