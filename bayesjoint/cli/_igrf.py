"""The Earth's field at a survey: by ppigrf, an extra, at a place that pyproj takes from the surveys' system."""

import datetime
from importlib.util import find_spec

import numpy as np

from ._refuse import refuse

INSTALL = "needs `pip install 'bayesjoint[igrf]'`; or give --field INTENSITY INCLINATION DECLINATION"


def field_at(date, surveys, lonlat):
    """Inducing field at the middle of surveys.

    Parameters
    ----------
    date : str
        "YYYY-MM-DD".
    surveys : list of Survey
        In one system.
    lonlat : (float, float) or None
        Place in degrees, where the system is not known.

    Returns
    -------
    (intensity, inclination, declination), str
        nT, degrees, degrees; and how they were found, with how far they vary over the surveys.
    """
    try:
        when = datetime.datetime.fromisoformat(date)
    except ValueError:
        refuse("--date", date, "must be a date, YYYY-MM-DD")
    if not find_spec("ppigrf"):
        refuse("--date", date, INSTALL)
    if not 1900 <= when.year < 2030:
        refuse("--date", date, "must lie between 1900 and 2030, where the IGRF holds")
    if lonlat is not None and not (abs(lonlat[0]) <= 360 and abs(lonlat[1]) <= 90):
        refuse("--lonlat", lonlat, "must be longitude and latitude in degrees, east and north positive")
    places = [lonlat] if lonlat is not None else _places(date, surveys)
    height = float(np.mean([np.nanmean(s.upward) for s in surveys])) / 1e3
    fields = np.array([_field(lon, lat, height, when) for lon, lat in places])
    lon, lat = places[0]
    spread = np.abs(fields - fields[0]).max(axis=0)
    over = ("" if len(places) == 1 else
            f"; over the surveys it differs by up to {spread[0]:.0f} nT, {spread[1]:.2g} and {spread[2]:.2g} degrees")
    found = tuple(float(round(value, digits)) for value, digits in zip(fields[0], (0, 2, 2), strict=True))
    return found, f"IGRF (ppigrf) on {when.date()} at {lon:.4f} E, {lat:.4f} N{over}. Else: that of the survey's report"


def _field(lon, lat, height, when):
    from ppigrf import igrf

    east, north, up = (float(np.ravel(part)[0]) for part in igrf(lon, lat, height, when))
    size = float(np.sqrt(east**2 + north**2 + up**2))
    return size, float(np.degrees(np.arcsin(-up / size))), float(np.degrees(np.arctan2(east, north)))


def _places(date, surveys):
    """Longitude and latitude of the middle of the surveys and of their corners."""
    crs = next((s.crs for s in surveys if s.crs), None)
    if crs is None:
        refuse("--date", date, "needs to know where: give --crs EPSG:NUMBER, or --lonlat LONGITUDE LATITUDE")
    if not find_spec("pyproj"):
        refuse("--date", date, "needs `pip install 'bayesjoint[igrf]'` (pyproj); or give --lonlat LONGITUDE LATITUDE")
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    west, east = min(s.easting.min() for s in surveys), max(s.easting.max() for s in surveys)
    south, north = min(s.northing.min() for s in surveys), max(s.northing.max() for s in surveys)
    x = [(west + east) / 2, west, west, east, east]
    y = [(south + north) / 2, south, north, south, north]
    try:
        lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    except ProjError as error:
        refuse("--crs", crs, f"must be a system that pyproj knows ({error})")
    if not np.isfinite([lon, lat]).all():
        refuse("--crs", crs, "must be the system of the surveys; it gives no place on Earth for them")
    return list(zip(lon, lat, strict=True))
