"""Intervals widened for contrasts that are stronger or weaker than the family's."""

import copy

import numpy as np

SIDE = 0.9  # probability of the interval that decides which end is the far one
STEP = 1.5  # largest step between factors that are learned from: between distant ones the ends would sag


class ContrastRule:
    """A rule whose intervals are wider for the family's grounds with contrasts multiplied and divided by a factor.

    Data cannot tell a strong contrast from a large body, and no check of the data sees a family whose contrasts are
    wrong. Rules are therefore learned from the worlds as they are, and from the worlds with contrasts multiplied and
    divided, in steps of at most 1.5. Of an interval, the end that is farther from the prior mean becomes the farthest
    of all these rules; which end that is, is decided once for each cell, at 90 %. The other end stays as the family has
    it: moved too, it would hold plain background in 99 % of the cells. It therefore misses some points more where
    contrasts differ. Quantiles and probabilities are those of the family as stated.

    Parameters
    ----------
    factor : float
        Above 1, at most 2.
    make : callable
        ``make(worlds)`` gives the rule learned from worlds: a `ClassRule` or a `LearnedRule`.
    worlds : Worlds
    middle : dict of ndarray, shape (cells,)
        {parameter: prior mean of the cells of `worlds`}.

    Notes
    -----
    Answers are linear in the data, so that a world of other contrasts need not be drawn anew: truth and answer are
    moved away from the prior mean alike. The noise is moved with them: intervals are a little wider than they need be.
    """

    def __init__(self, factor, make, worlds, middle):
        steps = int(np.ceil(np.log(factor) / np.log(STEP)))
        powers = np.arange(1, steps + 1) / steps
        self._factors, self._middle = (*factor**powers, *factor**-powers), middle
        self._rule = make(worlds)
        self._others = [make(worlds.scaled(f, middle)) for f in self._factors]

    def __getattr__(self, name):
        if name.startswith("__") or "_rule" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._rule, name)

    def intervals(self, probabilities, estimates, cells=slice(None)):
        """Intervals of the truth, (k, 2, ..., cells)."""
        out = self._rule.intervals(probabilities, estimates, cells)
        lower, upper = out[:, 0].copy(), out[:, 1].copy()
        above = self._upward(estimates, cells)
        for other in self._others:
            ends = other.intervals(probabilities, estimates, cells)
            lower = np.where(above, lower, np.minimum(lower, ends[:, 0]))
            upper = np.where(above, np.maximum(upper, ends[:, 1]), upper)
        return np.stack([np.maximum(lower, 0.0) if self._rule.positive else lower, upper], axis=1)

    def _upward(self, estimates, cells):
        """Whether the upper end is the one farther from the prior mean: at one probability, so that intervals nest."""
        lower, upper = self._rule.intervals([SIDE], estimates, cells)[0]
        return upper + lower >= 2 * self._rule.frame.middle[cells]

    def left_out(self, worlds):
        """Pairs (mask of worlds, rule learned from the others)."""
        each = [self._rule.left_out(worlds), *(other.left_out(worlds.scaled(f, self._middle))
                                               for f, other in zip(self._factors, self._others, strict=True))]
        for (test, rule), *others in zip(*each, strict=True):
            yield test, self._of(rule, [other for _, other in others])

    def on(self, frame):
        """The same rule for other cells."""
        return self._of(self._rule.on(frame), [other.on(frame) for other in self._others])

    def _of(self, rule, others):
        new = copy.copy(self)
        new._rule, new._others = rule, others
        return new
