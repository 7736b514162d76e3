"""Layered convolution: sum over layers of 2-D convolutions, by pruned FFTs in blocks that stay in cache."""

import numpy as np
from numba import njit
from scipy import fft

from ._threads import run, split, worker_count

CACHE_BYTES = 1 << 20  # of transformed layers in work at once, per thread: about half a core's second-level cache
THREAD_BYTES = 1 << 22  # of spectra below which starting a thread costs more than it saves
COLUMN_BLOCK = 8  # columns of a matrix product gathered at once: one cache line of float64


class LayeredConvolution:
    """y_h = Σ_z K_hz ∗ x_z on a window, and its adjoint.

    Layers are zero-padded along easting and transformed row by row, then along northing; the products with the
    spectra are summed as they arise, so one inverse transform serves all layers and only a few layers are ever held.

    Parameters
    ----------
    kernels : iterable of ndarray, shape (rows, columns)
        Circulant kernels, layer after layer within height after height.
    heights, layers : int
        Counts of output heights and input layers.
    padded : tuple of int
        (rows, columns) of the circulant kernels.
    model, window : tuple of int
        (rows, columns) of an input layer and of an output.
    dtype : dtype
        float64 or float32.
    """

    def __init__(self, kernels, heights, layers, padded, model, window, dtype):
        self.dtype = np.dtype(dtype)
        self.complex = np.result_type(self.dtype, np.complex64)
        self.padded, self.model, self.window = padded, model, window
        rows, half = padded[0], padded[1] // 2 + 1
        self.spectra = np.empty((heights, layers, rows, half), dtype=self.complex)
        for n, kernel in enumerate(kernels):
            self.spectra[divmod(n, layers)] = fft.rfft2(kernel)
        self.spectra /= padded[0] * padded[1]

    def forward(self, columns):
        """(layers · ny · nx, k) -> (heights · window, k)."""
        count = columns.shape[1]
        out = np.empty((int(np.prod(self.window)) * self.spectra.shape[0], count), dtype=self.dtype)
        layers = self.spectra.shape[1]
        if count == 1:
            tasks = [lambda z=z: self._accumulate(columns, z) for z in split(layers, self._threads(1))]
            total, *others = run(tasks)
            for part in others:
                total += part
            out[:, 0] = self._invert(total).reshape(-1)
            return out

        def task(part):
            for start in range(*part, COLUMN_BLOCK):
                block = slice(start, min(start + COLUMN_BLOCK, part[1]))
                image = self._invert(self._accumulate(columns[:, block], (0, layers)))
                out[:, block] = image.reshape(image.shape[0], -1).T

        run([lambda part=part: task(part) for part in split(count, self._threads(count))])
        return out

    def backward(self, columns):
        """(heights · window, k) -> (layers · ny · nx, k), the adjoint."""
        count, layers = columns.shape[1], self.spectra.shape[1]
        out = np.empty((int(np.prod(self.model)) * layers, count), dtype=self.dtype)
        if count == 1:
            image = self._transform(columns, self.spectra.shape[0], self.window)
            run([lambda z=z: self._spread(image, z, out) for z in split(layers, self._threads(1))])
            return out

        def task(part):
            for start in range(*part, COLUMN_BLOCK):
                block = slice(start, min(start + COLUMN_BLOCK, part[1]))
                image = self._transform(columns[:, block], self.spectra.shape[0], self.window)
                self._spread(image, (0, layers), out[:, block])

        run([lambda part=part: task(part) for part in split(count, self._threads(count))])
        return out

    def _threads(self, count):
        return min(worker_count(), 1 + self.spectra.nbytes * count // THREAD_BYTES)

    def _chunk(self, count):
        return max(1, CACHE_BYTES // (self.spectra[0, 0].nbytes * count))

    def _transform(self, columns, layers, shape):
        """Padded transforms (k, layers, rows, half) of `layers` layers of `shape`, given as columns."""
        count = columns.shape[1]
        real = np.zeros((count, layers, shape[0], self.padded[1]), dtype=self.dtype)
        real[..., : shape[1]] = columns.T.reshape(count, layers, *shape)
        padded = np.empty((count, layers, self.padded[0], self.spectra.shape[-1]), dtype=self.complex)
        padded[:, :, : shape[0]] = fft.rfft(real, axis=-1)
        padded[:, :, shape[0] :] = 0
        return fft.fft(padded, axis=-2, overwrite_x=True)

    def _restore(self, padded, shape):
        """Inverse of `_transform` without scale, cropped to `shape` as early as can be."""
        rows = fft.ifft(padded, axis=-2, overwrite_x=True, norm="forward")[:, :, : shape[0]]
        return fft.irfft(rows, n=self.padded[1], axis=-1, norm="forward")[..., : shape[1]]

    def _accumulate(self, columns, part):
        heights, _, rows, half = self.spectra.shape
        total = np.zeros((columns.shape[1], heights, rows, half), dtype=self.complex)
        size, step = int(np.prod(self.model)), self._chunk(columns.shape[1])
        for first in range(*part, step):
            last = min(first + step, part[1])
            layers = self._transform(columns[first * size : last * size], last - first, self.model)
            _multiply_add(self.spectra[:, first:last], layers, total)
        return total

    def _invert(self, total):
        return self._restore(total, self.window)

    def _spread(self, image, part, out):
        count, _, rows, half = image.shape
        size, step = int(np.prod(self.model)), self._chunk(count)
        for first in range(*part, step):
            last = min(first + step, part[1])
            layers = np.empty((count, last - first, rows, half), dtype=self.complex)
            _multiply_conjugate(self.spectra[:, first:last], image, layers)
            out[first * size : last * size] = self._restore(layers, self.model).reshape(count, -1).T


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def _multiply_add(spectra, layers, total):
    """total[c, h] += Σ_z spectra[h, z] · layers[c, z], in one pass over memory."""
    for c in range(layers.shape[0]):
        for h in range(spectra.shape[0]):
            for z in range(layers.shape[1]):
                for j in range(layers.shape[2]):
                    for i in range(layers.shape[3]):
                        total[c, h, j, i] += spectra[h, z, j, i] * layers[c, z, j, i]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def _multiply_conjugate(spectra, image, layers):
    """layers[c, z] = Σ_h conj(spectra[h, z]) · image[c, h]."""
    for c in range(layers.shape[0]):
        for z in range(layers.shape[1]):
            for j in range(layers.shape[2]):
                for i in range(layers.shape[3]):
                    layers[c, z, j, i] = np.conj(spectra[0, z, j, i]) * image[c, 0, j, i]
            for h in range(1, spectra.shape[0]):
                for j in range(layers.shape[2]):
                    for i in range(layers.shape[3]):
                        layers[c, z, j, i] += np.conj(spectra[h, z, j, i]) * image[c, h, j, i]
