"""How much of what the ground can send lies at wavelengths that stations so far apart cannot tell from longer ones."""

import math

import numpy as np

WIDEST = 2.0  # heights above the sources between stations: up to there 4 % of the power is beyond reach


def aliased_share(spacing, height):
    """Share of the power of magnetic sources at the ground at wavelengths below twice the spacing.

    The power spectrum of many bodies whose tops lie a height below the sensor falls as exp(−4π height / wavelength)
    (Spector & Grant 1970, Geophysics 35, 293–302). Beyond the Nyquist wavelength, twice the spacing, lies the share
    exp(−2π height / spacing) of it: 4 % where the spacing is twice the height, the usual bound of surveys (Reid 1980,
    Geophysics 45, 973–976). Stations fold that power into longer wavelengths. Bodies' widths are left out: of broad
    bodies less lies there.

    Parameters
    ----------
    spacing : float
        Metres between stations, or between lines.
    height : float
        Metres above the sources, at least 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(aliased_share(1000.0, 80.0), 2), round(aliased_share(100.0, 50.0), 3)
    (0.6, 0.043)
    """
    return math.exp(-2 * math.pi * max(height, 0.0) / spacing)


def spacing_of(survey):
    """Metres between stations: of a grid along its wider axis, else the square root of the area by their number.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    float
    """
    if survey.is_grid:
        return max(float(np.mean(np.abs(np.diff(axis)))) for axis in (survey.easting, survey.northing) if axis.size > 1)
    sides = [float(np.ptp(axis)) for axis in (survey.easting, survey.northing)]
    return math.sqrt(sides[0] * sides[1] / max(int(survey.observed.sum()), 1))
