"""Numbers of the report, taken from the tree; nothing here is claimed that the tree does not hold."""

import numpy as np
from scipy.special import ndtri

from .. import plot
from ..dataset import read_attributes
from ..engines import Mixing

PROBABILITY = 0.90  # of every interval in the report; printed with its kind
ENDS = [0.5 - PROBABILITY / 2, 0.5 + PROBABILITY / 2]  # levels of its ends
GAUSSIAN = "equal-tailed Gaussian"  # how the words of an interval in closed form begin
MANY = 60  # values of a vector above which a table shows their size only
BESIDE = ("hyperparameters", "likelihood exponents", "p-values of agreement")  # statements on no engine's numbers
NOT_LOOSE = "no more loosely than it may; how closely it should is not known"  # of a mean with no known expectation
UNDOUBTED = ("as expected", "not stated", NOT_LOOSE)  # verdicts on a fit that speak against nothing
UNINFORMED = 0.95  # posterior std / prior std above which a layer counts as left to the prior


class Fit:
    """How one data set is fitted by the posterior mean and by posterior draws.

    If prior and noise are right, χ² of a posterior draw is distributed as χ² with m degrees of freedom over repeated
    data (data and draw are then a draw of the joint density), whatever the engine; χ² of the posterior mean is less.
    Of a grid that counts as measured at some nodes alone the noise was widened for that: no χ² of all nodes judges it.
    """

    def __init__(self, tree, name):
        observed, residual = tree["observed_data"][name], np.full(1, np.nan)
        attrs = read_attributes(observed)
        self.name, self.long_name = name, attrs["long_name"].removesuffix(", observed")
        self.kind, self.units, self.count = attrs["kind"], attrs["units"], int(attrs["n_data"])
        half, chi2 = 3 * np.sqrt(2 / self.count), plot.held(tree, "predictive_summary", f"{name}_chi2")
        self.chi2, self.ratio = (None, None) if chi2 is None else (float(chi2), float(chi2) / self.count)
        self.plain_range = max(1 - half, 0.0), 1 + half  # where χ²/m of draws should lie
        uncertain = any(str(v).endswith("_std") for v in tree["posterior_summary"].data_vars)
        self.whose = "the posterior mean" if uncertain else "the model"
        noise = plot.held(tree, "constant_data", f"{name}_noise_std")
        if noise is not None and plot.has(tree, "predictive_summary", f"{name}_mean"):
            residual = plot.data_field(tree, name, "standardized").values
        known = residual[np.isfinite(residual)]
        self.residual_mean, self.residual_std = (float(f(known)) if known.size else np.nan for f in (np.mean, np.std))
        weight, of_draws = attrs.get("likelihood_exponent", 1.0), plot.held(tree, "sample_stats", f"chi2_{name}")
        self.measured_every = int(attrs.pop("measured_every", 1))
        self.draws = None if of_draws is None or unvalidated(tree) else float(of_draws.mean()) * weight / self.count
        self.expected = _expected_chi2(tree, name, self.count, weight)
        self.separate = {label: float(tree["separate_summary"][f"{name}_chi2__{label}"])
                         for label in plot.labels_of(tree, name, "chi2")}
        self.attributes = {k: v for k, v in attrs.items() if k not in ("units", "long_name", "kind", "n_data")}

    @property
    def mean_range(self):
        """Where χ²/m of the posterior mean should lie, or None where its expectation is not known."""
        if self.expected is None:
            return None
        half = 3 * np.sqrt(2 * self.expected)
        return max(self.expected - half, 0.0) / self.count, (self.expected + half) / self.count

    @property
    def judged(self):
        """(χ²/m, low, high, whose it is) that the verdict rests on: the draws' if there are any, None if nothing.

        What was fitted to the data is nearer to them than m, and where it is not known by how much nothing is too near.
        """
        if self.measured_every > 1:
            return None, *self.plain_range, "no node"
        if self.draws is not None:
            return self.draws, *self.plain_range, "posterior draws"
        if self.mean_range is not None:
            return self.ratio, *self.mean_range, self.whose
        return self.ratio, 0.0, self.plain_range[1], self.whose

    @property
    def verdict(self):
        """Word for the fit: as expected, too loose, too close, or just not too loose."""
        value, low, high, _ = self.judged
        if value is None:
            return "not stated"
        if value > high:
            return "more loosely than the stated noise and prior allow"
        if self.draws is None and self.mean_range is None:
            return NOT_LOOSE
        return "more closely than the stated noise and prior would have it" if value < low else "as expected"


