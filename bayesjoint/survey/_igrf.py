"""The inducing field of a magnetic survey from the International Geomagnetic Reference Field."""

from datetime import date, datetime

import numpy as np

from .._checks import as_finite, fail

YEARS = (1900, 2030)  # IGRF-14, its last five years a prediction


def inducing_field(survey, when, longitude, latitude, height):
    """Intensity, inclination and declination against the grid's north at the middle of a survey, and a note.

    Parameters
    ----------
    survey : Survey
    when : str, datetime.date
    longitude, latitude : float or None
        Degrees; None: by the survey's coordinate reference system.
    height : float or None
        Metres above the ellipsoid; None: the mean of the stations'.

    Returns
    -------
    dict of {str: float}
    str
    """
    day = _day(when)
    ppigrf = _installed("ppigrf", "igrf")
    convergence, turned = 0.0, "declination against true north"
    if survey.crs is None and (longitude is None or latitude is None):
        fail("longitude and latitude", "be given where a survey has no crs", "neither", "Pass both in degrees.")
    place = _middle(survey)
    if survey.crs is not None:
        pyproj = _installed("pyproj", "crs")
        system = pyproj.CRS.from_user_input(survey.crs)
        back = pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
        there = back.transform(*place)
        longitude, latitude = (found if given is None else given
                               for found, given in zip(there, (longitude, latitude), strict=True))
        convergence = float(pyproj.Proj(system).get_factors(*there).meridian_convergence)
        turned = f"declination against grid north, {convergence:+.2f}° from true north"
    longitude, latitude = (float(as_finite(name, value, 0))
                           for name, value in (("longitude", longitude), ("latitude", latitude)))
    if not (-180 <= longitude <= 360 and -90 <= latitude <= 90):
        fail("longitude and latitude", "be degrees", f"{longitude:g}, {latitude:g}", "Pass longitude first.")
    stated = "the stations' mean height stands for it" if height is None else "as given"
    height = float(np.nanmean(survey.upward) if height is None else as_finite("height", height, 0))
    east, north, up = (float(np.squeeze(v)) for v in ppigrf.igrf(longitude, latitude, height / 1000.0, day))
    level = np.hypot(east, north)
    field = {"intensity": float(np.hypot(level, up)), "inclination": float(np.degrees(np.arctan2(-up, level))),
             "declination": float((np.degrees(np.arctan2(east, north)) - convergence + 180.0) % 360.0 - 180.0)}
    east_of = longitude - 360.0 if longitude > 180 else longitude
    there = f"{abs(east_of):.4f}° {'W' if east_of < 0 else 'E'}, {abs(latitude):.4f}° {'S' if latitude < 0 else 'N'}"
    note = (f"inducing field of the IGRF at {there}, {height:.0f} m above the ellipsoid ({stated}), on "
            f"{day:%Y-%m-%d}: {turned}")
    return field, note


def _middle(survey):
    """Mean easting and northing of the stations with data."""
    seen = survey.observed.ravel()
    return tuple(float(axis[seen].mean()) for axis in survey.coordinates()[:2])


def _day(when):
    """A datetime, as ppigrf wants it."""
    try:
        day = datetime.fromisoformat(when) if isinstance(when, str) else datetime(when.year, when.month, when.day)
    except (ValueError, AttributeError, TypeError):
        day = None
    if not isinstance(when, (str, date)) or day is None:
        fail("date", "be a day, as a datetime.date or as text like '2009-06-30'", repr(when)[:60], "Pass one.")
    if not YEARS[0] <= day.year < YEARS[1]:
        fail("date", f"lie in the years of the IGRF, {YEARS[0]} to {YEARS[1] - 1}", f"{day.year}",
             "Pass the day on which the survey was flown.")
    return day.replace(tzinfo=None)


def _installed(name, extra):
    """An optional library."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        return fail(name, "be installed for igrf", "no module of that name", f"pip install 'bayesjoint[{extra}]'.",
                    ImportError)
