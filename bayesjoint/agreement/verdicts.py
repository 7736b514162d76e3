"""From p-values to one honest sentence: disagree, agree, or cannot say."""

from dataclasses import dataclass

import numpy as np

CLEAR = 2.0  # standard deviations by which two surveys must differ about one prior for it to be a survey's own fault
FORMS = ("offset", "tilt", "gain")  # causes by name; places and wavelengths say only where
TIE = 1e-6  # relative difference of p-values and statistics that rounding and solves leave
FLOOR = 1e-300  # p-values below which nothing is told from 0
NOISE_ONLY = ("node split", "wavelengths of", "places of")  # tests that noise larger than stated alarms


@dataclass(frozen=True)
class Judgement:
    """A verdict: its kind, the sentence, what lies behind it, and which tests remedies should answer."""

    kind: str
    sentence: str
    details: tuple
    blame: tuple


def judge(problem, own, made, adjusted, level, again):
    """`Judgement` of all tests.

    Parameters
    ----------
    problem : JointProblem
    own : dict of {survey: (AgreementTest, AgreementTest)}
        Of its prior and of its noise.
    made : dict of {(str, str): PairTests}
    adjusted : dict of {id of a test: float}
        Holm-adjusted p-values.
    level : float
    again : callable
        ``again(tests)``: {pair: PairTests} under a prior as wide or as narrow as the surveys of these tests ask for,
        and adjusted p-values; None if no prior can be changed.

    Returns
    -------
    Judgement
    """
    tied = {pair: each for pair, each in made.items() if _ties(each)}
    if len(tied) == len(made):
        return _judge(problem, own, made, adjusted, level, again)
    apart = _untied({pair: each for pair, each in made.items() if pair not in tied}, own, adjusted, level)
    if not tied:
        return apart
    found = _judge(problem, own, tied, adjusted, level, again)
    kind = "disagree" if found.kind == "disagree" else "cannot say"
    blame = found.blame + tuple(t for t in apart.blame if not any(t is other for other in found.blame))
    return Judgement(kind, f"{found.sentence} {apart.sentence}", tuple(dict.fromkeys(found.details + apart.details)),
                     blame)


def _ties(each):
    """Whether anything ties two surveys: else their likelihood ratio has no distribution."""
    return not np.isnan(each.tests[0].p_value)


def _untied(made, own, adjusted, level):
    """Surveys that share nothing: what alarms is a misfit of one of them."""
    pairs = ", ".join(" and ".join(pair) for pair in made)
    nothing = f"Nothing ties {pairs}: there is nothing to agree or disagree on"
    alone = [t for both in own.values() for t in both if adjusted[id(t)] <= level]
    loud = {pair: [t for t in each.tests if adjusted[id(t)] <= level] for pair, each in made.items()}
    details = [_told(t) for t in alone if t.effect]
    details += [f"{' and '.join(pair)}: {'; '.join(t.name for t in each)}." for pair, each in loud.items() if each]
    surveys = {}
    for test in (t for each in loud.values() for t in each):
        surveys.setdefault(_held(test), []).append(test)
    for test in alone:
        surveys.setdefault(test.surveys[0], [test])
    blame = tuple(t for each in loud.values() for t in each) + tuple(alone)
    if surveys:
        said = "; ".join(f"{name} misfits its own prior and noise: {_objection(each, adjusted)}"
                         for name, each in surveys.items())
        return Judgement("cannot say", f"{nothing}; but {said}.", tuple(details), blame)
    tested = any(np.isfinite(t.p_value) for each in made.values() for t in each.tests)
    held = "; each was held against its own prior only" if tested else ""
    return Judgement("cannot say", f"{nothing}{held}.", tuple(details), ())


def _held(test):
    """The survey that a test of a pair holds against all else."""
    return test.surveys[-1] if test.name.startswith("node split") else test.surveys[0]


