"""The answer in words: sentences built from the numbers of `facts`."""

import re

import numpy as np

from ..plot import pretty, raised
from ._facts import PROBABILITY, UNDOUBTED, UNINFORMED

POWERS = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)e([+-]?\d+)(?![\w.]*\w)")  # a number with an exponent
NOTHING = re.compile(r"(?<![\w.⁰¹²³⁴⁵⁶⁷⁸⁹-])[-−](?=0(?:\.0*)?(?![\w⁰¹²³⁴⁵⁶⁷⁸⁹]|\.\d))")  # sign of a zero
MINUS = re.compile(r"(?<![\w.⁰¹²³⁴⁵⁶⁷⁸⁹-])-(?=\d)")
LEAST_LOG = np.log(1e-300)


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
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    power = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])  # of the rounded number: 9.999 is 10.0
    if not -4 <= power <= 6:
        return f"{value / 10.0**power:.{digits - 1}f} × 10{raised(power)}".replace("-", "−")
    decimals = max(digits - 1 - power, 0)
    return f"{round(value, digits - 1 - power):,.{decimals}f}".replace("-", "−")


def tail(probability, log_p=np.nan):
    """A p-value; one too small for a floating-point number is not called zero, and told by its logarithm if known.

    Examples
    --------
    >>> tail(0.0123), tail(0.0), tail(0.0, -6488.6)
    ('0.012', 'under 10⁻³⁰⁰', '10⁻²⁸¹⁸')
    """
    if not probability < 1e-300:
        return number(probability, 2)
    known = np.isfinite(log_p) and log_p < LEAST_LOG
    return f"10{raised(round(log_p / np.log(10)))}" if known else "under 10⁻³⁰⁰"


def readable(text):
    """A text whose numbers are written for readers: no 4.41e+04, true minus signs, no sign for what is infinite.

    Examples
    --------
    >>> readable("gain -44.4 ± 2.2e+02 nT, p = 5e-08, noise 1.5e-03, of 4.41e+04 nT")
    'gain −44.4 ± 220 nT, p = 5 × 10⁻⁸, noise 0.0015, of 44,100 nT'
    >>> readable("p under 1e-300, file of 2026-01-02, off by -0.0 and -0.04")
    'p under 10⁻³⁰⁰, file of 2026-01-02, off by 0.0 and −0.04'
    """
    return MINUS.sub("−", NOTHING.sub("", POWERS.sub(_plainer, str(text)))).replace("->", "→")


def _plainer(found):
    digits, power = found[1], int(found[2])
    size = max(len(digits.lstrip("-").replace(".", "")), 1)
    if -4 <= power <= 6:
        return number(float(found[0]), size).replace("−", "-")
    return f"10{raised(power)}" if digits == "1" else f"{digits} × 10{raised(power)}"


def fixed(value, decimals, sign=False):
    """A number of so many decimals with a true minus, with a plus sign if asked; zero has no sign.

    Examples
    --------
    >>> fixed(-0.04, 1), fixed(-1.25, 1), fixed(0.04, 1, sign=True), fixed(2, 2, sign=True)
    ('0.0', '−1.2', '0.0', '+2.00')
    """
    if np.isnan(value):
        return "not known"
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


def between(low, high):
    """Where a figure that cannot be negative is expected.

    Examples
    --------
    >>> between(0.89, 1.11), between(0.0, 1.03)
    ('0.89 to 1.11', 'at most 1.03')
    """
    return f"{fixed(low, 2)} to {fixed(high, 2)}" if low > 0 else f"at most {fixed(high, 2)}"


def signed(value, digits=3):
    """As `number`, with a plus sign on positive values."""
    return ("+" if value > 0 else "") + number(value, digits)


def within(value, error, units="", sign=False, before="", digits=3):
    """A value with its error, both with one exponent; `before` stands before the error.

    Examples
    --------
    >>> within(4.22e11, 3.5e10, "A m2", sign=True), within(203.4, 25.2, "kg/m3"), within(3e-7, 0.0)
    ('(+4.22 ± 0.35) × 10¹¹ A m²', '203 ± 25 kg/m³', '3.00 × 10⁻⁷')
    """
    written = signed if sign else number
    if error is None or np.isnan(error) or error == 0:
        return f"{written(value, digits)} {pretty(units)}".strip()
    largest = max(abs(value), abs(error))
    if not (np.isfinite(largest) and any("×" in number(float(v)) for v in (value, error))):
        return f"{written(value, digits)} ± {before}{number(error, 2)} {pretty(units)}".strip()
    power = int(np.floor(np.log10(largest)))
    scaled = f"{written(value / 10.0**power, digits)} ± {before}{number(error / 10.0**power, 2)}"
    return f"({scaled}) × 10{raised(power)} {pretty(units)}".strip()


def place_digits(cell, divisor):
    """Decimals of a place in cells of that size, metres, so that half a cell is told.

    Examples
    --------
    >>> place_digits(1000.0, 1000.0), place_digits(100.0, 1000.0), place_digits(25.0, 1.0)
    (1, 2, 0)
    """
    return max(0, int(np.ceil(np.log10(2 * divisor / cell) - 1e-9)))


