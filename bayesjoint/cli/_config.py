"""The TOML configuration of a run: every key with its type, its default and what is allowed."""

import dataclasses
import operator
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ..engines import answers_other_data, methods
from ..quantities import known_names

MISSING = dataclasses.MISSING


class ConfigError(ValueError):
    """A configuration that cannot be run: the key, its value, and what is allowed."""


def key(help_text, default=MISSING, choices=None, minimum=None, above=None, below=None, maximum=None):
    """Declare one key of a table: a dataclass field with its help and its limits."""
    limits = {"help": help_text, "choices": choices, "minimum": minimum, "above": above, "below": below,
              "maximum": maximum}
    return field(default=default, metadata=limits)


def _choices(meta):
    """What a key may be, looked up when it is asked for: engines and kinds may be added."""
    return meta["choices"]() if callable(meta["choices"]) else meta["choices"]


@dataclass(frozen=True, kw_only=True)
class SurveyTable:
    """One survey: where its data are and how well they are known."""

    file: str = key("netCDF or CSV file, relative to the configuration")
    kind: str = key("what was measured", choices=known_names)
    parameter: str = key("name of the parameter it sees")
    variable: str | None = key("variable or column that holds the data", None)
    columns: dict | None = key('CSV columns, e.g. { easting = "x", data = "g" }', None)
    height: float | None = key("station height in metres, positive up, if the file does not say", None)
    units: str | None = key("units of the file's data, if the file does not say", None)
    crs: str | None = key("coordinate reference system, for the record", None)
    intensity: float | None = key("inducing field, nT, if the file does not say", None, above=0.0)
    inclination: float | None = key("inclination, degrees, positive down, if the file does not say", None)
    declination: float | None = key("declination, degrees, clockwise from north, if the file does not say", None)
    std: float | None = key("noise standard deviation, units of the data", None, above=0.0)
    relative_std: float | None = key("noise as a share of each datum (with floor_std)", None, minimum=0.0)
    floor_std: float | None = key("noise as a share of the largest datum (with relative_std)", None, minimum=0.0)
    bias: str = key("regional field, datum shift or levels of a lattice's lines, inferred with the model", "none",
                    choices=("none", "constant", "linear", "quadratic", "rows", "columns"))
    bias_std: float | None = key("prior std of each bias coefficient, units of the data", None, above=0.0)
    forward: str = key("forward operator", "auto", choices=("auto", "fft", "direct", "sampling"))
    exponent: float = key("likelihood exponent (tempering)", 1.0, above=0.0)


@dataclass(frozen=True, kw_only=True)
class MeshTable:
    """The mesh laid under the surveys."""

    depth: float = key("depth of its bottom, metres", above=0.0)
    layers: int = key("number of layers", 15, minimum=1)
    padding: int = key("extra columns on each side", 5, minimum=0)
    growth: float = key("ratio of a layer's thickness to that of the layer above", 1.0, above=0.0)
    top: float = key("upward coordinate of its top, metres", 0.0)
    spacing: float | None = key("horizontal cell size, metres; needed when no survey is gridded", None, above=0.0)


@dataclass(frozen=True, kw_only=True)
class ParameterTable:
    """One property and its prior."""

    prior: str = key("kind of prior", "matern", choices=("matern", "minimum_length", "focusing"))
    std: float | None = key("matern: prior standard deviation, physical units", None, above=0.0)
    range: float | list | None = key("matern: range in metres, or [upward, northing, easting]", None)
    smoothness: float = key("matern: smoothness", 1.5, choices=(0.5, 1.5, 2.5))
    extent: str = key("matern: whether the field ends with the mesh or goes on beyond it", "mesh",
                      choices=("mesh", "continued"))
    alpha: float | None = key("minimum_length, focusing: starting weight of the prior", None, above=0.0)
    depth_exponent: float | None = key("minimum_length, focusing: exponent of the depth weights", None, minimum=0.0)
    p: int = key("focusing: norm", 1, choices=(0, 1, 2))
    mean: float = key("prior mean or reference, physical units", 0.0)
    lower: float | None = key("lower bound, physical units", None)
    upper: float | None = key("upper bound, physical units", None)


