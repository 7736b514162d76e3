"""Potential fields of white sources in layers below the stations: their covariance, and how deep data say they are.

White sources on a plane give a field that is white there and continued upward above it. Its covariance between points
at heights z and z' above the plane is s / (s² + r²)^{3/2} up to a factor, s = z + z' (Poisson's kernel, continued over
both heights; Dampney 1969 for the equivalent layer). It is harmonic, so heights may differ.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from .._checks import fail

BLOCK = 200  # stations of one block of the composite likelihood
LIMIT = 6_000  # stations that are solved for at once: 0.3 GB a matrix
STEP = 0.02  # of the logarithms in the curvature
DEPTHS = (0.3, 30.0)  # of layers, in distances between stations


@dataclass(frozen=True)
class Layers:
    """White layers, and white noise where it was fitted.

    Attributes
    ----------
    depths : ndarray, shape (L,)
        Below the lowest station, metres.
    stds : ndarray, shape (L,)
        Standard deviation of the field of each at the mean height, units of the data.
    noise : ndarray, shape (n,)
        Standard deviation of the noise at every station with data.
    errors : dict of {str: float}
        Standard errors of the logarithms of what was fitted, by the curvature of the composite likelihood: too small
        where blocks of stations share what they say.
    """

    depths: np.ndarray
    stds: np.ndarray
    noise: np.ndarray
    errors: dict

    def covariance(self, one, other, level, layers=slice(None)):
        """Between points (n, 3) and (m, 3), east, north, upward; `level` the lowest and the mean height of stations."""
        low, mean = level
        apart = sum((a[:, None] - b) ** 2 for a, b in zip(one.T[:2], other.T[:2], strict=True))
        rise = one[:, 2, None] + other[:, 2] - 2 * low
        out = np.zeros(apart.shape)
        for depth, std in zip(self.depths[layers], self.stds[layers], strict=True):
            here, sum_of_heights = 2 * (mean - low + depth), rise + 2 * depth
            if (sum_of_heights <= 0).any():
                fail("upward", "lie above the equivalent sources", f"points {-rise.min() / 2:.3g} m below the lowest "
                     f"station, sources {depth:.3g} m below it", "Ask for higher points.")
            out += std**2 * here**2 * sum_of_heights / (sum_of_heights**2 + apart) ** 1.5
        return out


def points_of(survey):
    """(places of the stations with data (n, 3), their data, their stated std or None); too many are refused."""
    seen = survey.observed.ravel()
    if seen.sum() > LIMIT:
        fail("survey", f"have at most {LIMIT} data", f"{seen.sum()}",
             "Thin it with survey.decimate(spacing), or cut it with survey.window.")
    places = np.stack(survey.coordinates(), axis=1)[seen]
    std = None if survey.std is None else np.broadcast_to(survey.std, survey.shape).ravel()[seen]
    return places, survey.data.ravel()[seen], std


def level_of(places):
    """(lowest, mean) height."""
    return float(places[:, 2].min()), float(places[:, 2].mean())


def trend_of(places, origin):
    """A plane's columns, (n, 3)."""
    middle, size = origin
    return np.column_stack([np.ones(len(places)), (places[:, :2] - middle) / size])


def origin_of(places):
    """Middle and half-width of the stations."""
    return places[:, :2].mean(axis=0), max(float(np.ptp(places[:, :2], axis=0).max()) / 2, 1e-9)


def spacing_of(places):
    """Median distance to the nearest other station."""
    from scipy.spatial import cKDTree

    apart = cKDTree(places[:, :2]).query(places[:, :2], k=2)[0][:, 1]
    apart = apart[apart > 0]
    return float(np.median(apart)) if apart.size else 1.0


