"""Words of tests of agreement and of verdicts, made from their fields: names, notes, effects and sentences."""

import numpy as np
from scipy.stats import norm

REST = "the rest"  # all surveys but one
FORMS = ("offset", "tilt", "gain", "row levels", "column levels", "line levels")  # causes by name
LEVELS = FORMS[3:]
RESIDUALS = ("places", "wavelengths")  # say where, and not whose: a difference of two surveys is of both
OWN = {"prior": "prior std behind", "noise": "noise std of"}  # of one survey by itself
FLOOR = 1e-300  # p-values below which nothing is told from 0
BLAME = 6.0  # difference of χ² between two explanations from which the better one is named alone: odds of 20
LITTLE = 3.0  # nats that surveys of different properties share: below it no odds above 20 are to be expected
VAGUE = 2.0  # standard deviation of the logarithm of a std from which its interval, a factor of 50, says nothing
SLIP = 0.01  # of the noise std, whose effect on a node split is told
UNTESTABLE = "untestable without a prior: there is nothing that both surveys see"
CONFOUNDED = "untestable: model and other flat values explain every column of it"
NO_LEVEL = "untestable: model and other flat values explain every level"
NO_GAIN = "untestable: the data tell nothing of a gain"
ALIKE = "untestable: signal and noise look alike in this survey"
ALONE = "of this survey alone: no conflict between surveys"
NO_OFFSET = "it does not see an offset"
RAN_OFF = "at the joint fit, whose parameters ran off, there is nothing that both surveys see; try null='bootstrap'"
UNSEEN = "nothing of any size"
LIMIT = "parameters running off: what Φ falls to counts, which moves Λ by up to some"


# -- one test ---
def name_of(form, target, source=""):
    """Name of a test: of its form, what it is about, and of a node split what predicts that."""
    if form == "node split":
        return f"node split {source} -> {target}"
    return form if target is None else f"{OWN.get(form, f'{form} of')} {target}"


def one_line(test):
    """A test in one line."""
    against = f" against {', '.join(test.surveys[1:])}" if len(test.surveys) > 1 else ""
    head = f"{test.name}, {test.surveys[0]}{against}: "
    if not test.testable:
        return f"{head}no p-value ({test.note})"
    error = f" ± {test.p_value_error:.1g}" if test.p_value_error else ""
    known = f" ± {test.statistic_error:.1g}" if test.statistic_error > 1e-4 * abs(test.statistic) else ""
    p = f"= {test.p_value:.2g}" if test.p_value >= FLOOR else tail_words(test.log_p)
    text = (f"{head}statistic {test.statistic:.4g}{known}, p {p}{error} ({test.sigma:.2f} σ; "
            f"{test.null})")
    return "; ".join(filter(None, (text, effect_words(test.effect), seen_words(test.detectable))))


def chi2_null(dof, how="exact"):
    """Null of a χ²."""
    return f"χ² with {dof} degree{'' if dof == 1 else 's'} of freedom, {how}"


def largest(effect):
    """(value, std) of the largest of an effect's values."""
    value, std = np.ravel(effect["value"]), np.ravel(effect["std"])
    best = int(np.nanargmax(np.abs(value))) if np.isfinite(value).any() else 0
    return value[best], std[best]


def effect_words(effect):
    """An effect with its size; of several values the largest."""
    if not effect:
        return ""
    if "factor" in effect:
        return f"{effect['what']}: {asked_words(effect)}"
    if effect["what"] == "gain":
        return f"gain: {times_words(effect)}"
    count, (value, std) = np.size(effect["value"]), largest(effect)
    told = f"{value:.3g} ± {std:.2g}{unit_words(effect['units'])}"
    if count == 1:
        return f"{effect['what']} {told}"
    return f"{effect['what']}: {count} values, {'none of which can be told' if np.isnan(value) else f'largest {told}'}"


def seen_words(found):
    """What a test by itself would have seen, with its power."""
    return "" if not found else (f"would have seen {seen_size(found)} in {found['power']:.0%} of cases at level "
                                 f"{found['level']:.0%}")


def seen_size(found):
    """What a test by itself would have seen: the size alone."""
    return f"{found['what']} of {_seen(found, 'size')}" if found else ""


def _seen(found, key):
    """A size that is seen; of a std, as large as it would have to be and as stated; in words where it says nothing."""
    size, reach = found[key], found.get("reach", np.inf)
    if size > reach:
        return f"more than {reach:.3g}{unit_words(found['units'])}, larger than any datum"
    if "stated" in found:
        units = unit_words(found["stated_units"])
        return f"{found['stated'] * (1 + 0.01 * size):.3g}{units} where {found['stated']:.3g} is stated"
    return f"{size:.3g}{unit_words(found['units'])}"


def unit_words(units):
    """Units after a number; a number by itself has none."""
    return "" if units == "1" else f" {units}"


