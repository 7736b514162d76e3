"""Superquadrics |u|ᵉ + |v|ᵉ + |w|ᵉ <= 1 along axes of their own: which share of a cell they fill."""

import numpy as np

from ._compiled import njit


@njit(cache=True, nogil=True)
def share_inside(dz, dy, dx, half, axes, exponent, soft):
    """Share of a cell, its centre (dz, dy, dx) metres from the solid's, that a superquadric fills.

    `axes` are rows, the directions of the three half axes; an infinite exponent is a box. With `soft` > 0, metres, the
    share falls from 1 to 0 over that width, along the ray from the solid's centre.
    """
    a = abs(axes[0, 0] * dz + axes[0, 1] * dy + axes[0, 2] * dx) / half[0]
    b = abs(axes[1, 0] * dz + axes[1, 1] * dy + axes[1, 2] * dx) / half[1]
    c = abs(axes[2, 0] * dz + axes[2, 1] * dy + axes[2, 2] * dx) / half[2]
    largest = max(a, b, c)
    if soft <= 0:
        if largest > 1:
            return 0.0
        if np.isinf(exponent) or a * a + b * b + c * c <= 1:  # exponents are at least 2
            return 1.0
        return 1.0 if a**exponent + b**exponent + c**exponent <= 1 else 0.0
    if largest == 0:
        return 1.0
    away = np.sqrt(dz * dz + dy * dy + dx * dx)
    if away * (1 - 1 / largest) >= 0.5 * soft:  # powers are dear: most cells are clear without them
        return 0.0
    radius = largest
    if not np.isinf(exponent):
        if away * (1 - 1 / np.sqrt(a * a + b * b + c * c)) <= -0.5 * soft:
            return 1.0
        middle = max(min(a, b), min(max(a, b), c)) / largest
        least = min(a, b, c) / largest
        radius *= (1.0 + middle**exponent + least**exponent) ** (1 / exponent)
    return min(1.0, max(0.0, 0.5 - away * (1 - 1 / radius) / soft))


@njit(cache=True, nogil=True)
def set_axes(strike, dip, out):
    """Write the directions along strike, down dip and across, rows (upward, northing, easting), radians, to `out`.

    Strike is clockwise from north; the dip is downwards to the right of it.
    """
    cs, ss, cd, sd = np.cos(strike), np.sin(strike), np.cos(dip), np.sin(dip)
    out[0, 0], out[0, 1], out[0, 2] = 0.0, cs, ss
    out[1, 0], out[1, 1], out[1, 2] = -sd, -cd * ss, cd * cs
    out[2, 0], out[2, 1], out[2, 2] = cd, -sd * ss, sd * cs
