"""What nonlinear forward models add to a Laplace approximation: their own curvature, and what is said of it."""

from time import perf_counter

import numpy as np

from ..dataset import Approximation

REACH = 0.02  # standard deviations: half length of the differences of gradients; its square is their relative error


def exact_curvature(problem, center, index, root):
    """Hessian of Φ in white directions, by central differences of the gradient, and its error.

    Parameters
    ----------
    problem : JointProblem
    center : ndarray, shape (size,)
        The MAP.
    index : ndarray of int, shape (free,)
        Free values.
    root : ndarray, shape (free, free)
        R with RRᵀ the inverse of the Gauss–Newton Hessian.

    Returns
    -------
    curvature : ndarray, shape (free, free)
        Rᵀ H R: the identity where the models are linear.
    error : float
        Largest entry by which it changes when the step is doubled, a third of it: the truncation error.
    """
    fine, coarse = (white_curvature(problem, center, index, root, factor * REACH) for factor in (1.0, 2.0))
    return fine, float(np.abs(coarse - fine).max() / 3)


def white_curvature(problem, x, index, root, reach=REACH, until=np.inf):
    """Rᵀ H R at x by central differences over `reach`; None where the clock passes `until` before they are done."""
    columns = np.empty_like(root)
    for k, direction in enumerate(root.T):
        if perf_counter() > until:
            return None
        step = np.zeros_like(x)
        step[index] = reach * direction
        columns[:, k] = (problem.gradient(x + step) - problem.gradient(x - step))[index] / (2 * reach)
    out = root.T @ columns
    return 0.5 * (out + out.T)


def nonlinear_statements(problem, center, curvature_error):
    """What a posterior says of its nonlinear forward models.

    Parameters
    ----------
    problem : JointProblem
    center : ndarray, shape (size,)
    curvature_error : float or None
        Of `exact_curvature`; None where the Hessian is Gauss–Newton's.

    Returns
    -------
    list of Approximation
    """
    names = ", ".join(problem.nonlinear)
    if curvature_error is None:
        found = [Approximation(
            name="Gauss-Newton Hessian", status="not validated",
            statement=f"The curvature of the nonlinear models ({names}) themselves is left out of the covariance.")]
    else:
        found = [Approximation(
            name="Hessian by differences", status="measured", error=curvature_error,
            statement=f"With the curvature of the nonlinear models ({names}), by differences of gradients over "
            f"{REACH:g} standard deviations; the error is its change when that is doubled, over three, as a share of "
            "the Gauss–Newton precision.")]
    errors = {}
    for k, m in enumerate(problem.modalities):
        if getattr(m.forward, "derivatives", "given") != "given":
            errors[m.name] = m.forward.jacobian_error(problem.physical(k, center))
    if errors:
        found.append(Approximation(
            name="Jacobian by differences", status="measured", error=max(errors.values()),
            statement=f"No derivatives were given for {', '.join(errors)}: central differences stand for them, the "
            "relative error measured by doubling the step."))
    return found
