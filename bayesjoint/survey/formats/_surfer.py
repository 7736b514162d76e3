"""Grids of Surfer (.grd): text (DSAA), Surfer 6 binary (DSBB) and Surfer 7 binary (DSRB)."""

import struct

import numpy as np

from ..._checks import fail
from ._parts import DAMAGED, axis, check_count, content, grid, numbers, reals, text, whole

BLANK = 1.70141e38  # nodes from it on hold nothing
SIX, LATTICE = "<2h6d", "<2i8d"  # header of Surfer 6, grid section of Surfer 7


def looks(head):
    """Whether a file begins like a grid of Surfer."""
    return head[:4] in (b"DSAA", b"DSBB", b"DSRB")


def read(path, kind, columns):
    """Contents of a grid as a dict of plain arrays."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"DSAA":
        return _words(text(path).split())
    raw = content(path)
    if magic == b"DSBB":
        return _six(raw)
    if magic != b"DSRB":
        fail("path", "be a grid of Surfer (DSAA, DSBB, DSRB)", f"{magic!r} at its beginning", DAMAGED)
    return _seven(raw)


def _words(words):
    """A grid written as text."""
    columns, rows = whole("its numbers of columns and rows", words[1:3], 2)
    limits = reals("its limits", words[3:9], 6)
    return _between(numbers(words[9:], rows * columns), (rows, columns), *limits[:4])


def _six(raw):
    """A binary grid of Surfer 6: limits, then floats of 4 bytes."""
    head = _unpack(SIX, raw, 4, "a header")
    columns, rows = whole("its numbers of columns and rows", head[:2], 2)
    return _between(_values("<f4", raw, 4 + struct.calcsize(SIX), rows * columns), (rows, columns),
                    *reals("its limits", head[2:6], 4))


def _between(values, shape, west, east, south, north):
    """The grid whose outermost nodes lie on four limits."""
    steps = (east - west) / max(shape[1] - 1, 1), (north - south) / max(shape[0] - 1, 1)
    return _grid(values, shape, (west, south), steps, BLANK)


def _seven(raw):
    """A binary grid of Surfer 7: tagged sections, of which header, grid and data count."""
    at, found = 0, {}
    while at < len(raw) and b"DATA" not in found:
        tag, size = _unpack("<4si", raw, at, "a tag")
        found[tag] = at + 8
        if size < 0:
            fail("path", "state sizes of sections >= 0", f"{size} of {tag!r}", DAMAGED)
        at += 8 + size
    if b"GRID" not in found or b"DATA" not in found:
        fail("path", "hold sections GRID and DATA", ", ".join(map(repr, found)) or "none", DAMAGED)
    version, = _unpack("<i", raw, found[b"DSRB"], "a version")
    rows, columns, *places = _unpack(LATTICE, raw, found[b"GRID"], "a grid section")
    rows, columns = whole("its numbers of rows and columns", (rows, columns), 2)
    west, south, *steps = reals("origin and spacing", places[:4], 4)
    if places[6] != 0:
        fail("path", "be a grid along x and y", f"one turned by {places[6]:g}", "Export it as a table (XYZ).")
    values = _values("<f8", raw, found[b"DATA"], rows * columns)
    if version == 2:
        values = np.where(values == places[7], np.nan, values)
    return _grid(values, (rows, columns), (west, south), steps, BLANK if version == 2 else min(places[7], BLANK))


def _grid(values, shape, origin, steps, blank):
    values = np.where(values >= blank * (1 - 1e-6), np.nan, values.astype(float)).reshape(shape)
    return grid("a Surfer grid", values, axis("easting", origin[0], steps[0], shape[1]),
                axis("northing", origin[1], steps[1], shape[0]))


def _values(dtype, raw, start, count):
    size = np.dtype(dtype).itemsize
    if len(raw) < start + count * size:
        check_count(max(0, len(raw) - start) // size, count)
    return np.frombuffer(raw, dtype, count, start)


def _unpack(layout, raw, at, words):
    if len(raw) < at + struct.calcsize(layout):
        fail("path", f"hold {words} of {struct.calcsize(layout)} bytes", f"{max(0, len(raw) - at)} bytes", DAMAGED)
    return struct.unpack_from(layout, raw, at)
