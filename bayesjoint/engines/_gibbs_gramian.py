"""Gibbs sweeps over two parameters that a Gramian ties and whose priors are Gaussian."""

import numpy as np
from scipy.linalg import cho_solve, eigh, solve_triangular

from .._checks import fail
from ..priors import prior_factor
from ._gibbs_scales import LARGEST_BYTES, Root
from ._whitened import whitened_matrix

UNKNOWN_LIMIT = 6_000  # their precision matrix and its eigenvectors take 0.9 GB


class GramianSampler:
    """Gibbs sampler for exp(−½ λ S_G) times a Gaussian: given one parameter, the other is Gaussian.

    With g = W m̂, the precision of g₁ given g₂ is H₁ + λ (‖g₂‖² I − g₂ g₂ᵀ), H₁ its block in the precision of the
    Gaussian part. In the eigenvectors of H₁, found once, that is a diagonal matrix less one of rank one, whose inverse
    and square root are written down: a draw costs two products with an n x n matrix. Parameters that the Gramian does
    not tie are integrated out, and drawn given the two that it does.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, no bounds, one Gramian of two members in space "model" or "weighted".
    """

    name = "exact Gibbs sweeps, each parameter given the other"

    def __init__(self, problem):
        gramian = problem.penalties[0]
        if problem.ground.sum() > UNKNOWN_LIMIT:
            fail("problem", f"have at most {UNKNOWN_LIMIT} unknowns for a Gramian by Gibbs sweeps",
                 f"{problem.ground.sum()}",
                 "Use a coarser mesh.")
        coupled = np.concatenate([np.arange(problem.size)[problem.slices[name]] for name in gramian.names])
        if problem.known[coupled].any():
            fail("parameters under the Gramian", "have no known cells for Gibbs sweeps with Gaussian priors",
                 f"{int(np.sum(problem.known[coupled]))} known", 'Drop `fixed`, or use method="nuts".')
        coupled = coupled[problem.ground[coupled]]
        self._lambda, self._start = gramian.lambdas[0], problem.start()
        self._ground = problem.by_name[gramian.names[0]].ground  # of both: they share one mesh
        self._rest = np.setdiff1d(np.flatnonzero(problem.free), coupled)
        precision, pull = _gaussian_part(problem)
        self._keep_rest(precision, pull, coupled)
        self._diagonalise(gramian, coupled)

    def _keep_rest(self, precision, pull, coupled):
        """Integrate out what the Gramian does not tie."""
        self._coupled, rest = coupled, self._rest
        self._rest_factor = prior_factor(precision[np.ix_(rest, rest)])
        self._rest_cross, self._rest_pull = precision[np.ix_(rest, coupled)], pull[rest]
        gone = cho_solve((self._rest_factor, True), np.column_stack([self._rest_cross, self._rest_pull]))
        self._precision = precision[np.ix_(coupled, coupled)] - self._rest_cross.T @ gone[:, :-1]
        self._pull = pull[coupled] - self._rest_cross.T @ gone[:, -1]

    def _diagonalise(self, gramian, coupled):
        """Go over to g and to the eigenvectors of both blocks."""
        half = coupled.size // 2
        ground = self._ground
        self._weight = np.concatenate([np.ones(half) if w is None else w[ground] for w in gramian.maps])
        precision = self._precision / self._weight / self._weight[:, None]
        pull, self._blocks = self._pull / self._weight, (slice(0, half), slice(half, None))
        pairs = [eigh(precision[b, b], overwrite_a=False) for b in self._blocks]
        self._values, self._vectors = zip(*pairs, strict=True)
        if min(v[0] for v in self._values) <= 0:
            fail("the Gaussian part of the posterior", "be positive definite to rounding",
                 f"an eigenvalue {min(v[0] for v in self._values):.3g}", "Give broader noise or narrower priors.")
        self._pulls = [v.T @ pull[b] for v, b in zip(self._vectors, self._blocks, strict=True)]
        self._turn = self._vectors[0].T @ self._vectors[1]
        cross = precision[self._blocks[0], self._blocks[1]]
        self._cross = self._vectors[0].T @ cross @ self._vectors[1] if np.any(cross) else None
        del self._precision, self._pull

    def start(self, rng, chains):
        """Coefficients of both parameters in each chain, drawn as if nothing tied them: they spread more widely."""
        return [p / h + rng.standard_normal((chains, h.size)) / np.sqrt(h)
                for h, p in zip(self._values, self._pulls, strict=True)]

    def sweep(self, state, rng):
        """One sweep of every chain."""
        state[0] = self._draw(0, state[1] @ self._turn.T, self._given(state[1], 0), rng)
        state[1] = self._draw(1, state[0] @ self._turn, self._given(state[0], 1), rng)
        return state

    def _given(self, other, member):
        if self._cross is None:
            return self._pulls[member]
        return self._pulls[member] - other @ (self._cross.T if member == 0 else self._cross)

    def _draw(self, member, partner, pull, rng):
        """Draw one parameter's coefficients, (chains, n), given the other's in the same eigenvectors."""
        values = self._values[member]
        size = np.einsum("ci,ci->c", partner, partner)[:, None]
        total = values + self._lambda * size
        scale = 1.0 / np.sqrt(total)
        # 1 − λ vᵀ diag(total)⁻¹ v without cancellation
        left = np.divide(np.sum(partner**2 * (values / total), axis=1, keepdims=True), size, out=np.ones_like(size),
                         where=size > 0)
        root = Root(scale, (scale * partner, left))
        return root.covariance(pull) + root.apply(rng.standard_normal(partner.shape))

    def states(self, state, rng):
        """State vectors of the problem, (chains, size), the parameters that were integrated out drawn."""
        chains = state[0].shape[0]
        x = np.tile(self._start, (chains, 1))
        g = np.concatenate([c @ v.T for c, v in zip(state, self._vectors, strict=True)], axis=1)
        x[:, self._coupled] = g / self._weight
        if self._rest.size:
            right = self._rest_pull[:, None] - self._rest_cross @ x[:, self._coupled].T
            half = solve_triangular(self._rest_factor, right, lower=True) + rng.standard_normal(right.shape)
            x[:, self._rest] = solve_triangular(self._rest_factor, half, lower=True, trans=1).T
        return x


def _gaussian_part(problem):
    """Precision matrix and linear term of the Gaussian factors at the free unknowns, zero elsewhere."""
    matrix, data = whitened_matrix(problem, LARGEST_BYTES)
    mean, covariance = problem.prior.gaussian_moments()
    free = np.flatnonzero(problem.free)
    factor = prior_factor(covariance.dense()[np.ix_(free, free)])
    prior = cho_solve((factor, True), np.eye(free.size))
    precision, pull = np.zeros((problem.size,) * 2), np.zeros(problem.size)
    residual = data - matrix @ np.where(problem.free, 0.0, problem.start())
    precision[np.ix_(free, free)] = 0.5 * (prior + prior.T) + matrix[:, free].T @ matrix[:, free]
    pull[free] = prior @ mean[free] + matrix[:, free].T @ residual
    return precision, pull
