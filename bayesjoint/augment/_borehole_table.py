"""Boreholes from a table of intervals."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from .._checks import as_finite, as_path, checked, fail
from ._borehole import Borehole

ROLES = ("hole", "easting", "northing", "top", "bottom", "value", "std")
NEEDED = ("hole", "easting", "northing", "top", "bottom", "value")


@checked
def read_boreholes(path: str | Path, property: str = "density", *, std: float | None = None,
                   columns: dict | None = None, background: float = 0.0, offset_std: float | None = None) -> list:
    """Read boreholes from a CSV file with one row an interval.

    Columns are ``hole, easting, northing, top, bottom, value, std``, by these names and no guess: easting and northing
    of the interval's middle, top and bottom as upward coordinates (height of the collar less the depth), all in metres.
    A sample has the same top and bottom. An empty value is a gap.

    Parameters
    ----------
    path : str or Path
        File, UTF-8, columns parted by commas.
    property : str, default "density"
        What was measured: name of the parameter.
    std : float, optional
        Standard deviation of every value, see `Borehole`, where the file has no such column.
    columns : dict, optional
        The file's own names, ``{"value": "density_kg_m3", "top": "from_masl"}``.
    background : float, default 0
        Subtracted from the values: a model of density *contrast* wants the density that contrasts are taken from.
    offset_std : float, optional
        Of every hole, see `Borehole`.

    Returns
    -------
    list of Borehole
        In the order in which holes first appear. A name that is no identifier has its other characters replaced by
        "_"; the file's own is kept in `metadata`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, named twice, or holds no number; if std is missing or given twice; if two holes' names
        become the same.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rows = ["hole,easting,northing,top,bottom,value,std", "DH-1,50,80,-5,-25,2710,30", "DH-1,50,80,-25,-40,2840,30"]
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holes.csv"
    ...     _ = path.write_text(chr(10).join(rows))
    ...     hole, = read_boreholes(path, background=2670.0)
    >>> hole.name, hole.values.tolist(), hole.end[:, 2].tolist()
    ('DH_1', [40.0, 170.0], [-25.0, -40.0])
    """
    path = as_path("path", path)
    if not path.is_file():
        fail("path", "name an existing file", repr(str(path)), "Check the name and the working directory.",
             FileNotFoundError)
    background = float(as_finite("background", background, 0))
    table = _table(path, _names(columns))
    if (std is None) == (table["std"] is None):
        fail("std", "be given once", "neither a column nor std=" if std is None else "a column and std= too",
             "Give a column std, or one number for all.")
    labels = np.array(table["hole"])
    out, origin = [], {}
    for label in dict.fromkeys(table["hole"]):
        rows = np.flatnonzero(labels == label)
        name = re.sub(r"\W", "_", label)
        name = name if name.isidentifier() else f"hole_{name}"
        if name in origin:
            fail("hole", "have names that differ in letters and digits", f"{origin[name]!r} and {label!r}",
                 "Rename one of them in the file.")
        origin[name] = label
        place = {key: table[key][rows] for key in ("easting", "northing", "top", "bottom")}
        out.append(Borehole(name, table["value"][rows] - background, std if std is not None else table["std"][rows],
                            **place, property=property, offset_std=offset_std,
                            metadata={"hole": label, "file": path.name, "background": background}))
    return out


def _names(columns):
    given = {} if columns is None else dict(columns)
    if unknown := sorted(set(given) - set(ROLES)):
        fail("columns", f"be keyed by {', '.join(ROLES)}", f"{unknown}", "Correct the keys.")
    names = {role: given.get(role, role) for role in ROLES}
    if len(set(names.values())) != len(names):
        fail("columns", "name each column once", f"{given}", "Two roles cannot share one column.")
    return names


def _table(path, names):
    """{role: list of str or ndarray}; std None where there is no such column."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    header = [cell.strip() for cell in rows[0]] if rows else []
    found = {}
    for role, name in names.items():
        if header.count(name) > 1 or (role in NEEDED and name not in header):
            fail(f"column {name!r}", f"stand once in {path.name}", f"{header.count(name)} among {', '.join(header)}",
                 f"Rename it, or pass columns={{{role!r}: ...}}.")
        found[role] = header.index(name) if name in header else None
    body = rows[1:]
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            fail("path", f"have {len(header)} cells in every row", f"{len(row)} in data row {number}", "Mend the row.")
    if not body:
        fail("path", "hold at least one interval", f"none in {path.name}", "One row an interval.")
    labels = [row[found["hole"]].strip() for row in body]
    if "" in labels:
        fail("column 'hole'", "name the hole in every row", f"none in data row {labels.index('') + 1}", "Fill it in.")
    return {"hole": labels} | {
        role: None if found[role] is None else np.array([_number(row[found[role]], role, k, path)
                                                         for k, row in enumerate(body, start=1)])
        for role in ROLES[1:]}


def _number(text, role, row, path):
    if role == "value" and text.strip().lower() in ("", "nan"):
        return np.nan
    try:
        return float(text)
    except ValueError:
        return fail(f"column {role!r}", "hold numbers", f"{text!r} in data row {row} of {path.name}",
                    "Correct it; only a value may be left empty.")
