"""Continued fields under topography as a problem's group: covariances with its cells, among its data, and draws."""

import numpy as np

from .._checks import fail
from .._places import blocks
from ._masked_torus import MaskedCovariance, MaskedTorus, torus_ground
from ._torus import TorusGroup, add_from_channels, to_channels


class GroundGroup(TorusGroup):
    """Continued fields that end at the ground: beyond the mesh, at that of its nearest column.

    Products go through the torus, A m Γ m Aᵀ; what cosines precondition with is the covariance without air, of fields
    whose std in a layer is the root mean square over the mesh.

    Parameters
    ----------
    field, places, stds, mixing, surveys, logs
        As of `TorusGroup`; `stds` by layer are root mean squares, air counted as 0.
    full : list of ndarray, shape (nz,)
        Standard deviations of the ground in each layer.
    """

    stationary = False

    def __init__(self, field, places, stds, mixing, surveys, full, logs=()):
        self._full = full
        super().__init__(field, places, stds, mixing, surveys, logs)

    @property
    def cell_stds(self):
        """Standard deviation of each member's m̂ in the ground cells of a layer."""
        return self._full

    def lattices_of(self, member, unit):
        """What each survey sees of a unit field of one member, (n_cells, k): list of (n_survey, k)."""
        fields = [unit if n == member else None for n in range(len(self.places))]
        out = np.zeros((max(s.rows.stop for s in self.surveys), unit.shape[1]))
        self._see(fields, out)
        return [out[s.rows] for s in self.surveys]

    def _lay(self, transfers, through, windows):
        seen = [self._transfer(s, self.torus, self._full) for s in self.surveys]
        self._masked = MaskedTorus(torus_ground(self.mesh, self.torus), windows,
                                   [self.surveys[k].member for k, _ in self.channels],
                                   [seen[k][h] for k, h in self.channels], len(self.places))
        self.covariance = MaskedCovariance(self._between(transfers, through), self.torus, windows, self._masked,
                                           self.field.mix, self.mixing) if windows else None

    def _cut(self, surveys, channels):
        self._masked = self._masked.part(channels)

    def spectra(self):
        """Refuse: with air there are no wavenumbers that do not mix."""
        fail("mesh", "be all ground where wavenumbers are taken one by one", "air in it",
             'Use method="iterative" or "dense", which are exact with air.')

    # -- products with data V (n_data, k) ----------------------------------------------------------------------------
    def add_gain(self, data, out):
        """Add Cov(x, d) V to `out`, shape (size, k)."""
        nz, ny, nx = self.mesh.shape
        for block in blocks(data.shape[1], self._masked.step):
            pulled = self._masked.spread(to_channels(self.surveys, data[:, block]))
            fields = self._masked.smooth(self.field.mix, self.mixing, pulled)
            for field, place, std in zip(fields, self.places, self._full, strict=True):
                if field is not None:
                    inside = field[:, :, :ny, :nx] * std[:, None, None, None]
                    out[place, block] += np.moveaxis(inside, 1, -1).reshape(nz * ny * nx, -1)
        if self.logs.logs:
            self.logs.add_gain(data, out)
            for place in self.places:
                out[place][~self.mesh.active.ravel()] = 0.0

    def add_gain_adjoint(self, x, out):
        """Add Cov(d, x) X to `out`, shape (n_data, k)."""
        layer = self.mesh.shape[1] * self.mesh.shape[2]
        if self.surveys:
            self._see([np.repeat(std, layer)[:, None] * x[place]
                       for place, std in zip(self.places, self._full, strict=True)], out)
        if self.logs.logs:
            ground = self.mesh.active.ravel()
            masked = x.copy()
            for place in self.places:
                masked[place][~ground] = 0.0
            self.logs.add_gain_adjoint(masked, out)

    def _see(self, fields, out):
        """Add to `out` (n_data, k) what surveys see of unit fields (n_cells, k) by member; None where there is none."""
        nz, ny, nx = self.mesh.shape
        for block in blocks(out.shape[1], self._masked.step):
            waves = []
            for field in fields:
                if field is None:
                    waves.append(None)
                    continue
                part = np.moveaxis(field[:, block].reshape(nz, ny, nx, -1), -1, 1)
                grid = np.zeros((nz, part.shape[1], *self.torus))
                grid[:, :, :ny, :nx] = np.where(self.mesh.active[:, None], part, 0.0)
                waves.append(self._masked.wave(grid))
            seen = self._masked.observe(self._masked.smooth(self.field.mix, self.mixing, waves))
            add_from_channels(self.surveys, seen, out[:, block])

    # -- draws -------------------------------------------------------------------------------------------------------
    def _record(self, latent, x, data):
        """Add to x and to the data what spectra of unit fields are over the ground; no spectra of endless data."""
        (_, ny, nx), waves = self.mesh.shape, []
        for place, std, wave in zip(self.places, self._full, latent, strict=True):
            ground = self._masked.masked(wave)
            inside = ground[:, :, :ny, :nx] * std[:, None, None, None]
            x[:, place] += np.moveaxis(inside, 1, 0).reshape(x.shape[0], -1)
            waves.append(self._masked.wave(ground))
        columns = np.zeros((data.shape[1], data.shape[0]))
        add_from_channels(self.surveys, [self._masked.seen(c, waves[self.surveys[k].member])
                                         for c, (k, _) in enumerate(self.channels)], columns)
        data += columns.T
