"""Cells as their neighbourhood shows them: posterior means around a cell, of its own property and of the others."""

import numpy as np
from scipy.ndimage import distance_transform_edt, maximum_filter, uniform_filter

from .._places import blocks

BLOCK_VALUES = 30_000_000  # of all features held at once
TINY = 1e-20  # of a product of squares, against 0 / 0


def window(mesh):
    """Columns along both horizontal axes within about half the mesh's depth of one, with its neighbours at least."""
    depth = float(np.ptp(mesh.upward_edges))
    return tuple(2 * max(1, round(0.5 * depth / float(np.median(np.diff(e))))) + 1
                 for e in (mesh.northing_edges, mesh.easting_edges))


def local_peak(size, near):
    """Largest value of all cells of the columns around each column, (worlds, ny, nx), above 0.

    Parameters
    ----------
    size : ndarray, shape (worlds, nz, ny, nx)
        Not negative.
    near : tuple of int
        From `window`.
    """
    peak = maximum_filter(size.max(axis=1), (1, *near), mode="nearest")
    return np.maximum(peak, np.finfo(peak.dtype).tiny)


class Surroundings:
    """Features of cells for learning: where they are, and the fields of posterior means around them.

    Each property gives the same: the mean over its std and its prior std, its share of the local peak, that of the
    cells above and below, averages over the layer, the neighbourhood and the column, horizontal gradient, extremes near
    by and in the column, and how strong the whole field is. Each other property gives besides how alike both fields
    are, near by and as a whole. In air and in known cells fields go on as in the nearest cell.

    Parameters
    ----------
    mesh : Mesh
    free : dict of ndarray of int
        {parameter: flat indices of its cells}.
    frames : dict of Frame
        {parameter: depth, std and prior std of those cells}. Properties that are not in it are not looked at.
    """

    def __init__(self, mesh, free, frames):
        self._shape, self._window = mesh.shape, window(mesh)
        self._free = {name: free[name] for name in frames}
        self._prior = {name: frame.prior_std.astype(np.float32) for name, frame in frames.items()}
        self._ratio = {name: prior / frames[name].std.astype(np.float32) for name, prior in self._prior.items()}
        self._middle = {name: frames[name].middle.astype(np.float32) / prior for name, prior in self._prior.items()}
        self._fill = {name: _nearest(mesh, free[name]) for name in frames}
        north, east = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in mesh.shape[1:])
        rim = np.broadcast_to(np.minimum(north[:, None], east), mesh.shape).ravel()  # columns from the mesh's edge
        self._fixed = {name: np.stack([f.depth, f.std / f.prior_std, rim[free[name]]], axis=1).astype(np.float32)
                       for name, f in frames.items()}

    def of(self, name, estimates, cells):
        """Features of a property's cells.

        Parameters
        ----------
        name : str
        estimates : dict of ndarray, shape (worlds, all cells of the parameter)
            Posterior means.
        cells : ndarray of int, shape (worlds, k)
            Which cells of each world.

        Returns
        -------
        ndarray of float32, shape (worlds, k, features)
        """
        names = [name, *(other for other in self._free if other != name)]
        parts = []
        for part in blocks(len(cells), max(1, BLOCK_VALUES // (20 * int(np.prod(self._shape))))):
            at = self._free[name][cells[part]]
            rows = np.arange(len(at))[:, None]
            columns, maps = [self._fixed[name][cells[part]]], []
            for other in names:
                u = self._field(other, estimates[other][part])
                maps.append(np.abs(u).max(axis=1))
                ratio, middle = (self._laid(other, a[other]) for a in (self._ratio, self._middle))
                columns.append(_read(_volumes(u, ratio, u - middle, self._window), rows, at))
            below = at % maps[0][0].size
            columns += [_read(_likeness(maps[0], other), rows, below) for other in maps[1:]]
            parts.append(np.concatenate(columns, axis=-1))
        return np.concatenate(parts)

    def _field(self, name, estimate):
        """Means over prior std, (worlds, nz, ny, nx)."""
        u = (np.asarray(estimate, dtype=np.float32) / self._prior[name])[:, self._fill[name]]
        return u.reshape(-1, *self._shape)

    def _laid(self, name, values):
        return values[self._fill[name]].reshape(self._shape)


def _volumes(u, ratio, away, near):
    """Fields of features, each (worlds, nz, ny, nx), of one property."""
    shape, strength, size = u.shape, u * ratio, np.abs(u)
    share = away / local_peak(np.abs(away), near)[:, None]
    layers = np.arange(shape[1], dtype=np.float32)[:, None, None]
    column = uniform_filter(u.mean(axis=1), (1, 3, 3), mode="nearest")
    wide = uniform_filter(u.mean(axis=1), (1, 7, 7), mode="nearest")
    total = np.cumsum(u, axis=1)
    below = (total - u) / np.maximum(layers, 1)
    above = (total[:, -1:] - total) / np.maximum(shape[1] - 1 - layers, 1)
    slopes = [_ahead(u, axis, 1) - _ahead(u, axis, -1) for axis in (2, 3)]
    whole = [np.sqrt(np.mean(u**2, axis=(1, 2, 3))), np.abs(strength).max(axis=(1, 2, 3))]
    flat = [column, wide, u.max(axis=1), u.min(axis=1)]
    return [strength, u, share, _ahead(u, 1, 1), _ahead(u, 1, -1), above, below, np.hypot(*slopes),
            *(uniform_filter(u, (1, *box), mode="nearest") for box in ((1, 3, 3), (3, 3, 3), (3, 5, 5))),
            maximum_filter(np.abs(strength), (1, 3, 5, 5), mode="nearest"),
            size.argmax(axis=1)[:, None] - layers,
            *(np.broadcast_to(f[:, None], shape) for f in flat),
            *(np.broadcast_to(w[:, None, None, None], shape) for w in whole)]


def _likeness(one, other):
    """How alike two maps (worlds, ny, nx) are, about each column and as a whole: cosines, each (worlds, ny, nx).

    They tell worlds in which another property shows the same bodies from those in which it shows others.
    """
    products = [one * other, one**2, other**2]
    near = [uniform_filter(p, (1, 7, 7), mode="nearest") for p in products]
    whole = [np.broadcast_to(p.mean(axis=(1, 2), keepdims=True), p.shape) for p in products]
    return [cross / np.sqrt(np.maximum(a * b, TINY)) for cross, a, b in (near, whole)]


def _read(fields, rows, cells):
    """Values of fields (worlds, ...) at flat cells (worlds, k): (worlds, k, fields)."""
    return np.stack([f.reshape(len(cells), -1)[rows, cells] for f in fields], axis=-1)


def _ahead(values, axis, step):
    """Values of the next cell along an axis (or the one before it); the last cell's own at the end."""
    index = np.clip(np.arange(values.shape[axis]) + step, 0, values.shape[axis] - 1)
    return np.take(values, index, axis=axis)


def _nearest(mesh, free):
    """For every cell of a mesh the place in `free` of the free cell nearest to it."""
    place = np.full(mesh.size, -1)
    place[free] = np.arange(free.size)
    steps = [float(np.mean(np.diff(e))) for e in (mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)]
    index = distance_transform_edt((place < 0).reshape(mesh.shape), sampling=steps, return_distances=False,
                                   return_indices=True)
    return place[np.ravel_multi_index(tuple(index), mesh.shape).ravel()]
