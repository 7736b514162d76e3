"""What gaps among the stations cost: the posterior of endless data with some left out."""

import numpy as np
from scipy import fft
from scipy.linalg import cholesky, solve_triangular

TILE = 8  # columns of the mesh along each side that are looked at together
REACH = 24  # columns about a tile whose gaps count there
MOST = 1000  # stations left out about a tile, the nearest: each tile is a dense problem of that size


def missing_stations(group, margin=0):
    """(row, column) in the mesh of what is left out of each channel's window and of `margin` columns about it."""
    out = []
    for k, _ in group.channels:
        survey = group.surveys[k]
        (row, rows), (column, columns) = survey.window
        left = survey.to_lattice(np.ones((survey.rows.stop - survey.rows.start, 1))).reshape(rows, columns) == 0
        free = [period - size for period, size in zip(group.torus, left.shape, strict=True)]
        wide = [(min(margin, (f + 1) // 2), min(margin, f // 2)) for f in free]  # the torus closes on itself
        left = np.argwhere(np.pad(left, wide, constant_values=True))
        out.append(left + np.array([row - wide[0][0], column - wide[1][0]]))
    return out


def gap_loss(waves, reduction, margin=0):
    """Share of the reduction that gaps take from every cell, shape (P, nz, ny, nx).

    With w the weights of the stations left out, m, in the estimate from all stations, and Q the covariance of endless
    data, the variance grows by w [(Q⁻¹)_mm]⁻¹ wᵀ: (Q⁻¹)_mm is the precision of those data given the others. Only the
    nearest gaps of a cell count, so that this is never more than what all of them take.

    Parameters
    ----------
    waves : WaveSystem
        Fields and endless data.
    reduction : ndarray, shape (P, nz)
        Share of the prior variance that endless data take away.
    margin : int, default 0
        Columns beyond the ends of each survey that count as gaps too.

    Returns
    -------
    ndarray, shape (P, nz, ny, nx)
    """
    group, missing = waves.group, missing_stations(waves.group, margin)
    (ny, nx), out = group.mesh.shape[1:], np.zeros((*reduction.shape, *group.mesh.shape[1:]))
    if not sum(len(m) for m in missing):
        return out
    gaps, kept = _Gaps(waves, missing), {}
    for row in range(0, ny, TILE):
        for column in range(0, nx, TILE):
            near, channel = gaps.near(row, column)
            if not channel.size:
                continue
            key = near.tobytes() + channel.tobytes()
            if key not in kept:  # gaps of one shape cost the same wherever they are
                kept[key] = gaps.cost(near, channel)
            part = out[..., row : row + TILE, column : column + TILE]
            part[...] = kept[key][..., : part.shape[2], : part.shape[3]] / reduction[:, :, None, None]
    return out.clip(0.0, 1.0 - 1e-12)


class _Gaps:
    """Precisions and weights of endless data by lag, as far as tiles need them."""

    def __init__(self, waves, missing):
        self.torus, channels = waves.group.torus, waves.noise.size
        self.place = np.concatenate(missing)
        self.channel = np.repeat(np.arange(channels), [len(m) for m in missing])
        self.precision = np.stack([[fft.irfft2(waves.inverse[..., a, b], self.torus) for b in range(channels)]
                                   for a in range(channels)])
        self.span = REACH + TILE
        lags = np.arange(-self.span, self.span + 1)
        self.weights = np.empty((len(waves.ties), channels, waves.group.field.layers, lags.size, lags.size))
        for z in range(self.weights.shape[2]):
            for p, tie in enumerate(waves.ties):
                for a in range(channels):
                    wave = sum(t * through[z].conj() * waves.inverse[..., b, a]
                               for b, (t, through) in enumerate(zip(tie, waves.through, strict=True)) if t)
                    field = fft.irfft2(wave, self.torus) if np.ndim(wave) else np.zeros(self.torus)
                    self.weights[p, a, z] = field[np.ix_(lags % self.torus[0], lags % self.torus[1])]

    def near(self, row, column):
        """Places, from the tile's first column, and channels of the stations left out that count in a tile."""
        place = self.place - np.array([row, column])
        away = np.maximum(np.maximum(-place, place - (TILE - 1)), 0).max(axis=1)
        chosen = np.flatnonzero(away <= REACH)
        if chosen.size > MOST:
            chosen = np.sort(chosen[np.argsort(away[chosen], kind="stable")[:MOST]])
        return place[chosen], self.channel[chosen]

    def cost(self, place, channel):
        """What they take from the unit fields of a tile, shape (P, nz, TILE, TILE)."""
        apart = [place[:, None, axis] - place[None, :, axis] for axis in (0, 1)]
        matrix = self.precision[channel[:, None], channel, apart[0] % self.torus[0], apart[1] % self.torus[1]]
        factor = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        tile = np.arange(TILE)
        rows = (tile[None, :] - place[:, :1] + self.span)[:, :, None]
        columns = (tile[None, :] - place[:, 1:] + self.span)[:, None, :]
        out = np.empty((*self.weights.shape[:1], self.weights.shape[2], TILE, TILE))
        for p, weights in enumerate(self.weights):
            right = np.stack([layer[channel[:, None, None], rows, columns] for layer in np.moveaxis(weights, 1, 0)])
            right = np.moveaxis(right, 1, 0).reshape(place.shape[0], -1)
            half = solve_triangular(factor, right, lower=True, overwrite_b=True, check_finite=False)
            out[p] = np.einsum("ij,ij->j", half, half).reshape(out.shape[1:])
        return out
