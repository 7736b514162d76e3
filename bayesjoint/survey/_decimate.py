"""Fewer stations: those nearest to the middles of squares, as measured."""

import numpy as np

from .._checks import as_positive, fail
from .._shown import ordinal


def kept_stations(survey, spacing):
    """What to keep so that stations lie about `spacing` metres apart, and a note.

    Returns
    -------
    tuple of ndarray of int
        (rows, columns) of a grid, (stations,) else.
    str
    """
    spacing = float(as_positive("spacing", spacing, 0))
    if survey.is_grid:
        kept = tuple(np.arange(0, axis.size, _step(axis, spacing)) for axis in (survey.northing, survey.easting))
        note = f"every {_ordinal(kept[0])} row and every {_ordinal(kept[1])} column kept"
    else:
        kept = (_nearest(survey, spacing),)
        note = f"{kept[0].size} of {int(survey.observed.sum())} stations kept, one a square of {spacing:g} m"
    if not survey.observed[np.ix_(*kept)].any():
        fail("spacing", "leave a datum", f"{spacing:g} m, at which only gaps are left", "Take a smaller one.")
    return kept, f"{note}: shorter wavelengths fold into longer ones, nothing was averaged"


def _step(axis, spacing):
    if axis.size < 2:
        return 1
    return max(1, round(spacing / float(np.median(np.diff(axis)))))


def _ordinal(kept):
    step = int(kept[1] - kept[0]) if kept.size > 1 else 1
    return "single" if step == 1 else ordinal(step)


def _nearest(survey, spacing):
    """Stations with data nearest to the middle of their squares, in their order."""
    seen = np.flatnonzero(survey.observed)
    east, north = survey.easting[seen] / spacing, survey.northing[seen] / spacing
    column, row = np.floor(east - east.min()), np.floor(north - north.min())
    off = np.hypot(east - east.min() - column - 0.5, north - north.min() - row - 0.5)
    order = np.lexsort((off, column, row))
    first = np.ones(order.size, dtype=bool)
    first[1:] = (np.diff(row[order]) != 0) | (np.diff(column[order]) != 0)
    return np.sort(seen[order[first]])
