"""From p-values to one honest verdict: disagree, agree, or cannot say."""

from typing import NamedTuple

import numpy as np

from . import _sentences as words
from . import _verdict_sentences as verdicts
from ._alone import shows_alone
from ._sentences import LITTLE, REST

CLEAR = 2.0  # standard deviations by which priors must differ, of two surveys or from that stated, to be told apart


class Judgement(NamedTuple):
    """A verdict: its kind, the sentence, what lies behind it, and which tests remedies should answer."""

    kind: str
    sentence: str
    details: tuple
    blame: tuple
    couplings: tuple = ()  # pairs whose coupling is to blame, and no survey


def judge(problem, family, level, again):
    """`Judgement` of all tests.

    Parameters
    ----------
    problem : JointProblem
    family : Family
        All tests, with their adjusted p-values.
    level : float
    again : callable
        ``again(tests, places)``: `Family` of the same pairs, maps and bands among them if `places`, under the prior and
        the noise that the surveys of these tests of their own ask for; None if neither can be changed.

    Returns
    -------
    Judgement
    """
    tied = {pair: each for pair, each in family.comparisons.items() if _ties(each, level)}
    loose = {pair: each for pair, each in family.pairs.items() if pair not in tied}
    if not loose:
        return _of_tied(problem, family.own, tied, level, again)
    apart = _of_untied(loose, family.own, level)
    if not tied:
        return apart
    found = _of_tied(problem, family.own, tied, level, again)
    blame = found.blame + tuple(t for t in apart.blame if not any(t is other for other in found.blame))
    return Judgement("disagree" if found.kind == "disagree" else "cannot say", f"{found.sentence} {apart.sentence}",
                     tuple(dict.fromkeys(found.details + apart.details)), blame, found.couplings + apart.couplings)


def _objecting(tests, level, p="p_adjusted"):
    return [t for t in tests if getattr(t, p) <= level]


def _ties(each, level):
    """Whether what alarms is between two surveys, or silence would say something of both.

    Without a common parameter the likelihood ratio alone looks at what ties them: an offset, a gain, a place or a
    wavelength that alarms is a misfit of one survey, which the other hardly knows of; see the study of power.
    """
    if not each.ratio.testable:  # nothing ties them
        return False
    if np.isinf(each.shared) or each.ratio.p_adjusted <= level:
        return True
    return each.shared >= LITTLE and not _objecting(each.tests, level)


def _of_untied(pairs, own, level):
    """Surveys that share nothing: what alarms is a misfit of one of them, or what the coupling's law made of it."""
    alone = _objecting([t for both in own.values() for t in both], level)
    alarms, misfits, made = {pair: _objecting(each.tests, level) for pair, each in pairs.items()}, {}, {}
    for pair, each in alarms.items():
        # through a coupling that tells something the fault of one survey alarms tests of the other too
        one = words.best_of(each) if each and pairs[pair].shared >= LITTLE else None
        for test in each:
            if made_by_coupling(pairs[pair], one or test, level):
                made.setdefault(pair, []).append(test)
                continue
            held = one or test  # the survey that it holds against all else
            misfits.setdefault(held.target or held.surveys[0], []).append(test)
    for test in alone:
        misfits.setdefault(test.target, []).append(test)
    bare = [pair for pair, each in pairs.items() if not each.ratio.testable]
    shared = {pair: each.shared for pair, each in pairs.items() if pair not in bare}
    tested = any(t.testable for each in pairs.values() for t in each.tests)
    laid = [t for pair, each in alarms.items() for t in each if not any(t is m for m in made.get(pair, ()))]
    return Judgement("cannot say", verdicts.untied(bare, shared, misfits, tested, made),
                     (*words.told(alone), *words.listed(alarms)), (*laid, *alone), tuple(made))


def made_by_coupling(each, alarm, level):
    """Whether a coupling alone ties two surveys and made what a test objects to: the survey by itself shows none."""
    return bool(np.isfinite(each.shared) and each.ratio.testable and not shows_alone(each, alarm, level))


def _of_tied(problem, own, pairs, level, again):
    """`judge` of pairs that something ties."""
    prior, noise, faults = _misfits(problem, own, level)
    alarms = _alarms(pairs, level)
    details = [*words.told([*prior, *noise, *faults]), *words.listed(alarms)]
    if alarms:
        return _of_alarms(problem, own, pairs, level, again, alarms, details)
    if prior:
        return Judgement("cannot say", verdicts.wrong_prior(prior[0]), tuple(details), tuple(prior))
    if noise or faults:
        return Judgement("cannot say", verdicts.wrong_survey((noise + faults)[0]), tuple(details), (*noise, *faults))
    # held against all others a disturbance is told best
    rest = [each.detectability for (_, other), each in pairs.items() if other == REST]
    tables = rest if len(rest) == len(problem.modalities) else [each.detectability for each in pairs.values()]
    agreed, sentence = verdicts.silence(tables)
    return Judgement("agree" if agreed else "cannot say", sentence, (*details, *verdicts.untried(tables)), ())


