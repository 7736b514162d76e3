"""Truths and data to test an engine by: draws from the prior, seen through the operators, with the stated noise."""

import numpy as np

from .._checks import fail
from ..gaussian import linear_gaussian
from ..problem import unweighted

BLIND = 1e-16  # likelihood exponent of data that say nothing
ROUNDS = 500  # of rejection: with one draw in ten accepted a value is left over once in 1e22


def simulate(problem, n, truths, rng):
    """(x, data): truths (n, size) and noisy data (n, n_data), physical.

    Parameters
    ----------
    problem : JointProblem
    n : int
    truths : callable or None
        ``(rng, count) -> {parameter: (count, *shape)}`` in physical units, where prior draws are not known here.
    rng : numpy.random.Generator
    """
    if truths is None and problem.linear_gaussian:
        model = linear_gaussian(problem)
        x, clean = model.draw(rng, n)
        noise = model.colour(rng.standard_normal((model.data_size, n))).T
        return x + model.prior_mean, clean + model.data_mean + noise
    if truths is None:
        x = _draw_blocks(problem, n, rng)
    else:
        drawn = truths(rng, n)
        x = np.stack([problem.pack({name: a[k] for name, a in drawn.items()}) for k in range(n)])
    clean = np.concatenate([problem.operator(k).matmat(x.T) for k in range(len(problem.modalities))]).T
    return x, clean + drawn_noise(problem, rng, n)


def drawn_noise(problem, rng, n):
    """Noise of n data sets, (n, n_data)."""
    return np.concatenate([m.noise.sample(rng, n) / np.sqrt(problem.weights[m.name]) for m in problem.modalities],
                          axis=1)


def _draw_blocks(problem, n, rng):
    """Draws of priors that are independent of one another; of others by chains that see no data."""
    if problem.prior.continued:
        _refuse("a continued field beside a prior that is not Gaussian")
    gaussian = [index for index, bound in problem.prior.blocks if bound.gaussian]
    if problem.penalties or (problem.bounded and any(np.isfinite([problem.lower[i], problem.upper[i]]).any()
                                                    for i in gaussian)):
        return _by_chains(problem, n, rng)
    x = np.empty((n, problem.size))
    for where, bound in problem.prior.blocks:
        low, high, known = problem.lower[where], problem.upper[where], problem.known[where]
        if bound.gaussian and not np.isfinite([low, high]).any() and not known.any():
            x[:, where] = bound.mean + bound.covariance.sample(rng, n)
        elif getattr(bound, "p", None) == 1 and bound.gradient_operator is None:
            x[:, where] = focusing_draws(bound.rate, bound.epsilon, bound.reference, low, high, rng, n)
        else:
            _refuse("bounds or known cells under a Gaussian prior, or a focusing prior other than p=1 of the model")
    held = ~problem.free
    x[:, held] = problem.start()[held]
    return x


def _by_chains(problem, n, rng):
    """Draws of a prior with a Gramian or of Gaussians between bounds: of chains that see no data, if they mixed."""
    from ..engines import choose_engine, posterior

    blind = unweighted(problem).replace(weights={m.name: BLIND for m in problem.modalities})
    method, _ = choose_engine(blind)
    if method not in ("gibbs", "truncated"):
        _refuse("a prior that no chains can draw")
    post = posterior(blind, method=method, seed=int(rng.integers(2**31)))
    if not post.mixing.passed or n > post.chains.shape[0] * post.chains.shape[1]:
        _refuse(f"chains that draw them with R-hat {post.mixing.worst[0]:.3f}")
    return post.state_draws(rng, n)


def focusing_draws(rate, epsilon, center, low, high, rng, count):
    """Draws (count, cells) of the density ∝ exp(−a √((x − c)² + ε²)) between bounds, by rejection from Laplace's.

    Parameters
    ----------
    rate, center, low, high : ndarray, shape (cells,)
        a, c and the bounds.
    epsilon : float
        ε; a ε must not be large, for the share accepted is at least exp(−a ε) of what lies between the bounds.
    rng : numpy.random.Generator
    count : int
    """
    out, open_ = np.empty((count, rate.size)), np.ones((count, rate.size), dtype=bool)
    for _ in range(ROUNDS):
        row, cell = np.nonzero(open_)
        if not row.size:
            return out
        step = rng.laplace(scale=1 / rate[cell])
        value = center[cell] + step
        kept = rng.random(row.size) < np.exp(-rate[cell] * (np.hypot(step, epsilon) - np.abs(step)))
        kept &= (value >= low[cell]) & (value <= high[cell])
        out[row[kept], cell[kept]] = value[kept]
        open_[row[kept], cell[kept]] = False
    return _refuse("a focusing prior whose epsilon or bounds leave too little of Laplace's density")


def _refuse(found):
    return fail("truths", "be given where prior draws are not known", found,
                "Pass a function (rng, count) -> {parameter: (count, *shape)}.")
