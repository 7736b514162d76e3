"""Additive disturbances at many places or of many lines, the model marginalised: one block of solves for all."""

from itertools import pairwise

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from .multiple import false_discovery
from .nuisances import CONFOUNDING
from .quadratic_forms import WeightedChi2
from .result import chi2_test, moved_tail, untestable
from .shared import in_blocks, widened
from .words import NO_LEVEL

FAR = 1e6  # times the size asked for: levels that are not seen there are not seen
LOOSE = 1e-3  # relative residual of solves for columns, of which quadratic forms are wanted: known to its square
TIGHT = 1e-8  # the same for the data, which every estimate is linear in
SURE = 10.0  # times its error that a precision must be to count
CLOSE = 1e-3  # relative, of a root mean square that is searched for


class AdditiveColumns:
    """What data say of additive columns of their surveys, each alone or several together.

    Parameters
    ----------
    data : System
        Of all surveys.
    disturbances : list of Disturbance
        Whose ``columns`` are solved for, all at once.

    Attributes
    ----------
    white : ndarray, shape (n_data, columns)
        Whitened.
    where : list of slice
        Columns of each disturbance.
    """

    def __init__(self, data, disturbances):
        ends = np.cumsum([0, *(d.columns.shape[1] for d in disturbances)])
        self.where = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.white = widened(data, [(d.survey, d.columns) for d in disturbances])
        solved, left = in_blocks(data, self.white, lambda white: np.stack(data.solve(white, LOOSE)))
        self._weights = data.eliminate(solved, self.white)
        seen, unseen = data.solve(data.residual[:, None], TIGHT)
        self._score = self.white.T @ data.eliminate(seen, data.residual[:, None])[:, 0]
        # xᵀKx of a solve is off to first order in what it leaves, cᵀx + xᵀρ to second: by ‖ρ‖² at most, as K >= I
        self._solved, self._left = solved, left
        alone = np.einsum("ij,ij->j", self.white, solved) + np.einsum("ij,ij->j", solved, left)
        # against what the columns would tell were nothing flat: a share of rounding size is confounding
        self._alone = alone
        self._least = CONFOUNDING * alone + SURE * np.einsum("ij,ij->j", left, left)
        self._slip = np.linalg.norm(unseen) * np.sqrt(alone)

    def _precision(self, where):
        extra = self._solved[:, where].T @ self._left[:, where]
        found = self.white[:, where].T @ self._weights[:, where] + extra
        return 0.5 * (found + found.T)

    def singly(self, k):
        """`SinglePlaces` of disturbance k: each of its columns as if it were the only one."""
        where = self.where[k]
        precision = np.diag(self._precision(where))
        precision = np.where(precision > self._least[where], precision, np.nan)
        return SinglePlaces(self._score[where] / precision, precision**-0.5, self._slip[where] / np.sqrt(precision))

    def together(self, k):
        """`LevelFit` of disturbance k."""
        where = self.where[k]
        least, slip = np.max(self._least[where] / self._alone[where]), np.linalg.norm(self._slip[where])
        return LevelFit(self._precision(where), self._score[where], self._alone[where], float(least), float(slip))


