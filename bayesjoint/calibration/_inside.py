"""Intervals that hold inside bodies too: quantiles of a population in which what stands out counts more."""

import copy
from itertools import pairwise

import numpy as np

from ._classes import LEVELS, level_of
from ._rules import ClassRule, from_zero, shortest, some_cells, tails

WEIGHTS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
DECIDES = 0.9  # probability of the intervals that decide on the weight: with one weight intervals nest


class InsideRule:
    """A `ClassRule` whose intervals hold as often of cells inside bodies as of all others.

    Cells of bodies are few, and classes hold most of them beside many that are none: intervals that hold 90 % of all
    cells may miss half of those. Here a cell whose truth is farther from the prior mean than a stated deviation counts
    `weight` times when the quantiles of a class are taken. The weight is the least, of thirteen up to 64, with which
    90 % intervals hold 90 % of such cells on worlds left out. Intervals take in those of all cells alike, so that they
    hold no fewer cells outside. Quantiles, medians and probabilities stay those of all cells alike.

    Parameters
    ----------
    name, frame, worlds, symmetric
        As of `ClassRule`.
    deviation : float
        From the prior mean, physical units.
    middle : ndarray, shape (cells,)
        Prior mean of the cells of `worlds`.
    weight : float, optional
        Default: found as said.

    Attributes
    ----------
    weight, deviation : float
    held : (ndarray, ndarray), each shape (2, 2)
        Share of the cells inside that 50 and 90 % intervals (rows) hold on worlds left out, plain and weighted
        (columns), and its standard error over worlds; NaN where no cell of any world is inside.
    """

    def __init__(self, name, frame, worlds, symmetric, deviation, middle, weight=None):
        self._rule, self._given = ClassRule(name, frame, worlds, symmetric), (deviation, middle)
        self._pick = some_cells(*worlds.truth[name].shape)
        self._index = self._rule.placed(worlds.estimate, self._pick)[3]
        self._scores = self._rule.scores(worlds, self._pick)
        self.weight, self.held = weight, None
        if weight is None:
            self._choose(worlds)
        self._table = self._weighted(slice(None), self._inside(worlds), self.weight)
        del self._index, self._scores

    def __getattr__(self, name):
        if name.startswith("__") or "_rule" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._rule, name)

    @property
    def deviation(self):
        """From the prior mean, physical units, from which a cell is inside."""
        return self._given[0]

    def _inside(self, worlds):
        deviation, middle = self._given
        return np.abs(worlds.truth[self._rule.name] - middle)[:, self._pick] > deviation

    def _weighted(self, worlds, inside, weight):
        """Quantiles of every class, (classes, levels), of some worlds."""
        index, scores = self._index[worlds].ravel(), self._scores[worlds].ravel()
        counts = np.where(inside[worlds].ravel(), weight, 1.0)
        order = np.lexsort((scores, index))
        ends = np.searchsorted(index[order], np.arange(self._rule.classes.size + 1))
        out = self._rule.classes.quantiles.copy()
        for k, (start, stop) in enumerate(pairwise(ends)):
            part = order[start:stop]
            if part.size:
                place = np.cumsum(counts[part]) - 0.5 * (counts[part] + counts[part[0]])  # equal ones: as np.quantile
                out[k] = np.interp(LEVELS, place / (place[-1] or 1.0), scores[part])
        return out

    def _choose(self, worlds):
        inside = self._inside(worlds)
        self.weight, none = 1.0, np.full((2, 2), np.nan)
        self.held = none, none
        if not inside.any():
            return
        for weight in WEIGHTS:
            held = self._left_out_inside(worlds, inside, weight)
            if weight == 1.0:
                plain = held
            self.weight, self.held = weight, tuple(np.stack(pair, axis=1) for pair in zip(plain, held, strict=True))
            if held[0][1] >= DECIDES:
                return

    def _left_out_inside(self, worlds, inside, weight):
        """(share, error) of cells inside that 50 and 90 % intervals hold, classes as they are, quantiles left out."""
        hits = np.zeros((2, worlds.count))
        for test in worlds.folds():
            tables = [self._weighted(~test, inside, w) for w in dict.fromkeys((1.0, weight))]
            ends = self._widest(tables, (0.5, DECIDES), worlds.where(test).estimate, self._pick)
            truth = worlds.truth[self._rule.name][test][:, self._pick]
            held = (ends[:, 0] <= truth) & (truth <= ends[:, 1]) & inside[test]
            hits[:, test] = held.sum(axis=2)
        count = inside.sum(axis=1)
        share = hits.sum(axis=1) / count.sum()
        return share, np.sqrt(np.sum((hits - share[:, None] * count) ** 2, axis=1)) / count.sum()

    def _ends(self, table, probabilities, estimates, cells=slice(None)):
        """Intervals, (k, 2, ..., cells), by a table of quantiles."""
        rule = self._rule
        estimate, std, sign, index = rule.placed(estimates, cells)

        def quantiles(levels):
            out = []
            for level in levels:
                ahead, behind = (level_of(table, q)[index] for q in (level, 1 - level))
                out.append(estimate + std * (np.where(sign < 0, -behind, ahead) if rule.symmetric else ahead))
            return np.maximum(out, 0.0) if rule.positive else np.stack(out)

        if rule.positive:
            ends = np.stack([shortest(table, p) for p in probabilities])
            return from_zero(estimate + std * ends[..., index], quantiles(probabilities))
        found = quantiles(tails(probabilities))
        return found.reshape(-1, 2, *found.shape[1:])

    def _widest(self, tables, probabilities, estimates, cells=slice(None)):
        """Intervals that take in those of each of some tables."""
        found = np.stack([self._ends(table, probabilities, estimates, cells) for table in tables])
        return np.stack([found[:, :, 0].min(axis=0), found[:, :, 1].max(axis=0)], axis=1)

    def intervals(self, probabilities, estimates, cells=slice(None)):
        """Intervals of the truth, (k, 2, ..., cells)."""
        return self._widest([self._rule.classes.quantiles, self._table], probabilities, estimates, cells)

    def left_out(self, worlds):
        """Pairs (mask of worlds, rule learned from the others), all with the weight that was found."""
        for test in worlds.folds():
            yield test, InsideRule(self._rule.name, self._rule.frame, worlds.where(~test), self._rule.symmetric,
                                   *self._given, weight=self.weight)

    def on(self, frame):
        """The same rule for other cells."""
        new = copy.copy(self)
        new._rule = self._rule.on(frame)
        return new
