"""Words of verdicts: sentences of `conflict`, made from the fields of its tests and tables."""

import numpy as np

from . import _sentences as words


def disagree(alarms, faulty, tests, mended):
    """Verdict on pairs that disagree.

    Parameters
    ----------
    alarms : dict of {(str, str): list of AgreementTest}
    faulty : dict of {(str, str): AgreementTest or None}
        The likelihood ratio of a pair whose coupling is at fault.
    tests : dict of {(str, str): list of AgreementTest}
        All of each pair.
    mended : sequence of AgreementTest
        What each survey asked for by itself, and was granted.
    """
    odd = odd_ones(alarms)
    said = [_odd_one_out(odd, alarms, tests)] if odd else []
    for pair, each in alarms.items():
        ratio = faulty[pair]
        if pair in odd:
            continue
        said.append(f"{' and '.join(pair)} disagree: {words.objection(each, tests[pair])}" if ratio is None else
                    f"{' and '.join(pair)} disagree under the stated coupling, which is what to blame: {ratio.name}, "
                    f"adjusted p {words.tail_words(ratio.log_p_adjusted)} ({words.count_words(each)})")
    caveat = f", even where what each survey asks for by itself is mended: {words.all_seem(mended)}" if mended else ""
    return f"{'; '.join(said)}{caveat}."


def odd_ones(alarms):
    """Of the alarms of surveys against the rest those that say most, within `BLAME` of the best in squared sigmas."""
    best = {pair: words.best_of(each) for pair, each in alarms.items() if pair[1] == words.REST}
    most = max((test.sigma for test in best.values()), default=0.0)
    ranked = sorted(best, key=lambda pair: -best[pair].sigma)
    return [pair for pair in ranked if most**2 - best[pair].sigma ** 2 < words.BLAME]


def _odd_one_out(odd, alarms, tests):
    """The survey that disagrees with all others together, or those of which one does."""
    found = words.objection(alarms[odd[0]], tests[odd[0]])
    if len(odd) == 1:
        return f"{odd[0][0]} disagrees with the rest: {found}"
    return f"{' or '.join(name for name, _ in odd)} disagrees with the rest, the data cannot say which: {found}"


def explained(silenced, still, asked):
    """Verdict on alarms that fall silent once priors and noise are mended; `still` alarms what is of one survey."""
    rest = f" What still alarms is of one survey by itself: {', '.join(sorted(still))}." if still else ""
    return (f"Cannot say whether the surveys agree: {words.all_seem(asked)}, which explains every alarm between them; "
            f"mend the {' and '.join(dict.fromkeys(t.form for t in asked))} and test again. Tests that alarm too, and "
            f"fall silent when it is mended: {', '.join(sorted(silenced))}.{rest}")


def wrong_prior(test):
    """Verdict where no pair alarms, but a prior that no other survey speaks for."""
    return (f"Cannot say whether the surveys agree: the {words.seems(test)}, and no other survey that sees it denies "
            "that; mend the prior and test again.")


def wrong_survey(test):
    """Verdict where no pair alarms, but one survey objects to its own noise or prior."""
    return f"No test objects to the pairs, but the {words.seems(test)}: mend that and test again."


def untied(bare, shared, misfits, tested, made=()):
    """Verdict on surveys that nothing ties, or a coupling to which the likelihood ratio does not object.

    Parameters
    ----------
    bare : list of (str, str)
        Pairs without anything in common.
    shared : dict of {(str, str): float}
        Nats that the others share.
    misfits : dict of {survey: list of AgreementTest}
    tested : bool
        Whether anything could be tested.
    made : dict of {(str, str): list of AgreementTest}, optional
        What alarms and neither survey shows by itself.
    """
    said = [f"Nothing ties {', '.join(map(' and '.join, bare))}: there is nothing to agree or disagree on"] * bool(bare)
    said += [f"{' and '.join(pair)} share {nats:.2g} nats under the stated coupling" + (
        ": there is next to nothing to agree or disagree on" if nats < words.LITTLE else
        ", to which the likelihood ratio does not object") for pair, nats in shared.items()]
    said += [f"{words.objection(each)} between {' and '.join(pair)}, which neither shows by itself: what to blame is "
             "the stated coupling, and no survey" for pair, each in (made.items() if made else ())]
    if misfits:
        found = "; ".join(f"{name} misfits its own prior and noise: {words.objection(each)}"
                          for name, each in misfits.items())
        return f"{'; '.join(said)}; but {found}."
    return f"{'; '.join(said)}{'; each was held against its own prior only' if tested else ''}."


