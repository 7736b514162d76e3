"""What can hardly be: each rule refuses what no survey measures, and warns of what is most likely a mistake."""


import numpy as np

from .._checks import fail, warn
from ..quantities import component_of
from ._no_data import HUGE, refuse_suspects

ABSOLUTE_GRAVITY = (9.7e5, 9.9e5)  # mGal at the surface of the Earth
TOTAL_FIELD = (1.8e4, 7.2e4)  # nT at the surface of the Earth
SMOOTH = 0.05  # std over mean of total field data: an anomaly is not so even
HEIGHTS = (-12_500.0, 2e6)  # below the deepest hole, above any satellite that measures
FARTHEST = 1e8  # metres: no projection has such coordinates
DEGREES = (20.0, 360.0, 90.0)  # largest extent of a survey in degrees, largest longitude and latitude
GAP = "Mark it as a gap: NaN, or read_survey(..., missing=[{marks}])."


def check_plausible(survey):
    """Refuse or warn of what a survey can hardly hold."""
    check_data(survey.kind, survey.data)
    check_heights(survey.upward, survey.data)
    check_places(survey.easting, survey.northing)


def check_data(kind, data):
    """Data of a known kind of field; of other physics only what no file means as a number is warned of."""
    component = component_of(kind)
    if component is None:
        if np.any(np.abs(data) >= HUGE):
            _warn(f"data of {kind!r} hold {float(np.nanmax(np.abs(data))):.3g}: a mark of missing values? Mark gaps as "
                  "NaN")
        return
    refuse_suspects("data", data, GAP)
    size = np.abs(data[np.isfinite(data)])
    if size.size == 0:
        return
    middle, units = float(np.median(size)), component.unit.symbol
    if units == "mGal" and ABSOLUTE_GRAVITY[0] <= middle <= ABSOLUTE_GRAVITY[1]:
        fail("data", "be an anomaly of gravity", f"about {middle:.7g} mGal, which is absolute gravity",
             "Subtract normal gravity, and correct for height and terrain, first.")
    if (component.name == "tfa" and TOTAL_FIELD[0] <= middle <= TOTAL_FIELD[1]
            and np.std(data[np.isfinite(data)]) < SMOOTH * middle):
        _warn(f"magnetic data are about {middle:.6g} nT, the Earth's whole field: subtract the reference field (IGRF) "
              "to have the anomaly")


def check_heights(upward, data):
    """Heights where there is a datum; elsewhere they may be unknown."""
    seen = np.broadcast_to(upward, np.shape(data))[np.isfinite(data)]
    if np.isnan(seen).any():
        fail("upward", "hold finite numbers wherever there is a datum",
             f"{int(np.isnan(seen).sum())} unknown height(s)", "Give the height, or mark the datum as a gap (NaN).")
    refuse_suspects("upward", seen, "Give the height, or mark the datum as a gap (NaN) as well.")
    if seen.size and not HEIGHTS[0] <= seen.min() <= seen.max() <= HEIGHTS[1]:
        fail("upward", f"lie between {HEIGHTS[0]:g} and {HEIGHTS[1]:g} m", f"{seen.min():g} to {seen.max():g} m",
             "Give heights in metres, positive up.")


def check_places(easting, northing):
    """Coordinates in metres; degrees are small, close together and off the origin."""
    for name, values in (("easting", easting), ("northing", northing)):
        if values.size and np.abs(values).max() > FARTHEST:
            fail(name, f"lie within ±{FARTHEST:g} m", f"{values[np.abs(values).argmax()]:g}",
                 "Check the column; leave stations without coordinates out.")
    if easting.size < 2 or northing.size < 2:
        return
    extent = max(np.ptp(easting), np.ptp(northing))
    largest, longitude, latitude = DEGREES
    within = np.abs(easting).max() <= longitude and np.abs(northing).max() <= latitude and 0 < extent <= largest
    off = max(np.abs(easting).min(), np.abs(northing).min())
    if within and off > extent:
        _warn(f"the survey is {np.ptp(easting):g} by {np.ptp(northing):g} m wide, at easting {easting.min():g} and "
              f"northing {northing.min():g}: degrees, it seems. Coordinates must be metres; project longitude and "
              "latitude first (pyproj, gdalwarp)")


def _warn(text):
    warn(text)
