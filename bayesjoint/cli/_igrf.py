"""The Earth's field at the middle of surveys, for a configuration that is proposed."""

import numpy as np

from ..survey import Survey
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
    crs, place = next((s.crs for s in surveys if s.crs), None), lonlat or (None, None)
    if crs is None and lonlat is None:
        refuse("--date", date, "needs to know where: give --crs EPSG:NUMBER, or --lonlat LONGITUDE LATITUDE")
    west, east = min(s.easting.min() for s in surveys), max(s.easting.max() for s in surveys)
    south, north = min(s.northing.min() for s in surveys), max(s.northing.max() for s in surveys)
    height = float(np.mean([np.nanmean(s.upward) for s in surveys]))
    places = [((west + east) / 2, (south + north) / 2)]
    if lonlat is None:
        places += [(west, south), (west, north), (east, south), (east, north)]
    try:
        found = [Survey("magnetic", [0.0], [x], [y], height, crs=crs).igrf(date, *place) for x, y in places]
    except ImportError:
        refuse("--date", date, INSTALL)
    except ValueError as error:
        refuse("--date" if lonlat is None else "--lonlat", date if lonlat is None else lonlat, str(error))
    fields = np.array([(s.intensity, s.inclination, s.declination) for s in found])
    spread = np.abs(fields - fields[0]).max(axis=0)
    over = ("" if len(places) == 1 else
            f"; over the surveys it differs by up to {spread[0]:.0f} nT, {spread[1]:.2g} and {spread[2]:.2g} degrees")
    rounded = tuple(float(round(value, digits)) for value, digits in zip(fields[0], (0, 2, 2), strict=True))
    return rounded, f"{found[0].history[-1]}{over}. Else: that of the survey's report"
