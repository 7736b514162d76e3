"""Numbers of the report, taken from the tree; nothing here is claimed that the tree does not hold."""

from dataclasses import dataclass

import numpy as np

from ..dataset import read_attributes
from ..engines import LEAST_ESS, WORST_RHAT
from ..plot import (
    correlation,
    data_field,
    has,
    interval_values,
    labels_of,
    layer_ratio,
    length_scale,
    mesh_of,
    mesh_parameters,
    model_values,
    pretty,
    standing_out,
    title_of,
    under_stations,
)

PROBABILITY = 0.90  # of every interval in the report; printed with its kind
MANY = 60  # values of a vector above which a table shows their size only
UNINFORMED = 0.95  # posterior std / prior std above which a layer counts as left to the prior


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How one data set is fitted by the posterior mean and by posterior draws.

    If prior and noise are right, χ² of a posterior draw is distributed as χ² with m degrees of freedom over repeated
    data (data and draw are then a draw of the joint density), whatever the engine; χ² of the posterior mean is less.
    """

    name: str
    long_name: str
    kind: str
    units: str
    count: int
    chi2: float | None
    half: float
    expected: float | None
    draws: float | None
    residual_mean: float
    residual_std: float
    separate: dict
    attributes: dict

    @property
    def ratio(self):
        """χ² / m, or None."""
        return None if self.chi2 is None else self.chi2 / self.count

    @property
    def plain_range(self):
        """1 ± 3√(2/m), where χ²/m of draws should lie."""
        return max(1 - self.half, 0.0), 1 + self.half

    @property
    def mean_range(self):
        """Where χ²/m of the posterior mean should lie, or None where its expectation is not known."""
        if self.expected is None:
            return None
        half = 3 * np.sqrt(2 * self.expected)
        return max(self.expected - half, 0.0) / self.count, (self.expected + half) / self.count

    @property
    def judged(self):
        """(χ²/m, low, high, whose it is) that the verdict rests on: the draws' if there are any."""
        if self.draws is not None:
            return self.draws, *self.plain_range, "posterior draws"
        if self.mean_range is not None:
            return self.ratio, *self.mean_range, "the posterior mean"
        return self.ratio, *self.plain_range, "the posterior mean"

    @property
    def verdict(self):
        """Word for the fit: as expected, too loose, or too close."""
        value, low, high, _ = self.judged
        if value is None:
            return "not stated"
        if value > high:
            return "more loosely than the stated noise and prior allow"
        return "more closely than the stated noise and prior would have it" if value < low else "as expected"


@dataclass(frozen=True, kw_only=True)
class ReportedProperty:
    """What was learned of one parameter on the mesh."""

    name: str
    long_name: str
    units: str
    peak: float
    peak_std: float | None
    score: float
    place: dict
    scale: tuple
    beneath: bool
    interval: tuple | None
    draws: int
    gaussian: tuple | None
    excluded: float | None
    beyond: float | None
    box: dict | None
    top_ratio: float | None
    reach: float | None
    whole: bool
    prior: str


def fits(tree):
    """A `Fit` for each data set."""
    if "observed_data" not in tree.children:
        return []
    return [_fit(tree, name) for name in tree["observed_data"].data_vars]


def _fit(tree, name):
    observed = tree["observed_data"][name]
    count, attrs = int(observed.attrs["n_data"]), read_attributes(observed)
    chi2 = None
    if has(tree, "predictive_summary", f"{name}_chi2"):
        chi2 = float(tree["predictive_summary"][f"{name}_chi2"])
    mean = spread = float("nan")
    if has(tree, "predictive_summary", f"{name}_mean") and has(tree, "constant_data", f"{name}_noise_std"):
        residual = data_field(tree, name, "standardized").values
        mean, spread = float(np.nanmean(residual)), float(np.nanstd(residual))
    draws, weight = None, attrs.get("likelihood_exponent", 1.0)
    if has(tree, "sample_stats", f"chi2_{name}") and not unvalidated(tree):
        draws = float(tree["sample_stats"][f"chi2_{name}"].mean()) * weight / count
    separate = {label: float(tree["separate_summary"][f"{name}_chi2__{label}"])
                for label in labels_of(tree, name, "chi2")}
    shown = {k: v for k, v in attrs.items() if k not in ("units", "long_name", "kind", "n_data")}
    return Fit(name=name, long_name=attrs["long_name"].removesuffix(", observed"), kind=attrs["kind"],
               units=attrs["units"], count=count, chi2=chi2, half=3 * np.sqrt(2 / count),
               expected=_expected_chi2(tree, name, count, attrs), draws=draws, residual_mean=mean, residual_std=spread,
               separate=separate, attributes=shown)


