"""The first screen: four questions, each with a word that answers it and one line; and a pair of maps."""

import re
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import plot
from ._chances import WORLDS
from ._facts import UNDOUBTED
from ._figures import ModelPictures, aspect_of, limits_of, mapped
from ._ground import beyond
from ._words import between, capital, change, fixed, listing, number, place, plain, quantity, signed, span

EVERY = {2: "every second", 3: "every third", 4: "every fourth", 5: "every fifth", 6: "every sixth"}
REASON = 260  # letters of a reason that the first screen has room for
WORTH = 0.02  # of a score or a std: smaller changes are nothing to those who decide, however well they are known
APART = 1e-5  # of a std, by which means of joint and separate inversion differ at least if anything ties them
GOOD, FAIR, BAD = "good", "fair", "bad"
SHORT = {"expected": "it fits", "loosely": "too loose", "closely": "too close",
         "more": "not too loose"}  # by the second word of `Fit.verdict`


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question with its answer: a status of a few words, how it is coloured, one line, and `more`."""

    question: str
    status: str
    tone: str
    line: str
    more: tuple = ()


def answers(properties, fits, gains, ground, agreed, unmixed, targets=None):
    """The four answers, from what `facts`, `ground`, `agreement` and `targets` know."""
    sure = any(p.peak_std is not None for p in properties)
    return [_what(properties, unmixed, targets), _how_sure(fits, ground, unmixed, sure), _agree(fits, agreed),
            _bought(fits, gains, ground)]


def _what(properties, unmixed, targets):
    question = "What is down there?"
    if unmixed is not None:
        return Answer(question=question, status="do not use", tone=BAD,
                      line="The Markov chains behind every number of this report did not mix.")
    if not properties:
        return Answer(question=question, status="no model", tone=FAIR, line="The dataset holds no property of cells.")
    if targets is not None and targets["largest"]:
        return _bodies(question, properties, targets)
    if all(p.peak_std is None for p in properties):
        status, tone = "one model", FAIR
    elif any(_clear(p) for p in properties):
        status, tone = "something stands out", GOOD
    else:
        status, tone = "nothing clear", FAIR
    line, *more = (f"{capital(_stands_out(p))}." for p in properties)
    return Answer(question=question, status=status, tone=tone, line=line, more=tuple(more))


def _bodies(question, properties, targets):
    """The largest target of every property: how strong, where, how much, and with what chance."""
    count = sum(targets["counts"].values())
    status = f"{count} target{'s' if count > 1 else ''}" if count else "nothing sure"
    line, *more = (line for p in properties for line in _largest(p, targets))
    return Answer(question=question, status=status, tone=GOOD if count else FAIR, line=line, more=(
        *more, "± is one standard deviation, for the stated prior."))


def _largest(p, targets):
    """Where and how strong, and how much with what chance: a line each."""
    row, count = targets["largest"].get(p.name), targets["counts"].get(p.name, 0)
    if row is None:
        return [capital(f"{p.long_name}: no target; most in one cell, {_stands_out(p)}.")]
    which = f"the largest of {count}" if count > 1 else "one" if count else "not sure; the largest candidate"
    holds = f"It holds {row['amount']} in {row['volume_words']}; its"
    return [capital(f"{p.long_name}, {which}: {row['mean']}, {row['reach']} deep around {row['around']}."),
            f"{holds if count else 'Its'} surest cell is {row['side']} {row['beyond']} with a chance of "
            f"{row['chance']}."]


def _clear(p):
    """Whether the cell that stands out most is told from its prior mean; recalibrated, from zero."""
    if p.peak_std is None:
        return False
    return p.interval[0] > 0 or p.interval[1] < 0 if p.gaussian is not None else abs(p.score) >= 2


def _stands_out(p):
    if p.gaussian is not None:
        value = f"{signed(p.interval[0])} to {signed(p.interval[1])} {plot.pretty(p.units)} (90 %, {WORLDS})"
    elif p.peak_std is not None:
        value = f"{signed(p.peak)} ± {quantity(p.peak_std, p.units, 2)}"
    else:
        value = f"{signed(p.peak)} {plot.pretty(p.units)}"
    doubt = "" if p.peak_std is None or _clear(p) else (
        f"not clear from {'its prior mean' if p.gaussian is None else 'zero'}, ")
    return f"{doubt}{p.long_name} {value}, {place(p)}"


def _how_sure(fits, ground, unmixed, sure):
    question, fitted = "How sure is it?", misfit(fits)
    doubted = [plain(f.name) for f in fits if f.verdict not in UNDOUBTED]
    doubt = f"So prior or noise is not as stated for {listing(doubted)}." if doubted else ""
    if unmixed is not None:
        return Answer(question=question, status="do not use", tone=BAD,
                      line="Means, standard deviations and their stated errors may all be wrong.")
    if not sure:
        return _lines(question, "not known", BAD, fitted, "One model, without standard deviations.", doubt)
    if ground is None:
        return _lines(question, "not checked against ground", FAIR, fitted, doubt,
                      "Intervals hold for the stated prior at best; real ground is not like that.")
    held, gaussian = (listing(f"{100 * row[key][0]:.0f} % ({row['name']})" if key == "held" else
                              f"{100 * row[key][0]:.0f} %" for row in ground["rows"])
                      for key in ("held", "gaussian_held"))
    bought = listing(f"{fixed(100 * (row['score_over_no_data'][0] - 1), 0, sign=True)} % ({row['name']})"
                     for row in ground["rows"])
    return _lines(question, "checked on simulated ground", FAIR if doubted else GOOD, fitted, doubt,
                  f"90 % intervals hold {held} of the cells of simulated worlds left out; the Gaussian's {gaussian}.",
                  f"Interval score against what depth alone tells: {bought}.",
                  beyond(ground["rows"], short=True).strip())


def _lines(question, status, tone, *lines):
    line, *more = (line for line in lines if line)
    return Answer(question=question, status=status, tone=tone, line=line, more=tuple(more))


def misfit(fits):
    """χ²/m of every data set beside the range expected of it, or an empty text."""
    known = [f for f in fits if f.judged[0] is not None]
    whose = listing(dict.fromkeys(f.judged[3] for f in known)) if known else ""
    ranges = [f"{between(*f.judged[1:3])} expected" for f in known]
    one = len(set(ranges)) == 1
    said = [f"{plain(f.name)} {number(f.judged[0])} ({'' if one else f'{expected}: '}{SHORT[f.verdict.split()[1]]})"
            for f, expected in zip(known, ranges, strict=True)]
    parts = [f"Misfit χ²/m of {whose}: {listing(said)}{f'; {ranges[0]}' if one else ''}."] if known else []
    parts += [f"{capital(plain(f.name))} was interpolated: {EVERY[f.measured_every]} node alone counts as measured, "
              "and bayesjoint conflict judges its misfit." for f in fits if f.measured_every > 1]
    return " ".join(parts)


def _agree(fits, agreed):
    question = "Do the surveys agree?"
    if agreed is not None and agreed["kind"]:
        tone = {"agree": GOOD, "disagree": BAD}.get(agreed["kind"], FAIR)
        first, _, more = re.sub("; (?=but )|; (?=even )", ". ", agreed["verdict"]).partition(". ")
        return Answer(question=question, status=agreed["kind"], tone=tone, line=f"{first.rstrip('.')}.",
                      more=(capital(_shortened(more)),) if more else ())
    if len(fits) < 2:
        return Answer(question=question, status="one survey", tone=FAIR, line="There is no other to agree with.")
    return Answer(question=question, status="not tested", tone=FAIR,
                  line="bayesjoint run --conflict tests it on this page; in Python bj.conflict does.")


def _shortened(reason):
    return reason if len(reason) <= REASON else f"{reason[:REASON].rsplit(' ', 1)[0]} … More below."


def _bought(fits, gains, ground):
    question = "What did inverting jointly buy?"
    if gains and all(g["shift"] < APART for g in gains):
        return Answer(question=question, status="nothing to buy", tone=FAIR,
                      line="Nothing ties the properties, and each has its own survey: every survey was inverted as if "
                           "alone. A coupling in the configuration would change that, if there is a law between them.")
    if ground is not None and ground["joint"]:
        rows = [(row["name"], *row["score_over_separate"]) for row in ground["joint"]]
        line = listing(f"{plain(name)} {fixed(100 * (ratio - 1), 1, sign=True)} ± {fixed(100 * error, 1)} %"
                       for name, ratio, error in rows)
        return _judged(question, [row[1:] for row in rows], "better intervals", "worse intervals",
                       f"Interval score against each survey alone: {line}; less is better.")
    if gains:
        line = listing(f"{g['long_name']} {change(g['middle'])}" for g in gains)
        return _judged(question, [(g["middle"], 0.0) for g in gains], "smaller std", "larger std",
                       f"Standard deviation of the median cell against each survey alone: {line}. Whether that holds "
                       "on ground was not checked.")
    why = ("There is one survey." if len(fits) < 2 else "The surveys were not inverted alone."
           if not any(f.separate for f in fits) else
           "The surveys were inverted alone too, but without standard deviations: only the models can be compared.")
    return Answer(question=question, status="not compared", tone=FAIR, line=why)


def _judged(question, ratios, better, worse, line):
    """By ratios with their errors, less being better."""
    gained = any(ratio + 2 * error < 1 and ratio < 1 - WORTH for ratio, error in ratios)
    lost = any(ratio - 2 * error > 1 and ratio > 1 + WORTH for ratio, error in ratios)
    status = {(True, False): better, (False, True): worse, (True, True): "mixed", (False, False): "nothing"}
    return Answer(question=question, status=status[gained, lost], line=line,
                  tone=BAD if lost and not gained else GOOD if gained and not lost else FAIR)


def maps(tree, models):
    """[(name, [mean, how sure]) of every property] at the depth of what stands out most.

    Parameters
    ----------
    tree : xarray.DataTree
    models : {str: ModelPictures}
        Of every property.
    """
    return [(pictures.words, [pictures.panel("mean", depth=pictures.best["depth"]), *_width(tree, name, pictures)])
            for name, pictures in models.items()]


def _width(tree, name, pictures: ModelPictures):
    """The width of intervals, or the standard deviation."""
    depth = {"depth": pictures.best["depth"]}
    if not plot.has(tree, "posterior_summary", f"{name}_lower"):
        return [pictures.panel("std", **depth)] if pictures.sure else []
    values = plot.interval_values(tree, name, "width")
    section, draw = plot.cut(values, mesh=pictures.mesh, **depth), partial(plot.interval, tree, name, "width", **depth)
    units = tree["posterior_summary"][f"{name}_mean"].attrs["units"]
    alt = (f"Width of the 90 % interval of {pictures.words}, {section.place}: "
           f"{span(section.values, units)}")
    inside = values[plot.under_stations(tree, pictures.mesh) & pictures.mesh.active]
    limits = limits_of("sequential", inside if np.isfinite(inside).any() else values)
    return [mapped(lambda ax, cax: draw(ax=ax, colorbar=cax, limits=limits),
                   aspect_of(section), alt)]
