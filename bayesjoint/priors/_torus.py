"""A stationary field that goes on beyond its mesh: a periodic lattice of columns, a matrix over depth a wavenumber."""

import numpy as np
from scipy import fft

from .._checks import fail
from .._places import blocks, half_counts
from ._covariance import CLIP_TOLERANCE, StationaryCorrelation
from ._orientation import extents

CORRELATION_REACH = 1e-3  # correlations below it count as none when the torus is laid out
KERNEL_REACH = 4.0  # depths of the bottom below the highest station: white cells beyond give (1/4)⁴ of a variance
JITTER = 1e-11  # share of the variance that lets a Cholesky factor pass rounding
GROWTH = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
LARGEST_BYTES = 2.5e9  # of the roots of the spectral matrices
BLOCK_BYTES = 2e8  # of matrices factorised at once


class TorusSpectrum:
    """Unit-variance stationary correlation on a periodic lattice of columns, by wavenumber.

    The covariance between columns is that of the shortest way round. By wavenumber it is one real symmetric nz x nz
    matrix Γ(k), even in both components of k, so that a quarter of them is stored, one plane for each distinct
    vertical lag. Where ranges lie along axes of their own it is Hermitian, and half of them is stored.

    Parameters
    ----------
    correlation : StationaryCorrelation
        Mesh, correlation function and ranges.
    torus : tuple of int
        (rows, columns).

    Attributes
    ----------
    even : bool
        Whether Γ(k) is real and even.
    planes : ndarray, shape (lags, rows // 2 + 1 or all rows, columns // 2 + 1)
        Γ(k) for each distinct vertical lag.
    pair : ndarray of int, shape (nz, nz)
        Which plane holds entry (z, z'), or its conjugate where z < z'.
    """

    def __init__(self, correlation, torus):
        self.correlation, self.layers, self.torus = correlation, correlation.mesh.shape[0], tuple(torus)
        if 16.0 * torus[0] * torus[1] > LARGEST_BYTES:
            fail("range", "let the field fit a periodic lattice in memory",
                 f"ranges {correlation.ranges} m, which want {torus[0]} x {torus[1]} columns",
                 "Shorten it to a few widths of the mesh: beyond that a field is level anyway.")
        planes, self.pair = correlation.lag_planes(self.torus)
        self.even = correlation.axes is None
        self.planes = np.stack([plane[: self._rows()].copy() for plane in planes])

    def _rows(self):
        """How many rows of wavenumbers are stored."""
        return self.torus[0] // 2 + 1 if self.even else self.torus[0]

    def mix(self, waves, transposed=False):
        """Γ(k), or its transpose, times spectra of layers.

        Parameters
        ----------
        waves : ndarray of complex, shape (nz, ..., rows, columns // 2 + 1)
        transposed : bool, default False
            Γᵀh is what the row hΓ of data that see h has for entries; the same where Γ(k) is real.

        Returns
        -------
        ndarray of complex, same shape
        """
        out = np.zeros_like(waves)
        for z in range(self.layers):
            for other in range(self.layers):
                plane = self.planes[self.pair[z, other]]
                _add_product(plane if self.even or (z >= other) != transposed else plane.conj(), waves[other], out[z])
        return out


