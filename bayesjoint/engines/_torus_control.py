"""Endless data on the torus as a control for posterior draws: nearly the same draw, with a variance known exactly."""

import numpy as np
from scipy import fft

from ..forward import StationSelection, worker_count
from ..gaussian import WaveSystem


class TorusControl:
    """Posterior draws that the torus would give, from the random numbers of the exact ones.

    Were there data on all of the torus, with equal noise, the posterior would be block-diagonal over wavenumbers: Γ(k)
    less Γh*Q⁻¹hΓ, Q = hΓh* + σ², h(k) the transfers to the channels. Well inside the stations its draws and the exact
    ones differ little when both start from one prior draw and one noise, and its variance is known.

    Parameters
    ----------
    model : LinearGaussian
        Problem.
    group : TorusGroup
        One of its groups; every survey must be on its lattice, with or without gaps.

    Attributes
    ----------
    places : ndarray of int, shape (cells of the group,)
        Of its members' cells in x.
    reduced : ndarray, shape (cells of the group,)
        Variance that endless data take away.
    """

    def __init__(self, model, group):
        self.group, self._variance = group, model.noise_variance()
        self._noise = [1 / np.mean(1 / self._variance[group.surveys[k].rows]) for k, _ in group.channels]
        waves = WaveSystem(group, self._noise)
        self._ties, members = waves.ties, range(len(group.places))
        taken = np.array([[waves.share(p, z).sum() for z in range(group.field.layers)] for p in members])
        ones = np.ones(group.mesh.shape)
        self.reduced = np.concatenate([
            ((std**2 * share)[:, None, None] * ones).ravel()
            for std, share in zip(group.stds, taken, strict=True)])
        self.places = np.concatenate([np.arange(p.start, p.stop) for p in group.places])
        kind = np.complex64 if group.single else np.complex128
        self._inverse = np.moveaxis(waves.inverse, (-2, -1), (0, 1)).astype(kind)
        self._through = [np.conj(wave).astype(kind) for wave in waves.through]

    @staticmethod
    def applies(group):
        """Whether a group has surveys, each on its lattice, over a field that is all ground.

        Logs are left to the draws, whose controls they are not.
        """
        return group.stationary and bool(group.surveys) and all(
            not s.steps or (len(s.steps) == 1 and isinstance(s.steps[0], StationSelection)) for s in group.surveys)

    def estimates(self, rng, whole, noise):
        """What endless data would make of draws: Γh*Q⁻¹(d + e), shape (count, cells of the group).

        Parameters
        ----------
        rng : numpy.random.Generator
            Noise beyond the stations.
        whole : ndarray of complex, shape (count, channels, rows, columns // 2 + 1)
            Spectra of the clean data, from `LinearGaussian.draw`.
        noise : ndarray, shape (count, n_data)
            Noise of the draws at the stations, physical units.
        """
        group, data = self.group, []
        real = np.float32 if group.single else np.float64
        for c, (k, height) in enumerate(group.channels):
            survey = group.surveys[k]
            field = real(np.sqrt(self._noise[c])) * rng.standard_normal((whole.shape[0], *group.torus), real)
            share = np.sqrt(self._noise[c] / self._variance[survey.rows])
            self._place(field, survey, height, noise[:, survey.rows] * share)
            data.append(whole[:, c] + fft.rfft2(field, workers=worker_count()))
        solved = [sum(q * wave for q, wave in zip(row, data, strict=True)) for row in self._inverse]
        return np.concatenate([self._on_mesh(p, solved) for p in range(len(group.places))], axis=1)

    def _on_mesh(self, p, solved):
        """Γh* of solved data for parameter p, shape (count, cells)."""
        (nz, ny, nx), group = self.group.mesh.shape, self.group
        out = np.empty((solved[0].shape[0], nz, ny, nx))
        for z in range(nz):  # one layer at a time: all of them, with every draw of a block, would be gigabytes
            wave = sum(tie * through[z] * data for tie, through, data in zip(
                self._ties[p].astype(solved[0].real.dtype), self._through, solved, strict=True) if tie)
            out[:, z] = group.crop(wave, (0, ny), (0, nx)) * group.stds[p][z]
        return out.reshape(out.shape[0], -1)

    def _place(self, field, survey, height, noise):
        """Put noise where the stations are; the rest of `field` stays."""
        (row, rows), (column, columns) = survey.window
        mask = survey.steps[0].mask.reshape(-1, rows, columns) if survey.steps else np.ones(
            (survey.lattice.height.size, rows, columns), dtype=bool)
        first = int(mask[:height].sum())
        here = np.flatnonzero(mask[height])
        north = (row + here // columns) % self.group.torus[0]
        east = (column + here % columns) % self.group.torus[1]
        field[:, north, east] = noise[:, first : first + here.size]
