"""Where the evidence, times the weak priors, is largest: several cheap starts, then a quasi-Newton search."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

SAME = 0.3  # two optima closer than this in every coordinate are one
WORTH = 5.0  # nats on a subset: a start that far behind the best is not taken further
REFUSED = 1e15  # what the search sees where K is not positive definite
STEP = 1e-3  # of the differences of the gradient that make a Hessian
ON_BOUND = 1e-3


class EvidenceObjective:
    """Log evidence plus log prior of the hyperparameters, with gradient.

    Parameters
    ----------
    evidence : object
        With ``evaluate(theta) -> (value, gradient)``.
    vector : HyperVector
    """

    def __init__(self, evidence, vector):
        self.evidence, self.vector = evidence, vector

    def evaluate(self, theta):
        """(log posterior of θ up to its constant, gradient, log evidence)."""
        value, gradient = self.evidence.evaluate(theta)
        prior, slope, _ = self.vector.log_prior(theta)
        return value + prior, gradient + slope, value


@dataclass(frozen=True, kw_only=True)
class Optimum:
    """Where one search ended.

    Parameters
    ----------
    theta : ndarray
    value : float
        Log posterior of θ.
    converged : bool
    message : str
        The optimiser's own words.
    """

    theta: np.ndarray
    value: float
    converged: bool
    message: str


def maximise(objective, start, tolerance=1e-4, iterations=200, units=1.0):
    """L-BFGS-B from one start.

    Parameters
    ----------
    objective : EvidenceObjective
    start : ndarray, shape (size,)
    tolerance : float, default 1e-4
        Largest projected gradient in nats a unit: 1e-4 moves no estimate by a hundredth of its std.
    iterations : int, default 200
    units : float or ndarray, shape (size,), default 1.0
        Of the search, in log values: rough standard deviations of the coordinates halve its steps.

    Returns
    -------
    Optimum
    """
    units = np.broadcast_to(units, start.shape)
    bounds = objective.vector.bounds / units[:, None]

    def negative(scaled):
        value, slope, _ = objective.evaluate(scaled * units)
        return (-value, -slope * units) if np.isfinite(value) else (REFUSED, np.zeros_like(slope))

    found = minimize(negative, np.clip(start / units, *bounds.T), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"gtol": tolerance, "ftol": 1e-12, "maxiter": iterations, "maxcor": 20})
    # rounding ends searches near a maximum before the gradient test can: the projected gradient decides
    slope = np.abs(found.x - np.clip(found.x - found.get("jac", 0.0), *bounds.T)).max()
    theta = np.clip(found.x * units, *objective.vector.bounds.T)
    return Optimum(theta=theta, value=-float(found.fun), message=str(found.message),
                   converged=bool(found.fun < REFUSED and ((found.success and slope < 1e-2) or slope < tolerance)))


def distinct(optima):
    """The optima worth following, best first."""
    out = []
    for one in sorted(optima, key=lambda o: -o.value):
        near = any(np.abs(one.theta - o.theta).max() < SAME for o in out)
        if not near and (not out or one.value > out[0].value - WORTH):
            out.append(one)
    return out


def curvature(objective, theta):
    """Negative Hessian of the log posterior at θ, by differences of the gradient, symmetrised.

    Parameters
    ----------
    objective : EvidenceObjective
    theta : ndarray, shape (size,)

    Returns
    -------
    ndarray, shape (size, size)
    """
    low, high = objective.vector.bounds.T
    out = np.empty((theta.size,) * 2)
    for i in range(theta.size):
        ends = []
        for side in (-1, 1):
            point = theta.copy()
            point[i] = np.clip(theta[i] + side * STEP, low[i], high[i])
            ends.append((point[i], objective.evaluate(point)[1]))
        out[i] = -(ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0])
    return 0.5 * (out + out.T)


def at_bounds(vector, theta):
    """−1, 0 or 1 for each coordinate: at its lower bound, inside, at its upper bound."""
    low, high = vector.bounds.T
    return np.where(theta <= low + ON_BOUND, -1, np.where(theta >= high - ON_BOUND, 1, 0))


def covariance_of(matrix, inside):
    """Inverse curvature over the coordinates inside their bounds; NaN elsewhere and where it is not positive."""
    out = np.full(matrix.shape, np.nan)
    index = np.flatnonzero(inside)
    if index.size and np.linalg.eigvalsh(matrix[np.ix_(index, index)])[0] > 0:
        out[np.ix_(index, index)] = np.linalg.inv(matrix[np.ix_(index, index)])
    return out
