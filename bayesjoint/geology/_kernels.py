"""Loops over cells, compiled."""

import numpy as np

from .._compiled import njit
from .._superquadric import share_inside


@njit(cache=True, nogil=True)
def paint_solid(fields, unit, coords, box, centre, half, axes, exponent, soft, values, touched, label):
    """Paint one superquadric over the cells of its bounding box whose centres lie in it.

    `coords` are (upward, northing, easting) of cell centres, `box` (3, 2) index ranges, `axes` rows the directions of
    the three half axes. An infinite exponent is a box. With `soft` > 0, metres, values fade over that width.
    """
    z, y, x = coords
    for k in range(box[0, 0], box[0, 1]):
        dz = z[k] - centre[0]
        for j in range(box[1, 0], box[1, 1]):
            dy = y[j] - centre[1]
            for i in range(box[2, 0], box[2, 1]):
                dx = x[i] - centre[2]
                share = share_inside(dz, dy, dx, half, axes, exponent, soft)
                if share <= 0:
                    continue
                for p in range(touched.size):
                    if touched[p]:
                        fields[p, k, j, i] += share * (values[p] - fields[p, k, j, i])
                if share >= 0.5:
                    unit[k, j, i] = label


@njit(cache=True, nogil=True)
def paint_labels(fields, unit, labels, values, touched, units):
    """Give every cell with a label >= 0 the values and the unit of that label."""
    nz, ny, nx = labels.shape
    for k in range(nz):
        for j in range(ny):
            for i in range(nx):
                label = labels[k, j, i]
                if label >= 0:
                    unit[k, j, i] = units[label]
                    for p in range(touched.size):
                        if touched[p]:
                            fields[p, k, j, i] = values[label, p]


@njit(cache=True, nogil=True)
def layer_labels(coords, sunk, boundaries, normals, offsets, throws):
    """Number of the layer in each cell: `boundaries` are depths of the undisturbed stack below the level 0.

    `sunk` (ny, nx) says how far folds have carried the stack down; a fault, the plane normal·r = offset, drops the side
    where normal·r is larger by its throw.
    """
    z, y, x = coords
    labels = np.empty((z.size, y.size, x.size), dtype=np.int16)
    for k in range(z.size):
        for j in range(y.size):
            for i in range(x.size):
                depth = -z[k] - sunk[j, i]
                for f in range(throws.size):
                    if normals[f, 0] * z[k] + normals[f, 1] * y[j] + normals[f, 2] * x[i] > offsets[f]:
                        depth -= throws[f]
                label = 0
                while label < boundaries.size and depth >= boundaries[label]:
                    label += 1
                labels[k, j, i] = label
    return labels


def truncated_labels(first, second, lower, upper):
    """Unit of each cell by truncation: bands of the first field; above the last, bands of the second."""
    labels = np.zeros(first.shape, dtype=np.int16)
    for edge in lower:
        labels += first >= edge
    beyond = labels == lower.size
    for edge in upper:
        labels += beyond & (second >= edge)
    return labels