@dataclass(frozen=True, kw_only=True)
class CouplingTable:
    """What ties the parameters."""

    kind: str = key("kind of coupling", "none", choices=("none", "coregionalization", "gramian"))
    correlation: float | None = key("coregionalization: cross-correlation", None, above=-1.0, below=1.0)
    weight: float | None = key("gramian: weight λ", None, above=0.0)
    space: str = key("gramian: space", "model", choices=("model", "weighted", "gradient"))


@dataclass(frozen=True, kw_only=True)
class PosteriorTable:
    """How the posterior is computed and how much of it is kept."""

    method: str = key("engine", "auto", choices=methods)
    fit: bool = key("first fit prior std, ranges, correlation and noise by the evidence", False)
    draws: int = key("draws kept per chain", 25, minimum=1)
    chains: int = key("chains", 4, minimum=1)
    separate: bool = key("also invert every survey alone, to stand beside the joint result", True)


@dataclass(frozen=True, kw_only=True)
class ConflictTable:
    """How `bayesjoint conflict` tests."""

    level: float = key("family-wise level", 0.05, above=0.0, below=1.0)
    margins: dict | None = key('sizes that matter, by form, units of the data (a gain: %), e.g. { offset = 0.5, gain = '
                               '5.0 }; default the noise std', None)
    places: bool = key("make maps and bands of wavelength: the costly part of large surveys", True)
    refits: int = key("with posterior.fit: simulated surveys fitted anew behind the p-values (99 is usual); 0 takes "
                      "what was fitted for known", 0, minimum=0)


@dataclass(frozen=True, kw_only=True)
class GeologyTable:
    """A kind of ground on which intervals are recalibrated; without this table none are."""

    family: str | None = key("a family offered by name; or leave it out and state [geology.structures.NAME]", None,
                             choices=("mixture",))
    std: dict | str = key('mixture: std over the cells that the ground should have, by parameter, physical units, e.g. '
                          '{ density = 150.0, susceptibility = 0.02 }; "prior" takes the prior\'s', "prior")
    length: float | None = key("mixture: size of a body, metres; default half the mesh's depth", None, above=0.0)
    structures: dict | None = key(
        'tables [geology.structures.NAME], painted in their order: kind ("bodies", "layers", "dykes", "cover", '
        '"units", "texture"), contrasts = { density = [-300.0, 300.0] } (texture: std) and arguments of bj.Bodies, '
        'bj.Layers, bj.Dykes, bj.Cover, bj.Plurigaussian, bj.GaussianField, each a number or [low, high]', None)
    log_std: float = key("std of the logarithm of a factor on all contrasts of a property in one world", 0.35,
                         minimum=0.0)
    shared: float = key("share of worlds in which properties have one geometry", 0.5, minimum=0.0)
    positive: list | None = key("parameters of one sign; default susceptibility, if there is one", None)
    worlds: int = key("simulated worlds", 200, minimum=40)
    sensitivity: bool = key("also try the intervals on other families", True)
    sensitivity_worlds: int = key("worlds of each other family", 40, minimum=2)
    contrast_factor: float = key("widen intervals for contrasts so many times stronger or weaker, 1 to 2; 1.4 where "
                                 "one chosen body's contrast is a guess", 1.0, minimum=1.0, maximum=2.0)
    learned: bool = key("learn quantiles from neighbours (needs bayesjoint[learn], takes minutes)", False)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    title: str
    seed: int
    surveys: dict
    mesh: MeshTable
    parameters: dict
    coupling: CouplingTable
    posterior: PosteriorTable
    conflict: ConflictTable
    geology: GeologyTable | None
    folder: Path
    path: Path
    text: str


TABLES = {"surveys": SurveyTable, "mesh": MeshTable, "parameters": ParameterTable, "coupling": CouplingTable,
          "posterior": PosteriorTable, "conflict": ConflictTable, "geology": GeologyTable}
NAMED = ("surveys", "parameters")
ASKED = ("geology",)  # tables that mean something by being there
STRUCTURES = ("bodies", "layers", "dykes", "cover", "units", "texture")
FORMS = ("offset", "tilt", "patch", "gain", "levels")  # of a disturbance
OTHERS = {  # keys that a kind of prior does not read
    "matern": {"alpha", "depth_exponent", "p"},
    "minimum_length": {"std", "range", "smoothness", "extent", "p"},
    "focusing": {"std", "range", "smoothness", "extent"},
}
LIMITS = (("minimum", operator.ge, ">="), ("above", operator.gt, ">"), ("below", operator.lt, "<"),
          ("maximum", operator.le, "<="))
