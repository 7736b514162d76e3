"""Whether surveys and a mesh can belong together: one system, one place, one datum of heights, metres."""


import numpy as np

from ._checks import fail, warn
from ._crs import check_one_crs

NARROW, DEEP = 20.0, 1000.0  # metres: a survey less wide with a mesh that deep has coordinates in degrees or kilometres
AIR = 200.0  # metres between a top that nobody stated and the lowest station; less over cells of less than 10 m
APART = (5.0, 10.0)  # widths between surveys: beyond the first it is warned of, beyond the second refused
ALIKE = (0.6, 0.9)  # share of two boxes in common, as they are and with one exchanged: then it was, it seems
OUTSIDE = 0.5  # share of stations beside the mesh that is warned of


def check_together(surveys, depth):
    """Refuse surveys in different systems or far apart; warn of those that do not overlap, and of degrees.

    Parameters
    ----------
    surveys : list of Survey
        One or more.
    depth : float
        Depth of the mesh below them, metres.
    """
    check_one_crs("surveys", {s.name: getattr(s, "crs", None) for s in surveys})
    boxes = [_box(s) for s in surveys]
    extent = max(float(np.max(box[1] - box[0])) for box in boxes)
    if 0 < extent < NARROW and depth >= DEEP:
        warn(f"the surveys are {extent:g} m wide and the mesh is to be {depth:g} m deep: are coordinates in "
                      "degrees or kilometres? They must be metres")
    for k, survey in enumerate(surveys[1:], start=1):
        _check_exchanged(survey, surveys[0], extent)
        gap = min(_gap(boxes[k], box) for box in boxes[:k])
        if extent > 0 and gap > APART[1] * extent:
            fail("surveys", "be of the same ground", f"{survey.name!r} {gap:g} m away from the others, which are "
                 f"{extent:g} m wide at most", "Bring them to one coordinate system, or invert them separately.")
        if extent > 0 and gap > APART[0] * extent:
            warn(f"{survey.name!r} lies {gap:g} m away from the other surveys: they do not overlap, and are "
                          "joined by the prior alone")


def check_air(lowest, step):
    """Warn of stations well above a top of the mesh that was left at 0; `step` is the smaller width of a cell."""
    if lowest > min(AIR, 20 * step):
        warn(f"all stations lie {lowest:g} m or more above the top of the mesh, which was left at 0: if their "
                      "heights are elevations, pass top= (or topography=), the height of the ground; top=0.0 says that "
                      "the ground is there")


def check_over(survey, mesh):
    """Refuse a survey whose stations all lie beside the mesh, farther off than it is wide; warn of most of them beside.

    Parameters
    ----------
    survey : Survey
        Its observed stations count.
    mesh : Mesh
        Under it, or not.
    """
    easting, northing, _ = (c[survey.observed.ravel()] for c in survey.coordinates())
    low = np.array([mesh.easting_edges[0], mesh.northing_edges[0]])
    high = np.array([mesh.easting_edges[-1], mesh.northing_edges[-1]])
    places = np.stack([easting, northing], axis=1)
    off = np.maximum(np.maximum(low - places, places - high), 0.0).max(axis=1)
    extent = float((high - low).max())
    found = (f"{survey.name!r} at east {easting.min():g} to {easting.max():g}, north {northing.min():g} to "
             f"{northing.max():g} m; the mesh at east {low[0]:g} to {high[0]:g}, north {low[1]:g} to {high[1]:g} m")
    if off.min() > extent:
        fail("survey", "lie over the mesh", found, "Bring both to one coordinate system, in metres.")
    share = float(np.mean(off > 0))
    if share > OUTSIDE:
        warn(f"{share:.0%} of the stations lie beside the mesh: {found}")


def _check_exchanged(survey, first, extent):
    """Refuse or warn of a survey that lies over the first one only when its easting and northing are exchanged."""
    one, other = _box(survey), _box(first)
    gap, own, swapped = _gap(one, other), _shared(one, other), _shared(one[:, ::-1], other)
    if (gap > 0 and swapped > 0) or (own < ALIKE[0] and swapped > ALIKE[1]):
        found = (f"{survey.name!r} at east {one[0, 0]:.9g} to {one[1, 0]:.9g}, north {one[0, 1]:.9g} to {one[1, 1]:.9g}"
                 f" m, which lies over {first.name!r} (east {other[0, 0]:.9g} to {other[1, 0]:.9g}, north "
                 f"{other[0, 1]:.9g} to {other[1, 1]:.9g} m) when its easting and northing are exchanged")
        if gap > extent:
            fail("surveys", "be of the same ground", found, "Exchange them where the file is read: "
                 "columns={'easting': ..., 'northing': ...}; exchange the axes of a grid.")
        warn(f"{found}. Were its columns mistaken?")


def _shared(one, other):
    """Area that two boxes share, by the area that they cover together; 0 for boxes without area."""
    area = np.prod(np.maximum(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0.0))
    both = np.prod(one[1] - one[0]) + np.prod(other[1] - other[0]) - area
    return float(area / both) if both > 0 else 0.0


def _box(survey):
    return np.array([[survey.easting.min(), survey.northing.min()], [survey.easting.max(), survey.northing.max()]])


def _gap(one, other):
    """Metres between two boxes along the axis on which they are farther apart, 0 where they overlap."""
    return float(np.maximum(np.maximum(one[0] - other[1], other[0] - one[1]), 0.0).max())
