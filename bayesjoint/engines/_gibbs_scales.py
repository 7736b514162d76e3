"""Gibbs sweeps over the scales of focusing priors, with or without a Gramian."""

import numpy as np
from scipy.linalg import blas, block_diag, lapack

from .._checks import fail
from ..priors import DENSE_LIMIT, ConditionedCovariance, DiagonalCovariance, ScaleMixture, prior_factor
from ..problem import unweighted
from ._datum_weights import DatumWeights
from ._whitened import whitened_matrix

LARGEST_BYTES = 3e9  # of the whitened matrix of the forward operators


class ScaleSampler:
    """Gibbs sampler where the non-Gaussian parts are focusing priors (p = 1) and at most one Gramian of two members.

    A sweep draws the precision u of every focusing cell given the model (`ScaleMixture`), then the model given u,
    which is Gaussian: all of it at once without a Gramian, and with one its members in turn. A Gaussian draw perturbs
    prior and data and solves one system of the size of the data or of the cells, whichever is smaller (Papandreou &
    Yuille 2010; Bhattacharya, Chakraborty & Mallick 2016), so that it is exact. Where noise is Student-t, weights of
    the data are drawn at the beginning of each sweep, and scale the rows.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, no bounds; priors Gaussian or Focusing(p=1), members of a Gramian cell by cell.
    """

    name = "exact Gibbs sweeps over the scales of the focusing prior"

    def __init__(self, problem):
        self._gramian = problem.penalties[0] if problem.penalties else None
        self._slices, self._size = problem.slices, problem.size
        self._weights = None if problem.gaussian_noise else DatumWeights(problem)
        matrix, residual = whitened_matrix(unweighted(problem), LARGEST_BYTES)
        self._fixed = problem.start()  # known cells; the others are overwritten
        self._sort_out(problem)
        still = np.where(problem.free, 0.0, self._fixed)
        still[self._rest] = self._rest_mean
        self._residual = residual - matrix @ still
        self._matrix = np.asfortranarray(matrix[:, self._index])
        self._sees_rest = matrix[:, self._rest]
        self._rest_matrix = self._sees_rest @ self._root
        self._rest_signal = self._rest_matrix @ self._rest_matrix.T
        self._groups = self._alternation()

    # -- setting up --------------------------------------------------------------------------------------------------
    def _sort_out(self, problem):
        """Split the free unknowns into those independent given the scales (`_index`) and the rest."""
        cells_of, mixtures, precision, center = [], [], np.zeros(problem.size), np.zeros(problem.size)
        rest, means, roots = [], [], []
        members = [] if self._gramian is None else self._gramian.names
        coupled = np.zeros(problem.size, dtype=bool)
        for name in members:
            coupled[problem.slices[name]] = True
        for index, bound in problem.prior.blocks:
            cells = np.arange(problem.size)[index]
            free = problem.free[cells]
            if not bound.gaussian:
                mixtures.append((cells[free], ScaleMixture(bound, free)))
                cells_of.append(cells[free])
            elif coupled[cells].any():
                _check_cellwise(bound)
                variance = bound.covariance.diagonal()
                precision[cells[free]], center[cells] = 1.0 / variance[free], bound.mean
                cells_of.append(cells[free])
            else:
                mean, root = _moments(bound, free, self._fixed[cells])
                rest, means, roots = [*rest, cells[free]], [*means, mean], [*roots, root]
        self._index = np.sort(np.concatenate(cells_of))
        self._mixtures = [(np.searchsorted(self._index, cells), mixture) for cells, mixture in mixtures]
        self._precision, self._center = precision[self._index], center[self._index]
        for where, mixture in self._mixtures:
            self._center[where] = mixture.center
        self._rest = np.concatenate([np.zeros(0, dtype=int), *rest])
        self._rest_mean = np.concatenate([np.zeros(0), *means])
        self._root = block_diag(np.zeros((0, 0)), *roots)

    def _alternation(self):
        """(places among `_index`, Gramian member or None) of the groups drawn in turn."""
        if self._gramian is None:
            return [(np.arange(self._index.size), None)]
        groups, left = [], np.ones(self._index.size, dtype=bool)
        for name in self._gramian.names:
            where = self._slices[name]
            inside = (self._index >= where.start) & (self._index < where.stop)
            groups.append((np.flatnonzero(inside), name))
            left &= ~inside
        return groups + ([(np.flatnonzero(left), None)] if left.any() else [])

    # -- sampling ----------------------------------------------------------------------------------------------------
    def start(self, rng, chains):
        """States of `chains` chains, (chains, size), spread more widely than the posterior."""
        x = np.tile(self._fixed, (chains, 1))
        gaussian = self._precision > 0
        x[:, self._index[gaussian]] = self._center[gaussian] + (
            rng.standard_normal((chains, gaussian.sum())) / np.sqrt(self._precision[gaussian]))
        for where, mixture in self._mixtures:
            x[:, self._index[where]] = mixture.disperse(rng, chains)
        x[:, self._rest] = self._rest_mean + rng.standard_normal((chains, self._rest.size)) @ self._root.T
        return x

    def sweep(self, x, rng):
        """One sweep of every chain, in place; return x."""
        precision = np.tile(self._precision, (x.shape[0], 1))
        for where, mixture in self._mixtures:
            precision[:, where] = mixture.draw_precisions(rng, x[:, self._index[where]])
        root = None if self._weights is None else np.sqrt(self._weights.draw(rng, self._left(x)))
        for where, member in self._groups:
            self._update(x, precision[:, where], where, member, rng, root)
        return x

    def _left(self, x):
        """Residuals over the scale of the noise, (chains, n_data)."""
        return self._residual - x[:, self._index] @ self._matrix.T - (
            x[:, self._rest] - self._rest_mean) @ self._sees_rest.T

    def states(self, x, rng):
        """State vectors of the problem, (chains, size)."""
        return x

    def _update(self, x, precision, where, member, rng, root_weight):
        """Draw one group of cells, and the rest, given the precisions, the data's weights and the other groups."""
        cells, pull = self._index[where], precision * self._center[where]
        turn = None
        if member is not None:
            precision, pull, turn = self._coupled(x, precision, pull, cells, member)
        scale = 1.0 / np.sqrt(precision)
        root = Root(scale, turn)
        mean = root.covariance(pull)
        others = np.ones(self._index.size, dtype=bool)
        others[where] = False
        matrix, residual = self._matrix, self._residual[None]
        if others.any():
            matrix = self._matrix[:, where]
            residual = residual - x[:, self._index[others]] @ self._matrix[:, others].T
        residual = residual - mean @ matrix.T
        white, rest = rng.standard_normal(scale.shape), rng.standard_normal((x.shape[0], self._rest.size))
        if root_weight is not None:
            residual = root_weight * residual
        noisy = residual + rng.standard_normal((x.shape[0], self._residual.size))
        for c in range(x.shape[0]):  # symmetric products and Cholesky solves dominate, and have no batched form
            white[c], rest[c] = self._condition(root.under(matrix, c), white[c], rest[c], noisy[c],
                                                None if root_weight is None else root_weight[c])
        x[:, cells] = mean + root.apply(white)
        x[:, self._rest] = self._rest_mean + rest @ self._root.T

    def _coupled(self, x, precision, pull, cells, member):
        """Add the Gramian, given the other member: λ (s W² − v vᵀ) with v = W g and s = ‖g‖², g the other's W m̂."""
        bound = self._gramian
        other = bound.names[1 - bound.names.index(member)]
        inside = cells - self._slices[member].start
        own, partner = (_mapped(bound, name, x[:, self._slices[name]]) for name in (member, other))
        lam, size = bound.lambdas[0], np.einsum("ci,ci->c", partner, partner)[:, None]
        weight = _mapped(bound, member, np.ones(own.shape[1]))[inside]
        vector = weight * partner[:, inside]
        known = np.einsum("ci,ci->c", own, partner)[:, None] - np.einsum(
            "ci,ci->c", own[:, inside], partner[:, inside])[:, None]
        total = precision + lam * size * weight**2
        # 1 − λ vᵀ diag(total)⁻¹ v, written as a sum of positive terms
        missed = size - np.einsum("ci,ci->c", partner[:, inside], partner[:, inside])[:, None]
        left = np.sum(partner[:, inside] ** 2 * precision / total, axis=1, keepdims=True) + np.maximum(missed, 0.0)
        left = np.divide(left, size, out=np.ones_like(left), where=size > 0)
        return total, pull + lam * known * vector, (vector / np.sqrt(total), left)

    def _condition(self, matrix, white, rest, noisy, root_weight):
        """Turn prior draws of white unknowns into posterior ones, given data with noise added."""
        count, size = matrix.shape[0], white.size + rest.size
        rest_matrix, rest_signal = self._rest_matrix, self._rest_signal
        if root_weight is not None:
            matrix = np.multiply(root_weight[:, None], matrix, order="F")
            rest_matrix = root_weight[:, None] * rest_matrix
            rest_signal = root_weight[:, None] * rest_signal * root_weight
        if count <= size:
            system = blas.dsyrk(1.0, matrix, lower=1) + rest_signal
            system.flat[:: count + 1] += 1.0
            weights = _solve(system, noisy - matrix @ white - rest_matrix @ rest)
            return white + matrix.T @ weights, rest + rest_matrix.T @ weights
        joined = np.asfortranarray(np.hstack([matrix, rest_matrix]))
        system = blas.dsyrk(1.0, joined, trans=1, lower=1)
        system.flat[:: size + 1] += 1.0
        both = _solve(system, joined.T @ noisy + np.concatenate([white, rest]))
        return both[: white.size], both[white.size :]


