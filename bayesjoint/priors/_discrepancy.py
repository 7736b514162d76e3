"""Priors of what forward models get wrong: a Gaussian process at the stations of one survey or several."""

from dataclasses import dataclass, replace

import numpy as np

from .._checks import as_positive, fail, one_of
from .._correlation import CORRELATIONS
from .._shown import short
from ._covariance import DenseCovariance
from ._gaussian import BoundGaussian
from ._stations import station_covariance


@short
@dataclass(frozen=True, eq=False)
class StationDiscrepancy:
    """Matérn process of horizontal distance, one std a survey, correlated between surveys.

    Cov(δ_k(s), δ_l(s')) = ρ_kl σ_k σ_l f(‖(s − s')/ℓ‖): the intrinsic model, positive definite for any correlation
    matrix ρ.

    Parameters
    ----------
    names : tuple of str
        Surveys.
    std : tuple of float
        σ of each, units of its data.
    range : (float, float)
        ℓ along northing and easting, metres.
    smoothness : {0.5, 1.5, 2.5}
        ν of f.
    correlation : ndarray, shape (K, K)
        ρ.
    easting, northing : ndarray, shape (n,)
        All stations, survey after survey, metres.
    member : ndarray of int, shape (n,)
        Survey of each.

    Raises
    ------
    ValueError
        If a value is not positive, or ρ is no positive semidefinite correlation matrix.
    """

    names: tuple
    std: tuple
    range: tuple
    smoothness: float
    correlation: np.ndarray
    easting: np.ndarray
    northing: np.ndarray
    member: np.ndarray

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("std", self.std, 1)
        as_positive("range", self.range, 1)
        one_of("smoothness", self.smoothness, tuple(CORRELATIONS))
        matrix = np.asarray(self.correlation, dtype=float)
        good = matrix.shape == (len(self.names),) * 2 and np.allclose(matrix, matrix.T) and np.allclose(
            np.diag(matrix), 1.0)
        if not good or np.linalg.eigvalsh(matrix)[0] < -1e-12:
            fail("correlation", f"be a correlation matrix of {len(self.names)} surveys", repr(self.correlation)[:60],
                 "Symmetric, ones on the diagonal, no negative eigenvalue.")

    def __str__(self):
        """In words, for the record of a run."""
        stds = ", ".join(f"{name} {s:.4g}" for name, s in zip(self.names, self.std, strict=True))
        off = self.correlation[np.tril_indices(len(self.names), -1)]
        tied = f", correlation between surveys {', '.join(f'{c:.3g}' for c in off)}" if off.any() else ""
        reach = " × ".join(f"{r:.4g}" for r in dict.fromkeys(self.range))
        return f"discrepancy, std {stds}, range {reach} m, smoothness {self.smoothness:g}{tied}"

    def covariance_of(self, scale=1.0):
        """Covariance of δ / scale at all stations."""
        # a singular ρ cannot be drawn from by its Cholesky factor; 1e-10 lets it pass
        mixing = np.asarray(self.correlation, dtype=float) + 1e-10 * np.eye(len(self.names))
        return station_covariance(self.easting, self.northing, self.member, np.asarray(self.std) / scale, mixing,
                                  CORRELATIONS[self.smoothness], self.range)

    def lag_covariance(self, first, second, north, east):
        """Covariance of two surveys at offsets in metres, arrays that broadcast; 0 where one has no discrepancy."""
        if first not in self.names or second not in self.names:
            return 0.0
        a, b = self.names.index(first), self.names.index(second)
        reach = np.hypot(north / self.range[0], east / self.range[1])
        return self.correlation[a, b] * self.std[a] * self.std[b] * CORRELATIONS[self.smoothness](reach)

    def coordinates(self):
        """{name: values} of what names the entries of the parameter: survey, easting and northing."""
        return {"survey": np.array(self.names)[self.member], "easting": self.easting, "northing": self.northing}

    def bind(self, parameter):
        """Return the prior over one parameter."""
        return BoundGaussian(np.zeros(parameter.size), self.covariance_of(parameter.scale))


@short
@dataclass(frozen=True, eq=False)
class MatrixDiscrepancy:
    """A discrepancy whose covariance at all data is given.

    Parameters
    ----------
    names : tuple of str
        Surveys.
    matrix : ndarray, shape (n, n)
        Squared units of the data, survey after survey; positive definite.
    """

    names: tuple
    matrix: np.ndarray

    def __str__(self):
        """In words, for the record of a run."""
        std = np.sqrt(np.diag(self.matrix))
        return f"discrepancy of a given covariance, std {std.min():.4g} to {std.max():.4g}"

    def size(self):
        """Root mean square of the standard deviations: what a fit scales."""
        return float(np.sqrt(np.mean(np.diag(self.matrix))))

    def scaled(self, factor):
        """The same with all standard deviations times `factor`."""
        return replace(self, matrix=self.matrix * float(factor) ** 2)

    @staticmethod
    def lag_covariance(*_):
        """Not known by lag: 0."""
        return 0.0

    @staticmethod
    def coordinates():
        """Nothing but numbers names its entries."""
        return {}

    def bind(self, parameter):
        """Return the prior over one parameter."""
        return BoundGaussian(np.zeros(parameter.size), DenseCovariance(self.matrix / parameter.scale**2))


DISCREPANCIES = (StationDiscrepancy, MatrixDiscrepancy)
