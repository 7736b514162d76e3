"""What `bayesjoint init` sees in files: surveys, what was guessed about each and why, and what nobody has said."""

from dataclasses import dataclass, field

import numpy as np

from ..quantities import component_of, known_names
from ..survey import contents, left_open, on_lattice, other_units, read_survey, span
from ._given import Given, columns_of
from ._noise import state_noise
from ._refuse import optioned, refuse

FIELD = ("intensity", "inclination", "declination")


@dataclass(kw_only=True)
class Seen:
    """One survey of the configuration to be.

    Attributes
    ----------
    name, kind : str
    path : Path
    why : str
        What the kind was told from.
    sure : bool
    columns : dict
    opened : object
        What the file leaves open, `bayesjoint.survey.left_open`.
    survey : Survey
        As read, with stand-ins for what is to be filled in.
    keys : dict of {str: value}
        Of the table, where the command line or a guess gives them.
    notes : dict of {str: str}
        Why, by key.
    missing : dict of {str: (stand-in, str)}
        Keys that must be filled in, and what is to be said there.
    starts : dict of {str: (value, str)}
        Of those, what will do where a fit begins from it, and why.
    """

    name: str
    kind: str
    path: object
    why: str
    sure: bool
    columns: dict
    opened: object = None
    survey: object = None
    keys: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    missing: dict = field(default_factory=dict)
    starts: dict = field(default_factory=dict)

    def begin_from_starts(self):
        """Write what a fit may begin from in the place of what would have to be filled in."""
        for key, (value, why) in self.starts.items():
            del self.missing[key]
            self.keys[key], self.notes[key] = value, why

    def field(self):
        """The inducing field, or a stand-in for it; empty for gravity."""
        if not self.component.kind.needs_field:
            return {}
        own = {key: self.keys.get(key, self.missing.get(key, (None,))[0]) for key in FIELD}
        return {key: getattr(self.survey, key) if value is None else value for key, value in own.items()}

    @property
    def component(self):
        """Entry of the quantity."""
        return component_of(self.kind)


def look(paths, arguments):
    """Every survey in some files.

    Parameters
    ----------
    paths : list of Path
    arguments : Namespace
        Of the command.

    Returns
    -------
    list of Seen
    """
    given = {key: Given(f"--{key}", getattr(arguments, key), paths, key in ("height", "std"))
             for key in ("quantity", "units", "height", "std", "format")}
    _check_given(given, paths)
    columns = columns_of(arguments.column, paths)
    seen = [each for path in paths for each in optioned(str(path), _kinds, path, given, columns[path])]
    names = [each.kind for each in seen]
    for k, each in enumerate(seen):
        before = names[:k].count(each.kind)
        each.name = each.kind if not before else f"{each.kind}_{before + 1}"
        optioned(str(each.path), _read, each, given, arguments)
    lowest = min((float(np.nanmin(s.survey.upward)) for s in seen if "height" not in s.missing), default=0.0)
    for each in seen:
        if "height" in each.missing:
            each.missing["height"] = (lowest, each.missing["height"][1])
            each.survey = each.survey.replace(upward=lowest)
    return seen


def _check_given(given, paths):
    for path in paths:
        kind = given["quantity"].of(path)
        if kind is not None and kind not in known_names():
            refuse("--quantity", kind, f"must be one of {', '.join(known_names())}")
        std = given["std"].of(path)
        if std is not None and not std > 0:
            refuse("--std", std, "must be > 0, in the units of the data")


def _kinds(path, given, columns):
    """What one file holds: as it was said, else as the file says, else as its name does."""
    kind, form = given["quantity"].of(path), given["format"].of(path)
    found = contents(path, form, columns.get("data"))
    if kind is not None:
        found = [c for c in found if c.kind == kind]
        found = found or [None]
    if not found:
        refuse("--quantity", None, f"must be given for {path.name!r}: neither its content nor its name says what was "
               f"measured, or they say two things. E.g. --quantity {path.name}=gravity (one of "
               f"{', '.join(known_names())})")
    return [Seen(name="", kind=kind if c is None else c.kind, path=path, sure=c is None or kind is not None or c.sure,
                 why="given by --quantity" if kind is not None else c.why,
                 columns=({} if c is None else c.columns) | columns) for c in found]


def _read(seen, given, arguments):
    """Read a survey, with a stand-in for each thing that is to be filled in."""
    path, kind, form = seen.path, seen.kind, given["format"].of(seen.path)
    seen.opened = left_open(path, kind, form, seen.columns)
    for key, value in (("format", form), ("crs", arguments.crs)):
        if value is not None:
            seen.keys[key], seen.notes[key] = value, "as given on the command line"
    _units(seen, given["units"].of(path))
    _height(seen, given["height"].of(path))
    taken = {key: seen.keys.get(key, seen.missing.get(key, (None,))[0])
             for key in ("units", "height", "crs", "format")}
    if arguments.missing:
        taken["missing"] = seen.keys["missing"] = arguments.missing
        seen.notes["missing"] = "numbers that mark gaps, as given on the command line"
    seen.survey = read_survey(path, kind, columns=seen.columns or None, name=seen.name, **taken)
    _sizes(seen, taken["units"] or seen.opened.units)
    _lattice(seen)
    state_noise(seen, given["std"].of(path))