class Root:
    """R = diag(t) (I + β û ûᵀ), RRᵀ the inverse of diag(t)⁻² − λ v vᵀ, for every chain.

    `turn` is (diag(t) v, 1 − λ vᵀ diag(t)² v), or None without a Gramian.
    """

    def __init__(self, scale, turn):
        self.scale, self.unit = scale, None
        if turn is not None:
            length = np.linalg.norm(turn[0], axis=1, keepdims=True)
            self.unit = np.divide(turn[0], length, out=np.zeros_like(turn[0]), where=length > 0)
            self.stretch = 1.0 / np.sqrt(turn[1]) - 1.0

    def apply(self, white):
        """R s, (chains, cells)."""
        if self.unit is None:
            return self.scale * white
        return self.scale * (white + self.stretch * self.unit * self._along(white))

    def covariance(self, pull):
        """R Rᵀ h, (chains, cells)."""
        half = self.scale * pull
        return self.apply(half if self.unit is None else half + self.stretch * self.unit * self._along(half))

    def under(self, matrix, chain):
        """A R of one chain."""
        out = np.multiply(matrix, self.scale[chain], order="F")
        if self.unit is not None:
            out += np.outer(self.stretch[chain] * (out @ self.unit[chain]), self.unit[chain])
        return out

    def _along(self, white):
        return np.einsum("ci,ci->c", self.unit, white)[:, None]


