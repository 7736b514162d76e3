"""Each hole predicted from everything else: the one test of a posterior against the ground itself."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import erf
from scipy.stats import norm

from .._checks import as_share, checked, fail, one_of
from .._places import blocks, unit_columns
from .._typing import JointProblem, xr
from ..dataset import DatasetBuilder
from ..forward import intervals_of
from ..gaussian import METHODS, DenseSystem, data_system

TOLERANCE = 1e-8  # of solves without a factor
SCORES = {
    "mean_error": "mean of observed less predicted", "rms_error": "root mean square of observed less predicted",
    "coverage": "share of the observed values inside their predictive interval",
    "width": "mean width of the predictive interval", "interval_score": "mean interval score, smaller is better",
    "crps": "mean continuous ranked probability score, smaller is better",
    "log_density": "log predictive density of the hole as a whole",
}
OWN_UNITS = {"coverage": "1", "log_density": "nat"}


@checked
def leave_one_hole_out(problem: JointProblem, method: str = "auto", probability: float = 0.9, *,
                       holes: list | None = None) -> xr.Dataset:
    """Scores of each hole as predicted by everything but itself, beside those of the prior alone.

    A hole says what the ground is like, which no survey above it does: whether intervals hold, and whether the surveys
    tell more of it than was assumed. Predictions are of what is measured: they include the noise that the hole states,
    its difference from the average over cells, and its own offset. Values of other holes are used.

    With K the covariance of all data, noise included, r the data less their prior mean and b the hole's rows,
    r_b − E(r_b | rest) = ((K⁻¹)_bb)⁻¹ (K⁻¹ r)_b and Cov(r_b | rest) = ((K⁻¹)_bb)⁻¹ (Rasmussen & Williams 2006, eqs
    5.10 to 5.12, for blocks): one factor gives what refitting without each hole would, exactly. With flat priors K⁻¹
    is what is left of it once they are eliminated.

    Parameters
    ----------
    problem : JointProblem
        Linear and Gaussian, with boreholes, samples or outcrops among its modalities.
    method : {"auto", "dense", "iterative"}, default "auto"
        "dense": a Cholesky factor over all data. "iterative": one solve for each interval, of any number of data.
        "auto": dense up to 6,000 data.
    probability : float, default 0.9
        Of the central predictive intervals, between 0 and 1.
    holes : list of str, optional
        Names of modalities to score; default all that are made of intervals or samples (`Borehole`, `outcrops`).

    Returns
    -------
    xarray.Dataset
        Along ``hole``: ``intervals`` (their number), ``mean_error`` and ``rms_error`` (observed less predicted),
        ``coverage``, mean ``width`` and mean ``interval_score`` of the intervals (Gneiting & Raftery 2007, eq. 43),
        mean ``crps`` of the Gaussian predictive (their eq. 21), ``log_density`` of the hole's values together (nats);
        each with ``_prior``, what the prior says without any data, NaN where a flat prior says nothing. Along
        ``interval``: ``observed``, ``predicted``, ``predicted_std`` and ``of_hole``, the place of its hole.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, has no hole, a name is none of them, or the rest of the data cannot hold
        a flat prior.

    References
    ----------
    Gneiting, T. & Raftery, A. E. (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102, 359.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((4, 6, 6), (50, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("gravity", gravity, np.ones(36), bj.DiagonalNoise(np.full(36, 0.1)), "density")
    >>> holes = [bj.Borehole(f"DH{k}", [60.0, 80.0], 40.0, 250 + 50 * k, 250, [0, -60], [-60, -110]) for k in (1, 2)]
    >>> found = leave_one_hole_out(bj.add_boreholes(bj.JointProblem([density], [survey]), holes))
    >>> found.hole.values.tolist(), bool((found.interval_score < found.interval_score_prior).all())
    (['DH1', 'DH2'], True)
    """
    one_of("method", method, METHODS)
    probability = as_share("probability", probability)
    chosen = _chosen(problem, holes)
    system = data_system(problem, method, TOLERANCE, "leaving holes out")
    weights = system.project(system.residual[:, None])[:, 0]
    found = [_hole(system, weights, k, probability) for k in chosen]
    how = "one Cholesky factor over all data" if isinstance(system, DenseSystem) else (
        f"solves to a relative residual of {TOLERANCE:g}")
    return _table(problem, chosen, found, {"probability": probability, "method": f"closed form by {how}"})


def _chosen(problem, holes):
    """Indices of the modalities to leave out."""
    names = [m.name for m in problem.modalities]
    made = [m.name for m in problem.modalities if intervals_of(m.forward) is not None]
    wanted = made if holes is None else [holes] if isinstance(holes, str) else list(holes)
    if not wanted:
        fail("problem", "have a borehole", f"modalities {names}", "Add some: bj.add_boreholes(problem, holes).")
    if unknown := [name for name in wanted if name not in made]:
        fail("holes", f"be among {made}", f"{unknown}", "Surveys that see the ground from afar are no holes.")
    return [names.index(name) for name in wanted]


def _columns(system, rows):
    """Columns of P of the data in a slice."""
    unit = unit_columns(system.size, rows)
    return np.hstack([system.project(unit[:, part]) for part in blocks(unit.shape[1], system.width())])


def _hole(system, weights, k, probability):
    """(observed, predicted, std) of a hole's intervals, and its scores beside those of the prior."""
    model = system.model
    rows, modality = model.data_slices[k], model.problem.modalities[k]
    precision = _columns(system, rows)[rows]
    precision = 0.5 * (precision + precision.T)
    values = np.linalg.eigvalsh(precision)
    if values[0] <= 1e-10 * values[-1]:
        fail("the rest of the data", f"hold every flat prior without {modality.name}", "one that they leave open",
             "Give it a proper prior, however broad.")
    covariance = np.linalg.inv(precision)
    root = np.sqrt(model.problem.weights[modality.name])

    def physical(matrix):
        half = modality.noise.colour(matrix).T / root
        return modality.noise.colour(half) / root

    miss = modality.noise.colour(covariance @ weights[rows]) / root
    spread, observed = physical(covariance), modality.data
    scores = _scores(observed, observed - miss, spread, probability)
    prior = dict.fromkeys(SCORES, np.nan)
    if not np.any(model.flat_columns[rows]):
        before = physical(system.signal_block(rows) + np.eye(modality.size))
        prior = _scores(observed, model.data_mean[rows], before, probability)
    return (observed, observed - miss, np.sqrt(np.diag(spread))), scores, prior


def _scores(observed, predicted, covariance, probability):
    std, miss = np.sqrt(np.diag(covariance)), observed - predicted
    half = norm.ppf(0.5 + probability / 2) * std
    z = miss / std
    crps = std * (z * erf(z / np.sqrt(2)) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    beyond = np.maximum(np.abs(miss) - half, 0.0)
    factor = cholesky(0.5 * (covariance + covariance.T), lower=True)
    white = solve_triangular(factor, miss, lower=True)
    log_density = -0.5 * (white @ white + miss.size * np.log(2 * np.pi)) - np.sum(np.log(np.diag(factor)))
    return {"mean_error": miss.mean(), "rms_error": np.sqrt(np.mean(miss**2)), "coverage": np.mean(beyond == 0),
            "width": 2 * half.mean(), "interval_score": np.mean(2 * half + 2 / (1 - probability) * beyond),
            "crps": crps.mean(), "log_density": log_density}


def _table(problem, chosen, found, attributes):
    modalities = [problem.modalities[k] for k in chosen]
    kinds = sorted({m.units for m in modalities})
    units = kinds[0] if len(kinds) == 1 else "units of the hole's property"
    table, counts = DatasetBuilder(), [m.size for m in modalities]
    table.along("hole", [m.name for m in modalities], "hole left out")
    table.along("interval", np.arange(sum(counts)), "number of the interval, hole after hole")
    table.add("intervals", ("hole",), np.array(counts), "1", "number of intervals or samples")
    for which, suffix, words in ((1, "", "given all but the hole"), (2, "_prior", "of the prior alone")):
        for name, meaning in SCORES.items():
            table.add(f"{name}{suffix}", ("hole",), np.array([f[which][name] for f in found]),
                      OWN_UNITS.get(name, units), f"{meaning}, {words}")
    table.add("of_hole", ("interval",), np.repeat(np.arange(len(counts)), counts), "1", "place of its hole along hole")
    for i, (name, words) in enumerate((("observed", "observed"), ("predicted", "predicted without its hole"),
                                       ("predicted_std", "standard deviation of that, noise included"))):
        table.add(name, ("interval",), np.concatenate([f[0][i] for f in found]), units, f"value, {words}")
    properties = ", ".join(f"{m.name}: {m.kind} ({m.units})" for m in modalities)
    return table.dataset(attributes | {"properties": properties})