def _units(seen, given):
    """Units: as said, as the file says; nT is the one guess, for no other is in use for grids of an anomaly."""
    unit = seen.component.unit.symbol
    if given is not None:
        seen.keys["units"], seen.notes["units"] = given, "as given on the command line"
    elif seen.opened.units is not None and seen.opened.units_from:
        seen.keys["units"], seen.notes["units"] = seen.opened.units, f"as the file says: {seen.opened.units_from}"
    elif seen.opened.units is None and unit == "nT" and not seen.opened.units_from:
        seen.keys["units"] = unit
        seen.notes["units"] = ("a guess: the file states none, and magnetic anomalies come in nT. Else: T, uT (1 nT = "
                               "1e-9 T)")
    elif seen.opened.units is None:
        other = "um/s2 (10 um/s2 = 1 mGal), m/s2" if unit == "mGal" else "1/s2"
        unclear = f"none without ambiguity: {seen.opened.units_from}" if seen.opened.units_from else "none"
        seen.missing["units"] = unit, (f'the file states {unclear}. "{unit}", or {other}: a wrong one scales the model '
                                       f"by the same factor. Figures below take it for {unit}: if it is not, run "
                                       "init again with --units")


def _sizes(seen, units):
    """What size the data have in their units, and in others that could be meant."""
    symbol, survey = seen.survey.units, seen.survey
    wide = max(np.ptp(survey.easting), np.ptp(survey.northing)) / 1e3
    others = [f"in {unit} they would span {size:.3g} {symbol}" for unit, size in other_units(survey, units)[:2]]
    said = (f"The middle 96 % of the data span {span(survey):.3g} {symbol} over {wide:.3g} km, taken for {units}; "
            f"{' and '.join(others) or 'in no other unit would that be usual'}")
    if "units" in seen.missing:
        seen.missing["units"] = seen.missing["units"][0], f"{seen.missing['units'][1]}. {said}"
    elif "units" in seen.keys:
        seen.notes["units"] += f". {said}"
    else:
        seen.notes["units"] = f"{units}, as the file states. {said}"


def _lattice(seen):
    """Stations that are the nodes of a lattice are placed on it."""
    grid = on_lattice(seen.survey)
    if grid is None:
        return
    gaps = grid.size - seen.survey.size
    holes = f", {gaps} of them without a station: gaps" if gaps else ""
    seen.keys["to_grid"], seen.notes["to_grid"] = True, (
        f"the {seen.survey.size} stations are nodes of a {grid.shape[0]} x {grid.shape[1]} lattice{holes}. The "
        "values are placed on their own nodes, and grids at one height are computed by FFT. Else: false, prism by "
        "prism for each station")
    seen.survey = grid


def _height(seen, given):
    if given is not None:
        seen.keys["height"], seen.notes["height"] = given, "as given on the command line, metres, positive up"
    elif seen.opened.height:
        seen.missing["height"] = 0.0, (
            "the file states none. Metres, positive up, above the datum of the mesh's top: 0 for stations on flat "
            "ground, the terrain clearance for a draped flight (plus any upward continuation)")


def with_field(seen, stated, why):
    """Give an inducing field to the surveys that need one, or say that it is to be filled in; returns nothing."""
    for each in seen:
        if not each.component.kind.needs_field:
            continue
        if stated is not None:
            each.keys |= dict(zip(FIELD, stated, strict=True))
            each.notes |= {"intensity": f"nT, {why}", "inclination": "degrees, positive down, of the same field",
                           "declination": "degrees, clockwise from north, of the same field"}
        elif each.opened.field:
            words = ("nT: the Earth's field at place and date of the survey (IGRF); --date YYYY-MM-DD computes it",
                     "degrees, positive down, negative in the south", "degrees, clockwise from north")
            if each.opened.pole:
                words = (words[0], "90: the file's name says that the field was reduced to the pole", "0 at the pole")
            each.missing |= {key: (value, text) for key, value, text in zip(
                FIELD, (50_000.0, 60.0, 0.0), words, strict=True)}


def summary(survey):
    """Size, extent and values of a survey in a line."""
    layout = f"{survey.shape[0]} x {survey.shape[1]} grid" if survey.is_grid else f"{survey.size} scattered stations"
    data = survey.data[survey.observed]
    west, east, south, north = (f(axis) / 1e3 for axis in (survey.easting, survey.northing) for f in (np.min, np.max))
    return (f"{layout}, {data.size} data, easting {west:.7g} to {east:.7g} km, northing {south:.7g} to {north:.7g} km, "
            f"values {data.min():.4g} to {data.max():.4g} {survey.units}")
