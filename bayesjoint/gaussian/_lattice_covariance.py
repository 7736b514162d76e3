"""Stationary covariance between stations of one lattice: block-Toeplitz with Toeplitz blocks, by one FFT pair."""

import copy

import numpy as np
from scipy import fft

from ..forward._threads import worker_count

BLOCK_BYTES = 3e8  # of spectra carried at once


class LatticeCovariance:
    """Covariance of several channels (a survey at one height), each on its own window of a common lattice.

    Parameters
    ----------
    spectra : dict of {(int, int): ndarray}
        For channels a <= b the ``rfft2`` of Cov(d_a(s), d_b(s')) over the lag s − s' on a torus, shape (rows,
        columns // 2 + 1); complex, or real where a == b.
    torus : tuple of int
        (rows, columns); at least twice the frame less one.
    windows : list of ((row, rows), (column, columns))
        Place of each channel on the lattice.

    Attributes
    ----------
    windows : list of ((row, rows), (column, columns))
        The same, from the frame's corner: the smallest rectangle that holds all windows.
    frame : tuple of int
        (rows, columns) of that rectangle.
    lags : dict of {(int, int): ndarray, shape (2 rows − 1, 2 columns − 1)}
        Covariances by lag, lag 0 in the middle.
    """

    def __init__(self, spectra, torus, windows):
        corner = [min(w[axis][0] for w in windows) for axis in (0, 1)]
        self.windows = [tuple((w[axis][0] - corner[axis], w[axis][1]) for axis in (0, 1)) for w in windows]
        self.frame = tuple(max(first + count for first, count in (w[axis] for w in self.windows)) for axis in (0, 1))
        self.count = len(windows)
        self.lags, self._spectra = {}, {}
        rows, columns = (np.arange(1 - n, n) for n in self.frame)
        height, width = (2 * n - 1 for n in self.frame)
        self._embedding = (fft.next_fast_len(height), fft.next_fast_len(width, real=True))
        for key, spectrum in spectra.items():
            whole = fft.irfft2(spectrum, torus, workers=worker_count())
            self.lags[key] = whole[np.ix_(rows, columns)]
            circulant = np.zeros(self._embedding)
            circulant[np.ix_(rows, columns)] = self.lags[key]
            wave = fft.rfft2(circulant, workers=worker_count())
            self._spectra[key] = wave.real.copy() if key[0] == key[1] else wave

    def product(self, fields):
        """Covariance times fields.

        Parameters
        ----------
        fields : list of ndarray, shape (k, rows, columns) of each window

        Returns
        -------
        list of ndarray
            The same shapes.
        """
        count = fields[0].shape[0]
        step = max(1, int(BLOCK_BYTES // (16 * 3 * self.count * self._embedding[0] * (self._embedding[1] // 2 + 1))))
        if count <= step:
            return self._product(fields)
        parts = [self._product([f[k : k + step] for f in fields]) for k in range(0, count, step)]
        return [np.concatenate(channel) for channel in zip(*parts, strict=True)]

    def _product(self, fields):
        waves = [self._transform(field, window) for field, window in zip(fields, self.windows, strict=True)]
        out = []
        for a, window in enumerate(self.windows):
            total = None
            for b, wave in enumerate(waves):
                if (min(a, b), max(a, b)) not in self._spectra:
                    continue
                spectrum = self._spectra[min(a, b), max(a, b)]
                part = (spectrum if a <= b else spectrum.conj()) * wave
                total = part if total is None else np.add(total, part, out=total)
            out.append(self._restore(total, window))
        return out

    def _transform(self, field, window):
        (row, rows), (column, _) = window
        (height, width), count = self._embedding, field.shape[0]
        if column:
            field = np.pad(field, ((0, 0), (0, 0), (column, 0)))
        waves = np.empty((count, height, width // 2 + 1), dtype=np.complex128)
        waves[:, :row] = 0.0
        waves[:, row + rows :] = 0.0
        waves[:, row : row + rows] = fft.rfft(field, width, axis=-1, workers=worker_count())
        return fft.fft(waves, axis=-2, overwrite_x=True, workers=worker_count())

    def _restore(self, waves, window):
        (row, rows), (column, columns) = window
        waves = fft.ifft(waves, axis=-2, overwrite_x=True, workers=worker_count())[:, row : row + rows]
        return fft.irfft(waves, self._embedding[1], axis=-1, workers=worker_count())[..., column : column + columns]

    def part(self, channels):
        """The covariance among some channels."""
        out, place = copy.copy(self), {c: n for n, c in enumerate(channels)}
        out.count, out.windows = len(channels), [self.windows[c] for c in channels]
        out.lags, out._spectra = ({(place[a], place[b]): value for (a, b), value in each.items()
                                   if a in place and b in place} for each in (self.lags, self._spectra))
        return out

    def scaled(self, factors, ties):
        """The same times {(a, b): factor}, of which those that are 0 leave two channels untied."""
        out = copy.copy(self)
        out.lags, out._spectra = ({key: factors[key] * value for key, value in each.items()
                                   if factors[key] != 0 or key[0] == key[1]} for each in (self.lags, self._spectra))
        return out

    def matrix(self, a, b):
        """Between all values of two channels, shape (n_a, n_b)."""
        if (min(a, b), max(a, b)) not in self.lags:
            return np.zeros([np.prod([count for _, count in self.windows[c]]) for c in (a, b)])
        lags = self.lags[a, b] if a <= b else self.lags[b, a][::-1, ::-1]
        row, column = (np.subtract.outer(first + np.arange(n), other + np.arange(m)) + middle - 1
                       for (first, n), (other, m), middle in zip(*(self.windows[c] for c in (a, b)), self.frame,
                                                                 strict=True))
        whole = lags[row[:, None, :, None], column[:, None, :]]  # (row, column, row', column')
        return whole.reshape(whole.shape[0] * whole.shape[1], -1)

    def variance(self, channel):
        """Variance of a channel's values, the same at every station."""
        return float(self.lags[channel, channel][self.frame[0] - 1, self.frame[1] - 1])
