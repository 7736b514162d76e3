"""Classes of cells within which standardised errors are alike, and what those errors are: learned from worlds."""

from dataclasses import dataclass

import numpy as np

TAILS = (0.05, 0.95)  # levels at which classes are told apart and their Monte Carlo error is bounded
TAIL_ERROR = 0.015  # largest standard error over worlds of a class's tail
LEAST_WORLDS = 20  # effective number behind a class: an error estimated from fewer may be small by luck
SPLIT_SAMPLE = 20_000  # cells of a class on which its best split is sought
KNOWN_SAMPLE = 50_000  # cells of a class on which it is asked whether its tails are known
FEATURE_BINS, SCORE_BINS = 24, 192
LEAST_GAIN = 2e-4  # of the pinball loss of all cells: a split that brings less is none
CANDIDATES = 12  # splits tried, best first, before a class is left whole
LEVELS = np.concatenate([[0.001, 0.0025], np.arange(1, 200) / 200, [0.9975, 0.999]])  # of the distributions kept


@dataclass(frozen=True, kw_only=True)
class Split:
    """A class cut in two: cells with `feature` at most `threshold` go below."""

    feature: int
    threshold: float
    below: object
    above: object


class Classes:
    """A partition of cells by their features, each class with the distribution of its standardised errors.

    Classes are cut in two as long as both halves know their 5 and 95 % points to 1.5 points over worlds: cells of one
    world hang together, so that the standard error of a level is se² = Σ_w (h_w − q n_w)² / (Σ_w n_w)², n_w the cells
    of the class in world w and h_w those below the quantile; at least 20 worlds must stand behind each. Of all cuts
    the one is made that lowers the pinball loss of the two quantiles most (a quantile regression tree).

    Parameters
    ----------
    features : ndarray, shape (n, k)
        Of every cell of every world.
    scores : ndarray, shape (n,)
        Standardised errors (truth − mean) / std.
    world : ndarray of int, shape (n,)
        Number of the world a cell is of.
    weight : ndarray, shape (n,)
        What a unit of the score weighs in the loss: the cell's standard deviation.
    seed : int or numpy.random.Generator, default 0
        Chooses the cells on which cuts are sought.

    Attributes
    ----------
    quantiles : ndarray, shape (classes, levels)
        Of the scores, at `LEVELS`.
    error : ndarray, shape (classes, 2)
        Standard error over worlds of the level at the 5 and the 95 % point.
    count : ndarray of int, shape (classes,)
        Cells behind each class.
    size : int
        How many classes there are.
    """

    def __init__(self, features, scores, world, weight, seed=0):
        self._rng = np.random.default_rng(seed)
        self._worlds = int(world.max()) + 1 if world.size else 0
        self._leaves = []
        self._least = None
        self._root = self._grow(features, scores, world, weight)
        self.size = len(self._leaves)
        self.quantiles, self.error, self.count = map(np.array, zip(*self._leaves, strict=True))

    def level(self, level):
        """Quantile of every class at one level, (classes,)."""
        return level_of(self.quantiles, level)

    def of(self, features):
        """Class of each row of features (n, k): ndarray of int, shape (n,)."""
        out = np.empty(len(features), dtype=np.int32)
        waiting = [(self._root, np.arange(len(features)))]
        while waiting:
            node, index = waiting.pop()
            if not isinstance(node, Split):
                out[index] = node
                continue
            below = features[index, node.feature] <= node.threshold
            waiting += [(node.below, index[below]), (node.above, index[~below])]
        return out

    def below(self, scores, index):
        """Share of a class's scores below each of `scores`, given their classes, and its Monte Carlo error."""
        order = np.argsort(index, axis=None, kind="stable")
        share, error = np.empty(scores.size), np.empty(scores.size)
        ends = np.searchsorted(index.ravel()[order], np.arange(self.size + 1))
        for k in range(self.size):
            part = order[ends[k] : ends[k + 1]]
            share[part] = np.interp(scores.ravel()[part], self.quantiles[k], LEVELS, 0.0, 1.0)
            error[part] = self.error[k].max()
        return share.reshape(scores.shape), error.reshape(scores.shape)

    def boundaries(self, k):
        """Range of each feature over each class: ndarray, shape (classes, k, 2), infinite where it is open."""
        out = np.empty((self.size, k, 2))
        waiting = [(self._root, np.tile([-np.inf, np.inf], (k, 1)))]
        while waiting:
            node, box = waiting.pop()
            if not isinstance(node, Split):
                out[node] = box
                continue
            for child, side in ((node.below, 1), (node.above, 0)):
                part = box.copy()
                part[node.feature, side] = node.threshold
                waiting.append((child, part))
        return out

    def _grow(self, features, scores, world, weight):
        cut = self._cut(features, scores, world, weight)
        if cut is None:
            self._leaves.append((np.quantile(scores, LEVELS), self._tail_errors(scores, world), scores.size))
            return len(self._leaves) - 1
        feature, threshold = cut
        below = features[:, feature] <= threshold
        halves = [self._grow(features[part], scores[part], world[part], weight[part]) for part in (below, ~below)]
        return Split(feature=feature, threshold=threshold, below=halves[0], above=halves[1])

    def _cut(self, features, scores, world, weight):
        """(feature, threshold) of the best admissible cut, or None."""
        pick = slice(None)
        if scores.size > SPLIT_SAMPLE:
            pick = self._rng.choice(scores.size, SPLIT_SAMPLE, replace=False)
        gain, thresholds = _gains(features[pick], scores[pick], weight[pick])
        gain = gain * (scores.size / max(1, np.size(scores[pick])))
        if self._least is None:
            total = _pinball(scores[pick], weight[pick]) * (scores.size / max(1, np.size(scores[pick])))
            self._least = LEAST_GAIN * total
        for flat in np.argsort(gain, axis=None)[::-1][:CANDIDATES]:
            feature, k = np.unravel_index(flat, gain.shape)
            if not gain[feature, k] > self._least:
                return None
            below = features[:, feature] <= thresholds[feature, k]
            if self._known(scores[below], world[below]) and self._known(scores[~below], world[~below]):
                return int(feature), float(thresholds[feature, k])
        return None

    def _known(self, scores, world):
        if not scores.size:
            return False
        count = np.bincount(world).astype(float)
        if count.sum() ** 2 < LEAST_WORLDS * np.sum(count**2):
            return False
        # which worlds differ decides; cells beyond some ten thousands add nothing to the error but time
        few = slice(None, None, max(1, scores.size // KNOWN_SAMPLE))
        return max(self._tail_errors(scores[few], world[few])) <= TAIL_ERROR

    def _tail_errors(self, scores, world):
        count = np.bincount(world, minlength=self._worlds)
        return [tail_error(scores <= end, world, count, level)
                for end, level in zip(np.quantile(scores, TAILS), TAILS, strict=True)]


def level_of(table, level):
    """Column of a table of quantiles (rows, levels) at one level, between `LEVELS` by linear interpolation."""
    place = np.interp(level, LEVELS, np.arange(LEVELS.size))
    low = min(int(place), LEVELS.size - 2)
    return table[:, low] + (place - low) * (table[:, low + 1] - table[:, low])


def tail_error(below, world, count, level):
    """Standard error over worlds of the share of cells below a quantile, `count` cells in each; see `Classes`."""
    held = np.bincount(world[below], minlength=count.size)
    return float(np.sqrt(np.sum((held - level * count) ** 2)) / max(count.sum(), 1))


def _pinball(scores, weight):
    ends = np.quantile(scores, TAILS)
    away = scores[:, None] - ends
    return float(np.sum(weight[:, None] * np.maximum(np.asarray(TAILS) * away, (np.asarray(TAILS) - 1) * away)))


def _gains(features, scores, weight):
    """Fall of the pinball loss by every cut, and where they are: (k, FEATURE_BINS − 1) each; −inf where there is none.

    From histograms of scores: losses of all cuts follow from sums over bins.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, SCORE_BINS + 1)[1:-1]))
    bin_of = np.searchsorted(edges, scores)
    count = edges.size + 1
    thresholds = np.full((features.shape[1], FEATURE_BINS - 1), np.nan)
    gain = np.full(thresholds.shape, -np.inf)
    share = np.concatenate([[0.002, 0.005, 0.01, 0.02], np.linspace(0.05, 0.95, FEATURE_BINS - 9),
                            [0.98, 0.99, 0.995, 0.998]])
    for k in range(features.shape[1]):
        places = np.quantile(features[:, k], share)
        group = np.searchsorted(places, features[:, k])
        flat = group * count + bin_of
        size = FEATURE_BINS * count
        sums = [np.bincount(flat, weights=w, minlength=size).reshape(FEATURE_BINS, count)
                for w in (None, weight, weight * scores)]
        below = [np.cumsum(s, axis=0)[:-1] for s in sums]
        above = [s.sum(axis=0) - b for s, b in zip(sums, below, strict=True)]
        whole = _loss([s.sum(axis=0)[None] for s in sums], edges)
        gain[k] = whole - _loss(below, edges) - _loss(above, edges)
        gain[k, (below[0].sum(axis=1) < 1) | (above[0].sum(axis=1) < 1)] = -np.inf
        thresholds[k] = places
    return gain, thresholds


def _loss(sums, edges):
    """Pinball loss of both tails for rows of histograms (number, weight, weight × score), each (rows, bins)."""
    number, weight, moment = sums
    total = 0.0
    passed = np.cumsum(number, axis=1)
    for level in TAILS:
        at = np.minimum(np.argmax(passed >= level * passed[:, -1:], axis=1), edges.size - 1)
        end = edges[at]
        inside = np.arange(number.shape[1]) <= at[:, None]
        low_weight, low_moment = np.sum(weight * inside, axis=1), np.sum(moment * inside, axis=1)
        total = total + level * (moment.sum(axis=1) - end * weight.sum(axis=1)) - (low_moment - end * low_weight)
    return total
