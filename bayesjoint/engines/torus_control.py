"""Endless data on the torus as a control for posterior draws: nearly the same draw, with a variance known exactly."""

import numpy as np
from scipy import fft

from ..forward._threads import worker_count
from ..forward.processing import StationSelection
from .spectral_field import SpectralField


class TorusControl(SpectralField):
    """Posterior draws that the torus would give, from the random numbers of the exact ones.

    Were there data on all of the torus, with equal noise, the posterior would be block-diagonal over wavenumbers. Well
    inside the stations its draws and the exact ones differ little when both start from one prior draw and one noise,
    and its variance is known.

    Parameters
    ----------
    model : LinearGaussian
        Problem.
    group : TorusGroup
        One of its groups; every survey must be on its lattice, with or without gaps.
    """

    def __init__(self, model, group):
        self._variance = model.noise_variance()
        rows = [group.surveys[k].rows for k, _ in group.channels]
        super().__init__(group, [1 / np.mean(1 / self._variance[where]) for where in rows])
        spread = [std[:, None, None] ** 2 * np.ones(group.mesh.shape) for std in group.stds]
        shares = [share[:, None, None] * np.ones(group.mesh.shape) for share in self.reduction]
        self.reduced = np.concatenate([(s * r).ravel() for s, r in zip(spread, shares, strict=True)])
        self.places = np.concatenate([np.arange(p.start, p.stop) for p in group.places])

    def _loss(self, axis):
        """Edges play no part in a control."""

    @staticmethod
    def applies(group):
        """Whether every survey of a group lies on its lattice."""
        return all(not s.steps or (len(s.steps) == 1 and isinstance(s.steps[0], StationSelection))
                   for s in group.surveys)

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
        for c, (k, height) in enumerate(group.channels):
            survey = group.surveys[k]
            field = np.sqrt(self.noise[c]) * rng.standard_normal((whole.shape[0], *self.torus))
            share = np.sqrt(self.noise[c] / self._variance[survey.rows])
            self._place(field, survey, height, noise[:, survey.rows] * share)
            data.append(whole[:, c] + fft.rfft2(field, workers=worker_count()))
        parts = [self._to_mesh(waves, std) for waves, std in zip(self._estimates(data), group.stds, strict=True)]
        return np.concatenate(parts, axis=1)

    def _place(self, field, survey, height, noise):
        """Put noise where the stations are; the rest of `field` stays."""
        (row, rows), (column, columns) = survey.window
        mask = survey.steps[0].mask.reshape(-1, rows, columns) if survey.steps else np.ones(
            (survey.lattice.height.size, rows, columns), dtype=bool)
        first = int(mask[:height].sum())
        here = np.flatnonzero(mask[height])
        north = (row + here // columns) % self.torus[0]
        east = (column + here % columns) % self.torus[1]
        field[:, north, east] = noise[:, first : first + here.size]
