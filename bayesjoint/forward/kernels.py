"""Prism kernels: the one place that knows choclo.

A prism's field is the third difference of a corner ("node") function. Evaluating that function once per mesh node,
instead of eight times per prism, is five times faster and agrees to rounding. choclo's functions guard the arctangents
and logarithms at the limits where a naive version is wrong (Nagy, Papp & Benedek 2000; Fukushima 2020).

Units: metres in; gravity comes out as g_z in mGal, positive **down**, per kg/m³; the total-field anomaly in nT per SI
unit of susceptibility. choclo is SI and positive up.
"""

import numpy as np
from choclo.constants import GRAVITATIONAL_CONST
from choclo.prism import kernel_ee, kernel_en, kernel_eu, kernel_nn, kernel_nu, kernel_u
from numba import njit

from .._checks import as_finite, as_positive, fail

MGAL_PER_SI = 1e5
UNITS = {"gravity": "mGal", "magnetic": "nT", "density": "kg/m3", "susceptibility": "SI"}


def gravity_coefficients():
    """Weights of the node functions for g_z in mGal, positive down, per kg/m³.

    Returns
    -------
    ndarray, shape (6,)
        Weights of ``kernel_u, kernel_ee, kernel_nn, kernel_en, kernel_eu, kernel_nu``; only the first is not 0.

    Examples
    --------
    >>> bool(gravity_coefficients()[0] < 0)
    True
    """
    return np.array([-MGAL_PER_SI * GRAVITATIONAL_CONST, 0.0, 0.0, 0.0, 0.0, 0.0])


def magnetic_coefficients(intensity, inclination, declination):
    """Weights of the node functions for the total-field anomaly in nT per SI unit of induced susceptibility.

    With f the unit vector of the inducing field, ΔT = χ F/(4π) fᵀ U f (Blakely 1995, ch. 9), U the third difference of
    the tensor kernels. kernel_uu is replaced by −(kernel_ee + kernel_nn): Laplace's equation outside the prism, and on
    its top or bottom face it gives the limit from outside, where a differenced kernel_uu gives the one from inside.

    Parameters
    ----------
    intensity : float
        Inducing field, nT, > 0.
    inclination, declination : float
        Degrees; inclination positive down, within ±90; declination clockwise from north, within ±360.

    Returns
    -------
    ndarray, shape (6,)
        Weights of ``kernel_u, kernel_ee, kernel_nn, kernel_en, kernel_eu, kernel_nu``; the first is 0.

    Raises
    ------
    ValueError
        If a value is not finite or out of range.

    Examples
    --------
    >>> magnetic_coefficients(50_000.0, 90.0, 0.0).round(0) + 0.0
    array([    0., -3979., -3979.,     0.,     0.,     0.])
    """
    intensity = float(as_positive("intensity", intensity, 0))
    angles = []
    for name, value, limit in (("inclination", inclination, 90.0), ("declination", declination, 360.0)):
        angle = float(as_finite(name, value, 0))
        if abs(angle) > limit:
            fail(name, f"lie within ±{limit:g} degrees", f"{angle:g}", "Give the angle in degrees.")
        angles.append(np.radians(angle))
    dip, azimuth = angles
    east, north, up = np.cos(dip) * np.sin(azimuth), np.cos(dip) * np.cos(azimuth), -np.sin(dip)
    tensor = [east**2 - up**2, north**2 - up**2, 2 * east * north, 2 * east * up, 2 * north * up]
    return intensity / (4 * np.pi) * np.array([0.0, *tensor])


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
        From `gravity_coefficients` or `magnetic_coefficients`.
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
