"""Read a table of stations from a text file: comma, semicolon, tab or space separated, with or without a header."""

from dataclasses import replace

import numpy as np

from .._checks import fail
from .._text_table import COMMENTS, read_text_table, split
from ..quantities import component_of, plain_unit
from ._column_names import (
    DEGREES,
    GEOGRAPHIC,
    has_role,
    is_data,
    is_degrees,
    is_deviation,
    length_in_name,
    unit_in_name,
    words,
)
from ._said_units import ANGLES, SaidUnits, is_unit, said_units, unit_row
from ._units import to_metres

LINES = ("line", "line_number", "lineno")


def read_table(path, kind, columns):
    """Contents of a text table as a dict of plain arrays, in the file's own data units.

    Parameters
    ----------
    path : Path
        File. Lines that begin with ``#``, ``/``, ``!`` or ``%`` are comments; the first other line names the columns.
        When it holds numbers only, the last comment before it does, and without one they are called "0", "1", ....
    kind : str
        Kind of the survey.
    columns : dict
        Explicit columns by role (a name or a position): data, easting, northing, upward, std.

    Returns
    -------
    dict
        As `read_netcdf`; upward and std are None where the table has none.
    """
    return of_table(*table_and_units(path), kind, columns)


def table_and_units(path):
    """The `TextTable` of a file, and SaidUnits by column of a row of units under its header or among its comments."""
    table = read_text_table(path)
    units = unit_row(split(table.rows[0], table.delimiter)) if len(table.rows) > 1 else None
    if units is not None:
        lines = None if table.lines is None else table.lines[1:]
        table, where = replace(table, rows=table.rows[1:], lines=lines), "the row under the header"
        return table, _by_column(table, units, where)
    for number, comment in table.comments:
        text = comment.lstrip("".join(COMMENTS)).strip()
        for cells in (split(text, table.delimiter), split(text, ","), text.split()):
            units = unit_row(cells) if len(cells) == len(table.names) else None
            if units is not None:
                return table, _by_column(table, units, f"line {number}, a comment")
    return table, {}


def _by_column(table, units, where):
    return {name: SaidUnits(units=unit, where=where) for name, unit in zip(table.names, units, strict=False)
            if is_unit(unit)}


def of_table(table, said, kind, columns):
    """Contents of a `TextTable` as `read_table` gives them; `said` holds what a row of units says, by column."""
    names = table.names
    chosen = {role: _column(role, name, names) for role, name in columns.items()}
    guessed = _guess(names, kind, chosen, getattr(columns, "degrees", False))
    chosen |= guessed
    values = dict(zip(chosen, table.floats(list(chosen.values())).T, strict=True))
    for role in ("easting", "northing", "upward"):
        if role in values:
            values[role] = values[role] * _metres(chosen[role], said, columns)
    notes = {role: repr(name) + (" (guessed)" if role in guessed else "") for role, name in chosen.items()}
    units = _units(chosen["data"], said, table.comments, kind)
    if units.units and units.where:
        notes["units"] = f"{units.units!r} ({units.where})"
    lines, notes["lines"] = _lines(table)
    return {
        "upward": None, "std": None, **values, "lines": lines, "attributes": {}, "notes": notes,
        "units": units.units, "units_from": units.where, "geographic": _in_degrees(chosen["easting"], said),
        "std_units": _units(chosen["std"], said, [], kind).units if "std" in chosen else None,
    }  # fmt: skip


def _units(name, said, comments, kind):
    """Units of a column: as its name ends, as the row of units or else a comment says."""
    known = component_of(kind)
    if unit_in_name(name, kind) is not None:
        return SaidUnits(units=unit_in_name(name, kind))
    if name in said and known is not None and plain_unit(said[name].units) in known.unit.spellings:
        return said[name]
    return said_units([(f"line {number}", comment.lstrip("".join(COMMENTS)).strip()) for number, comment in comments],
                      kind, name)


def _metres(name, said, columns):
    """Factor that takes a column of coordinates to metres; 1 for degrees that will be projected."""
    unit = length_in_name(name) or (said[name].units if name in said else None)
    if getattr(columns, "degrees", False) and _in_degrees(name, said):
        return 1.0
    return to_metres("degrees" if _in_degrees(name, said) and unit else unit, f"column {name!r}")


def _in_degrees(name, said):
    return is_degrees(name) or (name in said and plain_unit(said[name].units) in ANGLES)


def _lines(table):
    """Names of the survey lines of the rows, from rows that part them or a column, and where they came from."""
    own = next((name for name in table.names if name.lower() in LINES), None)
    if table.lines is None and own is not None:
        return np.array(table.texts(own)), repr(own)
    return (None, "") if table.lines is None else (np.array(table.lines), "from rows between them")


def _column(role, name, names):
    """Name of a column that is given by name or by position."""
    if isinstance(name, int) and not isinstance(name, bool) and 0 <= name < len(names) and str(name) not in names:
        return names[name]
    if str(name) not in names:
        fail(f"columns[{role!r}]", "name a column of the file", f"{name!r}; the file has {', '.join(names)[:300]}",
             "Correct the name.")
    return str(name)


def _guess(names, kind, chosen, degrees=False):
    """Columns by role, as far as the names say so; a choice between several is left to the caller."""
    free = [name for name in names if name not in chosen.values()]
    tests = {
        "data": lambda name: is_data(name, kind),
        "easting": lambda name: has_role(name, "easting"),
        "northing": lambda name: has_role(name, "northing"),
        "upward": lambda name: has_role(name, "upward"),
        "std": is_deviation,
    }
    found = {}
    for role, test in tests.items():
        if role in chosen:
            continue
        fits = [name for name in free if test(name)]
        if not fits and degrees and role in DEGREES:
            fits = [name for name in free if is_degrees(name, role)]
        if len(fits) == 1:
            found[role] = fits[0]
        elif fits or role in ("data", "easting", "northing"):
            _refuse(role, fits, names)
    return found


def _refuse(role, fits, names):
    if not fits and role in ("easting", "northing") and any(GEOGRAPHIC & set(words(name)) for name in names):
        fail(f"columns[{role!r}]", "name a column in metres", f"longitude and latitude among {', '.join(names)[:300]}",
             "Project the stations: pass to_crs=, for example 'EPSG:32751'. Or name the columns.")
    fail(f"columns[{role!r}]", "be given: the header leaves it open",
         f"{len(fits)} candidate(s){': ' + ', '.join(fits) if fits else ''} among {', '.join(names)[:300]}",
         f"Pass columns={{{role!r}: '<name>'}}.")
