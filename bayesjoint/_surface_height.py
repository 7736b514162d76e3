"""The height of the ground over columns, from a grid or from points."""

import numpy as np

from ._checks import as_finite, as_shape, fail

DIMS = ("northing", "easting")


def surface_over(easting_edges, northing_edges, topography):
    """Mean height of the ground over columns.

    A column that holds points of the topography gets their mean. Another is interpolated linearly at its centre, and
    beyond the points it gets the height of the nearest one.

    Parameters
    ----------
    easting_edges, northing_edges : ndarray, shapes (nx+1,), (ny+1,)
        Of the columns, metres.
    topography : xarray.DataArray or (easting, northing, upward)
        A grid with dims northing and easting, heights in metres, NaN where unknown; or the coordinates of points.

    Returns
    -------
    ndarray, shape (ny, nx)
        Upward coordinate of the ground, metres.

    Raises
    ------
    ValueError, TypeError
        If it is neither, holds no height, or lies wholly beside the columns.
    """
    easting, northing, upward = _points(topography)
    inside = ((easting >= easting_edges[0]) & (easting <= easting_edges[-1])
              & (northing >= northing_edges[0]) & (northing <= northing_edges[-1]))
    if not inside.any():
        fail("topography", "cover some of the mesh", f"easting {easting.min():g} to {easting.max():g}, northing "
             f"{northing.min():g} to {northing.max():g} m", "Bring both to one projected coordinate system, in metres.")
    edges = (northing_edges, easting_edges)
    where = northing[inside], easting[inside]
    count = np.histogram2d(*where, bins=edges)[0]
    total = np.histogram2d(*where, bins=edges, weights=upward[inside])[0]
    surface = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    missing = np.isnan(surface)
    if missing.any():
        north, east = np.meshgrid(*(0.5 * (e[1:] + e[:-1]) for e in edges), indexing="ij")
        surface[missing] = _interpolated(easting, northing, upward, east[missing], north[missing])
    return surface


def _points(topography):
    """Coordinates of the known points, three arrays of shape (n,)."""
    if hasattr(topography, "dims") and hasattr(topography, "coords"):
        if set(topography.dims) != set(DIMS):
            fail("topography", f"have the dims {DIMS}", f"{tuple(topography.dims)}", "Rename its dims.")
        grid = topography.transpose(*DIMS)
        north, east = np.meshgrid(*(as_finite(f"topography's {d}", grid[d].values, 1) for d in DIMS), indexing="ij")
        height = as_finite("topography", grid.values, 2, allow_nan=True)
        easting, northing, upward = east.ravel(), north.ravel(), height.ravel()
    else:
        if not isinstance(topography, (tuple, list)) or len(topography) != 3:
            fail("topography", "be a DataArray or a triple (easting, northing, upward)", type(topography).__name__,
                 "Pass a grid with dims northing and easting, or the coordinates of points.", TypeError)
        easting = as_finite("topography's easting", topography[0], 1)
        northing = as_shape("topography's northing", topography[1], easting.shape)
        upward = as_finite("topography's upward", topography[2], (0, 1), allow_nan=True)
        if upward.shape not in ((), easting.shape):
            fail("topography's upward", f"have shape {easting.shape}", f"shape {upward.shape}",
                 "Give one height for each point.")
        upward = np.broadcast_to(upward, easting.shape)
    known = np.isfinite(upward)
    if not known.any():
        fail("topography", "hold at least one height", "none", "Give the upward coordinate of the ground, metres.")
    return easting[known], northing[known], upward[known]


def _interpolated(easting, northing, upward, east, north):
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    points = np.stack([easting, northing], axis=1)
    found = np.full(east.shape, np.nan)
    if len(points) > 3:
        try:
            found = LinearNDInterpolator(points - points.mean(axis=0), upward)(*np.stack(
                [east, north]) - points.mean(axis=0)[:, None])
        except QhullError:  # points on one line have no triangles; the nearest one serves
            found = np.full(east.shape, np.nan)
    left = np.isnan(found)
    if left.any():
        found[left] = NearestNDInterpolator(points, upward)(east[left], north[left])
    return found
