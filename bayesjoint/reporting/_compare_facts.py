"""Numbers of a comparison of runs: what differs in what was asked, fits, evidence and models; each with its error."""

import tomllib
from dataclasses import dataclass

import numpy as np

from .. import plot
from ..dataset import read_attributes

ABSENT = "not stated"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Log evidence of a run less that of the first, or why the two do not compare."""

    run: str
    value: float | None = None
    error: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelDifference:
    """One property of a run less that of the first, over cells that both have.

    Parameters
    ----------
    run, name, title, units : str
    rms, largest : float
        Of the difference of the means.
    where : tuple of float
        (easting, northing, upward) of the largest, metres.
    in_std : float
        Rms of the difference of the means over sqrt(std² + std²); NaN without standard deviations.
    correlation : float
        Between the means.
    std_ratio : tuple of float
        Lower decile, median and upper decile of the ratio of standard deviations.
    error, largest_error : float
        Numerical error of the difference of the means, rms and where it is largest; NaN where a run states none.
    """

    run: str
    name: str
    title: str
    units: str
    rms: float
    largest: float
    where: tuple
    in_std: float
    correlation: float
    std_ratio: tuple
    error: float
    largest_error: float


def with_error(tree, fit):
    """A `Fit` with `draws_error`, the Monte Carlo error of χ²/m of its draws; None where it is that of the mean."""
    fit.draws_error = None
    if fit.draws is not None and plot.held(tree, "sample_stats", f"chi2_{fit.name}").size > 1:
        of_draws = np.ravel(plot.held(tree, "sample_stats", f"chi2_{fit.name}"))
        scale = fit.draws / float(np.mean(of_draws))  # likelihood exponent and number of data
        fit.draws_error = float(np.std(of_draws, ddof=1) / np.sqrt(of_draws.size) * scale)
    return fit


def asked(trees):
    """[(key, [value of each run])] of configuration and provenance, where runs differ."""
    tables = {name: flat(_configuration(tree)) | _provenance(tree) for name, tree in trees.items()}
    keys = dict.fromkeys(key for table in tables.values() for key in table)
    rows = [(key, [_shown(table.get(key, ABSENT)) for table in tables.values()]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def flat(table, before=""):
    """{dotted key: value} of nested tables.

    Examples
    --------
    >>> flat({"mesh": {"depth": 1.0}, "seed": 2})
    {'mesh.depth': 1.0, 'seed': 2}
    """
    out = {}
    for key, value in table.items():
        out |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return out


def _configuration(tree):
    try:
        return tomllib.loads(tree.attrs.get("configuration", ""))
    except tomllib.TOMLDecodeError:
        return {}


def _provenance(tree):
    root = read_attributes(tree)
    rows = {f"made by: {name}": version for name, version in root.get("versions", {}).items()}
    words = (("method", "posterior engine"), ("command", "command"), ("created_at", "made"), ("run_id", "run"))
    rows |= {text: root[key] for key, text in words if key in root}
    for name in tree["observed_data"].data_vars if "observed_data" in tree.children else ():
        rows[f"data of {name}"] = read_attributes(tree["observed_data"][name]).get("history", ABSENT)
    return rows


def _shown(value):
    return value if isinstance(value, str) else repr(value)


def evidences(trees):
    """`Evidence` of every run but the first."""
    (first, one), *others = trees.items()
    return [_evidence(first, one, name, tree) for name, tree in others]


def _evidence(first, one, name, other):
    why = data_differ(one, other)
    if why is not None:
        return Evidence(run=name, why=f"not comparable: {why}. Evidences of different data say nothing of each other")
    lacking = [label for label, tree in ((first, one), (name, other)) if "log_evidence" not in tree.attrs]
    if lacking:
        return Evidence(run=name, why=f"not comparable: {' and '.join(lacking)} states none")
    values = [float(tree.attrs["log_evidence"]) for tree in (one, other)]
    errors = [float(tree.attrs.get("log_evidence_error", np.nan)) for tree in (one, other)]
    fitted = [label for label, tree in ((first, one), (name, other)) if flat(_configuration(tree)).get("posterior.fit")]
    why = (f"{' and '.join(fitted)}: prior and noise were fitted, so that the evidence is a maximum, a few nats too "
           "favourable") if fitted else ""
    return Evidence(run=name, value=values[1] - values[0], error=float(np.hypot(*errors)), why=why)


def data_differ(one, other):
    """Why two trees are not of the same data, or None: same surveys, stations, values and likelihood exponents."""
    if not all("observed_data" in tree.children for tree in (one, other)):
        return "a run holds no data"
    names = [sorted(map(str, tree["observed_data"].data_vars)) for tree in (one, other)]
    if names[0] != names[1]:
        return f"surveys are {', '.join(names[0])} and {', '.join(names[1])}"
    for name in names[0]:
        a, b = (tree["observed_data"][name] for tree in (one, other))
        if a.shape != b.shape or not np.array_equal(a.values, b.values, equal_nan=True):
            return f"data of {name} differ ({a.size} and {b.size} values)"
        if any(not np.array_equal(a[dim].values, b[dim].values) for dim in a.coords if dim in b.coords):
            return f"stations of {name} differ"
        weights = [read_attributes(v).get("likelihood_exponent", 1.0) for v in (a, b)]
        if weights[0] != weights[1]:
            return f"{name} counts with exponents {weights[0]:g} and {weights[1]:g}"
    return None


def meshes_differ(one, other):
    """Why two trees are not on the same cells, or None."""
    if not (plot.mesh_parameters(one) and plot.mesh_parameters(other)):
        return "a run holds no property of cells"
    meshes = [plot.mesh_of(tree) for tree in (one, other)]
    return None if meshes[0] == meshes[1] else f"meshes differ, {meshes[0]!r} and {meshes[1]!r}"


def model_differences(trees):
    """(list of `ModelDifference`, {run: why it has none})."""
    (_, one), *others = trees.items()
    found, none = [], {}
    for run, tree in others:
        why = meshes_differ(one, tree)
        names = [] if why else [n for n in plot.mesh_parameters(one) if n in plot.mesh_parameters(tree)]
        found += [_difference(one, tree, run, name) for name in names]
        if not names:
            none[run] = why or "no property is in both"
    return found, none


def _difference(one, other, run, name):
    mesh = plot.mesh_of(one)
    variables = [plot.model_values(tree, name, "mean") for tree in (one, other)]
    means = [variable.values.astype(float) for variable in variables]
    change = means[1] - means[0]
    known = np.isfinite(change)
    stds = [_held(tree, f"{name}_std", mesh.shape) for tree in (one, other)]
    errors = [_held(tree, f"{name}_mean_error", mesh.shape) for tree in (one, other)]
    place = np.unravel_index(int(np.nanargmax(np.abs(change))), mesh.shape)
    flat_means = [mean[known] for mean in means]
    vary = min(map(np.std, flat_means)) > 0
    ratio = stds[1][known] / stds[0][known]
    return ModelDifference(
        run=run, name=name, title=plot.title_of(one, name), units=variables[0].attrs["units"], rms=_rms(change[known]),
        largest=float(change[place]),
        where=tuple(float(axis[k]) for axis, k in zip((mesh.easting, mesh.northing, mesh.upward), place[::-1],
                                                      strict=True)),
        in_std=_rms(change[known] / np.hypot(stds[0], stds[1])[known]),
        correlation=float(np.corrcoef(*flat_means)[0, 1]) if vary else float("nan"),
        std_ratio=tuple(map(float, np.quantile(ratio, [0.1, 0.5, 0.9]))),
        error=_rms(np.hypot(*errors)[known]), largest_error=float(np.hypot(*errors)[place]))


def _held(tree, name, shape):
    found = plot.held(tree, "posterior_summary", name)
    return np.full(shape, np.nan) if found is None else np.broadcast_to(np.asarray(found, dtype=float), shape)


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
