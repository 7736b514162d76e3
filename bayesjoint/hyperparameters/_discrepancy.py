"""Std, range and correlation of a discrepancy as hyperparameters: coordinates, the prior they make, and K's share."""

from dataclasses import replace

import numpy as np

from .._correlation import CORRELATIONS, SLOPES
from .._places import runs
from ..priors import DISCREPANCIES, MatrixDiscrepancy, scaled_distance
from ._coordinates import Coordinate, laid_out, reaching, sized

STD, RANGE, CORRELATION, WHOLE = (f"discrepancy_{key}" for key in ("std", "range", "correlation", "whole"))
KINDS = (STD, RANGE, CORRELATION, WHOLE)
STD_SPAN = (1e-3, 10.0)  # of the data's own std
LARGEST_CORRELATION = 0.995  # of the widest that keeps a matrix positive definite


def discrepancies(problem):
    """Parameters that `add_discrepancy` has added: none or one."""
    return [p for p in problem.parameters if isinstance(p.prior, DISCREPANCIES)]


def discrepancy_coordinates(problem, sizes, tail):
    """Coordinates of a discrepancy, all held: somebody stated them.

    Parameters
    ----------
    problem : JointProblem
    sizes : dict of {str: float}
        Std of every survey's data.
    tail : float
        5 % of the prior of a std lies above this many times the data's own.
    """
    for p in discrepancies(problem):
        prior = p.prior
        if isinstance(prior, MatrixDiscrepancy):
            size = float(np.sqrt(np.mean([sizes[n] ** 2 for n in prior.names])))
            yield sized("discrepancy_std", WHOLE, prior.names, prior.size(), size, STD_SPAN, units=p.units,
                        scale=tail * size, held=True)
            continue
        for name, std in zip(prior.names, prior.std, strict=True):
            yield sized(f"{name}_discrepancy_std", STD, (name,), std, sizes[name], STD_SPAN, held=True,
                        units=problem.surveys[name].units, scale=tail * sizes[name])
        place = np.unique(np.stack([prior.easting, prior.northing], axis=1), axis=0)
        yield reaching(RANGE, RANGE, prior.names, float(np.exp(np.mean(np.log(prior.range)))), *laid_out(place),
                       held=True)
        if len(prior.names) == 2:
            limit = LARGEST_CORRELATION
            value = float(np.clip(prior.correlation[0, 1], -limit, limit))
            yield Coordinate(name=CORRELATION, kind=CORRELATION, targets=prior.names, value=value, low=-limit,
                             high=limit, held=True)


def rebuilt(prior, free, values):
    """The prior with the values of free coordinates."""
    own = [c for c in free if c.kind in KINDS]
    for c in own:
        if c.kind == WHOLE:
            prior = prior.scaled(values[c.name] / prior.size())
        elif c.kind == STD:
            prior = replace(prior, std=tuple(values[c.name] if n in c.targets else s
                                             for n, s in zip(prior.names, prior.std, strict=True)))
        elif c.kind == RANGE:
            factor = values[c.name] / float(np.exp(np.mean(np.log(prior.range))))
            prior = replace(prior, range=tuple(factor * r for r in prior.range))
        else:
            prior = replace(prior, correlation=np.array([[1.0, values[c.name]], [values[c.name], 1.0]]))
    return prior


class DiscrepancyPart:
    """Σ(θ) on the data that are used, and its derivatives.

    Parameters
    ----------
    problem : JointProblem
    rows : list of ndarray of int
        Data used of every modality.
    free : list of Coordinate
        That move.
    """

    def __init__(self, problem, rows, free):
        self._prior = discrepancies(problem)[0].prior
        self._free = [c for c in free if c.kind in KINDS]
        names = self._prior.names
        own = runs(problem.surveys[name].size for name in names)
        # places in the parameter of the data that are used, and their places among these
        used = [(own[names.index(m.name)].start + r, np.arange(where.start, where.stop)) for m, r, where in zip(
            problem.modalities, rows, runs(r.size for r in rows), strict=True) if m.name in names]
        self.index, self.place = (np.concatenate(each) for each in zip(*used, strict=True))
        if isinstance(self._prior, MatrixDiscrepancy):
            self._fixed = self._prior.matrix[np.ix_(self.index, self.index)]
            return
        self._member = self._prior.member[self.index]
        self._distance = scaled_distance(self._prior.easting[self.index], self._prior.northing[self.index],
                                         self._prior.range)
        self._base = float(np.exp(np.mean(np.log(self._prior.range))))

    def add_to(self, matrix, values):
        """Add Σ to K."""
        matrix[np.ix_(self.place, self.place)] += self._matrix(values, CORRELATIONS)

    def against(self, q, coordinate, values):
        """<Q, ∂Σ> for one of its coordinates."""
        part = q[np.ix_(self.place, self.place)]
        if coordinate.kind == RANGE:
            squares = (self._distance * self._base / values[RANGE]) ** 2
            return float(np.vdot(part, squares * self._matrix(values, SLOPES)))
        if coordinate.kind == CORRELATION:
            tilt = (1 - values[CORRELATION] ** 2) * np.array([[0.0, 1.0], [1.0, 0.0]])
            return float(np.vdot(part, self._matrix(values, CORRELATIONS, tilt)))
        whole = part * self._matrix(values, CORRELATIONS)
        if coordinate.kind == WHOLE:
            return 2 * float(whole.sum())
        return 2 * float(whole[self._member == self._prior.names.index(coordinate.targets[0])].sum())

    def _matrix(self, values, family, mixing=None):
        """Σ, with another function for f or another matrix for ρ."""
        prior = rebuilt(self._prior, self._free, values)
        if isinstance(prior, MatrixDiscrepancy):
            return self._fixed * (prior.size() / self._prior.size()) ** 2
        size = np.asarray(prior.std)[self._member]
        mixing = (np.asarray(prior.correlation) if mixing is None else mixing)[np.ix_(self._member, self._member)]
        factor = self._base / float(np.exp(np.mean(np.log(prior.range))))
        return np.outer(size, size) * mixing * family[prior.smoothness](self._distance * factor)