def _of_alarms(problem, own, pairs, level, again, alarms, details):
    """Verdict where tests of pairs alarm: what stays when each survey is granted the prior and noise it asks for.

    What a survey asks for at `level` by itself is granted, adjusted for nothing: in doubt, surveys are not said to
    disagree. Noise is granted only upwards, as less of it could but make tests alarm more, and a prior only where its
    estimate is clearly another: where noise explains the misfit as well, a prior that is changed for nothing would make
    other tests alarm.
    """
    asked = _asked(problem, own, level)
    anew = again(asked, any(t.form in words.RESIDUALS for each in alarms.values() for t in each)) if asked else None
    left, judged = alarms, pairs
    if anew is not None:
        judged = {pair: each for pair, each in anew.pairs.items() if pair in pairs}  # those that count
        left = _alarms(judged, level)
        if not left:
            still = {t.name for each in judged.values() for t in _objecting(each.tests, level)}
            silenced = {t.name for each in alarms.values() for t in each} - still
            return Judgement("cannot say", verdicts.explained(silenced, still, asked), tuple(details), tuple(asked))
        details = [*details, f"Also, {words.all_seem(asked)}: {verdicts.MENDED}."]
    else:
        details = details + [f"Also, {words.all_seem([t])}: {verdicts.NOT_MENDED}." for t in asked]
    if any(hasattr(p.prior, "range") for p in problem.parameters):
        details.append(verdicts.RANGES)
    kept = {pair: {(t.form, t.target) for t in each} for pair, each in left.items()}  # as stated, not as mended
    blame = [t for pair, keys in kept.items() for t in pairs[pair].tests if (t.form, t.target) in keys]
    faulty = {pair: coupling_at_fault(judged[pair], each, level) for pair, each in left.items()}
    sentence = verdicts.disagree(left, faulty, {pair: judged[pair].tests for pair in left}, asked if anew else ())
    return Judgement("disagree", sentence, tuple(details), (*blame, *asked),
                     tuple(pair for pair, test in faulty.items() if test is not None))


def _asked(problem, own, level):
    """The tests of their own by which surveys ask for another prior or for more noise."""
    prior, noise, _ = _misfits(problem, own, level, "p_value")
    # a prior that goes with less noise than stated would be changed without it: neither is granted
    quiet = {t.target for t in noise if t.effect["factor"] < 1}
    return [t for t in prior if abs(t.size) > CLEAR * t.effect["std"] and t.target not in quiet] + [
        t for t in noise if t.effect["factor"] > 1]


def _alarms(pairs, level):
    """{pair: tests that object}, of pairs that any do."""
    found = {pair: _objecting(each.tests, level) for pair, each in pairs.items() if _ties(each, level)}
    return {pair: each for pair, each in found.items() if each}


def _misfits(problem, own, level, p="p_adjusted"):
    """(priors that are wrong for all that see them, noise, priors that are wrong for one survey only)."""
    sees = {m.name: set(m.parameters) for m in problem.modalities}
    prior, faults = [], []
    for test in _objecting([its_prior for its_prior, _ in own.values()], level, p):
        others = [own[name][0] for name in own if name != test.target and sees[name] & sees[test.target]]
        (faults if any(_denies(other, test) for other in others) else prior).append(test)
    return prior, _objecting([its_noise for _, its_noise in own.values()], level, p), faults


def _denies(other, alarm):
    """Whether another survey of the same property finds its prior as stated where this one does not."""
    if not other.effect:
        return False
    off, mine = (np.array([np.log(t.effect["factor"]), t.effect["log_std"]]) for t in (other, alarm))
    within = abs(off[0]) <= CLEAR * off[1]
    return bool(within and abs(mine[0] - off[0]) > CLEAR * np.hypot(mine[1], off[1]))


def coupling_at_fault(each, alarms, level):
    """The test of a pair that says most, if a coupling alone ties the two and is to blame; else None.

    So it is where the likelihood ratio alarms most, which between two properties sees a wrong coupling and next to
    nothing else; and where neither survey by itself shows what alarms most.
    """
    if not np.isfinite(each.shared) or not alarms:
        return None
    ratio, best = next((t for t in alarms if t.form == "likelihood ratio"), None), words.best_of(alarms)
    if ratio and all(ratio.log_p < t.log_p for t in alarms if t is not ratio):
        return ratio
    return best if made_by_coupling(each, best, level) else None
