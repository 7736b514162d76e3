"""Intervals that hold as well where contrasts are stronger or weaker than the family's."""

import copy

import numpy as np


class ContrastRule:
    """A rule whose intervals also hold on the family's grounds with contrasts multiplied and divided by a factor.

    Data cannot tell a strong contrast from a large body, and no check of the data sees a family whose contrasts are
    wrong. Worlds are therefore learned from three times: as they are, with contrasts multiplied, and divided. An
    interval's end on the far side of the prior mean is the farthest of the three; its other end stays, since nothing
    there hangs on contrast. Quantiles and probabilities are those of the family as stated.

    Parameters
    ----------
    factor : float
        Above 1.
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
        self._factors, self._middle = (factor, 1 / factor), middle
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
        middle = self._rule.frame.middle[cells]
        above = upper - middle >= middle - lower
        for other in self._others:
            ends = other.intervals(probabilities, estimates, cells)
            lower = np.where(above, lower, np.minimum(lower, ends[:, 0]))
            upper = np.where(above, np.maximum(upper, ends[:, 1]), upper)
        return np.stack([np.maximum(lower, 0.0) if self._rule.positive else lower, upper], axis=1)

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
