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
        self._known = vector.known()
        self._coupling, self._members = coregionalized(vector.problem)

    def ranges(self, member, values):
        """(upward, northing, easting) ranges of a parameter, metres."""
        ranges = np.array(member.prior.ranges())
        for c in self._known.values():
            if c.kind == "range" and member.name in c.targets:
                ranges[list(c.axes)] *= values[c.name] / c.value
        return tuple(float(r) for r in ranges)

    def factor(self, p, q, values, by=None):
        """Factor on the covariance of data that see parameters p and q of one group; its derivative by a coordinate.

        Parameters
        ----------
        p, q : str
        values : dict
            Natural values by name.
        by : Coordinate, optional
            Of kind "std" or "correlation"; others leave the factor as it is.

        Returns
        -------
        float
        """
        scale = self._scale(p, values) * self._scale(q, values)
        tie, tilt = self._tie(p, q, values)
        if by is None or by.kind not in ("std", "correlation"):
            return scale * tie
        if by.kind == "correlation":
            return scale * tilt
        return scale * tie * ((p in by.targets) + (q in by.targets))

    def _scale(self, name, values):
        return values[f"{name}_std"] / self._known[f"{name}_std"].value

    def _tie(self, p, q, values):
        """M_pq and its derivative by atanh ρ."""
        if p == q:
            return 1.0, 0.0
        if "correlation" in values:
            return values["correlation"], 1 - values["correlation"] ** 2
        names = [m.name for m in self._members]
        return float(self._coupling.matrix(len(names))[names.index(p), names.index(q)]), 0.0
