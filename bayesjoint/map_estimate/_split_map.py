"""Multipliers of the bounds of Matérn fields, found on tori where the fields exist."""

import numpy as np

from ..gaussian import DENSE_DATA, CleanCovariance, DenseSystem, data_system, linear_gaussian
from ..priors import DampedCorrelation, DampedMatern, Matern, NoTorus
from ..solvers import project_in_metric, split

SOLVED = 0.01  # of a step's change, where solves are iterative: the next one takes up what is left
WEIGHT = 1.0  # precision of the step's measurements, for values of variance 1: tried from 0.1 to 10


def splits(problem):
    """Whether all bounded or partly known parameters are Matérn fields that end with the mesh."""
    return not problem.prior.continued and all(isinstance(p.prior, Matern) for p in problem.parameters if _held(p))


def _held(parameter):
    return bool(np.isfinite(parameter.lower).any() or np.isfinite(parameter.upper).any() or parameter.fixed_mask.any())


def multipliers_by_splitting(problem, watch, max_steps):
    """Find Σ⁻¹ (x − mean) at the mode between bounds, Σ and the mean those of the posterior without bounds.

    Every step is a posterior mean: of the problem and of one more measurement of every value on the torus, whose prior
    has the spectrum R (I + ρR)⁻¹.

    Parameters
    ----------
    problem : JointProblem
        See `splits`.
    watch : callable
        Called with multipliers, shape (size,), every twentieth step; true stops.
    max_steps : int

    Returns
    -------
    int
        Steps taken: none where a field exists on no torus, as ranges are long against the mesh.
    """
    try:
        fields = _Fields(problem)
    except NoTorus:  # Newton's steps need none
        return 0
    return split(fields.resolvent, fields.project, np.zeros(fields.size),
                 lambda z, u: watch(fields.multipliers(z, u)), max_steps)


class _Fields:
    """All bounded fields on their tori, as one vector of deviations from the prior mean in its std."""

    def __init__(self, problem):
        free = problem.replace(parameters=[p.replace(bounds=None, fixed=None) for p in problem.parameters])
        self.groups, first = [], 0
        for (_, bound), names in zip(free.prior.blocks, free.prior.block_members, strict=True):
            if any(_held(problem.by_name[name]) for name in names):
                self.groups.append(_Group(problem, names, bound, first))
                first = self.groups[-1].where.stop
        self.size = first
        damped = {name: group.damped for group in self.groups for name in group.names}
        free = free.replace(parameters=[p.replace(prior=DampedMatern.of(p.prior, damped[p.name]))
                                        if p.name in damped else p for p in free.parameters])
        if free.data_size <= DENSE_DATA:
            model = linear_gaussian(free)
            self.system = DenseSystem(model, CleanCovariance(model).whitened())
        else:
            self.system = data_system(free, purpose="the MAP")
        self.model, nothing = self.system.model, np.zeros((self.system.size, 1))
        self._last = nothing, nothing, nothing  # residuals, K⁻¹ times them, what that leaves of them

    def resolvent(self, v):
        """The minimiser of Φ with the measurements v."""
        out, seen = np.empty(self.size), np.zeros((self.model.size, 1))
        for group in self.groups:
            out[group.where] = group.smoothed(WEIGHT * v[group.where].reshape(group.shape))
            group.add_cells(out, seen[:, 0])
        white = self.system.residual[:, None] - self.model.whiten(self.model.predict(seen))
        back = self.model.back(self.model.whiten_adjoint(self._project(white)))[:, 0]
        for group in self.groups:
            out[group.where] += group.smoothed(group.from_cells(back))
        return out

    def _project(self, white):
        """P V: solved for what V changed by since the last step, to a share of that, and what was left then."""
        solved, left = self.system.solve(white - self._last[0] + self._last[2], SOLVED)
        self._last = white, self._last[1] + solved, left
        return self.system.eliminate(self._last[1], white)

    def project(self, y):
        """The nearest values between the bounds."""
        out = y.copy()
        for group in self.groups:
            group.project(out)
        return out

    def multipliers(self, z, u):
        """Multipliers of x, shape (size,): 0 where a value is at no bound."""
        out = np.zeros(self.model.size)
        for group in self.groups:
            group.add_multipliers(z, u, out)
        return out


class _Group:
    """Fields of one correlation: their places on the torus, among the cells, and their bounds."""

    def __init__(self, problem, names, bound, first):
        covariance = bound.covariance
        self.names, self.mixing = names, covariance.mixing
        self.damped = DampedCorrelation(covariance.correlation, WEIGHT)
        self.shape = (len(names), *self.damped.shape)
        self.where = slice(first, first + int(np.prod(self.shape)))
        self._metric, self._places = np.linalg.inv(self.mixing), [problem.slices[name] for name in names]
        self._stds, self._mesh = np.array(covariance.stds), covariance.correlation.mesh.shape
        means = bound.mean.reshape(self._stds.shape)
        lower, upper = (np.array([side[place] for place in self._places]) for side in (problem.lower, problem.upper))
        known = np.array([problem.known[place] for place in self._places])
        values = np.array([problem.by_name[name].fixed_values for name in names])
        self._lower, self._upper = (
            np.divide(np.where(known, values, side) - means, self._stds, out=np.full_like(means, free),
                      where=self._stds > 0) for side, free in ((lower, -np.inf), (upper, np.inf)))

    def _cells(self, x):
        """The mesh's part of the vector of all fields, a view, shape (P, nz, ny, nx)."""
        _, ny, nx = self._mesh
        return x[self.where].reshape(self.shape)[:, :, :ny, :nx]

    def smoothed(self, fields):
        """The damped correlation times fields, flat."""
        return np.moveaxis(self.damped.everywhere(np.moveaxis(fields, 0, -1)), -1, 0).ravel()

    def add_cells(self, x, out):
        """Write deviations of m̂ in the mesh's cells to `out`, shape (size,)."""
        for place, std, field in zip(self._places, self._stds, self._cells(x), strict=True):
            out[place] = std * field.ravel()

    def from_cells(self, back):
        """M Sᵀ times a gradient by m̂, on the torus."""
        out, (nz, ny, nx) = np.zeros(self.shape), self._mesh
        pulls = self.mixing @ np.array([std * back[place] for place, std in zip(self._places, self._stds, strict=True)])
        out[:, :, :ny, :nx] = pulls.reshape(-1, nz, ny, nx)
        return out

    def project(self, y):
        """Put the mesh's part of y between the bounds, in place."""
        cells = self._cells(y)
        cells[...] = project_in_metric(cells.reshape(self._lower.shape), self._lower, self._upper,
                                       self._metric).reshape(cells.shape)

    def add_multipliers(self, z, u, out):
        """Write the multipliers of m̂ to `out`, shape (size,)."""
        pull = -WEIGHT * self._metric @ self._cells(u).reshape(self._stds.shape)
        cells = self._cells(z).reshape(self._stds.shape)
        pull = np.where(cells <= self._lower, pull.clip(0.0), np.where(cells >= self._upper, pull.clip(None, 0.0), 0.0))
        for place, each, std in zip(self._places, pull, self._stds, strict=True):
            out[place] = np.divide(each, std, out=np.zeros_like(each), where=std > 0)
