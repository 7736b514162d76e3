"""A Matérn field after every value of its torus was measured once: what a solver asks for that holds them to others."""

import numpy as np
from scipy import fft

from .._places import half_counts
from ..forward import worker_count
from ._covariance import Covariance, filter_columns
from ._matern import Matern
from ._torus import TorusField


class NoTorus(Exception):
    """A field exists on none of the tori that were tried."""


class DampedCorrelation(Covariance):
    """(R⁻¹ + weight)⁻¹ on a torus where the field exists, and its part between the mesh's cells.

    Parameters
    ----------
    correlation : StationaryCorrelation
        R.
    weight : float
        Precision of the measurements, for values of variance 1.

    Attributes
    ----------
    torus : tuple of int
        (rows, columns).
    shape : tuple of int
        Of a field on it, (nz, rows, columns).

    Raises
    ------
    NoTorus
        If the range is too long against the mesh for a torus, or the torus too large for memory, or the ranges lie
        along axes of their own.
    """

    def __init__(self, correlation, weight):
        nz, ny, nx = correlation.mesh.shape
        if correlation.axes is not None:
            raise NoTorus  # its planes are kept for lags without a sign
        try:
            self.torus = TorusField(correlation, (2 * ny, 2 * nx)).torus
        except ValueError as error:
            raise NoTorus from error
        self.mesh, self.size, self.shape = correlation.mesh, correlation.size, (nz, *self.torus)
        self.function, self.ranges = correlation.function, correlation.ranges  # whose reach it does not exceed
        blocks = correlation.spectral_matrices(self.torus)
        blocks = np.linalg.solve(np.eye(nz) + weight * blocks, blocks)
        self._spectrum = 0.5 * (blocks + np.swapaxes(blocks, -1, -2))

    axes = None

    def diagonal(self):
        """Variances, shape (size,)."""
        columns = half_counts(self.torus[1])[:, None]
        layers = (np.diagonal(self._spectrum, axis1=-2, axis2=-1) * columns).sum((0, 1)) / np.prod(self.torus)
        return np.repeat(layers, self.size // layers.size)

    def matmat(self, vectors):
        """The product with V between the mesh's cells, shape (size, k)."""
        nz, ny, nx = self.mesh.shape
        field = np.ascontiguousarray(vectors).reshape(nz, ny, nx, -1)
        return filter_columns(field, self._spectrum, self.torus, (ny, nx)).reshape(self.size, -1)

    def lag_planes(self, torus):
        """As `StationaryCorrelation.lag_planes`: lags beyond half of its own torus count as uncorrelated."""
        nz, own = self.shape[0], self.torus
        lags = [np.minimum(np.arange(n), n - np.arange(n)) for n in torus]
        known = np.ix_(*(lag <= n // 2 for lag, n in zip(lags, own, strict=True)))
        places = np.ix_(*(lag[lag <= n // 2] for lag, n in zip(lags, own, strict=True)))
        low, pair = np.tril_indices(nz), np.empty((nz, nz), dtype=int)
        pair[low] = pair[low[::-1]] = np.arange(low[0].size)

        def planes():
            for z, other in zip(*low, strict=True):
                lagged = np.zeros(torus)
                lagged[known] = fft.irfft2(self._spectrum[..., z, other], own, workers=worker_count())[places]
                yield fft.rfft2(lagged, workers=worker_count()).real

        return planes(), pair

    def everywhere(self, fields):
        """The product with fields on all of the torus, shape (nz, rows, columns, k)."""
        return filter_columns(fields, self._spectrum, self.torus, self.torus)


class DampedMatern(Matern):
    """A Matérn prior with a `DampedCorrelation` in place of its own."""

    @classmethod
    def of(cls, prior, correlation):
        """The prior with this correlation."""
        out = cls(prior.std, prior.range, prior.smoothness, prior.extent, prior.mean)
        object.__setattr__(out, "_damped", correlation)
        return out

    def correlation(self, mesh):
        """The one that it was made with."""
        return self._damped