class TorusField(TorusSpectrum):
    """The smallest torus on which a field with this correlation exists, and samples of it.

    A sample exists only if every Γ(k) is positive semidefinite (Dietrich & Newsam 1997): the torus grows until what is
    lacking to that is at most 1e-9 of the variance.

    Parameters
    ----------
    correlation : StationaryCorrelation
        Mesh, correlation function and ranges.
    least : tuple of int
        Smallest (rows, columns) wanted; see `least_torus`.

    Attributes
    ----------
    clipped : float
        Share of the variance that was lacking (1e-11 where a Cholesky factor with that on the diagonal proved it).

    Raises
    ------
    ValueError
        If no torus up to six times the least serves.
    """

    def __init__(self, correlation, least):
        layers, share = correlation.mesh.shape[0], np.inf
        for factor in GROWTH:
            torus = tuple(fft.next_fast_len(int(np.ceil(factor * n)), real=True) for n in least)
            each = 1 if correlation.axes is None else 4  # complex, and of all rows
            if each * layers * (layers + 1) * torus[0] * (torus[1] + 2) > LARGEST_BYTES:
                break
            super().__init__(correlation, torus)
            share = self._factorise()
            if share <= CLIP_TOLERANCE:
                self.clipped = share
                return
        fail("range", "let the field fit a periodic lattice on which every Γ(k) is positive semidefinite to 1e-9",
             f"ranges {correlation.ranges} m on {torus[0]} x {torus[1]} columns, negative share {share:.2g}",
             'Shorten it, use fewer layers, or use extent="mesh".')

    def _factorise(self):
        """Roots of all Γ(k), lower triangle of planes; the share of the variance they lack."""
        nz, (_, rows, columns) = self.layers, self.planes.shape
        low = np.tril_indices(nz)
        self.root = np.empty((low[0].size, rows, columns), self.planes.dtype)
        step = max(1, int(BLOCK_BYTES // (8 * columns * nz**2)))
        lacking = 0.0
        for part in blocks(rows, step):
            matrices = np.moveaxis(self.planes[:, part][self.pair], (0, 1), (-2, -1))
            factor, share = _lower_root(matrices, self._weights(part))
            lacking += share
            self.root[:, part] = np.moveaxis(factor[..., low[0], low[1]], -1, 0)
        return lacking / (self.torus[0] * self.torus[1] * nz)

    def _weights(self, rows):
        """How many wavenumbers of the whole torus each stored one stands for."""
        along = half_counts(self.torus[0]) if self.even else np.ones(self.torus[0])
        return along[rows, None] * half_counts(self.torus[1])

    def colour(self, waves):
        """Root of Γ(k) times spectra of layers, in place; white spectra become those of a sample."""
        if waves.dtype == np.complex64 and self.root.dtype in (np.float64, np.complex128):
            self.root = self.root.astype(np.float32 if self.even else np.complex64)
        for z in range(self.layers - 1, -1, -1):  # from the last row of a triangle up, what is still needed stays
            start, total = z * (z + 1) // 2, np.zeros_like(waves[z])
            for other in range(z + 1):
                _add_product(self.root[start + other], waves[other], total)
            waves[z] = total
        return waves

    def white(self, rng, count, dtype=np.float64):
        """Spectra of white noise, shape (nz, count, rows, columns // 2 + 1), for `colour`; ``irfft2`` brings them back.

        Columns that stand for themselves carry twice the variance: the inverse transform keeps the Hermitian half.
        """
        py, px = self.torus
        shape = (self.layers, count, py, px // 2 + 1)
        noise = rng.standard_normal((*shape, 2), dtype=dtype)
        waves = noise.view(np.result_type(dtype, np.complex64))[..., 0]
        waves *= np.sqrt(0.5 * py * px).astype(dtype)
        waves[..., half_counts(px) == 1.0] *= np.sqrt(2.0).astype(dtype)
        return waves


class CellwiseCorrelation(StationaryCorrelation):
    """Independent cells as a stationary correlation, for what wants one."""

    def __init__(self, mesh):
        super().__init__(mesh, _only_itself, (float(mesh.thickness.min()), *mesh.horizontal_spacing()))


def _only_itself(distance):
    return (distance < 1e-9).astype(float)


def least_torus(correlation, windows, depth):
    """Smallest torus for a field and the stations that see it.

    Every lag between a station and a cell of the mesh stays what it is on the plane (twice the columns they cover
    together), what is correlated does not meet round the back, and a station feels the cells that matter to it.

    Parameters
    ----------
    correlation : StationaryCorrelation
        Mesh, function and ranges.
    windows : sequence of ((row, rows), (column, columns))
        Place of each lattice of stations in the mesh's columns; rows may be negative or beyond it.
    depth : float
        Of the mesh's bottom below the highest station, metres.

    Returns
    -------
    tuple of int
        (rows, columns).
    """
    mesh = correlation.mesh
    reach, along_mesh = _reach(correlation.function), correlation.ranges
    if correlation.axes is not None:
        along_mesh = extents(correlation.axes, correlation.ranges)
    out = []
    for axis, step in enumerate(mesh.horizontal_spacing()):
        size = mesh.shape[1 + axis]
        low = min(0, *(w[axis][0] for w in windows)) if windows else 0
        high = max(size, *(w[axis][0] + w[axis][1] for w in windows)) if windows else size
        cover = high - low
        along = along_mesh[1 + axis]
        apart = int(np.ceil(reach * along / step)) if np.isfinite(along) else 0  # what does not vary is periodic
        out.append(max(2 * cover, cover + apart,
                       2 * int(np.ceil(KERNEL_REACH * depth / step)) + 1))
    return tuple(out)


def _reach(function):
    """Scaled distance at which a correlation has fallen to `CORRELATION_REACH`."""
    grid = np.linspace(0.0, 40.0, 4001)
    return float(grid[np.flatnonzero(function(grid) >= CORRELATION_REACH)[-1]])


def _add_product(plane, wave, out):
    """Add plane(k) wave(k) to `out`, the plane given for all rows, or for half of them and even in them."""
    rows = wave.shape[-2]
    if plane.shape[-2] == rows:
        out += plane * wave
        return
    half = rows // 2 + 1
    out[..., :half, :] += plane * wave[..., :half, :]
    out[..., half:, :] += plane[rows - half : 0 : -1] * wave[..., half:, :]


def _lower_root(matrices, weights):
    """Lower triangular roots of symmetric or Hermitian matrices, and the weighted sum of what was lacking to them."""
    try:
        roots = np.linalg.cholesky(matrices + JITTER * np.eye(matrices.shape[-1]))
        return roots, JITTER * float(weights.sum()) * matrices.shape[-1]
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(matrices)
        share = float((weights[..., None] * -np.minimum(values, 0.0)).sum())
        # any root will do to sample; of (V√Λ)* = QR the triangle is R*
        upper = np.linalg.qr(np.swapaxes(vectors * np.sqrt(values.clip(0))[..., None, :], -1, -2).conj(), mode="r")
        return np.swapaxes(upper, -1, -2).conj(), share
