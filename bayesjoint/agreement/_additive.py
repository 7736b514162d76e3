"""Additive disturbances at many places or of many lines, the model marginalised: one block of solves for all."""

from copy import copy

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from .._places import runs
from ._local_conflict import smallest
from ._multiple_testing import false_discovery
from ._nuisance_test import CONFOUNDING
from ._result import chi2_test, moved_tail, untestable
from ._sentences import NO_LEVEL
from ._shared import crossing, in_blocks, widened
from ._weighted_chi2 import WeightedChi2

LOOSE = 1e-3  # relative residual of solves for columns, of which quadratic forms are wanted: known to its square
TIGHT = 1e-8  # the same for the data, which every estimate is linear in
SURE = 10.0  # times its error that a precision must be to count
CLOSE = 1e-3  # relative, of a root mean square that is searched for


def additive_fits(data, disturbances):
    """What data say of disturbances that are added to their surveys, each as if it were the only one.

    Parameters
    ----------
    data : System
        Of all surveys.
    disturbances : list of Disturbance
        Whose ``columns`` are solved for, all at once.

    Returns
    -------
    dict of {(str, str): LevelFit or SinglePlaces}
        By survey and name: of levels, and of all else.
    """
    white = widened(data, [(d.survey, d.columns) for d in disturbances])
    solved, left = in_blocks(data, white, lambda block: np.stack(data.solve(block, LOOSE)))
    weights = data.eliminate(solved, white)
    seen, unseen = data.solve(data.residual[:, None], TIGHT)
    score = white.T @ data.eliminate(seen, data.residual[:, None])[:, 0]
    # xᵀKx of a solve is off to first order in what it leaves, cᵀx + xᵀρ to second: by ‖ρ‖² at most, as K >= I
    alone = np.einsum("ij,ij->j", white, solved) + np.einsum("ij,ij->j", solved, left)
    # against what the columns would tell were nothing flat: a share of rounding size is confounding
    least = CONFOUNDING * alone + SURE * np.einsum("ij,ij->j", left, left)
    slip, out = np.linalg.norm(unseen) * np.sqrt(alone), {}
    for d, k in zip(disturbances, runs(d.columns.shape[1] for d in disturbances), strict=True):
        precision = white[:, k].T @ weights[:, k] + solved[:, k].T @ left[:, k]
        if d.kind == "levels":
            out[d.survey, d.name] = LevelFit(0.5 * (precision + precision.T), score[k], alone[k],
                                             float(np.max(least[k] / alone[k])), float(np.linalg.norm(slip[k])))
        else:
            told = np.where(np.diag(precision) > least[k], np.diag(precision), np.nan)
            out[d.survey, d.name] = SinglePlaces(score[k] / told, told**-0.5, slip[k] / np.sqrt(told))
    return out


class SinglePlaces:
    """Estimates of one disturbance at one place or at each of several, and what is excluded at all of them.

    Parameters
    ----------
    values, stds : ndarray, shape (q,)
        NaN where the data tell nothing of it.
    slip : ndarray, shape (q,)
        Bound on the numerical error of values / stds.

    Attributes
    ----------
    worst, least_seen : int
        Place where least is excluded, and where most of it is needed to be seen.
    value, std : float
        Where least is excluded.
    p_value, p_value_error : float
        Two-sided, of none at any place, by the inequality of Simes, with a bound on its numerical error.

    Examples
    --------
    >>> found = SinglePlaces(np.array([0.0, 0.2]), np.array([0.1, 0.1]), np.zeros(2))
    >>> found.worst, round(found.equivalence(0.4)[0], 3), round(found.bound(0.05), 3)
    (1, 0.023, 0.364)
    """

    doubt = 0.0  # of the size that is seen, relative

    def __init__(self, values, stds, slip):
        self.values, self.stds, self.places = values, stds, np.size(values)
        self.worst = int(np.argmax(np.where(np.isnan(stds), np.inf, np.abs(values) + 1.645 * stds)))
        self.least_seen = int(np.argmax(np.where(np.isnan(stds), np.inf, stds)))
        self.value, self.std = values[self.worst], stds[self.worst]
        self.testable, self.p_value, self.p_value_error = bool(np.isfinite(stds).all()), np.nan, np.nan
        if self.testable:
            z = np.abs(values / stds)
            best = int(np.argmax(z))
            self.p_value = float(false_discovery(2 * norm.sf(z)).min())
            self.p_value_error = z.size * moved_tail(z[best] ** 2, 2 * z[best] * slip[best], 1)

    def equivalence(self, margin):
        """(p-value of a size of the margin or more at one place or another, its error).

        Two one-sided tests at every place; that it is absent from all is claimed only where each is significant, so
        that the largest p-value needs no correction (intersection-union: Berger 1982, Technometrics 24, 295).
        """
        p = float(np.max(norm.cdf((np.abs(self.values) - margin) / self.stds))) if self.testable else np.nan
        return p, 0.0

    def bound(self, level):
        """Smallest margin that `equivalence` excludes at a level."""
        return float(np.max(np.abs(self.values) + norm.isf(level) * self.stds)) if self.testable else np.nan

    def reach(self, level, share):
        """Size that is excluded but for a `share` of agreeing pairs for each place; NaN where none is."""
        return float((norm.isf(level) + norm.isf(0.5 * share)) * np.max(self.stds))

    def detectable(self, level, power):
        """Size that is seen with a power wherever it is."""
        return smallest(level=level, power=power) * self.stds[self.least_seen]


