"""Which `System` a problem's data are."""

from .._checks import fail, one_of
from ._dense import DenseSystem
from ._iterative import SOLVE, IterativeSystem
from ._model import check_linear_gaussian, linear_gaussian

DENSE_DATA = 6_000  # whose covariance and factor take 0.6 GB, and seconds
STORED_BYTES = 2e9  # of sensitivities of scattered stations: above it they are computed anew in each product
METHODS = ("auto", "dense", "iterative")


def data_system(problem, method="auto", tolerance=SOLVE, purpose="agreement"):
    """The covariance system of a problem's data under the prior.

    Parameters
    ----------
    problem : JointProblem
        Linear, Gaussian or flat priors, no bounds.
    method : {"auto", "dense", "iterative"}, default "auto"
        Dense up to 6,000 data.
    tolerance : float, default 1e-6
        Whitened relative residual of iterative solves.
    purpose : str, default "agreement"
        What it is for, in the words of errors.

    Returns
    -------
    DenseSystem or IterativeSystem
    """
    one_of("method", method, METHODS)
    check_linear_gaussian(problem, purpose)
    small = problem.data_size <= DENSE_DATA
    if method == "dense" and not small:
        fail("method", f'be "iterative" above {DENSE_DATA} data', f'"dense" for {problem.data_size}',
             "Or thin the surveys.")
    if small and method != "iterative":
        return DenseSystem(linear_gaussian(problem))
    return IterativeSystem(linear_gaussian(problem, stored=fits_stored(problem)), tolerance)


def fits_stored(problem):
    """Whether operators that stream may be kept as matrices."""
    return 8 * problem.data_size * problem.size < STORED_BYTES