def suite_words(found):
    """What a test would have seen within its suite, with its power."""
    if not found:
        return ""
    if not np.isfinite(found["suite_size"]):
        return f"{UNSEEN}, at {found['suite_level']:.2g} (Bonferroni)"
    return (f"{found['what']} of {suite_size(found)} in {found['power']:.0%} of cases or more, "
            f"at {found['suite_level']:.2g} (Bonferroni)")


def suite_size(found):
    """The size that a test would have seen within its suite."""
    if not found:
        return ""
    return _seen(found, "suite_size") if np.isfinite(found["suite_size"]) else UNSEEN


def misfit(form, target, direction, seen):
    """What the effect of a test of a survey's own model is."""
    return f"{name_of(form, target)} {direction}" if seen else f"no misfit seen in {name_of(form, target)}"


def shared_note(excess, information, doubt, strongest):
    """Note of a likelihood ratio: what the two surveys share."""
    if excess:
        return (f"{excess} direction(s) that both surveys see have no prior: the statistic is Λ of these plus "
                "what depends on the data in −2 log R of the rest")
    known = f" ± {doubt:.2g}" if doubt else ""
    tells = f"surveys share {information:.3g}{known} nats under the prior"
    if information < 1.0:
        return f"{tells}, their closest combinations correlated by {strongest:.2g}: little to disagree on"
    return tells


def slip_note(dof):
    """Note of a node split: what its statistic is worth when the noise is known to a per cent only."""
    shift = dof * (1.0 - 1.0 / (1.0 + SLIP) ** 2) / np.sqrt(2.0 * dof)
    text = (f"a noise std {SLIP:.0%} larger than stated would alone move it by up to {shift:.2g} standard deviations"
            if shift < 1.0 else
            f"beware: noise std {SLIP:.0%} larger than stated would alone move it by up to {shift:.2g} standard "
            f"deviations (p = {norm.sf(shift):.1g} without any conflict); estimate the noise before you believe it")
    return f"{text}; a wrong prior moves it too"


def columns_note(count):
    """Note of a nuisance of which `count` directions cannot be told."""
    return "" if not count else (f"{count} direction(s) of the columns cannot be told from the model's flat values or "
                                 "from each other")


def gain_note(alone, gaussian, floor):
    """Note of a gain: of one survey alone, of a score taken as Gaussian, of a p-value extrapolated below `floor`."""
    return "; ".join(filter(None, ("one survey alone: a gain looks like a wrong prior std" if alone else "",
                                   "the score is taken as Gaussian" if gaussian else "",
                                   f"p below {floor:.2g} is extrapolated: raise draws" if floor else "")))


def article(name, form):
    """A disturbance or an effect with its article."""
    if form in LEVELS:
        return f"an rms of {name}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def against_words(given):
    """The surveys that a residual is held against."""
    return " and ".join(given) or "its own model"


# -- what objects, and whose fault it may be ---
def best_of(alarms):
    """The test of the smallest p-value; of those that are alike, the one that names a form."""
    return min([t for t in alarms if t.effect] or alarms, key=lambda t: (
        t.log_p, FORMS.index(t.form) if t.form in FORMS else len(FORMS), -t.statistic))


def rival(best, tests):
    """The test of another survey that explains the data nearly as well as `best`, which names a form; or None.

    Twice the difference of their log-likelihoods is that of the χ² of the same form, or of squared equivalent sigmas,
    which count degrees of freedom alike, of two forms. At even odds beforehand a difference of 6 leaves the worse
    explanation a chance of 1 / (1 + exp 3) = 5 %.
    """
    if best.form not in FORMS:
        return None

    def lead(other):
        return (best.statistic - other.statistic if best.form == other.form else best.sigma**2 - other.sigma**2)

    near = [t for t in tests if t.form in FORMS and t.target != best.target and t.testable
            and set(t.surveys) == set(best.surveys) and lead(t) < BLAME]
    return min(near, key=lambda t: (t.form != best.form, t.log_p), default=None)


def objection(alarms, tests=()):
    """The alarm that says most, its adjusted p-value, and how many there are.

    Parameters
    ----------
    alarms : list of AgreementTest
    tests : sequence of AgreementTest
        All of the pair, among which another survey may have as good an explanation; none of a survey by itself.

    Returns
    -------
    str
    """
    best = best_of(alarms)
    other, between = rival(best, tests), f"between {' and '.join(sorted(best.surveys))}"
    if best.form in RESIDUALS and best.effect:
        said = f"{best.effect['what']} of {_size(best)}" + (
            f" {between}; a residual does not say whose" if tests else "")
    elif other is None:
        said = with_effect(best)
    elif other.form == best.form:
        said = f"{article(best.form, best.form)} {between} of {_size(best)}; the data cannot say whose"
    else:
        said = f"{with_effect(best)}, or as well {with_effect(other)}; the data cannot say which"
    return f"{said}, adjusted p {tail_words(best.log_p_adjusted)} ({_all_of(alarms, best, tests)})"


