"""Boreholes from a table of intervals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from .._checks import as_file, as_finite, checked, fail
from .._text_table import read_text_table
from ._borehole import Borehole

ROLES = ("hole", "easting", "northing", "top", "bottom", "value", "std")
NEEDED = ROLES[:-1]


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
        Text table with a header; columns parted by commas, semicolons, tabs or blanks.
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
    path = as_file("path", path)
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
    table = read_text_table(path, comments=())
    for role in NEEDED:
        if names[role] not in table.names:
            fail(f"column {names[role]!r}", f"stand in {path.name}", f"columns {', '.join(table.names)[:300]}",
                 f"Rename one, or pass columns={{{role!r}: ...}}.")
    labels = table.texts(names["hole"])
    if "" in labels:
        fail("column 'hole'", "name the hole in every row", f"none in data row {labels.index('') + 1}", "Fill it in.")
    told = [role for role in ROLES[1:] if names[role] in table.names]
    columns = table.floats([names[role] for role in told])
    return {"hole": labels, "std": None} | dict(zip(told, columns.T, strict=True))