def no_remedy(blame):
    """Why no remedy is offered: nothing objects, or what does has no form that one could take up."""
    if not blame:
        return "No remedy is offered, because no test objects to what one could mend."
    names = ", ".join(dict.fromkeys(test.name for test in blame))
    return (f"No remedy is offered, because what objects ({names}) has no form that a bias, a gain or other "
            "hyperparameters could take up: look at its maps and bands.")


MENDED, NOT_MENDED = "it was mended for the verdict", "it was not mended for the verdict"
RANGES = ("Ranges are taken for known: a wrong one may alarm such tests too, and none of them looks for it; "
          "fit_hyperparameters does.")


def silence(tables):
    """(Whether what matters is excluded, verdict where no test objects), of tables of `detectability`."""
    rows = [row for table in tables for row in _rows(table) if not row["modelled"] and not row["own"]]
    left = [row for row in rows if not row["excluded"]]
    if left:
        worst = max(left, key=lambda row: row["bound"] / row["margin"])
        size = f"of up to {_sized(worst, 'bound')}" if np.isfinite(worst["bound"]) else "of any size"
        return False, (f"No test objects, but silence is not agreement: {_named(worst)} {size} "
                       f"could not be excluded ({len(left)} of {len(rows)} disturbances that would matter).")
    return True, f"The surveys agree: no test objects, and {_excluded(rows)}."


def _excluded(rows):
    if not rows:
        return "biases hold every disturbance that was tried"
    loosest = max(rows, key=lambda row: row["bound"] / row["margin"])
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    said = [word for kind, word in (("offset", "offset"), ("tilt", "tilt"), ("gain", "gain"),
                                    ("patch", "patch at the places tried")) if kind in kinds]
    forms = f"every {', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else f"every {said[0]}"
    lines = list(dict.fromkeys(row["form"] for row in rows if row["kind"] == "levels"))
    forms += f" and independent {' and '.join(lines)}" if lines else ""
    return (f"{forms} that would matter are excluded, the loosest {_named(loosest)} of more "
            f"than {_sized(loosest, 'bound')}")


RAISED = 1.001  # times the noise from which a margin is said to be larger


def untried(tables):
    """Sentences on what the sizes of patches and levels mean, and on what was not looked for."""
    rows = [row for table in tables for row in _rows(table)]
    said = []
    for row in rows:
        if row["modelled"]:
            held = _named(row)
            said.append(f"{held[0].upper()}{held[1:]} is part of the model, as a bias holds it, and is not counted "
                        "among what must be excluded.")
        if row["own"]:
            said.append(f"A gain of {row['survey']} looks like a wrong prior std where a coupling alone ties surveys, "
                        "and is not counted among what must be excluded.")
        if row["kind"] == "patch":
            said.append(f"Patch of {row['survey']}: {row['words']}.")
    raised = [row for row in rows if row["margin"] > row["scale"] * RAISED and not (row["modelled"] or row["own"])]
    if raised:
        each = ", ".join(dict.fromkeys(f"{_named(row)} of {_sized(row, 'margin')} "
                                       f"({row['margin'] / row['scale']:.1f} times)" for row in raised))
        said.append(f"Sizes that matter are larger than the noise where these surveys exclude no less: {each}.")
    lined = {row["survey"] for row in rows if row["kind"] == "levels"}
    without = [name for name in dict.fromkeys(row["survey"] for row in rows) if name not in lined]
    if without:
        said.append(f"Levels of flight lines of {' and '.join(without)} were not tried, as its stations are on no "
                    "lattice and its file names no lines: nuisance_test takes labels of lines.")
    return list(dict.fromkeys(said))


def _named(row):
    return words.article(row["disturbance"], row["form"])


def _sized(row, key):
    return f"{row[key]:.2g}{words.unit_words(row['size_units'])}"


def _rows(table):
    """The rows of a table of `detectability`, as dicts; a bound that is not known counts as infinite."""
    keys = ("disturbance", "survey", "words", "kind", "form", "size_units", "excluded", "modelled", "own", "margin",
            "scale", "bound")
    for k in range(table.sizes["disturbance"]):
        row = {key: table[key].values[k].item() for key in keys}
        yield row | {"bound": np.inf if np.isnan(row["bound"]) else row["bound"]}
