"""A small problem's log density and gradient in coordinates without bounds, about white, for a Hamiltonian sampler."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import expit, log_expit

from .._checks import fail
from ..noise import is_gaussian
from ..priors import typical_precision
from ..problem import unweighted
from ._whitened import whitened_matrix

LARGEST_BYTES = 1e9
LOGISTIC = 3 / np.pi**2  # precision of the logistic law, which a uniform prior has in logits
WORST_CONDITION = 1e13


class SmallDensity:
    """log p(x | d) + log |dx/dz| over white coordinates z, (free,).

    Unknowns with bounds go through a logit (two-sided) or a logarithm (one-sided) to t, and t = t₀ + R z, R the root of
    the covariance of a Gaussian reference: the data with Gaussian priors, focusing priors replaced by Gaussians of
    about their width, Student-t noise by its Gaussian. The reference sets scales only; the density is exact, weights of
    Student-t data and an unknown dof summed out.

    Parameters
    ----------
    problem : JointProblem
        A proper density with linear operators.
    """

    def __init__(self, problem):
        self._problem, self._free = problem, np.flatnonzero(problem.free)
        self._x = problem.start()
        self._penalties = problem.penalties
        self._others = [(index, bound) for index, bound in problem.prior.blocks if not bound.gaussian]
        self._hessian, self._pull = self._quadratic()
        self._transform = _Bounds(problem.lower[self._free], problem.upper[self._free])
        self._place()
        self.size = self._free.size

    def _quadratic(self):
        """Hessian and linear term, over all unknowns, of Gaussian misfits and priors; keep what is not Gaussian."""
        problem = self._problem
        matrix, data = whitened_matrix(unweighted(problem), LARGEST_BYTES)
        self._students = [(problem.operator(name).matrix(), problem.surveys[name]) for name in problem.data_slices
                          if not is_gaussian(problem.surveys[name].noise)]
        self._tails = np.zeros((problem.size,) * 2)
        for _, m in self._students:
            rows = problem.data_slices[m.name]
            self._tails += matrix[rows].T @ matrix[rows]
            matrix[rows] = 0.0
        hessian, pull = matrix.T @ matrix, matrix.T @ data
        for index, bound in self._problem.prior.blocks:
            if bound.gaussian:
                cells = np.arange(self._problem.size)[index]
                precision = bound.covariance.solve(np.eye(cells.size))
                hessian[np.ix_(cells, cells)] += 0.5 * (precision + precision.T)
                pull[cells] += precision @ bound.mean
        return hessian, pull

    def _place(self):
        """Origin and root of the white coordinates."""
        reference = self._hessian + self._tails
        for index, bound in self._others:
            cells = np.arange(reference.shape[0])[index]
            reference[np.ix_(cells, cells)] += typical_precision(bound)
        self._origin = self._transform.inverse(self._x[self._free])
        _, slope, _, _ = self._transform.forward(self._origin)
        curvature = slope[:, None] * reference[np.ix_(self._free, self._free)] * slope
        curvature.flat[:: curvature.shape[0] + 1] += self._transform.precision
        try:
            factor = cholesky(curvature, lower=True)
        except LinAlgError:
            factor = None
        if factor is None or np.ptp(np.log(np.diag(factor))) > 0.5 * np.log(WORST_CONDITION):
            fail("posterior", "be proper", "a direction that neither prior nor data nor bounds hold",
                 "Give every parameter a prior, such as GaussianPrior(mean, covariance) with a broad covariance.")
        self._root = solve_triangular(factor, np.eye(factor.shape[0]), lower=True, trans=1)

    def __call__(self, z):
        """(log density, gradient) at z, constants dropped."""
        value, slope, log_slope, log_slope_gradient = self._transform.forward(self._origin + self._root @ z)
        x = self._x.copy()
        x[self._free] = value
        pulled = self._hessian @ x
        phi, gradient = 0.5 * (x @ pulled) - self._pull @ x, pulled - self._pull
        for index, bound in self._others:
            phi += bound.value(x[index])
            gradient[index] += bound.gradient(x[index])
        for matrix, m in self._students:
            part, slopes = m.noise.penalty(matrix @ x - m.data)
            phi += part
            gradient += matrix.T @ slopes
        if self._penalties:
            parts = self._problem.parts(x)
            for bound in self._penalties:
                part, slopes = bound.look(parts)
                phi += part
                self._problem.add_parts(gradient, slopes)
        toward = log_slope_gradient - gradient[self._free] * slope
        return float(log_slope.sum() - phi), self._root.T @ toward

    def states(self, z):
        """State vectors of the problem for white coordinates z, (..., free) to (..., size)."""
        out = np.broadcast_to(self._x, (*z.shape[:-1], self._x.size)).copy()
        out[..., self._free] = self._transform.forward(self._origin + z @ self._root.T)[0]
        return out


class _Bounds:
    """x = t, l + eᵗ, u − eᵗ or l + (u − l) σ(t), by which bounds are finite."""

    def __init__(self, lower, upper):
        low, high = np.isfinite(lower), np.isfinite(upper)
        self._two, self._one = low & high, low ^ high
        self._sign = np.where(high & ~low, -1.0, 1.0)
        self._base = np.where(low, lower, np.where(high, upper, 0.0))
        self._width = np.where(self._two, upper - np.where(low, lower, 0.0), 1.0)
        if np.any(self._two & (self._width <= 0)):
            fail("bounds", "leave room between them", "equal bounds", "Use fixed= for known cells.")
        self.precision = np.where(self._two, LOGISTIC, np.where(self._one, 1.0, 0.0))

    def forward(self, t):
        """(x, dx/dt, log |dx/dt|, its derivative)."""
        x, slope, log_slope, change = t.copy(), np.ones_like(t), np.zeros_like(t), np.zeros_like(t)
        if self._one.any():
            grown = np.exp(t)
            x = np.where(self._one, self._base + self._sign * grown, x)
            slope = np.where(self._one, self._sign * grown, slope)
            log_slope, change = np.where(self._one, t, 0.0), np.where(self._one, 1.0, 0.0)
        if self._two.any():
            share = expit(t)
            x = np.where(self._two, self._base + self._width * share, x)
            slope = np.where(self._two, self._width * share * (1 - share), slope)
            log_slope = np.where(self._two, log_expit(t) + log_expit(-t), log_slope)
            change = np.where(self._two, 1 - 2 * share, change)
        return x, slope, log_slope, change

    def inverse(self, x):
        """Coordinates t of a starting point, moved off the bounds."""
        share = np.clip((x - self._base) / self._width, 0.1, 0.9)
        above = np.maximum(self._sign * (x - self._base), 0.1)
        return np.where(self._two, np.log(share / (1 - share)), np.where(self._one, np.log(above), x))
