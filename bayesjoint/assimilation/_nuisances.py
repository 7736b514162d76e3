"""How much of what is unknown about a state comes from one unknown parameter, and what a look at it damps."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from .._checks import fail, one_of
from .._places import unit_columns
from ..dataset import DatasetBuilder
from ..problem import add_map, parameter_fields

LARGEST = 64  # values of the parameter asked about


def contamination(post, parameter, target=None):
    """Share of the posterior variance of everything else that one unknown parameter θ is to blame for.

    Var(m) = Var(m | θ) + C V⁻¹ Cᵀ with C = Cov(m, θ), V = Var(θ): the second part would go if θ were known exactly, so
    that the share is the squared (multiple) correlation of a cell with θ. For one datum d = m + θ + e with independent
    priors of variance a and b and noise of variance r the share of m is ab/((a + r)(b + r)); an observation of θ
    itself, of variance s, puts bs/(b + s) for b and takes the share down with it.

    Parameters
    ----------
    post : Posterior
        Gaussian: from `assimilate`, or the dense, iterative or lowrank engine.
    parameter : str
        θ: a parameter of at most 64 values, such as a datum, a drift, a constant of decay.
    target : dict of {str: array_like}, optional
        {parameter: weights of its shape}: also the share of Σ w m, such as a total mass.

    Returns
    -------
    xarray.Dataset
        ``<p>_share``, ``<p>_std`` and ``<p>_std_given`` (what the std would be were θ known) over the cells of every
        other parameter p, with ``<p>_share_of_all`` for the variance summed over cells; ``target_share``,
        ``target_std`` and ``target_std_given``; ``parameter_std`` of θ, its root mean square.

    Raises
    ------
    ValueError, TypeError
        If there is no such parameter, it has too many values or is known exactly, or `target` does not fit.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mass, datum = (bj.Parameter(k, 1, prior=bj.GaussianPrior(0.0, 4.0)) for k in ("mass", "datum"))
    >>> both = bj.Modality("both", [[1.0, 1.0]], [3.0], bj.DiagonalNoise([1.0]), ("mass", "datum"))
    >>> tie = bj.Modality("tie", [[1.0]], [0.5], bj.DiagonalNoise([0.5]), "datum")
    >>> post = bj.assimilate(bj.JointProblem([mass, datum], [both, tie]))
    >>> [round(float(contamination(post.after(k), "datum").mass_share[0]), 4) for k in (1, 2)]
    [0.64, 0.1524]
    >>> b = 4 * 0.25 / 4.25
    >>> 4 * 4 / (5 * 5), round(4 * b / (5 * (b + 1)), 4)
    (0.64, 0.1524)
    """
    where = _checked(post, parameter)
    crossed = post.state_product(unit_columns(post.problem.size, where))
    root = _root(crossed[where], parameter)
    blame = solve_triangular(root, crossed.T, lower=True)
    blamed, variance = np.sum(blame**2, axis=0), post.state_variance()
    table, scale = DatasetBuilder(), post.problem.by_name[parameter].scale
    for p in post.problem.parameters:
        if p.name != parameter:
            _put(table, p, variance[post.problem.slices[p.name]], blamed[post.problem.slices[p.name]], parameter)
    known = np.sqrt(np.mean(np.diag(crossed[where])))
    table.add("parameter_std", (), scale * known, post.problem.by_name[parameter].units,
              f"posterior std of {parameter}, root mean square over its values")
    if target is not None:
        v = _weights(post.problem, target)
        total, part = float(v @ post.state_product(v)), float(np.sum((blame @ v) ** 2))
        _put_target(table, total, part, parameter)
    return table.dataset({"parameter": parameter})


def damping(post, parameter, target=None):
    """`contamination` after every step of an assimilation, summed over cells: which survey took the parameter's part.

    Parameters
    ----------
    post : SequentialPosterior or TimeLapsePosterior
        From `assimilate`; of a time-lapse posterior each step's own state, given the surveys up to it.
    parameter : str
        θ, of one value or of several.
    target : dict, optional
        As in `contamination`.

    Returns
    -------
    xarray.Dataset
        Over dim ``step``: ``parameter_std`` (root mean square over its values), ``<p>_share_of_all``, and of the target
        ``target_share``, ``target_std``, ``target_std_given``.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mass, datum = (bj.Parameter(k, 1, prior=bj.GaussianPrior(0.0, 4.0)) for k in ("mass", "datum"))
    >>> both = bj.Modality("both", [[1.0, 1.0]], [3.0], bj.DiagonalNoise([1.0]), ("mass", "datum"))
    >>> tie = bj.Modality("tie", [[1.0]], [0.5], bj.DiagonalNoise([0.5]), "datum")
    >>> found = damping(bj.assimilate(bj.JointProblem([mass, datum], [both, tie])), "datum")
    >>> found.mass_share_of_all.values.round(4), found.parameter_std.values.round(3)
    (array([0.64  , 0.1524]), array([1.491, 0.474]))
    """
    if not hasattr(post, "after"):
        fail("post", "come from assimilate", type(post).__name__,
             "Use bayesjoint.assimilation.contamination(post, ...) for one posterior.", TypeError)
    parts = [contamination(post.after(k + 1), parameter, target) for k in range(len(post.steps))]
    table = DatasetBuilder()
    table.along("step", [" + ".join(step) for step in post.steps], "surveys taken up")
    for name in parts[0].data_vars:
        if parts[0][name].ndim == 0:
            values, attributes = [float(part[name]) for part in parts], parts[0][name].attrs
            table.add(name, ("step",), values, attributes["units"], attributes["long_name"])
    return table.dataset({"parameter": parameter})


def _checked(post, parameter):
    names = list(post.problem.by_name)
    where = post.problem.slices[one_of("parameter", parameter, names)]
    if len(names) < 2:
        fail("problem", "have another parameter to be contaminated", f"{names} alone", "Augment the state by it.")
    if where.stop - where.start > LARGEST:
        fail("parameter", f"have at most {LARGEST} values", f"{where.stop - where.start}", "Ask about a plain vector.")
    return where


def _root(covariance, parameter):
    spread = np.sqrt(np.diag(covariance).clip(0))
    if not np.all(spread > 0):
        fail("parameter", "be unknown", f"{parameter} with a standard deviation of 0", "Nothing to blame it for.")
    return spread[:, None] * cholesky(covariance / np.outer(spread, spread), lower=True)


def _weights(problem, target):
    if not isinstance(target, dict) or not target:
        fail("target", "be a dict of weights by parameter", type(target).__name__, "Pass {name: weights}.", TypeError)
    unknown = set(target) - set(problem.by_name)
    if unknown:
        fail("target", f"be keyed by {list(problem.by_name)}", f"{sorted(unknown)}", "Correct the names.")
    v = np.zeros(problem.size)
    for name, weights in target.items():
        p = problem.by_name[name]
        v[problem.slices[name]] = p.to_hat(weights, f"target[{name!r}]") * p.scale**2
    return v


def _put(table, p, variance, blamed, parameter):
    """Maps of one parameter."""
    words = parameter_fields(p)["long_name"]
    share = np.divide(blamed, variance, out=np.zeros_like(variance), where=variance > 0)
    given = np.sqrt(np.maximum(variance - blamed, 0.0))
    total = float(blamed.sum() / variance.sum()) if variance.sum() > 0 else 0.0
    add_map(table, p, "share", share, "1", f"share of the variance of {words} due to {parameter}")
    add_map(table, p, "std", p.from_hat(np.sqrt(variance)), p.units, f"posterior std of {words}")
    add_map(table, p, "std_given", p.from_hat(given), p.units, f"posterior std of {words} given {parameter}")
    table.add(f"{p.name}_share_of_all", (), total, "1",
              f"share of the variance of {words} summed over cells due to {parameter}")


def _put_target(table, total, part, parameter):
    share = part / total if total > 0 else 0.0
    table.add("target_share", (), share, "1", f"share of the variance of the target due to {parameter}")
    table.add("target_std", (), np.sqrt(max(total, 0.0)), "1", "posterior std of the target")
    table.add("target_std_given", (), np.sqrt(max(total - part, 0.0)), "1",
              f"posterior std of the target given {parameter}")
