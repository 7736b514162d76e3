"""Gaussian noise of one modality: covariances, and the whitening they define."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from .._checks import as_finite, as_positive, as_shape, checked, fail, frozen, one_of
from .._cholesky import lower_factor
from .._correlation import CORRELATIONS
from .._shown import short
from .._typing import Any, ArrayLike

DENSE_LIMIT = 20_000  # data; a dense factor of that many takes 3.2 GB
GUESS = 0.05  # of the data's own std: between a good marine and a poor old survey


@checked
def noise_std(data: ArrayLike, relative: float, floor: float) -> np.ndarray:
    """Standard deviation proportional to the datum plus a floor.

    std = relative |d| + floor max|d|, the (τ1, τ2) rule of Vatankhah et al. (2022, arXiv 2112.15562).

    Parameters
    ----------
    data : array_like
        Data in physical units; NaN marks a gap and stays NaN.
    relative : float
        τ1, share of each datum's size, >= 0.
    floor : float
        τ2, share of the largest datum's size, >= 0; one of the two must be positive.

    Returns
    -------
    ndarray
        Same shape as `data`.

    Raises
    ------
    ValueError
        If both are zero, one is negative, no datum is finite, or the rule gives a zero standard deviation.

    Examples
    --------
    >>> noise_std([1.0, -10.0], relative=0.02, floor=0.01)
    array([0.12, 0.3 ])
    """
    data = as_finite("data", data, allow_nan=True)
    if not np.isfinite(data).any():
        fail("data", "hold at least one datum", f"{data.size} gap(s)", "Check the column or the mask.")
    relative, floor = _share("relative", relative), _share("floor", floor)
    size = np.abs(data)
    std = relative * size + floor * np.nanmax(size)
    if not np.nanmin(std) > 0:
        fail("relative, floor", "give every datum a standard deviation > 0", "zero somewhere", "Raise `floor`.")
    return std


def _share(name, value):
    share = float(as_finite(name, value, 0))
    if share < 0:
        fail(name, "be finite and >= 0", repr(value), "Give a fraction such as 0.02.")
    return share


def guessed_noise(data):
    """Independent noise of a survey that quotes none: a start for `fit_hyperparameters`, not a statement.

    Its std is 5 % of the data's own; what is fitted to it says so no longer.

    Parameters
    ----------
    data : array_like, shape (n_data,)
        Data in physical units, without gaps.

    Returns
    -------
    DiagonalNoise
        With ``guessed`` set, which `settings` tells and a fit that leaves its scale out refuses.

    Raises
    ------
    ValueError
        If the data are all the same.

    Examples
    --------
    >>> guessed_noise([0.0, 2.0]).settings()
    'independent, std 0.05, a guess that nothing supports'
    """
    data = as_finite("data", data)
    size = float(np.std(data))
    if not size > 0:
        fail("data", "vary for their noise to be guessed", "one and the same value", "Give a standard deviation.")
    noise = DiagonalNoise(np.full(data.shape, GUESS * size))
    noise.guessed = True
    return noise


class _Noise:
    """Shared interface: covariance C = L Lᵀ of `size` data in squared physical units."""

    independent = False  # between stations: pointwise log likelihoods exist only then

    def solve(self, residual):
        """C⁻¹ r for r of shape (size,) or (size, k)."""
        return self.whiten_adjoint(self.whiten(self._sized("residual", residual)))

    def _sized(self, argument, values):
        """Vectors of data as an array, refused where they are of another size."""
        values = values if isinstance(values, np.ndarray) else as_finite(argument, values)
        if values.shape[:1] != (self.size,):
            fail(argument, f"have shape ({self.size},) or ({self.size}, k)", f"{values.shape}", "Give one row a datum.")
        return values

    def __repr__(self):
        return f"{type(self).__name__}({self.size} data, {self.settings()})"


@checked
class DiagonalNoise(_Noise):
    """Independent noise.

    Parameters
    ----------
    std : array_like, shape (n_data,) or the data's grid shape
        Standard deviations, physical units of the data, > 0.

    Examples
    --------
    >>> DiagonalNoise([0.5, 2.0]).whiten(np.array([1.0, 1.0]))
    array([2. , 0.5])
    """

    independent = True
    guessed = False  # whether the std is a start for a fit and nothing more

    def __init__(self, std: ArrayLike) -> None:
        std = as_positive("std", std)
        if std.size == 0:
            fail("std", "hold at least one value", "none", "Give one std for each datum.")
        self.shape = std.shape  # lets a modality notice a grid that is transposed
        self.std = frozen(std.ravel())
        self.size = self.std.size

    def _column(self, array):
        return self.std if np.ndim(array) == 1 else self.std[:, None]

    def whiten(self, residual: Any):
        """L⁻¹ r for r of shape (size,) or (size, k)."""
        residual = self._sized("residual", residual)
        return residual / self._column(residual)

    whiten_adjoint = whiten

    def colour(self, white: Any):
        """L v, the inverse of `whiten`."""
        white = self._sized("white", white)
        return white * self._column(white)

    def apply(self, vector: Any):
        """C v."""
        vector = self._sized("vector", vector)
        return vector * self._column(vector) ** 2

    def covariance(self):
        """Dense covariance, shape (size, size)."""
        return np.diag(self.std**2)

    def variance(self):
        """Diagonal of the covariance, shape (size,)."""
        return self.std**2

    def sample(self, rng: np.random.Generator, count: int):
        """`count` draws, shape (count, size)."""
        return rng.standard_normal((count, self.size)) * self.std

    def logdet(self):
        """Logarithm of the determinant of C."""
        return 2.0 * float(np.sum(np.log(self.std)))

    def scaled(self, factor: float):
        """The same noise with its covariance multiplied by `factor`."""
        return DiagonalNoise(self.std * np.sqrt(as_positive("factor", factor, 0)))

    def settings(self):
        """Description for the record of a run."""
        low, high = self.std.min(), self.std.max()
        size = f"independent, std {low:.4g}" if low == high else f"independent, std {low:.4g} to {high:.4g}"
        return f"{size}, a guess that nothing supports" if self.guessed else size


@checked
class DenseNoise(_Noise):
    """Correlated noise given as a matrix.

    Parameters
    ----------
    covariance : array_like, shape (n_data, n_data)
        Symmetric positive definite, squared physical units of the data.

    Raises
    ------
    ValueError
        If it is not square, symmetric to 1e-10 of its largest entry, and positive definite.

    Examples
    --------
    >>> noise = DenseNoise([[4.0, 1.0], [1.0, 1.0]])
    >>> float(round(noise.logdet(), 6)), 3 == round(np.exp(noise.logdet()))
    (1.098612, True)
    """

    stationary = None  # the StationaryNoise it was made from, if it was

    def __init__(self, covariance: ArrayLike) -> None:
        matrix = as_finite("covariance", covariance, 2)
        if matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
            fail("covariance", "be square", f"shape {matrix.shape}", "Give one row and column for each datum.")
        if matrix.shape[0] > DENSE_LIMIT:
            fail("covariance", f"have at most {DENSE_LIMIT} rows", f"{matrix.shape[0]}", "Thin or split the survey.")
        asymmetry = np.abs(matrix - matrix.T).max()
        if asymmetry > 1e-10 * np.abs(matrix).max():
            fail("covariance", "be symmetric", f"asymmetry {asymmetry:.3g}", "Use 0.5 * (C + C.T) if that is meant.")
        self._matrix = frozen(0.5 * (matrix + matrix.T))
        self._factor = lower_factor(self._matrix, "covariance", "be positive definite", "Add a white-noise part.")
        self.size = matrix.shape[0]

    def whiten(self, residual: Any):
        """L⁻¹ r for r of shape (size,) or (size, k)."""
        return solve_triangular(self._factor, self._sized("residual", residual), lower=True)

    def colour(self, white: Any):
        """L v, the inverse of `whiten`."""
        return self._factor @ self._sized("white", white)

    def whiten_adjoint(self, vector: Any):
        """L⁻ᵀ v for v of shape (size,) or (size, k)."""
        return solve_triangular(self._factor, self._sized("vector", vector), lower=True, trans=1)

    def apply(self, vector: Any):
        """C v."""
        return self._matrix @ self._sized("vector", vector)

    def covariance(self):
        """Dense covariance, shape (size, size)."""
        return self._matrix.copy()

    def variance(self):
        """Diagonal of the covariance, shape (size,)."""
        return np.diag(self._matrix).copy()

    def sample(self, rng: np.random.Generator, count: int):
        """`count` draws, shape (count, size)."""
        return rng.standard_normal((count, self.size)) @ self._factor.T

    def logdet(self):
        """Logarithm of the determinant of C."""
        return 2.0 * float(np.sum(np.log(np.diag(self._factor))))

    def scaled(self, factor: float):
        """The same noise with its covariance multiplied by `factor`."""
        return DenseNoise(self._matrix * as_positive("factor", factor, 0))

    def settings(self):
        """Description for the record of a run."""
        low, high = (f"{np.sqrt(v):.4g}" for v in (self.variance().min(), self.variance().max()))
        kernel = None if self.stationary is None else self.stationary.kernel
        kind = "dense covariance" if kernel is None else (
            "covariance by a given function of the offset" if hasattr(kernel, "__name__") else repr(kernel))
        return f"{kind}, std {low}" if low == high else f"{kind}, std {low} to {high}"


@checked
@short
@dataclass(frozen=True)
class MaternKernel:
    """Matérn covariance of noise that is correlated from station to station, for `StationaryNoise`.

    Parameters
    ----------
    std : float
        Standard deviation, units of the data.
    range : float
        Correlation range in metres.
    smoothness : {0.5, 1.5, 2.5}, default 0.5
        ν; 0.5 is exponential, the roughest.

    Examples
    --------
    >>> MaternKernel(std=2.0, range=500.0)(np.array([0.0, 300.0]), np.array([0.0, 400.0])).round(3)
    array([4.   , 1.472])
    """

    std: float
    range: float
    smoothness: float = 0.5

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("std", self.std, 0)
        as_positive("range", self.range, 0)
        one_of("smoothness", self.smoothness, tuple(CORRELATIONS))

    def __call__(self, east, north):
        """Covariance at offsets in metres."""
        return self.std**2 * CORRELATIONS[self.smoothness](np.hypot(east, north) / self.range)


@checked
@short
@dataclass(frozen=True)
class StationaryNoise:
    """Noise whose covariance depends on the offset between two stations only.

    A modality places it on its stations, which needs a forward operator that knows them; the result is a
    `DenseNoise`, so at most 20,000 data.

    Parameters
    ----------
    kernel : callable
        ``kernel(east, north)``: covariance at an offset in metres (arrays broadcast), squared units of the data. Of a
        `MaternKernel`, std and range can be fitted (`fit_hyperparameters`).
    white : float or array_like, shape (n_data,), default 0
        Standard deviation of an independent part added to the diagonal, units of the data.

    Examples
    --------
    >>> noise = StationaryNoise(lambda e, n: np.exp(-np.hypot(e, n) / 500.0), white=0.1)
    >>> noise.at(np.array([0.0, 500.0]), np.array([0.0, 0.0])).covariance().round(3)
    array([[1.01 , 0.368],
           [0.368, 1.01 ]])
    """

    kernel: object
    white: object = 0.0

    def __post_init__(self):
        """Refuse what is not callable at once."""
        if not callable(self.kernel):
            fail("kernel", "be callable as kernel(east, north)", type(self.kernel).__name__, "Pass a function.",
                 TypeError)
        if np.any(as_finite("white", self.white, (0, 1)) < 0):
            fail("white", "be finite and >= 0", repr(self.white), "Give a standard deviation.")
        if np.ndim(self.white):
            object.__setattr__(self, "white", frozen(self.white))

    def at(self, easting: np.ndarray, northing: np.ndarray) -> DenseNoise:
        """Dense noise at stations.

        Parameters
        ----------
        easting, northing : ndarray, shape (n_data,)
            Station coordinates, metres.

        Returns
        -------
        DenseNoise
        """
        easting, northing = as_finite("easting", easting, 1), as_finite("northing", northing, 1)
        if easting.size != northing.size:
            fail("northing", f"have shape {easting.shape}, as easting", f"{northing.shape}", "Give both of each.")
        if easting.size > DENSE_LIMIT:
            fail("data", f"number at most {DENSE_LIMIT} for stationary noise", f"{easting.size}", "Thin the survey.")
        covariance = np.asarray(
            self.kernel(easting[:, None] - easting[None], northing[:, None] - northing[None]), dtype=float
        )
        if covariance.shape != (easting.size,) * 2:
            fail("kernel", "broadcast over its arguments", f"shape {covariance.shape}", "Use NumPy functions in it.")
        noise = DenseNoise(covariance + np.diag(as_shape("white", self.white, easting.shape) ** 2))
        noise.stationary = self
        return noise
