"""Ranks that should be uniform: bands of their ECDF and of coverage, and a test that looks at all of it at once."""

from functools import lru_cache

import numpy as np
from scipy.stats import binom

REPEATS = 10_000  # of uniform ranks, behind a p-value that goes down to 1e-4
LEVEL = 0.99  # of bands


def p_values(ranks, draws):
    """p-value of uniform ranks, one a row, by the smallest pointwise tail probability of their ECDF.

    The statistic is that of the simultaneous bands of Säilynoja, Bürkner & Vehtari (2022, Statistics and Computing 32),
    its null distribution simulated.

    Parameters
    ----------
    ranks : ndarray of int, shape (functionals, simulations)
        From 0 to `draws`.
    draws : int
        Posterior draws behind every rank.

    Returns
    -------
    ndarray, shape (functionals,)
    """
    simulations = ranks.shape[1]
    found = _statistics(np.stack([np.bincount(row, minlength=draws + 1) for row in ranks]), simulations)
    null = _null(simulations, draws)
    return (np.searchsorted(null, found * (1 + 1e-9), side="right") + 1) / (null.size + 1)


def ecdf_band(simulations, draws, level=LEVEL):
    """(points, lower, upper): where the ECDF of uniform ranks stays with probability `level`, at all points at once."""
    gamma = np.quantile(_null(simulations, draws), 1 - level)
    points = np.arange(1, draws + 1) / (draws + 1)
    return (points, binom.ppf(gamma / 2, simulations, points) / simulations,
            binom.ppf(1 - gamma / 2, simulations, points) / simulations)


def coverage_band(simulations, probability, level=LEVEL):
    """(lower, upper) of the share of intervals that hold the truth, exact binomial."""
    tail = (1 - level) / 2
    return tuple(binom.ppf(q, simulations, probability) / simulations for q in (tail, 1 - tail))


def coverage_tail(count, simulations, probability):
    """Two-sided exact binomial p-value of so many intervals that hold the truth."""
    return np.minimum(2 * np.minimum(binom.cdf(count, simulations, probability),
                                     binom.sf(count - 1, simulations, probability)), 1.0)


def _statistics(counts, simulations):
    """Smallest of 2 min(P(X ≤ c), P(X ≥ c)) over the points of an ECDF, one a row of counts (rows, draws + 1)."""
    bins = counts.shape[1]
    points = np.arange(1, bins) / bins
    every = np.arange(simulations + 1)
    table = coverage_tail(every[:, None], simulations, points)
    below = np.cumsum(counts, axis=1)[:, :-1]
    return np.take_along_axis(table, below, axis=0).min(axis=1)


@lru_cache(maxsize=8)
def _null(simulations, draws):
    """Sorted statistics of uniform ranks; always the same random numbers, so that p-values are reproducible."""
    rng = np.random.default_rng(0)
    counts = rng.multinomial(simulations, np.full(draws + 1, 1 / (draws + 1)), REPEATS)
    return np.sort(_statistics(counts, simulations))


def rank_of(truth, drawn, rng):
    """Rank of each truth, shape (...), among its draws, shape (..., draws); ties are broken at random."""
    below, equal = (np.sum(f(drawn, np.asarray(truth)[..., None]), axis=-1) for f in (np.less, np.equal))
    return below + rng.integers(0, equal + 1)
