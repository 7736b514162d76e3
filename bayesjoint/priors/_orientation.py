"""How a correlation lies in space: strike and dip, offsets along its principal axes, and lags that have a sign."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ..forward import worker_count

STRIKE, DIP = 3, 4  # places in `Matern.law`


def axes_of(strike, dip):
    """Unit vectors (upward, northing, easting) across the layering, along strike and down dip, as tuples of tuples.

    Parameters
    ----------
    strike : float
        Degrees clockwise from north; layers dip to its right.
    dip : float
        Degrees from the horizontal.
    """
    (cs, ss), (cd, sd) = ((np.cos(a), np.sin(a)) for a in np.radians([strike, dip]))
    rows = ((cd, -sd * ss, sd * cs), (0.0, cs, ss), (-sd, -cd * ss, cd * cs))
    return tuple(tuple(float(v) for v in row) for row in rows)


def axes_by_strike(strike, dip):
    """Derivative of `axes_of` by strike, per radian."""
    turned = axes_of(strike + 90.0, dip)
    return tuple((0.0, *row[1:]) for row in turned)


def axes_by_dip(strike, dip):
    """Derivative of `axes_of` by dip, per radian: the first axis turns away from the third."""
    across, _, down = axes_of(strike, dip)
    return down, (0.0, 0.0, 0.0), tuple(-v for v in across)


def along_axes(axes, ranges, up, north, east):
    """Offsets along principal axes, in units of their ranges."""
    return tuple((row[0] * up + row[1] * north + row[2] * east) / reach
                 for row, reach in zip(axes, ranges, strict=True))


def extents(axes, ranges):
    """How far the ellipsoid of the ranges reaches along (upward, northing, easting), metres."""
    return tuple(float(np.hypot.reduce([row[k] * reach for row, reach in zip(axes, ranges, strict=True) if row[k]]))
                 for k in range(3))


def signed_planes(correlation, torus):
    """As `StationaryCorrelation.lag_planes`, of lags that have a sign: complex planes, of entries (z, z') with z >= z'.

    Entries above the diagonal are the conjugates of those below it.
    """
    steps = correlation.mesh.horizontal_spacing()
    north, east = (step * (np.arange(n) - n * (np.arange(n) > n // 2)) for n, step in zip(torus, steps, strict=True))
    rise = np.abs(correlation.mesh.upward[:, None] - correlation.mesh.upward)
    _, first, pair = np.unique((rise / (rise.max() or 1.0)).round(12), return_index=True, return_inverse=True)

    def plane(lag):
        wave = fft.rfft2(correlation.between(lag, north[:, None], east), workers=worker_count())
        return wave if lag else wave.real.astype(complex)  # within a layer a lag and its opposite are one

    return (plane(lag) for lag in rise.ravel()[first]), pair.reshape(rise.shape)