def change(ratio):
    """A ratio to what was before as a signed percentage, nothing where only rounding differs.

    Examples
    --------
    >>> change(0.9123), change(1.0 + 1e-14)
    ('−8.8 %', '0 %')
    """
    return "0 %" if abs(ratio - 1) < 1e-6 else f"{signed(100 * (ratio - 1), 2)} %"


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


def span(values, units=""):
    """From the least to the largest of values, NaN left out."""
    return f"{number(float(np.nanmin(values)))} to {quantity(float(np.nanmax(values)), units)}"


def plain(name):
    """A name as words."""
    return str(name).replace("_", " ")


def interval_name():
    """Probability and kind of the intervals of the report."""
    return f"{PROBABILITY:.0%} equal-tailed interval".replace("%", " %")


def listing(items):
    """Items joined as in speech."""
    items = list(items)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def answer(fits, properties, gains, approximations, mesh, unmixed=None, ground=None, objected=()):
    """The answer: one paragraph, and the details behind it.

    Parameters
    ----------
    fits, properties, gains, approximations : list
        From `facts`.
    mesh : Mesh or None
        The mesh of the properties.
    unmixed : dict or None
        From `facts`: the figures that say that chains did not mix.
    ground : dict or None
        From `ground`: on what kind of it intervals were recalibrated.
    objected : set of str
        Surveys to which tests of agreement object.

    Returns
    -------
    lead : str
        What was found, how sure it is, and how far to trust it.
    details : list of str
        One statement each.
    """
    lead = [_warned(unmixed), _done(fits, properties)]
    lead += [_found(p) if p.gaussian is None else _interval_of(p, ground["name"]) for p in properties]
    if ground is not None:
        lead.append(ground["lead"])
    if any(p.peak_std is not None and p.gaussian is None for p in properties):
        lead.append("(± is one posterior standard deviation.)")
    lead += [_fitted(fits, objected), ground["gain"] if ground and ground["gain"] else _gained(gains, short=True),
             trust(approximations, fits, ground is not None, objected)]
    details = [] if mesh is None else [_mesh(mesh)]
    for p in properties:
        details += [_spread(p), _averaged(p), _learned(p)]
    details.append(_gained(gains))
    return " ".join(s for s in lead if s), [s for s in details if s]


def _warned(unmixed):
    """What comes before everything else where the draws are not the posterior's."""
    if unmixed is None:
        return ""
    u = unmixed
    return ("Do not use the numbers of this report: the Markov chains behind them did not mix. The largest R-hat is "
            f"{number(u['rhat'], 4)} ({u['slowest']}; at most {u['rhat_limit']} is asked), the smallest effective "
            f"sample size {number(u['ess'])} ({u['rarest']}; at least {u['ess_limit']}). Means, standard deviations "
            "and their stated errors may all be wrong; draw longer chains, or see the statement on the draws below.")


