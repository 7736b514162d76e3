"""Noise of a survey that states none, from its shortest wavelengths, and whether they can tell it at all.

Differences of order k along an axis take a smooth field away and leave white noise, of variance s² C(2k, k). What they
leave of a smooth field falls from order to order, white noise stays: where the estimates of two orders agree there is
noise, and where they go on falling the grid was interpolated, or the ground is all that is seen.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

ORDERS = (4, 5)
STAYS = 0.88  # of what the lower order gave is left by the higher one: white noise does that, no smooth field
LEAST = 60  # differences
MAD = 0.6744897501960817  # median of |z| of a standard normal z
NEIGHBOURS = {2: 18, 3: 30}  # of a scattered station, by the degree of the polynomial through them
MOST = 4000  # scattered stations that are looked at


@dataclass(frozen=True, kw_only=True)
class Roughness:
    """Noise by the shortest wavelengths.

    Parameters
    ----------
    std : float
        Estimate, units of the data: between `robust` and `rms`, their geometric mean.
    error : float
        Its standard error: of sampling, and half of the gap between `robust` and `rms`.
    robust, rms : float
        By the median and by the mean square of the differences: far apart where noise or ground is uneven.
    left : float
        Share that the higher order leaves of what the lower one gave, near 1 for white noise.
    is_noise : bool
        Whether it does, and `std` is larger than its error: otherwise `std` is no estimate, and `rms` only bounds
        white noise from above.
    how : str
        Which differences.
    """

    std: float
    error: float
    robust: float
    rms: float
    left: float
    is_noise: bool
    how: str


def roughness(survey):
    """White noise of a survey by its shortest wavelengths, or None where there are too few stations.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    Roughness or None

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> data = np.random.default_rng(0).normal(0.0, 2.0, (40, 40)) + np.linspace(0.0, 300.0, 40)
    >>> found = roughness(Survey("gravity", data, np.arange(40.0), np.arange(40.0), 0.0))
    >>> found.is_noise, abs(found.std - 2.0) < 2 * found.error
    (True, True)
    """
    try:
        survey = survey.to_grid()
    except ValueError:
        return _of_stations(survey)
    return _of_grid(survey.data)


def _of_grid(data):
    """By differences along both axes."""
    found = {}
    for order in ORDERS:
        parts = [np.diff(data, order, axis=axis).ravel() for axis in (0, 1) if data.shape[axis] > order]
        values = np.concatenate([np.empty(0), *parts]) / np.sqrt(comb(2 * order, order))
        found[order] = values[np.isfinite(values)]
    if min(v.size for v in found.values()) < LEAST:
        return None
    low, high = ORDERS
    repeats = comb(4 * high, 2 * high) / comb(2 * high, high) ** 2  # differences share data
    return _judged(found[low], found[high], repeats, f"differences of order {high} along rows and columns")


def _of_stations(survey):
    """By what polynomials of two degrees through a station's neighbours leave of it."""
    from scipy.spatial import cKDTree

    easting, northing, _ = (c[survey.observed.ravel()] for c in survey.coordinates())
    places, data = np.stack([easting, northing], axis=1), survey.data[survey.observed]
    if data.size < LEAST:
        return None
    chosen = np.unique(np.linspace(0, data.size - 1, min(MOST, data.size)).astype(int))
    _, near = cKDTree(places).query(places[chosen], max(NEIGHBOURS.values()) + 1)
    low, high = (_left_out(places, data, near[:, :count + 1], degree) for degree, count in NEIGHBOURS.items())
    if min(low.size, high.size) < LEAST:
        return None
    return _judged(low, high, 2.0, f"what a cubic through its {NEIGHBOURS[3]} neighbours leaves of a station")


def _left_out(places, data, near, degree):
    """Each station less its prediction from its neighbours, in units that make white noise its own std."""
    out = []
    for own, *others in near:
        steps = places[others] - places[own]
        size = np.abs(steps).max()
        if not size > 0:
            continue
        x, y = (steps / size).T
        basis = np.stack([x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)
        inverse = np.linalg.pinv(basis)
        if np.linalg.matrix_rank(basis) < basis.shape[1]:
            continue  # stations on one line
        weights = inverse[0]  # the polynomial at the station itself is its constant
        out.append((data[own] - weights @ data[others]) / np.sqrt(1.0 + weights @ weights))
    return np.array(out)


def _judged(low, high, repeats, how):
    robust, rms = float(np.median(np.abs(high)) / MAD), float(np.sqrt(np.mean(high**2)))
    before = float(np.sqrt(np.median(np.abs(low)) / MAD * np.sqrt(np.mean(low**2))))
    std = float(np.sqrt(robust * rms))
    sampling = np.sqrt(repeats / (2 * high.size))
    left = std / before if before > 0 else 0.0
    error = float(np.hypot(sampling * std, 0.5 * abs(rms - robust)))
    return Roughness(std=std, error=error, robust=robust, rms=rms, left=left, is_noise=left > STAYS and error < std,
                     how=how)
