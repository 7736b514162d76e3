"""How hyperparameters enter the data's prior covariance: a factor on every pair of views, and the ranges."""

import numpy as np

from ._parts import coregionalized


class PairFactors:
    """Factors M_pq f_p f_q of a vector's values, and their derivatives.

    Parameters
    ----------
    vector : HyperVector
    """

    def __init__(self, vector):
        known = vector.known().values()
        self._shapes = [c for c in known if c.kind in ("range", "angle")]
        self._stds = {(c.targets[0], c.place): c for c in known if c.kind == "std"}
        self._coupling, self._members = coregionalized(vector.problem)

    def law(self, fields, values):
        """Ranges of `Fields` and, where there is a dip, strike and dip: see `Matern.law`."""
        law = np.array(fields.members[0].prior.law())
        for c in self._shapes:
            if fields.touched(c):
                if c.kind == "range":
                    law[list(c.axes)] *= values[c.name] / c.value
                else:
                    law[list(c.axes)] = values[c.name]
        return tuple(float(r) for r in law)

    def factor(self, fields, p, q, values, by=None):
        """Factor on the covariance of data that see two of some `Fields`; its derivative by a coordinate.

        Parameters
        ----------
        fields : Fields
        p, q : str
            Members.
        values : dict
            Natural values by name.
        by : Coordinate, optional
            Of kind "std" or "correlation" of these fields; others leave the factor as it is.

        Returns
        -------
        float
        """
        scale = self._scale(p, fields.place, values) * self._scale(q, fields.place, values)
        tie, tilt = self._tie(p, q, values)
        if by is None or by.kind not in ("std", "correlation"):
            return scale * tie
        if by.kind == "correlation":
            return scale * tilt
        return scale * tie * ((p in by.targets) + (q in by.targets))

    def _scale(self, name, place, values):
        c = self._stds[name, place]
        return values[c.name] / c.value

    def _tie(self, p, q, values):
        """M_pq and its derivative by atanh ρ."""
        if p == q:
            return 1.0, 0.0
        if "correlation" in values:
            return values["correlation"], 1 - values["correlation"] ** 2
        names = [m.name for m in self._members]
        return float(self._coupling.matrix(len(names))[names.index(p), names.index(q)]), 0.0
