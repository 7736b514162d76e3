"""What intervals are worth on worlds that they were not learned from: coverage, width and score, with their errors."""

import numpy as np
from scipy.special import ndtri

from ._rules import DepthRule, engine_std, widest

PROBABILITIES = (0.5, 0.9)
KINDS = ("recalibrated", "gaussian", "no data")


def interval_score(lower, upper, truth, probability):
    """Interval score, units of the truth, smaller is better (Gneiting & Raftery 2007, JASA 102, eq. 43).

    Width, and 2/α for every unit by which the truth lies outside, α = 1 − probability.

    Examples
    --------
    >>> float(interval_score(0.0, 2.0, 3.0, 0.5))
    6.0
    """
    penalty = 2 / (1 - probability)
    return (upper - lower) + penalty * (np.maximum(lower - truth, 0) + np.maximum(truth - upper, 0))


def cross_validated(rule, worlds, cells=slice(None)):
    """Scores of the worlds behind a rule, each under what was learned without it.

    Parameters
    ----------
    rule : ClassRule or LearnedRule
        Its `left_out` gives the rules that have not seen some of the worlds.
    worlds : Worlds
        Those it was learned from.
    cells : ndarray of int or slice
        Cells that are scored.

    Returns
    -------
    ndarray, shape (kinds, probabilities, 3, worlds)
        Share of cells held, mean width and mean interval score.
    """
    out = np.empty((len(KINDS), len(PROBABILITIES), 3, worlds.count))
    for test, other in rule.left_out(worlds):
        out[..., test] = scores_of(other, rule.frame, worlds.where(test), worlds.where(~test), rule.name, cells)
    return out


def scores_of(rules, frame, worlds, train, name, cells=slice(None)):
    """Scores (kinds, probabilities, 3, worlds) under a rule or the widest of a list; `train` is behind the baseline."""
    truth, estimate = worlds.truth[name][:, cells], worlds.estimate[name][:, cells]
    part = frame.at(cells)
    baseline = DepthRule(part.depth, train.truth[name][:, cells])
    out = np.empty((len(KINDS), len(PROBABILITIES), 3, worlds.count))
    found = widest(rules if isinstance(rules, list) else [rules], PROBABILITIES, worlds.estimate, cells)
    for k, probability in enumerate(PROBABILITIES):
        half = ndtri((1 + probability) / 2) * engine_std(name, part, worlds.estimate, cells)
        ends = (found[k], (estimate - half, estimate + half),
                baseline.interval(probability)[:, None])
        for j, (lower, upper) in enumerate(ends):
            out[j, k, 0] = np.mean((truth >= lower) & (truth <= upper), axis=1)
            out[j, k, 1] = np.mean(np.broadcast_to(upper - lower, truth.shape), axis=1)
            out[j, k, 2] = np.mean(interval_score(lower, upper, truth, probability), axis=1)
    return out


def mean_and_error(values):
    """Mean over worlds (last axis) and its standard error."""
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])


def ratio_and_error(above, below):
    """Ratio of two means over worlds and its standard error, worlds paired (delta method)."""
    ratio = above.mean() / below.mean()
    left = above - ratio * below
    return float(ratio), float(left.std(ddof=1) / np.sqrt(left.size) / below.mean())


def median_ratio(above, below):
    """Median over worlds of a ratio; worlds in which the lower is 0, whose ground is empty, are left out."""
    known = below > 0
    return float(np.median(above[known] / below[known])) if known.any() else np.nan
