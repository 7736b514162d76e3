"""How much of one property shows up in the estimate of another."""

from __future__ import annotations

import numpy as np

from .._checks import checked
from .._typing import Posterior, Seed, xr
from ..dataset import DatasetBuilder
from ..problem import add_map
from ._estimator import Estimator, carried, finished, over, prior_std, probe_count, quadratic, root_and_error, use_exact
from ._resolution_operator import ResolutionOperator


@checked
def leakage(post: Posterior, method: str = "auto", probes: int = 64, seed: Seed = 0) -> xr.Dataset:
    """Block norms of the resolution matrix and the cross-leakage between properties, as maps and one table.

    R_pq answers: if only property q of the ground deviates from the prior mean, what of it appears in the estimate of
    p? Its map is the std that a truth drawn from q's prior alone causes in the posterior mean of each cell of p, as a
    share of p's prior std; its norm is ‖D_p⁻¹ R_pq D_q‖ (Frobenius), D the prior stds. Blocks p ≠ q leak; without
    coupling, and when no survey sees both, they are zero. A coupling leaks on purpose: what it borrows from the other
    property is right only if the stated correlation is.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    method : {"auto", "exact", "stochastic"}, default "auto"
        As in `resolution`; "stochastic" takes truths drawn from the prior, and random signs for the norms.
    probes : int, default 64
        Of each kind and property; a map is then known to 9 %.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        Maps ``<p>_from_<q>``; table ``norm`` and ``rms`` (root mean square of the map) over (estimated, true). Each
        with its ``_error``, 0 where exact, NaN where the posterior is a sample. Where the prior is not Gaussian a
        truth of unit variance (of m/scale) in every cell stands in for a prior draw, which the attribute ``truth``
        says.

    Raises
    ------
    ValueError
        As `resolution`.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> a, b = (bj.Parameter(k, 1, prior=bj.GaussianPrior(0.0, 1.0)) for k in "ab")
    >>> sum_of_both = bj.Modality("line", [[1.0, 1.0]], [3.0], bj.DiagonalNoise([1.0]), ("a", "b"))
    >>> leakage(bj.posterior(bj.JointProblem([a, b], [sum_of_both]))).rms.values.round(4)
    array([[0.3333, 0.3333],
           [0.3333, 0.3333]])
    """
    probes, exact = probe_count(probes), use_exact(post, method)
    std = prior_std(post)
    truth = "unit variance" if std is None else "prior"
    std = np.ones(post.problem.size) * post.problem.free if std is None else std
    found = _exactly(post, std, truth) if exact else _by_draws(post, std, truth, probes, np.random.default_rng(seed))
    names = [p.name for p in post.problem.parameters]
    result = DatasetBuilder()
    result.along("estimated", names, "property that is estimated")
    result.along("true", names, "property of the ground that causes it")
    for p in post.problem.parameters:
        for q in names:
            values, error = found[p.name, q]["map"]
            add_map(result, p, f"from_{q}", values, "1",
                    f"std of estimated {p.name} caused by true {q} alone, share of the prior std", error)
    words = {"norm": "Frobenius norm of the block of the resolution matrix, in units of the prior std",
             "rms": "rms over cells of what is caused in the estimate, share of the prior std"}
    for key, long_name in words.items():
        value, error = np.moveaxis([[found[p, q][key] for q in names] for p in names], -1, 0)
        result.add(key, ("estimated", "true"), value, "1", long_name, error)
    how = "dense algebra over cells and data" if exact else f"{probes} truths and {probes} random signs a property"
    return finished(result, post, {"method": how, "engine": post.method, "seed": str(seed), "truth": truth})


def _exactly(post, std, truth):
    estimator, out = Estimator(post), {}
    for q in post.problem.parameters:
        scaled = estimator.data_sensitivity(q.name) * std[post.problem.slices[q.name]][:, None]
        seen = estimator.seen(q.name)
        white = scaled.T @ scaled
        signal = estimator.signal(q.name) if _drawn(post, q, truth) else white
        for p in post.problem.parameters:
            rows = estimator.rows(p.name)[:, seen] * over(1.0, std[post.problem.slices[p.name]])[:, None]
            caused = quadratic(rows, signal).clip(0.0)
            out[p.name, q.name] = {"map": (np.sqrt(caused), np.zeros(p.size)),
                                   "norm": (np.sqrt(quadratic(rows, white).clip(0.0).sum()), 0.0),
                                   "rms": (np.sqrt(caused[p.ground].mean()), 0.0)}
    return out


def _by_draws(post, std, truth, probes, rng):
    operator, out = ResolutionOperator(post), {}
    inverse = over(1.0, std)[:, None]
    for q in post.problem.parameters:
        where = post.problem.slices[q.name]
        squares, per_draw, per_sign = np.zeros(post.problem.size), [], []
        fourth = np.zeros(post.problem.size)
        for part in carried(probes, post.problem.size):
            width = part.stop - part.start
            truths = _truths(post, std, where, width, rng, _drawn(post, q, truth))
            answered = (inverse * operator.matmat(truths)) ** 2
            squares += answered.sum(axis=1)
            fourth += (answered**2).sum(axis=1)
            per_draw.append(_means(answered, post.problem))
            signs = np.zeros((post.problem.size, width))
            signs[where] = std[where][:, None] * rng.choice([-1.0, 1.0], (q.size, width))
            per_sign.append(_means((inverse * operator.matmat(signs)) ** 2, post.problem))
        variance = np.maximum(fourth / probes - (squares / probes) ** 2, 0.0) / (probes - 1)
        for p in post.problem.parameters:
            cells = post.problem.slices[p.name]
            out[p.name, q.name] = {
                "map": root_and_error(squares[cells] / probes, np.sqrt(variance[cells])),
                "norm": _mean_root(p.ground.sum() * np.concatenate([means[p.name] for means in per_sign])),
                "rms": _mean_root(np.concatenate([means[p.name] for means in per_draw])),
            }
    return out


def _drawn(post, q, truth):
    """Whether truths of a property are prior draws: a flat prior has none."""
    return truth == "prior" and q.name not in post.problem.prior.flat


def _truths(post, std, where, count, rng, from_prior):
    """Truths, (size, count), in which one property alone deviates from the prior mean."""
    out = np.zeros((post.problem.size, count))
    if from_prior:
        out[where] = (post.prior_state_draws(rng, count) - post.prior_state_mean())[:, where].T
    else:
        out[where] = std[where][:, None] * rng.standard_normal((where.stop - where.start, count))
    return out


def _means(squares, problem):
    """{parameter: mean over its ground cells}, one value a vector; squares are 0 in air."""
    return {p.name: squares[problem.slices[p.name]].sum(axis=0) / p.ground.sum() for p in problem.parameters}


def _mean_root(squares):
    return root_and_error(squares.mean(), squares.std(ddof=1) / np.sqrt(squares.size))