def _expected_chi2(tree, name, count, attrs):
    """Mean of the posterior mean's χ² when prior and noise are right: m − tr(C⁻¹ A P Aᵀ), for independent noise.

    From r = C K⁻¹ (d − A μ) with d − A μ ~ N(0, K) and A P Aᵀ = C − C K⁻¹ C. Its variance is at most twice the mean.
    """
    pointwise = has(tree, "log_likelihood", name) and tree["log_likelihood"][name].attrs["kind"] == "pointwise"
    known = has(tree, "predictive_summary", f"{name}_std") and has(tree, "constant_data", f"{name}_noise_std")
    if not (pointwise and known) or attrs.get("likelihood_exponent", 1.0) != 1.0 or not is_exact(tree):
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
    rhat, names = found["rhat"].values, found["functional"].values
    ess = np.minimum(found["ess_bulk"].values, found["ess_tail"].values)
    if np.all(rhat <= WORST_RHAT) and np.all(ess >= LEAST_ESS):
        return None
    slowest, rarest = int(np.argmax(rhat)), int(np.argmin(ess))  # NaN counts as worst
    return {"rhat": float(rhat[slowest]), "slowest": str(names[slowest]), "rhat_limit": WORST_RHAT,
            "ess": float(ess[rarest]), "rarest": str(names[rarest]), "ess_limit": LEAST_ESS}


def unvalidated(tree):
    """Whether any statement says that nobody has measured the error."""
    return any(a["status"] == "not validated" for a in approximations(tree))


def is_exact(tree):
    """Whether every statement about the posterior says it is exact."""
    stated = [a["status"] for a in approximations(tree) if a["name"].startswith("posterior")]
    return bool(stated) and set(stated) == {"exact"}


def properties(tree):
    """A `ReportedProperty` for each parameter on the mesh."""
    return [_property(tree, name) for name in mesh_parameters(tree)]


def _property(tree, name):
    mean, score = model_values(tree, name, "mean"), standing_out(tree, name)
    prior = model_values(tree, name, "prior_mean").values if has(tree, "prior_summary", f"{name}_mean") else 0.0
    std = model_values(tree, name, "std").values if has(tree, "posterior_summary", f"{name}_std") else None
    mesh = mesh_of(tree)
    visible = np.where(under_stations(tree, mesh) & mesh.active, np.abs(score), -1.0)
    where = np.unravel_index(int(np.argmax(visible)), score.shape)
    interval, draws = None, 0
    if has(tree, "posterior", name):
        cell = tree["posterior"][name].values[(slice(None), slice(None), *where)]
        draws = cell.size
        interval = tuple(float(q) for q in np.quantile(cell, [0.5 - PROBABILITY / 2, 0.5 + PROBABILITY / 2]))
    gaussian = excluded = None
    if has(tree, "posterior_summary", f"{name}_gaussian_lower"):
        interval, gaussian = (tuple(float(tree["posterior_summary"][f"{name}_{label}{side}"].values[where])
                                    for side in ("lower", "upper")) for label in ("", "gaussian_"))
        least = interval_values(tree, name, "least")
        excluded = float(np.mean(least[np.isfinite(least)] != 0))
    top = reach = None
    if std is not None and has(tree, "prior_summary", f"{name}_std"):
        middle = layer_ratio(std, model_values(tree, name, "prior_std").values)[1]
        top, reach = float(middle[-1]), _reach(mesh, middle)
    east, north = mesh.easting[where[2]], mesh.northing[where[1]]
    return ReportedProperty(name=name, long_name=title_of(tree, name), units=mean.attrs["units"],
                    peak=float(mean.values[where]), peak_std=None if std is None else float(std[where]),
                    score=float(score[where]),
                    place={"depth": float(mesh.depth_below_ground[where]), "northing": float(north),
                           "easting": float(east)},
                    scale=length_scale(*(getattr(mesh, f"{d}_edges") for d in mesh.dims)),
                    beneath=_beneath(tree, east, north),
                    interval=interval, draws=draws, gaussian=gaussian, excluded=excluded,
                    beyond=None if std is None else float(np.mean(np.abs(score[mesh.active]) > 2)),
                    top_ratio=top,
                    box=_box(tree, name, mesh, prior, reach), reach=reach,
                    whole=reach is not None and bool(np.isclose(reach, np.ptp(mesh.upward_edges))),
                    prior=str(mean.attrs.get("prior", "not stated")))


def extents(tree):
    """(west, east, south, north) of the stations of every data set that knows positions, metres."""
    boxes = {}
    for name in tree["observed_data"].data_vars if "observed_data" in tree.children else ():
        field = data_field(tree, name)
        if field.easting is not None:
            boxes[name] = tuple(float(f(a)) for a in (field.easting, field.northing) for f in (np.min, np.max))
    return boxes


def _beneath(tree, east, north):
    """Whether a place lies under the stations of some data set, or no data set knows where its stations are."""
    boxes = extents(tree).values()
    return not boxes or any(w <= east <= e and s <= north <= n for w, e, s, n in boxes)


