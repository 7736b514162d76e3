"""Weakly informative priors on hyperparameters: proper, smooth, and much weaker than any informative survey.

Standard deviations (of fields and of noise): exponential in the standard deviation, the penalised-complexity prior of
Simpson et al. (2017, Statist. Sci. 32, 1), 5 % above `scale`. Ranges: that of Fuglstad et al. (2019, JASA 114, 445) in
d dimensions, p(ℓ) ∝ ℓ^(−d/2−1) exp(−λ ℓ^(−d/2)), 5 % below `scale`. Correlations: uniform, the LKJ prior with η = 1.
Angles: uniform between their bounds.
All as densities of the search's coordinates (log, atanh), so that the mode does not depend on units: there a standard
deviation that runs to zero costs one nat for every factor e, a range that runs to infinity d/2.
"""

import numpy as np

TAIL = 0.05
DIMENSIONS = {"range": 3, "noise_range": 2, "discrepancy_range": 2}  # of the field


def log_prior(coordinate, working):
    """Log density of one coordinate, and its first two derivatives.

    Parameters
    ----------
    coordinate : Coordinate
    working : float
        log or atanh value.

    Returns
    -------
    value, slope, curvature : float
    """
    if coordinate.kind.endswith("correlation"):
        rho = np.tanh(working)
        return float(-np.log(2.0) - 2 * np.log(np.cosh(working))), float(-2 * rho), float(-2 * (1 - rho**2))
    if coordinate.kind == "angle":
        return float(-np.log(np.ptp(coordinate.bounds))), 0.0, 0.0
    if coordinate.kind in DIMENSIONS:
        power = DIMENSIONS[coordinate.kind] / 2
        reach = -np.log(TAIL) * np.exp(-power * (working - np.log(coordinate.scale)))
        value = np.log(power) + np.log(reach) - reach
        return float(value), float(power * (reach - 1)), float(-(power**2) * reach)
    size = -np.log(TAIL) * np.exp(working - np.log(coordinate.scale))
    return float(np.log(size) - size), float(1 - size), float(-size)


def log_mass(coordinate):
    """Log probability that the prior gives to what lies between a coordinate's bounds."""
    low, high = coordinate.low, coordinate.high
    if coordinate.kind.endswith("correlation"):
        return float(np.log(0.5 * (high - low)))
    if coordinate.kind == "angle":
        return 0.0
    if coordinate.kind in DIMENSIONS:
        power = DIMENSIONS[coordinate.kind] / 2
        reach = -np.log(TAIL) * (np.array([high, low]) / coordinate.scale) ** -power
    else:
        reach = -np.log(TAIL) * np.array([low, high]) / coordinate.scale
    # e^-a - e^-b, exact for near and for far bounds
    return float(-reach[0] + np.log(-np.expm1(reach[0] - reach[1])))
