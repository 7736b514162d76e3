"""Scattered stations that are the nodes of a lattice: a grid that was written as a table."""

import numpy as np

FEWEST = 3  # nodes along an axis: two rows of stations are no grid
EVEN = 1e-3  # of a step, by which steps may differ: what rounding leaves


def on_lattice(survey):
    """The grid that scattered stations are the nodes of, holes as gaps; None if they are none.

    Nothing is interpolated: every station keeps its datum and, to the millimetre, its place.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    Survey or None

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> n, e = np.mgrid[0:3, 0:4] * 100.0
    >>> on_lattice(Survey("gravity", np.arange(12.0), e.ravel(), n.ravel(), 0.0)).shape
    (3, 4)
    """
    if survey.is_grid or survey.size < FEWEST**2:
        return None
    try:
        grid = survey.to_grid()
    except ValueError:
        return None
    steps = [np.diff(axis) for axis in (grid.northing, grid.easting)]
    if min(grid.shape) < FEWEST or any(np.ptp(step) > EVEN * step.mean() for step in steps):
        return None
    return grid
