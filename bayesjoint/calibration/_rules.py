"""From an engine's mean and std to a recalibrated distribution, cell by cell."""

import copy

import numpy as np

from .._checks import fail
from ._classes import LEVELS, Classes, level_of
from ._worlds import share_of, spread_of

FEATURES = ("depth below ground", "mean over std", "std over prior std", "mean over local peak")
WIDEST = 0.99  # probability of an interval: beyond it the quantiles kept run out
SLACK = 0.1  # of the shortest interval's width: what one that begins at 0 may be longer to be preferred
DEPTHS = 40  # groups of cells by depth at most, where nothing but the family is asked
FIT_VALUES = 400_000  # cells of all worlds together that a rule learns from: twice as many change no score by 0.1 %


class Rule:
    """What rules learned from worlds share; they have a `frame`, are `positive` or not, and tell `quantiles`."""

    def on(self, frame):
        """The same rule for other cells."""
        other = copy.copy(self)
        other.frame = frame
        return other

    def intervals(self, probabilities, estimates, cells=slice(None)):
        """Intervals of the truth, (k, 2, ..., cells): equal-tailed, or about the shortest for a positive property."""
        levels = tails(probabilities)
        if self.positive:
            return self._shortest(probabilities, estimates, cells)
        found = self.quantiles(levels, estimates, cells)
        return found.reshape(-1, 2, *found.shape[1:])


class ClassRule(Rule):
    """Standardised errors by classes of depth, signed mean / std, std ratio and share of the local peak; see `Classes`.

    Parameters
    ----------
    name : str
        The parameter.
    frame : Frame
        What is known of its cells beforehand.
    worlds : Worlds
        To learn from.
    symmetric : bool, default False
        The family gives either sign alike: errors are then taken along the sign of the mean, which doubles what a
        world tells.
    seed : int, default 0
        Chooses the cells that are learned from, where there are more than 400,000.

    Attributes
    ----------
    classes : Classes
    positive : bool
        Whether no truth of any world is negative: intervals are then the shortest, and end at 0.
    """

    kind = "classes"
    features = FEATURES
    score = "(truth - mean) / std"
    scored = 4000  # cells of each world on which coverage is measured

    def __init__(self, name, frame, worlds, symmetric=False, seed=0):
        self.name, self.frame, self.symmetric, self._seed = name, frame, symmetric, seed
        truth, estimate = worlds.truth[name], worlds.estimate[name]
        self.positive = bool(truth.min(initial=0.0) >= 0) and not symmetric
        number, pick = len(truth), some_cells(*truth.shape, seed)
        part = frame.at(pick)
        sign, std = self._sign(estimate[:, pick]), engine_std(name, part, worlds.estimate, pick)
        scores = (sign * (truth[:, pick] - estimate[:, pick]) / std).astype(np.float32)
        count = scores.shape[1]
        share = worlds.estimate[share_of(name)][:, pick]
        self.classes = Classes(self._features(part, estimate[:, pick], std, share, sign), scores.ravel(),
                               np.repeat(np.arange(number), count), np.broadcast_to(std, scores.shape).ravel(), seed)

    def left_out(self, worlds):
        """Pairs (mask of worlds, rule learned from the others)."""
        for test in worlds.folds():
            yield test, ClassRule(self.name, self.frame, worlds.where(~test), self.symmetric, self._seed)

    def _sign(self, estimate):
        return np.where(estimate < 0, -1.0, 1.0) if self.symmetric else 1.0

    @staticmethod
    def _features(frame, estimate, std, share, sign):
        columns = [np.broadcast_to(frame.depth, estimate.shape), sign * estimate / std,
                   np.broadcast_to(std / frame.prior_std, estimate.shape), sign * share]
        return np.stack([c.ravel() for c in columns], axis=1)

    def scores(self, worlds, cells=slice(None)):
        """Standardised errors of worlds, (worlds, cells), along the sign of the mean where the family is symmetric."""
        estimate, std, sign, _ = self.placed(worlds.estimate, cells)
        return sign * (worlds.truth[self.name][:, cells] - estimate) / std

    def placed(self, estimates, cells=slice(None)):
        """(estimate, std, sign, class) of the cells asked for."""
        frame = self.frame.at(cells)
        estimate, share = (np.asarray(estimates[k], dtype=float)[..., cells] for k in (self.name, share_of(self.name)))
        sign, std = self._sign(estimate), engine_std(self.name, frame, estimates, cells)
        index = self.classes.of(self._features(frame, estimate, std, share, sign)).reshape(estimate.shape)
        return estimate, std, sign, index

    def quantiles(self, levels, estimates, cells=slice(None)):
        """Quantiles of the truth, (levels, ..., cells), given {parameter: estimates of all its cells (..., cells)}."""
        estimate, std, sign, index = self.placed(estimates, cells)
        out = np.empty((len(levels), *estimate.shape))
        for k, level in enumerate(levels):
            ahead, behind = (level_of(self.classes.quantiles, q)[index] for q in (level, 1 - level))
            out[k] = estimate + std * (np.where(sign < 0, -behind, ahead) if self.symmetric else ahead)
        return np.maximum(out, 0.0) if self.positive else out

    def _shortest(self, probabilities, estimates, cells):
        estimate, std, _, index = self.placed(estimates, cells)
        ends = np.stack([shortest(self.classes.quantiles, p) for p in probabilities])
        return from_zero(estimate + std * ends[..., index], self.quantiles(probabilities, estimates, cells))

    def below(self, threshold, estimates, cells=slice(None)):
        """Probability that the truth is at most a threshold, (..., cells), and its Monte Carlo error."""
        estimate, std, sign, index = self.placed(estimates, cells)
        share, error = self.classes.below(sign * (threshold - estimate) / std, index)
        if self.symmetric:
            share = np.where(sign < 0, 1 - share, share)
        return share, error


