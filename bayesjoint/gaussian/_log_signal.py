"""Logs under continued fields: their covariances with lattices and with one another at any ranges, and slopes."""

import numpy as np
from scipy import fft

from .._correlation import CORRELATIONS, SLOPES
from ..forward.holes import intervals_of


class LogSignal:
    """Logs that see cells of fields of one correlation.

    Parameters
    ----------
    members : list of Parameter
        With a continued Matérn prior.
    views : list of View
        Of the logs.
    torus : tuple of int
        That of the lattices' spectra.
    """

    def __init__(self, members, views, torus):
        self.views, self._torus = views, torus
        self._mesh, self._smoothness = members[0].mesh, members[0].prior.smoothness
        by_name, self._cells, self._weights = {p.name: p for p in members}, [], []
        for view in views:
            matrix, p = intervals_of(view.forward).matrix, by_name[view.parameter]
            cells = np.unique(matrix.indices)
            self._cells.append(np.unravel_index(cells, self._mesh.shape))
            self._weights.append(matrix[:, cells].toarray() * (p.scale * p.prior.std_hat(p)[cells]))

    def across(self, through, stations):
        """Covariance of every channel's lattice data with every log, for unit mixing.

        Parameters
        ----------
        through : list of ndarray, shape (nz, rows, columns // 2 + 1)
            Spectra of the covariance of each channel with the layers of the unit field.
        stations : list of (ndarray of int, ndarray of int)
            Rows and columns of each channel's stations among the mesh's.

        Returns
        -------
        dict of {(channel, log): ndarray (n_lattice, n_log)}
        """
        out = {}
        for c, (waves, (rows, columns)) in enumerate(zip(through, stations, strict=True)):
            lags = fft.irfft2(waves, self._torus) if self.views else None
            for k, ((z, north, east), weights) in enumerate(zip(self._cells, self._weights, strict=True)):
                row = np.subtract.outer(rows, north) % self._torus[0]
                column = np.subtract.outer(columns, east) % self._torus[1]
                seen = lags[z, row[:, None], column[None]]  # lag: station less cell
                out[c, k] = seen.reshape(-1, z.size) @ weights.T
        return out

    def own(self, ranges, axes, a, b):
        """Covariance of two logs at ranges, or its derivative by the logarithm of those along `axes`, (n_a, n_b)."""
        centres = self._mesh.upward, self._mesh.northing, self._mesh.easting
        squares = [(np.subtract.outer(c[one], c[other]) / reach) ** 2
                   for c, one, other, reach in zip(centres, self._cells[a], self._cells[b], ranges, strict=True)]
        distance = np.sqrt(sum(squares))
        family = SLOPES if axes else CORRELATIONS
        weight = sum(squares[i] for i in axes) if axes else 1.0
        return self._weights[a] @ (weight * family[self._smoothness](distance)) @ self._weights[b].T
