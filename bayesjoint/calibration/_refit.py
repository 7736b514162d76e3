"""Posteriors one simulated data set at a time, for problems whose posterior covariance depends on the data."""

from inspect import signature

import numpy as np

from .._checks import fail
from ..engines import ENGINES, choose_engine, needs_a_map, posterior
from ..map_estimate import find_map
from ._uniformity import rank_of


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
    run = _Refit(problem, asked, method, options, draws)
    mapper = map if executor is None else executor.map
    found = list(mapper(run, data, values.T, seeds))
    return np.stack([ranks for ranks, _ in found], axis=1), found[0][1]


class _Refit:
    """One simulation; a class, so that processes can be given it."""

    def __init__(self, problem, asked, method, options, draws):
        self.problem, self.asked, self.options, self.draws = problem, asked, options, draws
        self.method = choose_engine(problem)[0] if method == "auto" else method
        # chains of one seed would share their noise over all simulations, and ranks would hang together
        takes = signature(self.method if callable(self.method) else ENGINES[self.method].load()).parameters
        self.seeded = "seed" in takes and "seed" not in options

    def __call__(self, data, values, seed):
        """(ranks of every functional, name of the engine)."""
        problem = self.problem.with_data(data)
        rng = np.random.default_rng(seed)
        post = self._posterior(problem, {"seed": int(rng.integers(2**31))} if self.seeded else {})
        if post.markov and not self.seeded:
            fail("method", "take a seed where it samples chains", f"{self.method!r}: simulations would share noise",
                 "Pass lambda problem, seed: posterior(problem, ..., seed=seed), and no seed among the options.")
        drawn = problem.unpack(post.state_draws(rng, self.draws))
        ranks = [rank_of(value, f.evaluate(drawn), rng) for value, f in zip(values, self.asked.values(), strict=True)]
        return np.array(ranks), post.method

    def _posterior(self, problem, seed):
        if callable(self.method):
            return self.method(problem, **seed)
        # at the stated α: one moved to the data would be the posterior of another prior than the truths'
        at = find_map(problem, method="map", discrepancy=False) if needs_a_map(problem, self.method) else None
        return posterior(problem, self.method, at=at, **self.options, **seed)
