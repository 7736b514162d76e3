"""The door to the engines: which one answers, and why."""

from __future__ import annotations

from inspect import signature

from .._checks import checked, fail, one_of
from .._typing import Any, JointProblem, MapResult, Posterior
from ..augment import standing_in
from ..gaussian import DENSE_DATA, is_linear_gaussian
from ..problem import check_problem
from ._coordinates import LARGEST_BYTES
from ._registry import ENGINES, check_engine, methods
from ._tangent_error import tangent_statements
from .gibbs import gibbs_can_sample
from .laplace import check_map
from .truncated import UNKNOWN_LIMIT, truncated_can_sample

DENSE_BYTES = 2e9  # of the dense engine's largest matrix, unknowns x data
GIBBS_WORK = 3e8  # min(data, unknowns)² x unknowns: 1,500 sweeps of four chains then take a few minutes on one core


@checked
def posterior(problem: JointProblem, method: str = "auto", at: MapResult | None = None, **options: Any) -> Posterior:
    """Posterior of a problem.

    Parameters
    ----------
    problem : JointProblem
        What is asked.
    method : {"auto", "dense", "iterative", "gibbs", "truncated", "laplace", "lowrank", "nuts", "spectral", "bodies"}
        Default "auto".

        - "dense": exact, for linear-Gaussian problems of up to 20,000 data.
        - "iterative": exact mean and draws of linear-Gaussian problems at survey size, standard deviations with their
          standard error.
        - "spectral": for continued fields of one correlation on lattices, by wavenumber: exact mean, standard
          deviations in seconds at survey size with an error measured by exact solves at random cells.
        - "lowrank": for linear-Gaussian problems, exact mean, standard deviations too large by a measured amount.
        - "gibbs": exact up to Monte Carlo error, for focusing priors with p = 1, for a Gramian with one weight and for
          Student-t noise, with bounds or without.
        - "laplace": a Gaussian at a converged MAP, for the rest; approximate, with a measured verdict on whether it
          holds.
        - "truncated": exact up to Monte Carlo error where its chains agree, which it says, for Gaussian priors between
          bounds; at most 80,000 unknowns, of which tens of thousands mix slowly.
        - "nuts": exact up to Monte Carlo error, any density of at most 500 unknowns, to check other engines by; needs
          ``pip install 'bayesjoint[nuts]'``.
        - "bodies": one to six compact bodies over a Gaussian background, for windows of at most 2,000 data; exact up to
          Monte Carlo error for its family alone (`BodyFamily`), refused where chains do not agree. Never by "auto".
        - "auto": where the problem is linear-Gaussian dense if its matrices are of moderate size, else iterative;
          gibbs where a survey has Student-t noise; otherwise truncated where it applies, gibbs where it applies and
          would take minutes; else laplace.
    at : MapResult, optional
        Converged MAP, needed by "laplace". Where it is given for a problem that is not linear-Gaussian, the posterior
        is that of `at.problem`, whose α are those really used.
    **options
        Of the engine: see the class that ``bayesjoint.engines.ENGINES[method].load()`` gives.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError, TypeError
        If the engine does not fit the problem: bounds for dense and gibbs, no converged MAP for laplace, a coupling
        that is no density; or if `problem` is no JointProblem.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> post = posterior(bj.JointProblem([slope], [line]))
    >>> post.method, post.mean()["slope"].round(12), post.std()["slope"].round(4)
    ('dense', array([2.]), array([0.5774]))
    """
    one_of("method", method, methods())
    check_problem(problem)
    target = problem
    if at is not None and not is_linear_gaussian(problem):
        check_map(problem, at)
        target = at.problem
    chosen, reason = choose_engine(target) if method == "auto" else (method, None)
    _check_options(chosen, options)
    make = ENGINES[chosen].load()
    post = make(problem, at, **options) if ENGINES[chosen].needs_map else make(standing_in(target), **options)
    check_engine(post, chosen)
    post.options = dict(options)
    if reason is not None:
        post.reason = reason
    post.approximations += tangent_statements(post)
    return post


def needs_a_map(problem, method="auto"):
    """Whether `posterior` by this method wants ``at=find_map(problem)``."""
    return ENGINES[choose_engine(problem)[0] if method == "auto" else method].needs_map


def _check_options(chosen, options):
    taken = signature(ENGINES[chosen].load()).parameters
    if any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        return
    known = [name for name in taken if name not in ("problem", "at")]
    unknown = sorted(set(options) - set(known))
    if unknown:
        fail("options", f"be among {known} for the {chosen} engine", f"{unknown}", "Leave them out, or name the engine "
             "they belong to by method=.", TypeError)


def dense_fits(problem):
    """Whether the dense engine's matrices are of moderate size."""
    return problem.data_size <= DENSE_DATA and 8 * problem.data_size * problem.size <= DENSE_BYTES


def choose_engine(problem):
    """(engine, why) for "auto"."""
    data = problem.data_size
    if is_linear_gaussian(problem):
        small = dense_fits(problem)
        why = "chosen because the problem is linear-Gaussian, so that this engine is exact"
        return ("dense", f"{why}, and small enough for its matrices") if small else (
            "iterative", f"{why}, and its {data} data and {problem.size} unknowns make large matrices for a dense one")
    if not problem.gaussian_noise:
        return "gibbs", ("chosen because the noise is Student-t, Gaussian given the weights of the data, so that this "
                         "engine is exact up to Monte Carlo error")
    if gibbs_can_sample(problem) and _takes_minutes(problem):
        return "gibbs", ("chosen because the problem is Gaussian given the scales of its cells or the other parameter, "
                         "so that this engine is exact up to Monte Carlo error")
    if truncated_can_sample(problem):
        return "truncated", ("chosen because the problem is Gaussian between bounds, so that this engine is exact up "
                             "to Monte Carlo error")
    if problem.bounded and not problem.nonlinear:
        return "laplace", ("chosen because the problem has bounds and is not one that chains take: it is refused "
                           "unless the MAP stays clear of its bounds")
    return "laplace", "chosen because the problem is not linear-Gaussian"


def _takes_minutes(problem):
    """Whether Gibbs sweeps would take no more than that: over blocks without bounds, over single unknowns with."""
    data = problem.data_size
    if problem.bounded:
        return problem.size <= UNKNOWN_LIMIT and 8.0 * data * problem.size <= LARGEST_BYTES
    return min(data, problem.size) ** 2 * problem.size <= GIBBS_WORK
