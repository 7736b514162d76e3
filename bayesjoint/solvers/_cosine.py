"""The cosine preconditioner of a stationary covariance on a window of a lattice."""

import numpy as np
from scipy import fft
from scipy.linalg import cho_solve

from .._checks import fail
from .._cholesky import lower_factor
from ..forward import worker_count
from ._directional import FLOOR, DirectionalSymbol

GAP_LIMIT = 16_000  # missing values whose matrix is factorised: 2 GB
LOOKED_UP = 512  # columns of their matrix looked up at once
LEAST_CONTRAST = 0.25  # of waves and their mirror images, below which direction is worth two more transforms


class CosinePreconditioner:
    """M = Dᵀ B D with D the orthonormal two-dimensional DCT-II of a window and B = diag(D K Dᵀ).

    K is the covariance of one or several channels on the window, stationary but for its edges, plus white noise. B has
    one block of channels x channels for each cosine mode, its entries Σ_pq a_k(p) c(p, q) a_l(q) from the covariance
    by lag and the autocorrelations a of the cosines. Blocks of a congruence of a positive definite matrix are positive
    definite, so M is, whatever the covariance; and where periodic preconditioners join opposite edges, cosines do not.

    Where waves and their mirror images differ much (`DirectionalSymbol`, a contrast below 0.25) and nothing is missing,
    M = R C R with R = Dᵀ B^½ D brings in their direction.

    Missing values are taken out exactly: (M_oo)⁻¹ = (M⁻¹)_oo − (M⁻¹)_om [(M⁻¹)_mm]⁻¹ (M⁻¹)_mo, which cannot
    worsen the condition number (Cauchy's interlacing), while leaving them out of M⁻¹ would.

    Parameters
    ----------
    lags : dict of {(int, int): ndarray, shape (2 rows − 1, 2 columns − 1)}
        Covariance of channels a <= b by lag, lag 0 in the middle; absent where channels are independent.
    noise : ndarray, shape (C,)
        Noise variance of each channel.
    observed : ndarray of bool, shape (C, rows, columns)
        False where a value is missing.
    dtype : dtype, default float64
        Of the transforms: float32 takes half the time, and a preconditioner need not be better.

    Raises
    ------
    ValueError
        If more than 16,000 values are missing.

    Examples
    --------
    White noise alone is inverted exactly.

    >>> lags = {(0, 0): np.zeros((5, 7))}
    >>> inverse = CosinePreconditioner(lags, np.array([4.0]), np.ones((1, 3, 4), dtype=bool))
    >>> inverse.solve(np.ones((12, 1)))[0, 0].round(12)
    np.float64(0.25)
    """

    def __init__(self, lags, noise, observed, dtype=np.float64):
        self._dtype = np.dtype(dtype)
        self.channels, *window = observed.shape
        self.window = tuple(window)
        blocks = _blocks(lags, self.channels, self.window)
        for a in range(self.channels):
            blocks[..., a, a] = np.maximum(blocks[..., a, a], FLOOR * blocks[..., a, a].max()) + noise[a]
        values, vectors = np.linalg.eigh(blocks)
        values = np.maximum(values, FLOOR * values[..., -1:])  # rounding in a correlation of ±1
        self._logdet = float(np.log(values).sum())

        def power(exponent):
            matrix = (vectors * values[..., None, :] ** exponent) @ np.swapaxes(vectors, -1, -2)
            return np.ascontiguousarray(np.moveaxis(matrix, (-2, -1), (0, 1)))

        inverse, self._root = power(-1.0), power(0.5)
        flat = observed.ravel()
        self._observed, self._missing = np.flatnonzero(flat), np.flatnonzero(~flat)
        self._gaps = self._symbol = None
        if self._missing.size:
            factor = self._factorise_gaps(inverse)
            self._logdet += 2.0 * float(np.log(np.diag(factor)).sum())
            self._gaps = factor.astype(self._dtype)
        else:
            symbol = DirectionalSymbol(lags, noise, self.window)
            if symbol.contrast < LEAST_CONTRAST:
                symbol.prepare(self._dtype)
                self._symbol, self._logdet = symbol, self._logdet + symbol.logdet
        self._inverse = (inverse if self._symbol is None else power(-0.5)).astype(self._dtype)

    def solve(self, values):
        """(M_oo)⁻¹ V for V of shape (n_observed, k), channel after channel."""
        spread = self._whole(self._spread(values))
        if self._gaps is not None:
            full = np.zeros_like(spread)
            full[:, self._missing] = cho_solve((self._gaps, True), spread[:, self._missing].T, check_finite=False).T
            spread -= self._whole(full)
            return spread[:, self._observed].T
        return spread.T

    def colour(self, rng, count):
        """`count` random columns with covariance M_oo, shape (n_observed, count)."""
        white = rng.standard_normal((count, self.channels, *self.window))
        if self._symbol is not None:
            white = fft.dctn(self._symbol.colour(white), axes=(-2, -1), norm="ortho", overwrite_x=True)
        return self._inverse_transform(_mixed(self._root, white)).reshape(count, -1)[:, self._observed].T

    def logdet(self):
        """Log det M_oo; with values missing it is log det M + log det (M⁻¹)_mm."""
        return self._logdet

    def _spread(self, values):
        if not self._missing.size:
            return values.T.astype(self._dtype, order="C")
        full = np.zeros((values.shape[1], self._observed.size + self._missing.size), self._dtype)
        full[:, self._observed] = values.T
        return full

    def _whole(self, rows):
        """M⁻¹ of fields without gaps, shape (k, channels · rows · columns)."""
        fields = self._weigh(rows.reshape(rows.shape[0], self.channels, *self.window))
        if self._symbol is not None:
            fields = self._weigh(self._symbol.solve(fields))
        return fields.reshape(rows.shape)

    def _weigh(self, fields):
        """B⁻¹ in cosines; its root where the rest of M stands between two of them."""
        modes = fft.dctn(fields, axes=(-2, -1), norm="ortho", overwrite_x=True, workers=worker_count())
        return self._inverse_transform(_mixed(self._inverse, modes))

    def _inverse_transform(self, modes):
        return fft.idctn(modes, axes=(-2, -1), norm="ortho", overwrite_x=True, workers=worker_count())

    def _factorise_gaps(self, inverse):
        """Cholesky factor of (M⁻¹)_mm, whose entries are four look-ups in a cosine table each."""
        if self._missing.size > GAP_LIMIT:
            fail("mask", f"leave out at most {GAP_LIMIT} stations of a window", f"{self._missing.size} missing",
                 "Cut the survey to smaller windows, one modality each, or leave the worst rows out of the lattice.")
        channel, row, column = np.unravel_index(self._missing, (self.channels, *self.window))
        matrix = np.empty((self._missing.size,) * 2, order="F")  # factorised in place
        starts = np.searchsorted(channel, np.arange(self.channels + 1))
        for a in range(self.channels):
            for b in range(a + 1):
                table = _table(inverse[a, b], self.window)
                one = slice(starts[a], starts[a + 1])
                for first in range(starts[b], starts[b + 1], LOOKED_UP):
                    other = slice(first, min(first + LOOKED_UP, starts[b + 1]))
                    matrix[one, other] = _looked_up(table, row[one], column[one], row[other], column[other])
        return lower_factor(matrix, "noise std", "leave the preconditioner positive definite to rounding",
                            "Raise it: the data are taken to be better than 1e-6 of their size.", overwrite_a=True,
                            check_finite=False)


