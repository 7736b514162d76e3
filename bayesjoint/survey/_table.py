"""Read a table of stations from a text file: comma, semicolon, tab or space separated, with or without a header."""

import numpy as np

from .._checks import fail
from .._text_table import read_text_table
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
    return of_table(read_text_table(path), kind, columns)


def of_table(table, kind, columns):
    """Contents of a `TextTable` as `read_table` gives them."""
    names = table.names
    chosen = {role: _column(role, name, names) for role, name in columns.items()}
    guessed = _guess(names, kind, chosen, getattr(columns, "degrees", False))
    chosen |= guessed
    values = dict(zip(chosen, table.floats(list(chosen.values())).T, strict=True))
    for role in ("easting", "northing", "upward"):
        if role in values:
            values[role] = values[role] * to_metres(length_in_name(chosen[role]), f"column {chosen[role]!r}")
    notes = {role: repr(name) + (" (guessed)" if role in guessed else "") for role, name in chosen.items()}
    lines, notes["lines"] = _lines(table)
    return {
        "upward": None, "std": None, **values, "lines": lines, "attributes": {}, "notes": notes,
        "units": unit_in_name(chosen["data"], kind), "geographic": is_degrees(chosen["easting"]),
        "std_units": unit_in_name(chosen["std"], kind) if "std" in chosen else None,
    }  # fmt: skip


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
