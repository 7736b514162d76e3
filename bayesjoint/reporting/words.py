"""The answer in words: sentences built from the numbers of `facts`."""

import numpy as np

from ..plot.style import pretty
from .facts import PROBABILITY, UNINFORMED


def number(value, digits=3):
    """A number as a reader wants it: `digits` significant digits, true minus, no exponent where it can be helped.

    Examples
    --------
    >>> number(-1234.5), number(0.012345), number(1e-9), number(12)
    ('−1,230', '0.0123', '1.00 × 10⁻⁹', '12')
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "not known"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace("-", "−")
    if value == 0:
        return "0"
    power = int(np.floor(np.log10(abs(value))))
    if not -4 <= power <= 6:
        raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{value / 10.0**power:.{digits - 1}f} × 10{raised}".replace("-", "−")
    decimals = max(digits - 1 - power, 0)
    return f"{round(value, digits - 1 - power):,.{decimals}f}".replace("-", "−")


def signed(value, digits=3):
    """As `number`, with a plus sign on positive values."""
    return ("+" if value > 0 else "") + number(value, digits)


def quantity(value, units, digits=3):
    """A number with its units."""
    return f"{number(value, digits)} {pretty(units)}".strip()


def percent(share):
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.1234), percent(0.0004), percent(0)
    ('12 %', 'under 0.1 %', 'none')
    """
    if share == 0:
        return "none"
    if share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def interval_name():
    """Probability and kind of the intervals of the report."""
    return f"{PROBABILITY:.0%} equal-tailed interval".replace("%", " %")


def listing(items):
    """Items joined as in speech."""
    items = list(items)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def answer(fits, properties, gains, approximations, mesh):
    """The report's first paragraphs: what was done, found, learned, gained, and how far to trust it.

    Returns
    -------
    list of str
        One paragraph each.
    """
    paragraphs = [" ".join([_done(fits, properties, mesh), *_fitted(fits)]).strip()]
    paragraphs += [" ".join([_found(p), _learned(p)]).strip() for p in properties]
    if gains:
        paragraphs.append(_gained(gains))
    paragraphs.append(trust(approximations))
    return [p for p in paragraphs if p]


def _done(fits, properties, mesh):
    surveys = listing(f"{f.name.replace('_', ' ')} ({number(f.count)} data)" for f in fits) if fits else "no data"
    if not properties:
        return f"Inverted: {surveys}."
    verb = "were inverted together" if len(fits) > 1 else "was inverted"
    nz, ny, nx = mesh.shape
    what = listing(p.long_name for p in properties)
    sentence = f"{surveys} {verb} for {what} on a mesh of {nz} × {ny} × {nx} = {number(nz * ny * nx)} cells."
    return sentence[0].upper() + sentence[1:]


def _fitted(fits):
    sentences = []
    for f in fits:
        if f.ratio is None:
            continue
        low, high = f.range
        sentences.append(
            f"The posterior mean fits {f.name.replace('_', ' ')} with χ²/m = {number(f.ratio)}, "
            f"{'within' if f.verdict == 'as expected' else 'outside'} the range {low:.2f} to {high:.2f} "
            f"expected{' of a posterior mean' if f.expected is not None else ''} if prior and noise are as stated"
            f"{'' if f.verdict == 'as expected' else ': ' + f.verdict}."
        )
    return sentences


def _found(p):
    place = (f"{p.place['depth'] / 1000:.2f} km deep at easting {p.place['easting'] / 1000:.2f} km, "
             f"northing {p.place['northing'] / 1000:.2f} km")
    value = f"{signed(p.peak)} ± {quantity(p.peak_std, p.units, 2)}"
    if abs(p.score) < 2:
        return (f"In no cell is the {p.long_name} more than two posterior standard deviations from its prior mean: "
                f"taken cell by cell these data do not show a body. The clearest cell, {place}, has {value} "
                "(posterior mean ± one standard deviation).")
    interval = ""
    if p.interval is not None:
        low, high = p.interval
        interval = (f"; {interval_name()} {signed(low)} to {signed(high)}{(' ' + pretty(p.units)).rstrip()}, "
                    f"from {p.draws} draws")
    return (f"The {p.long_name} that stands out most is {value} (posterior mean ± one standard deviation{interval}), "
            f"{place}. {percent(p.beyond).capitalize()} of the cells lie more than two posterior standard deviations "
            "from their prior mean, each cell judged by itself.")


def _learned(p):
    if p.top_ratio is None:
        return ""
    if p.reach == 0.0:
        return (f"In no layer do the data bring the median standard deviation below {percent(UNINFORMED)} of the "
                "prior's: the model shown is mostly the prior.")
    left = "" if np.isnan(p.top_ratio) else f"In the top layer the data leave {percent(p.top_ratio)} of the prior's "
    return (f"{left}standard deviation (median cell); below {p.reach / 1000:.3g} km more than {percent(UNINFORMED)} is "
            "left in every layer, so there the picture is the prior's.")


def _gained(gains):
    parts = []
    for g in gains:
        change = 1 - g["middle"]
        size = "equal" if change == 0 else f"{'lowered' if change > 0 else 'raised'} by {percent(abs(change))}"
        parts.append(f"for {g['long_name']} against {g['label'].replace('_', ' ')}, {size} in the median cell "
                     f"(5 % and 95 % of cells: ratio {g['low']:.2f} and {g['high']:.2f})")
    return "What the joint inversion changed in the standard deviation: " + "; ".join(parts) + "."


def trust(approximations):
    """One sentence on what the numbers are worth."""
    if not approximations:
        return ("The dataset does not say what is approximate in it: treat its numbers as not validated until it does.")
    unknown = [a["name"] for a in approximations if a["status"] == "not validated"]
    sized = [a["name"] for a in approximations if a["status"] in ("measured", "bounded")]
    if unknown:
        return (f"Approximate, not validated: {listing(unknown)}. Nobody has measured how wrong that is on this "
                "problem; do not rest a decision on those numbers alone.")
    if sized:
        return f"Approximate, with errors given below: {listing(sized)}. Everything else is exact up to rounding."
    return ("All posterior numbers are exact up to rounding, given the prior, the noise and the forward model as "
            "stated; whether those are right is another question, and the fit above is the evidence on it.")