class ReportedProperty:
    """What was learned of one parameter on the mesh; None for what the tree does not tell."""

    def __init__(self, tree, name):
        mean, score, mesh = plot.model_values(tree, name, "mean"), plot.standing_out(tree, name), plot.mesh_of(tree)
        known = plot.has(tree, "posterior_summary", f"{name}_std")
        std = plot.model_values(tree, name, "std").values if known else None
        visible = np.where(plot.under_stations(tree, mesh) & mesh.active, np.abs(score), -1.0)
        where = np.unravel_index(int(np.argmax(visible)), score.shape)
        self.name, self.long_name, self.units = name, plot.title_of(tree, name), mean.attrs["units"]
        self.prior = str(mean.attrs.get("prior", "not stated"))
        self.peak, self.score = float(mean.values[where]), float(score[where])
        self.peak_std = None if std is None else float(std[where])
        self.beyond = None if std is None else float(np.mean(np.abs(score[mesh.active]) > 2))
        east, north = float(mesh.easting[where[2]]), float(mesh.northing[where[1]])
        self.place = {"depth": float(mesh.depth_below_ground[where]), "northing": north, "easting": east}
        self.scale = plot.length_scale(*(getattr(mesh, f"{d}_edges") for d in mesh.dims))
        boxes = plot.station_boxes(tree)
        self.beneath = not boxes or any(w <= east <= e and s <= north <= n for w, e, s, n in boxes)
        left = plot.layers_left(tree, name)
        self.top_ratio, self.reach = (None, None) if left is None else (float(left[1, -1]), _reach(mesh, left[1]))
        self.whole = self.reach is not None and bool(np.isclose(self.reach, np.ptp(mesh.upward_edges)))
        self.box = _box(tree, name, mesh, self.reach)
        self._add_intervals(tree, where)

    def _add_intervals(self, tree, where):
        """The interval of the cell that stands out most, with the Gaussian's beside a recalibrated one.

        As the dataset keeps it, in closed form of an exact engine; of a dataset that keeps none, from draws.
        """
        self.interval = self.gaussian = self.excluded = None
        self.source, name, self.draws = "", self.name, plot.has(tree, "posterior", self.name)
        stored = _stored(tree, name)
        if stored is not None:
            self.interval, self.source = tuple(float(end.values[where]) for end in stored), stored[0].attrs["kind"]
        elif self.draws:
            cell = tree["posterior"][name].values[(slice(None), slice(None), *where)]
            self.source, self.interval = f"quantiles of {cell.size} draws", tuple(map(float, np.quantile(cell, ENDS)))
        if plot.has(tree, "posterior_summary", f"{name}_gaussian_lower"):
            summary = tree["posterior_summary"]
            self.interval, self.gaussian = (tuple(float(summary[f"{name}_{label}{side}"].values[where])
                                                  for side in ("lower", "upper")) for label in ("", "gaussian_"))
            least = plot.interval_values(tree, name, "least")
            self.excluded = float(np.mean(least[np.isfinite(least)] != 0))


def _stored(tree, name):
    """Both ends of the intervals of a parameter that the dataset keeps, at the report's probability, or None."""
    ends = [plot.held(tree, "posterior_summary", f"{name}_{side}") for side in ("lower", "upper")]
    kept = all(end is not None and np.isclose(end.attrs.get("probability", np.nan), PROBABILITY) for end in ends)
    return ends if kept else None


def fits(tree):
    """A `Fit` for each data set."""
    if "observed_data" not in tree.children:
        return []
    return [Fit(tree, name) for name in tree["observed_data"].data_vars]


def _expected_chi2(tree, name, count, weight):
    """Mean of the posterior mean's χ² when prior and noise are right: m − tr(C⁻¹ A P Aᵀ), for independent noise.

    From r = C K⁻¹ (d − A μ) with d − A μ ~ N(0, K) and A P Aᵀ = C − C K⁻¹ C. Its variance is at most twice the mean.
    """
    pointwise = plot.has(tree, "log_likelihood", name) and tree["log_likelihood"][name].attrs["kind"] == "pointwise"
    known = plot.has(tree, "predictive_summary", f"{name}_std") and plot.has(tree, "constant_data", f"{name}_noise_std")
    if not (pointwise and known) or weight != 1.0 or not is_exact(tree):
        return None
    ratio = tree["predictive_summary"][f"{name}_std"].values / tree["constant_data"][f"{name}_noise_std"].values
    return float(count - np.nansum(ratio**2))


