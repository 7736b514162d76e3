"""From p-values to one honest sentence: disagree, agree, or cannot say."""

from dataclasses import dataclass

import numpy as np

CLEAR = 2.0  # standard deviations by which two surveys must differ about one prior for it to be a survey's own fault
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
    return {pair: [t for t in each.tests if adjusted[id(t)] <= level] for pair, each in made.items()}


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
    off, mine = other.effect, alarm.effect
    within = abs(off["value"]) <= CLEAR * off["std"]
    return within and abs(mine["value"] - off["value"]) > CLEAR * np.hypot(mine["std"], off["std"])


def _silence(made, details):
    """No alarm: agree, if what matters is excluded."""
    left, largest = [], []
    for each in made.values():
        table = each.detectability
        for k, name in enumerate(table.disturbance.values):
            bound = float(np.abs(table.estimate.values[k]) + 1.645 * table.estimate_error.values[k])
            (largest if table.excluded.values[k] else left).append((bound / float(table.margin.values[k]), bound, name,
                                                                    str(table.size_units.values[k])))
    untested = [" and ".join(pair) for pair, each in made.items() if all(np.isnan(t.p_value) for t in each.tests[:3])]
    if untested:
        return Judgement("cannot say", f"Cannot say whether {', '.join(untested)} agree: there is nothing that both "
                         "see or that a coupling ties.", tuple(details), ())
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
    best = min([t for t in alarms if t.effect] or alarms, key=lambda t: (t.p_value, -t.statistic))
    p = f"adjusted p = {adjusted[id(best)]:.1g}"
    count = f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"
    return f"{' and '.join(pair)} disagree: {_with_effect(best)}, {p} ({count})"


def _with_effect(test):
    """A test's name and the size of its largest effect."""
    if not test.effect:
        return test.name
    value, std = np.atleast_1d(test.effect["value"]), np.atleast_1d(test.effect["std"])
    best = int(np.nanargmax(np.abs(value))) if np.isfinite(value).any() else 0
    return f"{test.name} {value[best]:.3g} ± {std[best]:.2g} {test.effect['units']}"


def _told(test):
    return f"The {_seems(test.effect)} (p = {test.p_value:.1g})."


def _seems(effect):
    """As in "prior std behind ground seems 25 ± 4 % too small"."""
    value = effect["value"]
    return (f"{effect['what'].removesuffix(' too small by')} seems {abs(value):.0f} ± {effect['std']:.0f} % too "
            f"{'small' if value > 0 else 'large'}")


def _article(name):
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