def _box(tree, name, mesh, prior, reach):
    """The box average that stands out most, from draws: sums over cells are better known than single cells.

    Boxes are a tenth of the mesh wide and a third of the depth that the data inform high, laid side by side.
    """
    if not has(tree, "posterior", name) or reach == 0.0 or tree["posterior"][name][:, :, 0, 0, 0].size < 20:
        return None
    inside = mesh.depth <= (reach or np.inf)
    size = (max(int(inside.sum()) // 3, 1), max(mesh.shape[1] // 10, 1), max(mesh.shape[2] // 10, 1))
    if np.prod(size) == 1:
        return None
    draws = tree["posterior"][name].values.reshape(-1, *mesh.shape)[:, inside]
    prior = np.broadcast_to(prior, mesh.shape)[inside]
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
    for name in mesh_parameters(tree):
        for label in labels_of(tree, name):
            if not has(tree, "separate_summary", f"{name}_std__{label}"):
                continue
            joint, alone = (model_values(tree, name, "std", lab).values for lab in (None, label))
            ratio = np.divide(joint, alone, out=np.full_like(joint, np.nan), where=alone > 0)
            low, middle, high = np.nanpercentile(ratio, [5, 50, 95])
            shift = model_values(tree, name, "mean").values - model_values(tree, name, "mean", label).values
            moved = np.divide(shift, alone, out=np.zeros_like(shift), where=alone > 0)[np.isfinite(shift)]
            ratio = ratio[np.isfinite(shift)]
            rows.append({"name": name, "long_name": title_of(tree, name), "label": label, "low": low, "middle": middle,
                         "high": high, "least": float(np.nanmin(ratio)), "better": float(np.mean(ratio < 0.95)),
                         "worse": float(np.mean(ratio > 1.001)), "shift": float(np.sqrt(np.mean(moved**2)))})
    return rows


def relations(tree):
    """Correlations of every pair of properties: of the means (joint, separate), and in the prior."""
    names, rows = mesh_parameters(tree), []
    for i, first in enumerate(names):
        for second in names[i + 1:]:
            pair = [model_values(tree, n, "mean").values for n in (first, second)]
            if pair[0].shape != pair[1].shape:
                continue
            prior = next((float(tree["prior_summary"][k]) for k in
                          (f"correlation__{first}__{second}", f"correlation__{second}__{first}")
                          if has(tree, "prior_summary", k)), None)
            labels = [next((lab for lab in labels_of(tree, n)), None) for n in (first, second)]
            alone = None
            if all(labels):
                alone = correlation(*(model_values(tree, n, "mean", lab).values
                                      for n, lab in zip((first, second), labels, strict=True)))
            rows.append({"first": first, "second": second, "joint": correlation(*pair), "prior": prior,
                         "separate": alone, "labels": labels})
    return rows


def vectors(tree):
    """Rows for parameters that do not live on a mesh: one per element, one for all where they are many."""
    rows, summary, confused = [], tree["posterior_summary"], _confusions(tree)
    for name in read_attributes(tree).get("parameters", []):
        if name in mesh_parameters(tree) or f"{name}_mean" not in summary.data_vars:
            continue
        mean = summary[f"{name}_mean"]
        if mean.size > MANY:
            rows.append(_all_of(name, mean, summary.get(f"{name}_std")))
            continue
        std = summary[f"{name}_std"].values.ravel() if f"{name}_std" in summary.data_vars else None
        draws = tree["posterior"][name].values if has(tree, "posterior", name) else None
        tail = (1 - PROBABILITY) / 2
        bounds = None if draws is None else np.quantile(draws.reshape(*draws.shape[:2], -1), [tail, 1 - tail], (0, 1))
        ids = mean.coords[mean.dims[0]].values if mean.dims else [""]
        for k, value in enumerate(mean.values.ravel()):
            rows.append({"name": name, "id": ids[k], "units": pretty(mean.attrs["units"]), "mean": value,
                         "std": None if std is None else std[k], "draws": 0 if draws is None else draws[..., 0].size
                         if draws.ndim > 2 else draws.size,
                         "interval": None if bounds is None else (bounds[0, k], bounds[1, k]),
                         "confused": confused.get((name, k))})
    return rows


def _all_of(name, mean, std):
    """One row for a long vector, such as a discrepancy at every station."""
    sizes = [None if v is None else float(np.sqrt(np.mean(v.values**2))) for v in (mean, std)]
    return {"name": name, "id": f"all {mean.size} values, root mean square", "units": pretty(mean.attrs["units"]),
            "mean": sizes[0], "std": sizes[1], "draws": 0, "interval": None, "confused": None}


def _confusions(tree):
    """{(bias, number of its coefficient): (correlation, average of the model)} where it is strongest."""
    if "nuisances" not in tree.children:
        return {}
    found = tree["nuisances"].to_dataset()
    averages, out = found["average"].values, {}
    for variable in (v for v in found.data_vars if v.endswith("_strongest")):
        places = found[f"{variable}_average"].values
        for k, value in enumerate(found[variable].values):
            out[variable.removesuffix("_strongest"), k] = (float(value), str(averages[places[k]]))
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
