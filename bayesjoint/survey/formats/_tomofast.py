"""Data of Tomofast-x: a count, then rows of x, y, z (positive down) and the datum, in units that it leaves open."""

from ..._checks import fail
from ._parts import grid, text
from ._ubc import counted


def read(path, kind, columns):
    """Contents of a file as a dict of plain arrays; depths become heights."""
    lines = [(count, line) for count, line in enumerate(text(path).splitlines(), start=1) if line.strip()]
    found = counted(path, lines)
    if len(found) > 4:
        fail("path", "hold one datum a row", "several components", "Name its columns by position: columns={...}.")
    easting, northing, down, data = found
    found = grid("Tomofast-x data", data, easting, northing, upward=-down)
    return found | {"notes": found["notes"] | {"easting": "x", "northing": "y", "upward": "-z"}}
