"""Scattered stations over any rectilinear mesh: direct prism sums, streamed station by station."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from .._checks import as_finite, as_shape, fail
from .._compiled import njit
from .._places import blocks
from ..mesh import SPACING_TOLERANCE, Mesh
from ._base import ForwardOperator
from ._kernels import cell_layer, node_plane
from ._threads import run_ranges

ROW_BLOCK = 64  # dense rows held beside a matrix of ground cells
ROW_BYTES, LEAST_ROWS = 1e7, 8  # of rows laid out at once in a product: enough for threads to share
KEPT_BYTES = 5e8  # of a matrix that an operator keeps from its third product on; a larger one streams for ever
STREAMED = 2  # products that stream first: fewer would not pay for the matrix


class StationOperator(ForwardOperator):
    """Field at scattered stations by direct prism sums, kept as a matrix where products recur and it is small.

    Users get one from ``GravityOperator.at_stations`` or ``MagneticOperator.at_stations``. The first two products
    evaluate all entries anew (about 40 ns each for gravity, 60 ns for magnetics, per core): exact, on any rectilinear
    mesh, and the price of draped surveys. From the third on the matrix is kept if it takes at most 0.5 GB
    (`KEPT_BYTES`); a larger one streams in every product. Within one product, entries are shared by all columns.

    Parameters
    ----------
    mesh : Mesh
        Any rectilinear mesh.
    easting, northing, upward : array_like, shape (n,)
        Stations, metres; `upward` may be a scalar. A station within 1e-6 of a layer's thickness of the mesh's top or
        bottom is taken to be on it.
    quantity : Quantity
        What is computed.
    active : array_like of bool, shape (nz, ny, nx), optional
        False marks air: such cells contribute nothing whatever the model says there, and stations may lie in them.
        Default: the mesh's own.

    Raises
    ------
    ValueError
        NaN or Inf, lengths that disagree; for all but g_z a station strictly inside an active cell, between two of
        them, or on an edge of one, where the field is singular. g_z is finite everywhere, in boreholes too.
    """

    def __init__(self, mesh, easting, northing, upward, quantity, active=None):
        if not isinstance(mesh, Mesh):
            fail("mesh", "be a bayesjoint.Mesh", type(mesh).__name__, "Build one with Mesh or Mesh.regular.", TypeError)
        self.easting, self.northing, self.upward = _stations(mesh, easting, northing, upward)
        super().__init__(mesh, quantity.kind, (self.easting.size,), ("station",), active=active, units=quantity.units)
        self._set_quantity(quantity)
        self._jump = _face_jumps(self) if quantity.singular else None
        self._products, self._matrix = 0, None
        used = np.flatnonzero(self.active.any(axis=(1, 2)))
        self._layers = (int(used[0]), int(used[-1]) + 1)

    @property
    def buried(self):
        """Stations strictly inside active cells or between two of them: ndarray of bool, shape (n,)."""
        _, touched, count = _touched(self)
        return touched.all(axis=(0, 1, 2)) & (count < 2)

    def rows(self, index):
        """Dense sensitivities of some stations, shape (k, n_cells), float64."""
        index = self._index(index)
        out = np.zeros((index.size, *self.mesh.shape))
        stations, edges = np.stack(self.coordinates(), axis=1)[index], (
            self.mesh.easting_edges, self.mesh.northing_edges, self.mesh.upward_edges)
        run_ranges(
            lambda a, b: _entries(*edges, stations[a:b], self.coefficients, self._layers, out[a:b]), index.size
        )
        out = out.reshape(index.size, -1)
        if self._jump is not None:
            out += self._jump[index].toarray()
        if self.air is not None:
            out[:, self.air] = 0.0
        return out

    def stored(self):
        """Return the same map kept as a matrix, (n_stations, ground cells) float64, for those who use it often."""
        return aslinearoperator(self.to_dense()) if self.air is None else _GroundMatrix(self)

    def __getstate__(self):  # the matrix is made anew where it is wanted: sending it takes longer
        return {**super().__getstate__(), "_matrix": None}

    def piecewise(self, models):
        """Yield (stations as a slice, their data) of a product with models (n_cells, k): for those who count them."""
        columns = self._without_air(self._columns(models, self.shape[1]))
        for part, rows in self._blocks():
            yield part, rows @ columns

    def evaluations(self, products):
        """How many of so many products evaluate the entries anew: all, or the first until the matrix is kept."""
        return products if self._nbytes > KEPT_BYTES else min(products, STREAMED + 1)

    @property
    def _nbytes(self):
        return 8 * self.shape[0] * self.shape[1]

    def _forward(self, columns):
        return np.concatenate([rows @ columns for _, rows in self._blocks()])

    def _backward(self, columns):
        out = np.zeros((self.shape[1], columns.shape[1]))
        for part, rows in self._blocks():
            out += rows.T @ columns[part]
        return out

    def _blocks(self):
        """(stations, their rows): all at once where the matrix is worth its memory, else some at a time."""
        self._products += 1
        if self._matrix is None and self._products > STREAMED and self._nbytes <= KEPT_BYTES:
            self._matrix = self.rows(np.arange(self.shape[0]))
        if self._matrix is not None:
            yield slice(0, self.shape[0]), self._matrix
            return
        for part in blocks(self.shape[0], max(LEAST_ROWS, int(ROW_BYTES // (8 * self.shape[1])))):
            yield part, self.rows(np.arange(part.start, part.stop))


class _GroundMatrix(LinearOperator):
    """Sensitivities of the ground cells of an operator as a matrix, (n_data, ground cells)."""

    def __init__(self, operator):
        super().__init__(np.dtype(np.float64), operator.shape)
        self.ground = np.flatnonzero(~operator.air)
        self.matrix = np.empty((operator.shape[0], self.ground.size))
        for part in blocks(operator.shape[0], ROW_BLOCK):
            self.matrix[part] = operator.rows(np.arange(part.start, part.stop))[:, self.ground]

    def _matmat(self, columns):
        return self.matrix @ columns[self.ground]

    def _rmatmat(self, columns):
        out = np.zeros((self.shape[1], columns.shape[1]))
        out[self.ground] = self.matrix.T @ columns
        return out


def _stations(mesh, easting, northing, upward):
    easting, northing = as_finite("easting", easting, 1).copy(), as_finite("northing", northing, 1).copy()
    if not easting.size:
        fail("easting", "hold at least one station", "none", "Pass the coordinates of the stations.")
    northing = as_shape("northing", northing, easting.shape)
    upward = as_shape("upward", upward, easting.shape).copy()
    for face, layer in ((mesh.upward_edges[0], mesh.thickness[0]), (mesh.upward_edges[-1], mesh.thickness[-1])):
        upward[np.abs(upward - face) <= SPACING_TOLERANCE * layer] = face
    return easting, northing, upward


def _neighbours(values, edges):
    """Cells below and above each value along one axis, counted from 1 (0 and n+1: outside), and whether they differ."""
    return np.searchsorted(edges, values, side="left"), np.searchsorted(edges, values, side="right")


def _touched(operator):
    """(cells below and above every station along each axis, whether the eight around it are active, faces it is on)."""
    mesh, active = operator.mesh, np.pad(operator.active, 1)
    axes = [_neighbours(operator.upward, mesh.upward_edges), _neighbours(operator.northing, mesh.northing_edges),
            _neighbours(operator.easting, mesh.easting_edges)]
    touched = np.zeros((2, 2, 2, operator.shape[0]), dtype=bool)
    for corner in np.ndindex(2, 2, 2):
        touched[corner] = active[tuple(axis[side] for axis, side in zip(axes, corner, strict=True))]
    return axes, touched, np.sum([low != high for low, high in axes], axis=0)


def _face_jumps(operator):
    """Refuse stations in or on an edge of active cells; return the entries that faces need, or None.

    On an eastern or northern face choclo's corner functions give the limit from inside; the one from outside, where
    the station is, differs by 4π in the tensor.
    """
    mesh, (axes, touched, count) = operator.mesh, _touched(operator)
    on = [low != high for low, high in axes]
    inside = touched.all(axis=(0, 1, 2)) & (count < 2)
    edge = touched.any(axis=(0, 1, 2)) & (count >= 2)
    for bad, where in ((inside, "inside the ground"), (edge, "on an edge of a cell")):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            fail("stations", "lie outside active cells and off their edges",
                 f"{int(bad.sum())} {where}, first number {k} at easting {operator.easting[k]:.10g}, "
                 f"northing {operator.northing[k]:.10g}, upward {operator.upward[k]:.10g} m",
                 "Raise it (a millimetre clears an edge), lower the mesh's top, or mark the air in "
                 "the mesh, by mesh.with_active or mesh.with_topography.")
    rows, cells, values = [], [], []
    for axis, weight in ((1, operator.coefficients[2]), (2, operator.coefficients[1])):
        face = np.flatnonzero(on[axis] & touched[0, 0, 0])  # the cell before the face is the active one
        index = [axes[a][0][face] - 1 for a in range(3)]
        rows.append(face)
        cells.append(np.ravel_multi_index(index, mesh.shape) if face.size else face)
        values.append(np.full(face.size, 4 * np.pi * weight))
    if not sum(r.size for r in rows):
        return None
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(cells)))
    return sparse.csr_array(entries, shape=operator.shape)


@njit(cache=True, nogil=True)
def _entries(easting, northing, upward, stations, coefficients, layers, out):
    """out[s, z] = field of each cell of layer z at station s."""
    nodes = np.empty((northing.size, easting.size))
    for s in range(stations.shape[0]):
        e, n, u = easting - stations[s, 0], northing - stations[s, 1], upward - stations[s, 2]
        node_plane(e, n, u[layers[0]], coefficients, nodes)
        for z in range(layers[0], layers[1]):
            cell_layer(e, n, u[z + 1], coefficients, nodes, out[s, z])