def fitted_layers(places, data, std, count, spacing):
    """`count` layers by the restricted likelihood of blocks of neighbours, and the noise where it is not stated."""
    if data.size < 10:
        fail("survey", "hold at least 10 data", f"{data.size}", "Sources cannot be told from so few.")
    parts, level = _blocks(places), level_of(places)
    size = max(float(np.std(data)), 1e-300)

    def made(logs):
        depths = spacing * np.exp(np.cumsum(np.r_[logs[0], np.exp(logs[1:count])]))  # in order, so that no two swap
        noise = std if std is not None else np.full(data.size, size * np.exp(logs[2 * count]))
        return Layers(depths, size * np.exp(logs[count: 2 * count]), noise, {})

    def misfit(logs):
        layers = made(logs)
        return sum(_restricted(layers, places[part], data[part], layers.noise[part], level) for part in parts)

    start = np.r_[np.log(1.5), [0.5] * (count - 1), np.zeros(count), [] if std is not None else [np.log(0.1)]]
    low, high = np.log(DEPTHS)
    bounds = [(low, high), *[(-1.5, 1.5)] * (count - 1), *[(-8.0, 5.0)] * count, (-12.0, 1.0)][: start.size]
    found = minimize(misfit, start, method="L-BFGS-B", bounds=bounds)
    names = [f"depth {k + 1}" for k in range(count)] + [f"std {k + 1}" for k in range(count)] + ["noise std"]
    best = made(found.x)
    return Layers(best.depths, best.stds, best.noise, dict(zip(names, _errors(misfit, found.x), strict=False)))


def _blocks(places):
    """Indices of neighbouring stations, by halving the longer side."""
    todo, out = [np.arange(len(places))], []
    while todo:
        part = todo.pop()
        if part.size <= BLOCK:
            out.append(part)
            continue
        axis = int(np.argmax(np.ptp(places[part, :2], axis=0)))
        order = part[np.argsort(places[part, axis], kind="stable")]
        todo += [order[: order.size // 2], order[order.size // 2:]]
    return out


def _restricted(layers, places, data, noise, level):
    """Minus the log restricted likelihood of one block about a plane."""
    matrix = layers.covariance(places, places, level)
    matrix[np.diag_indices(len(places))] += noise**2
    columns = trend_of(places, origin_of(places))[:, : min(3, max(1, len(places) - 2))]
    try:
        factor = cho_factor(matrix, lower=True)
        solved = cho_solve(factor, np.column_stack([columns, data]))
        inner = columns.T @ solved[:, :-1]
        left = data @ solved[:, -1] - (columns.T @ solved[:, -1]) @ np.linalg.solve(inner, columns.T @ solved[:, -1])
        return float(np.log(np.diag(factor[0])).sum() + 0.5 * np.linalg.slogdet(inner)[1] + 0.5 * left)
    except (LinAlgError, np.linalg.LinAlgError):
        return 1e12


def _errors(misfit, logs):
    """Standard errors by the curvature, infinite where there is none."""
    unit, n = STEP * np.eye(logs.size), logs.size
    hessian = np.array([[(misfit(logs + unit[i] + unit[j]) - misfit(logs + unit[i] - unit[j])
                          - misfit(logs - unit[i] + unit[j]) + misfit(logs - unit[i] - unit[j])) / (4 * STEP**2)
                         for j in range(n)] for i in range(n)])
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    inverse = np.where(values > 0, 1 / np.where(values > 0, values, 1.0), np.inf)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.nansum(vectors**2 * inverse, axis=1))


class Kriged:
    """The field given the data, its plane by generalised least squares.

    Parameters
    ----------
    layers : Layers
    places, data : ndarray, shape (n, 3) and (n,)
    """

    def __init__(self, layers, places, data):
        self.layers, self.places, self.level, self._origin = layers, places, level_of(places), origin_of(places)
        matrix = layers.covariance(places, places, self.level)
        matrix[np.diag_indices(data.size)] += layers.noise**2
        try:
            self._factor = cho_factor(matrix, lower=True)
        except (LinAlgError, np.linalg.LinAlgError):
            fail("std", "be large enough for the field's covariance to be positive definite", "a failed factorisation",
                 "Give a larger std, or thin the survey.")
        self._columns = trend_of(places, self._origin)
        self._solved = cho_solve(self._factor, self._columns)
        self._inner = np.linalg.inv(self._columns.T @ self._solved)
        self._plane = self._inner @ (self._solved.T @ data)
        self._pull = cho_solve(self._factor, data - self._columns @ self._plane)

    def predict(self, where, layers=slice(None), trend=True):
        """(mean, covariance) of the field at places (m, 3): of some layers, with the plane or without."""
        cross = self.layers.covariance(where, self.places, self.level, layers)
        columns = trend_of(where, self._origin) if trend else np.zeros((len(where), 3))
        solved = cho_solve(self._factor, cross.T)
        left = columns - cross @ self._solved  # of the plane that the field does not take up
        covariance = (self.layers.covariance(where, where, self.level, layers) - cross @ solved
                      + left @ self._inner @ left.T)
        return columns @ self._plane + cross @ self._pull, 0.5 * (covariance + covariance.T)
