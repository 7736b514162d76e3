"""From p-values to one honest sentence: disagree, agree, or cannot say."""

from dataclasses import dataclass

import numpy as np

from .verdict_words import best_of, excluded, objection, seems, told, unexcluded, untried

LITTLE = 3.0  # nats that surveys of different properties share: below it no odds above 20 are to be expected
CLEAR = 2.0  # standard deviations by which priors must differ, of two surveys or from that stated, to be told apart


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
        ``again(tests, places)``: {pair: PairTests}, maps and bands among them if `places`, under the prior and the
        noise that the surveys of these tests of their own ask for, and adjusted p-values; None if neither can be
        changed.

    Returns
    -------
    Judgement
    """
    tied = {pair: each for pair, each in made.items() if _ties(each, adjusted, level)}
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


def _ties(each, adjusted, level):
    """Whether what alarms is between two surveys, or silence would say something of both.

    Without a common parameter the likelihood ratio alone looks at what ties them: an offset, a gain, a place or a
    wavelength that alarms is a misfit of one survey, which the other hardly knows of; see the study of power.
    """
    ratio, common = each.tests[0], np.isinf(each.shared)
    if np.isnan(ratio.p_value):  # nothing ties them
        return False
    if common or adjusted[id(ratio)] <= level:
        return True
    return each.shared >= LITTLE and not any(adjusted[id(t)] <= level for t in each.tests)


def _untied(made, own, adjusted, level):
    """Surveys that share nothing: what alarms is a misfit of one of them."""
    bare = ", ".join(" and ".join(pair) for pair, each in made.items() if np.isnan(each.tests[0].p_value))
    said = [f"Nothing ties {bare}: there is nothing to agree or disagree on"] if bare else []
    said += [_coupled(pair, each.shared) for pair, each in made.items() if not np.isnan(each.tests[0].p_value)]
    nothing = "; ".join(said)
    alone = [t for both in own.values() for t in both if adjusted[id(t)] <= level]
    loud = {pair: [t for t in each.tests if adjusted[id(t)] <= level] for pair, each in made.items()}
    details = [told(t) for t in alone if t.effect]
    details += [f"{' and '.join(pair)}: {'; '.join(t.name for t in each)}." for pair, each in loud.items() if each]
    surveys = {}
    for pair, each in loud.items():
        # through a coupling that tells something the fault of one survey alarms tests of the other too
        one = _held(best_of(each)) if each and made[pair].shared >= LITTLE else None
        for test in each:
            surveys.setdefault(one or _held(test), []).append(test)
    for test in alone:
        surveys.setdefault(test.surveys[0], []).append(test)
    blame = tuple(t for each in loud.values() for t in each) + tuple(alone)
    if surveys:
        said = "; ".join(f"{name} misfits its own prior and noise: {objection(each, adjusted)}"
                         for name, each in surveys.items())
        return Judgement("cannot say", f"{nothing}; but {said}.", tuple(details), blame)
    tested = any(np.isfinite(t.p_value) for each in made.values() for t in each.tests)
    held = "; each was held against its own prior only" if tested else ""
    return Judgement("cannot say", f"{nothing}{held}.", tuple(details), ())


def _coupled(pair, shared):
    """Of surveys that a coupling alone ties, to which the likelihood ratio does not object."""
    said = f"{' and '.join(pair)} share {shared:.2g} nats under the stated coupling"
    if shared < LITTLE:
        return f"{said}: there is next to nothing to agree or disagree on"
    return f"{said}, to which the likelihood ratio does not object"


def _held(test):
    """The survey that a test of a pair holds against all else."""
    return test.surveys[-1] if test.name.startswith("node split") else test.surveys[0]


def _judge(problem, own, made, adjusted, level, again):
    """`judge` of pairs that something ties."""
    prior, noise, faults = _misfits(problem, own, adjusted, level)
    loud = _alarms(made, adjusted, level)
    details = [told(t) for t in (*prior, *noise, *faults)]
    details += [f"{' and '.join(pair)}: {'; '.join(t.name for t in each)}." for pair, each in loud.items()]
    if loud:
        return _accused(problem, own, made, adjusted, level, again, loud, details)
    if prior:
        return Judgement("cannot say", f"Cannot say whether the surveys agree: the {seems(prior[0].effect)}, and no "
                         "other survey that sees it denies that; mend the prior and test again.", tuple(details),
                         tuple(prior))
    if noise or faults:
        return Judgement("cannot say", f"No test objects to the pairs, but the {seems((noise + faults)[0].effect)}: "
                         "mend that and test again.", tuple(details), tuple(noise + faults))
    return _silence(made, details)


def _accused(problem, own, made, adjusted, level, again, loud, details):
    """`_judge` where tests of pairs alarm: what stays when each survey is granted the prior and noise it asks for.

    What a survey asks for at `level` by itself is granted, adjusted for nothing: who is to be accused has the doubt.
    Noise is granted only upwards, as less of it could but accuse more, and a prior only where its estimate is clearly
    another: where noise explains the misfit as well, a prior that is changed for nothing accuses others.
    """
    alone = {id(t): t.p_value for both in own.values() for t in both}
    prior, noise, _ = _misfits(problem, own, alone, level)
    # a prior that goes with less noise than stated would be changed without it: neither is granted
    quiet = {t.surveys[0] for t in noise if t.effect["factor"] < 1}
    asked = [t for t in prior if t.effect["value"] > CLEAR * t.effect["std"] and t.surveys[0] not in quiet]
    asked += [t for t in noise if t.effect["factor"] > 1]
    anew, mended = None, ""
    if asked:
        anew = again(asked, any(t.name.startswith(("places", "wavelengths")) for each in loud.values() for t in each))
    if anew is not None:
        anew = {pair: each for pair, each in anew[0].items() if pair in made}, anew[1]  # those that count
        left, mended = _alarms(*anew, level), " and ".join(f"the {seems(t.effect)}" for t in asked)
        if not left:
            still = {t.name for each in anew[0].values() for t in each.tests if anew[1][id(t)] <= level}
            return _explained(loud, asked, still, details)
        details.append(f"Also, {mended}: it was mended for the verdict.")
        names = {pair: {t.name for t in each} for pair, each in left.items()}
        blame = [t for pair in names for t in made[pair].tests if t.name in names[pair]]
        (made, adjusted), loud = anew, left
    else:
        details += [f"Also, the {seems(t.effect)}: it was not mended for the verdict." for t in asked]
        blame = [t for each in loud.values() for t in each]
    if any(hasattr(p.prior, "range") for p in problem.parameters):
        details.append("Ranges are taken for known: a wrong one may alarm such tests too, and none of them looks for "
                       "it; fit_hyperparameters does.")
    caveat = f", even where what each survey asks for by itself is mended: {mended}" if mended else ""
    said = "; ".join(_sentence(problem, pair, each, adjusted, made[pair].tests) for pair, each in loud.items())
    return Judgement("disagree", f"{said}{caveat}.", tuple(details), tuple(blame) + tuple(asked))


def _explained(loud, asked, still, details):
    """Alarms that fall silent once priors and noise are mended; `still` alarms what is of one survey by itself."""
    names = ", ".join(sorted({t.name for each in loud.values() for t in each} - still))
    rest = f" What still alarms is of one survey by itself: {', '.join(sorted(still))}." if still else ""
    which = " and ".join(dict.fromkeys(t.name.split()[0] for t in asked))
    said = " and ".join(f"the {seems(t.effect)}" for t in asked)
    return Judgement("cannot say", f"Cannot say whether the surveys agree: {said}, which explains every alarm "
                     f"between them; mend the {which} and test again. Tests that alarm too, and fall silent when it is "
                     f"mended: {names}.{rest}",
                     tuple(details), tuple(asked))


def _alarms(made, adjusted, level):
    """{pair: tests that object}, of pairs that any do."""
    found = {pair: [t for t in each.tests if adjusted[id(t)] <= level] for pair, each in made.items()
             if _ties(each, adjusted, level)}
    return {pair: each for pair, each in found.items() if each}


def _misfits(problem, own, p_values, level):
    """(priors that are wrong for all that see them, noise, priors that are wrong for one survey only)."""
    sees = {m.name: set(m.parameters) for m in problem.modalities}
    prior, noise, faults = [], [], []
    for survey, (its_prior, its_noise) in own.items():
        if p_values[id(its_noise)] <= level:
            noise.append(its_noise)
        if p_values[id(its_prior)] <= level:
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
    tables = [each.detectability for each in made.values()]
    details = (*details, *untried(tables))
    found = unexcluded(tables)
    if found:
        return Judgement("cannot say", f"No test objects, but silence is not agreement: {found}.", details, ())
    return Judgement("agree", f"The surveys agree: no test objects, and {excluded(tables)}.", details, ())


def coupling_at_fault(problem, pair, alarms):
    """The likelihood ratio of a pair, if it alarms most and a coupling alone ties the two; else None.

    Between two properties it sees a wrong coupling and next to nothing else.
    """
    one, other = ({*next(m for m in problem.modalities if m.name == name).parameters} for name in pair)
    ratio = next((t for t in alarms if t.name == "likelihood ratio"), None)
    tied = not one & other and any(hasattr(c, "joint_covariance") for c in problem.couplings)
    return ratio if tied and ratio and all(ratio.p_value < t.p_value for t in alarms if t is not ratio) else None


def _sentence(problem, pair, alarms, adjusted, tests):
    ratio = coupling_at_fault(problem, pair, alarms)
    if ratio:
        count = f"{len(alarms)} tests object" if len(alarms) > 1 else "1 test objects"
        return (f"{' and '.join(pair)} disagree under the stated coupling, which is what to blame: likelihood ratio, "
                f"adjusted p = {adjusted[id(ratio)]:.1g} ({count})")
    return f"{' and '.join(pair)} disagree: {objection(alarms, adjusted, tests)}"
