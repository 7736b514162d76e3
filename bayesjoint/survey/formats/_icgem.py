"""Grids of the ICGEM service (.gdf): a header of names and values, names and units of columns, then a row a node."""

from ..._checks import fail
from ..._text_table import TextTable, check_width
from .._no_data import without
from .._table import of_table
from .._units import to_metres
from ._parts import DAMAGED, check_count, reals, text, whole

END = "end_of_head"


def looks(head):
    """Whether a file begins with what the service says of its grids."""
    return b"\nend_of_head" in head and any(key in head for key in (b"latlimit_north", b"number_of_gridpoints"))


def read(path, kind, columns):
    """Contents of a grid as a dict of plain arrays, a station a node; longitude and latitude are for `to_crs` alone."""
    lines = [(count, line) for count, line in enumerate(text(path).splitlines(), start=1) if line.strip()]
    end = next((k for k, (_, line) in enumerate(lines) if line.strip().startswith(END)), 0)
    if end < 2 or end + 1 == len(lines):
        fail("path", f"hold a header, a line {END!r} and rows after it", f"{len(lines)} line(s)", DAMAGED)
    names, units = (lines[k][1].split() for k in (end - 2, end - 1))
    units = [unit.strip("[]") for unit in units]
    if len(names) != len(units) or len(set(names)) < len(names):
        fail("path", "name each column once and give its unit", f"{len(names)} names and {len(units)} units", DAMAGED)
    head = {line.split()[0]: line.split()[1:] for _, line in lines[:end - 2]}
    numbers, rows = zip(*lines[end + 1:], strict=True)
    if "number_of_gridpoints" in head:
        check_count(len(rows), whole("number_of_gridpoints", head["number_of_gridpoints"][:1], 1)[0])
    table = TextTable(file=path.name, names=names, delimiter=None, rows=rows)
    check_width(table, numbers)
    found = of_table(table, {}, kind, columns)
    if "gapvalue" in head:
        found["data"] = without(found["data"], reals("gapvalue", head["gapvalue"][:1], 1))
    if found["upward"] is None and "height_over_ell" in head:
        found["upward"], = reals("height_over_ell", head["height_over_ell"][:1], 1)
        found["notes"]["upward"] = f"{found['upward']:g} m ('height_over_ell')"
    own = {role: unit for role, note in found["notes"].items() for name, unit in zip(names, units, strict=True)
           if note.startswith(repr(name))}
    degrees = found["geographic"] and getattr(columns, "degrees", False)  # projected later
    for role in () if degrees else ("easting", "northing"):
        found[role] = found[role] * to_metres(own[role], role)
    source = {"source": " ".join(head.get("modelname", ()))}
    return found | {"units": own["data"], "units_from": "", "attributes": source}
