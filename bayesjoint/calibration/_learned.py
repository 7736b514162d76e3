"""Quantiles of the truth by gradient boosting from a cell's surroundings, corrected by classes on worlds left out."""

import copy

import numpy as np

from .._checks import fail
from ._classes import LEVELS, Classes
from ._rules import Rule, from_zero, shortest

KNOTS = (0.05, 0.5, 0.95)  # levels that are learned; others follow from the scores between and beyond them
FIT_VALUES = 100_000  # cells of all worlds together that one fit learns from
LEAST_SIDE = 0.01  # of the std: learned intervals are no narrower on either side, so that scores stay finite
SETTINGS = {"max_iter": 150, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 200, "max_features": 0.5,
            "early_stopping": False}


class LearnedRule(Rule):
    """Learned quantiles of the truth; the interface of `ClassRule`.

    Gradient boosting (scikit-learn's `HistGradientBoostingRegressor`, pinball loss) learns the 5, 50 and 95 % points of
    z = (truth − mean) / std from `Surroundings`. Each world is then foretold by trees that were learned without it, and
    its scores s = (z − centre) / side, side = centre − 5 % point below the centre and 95 % point − centre above, go
    into `Classes`: coverage, other levels and Monte Carlo errors come from worlds left out (cross-conformal prediction,
    Vovk 2015, after conformalised quantile regression, Romano, Patterson & Candès 2019). The rule itself uses the mean
    of the trees of all folds.

    Parameters
    ----------
    name : str
        The parameter.
    frame : Frame
        What is known of its cells beforehand.
    worlds : Worlds
        To learn from, whole.
    surroundings : Surroundings
        Which properties are looked at is said there.
    symmetric : sequence of str, default ()
        Parameters whose sign the family does not know. If this one is among them, worlds are learned from as they are
        and mirrored.
    seed : int, default 0
        Chooses cells and the features that each split looks at.

    Attributes
    ----------
    classes : Classes
        Of the scores.
    positive : bool
        Whether no truth of any world is negative: intervals are then the shortest, and end at 0.

    Raises
    ------
    ImportError
        Without scikit-learn.
    ValueError
        If only a sample of cells was kept: neighbours are among the features.
    """

    kind = "learned quantiles"
    features = ("depth below ground", "learned width over std", "learned median over std", "upper share of width")
    score = "(truth - learned median) / learned side"
    scored = 1000  # cells of each world on which coverage is measured: hundreds of trees are asked for each

    def __init__(self, name, frame, worlds, surroundings, symmetric=(), seed=0):
        if not worlds.whole:
            refuse_samples()
        self.name, self.frame, self.surroundings = name, frame, surroundings
        self.positive = bool(worlds.truth[name].min(initial=0.0) >= 0) and name not in symmetric
        rng = np.random.default_rng(seed)
        copies = [(worlds.truth[name], worlds.estimate)]
        if name in symmetric:
            copies.append((-worlds.truth[name], _mirrored(name, worlds, symmetric, rng)))
        parts = [self._rows(*one, FIT_VALUES // len(copies), rng) for one in copies]
        self._learn(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)), list(worlds.folds()), seed)

    def _rows(self, truth, estimates, values, rng):
        """Features, truths, estimates and numbers of some cells of every world, each (worlds, k, ...)."""
        number, size = truth.shape
        count = max(1, values // number)
        cells = np.tile(np.arange(size), (number, 1)) if size <= count else rng.integers(0, size, (number, count))
        own = [np.take_along_axis(a, cells, axis=1).astype(float) for a in (truth, estimates[self.name])]
        return self.surroundings.of(self.name, estimates, cells), *own, cells

    def _learn(self, features, truth, estimate, cells, folds, seed):
        make = regressor()
        depth, std = self.frame.depth[cells], self.frame.std[cells]
        self._trees, sides = [], np.empty((3, *truth.shape))
        for test in folds:
            # weights by std would cost six times as long and gain half a per cent of the score
            rows, error = features[~test].reshape(-1, features.shape[-1]), ((truth - estimate) / std)[~test].ravel()
            self._trees.append([make(loss="quantile", quantile=level, random_state=seed, **SETTINGS).fit(rows, error)
                                for level in KNOTS])
            sides[:, test] = _sides(self._trees[-1:], features[test], estimate[test], std[test])
        scores = _scores(truth, sides)
        world = np.broadcast_to(np.arange(len(truth))[:, None], truth.shape)
        table = [_columns(depth, std, sides), scores, world, sides[1:].mean(axis=0)]
        keep = [np.ones(len(truth), dtype=bool), *(~test for test in folds)]
        parts = [Classes(*(a[part].reshape(-1, *a.shape[2:]) for a in table), seed) for part in keep]
        typical = [_typical(c, table[0][part], sides[:, part]) if self.positive else None
                   for c, part in zip(parts, keep, strict=True)]
        (self.classes, *self._aside), (self._typical, *self._typical_aside) = parts, typical

    def left_out(self, worlds):
        """Pairs (mask of worlds, rule that has not seen them); trees and classes are there already."""
        for test, trees, classes, typical in zip(worlds.folds(), self._trees, self._aside, self._typical_aside,
                                                 strict=True):
            other = copy.copy(self)
            other._trees, other.classes, other._typical = [trees], classes, typical
            yield test, other

    def _placed(self, estimates, cells):
        """(sides (3, ..., cells), class (..., cells)) of the cells asked for."""
        every = {name: np.atleast_2d(values) for name, values in estimates.items()}
        own, frame = np.asarray(estimates[self.name], dtype=float)[..., cells], self.frame.at(cells)
        index = np.broadcast_to(np.arange(self.frame.std.size)[cells], (len(every[self.name]), own.shape[-1]))
        features = self.surroundings.of(self.name, every, index)
        sides = _sides(self._trees, features, np.atleast_2d(own), frame.std)
        columns = _columns(frame.depth, frame.std, sides)
        return sides.reshape(3, *own.shape), self.classes.of(columns.reshape(-1, columns.shape[-1])).reshape(own.shape)

    def quantiles(self, levels, estimates, cells=slice(None)):
        """Quantiles of the truth, (levels, ..., cells), given {parameter: estimates of all its cells (..., cells)}."""
        sides, index = self._placed(estimates, cells)
        return self._real(np.stack([self.classes.level(level)[index] for level in levels]), sides)

    def _shortest(self, probabilities, estimates, cells):
        sides, index = self._placed(estimates, cells)
        ends = np.stack([shortest(self._typical, p, self.classes.quantiles) for p in probabilities])
        upper = self._real(np.stack([self.classes.level(p)[index] for p in probabilities]), sides)
        return from_zero(self._real(ends[..., index], sides), upper)

    def below(self, threshold, estimates, cells=slice(None)):
        """Probability that the truth is at most a threshold, (..., cells), and its Monte Carlo error."""
        sides, index = self._placed(estimates, cells)
        return self.classes.below(_scores(threshold, sides), index)

    def _real(self, scores, sides):
        return np.maximum(_values(scores, sides), 0.0) if self.positive else _values(scores, sides)


def regressor():
    """scikit-learn's class, or how to install it."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        fail("scikit-learn", "be installed for learned=True", "no module of that name",
             "pip install 'bayesjoint[learn]'.", ImportError)
    return HistGradientBoostingRegressor


def refuse_samples():
    """Say that neighbours are needed."""
    fail("learned", "be False where worlds are too large to be kept whole", "True",
         "Learned quantiles look at a cell's neighbours: ask for fewer worlds, or for learned=False.")


def _mirrored(name, worlds, symmetric, rng):
    """Estimates of the worlds with this property negated, others whose sign is unknown too in half of them."""
    other = {p: rng.choice(np.array([-1, 1], dtype=np.float32), (worlds.count, 1)) for p in worlds.truth}
    signs = {p: -1 if p == name else sign if p in symmetric else 1 for p, sign in other.items()}
    return {p: sign * worlds.estimate[p] for p, sign in signs.items()}


def _sides(trees, features, estimate, std):
    """Learned median and what lies below and above it up to the outer points, (3, worlds, k), units of the truth."""
    flat = features.reshape(-1, features.shape[-1])
    low, centre, high = np.sort(np.mean([[tree.predict(flat) for tree in fold] for fold in trees], axis=0), axis=0)
    found = np.stack([centre, np.maximum(centre - low, LEAST_SIDE), np.maximum(high - centre, LEAST_SIDE)])
    found = found.reshape(3, *estimate.shape) * std
    found[0] += estimate
    return found


def _scores(truth, sides):
    centre, down, up = sides
    return (truth - centre) / np.where(truth > centre, up, down)


def _values(scores, sides):
    """Truths that have given scores: the inverse of `_scores`."""
    centre, down, up = sides
    return centre + scores * np.where(scores > 0, up, down)


def _columns(depth, std, sides):
    """What classes are told apart by, (..., 4); see `LearnedRule.features`."""
    centre, down, up = sides
    return np.stack([np.broadcast_to(depth, centre.shape), (down + up) / std, centre / std, up / (down + up)], axis=-1)


def _typical(classes, columns, sides):
    """Mean quantiles of the truth of each class, (classes, levels): they choose the levels of shortest intervals."""
    index = classes.of(columns.reshape(-1, columns.shape[-1]))
    flat = sides.reshape(3, -1)
    values = (np.maximum(_values(classes.quantiles[index, k], flat), 0.0) for k in range(LEVELS.size))
    sums = [np.bincount(index, weights=v, minlength=classes.size) for v in values]
    return np.stack(sums, axis=1) / np.bincount(index, minlength=classes.size)[:, None]
