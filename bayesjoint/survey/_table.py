"""Read a table of stations from a text file: comma, semicolon, tab or space separated, with or without a header."""

import re

import numpy as np

from .._checks import fail
from ._column_names import FEET, GEOGRAPHIC, TO_METRES, has_role, is_data, is_deviation, to_metres, unit_in_name, words

MISSING = ("", "nan", "na", "n/a", "null", "none", "*", "-")


def read_table(path, kind, columns):
    """Contents of a text table as a dict of plain arrays, in the file's own data units.

    Parameters
    ----------
    path : Path
        File. Lines that begin with ``#`` are comments; the first other line names the columns (when it holds numbers
        only there is no header, and the columns are called "0", "1", ...).
    kind : str
        Kind of the survey.
    columns : dict
        Explicit columns by role (a name or a position): data, easting, northing, upward, std.

    Returns
    -------
    dict
        As `read_netcdf`; upward and std are None where the table has none.
    """
    names, delimiter, lines = _header(path)
    chosen = {role: str(name) for role, name in columns.items()}
    for role, name in chosen.items():
        if name not in names:
            fail(f"columns[{role!r}]", "name a column of the file", f"{name!r}; the file has {', '.join(names)}",
                 "Correct the name.")
    guessed = {role: name for role, name in _guess(names, kind, chosen).items() if role not in chosen}
    chosen |= guessed
    table = _cells(path, lines, delimiter, names, [names.index(name) for name in chosen.values()])
    values = dict(zip(chosen, table.T, strict=True))
    for role in ("easting", "northing", "upward"):
        if role in values:
            values[role] = values[role] * to_metres(_length_unit(chosen[role]), f"column {chosen[role]!r}")
    notes = {role: repr(name) + (" (guessed)" if role in guessed else "") for role, name in chosen.items()}
    return {
        "upward": None, "std": None, **values, "attributes": {}, "notes": notes,
        "units": unit_in_name(chosen["data"], kind),
        "std_units": unit_in_name(chosen["std"], kind) if "std" in chosen else None,
    }  # fmt: skip


def _header(path):
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        fail("path", "be a netCDF file or a text table", f"{path.name!r}, which is neither", "Convert the file first.")
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        fail("path", "hold data", f"no lines in {path.name!r}", "Check the file.")
    delimiter = next((d for d in ",;\t" if d in lines[0]), None)
    first = [cell.strip().strip('"').strip() for cell in lines[0].split(delimiter)]
    if all(_is_number(cell) for cell in first):
        return [str(k) for k in range(len(first))], delimiter, lines
    if len(lines) == 1:
        fail("path", "hold data", f"a header and no line after it in {path.name!r}", "Check the file.")
    if len(set(first)) < len(first):
        fail("path", "name each column once", f"header {', '.join(first)}", "Rename the repeated columns.")
    return first, delimiter, lines[1:]


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _guess(names, kind, chosen):
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
        fits = [name for name in free if test(name)]
        if role in chosen:
            continue
        if len(fits) == 1:
            found[role] = fits[0]
        elif fits or role in ("data", "easting", "northing"):
            _refuse(role, fits, names)
    return found


def _refuse(role, fits, names):
    if not fits and any(GEOGRAPHIC & set(words(name)) for name in names):
        fail(f"columns[{role!r}]", "name a column in metres", f"longitude and latitude among {', '.join(names)}",
             "Project the stations first (pyproj), or name the columns.")
    fail(f"columns[{role!r}]", "be given: the header leaves it open",
         f"{len(fits)} candidate(s){': ' + ', '.join(fits) if fits else ''} among {', '.join(names)}",
         f"Pass columns={{{role!r}: '<name>'}}.")


def _cells(path, lines, delimiter, names, positions):
    """Chosen columns as floats, shape (rows, columns); only a table with gaps or faults takes the slower way."""
    options = {"delimiter": delimiter, "usecols": positions, "quotechar": '"', "ndmin": 2}
    try:
        return np.loadtxt(lines, **options)
    except ValueError:
        pass
    try:
        return np.loadtxt(lines, converters=_number, **options)
    except ValueError as error:
        bad = re.search(r"string (.*) to float64 at row (\d+), column (\d+)", str(error))
        if bad is None:
            fail("path", "have the same columns in every row", f"{path.name!r}: {error}", "Mend the row.")
        fail(f"column {names[int(bad[3]) - 1]!r}", "hold numbers", f"{bad[1]} in data row {int(bad[2]) + 1}",
             "Correct it, or leave the cell empty to mark a gap.")


def _number(text):
    return np.nan if text.strip().lower() in MISSING else float(text)


def _length_unit(name):
    last = words(name)[-1:]
    return last[0] if last and last[0] in (*TO_METRES, *FEET) else None
