"""Gibbs sweeps over the weights of data with Student-t noise, under Gaussian priors."""

import numpy as np
from scipy.linalg import lapack

from .._checks import fail
from ..gaussian import DENSE_DATA, CleanCovariance, linear_gaussian
from ..problem import unweighted
from ._datum_weights import DatumWeights


class WeightSampler:
    """Gibbs sampler of a linear problem with Gaussian priors and Student-t noise, in the space of the data.

    A sweep draws the weight of every datum given the clean data, then the clean data given the weights, which is
    Gaussian: a prior draw, noise added, corrected by one solve with S̃ + diag(1/w) (perturb and optimise, Papandreou &
    Yuille 2010), S̃ the prior covariance of the whitened clean data. The model is drawn with them, and worked out where
    a state is kept. So a sweep costs one Cholesky factor of the size of the data for each chain, however many cells.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, no bounds, no penalties; at most 6,000 data.
    """

    name = "exact Gibbs sweeps over the weights of the data"

    def __init__(self, problem):
        if problem.data_size > DENSE_DATA:
            fail("data", f"number at most {DENSE_DATA} for Gibbs sweeps with Student-t noise", f"{problem.data_size}",
                 "Thin the surveys.")
        self._weights = DatumWeights(problem)
        self._model = linear_gaussian(unweighted(problem), stored=True)
        self._signal = np.asfortranarray(CleanCovariance(self._model).whitened())
        self._residual = self._model.whiten(self._model.data - self._model.data_mean)

    def start(self, rng, chains):
        """(clean data over the scale, prior draws of x, weights of the data in its correction) of prior draws."""
        x, clean = self._model.draw(rng, chains)
        return self._model.whiten(clean.T).T, x, np.zeros(clean.shape)

    def sweep(self, state, rng):
        """One sweep of every chain; a new state."""
        root = np.sqrt(self._weights.draw(rng, self._residual - state[0]))
        x, clean = self._model.draw(rng, root.shape[0])
        clean = self._model.whiten(clean.T).T
        right = root * (self._residual - clean) + rng.standard_normal(root.shape)
        for c in range(root.shape[0]):  # a factor each
            right[c] = root[c] * self._solved(root[c], right[c])
        return clean + right @ self._signal, x, right

    def _solved(self, root, right):
        """(√w S̃ √w + I)⁻¹ r."""
        system = np.multiply(root[:, None] * root, self._signal, order="F")
        system.flat[:: root.size + 1] += 1.0
        _, solution, info = lapack.dposv(system, right, lower=1, overwrite_a=1)
        if info != 0:
            fail("the data's covariance", "be positive definite to rounding", "a failed Cholesky factorisation",
                 "Raise the noise std or lower the prior std.")
        return solution

    def states(self, state, rng):
        """State vectors of the problem, (chains, size)."""
        _, x, weights = state
        return self._model.prior_mean + x + self._model.gain(self._model.whiten_adjoint(weights.T)).T