def cosine_autocorrelation(n):
    """a_k(p) = Σ_i φ_k(i) φ_k(i + p) of the orthonormal DCT-II, shape (n modes, n lags p >= 0).

    Parameters
    ----------
    n : int
        Length of the window.

    Examples
    --------
    >>> cosine_autocorrelation(2)
    array([[ 1. ,  0.5],
           [ 1. , -0.5]])
    """
    k, p = np.arange(n)[:, None], np.arange(n)
    angle = np.pi * k / n
    out = (n - p) * np.cos(angle * p) / n
    out[1:] -= np.sin(angle[1:] * p) / (n * np.sin(angle[1:]))
    return out


def _blocks(lags, channels, window):
    """diag(D K Dᵀ) without noise, shape (rows, columns, C, C)."""
    rows, columns = window
    north, east = (cosine_autocorrelation(n) for n in window)
    out = np.zeros((rows, columns, channels, channels))
    for (a, b), values in lags.items():
        # autocorrelations are even: lags of opposite sign are added first
        middle = values[rows - 1 :].copy()
        middle[1:] += values[rows - 2 :: -1]
        folded = middle[:, columns - 1 :].copy()
        folded[:, 1:] += middle[:, columns - 2 :: -1]
        out[..., a, b] = out[..., b, a] = north @ folded @ east.T
    return out


def _mixed(blocks, fields):
    """Multiply the channels of fields (k, C, rows, columns) by blocks (C, C, rows, columns)."""
    if blocks.shape[0] == 1:
        return fields * blocks[0, 0]
    out = np.empty_like(fields)
    for a in range(blocks.shape[0]):
        out[:, a] = blocks[a, 0] * fields[:, 0]
        for b in range(1, blocks.shape[0]):
            out[:, a] += blocks[a, b] * fields[:, b]
    return out


def _table(modes, window):
    """T(p, q) = Σ_kl w_k w_l modes(k, l) cos(πkp/n) cos(πlq/n) for p, q from 0 to twice the window."""
    tables = []
    for n in window:
        weight = np.full(n, 1.0 / n)
        weight[0] = 0.5 / n
        tables.append(np.cos(np.pi / n * (np.arange(2 * n)[:, None] * np.arange(n) % (2 * n))) * weight)
    return tables[0] @ modes @ tables[1].T


def _looked_up(table, row, column, other_row, other_column):
    """Σ over |i − i'| and i + i' + 1, |j − j'| and j + j' + 1 of T."""
    north = (np.abs(row[:, None] - other_row), row[:, None] + other_row + 1)
    east = (np.abs(column[:, None] - other_column), column[:, None] + other_column + 1)
    width, flat = table.shape[1], table.ravel()
    out = np.zeros(north[0].shape)
    for i in north:
        for j in east:
            out += flat[i * width + j]
    return out
