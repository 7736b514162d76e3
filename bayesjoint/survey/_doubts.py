"""What real measurements can hardly be: sizes in the unit that is stated, stations far off all others."""

import numpy as np

from .._checks import fail, warn
from ..quantities import component_of, plain_unit
from ._no_data import suspects

TRIED = {"mGal": ("mGal", "um/s2", "nm/s2", "m/s2"), "nT": ("nT", "uT", "T"), "E": ("E", "1/s2", "mGal/m")}
NEVER = {"mGal": 1e4, "nT": 1e7, "E": 1e6}  # a hundredth of gravity itself, a hundred times the Earth's field
# of the span of a survey's data (its 2nd to 98th percentile): least, most; gravity's grows with the survey, see `usual`
SPAN = {"mGal": (0.005, 800.0), "nT": (0.1, 1e5), "E": (0.02, 2e4)}
STEEP, SMALLEST = 8.0, 5.0  # mGal a kilometre over a whole survey, mGal of a small one
FREE_AIR = 0.3  # mGal a metre of relief, which free-air anomalies keep
TYPICAL = {"mGal": 1.0, "nT": 300.0, "E": 50.0}  # of span, gravity's a kilometre: to choose among plausible units
ENOUGH = 50  # data whose span says anything
FAR, FEW = 20.0, 0.02  # extents of the others; share of stations that can be strays
TIMES = {"s", "sec", "second", "seconds", "min", "minute", "minutes", "h", "hr", "hour", "hours", "day", "days",
         "year", "years", "date", "datetime", "unixtime"}


def usual(symbol, survey):
    """Least and most span of data in a unit, and a typical one, for a survey of its extent and relief."""
    least, most = SPAN[symbol]
    if symbol != "mGal":
        return least, most, TYPICAL[symbol]
    kilometres = max(np.ptp(survey.easting), np.ptp(survey.northing)) / 1e3
    relief = float(np.nanmax(survey.upward) - np.nanmin(survey.upward))
    most = min(max(STEEP * kilometres, SMALLEST) + FREE_AIR * relief, most)
    return least, most, max(TYPICAL[symbol] * kilometres, 0.1)


def span(survey):
    """Between the 2nd and the 98th percentile of the data."""
    return float(np.ptp(np.percentile(survey.data[survey.observed], [2, 98])))


def other_units(survey, given):
    """[(unit, span in standard units)] of units in which numbers said to be in `given` would be of a usual size."""
    component = component_of(survey.kind)
    spellings = component.unit.spellings
    least, most, typical = usual(component.unit.symbol, survey)
    sizes = {unit: span(survey) * spellings[plain_unit(unit)] / spellings[plain_unit(given)]
             for unit in TRIED[component.unit.symbol] if spellings[plain_unit(unit)] != spellings[plain_unit(given)]}
    fits = [(unit, size) for unit, size in sizes.items() if least <= size <= most]
    return sorted(fits, key=lambda fit: abs(np.log(fit[1] / typical)))


def check_size(survey, given):
    """Refuse data that no ground makes, and warn of spans that are unusual in their unit.

    Parameters
    ----------
    survey : Survey
        In standard units.
    given : str
        Units that its file's numbers were taken for.
    """
    component = component_of(survey.kind)
    if component is None or plain_unit(given) not in component.unit.spellings:
        return
    symbol = component.unit.symbol
    largest, wide = float(np.nanmax(np.abs(survey.data))), span(survey)
    least, most, _ = usual(symbol, survey)
    fits = other_units(survey, given)
    fitting = ("In none of the usual units would they be of a usual size: is it the right column?" if not fits else
               " ".join(f"In {unit} they would span {size:.3g} {symbol}." for unit, size in fits[:2]))
    if largest > NEVER[symbol]:
        fail("data", f"be anomalies below {NEVER[symbol]:g} {symbol}", f"up to {largest:.4g} {symbol}, with their "
             f"numbers taken for {given}", f"{fitting} Pass units= to say what they really are.")
    if survey.observed.sum() >= ENOUGH and wide > 0 and not least <= wide <= most:
        kilometres = max(np.ptp(survey.easting), np.ptp(survey.northing)) / 1e3
        warn(f"{survey.kind} data span {wide:.3g} {symbol} over {kilometres:.3g} km with their numbers taken for "
             f"{given}; {least:g} to {most:.3g} {symbol} would be usual. {fitting} Are the units right?")


def check_times(stated, given, kind):
    """Refuse times that are to be taken for data because units were given."""
    plain = stated.strip().lower() if isinstance(stated, str) else ""
    if component_of(kind) is not None and given is not None and (" since " in plain or plain in TIMES):
        fail("data", f"be {kind} data", f"a variable in {stated!r}: times", "Name another variable or column.")


def check_strays(easting, northing):
    """Refuse scattered stations at a mark of missing coordinates, and warn of stations far off all others."""
    sides = [float(np.ptp(np.percentile(axis, [5, 95]))) for axis in (easting, northing)]
    for name, axis in (("easting", easting), ("northing", northing)):
        for mark, count in suspects(axis).items():
            rest = axis[axis != mark]
            beyond = 0.1 * max(np.ptp(rest), *sides, 1.0) if rest.size else np.inf
            if rest.size and not rest.min() - beyond <= mark <= rest.max() + beyond:
                fail(name, "hold no number that marks a missing value", f"{count} of {mark:.9g}, where all others lie "
                     f"between {rest.min():.9g} and {rest.max():.9g}", f"Pass missing=[{mark:.9g}] to make gaps of "
                     "them, or leave the stations out.")
    if easting.size < 5:
        return
    away = np.hypot(easting - np.median(easting), northing - np.median(northing))
    strays = np.flatnonzero(away > FAR * max(*sides, 1.0))
    if 0 < strays.size <= max(1, FEW * easting.size):
        k = strays[0]
        warn(f"{strays.size} station(s) lie more than {FAR:g} extents of the others off them, the first at easting "
             f"{easting[k]:.9g}, northing {northing[k]:.9g} (row {k + 1} of the stations), {away[k] / 1e3:.4g} km off: "
             "leave them out if their coordinates are not known")