def _all_of(alarms, best, tests):
    """How many object, and by name what the best one does not explain: of other surveys, and of wavelengths.

    A cause with a name between two surveys, such as an offset, explains what else alarms.
    """
    named, targets, forms = [], {best.target}, {best.form}
    left = [t for t in alarms if t.form in RESIDUALS + FORMS and t.effect and (best.form in RESIDUALS or not tests)]
    for test in sorted(left, key=lambda t: t.log_p_adjusted):
        if test.target not in targets or (test.form == "wavelengths" and test.form not in forms):
            targets.add(test.target)
            forms.add(test.form)
            named.append(f"{_other(test)}, adjusted p {tail_words(test.log_p_adjusted)}")
    return count_words(alarms) + f", among them {'; '.join(named)}" * bool(named)


def _other(test):
    """A test that is named beside another one."""
    if test.form in RESIDUALS and test.effect:
        return f"{test.name}: {test.effect['what']} of {_size(test)}"
    return with_effect(test)


def with_effect(test):
    """A test's name and the size of its largest effect."""
    if not test.effect:
        return test.name
    if test.form in OWN:
        return f"the {seems(test)}"
    if test.form == "gain":
        return f"{test.name}, {times_words(test.effect)}"
    value, std = largest(test.effect)
    rms = "with an rms of " if test.form in LEVELS else ""
    return f"{test.name} {rms}{value:.3g} ± {std:.2g}{unit_words(test.effect['units'])}"


def times_words(effect):
    """A gain by what the signal is multiplied with."""
    value, std = 1.0 + 0.01 * effect["value"], 0.01 * effect["std"]
    return f"signal {value:.3g} ± {std:.2g} times what is stated"


def _size(test):
    value, std = largest(test.effect)
    if test.form == "gain":
        return f"{abs(value) / 100:.2g} ± {std / 100:.2g} of the stated signal"
    return f"{abs(value):.3g} ± {std:.2g}{unit_words(test.effect['units'])}"


def count_words(alarms):
    return f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"


def tail_words(log_p):
    """A p-value from its logarithm."""
    if log_p >= np.log(FLOOR):
        return f"= {np.exp(log_p):.1g}"
    tens = int(np.floor(log_p / np.log(10)))
    first = round(np.exp(log_p - tens * np.log(10)))
    return f"= {first if first < 10 else 1}e{tens if first < 10 else tens + 1}"


def seems(test):
    """As in "noise std of air seems too large (0.3 mGal stated, 0.002 asked for, 95 %: 0.0018 to 0.0022)"."""
    return f"{test.name} seems {test.direction} ({asked_words(test.effect)})"


def asked_words(effect):
    """A std as stated and as a survey asks for it."""
    known = "stated" in effect
    units = effect["stated_units"] if known else "1"
    stated, asked = (effect["stated"], effect["asked"]) if known else (1.0, effect["factor"])
    said = f"{stated:.3g}{unit_words(units)} stated, {asked:.2g} asked for"
    if effect["log_std"] > VAGUE:
        return f"{said}, which is next to unknown"
    spread = float(np.exp(norm.isf(0.025) * effect["log_std"]))
    return f"{said}, 95 %: {asked / spread:.2g} to {asked * spread:.2g}"


def all_seem(tests):
    """What several surveys ask for by themselves."""
    return " and ".join(f"the {seems(t)}" for t in tests)


def told(tests):
    """A sentence on each test of a survey's own model."""
    return [f"The {seems(t)}, p {tail_words(t.log_p)}." for t in tests if t.effect]


def listed(alarms):
    """A sentence on each pair: which tests object."""
    return [f"Between {' and '.join(pair)} {'these tests object' if len(each) > 1 else 'one test objects'}: "
            f"{', '.join(t.name for t in each)}." for pair, each in alarms.items() if each]


# -- places and wavelengths ---
def range_words(long, short):
    """A range of wavelengths, km; the longest may be NaN."""
    return f"above {short:.3g} km" if np.isnan(long) else f"between {short:.3g} and {long:.3g} km"


def disc_words(radius):
    """The size of a patch."""
    return f"of {radius:.3g} m radius" if radius > 0 else "of one station"


def place_words(found, at):
    """Where a station of a map is, as far as the map of `local_conflict` knows."""
    said, dims = [], found.anomaly.dims[1:]
    for direction in ("easting", "northing"):
        name = f"{found.attrs['survey']}_{direction}"
        if name in found.coords:
            said.append(f"{direction} {found[name].values[at[dims.index(found[name].dims[0])]]:.0f} m")
    return f" at {', '.join(said)}" if said else ""
