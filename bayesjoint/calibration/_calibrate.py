"""Simulation-based calibration: the same question asked of the truth and of the posterior, many times over."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._checks import as_count, checked, fail
from .._memory import check_memory
from .._places import blocks
from .._typing import Any, Callable, Executor, JointProblem, Seed, xr
from ..augment import refuse_tangents
from ..engines import has_own_prior, posterior
from ._coverage import PROBABILITIES
from ._questions import default_questions, given_questions
from ._refit import refit, standardised
from ._truths import simulate
from ._uniformity import rank_of
from ._verdict import summarise

UNLIKE = "its mean at other data is not where its own response to them moves it"
USUAL = "200 simulations and 99 draws are usual."
VALUES = 20_000_000  # of draws held at once: 160 MB
COLUMNS = 64  # simulated data sets answered at once
FRESH = 2  # of the simulated data sets that an engine of fixed covariance is given itself
ALLOWED, ROUNDING = 5.0, 1e-8  # stated errors, and share of the move, that its mean may then be off


@checked
def calibrate(problem: JointProblem, n: int = 200, method: str | Callable = "auto", functionals: Any = None,
              seed: Seed = 0, executor: Executor | None = None, *, draws: int = 99, truths: Callable | None = None,
              **options: Any) -> xr.Dataset:
    """Simulation-based calibration of a posterior engine on a problem (Talts et al. 2018; Cook, Gelman & Rubin 2006).

    Truths are drawn from the prior, data simulated from them with the stated noise, posteriors computed; the rank of
    the true value among posterior draws is then uniform for every functional if the engine is right, and intervals hold
    the truth as often as they say. It tests engine and code, not whether prior and noise suit the ground.

    For linear-Gaussian problems the posterior covariance does not depend on the data: the engine is set up once, and
    what it says of the first simulated data (mean, draws, standard deviations) is moved by its own response to each
    other. Two of those are also given to the engine itself: where its mean differs from the moved one by more than its
    stated errors, the verdict says so, and all are.

    Parameters
    ----------
    problem : JointProblem
        Its data play no part.
    n : int, default 200
        Simulations, at least 20.
    method : str or callable, default "auto"
        As in `posterior`, or a function of the problem that returns a posterior, such as
        ``lambda problem, seed: bj.posterior(problem, "gibbs", draws=300, seed=seed)``: a sampler needs the seed it is
        given, or all simulations would share their noise.
    functionals : dict of {str: Functional or callable}, optional
        Scalar questions; a callable takes {parameter: (count, *shape)} in physical units to (count,). Default: 4 random
        cells of each parameter and, on meshes, mass or magnetic moment of a central box and the depth to the top of
        what exceeds prior mean + std in the central column.
    seed : int or numpy.random.Generator, default 0
    executor : concurrent.futures.Executor, optional
        Where posteriors are computed one by one (problems that are not linear-Gaussian) it maps over them.
    draws : int, default 99
        Posterior draws behind each rank: 100 possible ranks, of which 50 and 90 lie in the two central intervals.
    truths : callable, optional
        ``(rng, count) -> {parameter: (count, *shape)}``, prior draws in physical units; needed with gradient or p = 0
        focusing priors. Gramians and Gaussians between bounds are drawn by chains that see no data, refused unless they
        mixed; all others exactly.
    **options
        Of the engine.

    Returns
    -------
    xarray.Dataset
        ``ranks`` (functional, simulation); ``coverage`` (functional, probability) of equal-tailed intervals from draws
        with ``coverage_error``, and ``coverage_closed_form`` of mean ± z · std for linear functionals of a Gaussian
        posterior; ``coverage_lower`` and ``coverage_upper``, the exact 99 % binomial band; ``inside`` (1 where coverage
        lies in it); ``p_value`` of uniform ranks; ``ecdf`` (functional, point) with the simultaneous 99 % band
        ``ecdf_lower``, ``ecdf_upper``; ``flagged``, 1 where a p-value is below 1 % shared out over all tests. The
        attribute ``verdict`` says it in words. `bj.plot.ranks` and `bj.plot.ecdf` draw it.

    Raises
    ------
    ValueError, TypeError
        If there are too few simulations or draws, the prior is flat, or its draws are not known and no `truths` given.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> found = calibrate(bj.JointProblem([slope], [line]), n=100)
    >>> found.verdict, found.inside.values.tolist()
    ('calibrated', [[1, 1]])
    """
    n, draws = as_count("n", n, 20, USUAL), as_count("draws", draws, 9, USUAL)
    check_memory("n", 8.0 * n * (2 * problem.size + problem.data_size), f"{n} truths with data and answers would take",
                 USUAL)
    check_memory("draws", 16.0 * draws * problem.size, f"{draws} of one truth would take", USUAL)
    rng = np.random.default_rng(seed)
    refuse_tangents(problem, "calibration")
    if problem.prior.flat:
        fail("prior", "be proper for calibration: truths are drawn from it", f"flat on {problem.prior.flat}",
             "Give GaussianPrior(mean, covariance) with a broad covariance.")
    if truths is None and not callable(method) and has_own_prior(method):
        fail("truths", f"be given for {method!r}, whose prior holds more than the problem's", "None",
             "Pass lambda rng, n: problem.unpack(post.prior_state_draws(rng, n)), post of that engine.")
    truth, data = simulate(problem, n, truths, rng)
    asked = _questions(problem, functionals, truth, rng)
    fixed = problem.linear_gaussian and executor is None
    engine, follows = method if callable(method) else None, True
    if fixed:
        solve = engine or partial(posterior, method=method, **options)
        post = solve(problem.with_data(data[0]))
        follows = post.markov or _follows(post, solve, data[1 : 1 + FRESH])
        fixed = not post.markov and follows
    values = np.array([f.evaluate(problem.unpack(truth)) for f in asked.values()])
    if fixed:
        ranks, scores, name = *_answer_all(post, truth, data, values, asked, draws, rng), post.method
    else:
        ranks, scores, name = refit(problem, data, values, asked, method, options, draws, rng, executor)
    return summarise(asked, ranks, scores, draws, PROBABILITIES,
                     {"engine": name, "seed": str(seed), "refitted": int(not fixed)}, [] if follows else [UNLIKE])


def _questions(problem, functionals, truth, rng):
    if functionals is None:
        mean, std = (problem.unpack(f(truth, axis=0)) for f in (np.mean, np.std))
        return default_questions(problem, mean, std, rng)
    if not isinstance(functionals, dict) or not functionals or not all(map(callable, (
            getattr(f, "evaluate", f) for f in functionals.values()))):
        fail("functionals", "be a dict of functionals or callables", repr(functionals)[:60], "Name each of them.",
             TypeError)
    return given_questions(functionals)


def _answer_all(post, truth, data, values, asked, draws, rng):
    """(ranks, standardised errors), (functionals, n) each, of an engine whose covariance does not depend on data."""
    problem, n = post.problem, len(truth)
    moved = np.empty_like(truth)
    for part in blocks(n, COLUMNS):
        moved[part] = _moved(post, data[part])
    ranks = np.empty(values.shape, dtype=int)
    for part in blocks(n, max(1, VALUES // (problem.size * draws))):
        count = part.stop - part.start
        said = post.state_draws(rng, count * draws).reshape(count, draws, -1)
        flat = (moved[part, None] + said).reshape(count * draws, -1)
        drawn = problem.unpack(flat)
        for k, f in enumerate(asked.values()):
            ranks[k, part] = rank_of(values[k, part], f.evaluate(drawn).reshape(count, draws), rng)
    return ranks, standardised(post, post.state_mean() + moved, values, asked)


def _moved(post, data):
    """How far the engine moves its mean for other data, (n, n_data) to (n, size)."""
    own = np.concatenate([m.data for m in post.problem.modalities])
    return post.mean_response((data - own).T).T


def _follows(post, solve, data):
    """Whether an engine given other data moves its mean by its own response to them, within its stated errors."""
    for one, moved in zip(data, _moved(post, data), strict=True):
        fresh = solve(post.problem.with_data(one))
        error = post.state_mean_error() + fresh.state_mean_error()
        if np.any(np.abs(fresh.state_mean() - post.state_mean() - moved) > ALLOWED * error + ROUNDING * np.abs(moved)):
            return False
    return True
