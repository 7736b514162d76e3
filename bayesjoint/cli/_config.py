"""Reading the TOML configuration of a run, and refusing what cannot be run."""

import dataclasses
import math
import tomllib
from dataclasses import MISSING
from pathlib import Path
from typing import get_args

from ._fill_in import check_filled_in
from ._refuse import refuse
from ._rules import check_together
from ._tables import ASKED, LIMITS, NAMED, SEED, TABLES, Config, choices_of

LARGEST_SEED = 2**63 - 1  # netCDF has no larger integers
TAKEN = ("upward", "northing", "easting", "station", "id", "chain", "draw", "sample", "pred_id", "iteration")


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
    bayesjoint.cli._refuse.ConfigError: sed = 3: unknown key; allowed here: title, seed, surveys, mesh, parameters, ...
    """
    path, raw, text = _raw(path)
    check_filled_in(text, raw)
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
    if seed > LARGEST_SEED:
        refuse("seed", seed, f"must be an integer from 0 to {LARGEST_SEED}, which results can hold")
    config = Config(title=title, seed=seed, folder=path.resolve().parent, path=path, text=text, **tables)
    check_together(config)
    return config


def _raw(path):
    """Path, tables and text of a TOML file; whatever keeps it from being read is an error that says so."""
    try:
        path = Path(path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or error
        refuse(path, None, f"cannot be read ({why}); give the path of a TOML configuration")
    try:
        return path, tomllib.loads(text), text
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        return refuse(path, None, f"not valid TOML: {error}")


def describe():
    """Every table and key with its default and what is allowed, as text for ``--help``."""
    lines = []
    for name, cls in TABLES.items():
        lines.append(f"[{name}.NAME]" if name in NAMED else f"[{name}]")
        for item in dataclasses.fields(cls):
            default = "required" if item.default is MISSING else f"default {item.default!r}"
            choices = choices_of(item.metadata)
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
        if not each.isidentifier() or not each.isascii() or not each[0].isalpha():
            refuse(f"{name}.{each}", None, "names may hold letters from a to z, digits and _ only, a letter first")
        if each in TAKEN:
            refuse(f"{name}.{each}", None, f"must be none of the names that results have for other things, "
                   f"{', '.join(TAKEN)}")
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
    accepted = tuple(t for t in get_args(item.type) or (item.type,) if t is not type(None))
    if float in accepted and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(where, value)
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        names = {float: "a number", int: "an integer", str: "a string", bool: "true or false", dict: "a table",
                 list: "a list"}
        refuse(where, value, f"must be {' or '.join(names[t] for t in accepted)} {words}")
    _refuse_endless(where, value)
    choices = choices_of(meta)
    if choices and value not in choices:
        refuse(where, value, f"must be one of {', '.join(map(repr, choices))} {words}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for limit, fits, sign in LIMITS:
            if meta[limit] is not None and not fits(value, meta[limit]):
                refuse(where, value, f"must be {sign} {meta[limit]:g} {words}")
    return value


def _as_float(where, value):
    try:
        return float(value)
    except OverflowError:
        return refuse(where, value, "must be a number that a computer can hold")


def _refuse_endless(where, value):
    """Refuse inf, nan and endless integers, also inside lists and tables."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        _refuse_endless(f"{where}.{key}" if isinstance(value, dict) else where, each)
    if isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(where, value)
    if isinstance(value, float) and not math.isfinite(value):
        refuse(where, value, "must be a finite number")
