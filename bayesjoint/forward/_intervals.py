"""Logs, samples and outcrops: averages of a property itself over the cells that a straight interval crosses."""

import numpy as np
from scipy.sparse import csr_array

from .._checks import as_finite, fail
from ._base import ForwardOperator

ON_FACE = 1e-9  # of a cell: an end this close to the mesh's outer face lies on it
IN_AIR = 1e-6  # share of an interval that has to be in the ground, or it is in the air


class IntervalOperator(ForwardOperator):
    """What a log measures: the length-weighted average of a property over straight intervals.

    One sparse row an interval: the length that it has in each cell, divided by its length. An interval of no length is
    a sample: the cell that holds it. What lies on a face between two cells belongs to the lower, the more northern and
    the more eastern one, so that a sample on top of the ground belongs to the ground. Cells are steps, which cannot
    follow the ground: an interval that is partly in air averages the part that is not.

    Parameters
    ----------
    mesh : Mesh
        Of the property.
    start, end : array_like, shape (n, 3)
        (easting, northing, upward) of both ends of each interval, metres. Without `end` all are samples.
    kind : str, default "density"
        The property; with "density" and "susceptibility" come their units, kg/m3 and SI.
    units : str, optional
        Of the property. Default by kind, else "1".

    Attributes
    ----------
    matrix : scipy.sparse.csr_array, shape (n, n_cells)
        Rows of sum 1.
    length : ndarray, shape (n,)
        Of the intervals, metres.

    Raises
    ------
    ValueError, TypeError
        If an interval leaves the mesh or is all in air, which names the first; if shapes disagree.

    Examples
    --------
    >>> from bayesjoint import Mesh
    >>> mesh = Mesh.regular(shape=(3, 1, 1), spacing=(10, 10, 10))
    >>> log = IntervalOperator(mesh, [[5, 5, -5], [5, 5, -12]], [[5, 5, -20], [5, 5, -12]])
    >>> log.predict([[[300.0]], [[200.0]], [[100.0]]]).round(1).tolist()
    [166.7, 200.0]
    """

    def __init__(self, mesh, start, end=None, kind="density", units=None):
        start = _points("start", start)
        end = start if end is None else _points("end", end)
        if start.shape != end.shape:
            fail("end", f"have the shape of start, {start.shape}", f"{end.shape}", "Give both ends of every interval.")
        super().__init__(mesh, kind, (start.shape[0],), ("sample",), units=units)
        self.start, self.end = start, end
        self.length = np.linalg.norm(end - start, axis=1)
        self.matrix = _averages(mesh, start, end)
        self._transpose = self.matrix.T.tocsr()

    def coordinates(self):
        """Easting, northing and upward of the middle of every interval, three arrays of shape (n,), metres."""
        return tuple(0.5 * (self.start + self.end).T)

    def rows(self, index):
        """Dense rows, shape (k, n_cells)."""
        return self.matrix[self._index(index)].toarray()

    def _forward(self, columns):
        return self.matrix @ columns

    def _backward(self, columns):
        return self._transpose @ columns


def intervals_of(forward):
    """The operator if it averages over intervals of boreholes, else None."""
    return forward if isinstance(forward, IntervalOperator) else None


def _points(argument, values):
    values = as_finite(argument, values, 2)
    if values.shape[1] != 3 or not values.shape[0]:
        fail(argument, "have shape (n, 3): easting, northing, upward", f"shape {values.shape}", "One row an interval.")
    return values


def _averages(mesh, start, end):
    """Shares of every interval's length by cell: cut where it crosses a face, each piece belongs to one cell."""
    axes = (mesh.easting_edges, mesh.northing_edges, mesh.upward_edges)
    _inside(axes, start, end)
    step, crossings = end - start, [np.zeros((start.shape[0], 1)), np.ones((start.shape[0], 1))]
    for axis, edges in enumerate(axes):
        along = np.where(step[:, axis] == 0, np.inf, step[:, axis])[:, None]  # never crosses: all at 0
        crossings.append(np.clip((edges[1:-1] - start[:, axis, None]) / along, 0.0, 1.0))
    places = np.sort(np.concatenate(crossings, axis=1), axis=1)
    share = np.diff(places, axis=1)
    share[:, 0] += (step == 0).all(axis=1)  # a sample: everything at its point
    row, piece = np.nonzero(share)
    middle = start[row] + (0.5 * (places[row, piece] + places[row, piece + 1]))[:, None] * step[row]
    index = [np.searchsorted(edges, middle[:, axis], side="left" if axis == 2 else "right") - 1
             for axis, edges in enumerate(axes)]
    east, north, up = (np.clip(i, 0, e.size - 2) for i, e in zip(index, axes, strict=True))
    cell, weight = np.ravel_multi_index((up, north, east), mesh.shape), share[row, piece]
    weight = weight * mesh.active.ravel()[cell]
    ground = np.bincount(row, weight, start.shape[0])
    if (bad := ground < IN_AIR).any():
        _refuse("lie in the ground", "in air", bad, start, end,
                "Lower it to mesh.surface, or leave it out; check that heights are upward, not depths.")
    matrix = csr_array((weight / ground[row], (row, cell)), shape=(start.shape[0], mesh.size))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _inside(axes, start, end):
    low, high = np.minimum(start, end), np.maximum(start, end)
    bad = np.zeros(start.shape[0], dtype=bool)
    for axis, edges in enumerate(axes):
        slack = ON_FACE * np.diff(edges).min()
        bad |= (low[:, axis] < edges[0] - slack) | (high[:, axis] > edges[-1] + slack)
    if bad.any():
        _refuse("lie inside the mesh", "outside", bad, start, end,
                "Leave it out, or make the mesh larger; check that heights are upward, not depths.")


def _refuse(requirement, where, bad, start, end, remedy):
    k = int(np.flatnonzero(bad)[0])
    ends = " to ".join("({:.10g}, {:.10g}, {:.10g})".format(*point) for point in (start[k], end[k]))
    fail("intervals", requirement, f"{int(bad.sum())} {where}, first number {k} from {ends}", remedy)