def some_cells(worlds, cells, seed=0):
    """Which cells of so many worlds are learned from: all, or as many as `FIT_VALUES` allows."""
    if worlds * cells <= FIT_VALUES:
        return slice(None)
    return np.sort(np.random.default_rng(seed).choice(cells, max(1, FIT_VALUES // worlds), replace=False))


def engine_std(name, frame, estimates, cells=slice(None)):
    """The engine's standard deviations: those that came with the estimates (..., cells), else the frame's (cells,)."""
    own = estimates.get(spread_of(name))
    return frame.std if own is None else np.asarray(own, dtype=float)[..., cells]


class Frame:
    """What is known of cells whatever the data: depth, std, prior std and prior mean, arrays of shape (cells,)."""

    def __init__(self, depth, std, prior_std, middle=None):
        self.depth, self.std, self.prior_std = (np.asarray(a, dtype=float) for a in (depth, std, prior_std))
        self.middle = np.zeros(self.depth.shape) if middle is None else np.asarray(middle, dtype=float)

    def at(self, cells):
        """The same of some of the cells."""
        return Frame(self.depth[cells], self.std[cells], self.prior_std[cells], self.middle[cells])


class DepthRule:
    """The family's own distribution by depth, without any data: the baseline that recalibrated intervals are held to.

    Parameters
    ----------
    depth : ndarray, shape (cells,)
    truth : ndarray, shape (worlds, cells)
    """

    def __init__(self, depth, truth):
        depths = np.unique(np.round(depth, 3))
        if depths.size > DEPTHS:  # under topography there are more depths than layers
            depths = np.unique(np.quantile(depth, np.linspace(0, 1, DEPTHS + 1)[1:]))
        place = np.minimum(np.searchsorted(depths, np.round(depth, 3)), depths.size - 1)
        present, self._group = np.unique(place, return_inverse=True)
        self.positive = bool(truth.min(initial=0.0) >= 0)
        self._table = np.stack([np.quantile(truth[:, self._group == k], LEVELS) for k in range(present.size)])

    def interval(self, probability, cells=slice(None)):
        """Interval of the truth, (2, cells): equal-tailed, or about the shortest for a positive property."""
        if self.positive:
            upper = level_of(self._table, probability)
            ends = from_zero(np.stack(shortest(self._table, probability))[None], upper[None])[0]
        else:
            ends = [level_of(self._table, q) for q in tails([probability])]
        return np.stack([end[self._group[cells]] for end in ends])


def widest(rules, probabilities, estimates, cells=slice(None)):
    """Intervals, as of `Rule.intervals`, that take in those of each of several rules."""
    ends = np.stack([rule.intervals(probabilities, estimates, cells) for rule in rules])
    return np.stack([ends[:, :, 0].min(axis=0), ends[:, :, 1].max(axis=0)], axis=1)


def tails(probabilities):
    """Levels (1 − p)/2, (1 + p)/2 of each; refuses those beyond the quantiles kept."""
    for probability in probabilities:
        if not 0 < probability <= WIDEST:
            fail("probability", f"lie in (0, {WIDEST}] for recalibrated intervals", f"{probability:g}",
                 "Farther tails would need more worlds.")
    return [level for p in probabilities for level in ((1 - p) / 2, (1 + p) / 2)]


def from_zero(ends, upper):
    """Intervals of a positive property (k, 2, ...), from 0 to its quantile `upper` (k, ...) where hardly longer.

    Ground without the property is common in reality, and in a family may be a little above 0: an interval that leaves 0
    out for a tenth of its width would call it impossible.
    """
    ends = np.maximum(ends, 0.0)
    whole = upper <= (1 + SLACK) * (ends[:, 1] - ends[:, 0])
    return np.stack([np.where(whole, 0.0, ends[:, 0]), np.where(whole, upper, ends[:, 1])], axis=1)


def shortest(table, probability, values=None):
    """Ends of the shortest interval of each row of a table of quantiles that holds a probability.

    With `values`, a table of the same rows and levels, the levels chosen are read from there.
    """
    values = table if values is None else values
    starts = LEVELS[LEVELS + probability <= LEVELS[-1] + 1e-12]

    def ends(of):
        return [np.stack([level_of(of, level + p) for level in starts], axis=1) for p in (0.0, probability)]

    low, high = ends(table)
    best = np.argmin(high - low, axis=1)[:, None]
    return tuple(np.take_along_axis(end, best, axis=1)[:, 0] for end in ends(values))
