"""What the edges of a survey cost: the posterior of a strip, finite along one axis and endless along the other."""

import numpy as np
from scipy import fft
from scipy.linalg import cholesky, solve_triangular

WIDEST = 96  # stations of a strip: beyond half of it from an edge nothing of the edge is left to see
EVERY, SPARSER = 24, 1.1  # wavenumbers along a strip: solved without a gap, growth of gaps after; between is smooth
FINE = 8  # columns from an edge, on both sides, taken one by one; then ever more sparsely


def solved_waves(count):
    """Which of `count` wavenumbers along a strip are solved: the lowest all, then ever fewer; the last is."""
    steps = np.concatenate([np.ones(EVERY), SPARSER ** np.arange(1, count)])
    return np.unique(np.minimum(np.round(np.cumsum(steps) - 1), count - 1).astype(int))


def strip_reduction(signal, through, ties, noise, windows, columns):
    """Variance reduction by layer across a strip of stations, from spectra by wavenumber along and across it.

    Along the endless axis wavenumbers do not mix, so that every one is a small dense problem of its own (the data-space
    form of Tarantola 2005, eq. 3.37).

    Parameters
    ----------
    signal : dict of {(int, int): ndarray, shape (waves, period)}
        Covariance between channels a <= b by wavenumber along, and along the finite axis.
    through : list of ndarray, shape (nz, waves, period)
        Covariance of each channel with unit fields.
    ties : ndarray, shape (P, channels)
        Correlation of each parameter with what each channel sees.
    noise : list of float
        Noise variance of each channel.
    windows : list of (int, int)
        (first, count) of each channel's stations along the finite axis, in columns of the mesh.
    columns : ndarray of int, shape (c,)
        Columns of the mesh asked for.

    Returns
    -------
    ndarray, shape (P, waves, nz, c)
        Reduction of unit fields' variance by wavenumber.
    """
    lags = {key: fft.ifft(wave, axis=1) for key, wave in signal.items()}
    reach = [fft.ifft(wave, axis=2) for wave in through]
    waves, period = next(iter(lags.values())).shape
    stations = [first + np.arange(count) for first, count in windows]
    ends = np.cumsum([0, *(s.size for s in stations)])
    layers = reach[0].shape[0]
    out = np.empty((ties.shape[0], waves, layers, columns.size))
    for wave in range(waves):  # one small problem for each wavenumber
        matrix = np.zeros((ends[-1], ends[-1]), dtype=complex)
        for (a, b), values in lags.items():
            block = values[wave][(stations[a][:, None] - stations[b]) % period]
            rows, cols = slice(ends[a], ends[a + 1]), slice(ends[b], ends[b + 1])
            matrix[rows, cols] = block
            matrix[cols, rows] = block.conj().T
        for a, variance in enumerate(noise):
            index = np.arange(ends[a], ends[a + 1])
            matrix[index, index] += variance
        factor = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        halves = []
        for a, values in enumerate(reach):
            right = np.zeros((ends[-1], layers * columns.size), dtype=complex)
            at = values[:, wave][:, (stations[a][:, None] - columns) % period]  # layer, station, column
            right[ends[a] : ends[a + 1]] = np.moveaxis(at, 1, 0).reshape(stations[a].size, -1)
            halves.append(solve_triangular(factor, right, lower=True, overwrite_b=True, check_finite=False))
        for p, tie in enumerate(ties):
            mixed = sum(t * half for t, half in zip(tie, halves, strict=True))
            out[p, wave] = np.einsum("ij,ij->j", mixed, mixed.conj()).real.reshape(layers, -1)
    return out


class Strip:
    """Columns and stations of a strip, cut short where the survey is wide, and the way back to the mesh's columns.

    Parameters
    ----------
    windows : list of (int, int)
        (first, count) of each channel's stations, in columns of the mesh.
    size : int
        Columns of the mesh.

    Attributes
    ----------
    windows : list of (int, int)
        Of the strip.
    columns : ndarray of int
        Columns at which the strip is looked at.
    """

    def __init__(self, windows, size):
        first, count = windows[0]
        place = np.arange(size)
        cut = max(0, count - WIDEST) if len(set(windows)) == 1 else 0  # the middle of a wide survey is left out
        self.windows = [(a, n - cut) for a, n in windows]
        middle = first + (count - cut) / 2
        # columns of the left half stay, those of the right half move by what was cut, those between lie in the middle
        self._where = np.where(place <= middle, place, np.maximum(place - cut, np.minimum(place, middle)))
        edges = {e for a, n in self.windows for e in (a, a + n - 1)}
        low, high = int(self._where.min()), int(np.ceil(self._where.max()))
        fine = {e + d for e in edges for d in range(-FINE, FINE + 1)}
        coarse = {e + s * round(FINE * 1.3**k) for e in edges for k in range(24) for s in (-1, 1)}
        self.columns = np.array(sorted(c for c in fine | coarse | {low, high, round(middle)} if low <= c <= high))

    def spread(self, values):
        """Values at `columns`, (..., c), to all columns of the mesh, (..., size), by linear interpolation."""
        right = np.clip(np.searchsorted(self.columns, self._where, side="right"), 1, self.columns.size - 1)
        left = right - 1
        step = (self._where - self.columns[left]) / (self.columns[right] - self.columns[left])
        return values[..., left] * (1 - step) + values[..., right] * step
