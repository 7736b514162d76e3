"""The noise of a survey that `bayesjoint init` proposes, and what it may be instead: aliased ground."""

import numpy as np

from ..preparation import noise_estimate
from ..survey import WIDEST, aliased_share, roughness, spacing_of

GUESS = 0.05  # of the data's std: noise that stands in for one to be stated, in what is tried and never in a file
NOISE = {"mGal": (1e-3, 3.0), "nT": (5e-3, 100.0), "E": (0.05, 100.0)}  # microgravity to airborne; single stations
LEAST = 0.2  # of it, below which no fit begins
FLAT = 200.0  # metres: stations above that stand at elevations, it seems, and how far the ground is below is not known
OTHERS = "what the contractor quotes, repeats, crossings of lines"
INTERPOLATED = "the grid looks interpolated: its nodes are not independent measurements"
PAGE = "See 'Aliasing and interpolated grids' in the documentation's page on preparing surveys"


def state_noise(seen, given):
    """Noise: as said, as the file says, else by its shortest wavelengths where these tell it.

    Parameters
    ----------
    seen : Seen
        Whose table it goes into.
    given : float or None
        As the command line has it.
    """
    units, data = seen.survey.units, seen.survey.data
    if given is not None:
        seen.keys["std"], seen.notes["std"] = given, f"as given on the command line, {units}"
        return
    if not seen.opened.std:
        return
    again = _measured_again(seen.survey)
    if again is not None:
        seen.keys["std"] = float(f"{again.std:.2g}")
        seen.notes["std"] = (f"{again.std:.2g} ± {again.error:.1g} {units} (1 standard error), by {again.count} "
                             f"{again.how}: {again.note}. Else: what the contractor quotes{_doubt_of_noise(seen)}")
        return
    found = roughness(seen.survey)
    stand_in = max(GUESS * float(np.nanstd(data)), np.finfo(float).tiny)
    if found is None:
        reason = "the file states none and has too few stations to tell it from"
        seen.missing["std"] = stand_in, f"{reason}. {units}: {OTHERS}"
    elif found.is_noise:
        seen.keys["std"] = float(f"{found.std:.2g}")
        seen.notes["std"] = _by_wavelengths(seen, found)
        return
    else:
        smooth = "the field is smoother than its noise"
        reason = f"the data do not tell it, for {f'{INTERPOLATED}; or {smooth}' if seen.survey.is_grid else smooth}"
        seen.missing["std"] = stand_in, (
            f"{reason}. {found.how.capitalize()} give at most {found.rms:.2g} {units}, and they still fall (the last "
            f"order left {100 * found.left:.0f} %). {PAGE}. {units}: {OTHERS}")
    bound = stand_in if found is None else float(np.clip(found.rms, LEAST * stand_in, stand_in))
    begin = float(f"{bound:.2g}")
    of_data = f"{100 * begin / max(float(np.nanstd(data)), begin):.2g} % of the data's own std"
    where = f" {PAGE}." if found is not None and seen.survey.is_grid else ""
    seen.starts["std"] = begin, (
        f"{units}, a start and no estimate ({of_data}): {reason}. fit = true below lets the evidence choose from "
        f"there, and the report says whether it could.{where} Else: {OTHERS}")


def _by_wavelengths(seen, found):
    """Why an estimate by the shortest wavelengths is what it is, and what it may be instead of noise."""
    spread = ("" if found.rms < 1.3 * found.robust else
              f" Uneven: {found.robust:.2g} by the median, {found.rms:.2g} by the mean square.")
    aliased, sure = _aliased(seen)
    holds = aliased if sure else ("It holds noise and what lies shallower than the stations are apart, and cells of "
                                  f"that size fit neither.{aliased}")
    return (f"{found.std:.2g} ± {found.error:.1g} {seen.survey.units} (1 standard error), by {found.how}.{spread} "
            f"{holds} Else: {OTHERS}{'' if sure else _doubt_of_noise(seen)}")


def _aliased(seen):
    """(what the distance of stations makes of ground just below them, whether that is known to be the case).

    Of gravity nothing is said: its spectrum falls with wavenumber besides, and stations stand on the ground.
    """
    if seen.survey.units == "mGal":
        return "", False
    apart = spacing_of(seen.survey)
    height = float(np.nanmedian(seen.survey.upward))
    if "height" in seen.missing or not 0 <= height <= FLAT:
        return f" Aliased ground too, if that is less than {apart / WIDEST:.3g} m below the stations.", False
    if apart <= WIDEST * height:
        return "", False
    what = "nodes" if seen.survey.is_grid else "stations"
    return (
        f"Aliased geology more than noise: {what} are {apart:.4g} m apart and {height:.3g} m above the ground, and "
        f"{100 * aliased_share(apart, height):.0f} % of the power of sources at the ground has wavelengths below twice "
        f"the spacing (share exp(-2 pi height / spacing), 4 % at {WIDEST:g} heights). It comes back as longer ones, "
        "which no model of such cells fits: a large std is right for it. Do not drill bodies of one node. Finer lines "
        f"or the grid before it was thinned mend it; upward continuation does not. {PAGE}.", True)


def _doubt_of_noise(seen):
    """What an estimated noise of an unusual size says of the units, or of a grid; empty for a usual one."""
    least, most = NOISE[seen.survey.units]
    if least <= seen.keys["std"] <= most:
        return ""
    small = seen.survey.is_grid and seen.keys["std"] < least
    return (f". Noise of {seen.survey.kind} data is mostly {least:g} to {most:g} {seen.survey.units}: are the units "
            f"right?{f' Else {INTERPOLATED}. {PAGE}' if small else ''}")


def _measured_again(survey):
    """Noise by stations measured again, else by crossings of lines; None where there are too few."""
    for how in () if survey.is_grid else ("repeats", "crossings"):
        try:
            return noise_estimate(survey, how)
        except ValueError:
            continue
    return None