def approximations(tree):
    """The statements of approximation, as dicts."""
    return read_attributes(tree).get("approximations", [])


def unmixed(tree):
    """What says that the Markov chains behind the tree did not mix, or None: the worst figures and where they stand."""
    if "mixing" not in tree.children:
        return None
    found = tree["mixing"].to_dataset()
    mixing = Mixing(names=tuple(map(str, found["functional"].values)),
                    **{key: found[key].values for key in ("rhat", "ess_bulk", "ess_tail")},
                    **{key: found[key].item() for key in ("rhat_limit", "ess_limit") if key in found})
    if mixing.passed:
        return None
    worst = dict(zip(("rhat", "slowest", "ess", "rarest"), mixing.worst, strict=True))
    return worst | {"rhat_limit": mixing.rhat_limit, "ess_limit": mixing.ess_limit}


def unvalidated(tree):
    """Whether any statement says that nobody has measured the error of means, standard deviations or draws.

    What is said of hyperparameters, exponents and tests of agreement is no word on the engine.
    """
    return any(a["status"] == "not validated" and not a["name"].endswith(BESIDE) for a in approximations(tree))


def is_exact(tree):
    """Whether every statement about the posterior says it is exact."""
    stated = [a["status"] for a in approximations(tree) if a["name"].startswith("posterior")]
    return bool(stated) and set(stated) == {"exact"}


