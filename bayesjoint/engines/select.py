"""The door to the engines: which one answers, and why."""

from .._checks import one_of
from .dense import DensePosterior

METHODS = ("auto", "dense")


def posterior(problem, method="auto", at=None):
    """Posterior of a problem.

    Parameters
    ----------
    problem : JointProblem
        What is asked.
    method : {"auto", "dense"}, default "auto"
        "dense": exact, for linear-Gaussian problems of up to 20,000 data.
    at : MapResult, optional
        Converged MAP.

    Returns
    -------
    Posterior

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
    post = DensePosterior(problem)
    if method == "auto":
        post.reason = "chosen because the problem is linear-Gaussian and its data fit a dense factor"
    return post
