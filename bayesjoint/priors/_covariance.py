"""Prior covariances as operators: products, diagonals and exact draws without forming a matrix."""

from functools import cached_property

import numpy as np
from scipy import fft
from scipy.linalg import cho_solve, cholesky

from .._checks import fail
from .._cholesky import lower_factor
from .._places import blocks, half_counts, unit_columns
from ..forward import worker_count
from ._orientation import along_axes, signed_planes

DENSE_LIMIT = 6_000  # cells; above it the inverse of a covariance is not formed
CLIP_TOLERANCE = 1e-9  # share of the variance that rounding may cost a circulant embedding
LARGEST_TORUS = 12  # times the mesh, before another way to draw is sought
ROOT_BYTES = 4e9  # of spectral matrices and their roots: above it a larger torus is not tried
BLOCK = 20_000_000  # values carried through the FFT at once: 160 MB


def prior_factor(matrix):
    """Lower Cholesky factor of a prior covariance."""
    return lower_factor(matrix, "prior covariance", "be positive definite to rounding",
                        "Shorten the range relative to the cells, or use smoothness=0.5.")


class Covariance:
    """A symmetric covariance over `size` values of m̂, positive definite over those whose variance is not 0 (no air)."""

    size = 0

    def dense(self):
        """The matrix, shape (size, size)."""
        return self.matmat(np.eye(self.size))

    def solve(self, vectors):
        """Γ⁻¹ V by a dense factor, for small problems: the inverse over values that vary, 0 elsewhere.

        Raises
        ------
        ValueError
            Above 6,000 values that vary.
        """
        varying, factor = self._factor
        out = np.zeros(np.shape(vectors))
        out[varying] = cho_solve((factor, True), vectors[varying])
        return out

    @cached_property
    def _factor(self):
        """(values that vary, Cholesky factor over them)."""
        varying = np.flatnonzero(self.diagonal() > 0)
        if varying.size > DENSE_LIMIT:
            fail("prior", f"cover at most {DENSE_LIMIT} cells where its inverse is needed (a Gramian, a law or a "
                 "mixture of rocks, a nonlinear model, the Laplace engine)", f"{varying.size} cells",
                 "Use a coarser mesh, or a Focusing or MinimumLength prior.")
        return varying, prior_factor(self.matmat(unit_columns(self.size, varying))[varying])


class DiagonalCovariance(Covariance):
    """Independent values with given variances, shape (size,); one of 0 marks a value that does not vary (air)."""

    def __init__(self, variance):
        self._variance = np.asarray(variance, dtype=float)
        self.size = self._variance.size

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        return self._variance[:, None] * vectors

    def diagonal(self):
        """Variances, shape (size,)."""
        return self._variance.copy()

    def solve(self, vectors):
        """Γ⁻¹ V, 0 where nothing varies."""
        inverse = np.divide(1.0, self._variance, out=np.zeros_like(self._variance), where=self._variance > 0)
        return (vectors.T * inverse).T

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        return rng.standard_normal((count, self.size)) * np.sqrt(self._variance)


class DenseCovariance(Covariance):
    """A covariance given as a matrix; refuses one that is not positive definite."""

    def __init__(self, matrix):
        self._matrix = np.asarray(matrix, dtype=float)
        self.size = self._matrix.shape[0]
        self._lower = lower_factor(self._matrix, "covariance", "be positive definite", "Add a small diagonal.")

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        return self._matrix @ vectors

    def diagonal(self):
        """Variances, shape (size,)."""
        return np.diag(self._matrix).copy()

    def solve(self, vectors):
        """Γ⁻¹ V."""
        return cho_solve((self._lower, True), vectors)

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        return rng.standard_normal((count, self.size)) @ self._lower.T


