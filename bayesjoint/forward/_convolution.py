"""Layered convolution: sum over layers of 2-D convolutions, by pruned FFTs in blocks that stay in cache."""

import numpy as np
from scipy import fft

from .._compiled import FAST, njit
from ._threads import run_tasks, scratch, split, worker_count

CACHE_BYTES = 1 << 19  # of transformed layers in work at once, per thread: a quarter of a second-level cache
THREAD_BYTES = 1 << 20  # of spectra per further thread: below, starting it costs more than it saves
COLUMN_BLOCK = 8  # columns of a matrix product gathered at once: one cache line of float64


def circulants(blocks, padded, shift):
    """Yield each block, a field by lag, in the corner of a circulant of shape `padded`, rolled by `shift`."""
    for block in blocks:
        circulant = np.zeros(padded)
        circulant[: block.shape[0], : block.shape[1]] = block
        yield np.roll(circulant, shift, axis=(0, 1))


class LayeredConvolution:
    """y_h = Σ_z K_hz ∗ x_z on a window, and its adjoint.

    Layers are zero-padded along easting and transformed row by row, then along northing, so rows of zeros are never
    transformed; the products with the spectra are summed as they arise, so one inverse transform serves all layers and
    only a few layers are ever held.

    Parameters
    ----------
    kernels : iterable of ndarray, shape `padded`
        Circulant kernels, layer after layer within height after height.
    heights, layers : int
        Counts of output heights and input layers.
    padded : tuple of int
        (rows, columns) of the circulant kernels.
    model, window : tuple of int
        (rows, columns) of an input layer and of an output.
    corner : tuple of int
        (row, column) of the output's first element in the circular convolution.
    even : bool
        The kernels are even, so their spectra are real: half the memory, and half the time to multiply.
    dtype : dtype
        float64 or float32.

    Attributes
    ----------
    spectra : ndarray, shape (parts, heights, layers, rows · half)
        Real and, unless `even`, imaginary parts apart: a compiler makes vector instructions of that, not of pairs.
    """

    def __init__(self, kernels, heights, layers, padded, model, window, corner, even, dtype):
        self.dtype = np.dtype(dtype)
        self.complex = np.result_type(self.dtype, np.complex64)
        self.padded, self.model, self.window, self.corner = padded, model, window, corner
        self.half = padded[1] // 2 + 1
        self.spectra = np.empty((1 if even else 2, heights, layers, padded[0] * self.half), dtype=self.dtype)
        for n, kernel in enumerate(kernels):
            spectrum = fft.rfft2(kernel, norm="forward").ravel()
            self.spectra[(0, *divmod(n, layers))] = spectrum.real
            if not even:
                self.spectra[(1, *divmod(n, layers))] = spectrum.imag

    def forward(self, columns):
        """(layers · ny · nx, k) -> (heights · window, k)."""
        _, heights, layers, _ = self.spectra.shape
        out = np.empty((heights * self.window[0] * self.window[1], columns.shape[1]), dtype=self.dtype)

        def task(block, part):
            return self._accumulate(columns[:, block], part)

        if columns.shape[1] == 1:
            total, *others = run_tasks([lambda z=z: task(slice(0, 1), z) for z in split(layers, self._threads(1))])
            for part in others:
                total += part
            self._restore(total, self.window, self.corner, out)
        else:
            self._by_columns(
                lambda block: self._restore(task(block, (0, layers)), self.window, self.corner, out[:, block]), out
            )
        return out

    def backward(self, columns):
        """(heights · window, k) -> (layers · ny · nx, k), the adjoint."""
        _, heights, layers, _ = self.spectra.shape
        out = np.empty((layers * self.model[0] * self.model[1], columns.shape[1]), dtype=self.dtype)

        def image(block):
            return self._transform(columns[:, block], heights, self.window, self.corner)

        if columns.shape[1] == 1:
            one = image(slice(0, 1))
            run_tasks([lambda z=z: self._spread(one, z, out) for z in split(layers, self._threads(1))])
        else:
            self._by_columns(lambda block: self._spread(image(block), (0, layers), out[:, block]), out)
        return out

    def add_backward(self, vector, out):
        """Add the adjoint of one vector (heights · window,) to `out`, (layers · ny · nx,), as it arises."""
        _, heights, layers, _ = self.spectra.shape
        image = self._transform(vector[:, None], heights, self.window, self.corner)
        run_tasks([lambda z=z: self._spread(image, z, out[:, None], add=True)
                   for z in split(layers, self._threads(1))])

    def _threads(self, count):
        return min(worker_count(), 1 + self.spectra.nbytes * count // THREAD_BYTES)

    def _by_columns(self, task, out):
        """Run `task` on blocks of columns, shared out to threads."""
        count = out.shape[1]

        def share(part):
            for start in range(*part, COLUMN_BLOCK):
                task(slice(start, min(start + COLUMN_BLOCK, part[1])))

        run_tasks([lambda part=part: share(part) for part in split(count, self._threads(count))])

    def _chunks(self, part, count):
        """Ranges of layers that fit the cache, with `count` columns each."""
        layer = self.padded[0] * self.half * self.complex.itemsize
        step = max(1, CACHE_BYTES // (layer * count))
        return [(first, min(first + step, part[1])) for first in range(*part, step)]

    def _transform(self, columns, layers, shape, corner=(0, 0)):
        """Padded transforms (k, layers, rows · half) of `layers` layers of `shape`, placed at `corner`."""
        count = columns.shape[1]
        real = scratch("real", (count, layers, shape[0], self.padded[1]), self.dtype)
        real[..., : corner[1]] = 0.0
        real[..., corner[1] + shape[1] :] = 0.0
        real[..., corner[1] : corner[1] + shape[1]] = columns.T.reshape(count, layers, *shape)
        padded = scratch("padded", (count, layers, self.padded[0], self.half), self.complex)
        _place(fft.rfft(real, axis=-1), corner[0], padded)
        return fft.fft(padded, axis=-2, overwrite_x=True).reshape(count, layers, -1)

    def _restore(self, spectra, shape, corner, out, add=False):
        """Inverse of `_transform`, without scale, into columns; rows and columns are cropped as early as can be."""
        count, layers, _ = spectra.shape
        padded = spectra.reshape(count, layers, self.padded[0], self.half)
        rows = fft.ifft(padded, axis=-2, overwrite_x=True, norm="forward")[:, :, corner[0] : corner[0] + shape[0]]
        real = fft.irfft(rows, n=self.padded[1], axis=-1, norm="forward")[..., corner[1] : corner[1] + shape[1]]
        place, real = out.reshape(layers, *shape, count), np.moveaxis(real, 0, -1)
        if add:
            place += real
        else:
            place[:] = real

    def _accumulate(self, columns, part):
        """Spectra (k, heights, rows · half) of what the layers of `part` give together."""
        count, size = columns.shape[1], self.model[0] * self.model[1]
        total = np.zeros((count, self.spectra.shape[1], self.spectra.shape[3]), dtype=self.complex)
        for first, last in self._chunks(part, count):
            layers = self._transform(columns[first * size : last * size], last - first, self.model)
            _multiply_add(self.spectra, first, layers.view(self.dtype), total.view(self.dtype))
        return total

    def _spread(self, image, part, out, add=False):
        """Write or add the layers of `part` of the adjoint of the spectra `image` (k, heights, rows · half)."""
        count, _, points = image.shape
        size = self.model[0] * self.model[1]
        for first, last in self._chunks(part, count):
            layers = scratch("layers", (count, last - first, points), self.complex)
            _multiply_conjugate(self.spectra, first, image.view(self.dtype), layers.view(self.dtype))
            self._restore(layers, self.model, (0, 0), out[first * size : last * size], add)


@njit(cache=True, nogil=True)
def _place(rows, first, padded):
    """Copy `rows` (k, z, m, half) into `padded` from row `first` on and clear the rest, in one pass."""
    last = first + rows.shape[2]
    for c in range(rows.shape[0]):
        for z in range(rows.shape[1]):
            for j in range(padded.shape[2]):
                for i in range(padded.shape[3]):  # loops: slices compile for seconds
                    padded[c, z, j, i] = rows[c, z, j - first, i] if first <= j < last else 0.0


@njit(cache=True, nogil=True, fastmath=FAST)
def _multiply_add(spectra, first, layers, total):
    """total[c, h] += Σ_z spectra[:, h, first + z] · layers[c, z]; complex numbers as pairs of reals."""
    for c in range(layers.shape[0]):
        for h in range(spectra.shape[1]):
            for z in range(layers.shape[1]):
                real, layer, out = spectra[0, h, first + z], layers[c, z], total[c, h]
                if spectra.shape[0] == 1:
                    for i in range(real.size):
                        out[2 * i] += real[i] * layer[2 * i]
                        out[2 * i + 1] += real[i] * layer[2 * i + 1]
                else:
                    imag = spectra[1, h, first + z]
                    for i in range(real.size):
                        out[2 * i] += real[i] * layer[2 * i] - imag[i] * layer[2 * i + 1]
                        out[2 * i + 1] += real[i] * layer[2 * i + 1] + imag[i] * layer[2 * i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _multiply_conjugate(spectra, first, image, layers):
    """layers[c, z] = Σ_h conj(spectra[:, h, first + z]) · image[c, h]; complex numbers as pairs of reals."""
    for c in range(layers.shape[0]):
        for z in range(layers.shape[1]):
            out = layers[c, z]
            for h in range(spectra.shape[1]):
                real, source = spectra[0, h, first + z], image[c, h]
                if h == 0:
                    for i in range(out.size):
                        out[i] = 0.0
                if spectra.shape[0] == 1:
                    for i in range(real.size):
                        out[2 * i] += real[i] * source[2 * i]
                        out[2 * i + 1] += real[i] * source[2 * i + 1]
                else:
                    imag = spectra[1, h, first + z]
                    for i in range(real.size):
                        out[2 * i] += real[i] * source[2 * i] + imag[i] * source[2 * i + 1]
                        out[2 * i + 1] += real[i] * source[2 * i + 1] - imag[i] * source[2 * i]
