"""ESRI ASCII grids (.asc): a few named numbers, then rows from north to south."""

import re

from ..._checks import fail
from .._no_data import without
from ._parts import DAMAGED, axis, grid, numbers, reals, text, whole

KEYS = ("ncols", "nrows", "xllcorner", "xllcenter", "yllcorner", "yllcenter", "cellsize", "dx", "dy", "nodata_value")
FIRST = re.compile(rb"(\xef\xbb\xbf)?\s*n(cols|rows)\s+\S+\s+n(cols|rows)\s", re.IGNORECASE)
MOST = 65_536  # bytes of a projection file


def looks(head):
    """Whether a file begins with its numbers of columns and rows, by name."""
    return FIRST.match(head) is not None


def read(path, kind, columns):
    """Contents of a grid as a dict of plain arrays."""
    words = text(path).split()
    head = {}
    while len(words) > 2 * len(head) + 1 and words[2 * len(head)].lower() in KEYS:
        key, value = words[2 * len(head):2 * len(head) + 2]
        if key.lower() in head:
            fail("path", "name each number of its header once", f"{key!r} twice", DAMAGED)
        head[key.lower()] = value
    columns, rows = whole("ncols and nrows", [head.get("ncols", "none"), head.get("nrows", "none")], 2)
    values = numbers(words[2 * len(head):], rows * columns)
    mark = head.get("nodata_value", "nan")
    if mark.lower() != "nan":
        values = without(values, reals("NODATA_value", [mark], 1))
    east, north = (_axis(head, *names, count) for names, count in (
        (("easting", "x", "dx"), columns), (("northing", "y", "dy"), rows)))
    return grid("an ESRI ASCII grid", values.reshape(rows, columns)[::-1], east, north, attributes=_system(path))


def _axis(head, name, letter, step, count):
    """Centres of the cells along an axis."""
    size, = reals("cellsize", [head.get("cellsize", head.get(step, "none"))], 1)
    corner, centre = (head.get(f"{letter}ll{place}") for place in ("corner", "center"))
    if (corner is None) == (centre is None):
        fail("path", f"state {letter}llcorner or {letter}llcenter", "both" if corner else "none of them", DAMAGED)
    start, = reals(f"the origin of {name}", [centre if corner is None else corner], 1)
    return axis(name, start + (size / 2 if centre is None else 0.0), size, count)


def _system(path):
    """{"crs": text} of the projection file that lies beside a grid."""
    beside = path.with_suffix(".prj")
    if not beside.is_file() or beside.stat().st_size > MOST:
        return {}
    return {"crs": beside.read_text(encoding="utf-8", errors="replace").strip() or None}