SEED = 20260101


def read_config(path):
    """Read and check a configuration.

    Parameters
    ----------
    path : str or Path
        TOML file.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        Naming the key, its value and what is allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.toml"
    ...     _ = path.write_text("sed = 3")
    ...     read_config(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    bayesjoint.cli._config.ConfigError: sed = 3: unknown key; allowed here: title, seed, surveys, mesh, parameters, ...
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        refuse(path, None, f"cannot be read ({error.strerror}); give the path of a TOML configuration")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        refuse(path, None, f"not valid TOML: {error}")
    allowed = ("title", "seed", *TABLES)
    for name in raw:
        if name not in allowed:
            refuse(name, raw[name], f"unknown key; allowed here: {', '.join(allowed)}")
    tables = {name: _table(name, cls, raw) for name, cls in TABLES.items()}
    title, seed = raw.get("title", path.stem), raw.get("seed", SEED)
    if not isinstance(title, str):
        refuse("title", title, "must be a string")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        refuse("seed", seed, "must be an integer >= 0")
    config = Config(title=title, seed=seed, folder=path.resolve().parent, path=path, text=text, **tables)
    _check_together(config)
    return config


def describe():
    """Every table and key with its default and what is allowed, as text for ``--help``."""
    lines = []
    for name, cls in TABLES.items():
        lines.append(f"[{name}.NAME]" if name in NAMED else f"[{name}]")
        for item in dataclasses.fields(cls):
            default = "required" if item.default is MISSING else f"default {item.default!r}"
            choices = _choices(item.metadata)
            allowed = f"; one of {', '.join(map(repr, choices))}" if choices else ""
            lines.append(f"  {item.name:<15} {item.metadata['help']} ({default}{allowed})")
    return "\n".join(lines)


def _table(name, cls, raw):
    values = raw.get(name, {})
    if not isinstance(values, dict):
        refuse(name, values, "must be a table")
    if name in ASKED and name not in raw:
        return None
    if name not in NAMED:
        return _record(name, cls, values)
    if not values:
        refuse(name, values, f"must hold at least one table [{name}.NAME]")
    for each, table in values.items():
        if not isinstance(table, dict):
            refuse(f"{name}.{each}", table, f"must be a table [{name}.NAME]")
        if not each.isidentifier():
            refuse(f"{name}.{each}", table, "names may hold letters, digits and _ only")
    return {each: _record(f"{name}.{each}", cls, table) for each, table in values.items()}


def _record(where, cls, values):
    fields = {item.name: item for item in dataclasses.fields(cls)}
    for name in values:
        if name not in fields:
            refuse(f"{where}.{name}", values[name], f"unknown key; allowed here: {', '.join(fields)}")
    for name, item in fields.items():
        if name in values:
            values = {**values, name: _value(f"{where}.{name}", item, values[name])}
        elif item.default is MISSING:
            refuse(f"{where}.{name}", None, f"is required ({item.metadata['help']})")
    return cls(**values)


def _value(where, item, value):
    meta, words = item.metadata, f"({item.metadata['help']})"
    accepted = item.type if isinstance(item.type, type) else tuple(t for t in item.type.__args__ if t is not type(None))
    accepted = accepted if isinstance(accepted, tuple) else (accepted,)
    if float in accepted and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        names = {float: "a number", int: "an integer", str: "a string", bool: "true or false", dict: "a table",
                 list: "a list"}
        refuse(where, value, f"must be {' or '.join(names[t] for t in accepted)} {words}")
    choices = _choices(meta)
    if choices and value not in choices:
        refuse(where, value, f"must be one of {', '.join(map(repr, choices))} {words}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for limit, fits, sign in LIMITS:
            if meta[limit] is not None and not fits(value, meta[limit]):
                refuse(where, value, f"must be {sign} {meta[limit]:g} {words}")
    return value


def _check_together(config):
    """Rules that involve more than one key."""
    for broken, where, value, words in _rules(config):
        if broken:
            refuse(where, value, words)


def _is_positive(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _rules(config):
    """Yield (whether it is broken, key, its value, what is allowed), one rule after the other."""
    for name, survey in config.surveys.items():
        where = f"surveys.{name}"
        yield (survey.parameter not in config.parameters, f"{where}.parameter", survey.parameter,
               f"must be one of {', '.join(config.parameters)}")
        yield ((survey.relative_std is None) != (survey.floor_std is None), f"{where}.relative_std",
               survey.relative_std, "needs floor_std, and the other way round")
        yield (survey.std is not None and survey.relative_std is not None, f"{where}.std", survey.std,
               "give either std, or relative_std with floor_std")
        yield ((survey.bias == "none") != (survey.bias_std is None), f"{where}.bias_std", survey.bias_std,
               f"must go with bias (now {survey.bias!r})")
    for name, table in config.parameters.items():
        where = f"parameters.{name}"
        for each in ("std", "range") if table.prior == "matern" else ("alpha",):
            yield getattr(table, each) is None, f"{where}.{each}", None, f"is required for prior = {table.prior!r}"
        for each in sorted(OTHERS[table.prior]):
            value = getattr(table, each)
            yield (value != _default(ParameterTable, each), f"{where}.{each}", value,
                   f"means nothing for prior = {table.prior!r}")
        yield (None not in (table.lower, table.upper) and table.lower > table.upper, f"{where}.lower", table.lower,
               f"must be <= upper = {table.upper}")
        numbers = table.range if isinstance(table.range, list) else [table.range]
        yield (table.range is not None and not (len(numbers) in (1, 3) and all(map(_is_positive, numbers))),
               f"{where}.range", table.range, "must be > 0 metres, one number or three")
    yield (config.conflict.refits and not config.posterior.fit, "conflict.refits", config.conflict.refits,
           "means nothing without posterior.fit = true")
    for form, size in (config.conflict.margins or {}).items():
        yield (form not in FORMS or not _is_positive(size), f"conflict.margins.{form}", size,
               f"must be a number > 0 under one of {', '.join(FORMS)}")
    if config.geology is not None:
        yield from _rules_of_geology(config, config.geology)
    coupling = config.coupling
    for each, kind in (("correlation", "coregionalization"), ("weight", "gramian")):
        value = getattr(coupling, each)
        yield (coupling.kind == kind and value is None, f"coupling.{each}", None,
               f"is required for kind = {coupling.kind!r}")
        yield (coupling.kind != kind and value is not None, f"coupling.{each}", value,
               f"means nothing for kind = {coupling.kind!r}")


def _rules_of_geology(config, table):
    """Rules of the table of the ground, and what an engine must be to answer its worlds."""
    yield ((table.family is None) == (not table.structures), "geology.family", table.family,
           "give either family or tables [geology.structures.NAME]")
    for name, values in (table.structures or {}).items():
        kind = values.get("kind") if isinstance(values, dict) else None
        yield (kind not in STRUCTURES, f"geology.structures.{name}.kind", kind,
               f"must be one of {', '.join(map(repr, STRUCTURES))}")
    named = isinstance(table.std, str)
    yield (named and table.std != "prior", "geology.std", table.std,
           'must be "prior" or a table { parameter = number }')
    yield (not named and not (set(table.std) == set(config.parameters) and all(map(_is_positive, table.std.values()))),
           "geology.std", table.std, f"must give a number > 0 for each of {', '.join(config.parameters)}")
    yield table.shared > 1, "geology.shared", table.shared, "must be <= 1"
    yield (not set(table.positive or ()) <= set(config.parameters), "geology.positive", table.positive,
           f"must name parameters among {', '.join(config.parameters)}")
    where = next((f"parameters.{name}" for name, p in config.parameters.items()
                  if p.prior == "focusing" or p.lower is not None or p.upper is not None), None)
    where = "coupling.kind" if config.coupling.kind == "gramian" else where
    where = "posterior.method" if not answers_other_data(config.posterior.method) else where
    yield (where is not None, where, None, "cannot go with [geology]: simulated worlds need an engine that answers "
           "other data by one solve, so Gaussian priors without bounds or a Gramian")


def keyed(where, build, *arguments):
    """Build something from a table; what the library refuses is an error of that table."""
    try:
        return build(*arguments)
    except (ValueError, TypeError) as error:
        return refuse(where, None, str(error))


def _default(cls, name):
    return next(item.default for item in dataclasses.fields(cls) if item.name == name)


def refuse(where, value, allowed):
    """Raise the error of a key: where it stands, its value (None shows none), and what is allowed."""
    shown = "" if value is None else f" = {value!r}"
    msg = f"{where}{shown}: {allowed}"
    raise ConfigError(msg)