def _judge(problem, own, made, adjusted, level, again):
    """`judge` of pairs that something ties."""
    prior, noise, faults = _misfits(problem, own, adjusted, level)
    loud = {pair: each for pair, each in _alarms(made, adjusted, level).items() if each}
    details = [_told(t) for t in (*prior, *noise, *faults)]
    details += [f"{' and '.join(pair)}: {'; '.join(t.name for t in each)}." for pair, each in loud.items()]
    if prior:
        left, mended = _left(again, prior, loud, adjusted, level) if loud else ({}, False)
        seems = f"the {_seems(prior[0].effect)}, and no other survey that sees it denies that"
        if left:
            details.append(f"Also, {seems}: it was {'' if mended else 'not '}mended for the verdict.")
            said = [_sentence(problem, pair, *found) for pair, found in left.items()]
            return Judgement("disagree", f"{'; '.join(said)}.", tuple(details), _blamed(loud, (*prior, *noise)))
        names = sorted({t.name for each in loud.values() for t in each})
        rest = f" Tests that alarm too, and fall silent when it is mended: {', '.join(names)}." if names else ""
        return Judgement("cannot say", f"Cannot say whether the surveys agree: {seems}; mend the prior and test again."
                         f"{rest}", tuple(details), tuple(prior))
    if loud and noise and all(t.name.startswith(NOISE_ONLY) for each in loud.values() for t in each):
        return Judgement("cannot say", f"Cannot say whether the surveys agree: the {_seems(noise[0].effect)}, which "
                         "explains every alarm; mend the noise and test again.", tuple(details), tuple(noise))
    if loud:
        said = "; ".join(_all_said(problem, loud, adjusted))
        return Judgement("disagree", f"{said}.", tuple(details), _blamed(loud, noise))
    if noise or faults:
        return Judgement("cannot say", f"No test objects to the pairs, but the {_seems((noise + faults)[0].effect)}: "
                         "mend that and test again.", tuple(details), tuple(noise + faults))
    return _silence(made, details)


def _left(again, prior, loud, adjusted, level):
    """{pair: (alarms, adjusted p-values)} that stay when the prior is mended, and whether it could be."""
    anew = again(prior)
    if anew is None:
        return {pair: (each, adjusted) for pair, each in loud.items()}, False
    made, adjusted = anew
    return {pair: (each, adjusted) for pair, each in _alarms(made, adjusted, level).items() if each}, True


def _alarms(made, adjusted, level):
    return {pair: [t for t in each.tests if adjusted[id(t)] <= level] for pair, each in made.items() if _ties(each)}


def _all_said(problem, loud, adjusted):
    return [_sentence(problem, pair, each, adjusted) for pair, each in loud.items()]


def _blamed(loud, others):
    return tuple(t for each in loud.values() for t in each) + tuple(others)


def _misfits(problem, own, adjusted, level):
    """(priors that are wrong for all that see them, noise, priors that are wrong for one survey only)."""
    sees = {m.name: set(m.parameters) for m in problem.modalities}
    prior, noise, faults = [], [], []
    for survey, (its_prior, its_noise) in own.items():
        if adjusted[id(its_noise)] <= level:
            noise.append(its_noise)
        if adjusted[id(its_prior)] <= level:
            others = [own[name][0] for name in own if name != survey and sees[name] & sees[survey]]
            (faults if any(_denies(other, its_prior) for other in others) else prior).append(its_prior)
    return prior, noise, faults


def _denies(other, alarm):
    """Whether another survey of the same property finds its prior as stated where this one does not."""
    if not other.effect:
        return False
    off, mine = (np.array([np.log(t.effect["factor"]), t.effect["log_std"]]) for t in (other, alarm))
    within = abs(off[0]) <= CLEAR * off[1]
    return bool(within and abs(mine[0] - off[0]) > CLEAR * np.hypot(mine[1], off[1]))


def _silence(made, details):
    """No alarm: agree, if what matters is excluded."""
    left, largest = [], []
    for each in made.values():
        table = each.detectability
        for k, name in enumerate(table.disturbance.values):
            bound = float(np.abs(table.estimate.values[k]) + 1.645 * table.estimate_error.values[k])
            (largest if table.excluded.values[k] else left).append((bound / float(table.margin.values[k]), bound, name,
                                                                    str(table.size_units.values[k])))
    if left:
        _, bound, name, units = max(left)
        return Judgement("cannot say", f"No test objects, but silence is not agreement: {_article(name)} of up to "
                         f"{bound:.2g} {units} could not be excluded ({len(left)} of {len(left) + len(largest)} "
                         "disturbances that would matter).", tuple(details), ())
    _, bound, name, units = max(largest)
    return Judgement("agree", "The surveys agree: no test objects, and every disturbance that would matter is "
                     f"excluded, the loosest {_article(name)} of more than {bound:.2g} {units}.", tuple(details), ())


