"""Posteriors with given draws: independent ones, and chains that remember."""

import numpy as np

import bayesjoint as bj
from bayesjoint.engines._posterior import Posterior


class Chains(Posterior):
    """Stationary chains N(center, covariance) with lag-one correlation `memory`."""

    markov = True
    method = "chains"

    def __init__(self, problem, center, covariance, memory):
        super().__init__(problem)
        self._center, self._root, self._memory = center, np.linalg.cholesky(covariance), memory

    def sample(self, draws=200, chains=4, seed=0):
        rng = np.random.default_rng(seed)
        state = rng.standard_normal((chains, self.problem.size))
        kept = []
        for _ in range(draws):
            kept.append(state)
            state = self._memory * state + np.sqrt(1 - self._memory**2) * rng.standard_normal(state.shape)
        return self.problem.unpack(self._center + np.stack(kept, axis=1) @ self._root.T)


def cell_problem(shape=(3, 2, 2)):
    """A problem whose posterior nobody computes."""
    mesh = bj.Mesh.regular(shape, (100.0, 50.0, 40.0), west=10.0, south=20.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=60.0))
    survey = bj.Modality("survey", np.ones((1, mesh.size)), [1.0], bj.DiagonalNoise([1.0]), "density")
    return bj.JointProblem([density], [survey])