def capital(sentence):
    """A sentence with a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]


def _done(fits, properties):
    surveys = listing(f"{plain(f.name)} ({number(f.count)} data)" for f in fits) if fits else "no data"
    if not properties:
        return f"Inverted: {surveys}."
    verb = "were inverted together" if len(fits) > 1 else "was inverted"
    return capital(f"{surveys} {verb} for {listing(p.long_name for p in properties)}.")


def _mesh(mesh):
    nz, ny, nx = mesh.shape
    air = int((~mesh.active).sum())
    over = (f" {number(air)} of them are air, above the ground: they are no part of the model, nothing here counts "
            "them, and pictures leave them grey.") if air else ""
    return f"The mesh has {nz} × {ny} × {nx} = {number(nz * ny * nx)} cells (up, north, east).{over}"


def _fitted(fits, objected):
    known = [f for f in fits if f.judged[0] is not None]
    good = [f for f in known if f.verdict == "as expected"]
    sentences = []
    for names, said in (([plain(f.name) for f in good if f.name not in objected], "as prior and noise would have it."),
                        ([plain(f.name) for f in good if f.name in objected], "as expected by χ² alone; the tests of "
                         "agreement, which look closer, object to the prior, the noise or the data behind that.")):
        if names:
            sentences.append(f"{capital(listing(names))} {'fits' if len(names) == 1 else 'fit'} {said}")
    sentences += [f"{capital(plain(f.name))} fits {f.verdict} (χ²/m of {f.judged[3]} {number(f.judged[0])}, expected "
                  f"{between(*f.judged[1:3])})." for f in known if f.verdict != "as expected"]
    return " ".join(sentences)


def place(p):
    divisor, unit = p.scale
    digits = 2 if unit == "km" else 0
    along = place_digits(p.cell, divisor) if hasattr(p, "cell") else digits
    depth, east, north = (f"{fixed(p.place[k] / divisor, d)} {unit}"
                          for k, d in (("depth", digits), ("easting", along), ("northing", along)))
    return f"{depth} deep at easting {east}, northing {north}{'' if p.beneath else ' (outside the stations)'}"


def _found(p):
    if p.peak_std is None:
        return (f"The {p.long_name} that stands out most is {signed(p.peak)} {pretty(p.units)}, {place(p)}; the "
                "dataset holds no standard deviation, so this is one model and no answer to how sure it is.")
    value = within(p.peak, p.peak_std, p.units, sign=True)
    if abs(p.score) < 2:
        return (f"No single cell's {p.long_name} is more than two posterior standard deviations from its prior mean; "
                f"the clearest, {place(p)}, has {value}.")
    return f"The {p.long_name} that stands out most is {value}, {place(p)}."


def _interval_of(p, family):
    """What stands out most, its recalibrated interval first."""
    ends = [f"{signed(low)} to {signed(high)}" for low, high in (p.interval, p.gaussian)]
    found = f"{ends[0]} {pretty(p.units)}".rstrip()
    return (f"The {p.long_name} that stands out most in one cell, {place(p)}, is {found} (90 %, simulated worlds of "
            f"“{family}”); the Gaussian says {ends[1]} (90 %, stated prior).")


def _spread(p):
    if p.beyond is None:
        return ""
    if p.excluded is not None:
        return (f"{capital(p.long_name)}: in {percent(p.excluded)} of the cells the recalibrated 90 % interval "
                f"excludes zero; in the others zero is possible. {capital(percent(p.beyond))} lie more than two "
                "posterior standard deviations from their prior mean.")
    share = (f"{capital(percent(p.beyond))} of the cells lie more than two posterior standard deviations from their "
             "prior mean, each cell judged by itself.")
    if p.interval is None:
        return f"{capital(p.long_name)}: {share[0].lower()}{share[1:]}"
    low, high = p.interval
    units = f" {pretty(p.units)}".rstrip()
    return (f"{capital(p.long_name)} of the cell that stands out most: {interval_name()} {signed(low)} to "
            f"{signed(high)}{units} ({p.source}). {share}")


def _averaged(p):
    """The average that stands out most; that it is better known than a cell only where the numbers say so."""
    if p.box is None:
        return ""
    b = p.box
    found = (f"of the boxes of {b['cells']} cells, the one whose {p.long_name} stands out most has "
             f"{within(b['mean'], b['std'], p.units, sign=True)} (mean and standard deviation of {b['draws']} "
             f"draws; the latter is good to {percent(b['error'])})")
    if p.peak_std is not None and abs(b["score"]) * (1 - 2 * b["error"]) > abs(p.score):
        return f"Averages are better known than cells: {found}."
    return f"Averages: {found}."


def _learned(p):
    if p.top_ratio is None:
        return ""
    if p.reach == 0.0:
        return (f"{capital(p.long_name)}: in no layer do the data bring the median standard deviation below "
                f"{percent(UNINFORMED)} of the prior's; the model shown is mostly the prior.")
    name, limit = capital(p.long_name), f"{percent(UNINFORMED)} of the prior's standard deviation"
    top = "" if np.isnan(p.top_ratio) else f"in the top layer the data leave {percent(p.top_ratio)}, "
    if p.whole:
        return f"{name}, median cell: {top}down to the bottom of the mesh less than {limit}."
    depth = f"{p.reach / p.scale[0]:.4g} {p.scale[1]}"
    return (f"{name}, median cell: {top}below {depth} more than {limit} in every layer, so there the picture is the "
            "prior's.")


def _gained(gains, short=False):
    parts = []
    for g in gains:
        size = change(g["middle"])
        spread = "" if short else f"; ratio {g['low']:.3f} in the 5th, {g['high']:.3f} in the 95th percentile of cells"
        parts.append(f"{size} for {g['long_name']} (against {plain(g['label'])}{spread})")
    return f"Joint inversion changed the median cell's standard deviation by {listing(parts)}." if parts else ""


def trust(approximations, fits=(), checked=False, objected=()):
    """What the numbers are worth: what is approximate, and what the fit says of the assumptions.

    Where intervals were `checked` on simulated ground, that they are exact for a prior is not said again.
    """
    doubted = [plain(f.name) for f in fits if f.verdict not in UNDOUBTED]
    doubt = (f"The fit of {listing(doubted)} says that prior or noise is not as stated, so the standard "
             "deviations, which rest on both, may be off.") if doubted else ""
    if objected and not doubted:
        doubt = "Tests object, so the standard deviations, which rest on prior, noise and data as stated, may be off."
    stated = "" if checked and approximations and all(a["status"] == "exact" for a in approximations) else (
        _stated(approximations))
    return f"{doubt} {stated}".strip()


def _stated(approximations):
    if not approximations:
        return ("The dataset does not say what is approximate in it: treat its numbers as not validated until it does.")
    unknown = [a["name"] for a in approximations if a["status"] == "not validated"]
    sized = [a["name"] for a in approximations if a["status"] in ("measured", "bounded")]
    if unknown:
        return (f"Approximate, not validated: {listing(unknown)}. Nobody has measured how wrong that is on this "
                "problem; do not rest a decision on those numbers alone.")
    if sized:
        return (f"Approximate, with errors given below: {listing(sized)}. All else that the dataset states is exact up "
                "to rounding.")
    return ("The posterior numbers are exact up to rounding for the prior, the noise and the physics as stated; that "
            "says nothing of whether those are right.")
