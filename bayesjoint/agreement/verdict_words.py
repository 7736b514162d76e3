"""Words of a verdict: what objects and whose fault it may be, what is excluded, and what was not looked for."""

import numpy as np

FORMS = ("offset", "tilt", "gain", "row levels", "column levels")  # causes by name
RESIDUALS = ("places", "wavelengths")  # say where, and not whose: a difference of two surveys is of both
FLOOR = 1e-300  # p-values below which nothing is told from 0
BLAME = 6.0  # difference of χ² between two explanations from which the better one is named alone: odds of 20


def objection(alarms, adjusted, tests=()):
    """The alarm that says most, its p-value, and how many there are.

    Parameters
    ----------
    alarms : list of AgreementTest
    adjusted : dict of {id of a test: float}
    tests : sequence of AgreementTest
        All of the pair, among which another survey may have as good an explanation; none of a survey by itself.

    Returns
    -------
    str
    """
    best = best_of(alarms)
    count = f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"
    other = rival(best, tests)
    if form_of(best) in RESIDUALS and best.effect:
        value, std = largest(best)
        words = f"{best.effect['what']} of {abs(value):.3g} ± {std:.2g} {best.effect['units']}"
        words += f" between {' and '.join(sorted(best.surveys))}; a residual does not say whose" if tests else ""
    elif other is None:
        words = with_effect(best)
    elif form_of(other) == form_of(best):
        words = _between(best)
    else:
        words = f"{with_effect(best)}, or as well {with_effect(other)}; the data cannot say which"
    return f"{words}, adjusted p {_tail(adjusted[id(best)])} ({count})"


def best_of(alarms):
    """The test of the smallest p-value; of those that are all 0, the one that names a form."""
    alarms = [t for t in alarms if t.effect] or alarms
    least = min(t.p_value for t in alarms)
    floor = [t for t in alarms if t.p_value <= max(least, FLOOR)]
    return min(floor, key=lambda t: (FORMS.index(form_of(t)) if form_of(t) in FORMS else len(FORMS), -t.statistic))


def rival(best, tests):
    """The test of another survey that explains the data nearly as well as `best`, which names a form; or None.

    Twice the difference of their log-likelihoods is that of the χ² of the same form, or of squared equivalent sigmas,
    which count degrees of freedom alike, of two forms. At even odds beforehand a difference of 6 leaves the worse
    explanation a chance of 1 / (1 + exp 3) = 5 %.
    """
    if form_of(best) not in FORMS:
        return None
    others = [t for t in tests if form_of(t) in FORMS and t.surveys[0] != best.surveys[0] and t.p_value == t.p_value
              and set(t.surveys) == set(best.surveys)]
    near = [t for t in others if _lead(best, t) < BLAME]
    return min(near, key=lambda t: (form_of(t) != form_of(best), t.p_value), default=None)


def _lead(best, other):
    if form_of(best) == form_of(other):
        return best.statistic - other.statistic
    return np.inf if best.p_value < FLOOR else best.sigma**2 - other.sigma**2


def form_of(test):
    """As in "tilt" of "tilt of air"."""
    return test.name.partition(" of ")[0]


def largest(test):
    """(value, std) of the largest effect of a test."""
    value, std = np.atleast_1d(test.effect["value"]), np.atleast_1d(test.effect["std"])
    best = int(np.nanargmax(np.abs(value))) if np.isfinite(value).any() else 0
    return value[best], std[best]


def _between(test):
    value, std = largest(test)
    return (f"{_thing(form_of(test))} between {' and '.join(sorted(test.surveys))} of {abs(value):.3g} ± {std:.2g} "
            f"{test.effect['units']}; the data cannot say whose")


def with_effect(test):
    """A test's name and the size of its largest effect."""
    if not test.effect:
        return test.name
    if " too " in test.effect["what"]:
        return f"the {seems(test.effect)}"
    value, std = largest(test)
    rms = "with an rms of " if form_of(test).endswith("levels") else ""
    return f"{test.name} {rms}{value:.3g} ± {std:.2g} {test.effect['units']}"


def told(test):
    """A test of a survey's own model as a sentence."""
    return f"The {seems(test.effect)} (p {_tail(test.p_value)})."


def _tail(p):
    return f"under {FLOOR:.0e}" if p < FLOOR else f"= {p:.1g}"


def seems(effect):
    """As in "prior std behind ground seems 25 ± 4 % too small"."""
    what, _, way = effect["what"].removesuffix(" by").rpartition(" too ")
    what = what.removeprefix("no misfit seen: ")
    return f"{what} seems {effect['value']:.0f} ± {effect['std']:.0f} % too {way}"


def unexcluded(tables):
    """What that would matter could not be excluded, or ""."""
    rows = [row for table in tables for row in _rows(table) if not row["modelled"]]
    left = [row for row in rows if not row["excluded"]]
    if not left:
        return ""
    worst = max(left, key=lambda row: row["bound"] / row["margin"])
    size = f"of up to {worst['bound']:.2g} {worst['units']}" if np.isfinite(worst["bound"]) else "of any size"
    return (f"{_thing(worst['name'])} {size} could not be excluded ({len(left)} of {len(rows)} disturbances that would "
            "matter)")


def excluded(tables):
    """What of all that was tried and would matter is excluded."""
    rows = [row for table in tables for row in _rows(table) if not row["modelled"]]
    if not rows:
        return "biases hold every disturbance that was tried"
    loosest = max(rows, key=lambda row: row["bound"] / row["margin"])
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    said = [word for kind, word in (("offset", "offset"), ("tilt", "tilt"), ("gain", "gain"),
                                    ("patch", "patch at the places tried")) if kind in kinds]
    words = f"every {', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else f"every {said[0]}"
    lines = [kind for kind in kinds if kind.endswith("levels")]
    words += f" and independent {' and '.join(lines)}" if lines else ""
    return (f"{words} that would matter are excluded, the loosest {_thing(loosest['name'])} of more than "
            f"{loosest['bound']:.2g} {loosest['units']}")


def untried(tables):
    """Sentences on what the sizes of patches and levels mean, and on what was not looked for."""
    said, named, lined = [], {}, set()
    for table in tables:
        for row in _rows(table):
            named.setdefault(row["survey"], None)
            if row["modelled"]:
                said.append(f"{_thing(row['name']).capitalize()} is part of the model, as a bias holds it, and is not "
                            "counted among what must be excluded.")
            if row["kind"] == "patch":
                said.append(f"Patch of {row['survey']}: {row['words']}.")
            if row["kind"].endswith("levels"):
                lined.add(row["survey"])
    without = [name for name in named if name not in lined]
    if without:
        said.append(f"Levels of flight lines of {' and '.join(without)} were not tried, as its stations are on no "
                    "lattice: nuisance_test takes labels of lines.")
    return tuple(dict.fromkeys(said))


def _rows(table):
    for k, name in enumerate(table.disturbance.values):
        form = str(table.form.values[k])
        bound = float(table.bound.values[k])
        yield {"name": str(name), "survey": str(table.survey.values[k]), "words": str(table.words.values[k]),
               "kind": form if form.endswith("levels") else form.split()[0], "units": str(table.size_units.values[k]),
               "excluded": bool(table.excluded.values[k]), "modelled": bool(table.modelled.values[k]),
               "margin": float(table.margin.values[k]),
               "bound": np.inf if np.isnan(bound) else bound}


def _thing(name):
    """With its article."""
    if " levels" in name:
        return f"an rms of {name}"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