class StationaryCorrelation(Covariance):
    """Correlation between cell centres of a mesh with equal columns, stationary along both horizontal axes.

    Horizontally the matrix is block-Toeplitz, so a product is an FFT on a doubled torus with one nz x nz matrix per
    wavenumber. Draws embed it in a larger torus until every one of those matrices is positive semidefinite
    (Dietrich & Newsam 1997); what rounding removes is kept in `clipped` and never exceeds 1e-9 of the variance. A range
    too long for that is drawn through a dense factor up to 6,000 cells, and refused above.

    Parameters
    ----------
    mesh : Mesh
        Equal columns; any layer thicknesses.
    function : callable
        ``function(r)``: correlation at scaled distance r, with ``function(0) == 1``.
    ranges : tuple of float
        Correlation ranges (upward, northing, easting), metres; along `axes` if there are any.
    axes : tuple of tuple of float, optional
        Unit vectors (upward, northing, easting) of the ranges: see `axes_of`. Spectral matrices are then Hermitian.
    """

    def __init__(self, mesh, function, ranges, axes=None):
        self.mesh, self.function, self.ranges = mesh, function, tuple(float(r) for r in ranges)
        self.axes = axes
        self.size = mesh.size
        self._spacing = mesh.horizontal_spacing()
        _, ny, nx = mesh.shape
        self._torus = tuple(fft.next_fast_len(2 * n - 1, real=True) for n in (ny, nx))

    @cached_property
    def _spectrum(self):
        """On the mesh's own torus; made when first used, as fields that go on beyond the mesh never do."""
        return self.spectral_matrices(self._torus)

    def at(self, up, north, east):
        """Correlation at squared offsets along each axis, in units of its range."""
        return self.function(np.sqrt(north + east + up))

    def between(self, up, north, east):
        """Correlation at offsets (upward, northing, easting), metres."""
        return self.at(*(part**2 for part in self.scaled(up, north, east)))

    def scaled(self, up, north, east):
        """Offsets along the ranges' axes, in units of the ranges."""
        if self.axes is not None:
            return along_axes(self.axes, self.ranges, up, north, east)
        return up / self.ranges[0], north / self.ranges[1], east / self.ranges[2]

    def lag_planes(self, torus):
        """By wavenumber of a torus, for each distinct vertical lag, and which of them holds entry (z, z') of a matrix.

        Returns
        -------
        planes : iterator of ndarray, shape (rows, columns // 2 + 1)
        pair : ndarray of int, shape (nz, nz)
        """
        if self.axes is not None:
            return signed_planes(self, torus)
        north, east = (step * np.minimum(np.arange(n), n - np.arange(n)) / reach
                       for n, step, reach in zip(torus, self._spacing, self.ranges[1:], strict=True))
        rise = np.abs(self.mesh.upward[:, None] - self.mesh.upward) / self.ranges[0]
        # lags that only rounding tells apart share a transform
        _, first, pair = np.unique(rise.round(12), return_index=True, return_inverse=True)
        planes = (fft.rfft2(self.at(lag**2, north[:, None] ** 2, east**2), workers=worker_count()).real
                  for lag in rise.ravel()[first])
        return planes, pair.reshape(rise.shape)

    def spectral_matrices(self, torus):
        """Symmetric spectral matrices, real, or Hermitian where there are axes; shape (Py, Px//2+1, nz, nz)."""
        planes, pair = self.lag_planes(torus)
        blocks = np.empty((torus[0], torus[1] // 2 + 1, *pair.shape), float if self.axes is None else complex)
        for k, plane in enumerate(planes):
            blocks[..., pair == k] = plane[..., None]
        if self.axes is not None:
            low = np.tril_indices(len(pair), -1)
            blocks[..., low[1], low[0]] = blocks[..., low[0], low[1]].conj()
        return blocks

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        nz, ny, nx = self.mesh.shape
        out = np.empty((self.size, vectors.shape[1]))
        width = max(1, BLOCK // (nz * self._torus[0] * self._torus[1]))
        for block in blocks(vectors.shape[1], width):
            field = np.ascontiguousarray(vectors[:, block]).reshape(nz, ny, nx, -1)
            out[:, block] = filter_columns(field, self._spectrum, self._torus, (ny, nx)).reshape(self.size, -1)
        return out

    def diagonal(self):
        """Ones, shape (size,)."""
        return np.ones(self.size)

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size), exact but for `clipped` of the variance."""
        root, torus = self._root
        if torus is None:
            return rng.standard_normal((count, self.size)) @ root.T
        nz = self.mesh.shape[0]
        draws = np.empty((count, self.size))
        width = max(1, BLOCK // (nz * torus[0] * torus[1]))
        for block in blocks(count, width):
            white = rng.standard_normal((block.stop - block.start, nz, *torus))
            field = filter_columns(np.ascontiguousarray(np.moveaxis(white, 0, -1)), root, torus, self.mesh.shape[1:])
            draws[block] = field.reshape(self.size, -1).T
        return draws

    @cached_property
    def _root(self):
        """(symmetric square roots of the spectral matrices, the first torus where they exist), or (a factor, None)."""
        nz, ny, nx = self.mesh.shape
        clipped, factor = np.inf, 0
        for factor in (2, 3, 4, 6, 8, LARGEST_TORUS):
            torus = tuple(fft.next_fast_len(factor * n, real=True) for n in (ny, nx))
            if 12 * torus[0] * torus[1] * nz**2 > ROOT_BYTES:  # values, vectors, roots: 3 x 8 bytes, half a spectrum
                break
            values, vectors = np.linalg.eigh(self.spectral_matrices(torus))
            column = half_counts(torus[1])[:, None]
            clipped = float(-(column * np.minimum(values, 0)).sum() / (column * values.clip(0)).sum())
            if clipped <= CLIP_TOLERANCE:
                root = (vectors * np.sqrt(values.clip(0))[..., None, :]) @ np.swapaxes(vectors, -1, -2).conj()
                self.clipped = clipped
                return root, torus
        if self.size <= DENSE_LIMIT:
            self.clipped = 0.0
            return prior_factor(self.dense()), None
        return fail("range", f"let the field fit a torus of {factor} times the mesh to be drawn from",
                    f"ranges {self.ranges} m, negative share {clipped:.2g}",
                    "Shorten it: it is long against the mesh, so that draws would have to be clipped. Up to "
                    f"{DENSE_LIMIT} cells any range goes; mean and standard deviation need no draws.")


def filter_columns(field, blocks, torus, keep):
    """Multiply each wavenumber of (nz, ., ., k) fields by its nz x nz matrix; crop to (rows, columns) of `keep`."""
    nz, (py, px), count = field.shape[0], torus, field.shape[-1]
    wave = fft.rfft(field, px, axis=2, workers=worker_count())
    wave = fft.fft(wave, py, axis=1, workers=worker_count(), overwrite_x=True)
    parts = wave if np.iscomplexobj(blocks) else wave.view(np.float64)  # real matrices: half of the products
    parts = parts.reshape(nz, py * (px // 2 + 1), -1)
    mixed = np.empty_like(parts)
    np.matmul(blocks.reshape(-1, nz, nz), parts.transpose(1, 0, 2), out=mixed.transpose(1, 0, 2))
    wave = mixed.view(np.complex128).reshape(nz, py, px // 2 + 1, count)
    wave = fft.ifft(wave, axis=1, workers=worker_count(), overwrite_x=True)[:, : keep[0]]
    return fft.irfft(wave, px, axis=2, workers=worker_count())[:, :, : keep[1]]


class MixedCovariance(Covariance):
    """Several fields of one correlation: block (p, q) is M_pq diag(s_p) R diag(s_q).

    Parameters
    ----------
    correlation : Covariance
        R, over n cells.
    stds : list of ndarray, shape (n,)
        s_p.
    mixing : ndarray, shape (P, P)
        M, positive definite with unit diagonal.
    """

    def __init__(self, correlation, stds, mixing):
        self.correlation, self.stds = correlation, [np.asarray(s, dtype=float) for s in stds]
        self.mixing = np.asarray(mixing, dtype=float)
        self.count = len(self.stds)
        self.size = self.count * correlation.size

    @property
    def terms(self):
        """(fields, covariance) of every correlation there is: one, over all fields; see `SumCovariance`."""
        return ((tuple(range(self.count)), self),)

    def matmat(self, vectors):
        """Γ V for V of shape (size, k); parts of V that are zero cost nothing."""
        n = self.correlation.size
        out = np.zeros((self.size, vectors.shape[1]))
        for q, std_q in enumerate(self.stds):
            part = vectors[q * n : (q + 1) * n]
            if not part.any():
                continue
            smooth = self.correlation.matmat(std_q[:, None] * part)
            for p, std_p in enumerate(self.stds):
                out[p * n : (p + 1) * n] += (self.mixing[p, q] * std_p)[:, None] * smooth
        return out

    def diagonal(self):
        """Variances, shape (size,)."""
        base = self.correlation.diagonal()
        return np.concatenate([std**2 * base for std in self.stds])

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        n = self.correlation.size
        fields = self.correlation.sample(rng, count * self.count).reshape(self.count, count, n)
        mixed = np.einsum("pq,qcn->pcn", cholesky(self.mixing, lower=True), fields)
        return np.concatenate([mixed[p] * std for p, std in enumerate(self.stds)], axis=1)


class ScaledCovariance(MixedCovariance):
    """diag(std) R diag(std) for a correlation R and standard deviations of shape (size,)."""

    def __init__(self, correlation, std):
        super().__init__(correlation, [std], np.eye(1))


class BlockCovariance(Covariance):
    """Independent blocks, each over its own indices of a vector of `size` values."""

    def __init__(self, size, blocks):
        self.size, self.blocks = size, list(blocks)

    def matmat(self, vectors):
        """Γ V for V of shape (size, k); blocks on which V is zero cost nothing."""
        out = np.zeros((self.size, vectors.shape[1]))
        for index, covariance in self.blocks:
            part = vectors[index]
            if part.any():
                out[index] = covariance.matmat(part)
        return out

    def diagonal(self):
        """Variances, shape (size,)."""
        out = np.zeros(self.size)
        for index, covariance in self.blocks:
            out[index] = covariance.diagonal()
        return out

    def solve(self, vectors):
        """Γ⁻¹ V, block by block."""
        out = np.zeros_like(vectors)
        for index, covariance in self.blocks:
            out[index] = covariance.solve(vectors[index])
        return out

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        out = np.zeros((count, self.size))
        for index, covariance in self.blocks:
            out[:, index] = covariance.sample(rng, count)
        return out


class ConditionedCovariance(Covariance):
    """Covariance given exactly known values at `known` (indices): zero there, Γ − Γ_k Γ_kk⁻¹ Γ_kᵀ elsewhere."""

    def __init__(self, base, known):
        if known.size > DENSE_LIMIT:
            fail("fixed", f"know at most {DENSE_LIMIT} cells under a correlated prior", f"{known.size}",
                 "Leave air out by mesh.with_active or mesh.with_topography, or use a cellwise prior.")
        self.base, self.known, self.size = base, known, base.size
        self._gain_columns = base.matmat(unit_columns(base.size, known))
        factor = lower_factor(self._gain_columns[known], "fixed", f"leave {known.size} known cells apart to rounding",
                              "Know fewer, shorten the range relative to the cells, or use a lower smoothness.")
        self._solved = cho_solve((factor, True), self._gain_columns.T)

    def shift(self, deviation):
        """Change of the mean, shape (size,), when the known values deviate from their prior mean."""
        out = self._solved.T @ deviation
        out[self.known] = deviation
        return out

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        inside = np.array(vectors)
        inside[self.known] = 0.0
        out = self.base.matmat(inside) - self._gain_columns @ (self._solved @ inside)
        out[self.known] = 0.0
        return out

    def diagonal(self):
        """Variances, shape (size,)."""
        out = self.base.diagonal() - np.einsum("ik,ki->i", self._gain_columns, self._solved)
        out[self.known] = 0.0
        return out.clip(0.0)

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size), by correcting draws of the base (Matheron's rule)."""
        draws = self.base.sample(rng, count)
        draws -= draws[:, self.known] @ self._solved
        draws[:, self.known] = 0.0
        return draws
