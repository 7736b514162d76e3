"""What a file holds before anybody has said so: which quantities, in which variables, and what it leaves open."""

import re
from dataclasses import dataclass
from pathlib import Path

from .._checks import as_file
from ..quantities import COMPONENTS, component_of, plain_unit
from ._column_names import has_role, is_data, is_deviation, unit_in_name
from ._netcdf import ENGINES, load
from ._read_survey import named
from ._rules import FIELD_ATTRIBUTES, needs_field
from ._said_units import said_units
from ._table import table_and_units
from .formats import FORMATS, format_of
from .formats._ubc import is_counted

WORDS = {component.kind.name: component.kind.file_words for component in COMPONENTS.values()}
HEAD = 8192  # bytes of a file that are looked at
POLE = {"rtp", "vrtp", "drtp"}  # reduced to the pole


@dataclass(frozen=True, kw_only=True)
class Content:
    """One quantity that a file holds, as far as the file itself tells.

    Parameters
    ----------
    kind : str
        As `read_survey` takes it.
    why : str
        What it was told from.
    columns : dict
        Names by role that `read_survey` must be given to find it; mostly empty.
    sure : bool
        Whether the file says so, or only its name or its units do.
    """

    kind: str
    why: str
    columns: dict
    sure: bool = True


@dataclass(frozen=True, kw_only=True)
class Open:
    """What a file leaves open about one quantity.

    Parameters
    ----------
    height, std, field : bool
        Whether height, noise and (magnetics) the inducing field are missing from the file.
    units : str or None
        That the file states.
    units_from : str
        The words that state them; where units are None, what in them is ambiguous. Empty where a name or an attribute
        states them.
    pole : bool
        Whether the name of the file says that the field was reduced to the pole.
    """

    height: bool
    std: bool
    field: bool
    units: str | None
    units_from: str
    pole: bool


def kinds_of_names():
    """Every kind that names are looked through for: gravity, magnetic, and components that no kind's name means."""
    own = {component_of(kind).name for kind in WORDS}
    return (*WORDS, *(name for name in COMPONENTS if name not in own))


def contents(path, format=None, variable=None):
    """Quantities that a file seems to hold, one entry each; none where nothing tells.

    Parameters
    ----------
    path : str or Path
    format : str, optional
        As of `read_survey`.
    variable : str, optional
        The one variable or column that is looked at.

    Returns
    -------
    list of Content
    """
    path = as_file("path", path)
    with named(path):
        form = format_of(path, format, {})
        if form is FORMATS["netcdf"] or form is FORMATS["table"]:
            names, units = _variables(path) if form is FORMATS["netcdf"] else _columns(path)
            names = [name for name in names if variable in (None, name)]
            return _by_names(names) or _by_units(names, units) or _by_file(path, names)
        if form is FORMATS["ubc"]:
            with path.open("rb") as stream:
                kind = "gravity" if is_counted(stream.read(HEAD)) else "magnetic"  # which begins with its field
            return [Content(kind=kind, why=f"the head of the UBC-GIF file is that of {kind} data", columns={})]
        if form is FORMATS["icgem"]:
            return [Content(kind="gravity", why="ICGEM serves gravity", columns={})]
    return _by_file(path, [])


def left_open(path, kind, format=None, columns=None):
    """What a file leaves open about a quantity that it holds.

    Parameters
    ----------
    path : str or Path
    kind : str
    format : str, optional
    columns : dict, optional
        As of `read_survey`.

    Returns
    -------
    Open
    """
    path, columns = as_file("path", path), columns or {}
    with named(path):
        found = format_of(path, format, columns).read(path, kind, columns)
    field = needs_field(kind) and any(found["attributes"].get(key) is None for key in FIELD_ATTRIBUTES.values())
    return Open(height=found["upward"] is None, std=found["std"] is None, field=field, units=found["units"],
                units_from=found.get("units_from", ""), pole=bool(POLE & set(_words(path))))


def _variables(path):
    """Names of the data variables of a netCDF file, and their units."""
    with path.open("rb") as stream:
        dataset = load(path, ENGINES[stream.read(4)])
    return [str(v) for v in dataset.data_vars], {str(v): dataset[v].attrs.get("units") for v in dataset.data_vars}


def _columns(path):
    """Names of the columns of a table that are no place, and the units that they or the words before them state."""
    table, said = table_and_units(path)
    names = [name for name in table.names
             if not any(has_role(name, role) for role in ("easting", "northing", "upward"))]
    units = {name: unit_in_name(name, "gravity") or unit_in_name(name, "magnetic")
             or (said[name].units if name in said else None) for name in names}
    data = [name for name in names if not is_deviation(name)]
    if len(data) == 1 and units[data[0]] is None:  # comments can speak of nothing else
        found = [said_units([("", text) for _, text in table.comments], kind).units for kind in WORDS]
        units[data[0]] = next(filter(None, found), None) if sum(map(bool, found)) == 1 else None
    return names, units


def _by_names(names):
    """Of each kind that a name speaks of; where several do, `read_survey` asks which."""
    spoken = {kind: [name for name in names if is_data(name, kind)] for kind in kinds_of_names()}
    return [Content(kind=kind, why=f"the file has a {' and a '.join(map(repr, found))}", columns={})
            for kind, found in spoken.items() if found]


def _by_units(names, units):
    """Of variables that are in mGal or in nT, each kind once."""
    found = []
    for kind in WORDS:
        unit = component_of(kind).unit
        fits = [name for name in names if not is_deviation(name) and units[name]
                and plain_unit(str(units[name])) in set(unit.spellings) - set(unit.words)]
        if len(fits) == 1:
            found.append(Content(kind=kind, why=f"{fits[0]!r} is in {units[fits[0]]}", columns={"data": fits[0]},
                                 sure=False))
    return found


def _by_file(path, names):
    """What the name of the file says, where at most one variable can be meant."""
    words = _words(path)
    kinds = [kind for kind in WORDS if any(word in WORDS[kind] | component_of(kind).spoken for word in words)]
    names = [name for name in names if not is_deviation(name)]
    if len(kinds) != 1 or len(names) > 1:
        return []
    return [Content(kind=kinds[0], why=f"the file's name, {path.name!r}", sure=False,
                    columns={"data": names[0]} if names else {})]


def _words(path):
    return [word for word in re.split(r"[^a-z]+", Path(path).stem.lower()) if word]
