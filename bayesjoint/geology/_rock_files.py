"""Rocks from files: samples, one a row, or units."""

import re
from os import PathLike

import numpy as np

from .._checks import as_file, fail, one_of
from .._text_table import number, read_text_table

DENSITY = {"kg/m3": 1.0, "g/cm3": 1000.0}
BOUND = 1.6448536269514722  # 95 % point of the normal: tables give ranges, taken for 5 and 95 %
ENDINGS = re.compile(r"_(kg_m3|kgm3|si|kg/m3)$")
OPTIONAL = ("correlation", "share", "samples", "density_error", "susceptibility_log_error", "std_log_error")


def read_samples(samples, density_units, columns):
    """Statistics of the samples of each unit: a list of dicts with the fields of a `RockUnit`."""
    one_of("density_units", density_units, tuple(DENSITY))
    table, columns = _columns(samples), dict(columns or {})
    unit = _column(table, columns, "unit", ("unit", "rock"))
    density = _numbers("density", _column(table, columns, "density")) * DENSITY[density_units]
    chi = _numbers("susceptibility", _column(table, columns, "susceptibility"))
    log = np.log(np.where(chi > 0, chi, np.nan))
    names = [str(u).strip() for u in unit]
    if not len(names) == density.size == log.size:
        fail("samples", "have columns of one length", f"{len(names)}, {density.size} and {log.size}", "Fill gaps.")
    used = sorted({name for name in names if name}, key=names.index)
    return [_statistics(name, *(v[np.array(names) == name] for v in (density, log)), len(names)) for name in used]


def _statistics(name, density, log, total):
    both = np.isfinite(density) & np.isfinite(log)
    density_there, log_there = (v[np.isfinite(v)] for v in (density, log))
    for what, values in (("density", density_there), ("susceptibility above 0", log_there)):
        if values.size < 2 or np.ptp(values) == 0:
            fail("samples", f"have two or more different values of {what} in each unit",
                 f"{values.size} in {name!r}", "Merge it with a unit like it, or use RockUnit(...) to state them.")
    rho = np.corrcoef(density[both], log[both])[0, 1] if both.sum() > 3 else 0.0
    return {
        "name": name, "density": float(density_there.mean()), "density_std": float(density_there.std(ddof=1)),
        "susceptibility": float(np.exp(log_there.mean())), "susceptibility_log_std": float(log_there.std(ddof=1)),
        "correlation": float(np.clip(rho, -0.99, 0.99)), "share": density.size / total,
        "samples": int(min(density_there.size, log_there.size))}


def read_units(path):
    """Units of a CSV file: a list of dicts with the fields of a `RockUnit`."""
    table = {ENDINGS.sub("", k.strip().lower()): v for k, v in _read(path).items()}
    names = [str(v).strip() for v in _column(table, {}, "unit", ("unit", "rock"))]
    numbers = {k: _numbers(k, v) for k, v in table.items()
               if k.startswith(("density", "susceptibility")) or k in OPTIONAL}
    mean, std = _normal(numbers, "density")
    log, spread = _normal({k: np.log(v) if not k.endswith("log_std") else v for k, v in numbers.items()
                           if k.startswith("susceptibility") and "error" not in k}, "susceptibility", "_log_std")
    rows = []
    for i, name in enumerate(names):
        rest = {k: float(numbers[k][i]) for k in OPTIONAL if k in numbers and np.isfinite(numbers[k][i])}
        rows.append({"name": name, "density": float(mean[i]), "density_std": float(std[i]),
                     "susceptibility": float(np.exp(log[i])), "susceptibility_log_std": float(spread[i]), **rest})
    return rows


def _normal(numbers, name, ending="_std"):
    """Centre and spread from a column of each, or from bounds."""
    low, high = numbers.get(f"{name}_low"), numbers.get(f"{name}_high")
    centre = numbers.get(name, numbers.get(f"{name}_mean", numbers.get(f"{name}_median")))
    spread = numbers.get(f"{name}{ending}")
    if (low is None or high is None) and (centre is None or spread is None):
        fail("path", f"have columns {name} and {name}{ending}, or {name}_low and {name}_high",
             ", ".join(numbers) or "none of them", "Name them so in the header.")
    centre = 0.5 * (low + high) if centre is None else centre
    return centre, (high - low) / (2 * BOUND) if spread is None else spread


def _columns(samples):
    if isinstance(samples, dict):
        return {str(k): np.asarray(v) for k, v in samples.items()}
    if getattr(getattr(samples, "dtype", None), "names", None):
        return {k: samples[k] for k in samples.dtype.names}
    if not isinstance(samples, str | PathLike):
        fail("samples", "be a file, a dict of columns or a structured array", type(samples).__name__, "See `columns`.",
             TypeError)
    return _read(samples)


def _read(path):
    """Columns of a CSV file as text, by the names in its header."""
    # else one within the package, which may be in a zip
    file = as_file("path", path) if isinstance(path, str | PathLike) else path
    table = read_text_table(file, comments=("#",))
    return {name: table.texts(name) for name in table.names}


def _column(table, columns, role, names=None):
    lower = {k.strip().lower(): k for k in table}
    wanted = (columns[role].lower(),) if role in columns else (names or (role,))
    found = next((lower[n] for n in wanted if n in lower), None)
    if found is None:
        fail("samples", f"have a column {' or '.join(wanted)}", ", ".join(table) or "none",
             f"Pass columns={{{role!r}: '...'}}.")
    return table[found]


def _numbers(name, values):
    try:
        return np.array([number(v) if isinstance(v, str) else float(v) for v in values])
    except (TypeError, ValueError) as error:
        fail(f"column {name}", "hold numbers", str(error), "Correct it, or leave the cell empty.")
