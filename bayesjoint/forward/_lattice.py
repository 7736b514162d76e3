"""Stations on a lattice of the mesh's columns: their axes, heights, and the ground below them."""

import numpy as np

from .._checks import as_finite, fail
from ..mesh import SPACING_TOLERANCE

ALIGNMENT_TOLERANCE = 1e-3  # of a cell; `Mesh.from_surveys` accepts the same


def lattice_axis(name, values, centres, step):
    """Lattice coordinates along one axis and the index of the first in the mesh's columns."""
    values = as_finite(name, values, 1)
    if not values.size:
        fail(name, "hold at least one station", "none", "Pass the coordinates along the axis.")
    position = (values - centres[0]) / step
    first = round(float(position[0]))
    if values.size > 1:
        steps = np.diff(values)
        if np.abs(steps - step).max() > ALIGNMENT_TOLERANCE * step:
            fail(name, f"ascend in equal steps of {step:g} m, the mesh's columns",
                 f"steps from {steps.min():g} to {steps.max():g} m",
                 "Match mesh and lattice, or use at_stations or StationSampling.")
    off = np.abs(position - first - np.arange(values.size)).max()
    if off > ALIGNMENT_TOLERANCE:
        fail(name, "lie at the centres of the mesh's columns", f"stations {off:.3g} cells off the lattice",
             "Shift the mesh by that, or use at_stations or StationSampling.")
    return centres[0] + step * (first + np.arange(values.size)), first


def top_of_ground(mesh, window, count):
    """Height of the highest ground in the columns under a window of stations, metres; −Inf where there is none.

    Parameters
    ----------
    mesh : Mesh
    window, count : (int, int)
        First (row, column) of the window among the mesh's columns, and how many.
    """
    rows, columns = (slice(max(first, 0), max(first + size, 0)) for first, size in zip(window, count, strict=True))
    surface = mesh.surface[rows, columns]
    return float(np.max(surface, initial=-np.inf, where=np.isfinite(surface)))


def lattice_heights(mesh, height):
    """Heights as an array, snapped to the faces of the mesh, and whether there are several."""
    values = as_finite("height", height, (0, 1))
    several = values.ndim == 1
    if not values.size:
        fail("height", "hold at least one height", "none", "Pass a number or a sequence.")
    values = np.atleast_1d(values).copy()
    faces = mesh.upward_edges
    nearest = faces[np.abs(values[:, None] - faces).argmin(axis=1)]
    close = np.abs(values - nearest) <= SPACING_TOLERANCE * mesh.thickness.min()
    return np.where(close, nearest, values), several