def _mapped(gramian, name, flat):
    """W m̂ of a Gramian's member."""
    weights = gramian.maps[gramian.names.index(name)]
    return flat if weights is None else weights * flat


def _solve(system, right):
    _, solution, info = lapack.dposv(system, right, lower=1, overwrite_a=1)
    if info != 0:
        fail("the conditional precision", "be positive definite to rounding", "a failed Cholesky factorisation",
             "Raise the noise std or alpha.")
    return solution


def _check_cellwise(bound):
    if not isinstance(bound.covariance, DiagonalCovariance):
        fail("priors under a Gramian", "be Focusing(p=1) or MinimumLength where one of them is focusing or the "
             "noise is Student-t", type(bound.covariance).__name__,
             "Use Gaussian noise and Gaussian priors for both, or MinimumLength or focusing ones for both.")


def _moments(bound, free, values):
    """Mean of the free cells of a Gaussian block and a root of their covariance, given the known ones."""
    if free.sum() > DENSE_LIMIT:
        fail("Gaussian priors", f"cover at most {DENSE_LIMIT} unknowns beside a focusing one", f"{free.sum()}",
             "Use a coarser mesh, or a focusing prior for every property.")
    mean, covariance = bound.mean, bound.covariance
    known = np.flatnonzero(~free & (covariance.diagonal() > 0))  # air is not known: it takes no part
    if known.size:
        covariance = ConditionedCovariance(covariance, known)
        mean = mean + covariance.shift(values[known] - mean[known])
    return mean[free], prior_factor(covariance.dense()[np.ix_(free, free)])