class LevelFit:
    """Levels of lines: whether there are any, and how large independent ones may be.

    The model marginalised, least squares has b̂ ~ N(b, Λ⁻¹) for the levels b. Without any, b̂ᵀΛb̂ is χ² of as many degrees
    of freedom as lines that can be told (the test of `nuisance_test`). If levels are independent, b ~ N(0, τ² 1), then
    along each eigenvector of Λ, of eigenvalue λ, z² = λ b̂² is (1 + τ²λ) χ²₁, exactly, and these are independent. τ is
    fitted by maximum likelihood, and excluded by the statistic of most power against none (Neyman & Pearson), whose
    lower tail is divided by that without levels: squares that are small by chance would else exclude sizes to which
    the data are blind (CLs: Read 2002, J. Phys. G 28, 2693).

    Parameters
    ----------
    precision : ndarray, shape (q, q)
        Λ.
    score : ndarray, shape (q,)
        Λ b̂.
    alone : ndarray, shape (q,)
        Diagonal of Λ were nothing flat.
    least : float
        Share of it that counts as told.
    slip : float, default 0.0
        Bound on the numerical error of the score.

    Examples
    --------
    >>> fit = LevelFit(np.eye(20), np.full(20, 0.9), np.ones(20), 1e-10)
    >>> round(fit.p_value, 2), fit.value, fit.equivalence(1.2)[0] < 0.05 < fit.equivalence(0.5)[0]
    (0.7, 0.0, True)
    """

    doubt, worst, least_seen, places = 0.0, 0, 0, 1  # as of `SinglePlaces`

    def __init__(self, precision, score, alone, least, slip=0.0):
        scale = 1.0 / np.sqrt(alone)
        told = eigh(0.5 * (precision + precision.T) * np.outer(scale, scale), eigvals_only=True) > least
        values, turned = eigh(0.5 * (precision + precision.T))
        kept = np.argsort(values)[values.size - int(told.sum()):]
        self._values, self._turned = values[kept], turned[:, kept]
        self.rank = self._values.size
        self.testable = self.rank > 0
        self.statistic = self.p_value = self.p_value_error = self.value = np.nan
        if not self.testable:
            return
        self._squares, self._least = (self._turned.T @ score) ** 2 / self._values, float(np.mean(self._values) ** -0.5)
        self.statistic = float(self._squares.sum())
        self.slip = 2 * np.sqrt(self.statistic / self._values[0]) * slip
        self.p_value = float(chi2.sf(self.statistic, self.rank))
        self.p_value_error = moved_tail(self.statistic, self.slip, self.rank)
        self.value = self._likeliest()

    def squares(self, scores):
        """The test's statistic for other scores (q, k), shape (k,)."""
        return np.sum((self._turned.T @ scores) ** 2 / self._values[:, None], axis=0)

    def _likeliest(self):
        """τ of largest likelihood."""
        def slope(variance):
            wide = 1 + variance * self._values
            return float(np.sum(self._values * (self._squares - wide) / wide**2))

        if slope(0.0) <= 0:
            return 0.0
        top = float(np.max(self._squares / self._values))
        return float(np.sqrt(brentq(slope, 0.0, top, xtol=CLOSE**2 * top)))

    @property
    def std(self):
        """What τ may be larger by, from the information about τ² at the estimate: a standard deviation where τ > 0."""
        told = 0.5 * np.sum((self._values / (1 + self.value**2 * self._values)) ** 2)
        return float(np.sqrt(self.value**2 + told**-0.5) - self.value)

    def equivalence(self, margin):
        """(p-value of independent levels of a root mean square of the margin or more, its error)."""
        if not self.testable:
            return np.nan, 0.0
        weights = self._values / (1 + margin**2 * self._values)
        # lower tails by the same sum with its sign turned: they keep their relative accuracy
        observed = float(weights @ self._squares)
        there, none = (float(WeightedChi2(-w).tail(-observed)[0]) for w in (self._values, weights))
        return min(there / none, 1.0) if none > 0 else 1.0, 0.0

    def bound(self, level):
        """Smallest margin that `equivalence` excludes at a level; infinite where none is."""
        if not self.testable:
            return np.nan
        return crossing(lambda size: level - self.equivalence(size)[0], self._least, CLOSE, CLOSE, np.inf)

    def reach(self, level, share):
        """Root mean square that is excluded but for a `share` of agreeing pairs; of squares in proportion."""
        if not self.testable:
            return np.nan
        typical = copy(self)
        typical._squares = np.full(self.rank, float(chi2.isf(share, self.rank)) / self.rank)
        return typical.bound(level)

    def detectable(self, level, power):
        """Root mean square of independent levels that the test sees with a power; NaN where it sees none."""
        if not self.testable:
            return np.nan
        threshold = float(chi2.isf(level, self.rank))
        return crossing(lambda s: float(WeightedChi2(1 + s**2 * self._values).tail(threshold)[0]) - power,
                        self._least, CLOSE, CLOSE)

    def test(self, form, surveys, units):
        """`AgreementTest` of no levels of the first of the surveys."""
        if not self.testable:
            return untestable(form, surveys, NO_LEVEL, target=surveys[0], dof=0)
        return chi2_test(form, surveys, self.statistic, self.slip, self.rank, target=surveys[0],
                         effect={"what": f"rms of {form}", "value": self.value, "std": self.std, "units": units})