class SinglePlaces:
    """Estimates of one disturbance at one place or at each of several, and what is excluded at all of them.

    Parameters
    ----------
    value, std : ndarray, shape (q,)
        NaN where the data tell nothing of it.
    slip : ndarray, shape (q,)
        Bound on the numerical error of value / std.

    Examples
    --------
    >>> found = SinglePlaces(np.array([0.0, 0.2]), np.array([0.1, 0.1]), np.zeros(2))
    >>> found.worst, round(found.equivalence(0.4), 3), round(found.bound(0.05), 3)
    (1, 0.023, 0.364)
    """

    def __init__(self, value, std, slip):
        self.value, self.std, self._slip = value, std, slip
        self.told = bool(np.isfinite(std).all())

    @property
    def worst(self):
        """Place where least is excluded."""
        return int(np.argmax(np.where(np.isnan(self.std), np.inf, np.abs(self.value) + 1.645 * self.std)))

    @property
    def least_seen(self):
        """Place where most of it is needed to be seen."""
        return int(np.argmax(np.where(np.isnan(self.std), np.inf, self.std)))

    def p_value(self):
        """(two-sided p-value of none at any place, by the inequality of Simes, bound on its numerical error)."""
        if not self.told:
            return np.nan, np.nan
        z = np.abs(self.value / self.std)
        best = int(np.argmax(z))
        p = float(false_discovery(2 * norm.sf(z)).min())
        return p, z.size * moved_tail(z[best] ** 2, 2 * z[best] * self._slip[best], 1)

    def equivalence(self, margin):
        """p-value of a size of the margin or more at one place or another.

        Two one-sided tests at every place; that it is absent from all is claimed only where each is significant, so
        that the largest p-value needs no correction (intersection-union: Berger 1982, Technometrics 24, 295).
        """
        return float(np.max(norm.cdf((np.abs(self.value) - margin) / self.std))) if self.told else np.nan

    def bound(self, level):
        """Smallest margin that `equivalence` excludes at a level."""
        return float(np.max(np.abs(self.value) + norm.isf(level) * self.std)) if self.told else np.nan


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
    >>> round(fit.p_value, 2), fit.value, fit.equivalence(1.2) < 0.05 < fit.equivalence(0.5)
    (0.7, 0.0, True)
    """

    doubt = 0.0  # of the size that is seen, relative

    def __init__(self, precision, score, alone, least, slip=0.0):
        scale = 1.0 / np.sqrt(alone)
        told = eigh(0.5 * (precision + precision.T) * np.outer(scale, scale), eigvals_only=True) > least
        values, turned = eigh(0.5 * (precision + precision.T))
        kept = np.argsort(values)[values.size - int(told.sum()):]
        self._values, turned = values[kept], turned[:, kept]
        self.rank = self._values.size
        self.testable = self.rank > 0
        self.statistic = self.p_value = self.p_value_error = self.value = np.nan
        if not self.testable:
            return
        self._squares = (turned.T @ score) ** 2 / self._values
        self.statistic = float(self._squares.sum())
        self.slip = 2 * np.sqrt(self.statistic / self._values[0]) * slip
        self.p_value = float(chi2.sf(self.statistic, self.rank))
        self.p_value_error = moved_tail(self.statistic, self.slip, self.rank)
        self.value = self._likeliest()

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
        """p-value of independent levels of a root mean square of the margin or more."""
        if not self.testable:
            return np.nan
        weights = self._values / (1 + margin**2 * self._values)
        # lower tails by the same sum with its sign turned: they keep their relative accuracy
        observed = float(weights @ self._squares)
        there, none = (float(WeightedChi2(-w).tail(-observed)[0]) for w in (self._values, weights))
        return min(there / none, 1.0) if none > 0 else 1.0

    def equivalence_with_error(self, margin):
        """(the p-value of `equivalence`, its error)."""
        return self.equivalence(margin), 0.0

    def bound(self, level):
        """Smallest margin that `equivalence` excludes at a level; infinite where none is."""
        return self._where(lambda size: level - self.equivalence(size)) if self.testable else np.nan

    def detectable(self, level, power):
        """Root mean square of independent levels that the test sees with a power; NaN where it sees none."""
        if not self.testable:
            return np.nan
        threshold = float(chi2.isf(level, self.rank))
        size = self._where(lambda s: float(WeightedChi2(1 + s**2 * self._values).tail(threshold)[0]) - power)
        return size if np.isfinite(size) else np.nan

    def _where(self, rising):
        """The size at which a function of it crosses 0 from below."""
        low, high = 0.0, float(np.mean(self._values) ** -0.5)
        last = FAR * high
        while rising(high) < 0:
            low, high = high, 4.0 * high
            if high > last:
                return np.inf
        return float(brentq(rising, low or CLOSE * high, high, xtol=CLOSE * high))

    def test(self, form, surveys, units):
        """`AgreementTest` of no levels of the first of the surveys."""
        if not self.testable:
            return untestable(form, surveys, NO_LEVEL, target=surveys[0], dof=0)
        return chi2_test(form, surveys, self.statistic, self.slip, self.rank, target=surveys[0],
                         effect={"what": f"rms of {form}", "value": self.value, "std": self.std, "units": units})


def level_fits(data, disturbances):
    """{(survey, name): LevelFit} of those among them that are levels."""
    chosen = [d for d in disturbances if d.kind == "levels"]
    if not chosen:
        return {}
    columns = AdditiveColumns(data, chosen)
    return {(d.survey, d.name): columns.together(k) for k, d in enumerate(chosen)}

