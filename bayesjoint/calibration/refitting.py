"""Posteriors one simulated data set at a time, for problems whose posterior covariance depends on the data."""

import numpy as np

from ..engines import posterior
from ..map_estimate import find_map


def refit(problem, data, values, asked, method, options, draws, rng, executor):
    """Ranks (functionals, n) of true values, each among draws of its own posterior.

    Parameters
    ----------
    problem : JointProblem
    data : ndarray, shape (n, n_data)
    values : ndarray, shape (functionals, n)
        True values.
    asked : dict of Functional
    method : str or callable
    options : dict
        Of the engine.
    draws : int
    rng : numpy.random.Generator
        Every simulation gets a stream of its own, so that the result does not depend on the executor.
    executor : concurrent.futures.Executor or None

    Returns
    -------
    ranks : ndarray of int
    method : str
    """
    seeds = rng.integers(0, 2**63, len(data))
    run = _Run(problem, asked, method, options, draws)
    mapper = map if executor is None else executor.map
    found = list(mapper(run, data, values.T, seeds))
    return np.stack([ranks for ranks, _ in found], axis=1), found[0][1]


class _Run:
    """One simulation; a class, so that processes can be given it."""

    def __init__(self, problem, asked, method, options, draws):
        self.problem, self.asked, self.method, self.options, self.draws = problem, asked, method, options, draws

    def __call__(self, data, values, seed):
        """(ranks of every functional, name of the engine)."""
        places = np.cumsum([m.size for m in self.problem.modalities])[:-1]
        parts = zip(self.problem.modalities, np.split(data, places), strict=True)
        surveys = [m.replace(data=part) for m, part in parts]
        problem = self.problem.replace(modalities=surveys)
        rng = np.random.default_rng(seed)
        post = self.method(problem) if callable(self.method) else self._engine(problem)
        drawn = problem.unpack(post._draws(rng, self.draws))
        ranks = []
        for value, f in zip(values, self.asked.values(), strict=True):
            among = f.evaluate(drawn)
            ranks.append(np.sum(among < value) + rng.integers(0, np.sum(among == value) + 1))
        return np.array(ranks), post.method

    def _engine(self, problem):
        at_a_map = self.method == "laplace"
        at = find_map(problem, method="map") if at_a_map else None
        return posterior(problem, self.method, at=at, **self.options)