def _box(tree, name, mesh, reach):
    """The box average that stands out most, from draws: sums over cells are better known than single cells.

    Boxes are a tenth of the mesh wide and a third of the depth that the data inform high, laid side by side.
    """
    if not plot.has(tree, "posterior", name) or reach == 0.0 or tree["posterior"][name][:, :, 0, 0, 0].size < 20:
        return None
    inside = mesh.depth <= (reach or np.inf)
    size = (max(int(inside.sum()) // 3, 1), max(mesh.shape[1] // 10, 1), max(mesh.shape[2] // 10, 1))
    if np.prod(size) == 1:
        return None
    draws = tree["posterior"][name].values.reshape(-1, *mesh.shape)[:, inside]
    prior = np.broadcast_to(plot.prior_mean(tree, name), mesh.shape)[inside]
    blocks, expected = _block_means(draws, size), _block_means(prior[None], size)[0]
    mean, std = blocks.mean(0), blocks.std(0, ddof=1)
    score = np.divide(mean - expected, std, out=np.zeros_like(mean), where=std > 0)  # a box with air in it has none
    if not score.any():
        return None
    where = np.unravel_index(int(np.argmax(np.abs(score))), score.shape)
    count = draws.shape[0]
    return {"mean": float(mean[where]), "std": float(std[where]), "score": float(score[where]), "draws": count,
            "error": float(1 / np.sqrt(2 * (count - 1))), "cells": int(np.prod(size))}


def _block_means(values, size):
    """Means over whole boxes of `size` cells, counted from the top south-west corner; the rest is left out."""
    nz, ny, nx = (n // s for n, s in zip(values.shape[1:], size, strict=True))
    kept = values[:, values.shape[1] - nz * size[0]:, :ny * size[1], :nx * size[2]]
    return kept.reshape(-1, nz, size[0], ny, size[1], nx, size[2]).mean(axis=(2, 4, 6), dtype=np.float64)


def _reach(mesh, middle):
    """Depth of the bottom of the deepest layer the data inform, metres; 0 if none."""
    informed = np.flatnonzero(middle < UNINFORMED)
    return float(mesh.upward_edges[-1] - mesh.upward_edges[informed[0]]) if informed.size else 0.0


def gains(tree):
    """Rows of joint against separate: std ratio over cells, and how far the means moved."""
    rows = []
    for name in plot.mesh_parameters(tree):
        for label in plot.labels_of(tree, name):
            if not plot.has(tree, "separate_summary", f"{name}_std__{label}"):
                continue
            ratio, alone = plot.std_ratio(tree, name, label), plot.model_values(tree, name, "std", label).values
            low, middle, high = np.nanpercentile(ratio, [5, 50, 95])
            shift = plot.model_values(tree, name, "mean").values - plot.model_values(tree, name, "mean", label).values
            moved = np.divide(shift, alone, out=np.zeros_like(shift), where=alone > 0)[np.isfinite(shift)]
            ratio = ratio[np.isfinite(shift)]
            rows.append({"long_name": plot.title_of(tree, name), "label": label, "low": low, "middle": middle,
                         "high": high, "least": float(np.nanmin(ratio)), "better": float(np.mean(ratio < 0.95)),
                         "worse": float(np.mean(ratio > 1.001)), "shift": float(np.sqrt(np.mean(moved**2)))})
    return rows


def relations(tree):
    """Correlations of every pair of properties: of the means (joint, separate), and in the prior."""
    names, rows = plot.mesh_parameters(tree), []
    for i, first in enumerate(names):
        for second in names[i + 1:]:
            pair = [plot.model_values(tree, n, "mean").values for n in (first, second)]
            if pair[0].shape != pair[1].shape:
                continue
            prior = [plot.held(tree, "prior_summary", f"correlation__{a}__{b}")
                     for a, b in ((first, second), (second, first))]
            labels = [next(iter(plot.labels_of(tree, n)), None) for n in (first, second)]
            alone = None
            if all(labels):
                alone = plot.correlation(*(plot.model_values(tree, n, "mean", label).values
                                           for n, label in zip((first, second), labels, strict=True)))
            rows.append({"first": first, "second": second, "joint": plot.correlation(*pair), "separate": alone,
                         "labels": labels, "prior": next((float(p) for p in prior if p is not None), None)})
    return rows


def vectors(tree):
    """Rows for parameters that do not live on a mesh: one per element, one for all where they are many."""
    rows, confused, root = [], _confusions(tree), read_attributes(tree)
    for name in root.get("parameters", []):
        if name in plot.mesh_parameters(tree) or not plot.has(tree, "posterior_summary", f"{name}_mean"):
            continue
        mean, std, draws = (plot.held(tree, *at) for at in (
            ("posterior_summary", f"{name}_mean"), ("posterior_summary", f"{name}_std"), ("posterior", name)))
        about, told = {"name": name, "units": plot.pretty(mean.attrs["units"])}, confused
        ids = mean.coords[mean.dims[0]].values if mean.dims else [""]
        ends, source = (None, "") if mean.size > MANY else _ends(tree, name, root, mean, std, draws)
        if mean.size > MANY:  # such as a discrepancy at every station
            ids, told = [f"all {mean.size} values, root mean square"], {}
            mean, std = (None if v is None else np.sqrt(np.mean(v**2)) for v in (mean, std))
        for k, value in enumerate(mean.values.ravel()):
            rows.append(about | {
                "id": ids[k], "mean": float(value), "std": None if std is None else float(std.values.ravel()[k]),
                "source": source, "confused": told.get((name, k)),
                "interval": None if ends is None else (float(ends[0][k]), float(ends[1][k]))})
    return rows


def _ends(tree, name, root, mean, std, draws):
    """((lower, upper), what they are) of a parameter that is no field: in closed form of a Gaussian, else of draws."""
    kind = root.get("interval_kinds", {}).get(name, "")
    bounded = any(plot.has(tree, "constant_data", f"{name}_bound_{side}") for side in ("lower", "upper"))
    if kind.startswith(GAUSSIAN) and std is not None and not bounded:
        return mean.values.ravel() + ndtri(ENDS)[:, None] * std.values.ravel(), "Gaussian"
    if draws is None:
        return None, ""
    values = draws.values.reshape(draws.shape[0] * draws.shape[1], -1)
    return np.quantile(values, ENDS, axis=0), f"{len(values)} draws"


def _confusions(tree):
    """{(bias, number of its coefficient): (correlation, average of the model, its cost)} where it is strongest.

    The cost is the average's std over what it were if all coefficients were known; None in older files.
    """
    if "nuisances" not in tree.children:
        return {}
    found = tree["nuisances"].to_dataset()
    averages, out = found["average"].values, {}
    for variable in (v for v in found.data_vars if v.endswith("_strongest")):
        places = found[f"{variable}_average"].values
        name = variable.removesuffix("_strongest")
        costs = found[f"{name}_cost"].values if f"{name}_cost" in found else None
        for k, value in enumerate(found[variable].values):
            out[name, k] = (float(value), str(averages[places[k]]), None if costs is None else float(costs[places[k]]))
    return out


def settings_rows(mapping, before=""):
    """Nested settings as flat (key, value) rows."""
    rows = []
    for key, value in mapping.items():
        path = f"{before}{key}"
        if isinstance(value, dict):
            rows += settings_rows(value, f"{path} · ")
        else:
            rows.append((path, ", ".join(map(str, value)) if isinstance(value, list) else value))
    return rows
