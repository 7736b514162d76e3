"""The mode where only a noisy gradient is known: average-information Newton steps with common probes."""

from dataclasses import dataclass

import numpy as np

LONGEST = 0.7  # step in log value: a factor 2
SETTLED = 0.1  # posterior standard deviations: a shorter step ends the search
FINEST = 2e-3  # of the value: so does a step shorter than this, however well the data know it
MOST = 30
REVERSED = 0.5  # of a coordinate's longest step, where it turns back on the last


@dataclass(frozen=True, kw_only=True)
class NoisyOptimum:
    """Where a search by noisy gradients ended.

    Attributes
    ----------
    theta : ndarray, shape (size,)
    information : ndarray, shape (size, size)
        Of data and priors.
    error : ndarray, shape (size,)
        What the probes' noise in the gradient makes of it, one standard error.
    steps : int
    converged : bool
    """

    theta: np.ndarray
    information: np.ndarray
    error: np.ndarray
    steps: int
    converged: bool


def climb(evidence, vector, start):
    """Newton steps on log evidence plus log prior with average information (Gilmour et al. 1995) for the curvature.

    Probes are common to all steps, so that the gradient is a fixed smooth function and its root a fixed point; how far
    that is from the mode follows from the probes' spread.

    Parameters
    ----------
    evidence : LargeEvidence
    vector : HyperVector
    start : ndarray, shape (size,)

    Returns
    -------
    NoisyOptimum
    """
    low, high = vector.bounds.T
    theta, longest, last = np.clip(start, low, high), np.full(start.size, LONGEST), np.zeros(start.size)
    steps, converged = 0, False
    while steps < MOST and not converged:
        gradient, noise, information = evidence.slope(theta)
        _, slope, bend = vector.log_prior(theta)
        gradient, information = gradient + slope, information + np.diag(np.maximum(-bend, 0.0))
        information = information + 1e-8 * np.trace(information) * np.eye(theta.size)
        held = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
        step, spread, error = np.zeros(theta.size), np.ones(theta.size), np.full(theta.size, np.nan)
        index = np.flatnonzero(~held)
        inverse = np.linalg.inv(information[np.ix_(index, index)])
        step[index] = inverse @ gradient[index]
        spread[index] = np.sqrt(np.diag(inverse))
        error[index] = np.sqrt(inverse**2 @ noise[index] ** 2)
        # where average information is below the curvature a coordinate swings about its root: it is damped there
        longest[step * last < 0] = REVERSED * np.minimum(longest, np.abs(last))[step * last < 0]
        step = np.clip(step, -longest, longest)
        steps, converged = steps + 1, bool(np.all(np.abs(step) < np.maximum(SETTLED * spread, FINEST)))
        if not converged:
            theta, last = np.clip(theta + step, low, high), step
    return NoisyOptimum(theta=theta, information=information, error=error, steps=steps, converged=converged)
