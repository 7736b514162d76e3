"""Continued fields under topography: what lies above the ground, on the mesh and beyond it, takes no part."""

import copy

import numpy as np
from scipy import fft

from ..forward import worker_count
from ._lattice_covariance import LatticeCovariance

BLOCK_BYTES = 4e8  # of fields on the torus carried at once


def torus_ground(mesh, torus):
    """Ground on a periodic lattice of columns: beyond the mesh that of the nearest column of the mesh.

    Parameters
    ----------
    mesh : Mesh
    torus : tuple of int
        (rows, columns), at least the mesh's.

    Returns
    -------
    ndarray of bool, shape (nz, rows, columns)

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import Mesh
    >>> mesh = Mesh.regular((1, 1, 3), (1, 1, 1)).with_active(np.array([[[True, True, False]]]))
    >>> torus_ground(mesh, (1, 7)).astype(int).tolist()
    [[[1, 1, 0, 0, 0, 1, 1]]]
    """
    nearest = []
    for size, period in zip(mesh.shape[1:], torus, strict=True):
        index = np.arange(period)
        nearest.append(np.where(index < size, index, np.where(index - (size - 1) <= period - index, size - 1, 0)))
    return mesh.active[:, nearest[0][:, None], nearest[1]]


class MaskedTorus:
    """Fields on a torus, of which the ground alone acts on data: A m Γ m Aᵀ with m the mask of the ground.

    Parameters
    ----------
    ground : ndarray of bool, shape (nz, rows, columns)
        m.
    windows : list of ((row, rows), (column, columns))
        Place of each channel's stations.
    members : list of int
        Field that each channel sees.
    transfers : list of ndarray, shape (nz, rows, columns // 2 + 1)
        Data of each channel per unit of its field, by wavenumber.
    count : int
        Number of fields.
    """

    def __init__(self, ground, windows, members, transfers, count):
        self.ground, self.members, self.transfers, self.count = ground, members, transfers, count
        self.torus = ground.shape[1:]
        self._places = [tuple(np.arange(first, first + size) % period for (first, size), period in
                              zip(window, self.torus, strict=True)) for window in windows]

    def part(self, channels):
        """The same of some channels."""
        out = copy.copy(self)
        out.members, out.transfers, out._places = (
            [each[c] for c in channels] for each in (self.members, self.transfers, self._places))
        return out

    @property
    def step(self):
        """How many right-hand sides to carry at once."""
        return max(1, int(BLOCK_BYTES // (3 * 16 * self.count * self.ground.size)))

    def spread(self, fields):
        """Spectra of m Aᵀ of channels' data, one (nz, k, rows, half) for each field; None of those that none sees.

        `fields` are (k, rows, columns).
        """
        out = [None] * self.count
        for c, (field, (rows, columns)) in enumerate(zip(fields, self._places, strict=True)):
            grid = np.zeros((field.shape[0], *self.torus))
            grid[:, rows[:, None], columns] = field
            wave = np.conj(self.transfers[c])[:, None] * fft.rfft2(grid, workers=worker_count())
            q = self.members[c]
            out[q] = wave if out[q] is None else np.add(out[q], wave, out=out[q])
        return [None if wave is None else self.wave(self.masked(wave)) for wave in out]

    def masked(self, wave):
        """Fields of the ground, (nz, k, rows, columns), of spectra."""
        field = fft.irfft2(wave, self.torus, workers=worker_count())
        field *= self.ground[:, None]
        return field

    @staticmethod
    def wave(field):
        """Spectra of fields (nz, k, rows, columns)."""
        return fft.rfft2(field, workers=worker_count())

    def smooth(self, mix, ties, spectra):
        """Σ_q ties[p, q] m Γ of spectra: a field (nz, k, rows, columns) for every p, None where nothing is tied to it.

        Parameters
        ----------
        mix : callable
            Γ(k) times spectra of layers.
        ties : ndarray, shape (P, P)
        spectra : list
            As from `spread`.
        """
        smoothed, out = [None if wave is None else mix(wave) for wave in spectra], []
        for row in ties:
            parts = [tie * wave for tie, wave in zip(row, smoothed, strict=True) if wave is not None and tie != 0]
            out.append(self.masked(sum(parts[1:], parts[0])) if parts else None)
        return out

    def observe(self, fields):
        """Data of every channel, (k, rows, columns), of fields of the ground."""
        waves = [None if field is None else self.wave(field) for field in fields]
        return [self.seen(c, waves[self.members[c]]) for c in range(len(self.members))]

    def seen(self, c, wave):
        """Data of one channel of the spectra of its field; 0 where that is None."""
        rows, columns = self._places[c]
        if wave is None:
            return 0.0
        total = np.einsum("zij,zkij->kij", self.transfers[c], wave)
        return fft.irfft2(total, self.torus, workers=worker_count())[:, rows[:, None], columns]


class MaskedCovariance(LatticeCovariance):
    """Covariance between channels of fields whose ground alone acts; lags are those without air.

    They precondition: fields that go on into the air in their layers' root mean square std are not far from the truth.

    Parameters
    ----------
    spectra, torus, windows
        As of `LatticeCovariance`, for the lags.
    masked : MaskedTorus
    mix, ties
        As for `MaskedTorus.smooth`.
    """

    def __init__(self, spectra, torus, windows, masked, mix, ties):
        super().__init__(spectra, torus, windows)
        self._masked, self._mix, self._ties = masked, mix, ties

    def scaled(self, factors, ties):
        """As of `LatticeCovariance`, `ties` (P, P) being the factors by fields."""
        out = super().scaled(factors, ties)
        out._ties = self._ties * ties
        return out

    def part(self, channels):
        """The covariance among some channels."""
        out = super().part(channels)
        out._masked = self._masked.part(channels)
        return out

    def product(self, fields):
        """Covariance times fields, as of `LatticeCovariance`."""
        count, step, parts = fields[0].shape[0], self._masked.step, []
        for first in range(0, count, step):
            block = [f[first : first + step] for f in fields]
            ground = self._masked.smooth(self._mix, self._ties, self._masked.spread(block))
            seen = self._masked.observe(ground)
            parts.append([np.broadcast_to(s, f.shape) for s, f in zip(seen, block, strict=True)])
        return [np.concatenate(channel) for channel in zip(*parts, strict=True)]
