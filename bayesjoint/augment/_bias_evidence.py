"""How large a bias the data ask for: the evidence of the size of its coefficients, in closed form from one factor."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from .._checks import fail
from ..gaussian import DENSE_DATA, DenseSystem, linear_gaussian

PROBABILITY = 0.95
DROP = 0.5 * float(chi2.ppf(PROBABILITY, 1))  # 1.92 nats below the top of a log evidence an interval ends
POINTS = 121  # of the curve
SPAN = 1e3  # the curve runs from this much less than the data can tell to this much more than they show
NONE = 1e-3  # nats: an evidence that gains no more than this over no bias has its top there


@dataclass(frozen=True, kw_only=True)
class StdEvidence:
    """What the data say of τ in b_j ~ N(0, τ²), everything else as the problem states it.

    Attributes
    ----------
    std : ndarray, shape (n,)
        τ, units of the data, ascending.
    log_evidence : ndarray, shape (n,)
        Of the problem with that bias, less that without any: nats.
    value : float
        The τ taken: where the evidence is largest; where that is at no bias at all, the upper end of the interval.
    low, high : float
        Where the log evidence has fallen by 1.92 nats (95 % profile interval); 0 where no bias is among them.
    log_error : float
        Standard error of log τ from the curvature at the top; NaN where the top is at no bias.
    verdict : str
        The same in words.
    """

    std: np.ndarray
    log_evidence: np.ndarray
    value: float
    low: float
    high: float
    log_error: float
    verdict: str


def bias_std_evidence(problem, survey, columns, units):
    """Evidence of the size of a bias, exact, by one Cholesky factor of the problem without it.

    With BᵀK⁻¹B = V Λ Vᵀ and g = BᵀK⁻¹(d − Aμ), log p(d | τ) − log p(d | 0) is
    ½ Σ_i [τ² (Vᵀg)_i² / (1 + τ² λ_i) − log(1 + τ² λ_i)], by the determinant lemma and Woodbury's identity. Flat priors
    are eliminated beforehand, so that the evidence is then the restricted one.

    Parameters
    ----------
    problem : JointProblem
        Without the bias; linear-Gaussian.
    survey : str
        Modality name.
    columns : ndarray, shape (n_data, q)
        B.
    units : str
        Of τ, for the verdict.

    Returns
    -------
    StdEvidence

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian or has more than 6,000 data, or the bias cannot be told from values with
        a flat prior.
    """
    if problem.data_size > DENSE_DATA:
        fail("std", f"be a number above {DENSE_DATA} data", f'"evidence" with {problem.data_size}', "Give a rough one, "
             'and let fit_hyperparameters(problem, free=["<name of the bias>_std", ...]) find it.')
    seen, gains = _reduced(problem, survey, columns)
    values, vectors = np.linalg.eigh(seen)
    if not values[-1] > 0:
        fail("basis", "hold something that flat parameters cannot explain", "columns within their span",
             "Give those parameters priors.")
    keep = values > 1e-12 * values[-1]
    values, pulls = values[keep], ((vectors.T @ gains) ** 2)[keep]

    def gained(tau):
        inside = 1 + np.square(tau)[..., None] * values
        return 0.5 * np.sum(np.square(tau)[..., None] * pulls / inside - np.log(inside), axis=-1)

    finest = 1 / np.sqrt(values[-1])
    shown = np.sqrt(np.max(pulls / values**2))
    grid = np.geomspace(finest / SPAN**0.5, SPAN * max(finest, shown), POINTS)
    return _judged(gained, grid, units)


def _reduced(problem, survey, columns):
    """(BᵀPB, BᵀPd) with P = K⁻¹, less what flat parameters take up."""
    system = DenseSystem(linear_gaussian(problem, stored=True))
    wide = np.zeros((system.size, columns.shape[1]))
    wide[system.rows[survey]] = columns
    white = system.model.whiten(wide)
    inner = white.T @ system.project(np.column_stack([system.residual, white]))
    return 0.5 * (inner[:, 1:] + inner[:, 1:].T), inner[:, 0]


def _judged(gained, grid, units):
    """Top, interval and words of a curve."""
    curve = gained(grid)
    best = int(np.argmax(curve))
    unit = "" if units == "1" else f" {units}"
    none = curve[best] < NONE
    top, error = 0.0, np.nan
    if not none:
        around = np.log(grid[[max(best - 1, 0), min(best + 1, grid.size - 1)]])
        found = minimize_scalar(lambda t: -gained(np.exp(t)), bounds=around, method="bounded", options={"xatol": 1e-9})
        top, step = float(np.exp(found.x)), 1e-3
        bend = (gained(np.exp(found.x + step)) - 2 * gained(top) + gained(np.exp(found.x - step))) / step**2
        error = float(1 / np.sqrt(-bend)) if bend < 0 else np.nan
    height = max(float(curve[best]), 0.0)
    inside = grid[curve >= height - DROP]
    low, high = (0.0 if height < DROP else float(inside[0])), float(inside[-1])
    said = f"95 % interval {low:.3g} to {high:.3g}{unit}"
    if none:
        verdict = (f"the evidence is largest without any bias, {said}; its upper end is taken, since none at all would "
                   "be held for certain")
    else:
        verdict = f"by the evidence, {said}, {height:.1f} nats above no bias"
    return StdEvidence(std=grid, log_evidence=curve, value=high if none else top, low=low, high=high, log_error=error,
                       verdict=verdict)
