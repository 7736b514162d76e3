"""Functionals recalibrated: the truth's distribution given its estimate, by local regression over worlds."""

import numpy as np

from ._coverage import interval_score

LEAST = 20  # worlds behind an interval: fewer give none
SHARE = 0.5  # of the worlds, those whose estimates are nearest
LEAST_SIZE = 0.25  # of the mean size of residuals: what is fitted as their size is no smaller anywhere


class FunctionalRule:
    """Regression of the truth of a functional on its estimate, with the quantiles of what is left.

    For an estimate the half of the worlds that were estimated most alike is taken; the truth is regressed on the
    estimate among them by least squares, and so is the size of the residuals, which grows with a body: one size for all
    would hold small masses too often and large ones in two of three. The quantiles of the studentised residuals stand
    about the line, the larger the farther the estimate lies from the others'. A functional may have
    no value (NaN): a depth to the top of a body that is not there. The probability of that is the share of such worlds
    among those taken, and intervals are given that there is a value. Worlds whose estimate has no value are a group of
    their own.

    Parameters
    ----------
    truth, estimate : ndarray, shape (worlds,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=400)
    >>> rule = FunctionalRule(truth, 0.5 * truth + 0.1 * rng.normal(size=400))
    >>> centre, lower, upper, absent = rule.given(0.5, 0.9)
    >>> bool(lower < 1.0 < upper), absent < 0.01
    (True, True)
    """

    def __init__(self, truth, estimate):
        self.truth, self.estimate = np.asarray(truth, dtype=float), np.asarray(estimate, dtype=float)

    def given(self, estimate, probability, without=None):
        """(centre, lower, upper, probability of no value) given an estimate; `without` leaves one world out."""
        kept = np.ones(self.truth.size, dtype=bool)
        if without is not None:
            kept[without] = False
        near = self._near(estimate, kept)
        present = np.isfinite(self.truth[near])
        absent = (np.sum(~present) + 0.5) / (near.size + 1) if not present.all() else 0.5 / (near.size + 1)
        near = near[present]
        if near.size < LEAST:
            return np.nan, np.nan, np.nan, absent
        values, tail = self.truth[near], (1 - probability) / 2
        at, size, residuals = 0.0, 1.0, values
        spread = np.ptp(self.estimate[near]) if np.isfinite(estimate) else 0.0
        if spread > 0:
            at, size, residuals = _studentised((self.estimate[near] - estimate) / spread, values)
        # order statistics at p (n + 1): exact coverage for an exchangeable next one
        ends = np.quantile(residuals, [0.5, tail, 1 - tail], method="weibull")
        return (*(at + size * ends), float(absent))

    def _near(self, estimate, kept):
        known = np.isfinite(self.estimate)
        if not np.isfinite(estimate):
            return np.flatnonzero(kept & ~known)
        index = np.flatnonzero(kept & known)
        count = max(min(index.size, 3 * LEAST), int(SHARE * kept.sum()))
        order = np.argsort(np.abs(self.estimate[index] - estimate), kind="stable")
        return index[order[:count]]

    def left_out(self, probability):
        """(lower, upper), (worlds,) each: the interval of every world from all the others."""
        ends = [self.given(e, probability, without=k)[1:3] for k, e in enumerate(self.estimate)]
        return np.array(ends).T

    def without_data(self, probability):
        """(lower, upper) of the truths themselves: what the family says before any data."""
        tail = (1 - probability) / 2
        present = self.truth[np.isfinite(self.truth)]
        if present.size < LEAST:
            return np.nan, np.nan
        return tuple(float(v) for v in np.quantile(present, [tail, 1 - tail], method="weibull"))

    def score(self, probability):
        """Mean interval score of intervals on worlds left out; infinite where too few have one.

        It grows with the share of worlds that have a value but no interval.
        """
        ends = self.left_out(probability)
        scored = np.isfinite(self.truth) & np.isfinite(ends).all(axis=0)
        if scored.sum() < LEAST:
            return np.inf
        share = np.isfinite(self.truth).sum() / scored.sum()
        return float(np.mean(interval_score(*ends[:, scored], self.truth[scored], probability)) * share)


def _studentised(x, values):
    """(value of the line at x = 0, size of an error there, residuals in units of their size)."""
    away = x - x.mean()
    squares = np.sum(away**2)
    slope = np.sum(away * values) / squares
    left = values - values.mean() - slope * away
    sizes = np.abs(left)
    mean, growth = sizes.mean(), np.sum(away * sizes) / squares
    if mean == 0:
        return values.mean() - slope * x.mean(), 0.0, left
    fitted = np.maximum(mean + growth * away, LEAST_SIZE * mean)
    here = max(mean - growth * x.mean(), LEAST_SIZE * mean) * np.sqrt(1 + 1 / x.size + x.mean() ** 2 / squares)
    leverage = np.minimum(1 / x.size + away**2 / squares, 0.5)  # one far world would have no residual at all
    return values.mean() - slope * x.mean(), here, left / (fitted * np.sqrt(1 - leverage))
