"""The door to the engines: which one answers, and why."""

from .._checks import fail, one_of
from ..problem import JointProblem
from .dense import DensePosterior
from .laplace import LaplacePosterior

METHODS = ("auto", "dense", "laplace")


def posterior(problem, method="auto", at=None):
    """Posterior of a problem.

    Parameters
    ----------
    problem : JointProblem
        What is asked.
    method : {"auto", "dense", "laplace"}, default "auto"
        "dense": exact, for linear-Gaussian problems of up to 20,000 data. "laplace": at a converged MAP for the rest,
        approximate and not validated. "auto" takes dense where it is right.
    at : MapResult, optional
        Converged MAP, needed by "laplace".

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError, TypeError
        If the engine does not fit the problem: bounds for dense, no converged MAP for laplace, a coupling that is no
        density; or if `problem` is no JointProblem.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> post = posterior(bj.JointProblem([slope], [line]))
    >>> post.method, post.mean()["slope"].round(12), post.std()["slope"].round(4)
    ('dense', array([2.]), array([0.5774]))
    """
    one_of("method", method, METHODS)
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)
    chosen = method
    if method == "auto":
        chosen = "dense" if problem.linear_gaussian else "laplace"
    post = DensePosterior(problem) if chosen == "dense" else LaplacePosterior(problem, at)
    if method == "auto":
        post.reason = ("chosen because the problem is linear-Gaussian, so that this engine is exact"
                       if chosen == "dense" else "chosen because the problem is not linear-Gaussian")
    return post
