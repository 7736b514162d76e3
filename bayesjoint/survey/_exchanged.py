"""Easting and northing that were exchanged: by the names of columns, and by where a system is in use."""

from numbers import Integral

import numpy as np

from .._checks import fail, warn
from ._column_names import words

NAMES = {"easting": {"easting", "east", "longitude", "lon", "utme"},
         "northing": {"northing", "north", "latitude", "lat", "utmn"}}  # x and y are either, by country
BESIDE = (12.0, 4.0)  # degrees of longitude and latitude that surveys may lie beside the area of a system
NORTHINGS, EASTINGS = (3e6, 1e7), (1.6e5, 8.4e5)  # that UTM has from 27 degrees on, and its eastings


def check_names(columns):
    """Refuse columns that are called by the other's name; one whose header is wrong goes by position."""
    other = {"easting": "northing", "northing": "easting"}
    for role, column in columns.items():
        if role in other and isinstance(column, str) and NAMES[other[role]] & set(words(column)[:1]):
            fail(f"columns[{role!r}]", f"name the {role}", f"{column!r}, which is called a {other[role]}",
                 "Exchange the two; if the header is wrong, name the columns by position, from 0.")


def check_order(easting, northing, crs, notes):
    """Refuse coordinates that lie where their system is in use only when they are exchanged.

    Parameters
    ----------
    easting, northing : ndarray
    crs : str, int or None
        Without one, or without pyproj, eastings as large as northings of UTM are warned of.
    notes : dict of {str: str}
        Where each was taken from.
    """
    known = np.isfinite(easting), np.isfinite(northing)
    if not (known[0].any() and known[1].any()):
        return
    middle = float(np.median(easting[known[0]])), float(np.median(northing[known[1]]))
    found = (f"easting about {middle[0]:.9g} (from {notes.get('easting', 'its axis')}) and northing about "
             f"{middle[1]:.9g} (from {notes.get('northing', 'its axis')})")
    inside = _area(crs)
    if inside is not None and not inside(*middle) and inside(*middle[::-1]):
        fail("easting and northing", f"lie where {str(crs)[:40]} is in use", f"{found}: so they do when exchanged",
             "Exchange the columns, e.g. columns={'easting': 'Y', 'northing': 'X'}; exchange the axes of a grid.")
    if inside is None and NORTHINGS[0] <= middle[0] <= NORTHINGS[1] and EASTINGS[0] <= middle[1] <= EASTINGS[1]:
        warn(f"easting and northing seem to be exchanged: {found}; in UTM it is the northing that is so large. If they "
             "are, exchange the columns; crs= settles it")


def _area(crs):
    """Whether a place lies in the area of use of a system, as a function; None where nothing tells."""
    if not isinstance(crs, str | Integral):
        return None
    try:
        import pyproj
        import pyproj.exceptions
    except ImportError:
        return None
    try:
        system = pyproj.CRS.from_user_input(crs)
        change = pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    except pyproj.exceptions.ProjError:
        return None
    area = system.area_of_use
    if area is None or not system.is_projected:
        return None

    def inside(easting, northing):
        longitude, latitude = change.transform(easting, northing)
        if not (np.isfinite(longitude) and np.isfinite(latitude)):
            return False
        width = (area.east - area.west) % 360.0 or 360.0
        along = (longitude - area.west + BESIDE[0]) % 360.0
        return bool(along <= width + 2 * BESIDE[0] and area.south - BESIDE[1] <= latitude <= area.north + BESIDE[1])

    return inside