def coupling_at_fault(problem, pair, alarms):
    """The likelihood ratio of a pair, if it alarms most and a coupling alone ties the two; else None.

    Between two properties it sees a wrong coupling and next to nothing else.
    """
    one, other = ({*next(m for m in problem.modalities if m.name == name).parameters} for name in pair)
    ratio = next((t for t in alarms if t.name == "likelihood ratio"), None)
    tied = not one & other and any(hasattr(c, "joint_covariance") for c in problem.couplings)
    return ratio if tied and ratio and all(ratio.p_value < t.p_value for t in alarms if t is not ratio) else None


def _sentence(problem, pair, alarms, adjusted):
    ratio = coupling_at_fault(problem, pair, alarms)
    if ratio:
        count = f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"
        return (f"{' and '.join(pair)} disagree under the stated coupling, which is what to blame: likelihood ratio, "
                f"adjusted p = {adjusted[id(ratio)]:.1g} ({count})")
    return f"{' and '.join(pair)} disagree: {_objection(alarms, adjusted)}"


def _objection(alarms, adjusted):
    """The alarm that says most, its p-value, and how many there are."""
    best, mirrored = _best(alarms)
    count = f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"
    words = _between(best) if mirrored else _with_effect(best)
    return f"{words}, adjusted p = {adjusted[id(best)]:.1g} ({count})"


def _best(alarms):
    """The test of the smallest p-value, and whether it may as well be the other survey's.

    Of tests whose p-values tie, or are all as small as they can be, the one that names a form.
    """
    alarms = [t for t in alarms if t.effect] or alarms
    least = min(t.p_value for t in alarms)
    floor = [t for t in alarms if t.p_value < FLOOR or "p can be no smaller" in t.note]
    if not any(t.p_value == least for t in floor):
        floor = [t for t in alarms if t.p_value <= least * (1 + TIE)]
    best = min(floor, key=lambda t: (FORMS.index(_form(t)) if _form(t) in FORMS else len(FORMS), -t.statistic))
    return best, any(_mirrors(best, other) for other in floor if other is not best)


def _form(test):
    return test.name.partition(" of ")[0]


def _mirrors(one, other):
    """Whether two tests say the same of one survey and of the other."""
    same = _form(one) == _form(other) and _form(one) in FORMS and set(one.surveys) == set(other.surveys)
    return same and np.isclose(one.statistic, other.statistic, rtol=TIE) and np.shape(one.effect["value"]) == np.shape(
        other.effect["value"]) and np.allclose(np.abs(one.effect["value"]), np.abs(other.effect["value"]), rtol=TIE)


def _largest(test):
    """(value, std) of the largest effect of a test."""
    value, std = np.atleast_1d(test.effect["value"]), np.atleast_1d(test.effect["std"])
    best = int(np.nanargmax(np.abs(value))) if np.isfinite(value).any() else 0
    return value[best], std[best]


def _between(test):
    value, std = _largest(test)
    return (f"{_article(_form(test))} between {' and '.join(sorted(test.surveys))} of {abs(value):.3g} ± {std:.2g} "
            f"{test.effect['units']}; the data cannot say whose")


def _with_effect(test):
    """A test's name and the size of its largest effect."""
    if not test.effect:
        return test.name
    value, std = _largest(test)
    return f"{test.name} {value:.3g} ± {std:.2g} {test.effect['units']}"


def _told(test):
    return f"The {_seems(test.effect)} (p = {test.p_value:.1g})."


def _seems(effect):
    """As in "prior std behind ground seems 25 ± 4 % too small"."""
    what, _, way = effect["what"].removesuffix(" by").rpartition(" too ")
    return f"{what} seems {effect['value']:.0f} ± {effect['std']:.0f} % too {way}"


def _article(name):
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
