"""Prism kernels: the one place that knows choclo.

A prism's field is the third difference of a corner ("node") function. Evaluating that function once per mesh node,
instead of eight times per prism, is five times faster and agrees to rounding. choclo's functions guard the arctangents
and logarithms at the limits where a naive version is wrong (Nagy, Papp & Benedek 2000; Fukushima 2020).

Metres in; what comes out is decided by the coefficients (`bayesjoint.quantities`). choclo is SI and positive up.
"""

import numpy as np
from choclo.prism import kernel_ee, kernel_en, kernel_eu, kernel_nn, kernel_nu, kernel_u

from .._compiled import njit


@njit(cache=True, nogil=True, error_model="numpy")
def node_value(easting, northing, upward, coefficients):
    """Corner function at a node, its coordinates taken from the station (metres)."""
    radius = np.sqrt(easting * easting + northing * northing + upward * upward)
    if coefficients[0] != 0.0:
        return coefficients[0] * kernel_u(easting, northing, upward, radius)
    value = coefficients[1] * kernel_ee(easting, northing, upward, radius)
    value += coefficients[2] * kernel_nn(easting, northing, upward, radius)
    value += coefficients[3] * kernel_en(easting, northing, upward, radius)
    value += coefficients[4] * kernel_eu(easting, northing, upward, radius)
    value += coefficients[5] * kernel_nu(easting, northing, upward, radius)
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def node_plane(easting, northing, upward, coefficients, out):
    """Fill `out` (ny+1, nx+1) with the corner function on one level; coordinates are taken from the station."""
    for j in range(northing.size):
        for i in range(easting.size):
            out[j, i] = node_value(easting[i], northing[j], upward, coefficients)


@njit(cache=True, nogil=True, error_model="numpy")
def cell_layer(easting, northing, top, coefficients, nodes, out):
    """Field at the station of every cell of one layer, from the corner function by third differences.

    Parameters
    ----------
    easting, northing : ndarray, shapes (nx+1,), (ny+1,)
        Cell edges less the station's coordinates, metres.
    top : float
        Upper face of the layer less the station's height, metres.
    coefficients : ndarray, shape (6,)
        Of a `Quantity`.
    nodes : ndarray, shape (ny+1, nx+1)
        Corner function on the lower face (`node_plane`). Replaced by that on the upper face, which is the lower face
        of the layer above: every node is evaluated once.
    out : ndarray, shape (ny, nx)
        Filled with the field per unit of property.
    """
    rows, columns = out.shape
    for j in range(rows + 1):
        before = 0.0
        for i in range(columns + 1):
            above = node_value(easting[i], northing[j], top, coefficients)
            rise = above - nodes[j, i]
            nodes[j, i] = above
            if i > 0:
                step = rise - before
                if j > 0:
                    out[j - 1, i - 1] = step - out[j - 1, i - 1]
                if j < rows:
                    out[j, i - 1] = step
            before = rise


def layer_fields(easting, northing, upward, coefficients):
    """Yield the field of every cell of each layer, from the bottom up; edges are taken from the station."""
    nodes = np.empty((northing.size, easting.size))
    node_plane(easting, northing, upward[0], coefficients, nodes)
    for top in upward[1:]:
        field = np.empty((northing.size - 1, easting.size - 1))
        cell_layer(easting, northing, top, coefficients, nodes, field)
        yield field
