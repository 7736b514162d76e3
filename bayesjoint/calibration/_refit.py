"""Posteriors one simulated data set at a time, for problems whose posterior covariance depends on the data."""

from inspect import signature

import numpy as np

from .._checks import fail
from ..engines import ENGINES, choose_engine, needs_a_map, posterior
from ..functionals import closed_form, state_weights
from ..map_estimate import find_map
from ._uniformity import rank_of


def refit(problem, data, values, asked, method, options, draws, rng, executor):
    """Ranks (functionals, n) of true values, each among draws of its own posterior, and their standardised errors.

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
    scores : ndarray
        (truth − mean) / std of linear functionals of Gaussian posteriors, else NaN.
    method : str
    """
    seeds = rng.integers(0, 2**63, len(data))
    run = _Refit(problem, asked, method, options, draws)
    mapper = map if executor is None else executor.map
    found = list(mapper(run, data, values.T, seeds))
    ranks, scores = (np.stack([each[k] for each in found], axis=1) for k in range(2))
    return ranks, scores, found[0][2]


def standardised(post, means, values, asked):
    """(truth − mean) / std of linear functionals in closed form, (functionals, n); NaN for the others."""
    out = np.full(values.shape, np.nan)
    exact = {name: closed_form(post, f) for name, f in asked.items()}
    std = np.sqrt(post.state_variance()) if any(e is not None for e in exact.values()) else None
    for k, (name, f) in enumerate(asked.items()):
        if exact[name] is not None:
            weights = state_weights(post.problem, f.weights)
            single = np.flatnonzero(weights)
            # of one cell the std that the posterior reports for it, of sums that of the covariance product
            spread = np.abs(weights[single[0]]) * std[single[0]] if single.size == 1 else exact[name][2]
            out[k] = (values[k] - (means @ weights - f.offset)) / spread
    return out


class _Refit:
    """One simulation; a class, so that processes can be given it."""

    def __init__(self, problem, asked, method, options, draws):
        self.problem, self.asked, self.options, self.draws = problem, asked, options, draws
        self.method = choose_engine(problem)[0] if method == "auto" else method
        # chains of one seed would share their noise over all simulations, and ranks would hang together
        takes = signature(self.method if callable(self.method) else ENGINES[self.method].load()).parameters
        self.seeded = "seed" in takes and "seed" not in options

    def __call__(self, data, values, seed):
        """(ranks and standardised errors of every functional, name of the engine)."""
        problem = self.problem.with_data(data)
        rng = np.random.default_rng(seed)
        post = self._posterior(problem, {"seed": int(rng.integers(2**31))} if self.seeded else {})
        if post.markov and not self.seeded:
            fail("method", "take a seed where it samples chains", f"{self.method!r}: simulations would share noise",
                 "Pass lambda problem, seed: posterior(problem, ..., seed=seed), and no seed among the options.")
        drawn = problem.unpack(post.state_draws(rng, self.draws))
        ranks = [rank_of(value, f.evaluate(drawn), rng) for value, f in zip(values, self.asked.values(), strict=True)]
        scores = standardised(post, post.state_mean()[None], values[:, None], self.asked)
        return np.array(ranks), scores[:, 0], post.method

    def _posterior(self, problem, seed):
        if callable(self.method):
            return self.method(problem, **seed)
        # at the stated α: one moved to the data would be the posterior of another prior than the truths'
        at = find_map(problem, method="map", discrepancy=False) if needs_a_map(problem, self.method) else None
        return posterior(problem, self.method, at=at, **self.options, **seed)
