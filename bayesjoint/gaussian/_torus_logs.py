"""Logs beside the lattices of a continued field: they see cells of the mesh, lattices see hidden cells too."""

import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft
from scipy.sparse import csr_array

from .._checks import fail
from .._places import blocks, runs, unit_columns
from ..forward import intervals_of, worker_count

INTERVAL_LIMIT = 4096  # of logs beside one continued field: each is a dense column over all data
CELLS = 64  # of a log carried through lattices at once
BLOCK_BYTES = 2e8  # of spectra of fields smoothed at once


@dataclass(frozen=True)
class CellLog:
    """One log of a group: d = S m̂ on the mesh's cells.

    Parameters
    ----------
    rows : slice
        Place among all data.
    member : int
        Which parameter of the group it sees.
    matrix : scipy.sparse.csr_array, shape (n_data, n_cells)
        S, physical units of the data per unit of m̂.
    """

    rows: slice
    member: int
    matrix: csr_array


class GroupLogs:
    """The logs of a `TorusGroup`: Cov(x, d) = Γ Sᵀ on the mesh, Cov(d, d_lattice) = S Cov(x, d_lattice).

    Covariances among data are kept, (n_log + n_lattice) x n_log; those with x are products with Γ by wavenumber.

    Parameters
    ----------
    group : TorusGroup
    logs : list of CellLog
    """

    def __init__(self, group, logs):
        self.logs, self._group = logs, group
        self.index = _index(logs)
        if self.index.size > INTERVAL_LIMIT:
            fail("logs", f"have at most {INTERVAL_LIMIT} intervals beside a continued field", f"{self.index.size}",
                 'Average the log over longer intervals, or use extent="mesh".')
        self._own = np.zeros((self.index.size,) * 2)
        self._across = [np.zeros((s.rows.stop - s.rows.start, self.index.size)) for s in group.surveys]
        places = runs(k.matrix.shape[0] for k in logs)
        cells = [np.unique(k.matrix.indices) for k in logs]
        shares = [k.matrix[:, c].toarray() * self._weights(k)[c] for k, c in zip(logs, cells, strict=True)]
        for b, (log, columns) in enumerate(zip(logs, places, strict=True)):
            self._see(log, columns, cells[b], shares[b])
            for a, rows in enumerate(places):
                tie = group.mixing[logs[a].member, log.member]
                if tie != 0:
                    self._own[rows, columns] = tie * (shares[a] @ self._between(cells[a], cells[b]) @ shares[b].T)

    def _see(self, log, columns, cells, shares):
        """What lattices see of the cells of a log: few, however many intervals there are in each."""
        for part in blocks(cells.size if self._group.surveys else 0, CELLS):
            unit = unit_columns(log.matrix.shape[1], cells[part])
            for across, seen in zip(self._across, self._group.lattices_of(log.member, unit), strict=True):
                across[:, columns] += seen @ shares[:, part].T

    def _between(self, one, other):
        """Correlation of the unit field between cells, (n_one, n_other)."""
        correlation, mesh = self._group.field.correlation, self._group.mesh
        centres = mesh.upward, mesh.northing, mesh.easting
        offsets = (np.subtract.outer(c[a], c[b]) for c, a, b in zip(
            centres, np.unravel_index(one, mesh.shape), np.unravel_index(other, mesh.shape), strict=True))
        return correlation.between(*offsets)

    def part(self, group, kept, places):
        """The logs whose data begin at the keys of `places`, moved there, beside the surveys `kept` of `group`."""
        out, chosen = copy.copy(self), np.isin(self.index, [
            i for k in self.logs if k.rows.start in places for i in range(k.rows.start, k.rows.stop)])
        out._group = group
        out.logs = [replace(k, rows=places[k.rows.start]) for k in self.logs if k.rows.start in places]
        out.index = _index(out.logs)
        out._own, out._across = self._own[np.ix_(chosen, chosen)], [self._across[k][:, chosen] for k in kept]
        return out

    # -- products, as those of the group -----------------------------------------------------------------------------
    def add_gain(self, data, out):
        """Add Cov(x, d) V to `out`, shape (size, k)."""
        for log in self.logs:
            if data[log.rows].any():
                seen = self._weights(log)[:, None] * (log.matrix.T @ data[log.rows])
                self._group._spread(self._smooth(seen), log.member, out)

    def add_gain_adjoint(self, x, out):
        """Add Cov(d, x) X to `out`, shape (n_data, k)."""
        for log in self.logs:
            total = self._smooth(self._group._gathered(x, log.member))
            out[log.rows] += log.matrix @ (self._weights(log)[:, None] * total)

    def add_signal(self, data, out):
        """Add Cov(d, d) V to `out`, shape (n_data, k): logs with logs, and logs with lattices both ways."""
        if not self.logs:
            return
        mine = data[self.index]
        total = self._own @ mine
        for survey, across in zip(self._group.surveys, self._across, strict=True):
            total += across.T @ data[survey.rows]
            out[survey.rows] += across @ mine
        out[self.index] += total

    def observe(self, x, data):
        """Add S x of draws of the group's cells, x (count, size), to `data` (count, n_data)."""
        for log in self.logs:
            data[:, log.rows] += (log.matrix @ x[:, self._group.places[log.member]].T).T

    def _weights(self, log):
        """Standard deviation of m̂ of every cell that a log may see, shape (n_cells,)."""
        _, ny, nx = self._group.mesh.shape
        return np.repeat(self._group.cell_stds[log.member], ny * nx)

    def _smooth(self, fields):
        """The unit field's covariance on the mesh times fields (n_cells, k), through the torus."""
        field, (nz, ny, nx) = self._group.field, self._group.mesh.shape
        (py, px), out = self._group.torus, np.empty(fields.shape)
        step = max(1, int(BLOCK_BYTES // (32 * nz * py * (px // 2 + 1))))
        for block in blocks(fields.shape[1], step):
            part = np.moveaxis(fields[:, block].reshape(nz, ny, nx, -1), -1, 1)
            waves = field.mix(fft.rfft2(part, (py, px), workers=worker_count()))
            smooth = self._group.crop(waves, (0, ny), (0, nx))
            out[:, block] = np.moveaxis(smooth, 1, -1).reshape(nz * ny * nx, -1)
        return out


def _index(logs):
    """Places of the data of logs among all data."""
    return np.concatenate([np.arange(0), *(np.arange(k.rows.start, k.rows.stop) for k in logs)])


def cell_logs(problem, names):
    """The logs that see the named fields, as `CellLog`."""
    out = []
    for m in problem.modalities:
        operator = intervals_of(m.forward)
        seen = [name for name in m.parameters if name in names]
        if operator is not None and seen:
            if operator.mesh != problem.by_name[seen[0]].mesh:
                fail(f"forward of modality {m.name!r}", f"have the mesh of {seen[0]}", repr(operator.mesh),
                     "Make both from one mesh.")
            out.append(CellLog(problem.data_slices[m.name], names.index(seen[0]),
                               operator.matrix * problem.by_name[seen[0]].scale))
    return out
