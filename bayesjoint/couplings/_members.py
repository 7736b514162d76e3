"""The parameters that a coupling ties, in its order, and how far each reaches."""

import numpy as np

from .._checks import fail


def in_order(parameters, names):
    """A coupling's parameters, in the order of `names`; an error where one is missing.

    Parameters
    ----------
    parameters : list of Parameter
    names : tuple of str

    Returns
    -------
    list of Parameter
    """
    found = {p.name: p for p in parameters}
    missing = [name for name in names if name not in found]
    if missing:
        fail("parameters of a coupling", f"be among {sorted(found)}", f"{missing}", "Name those of the problem.")
    return [found[name] for name in names]


def spread_of(parameter):
    """Standard deviation of m̂ in each value, (size,), as the prior has it; 1, the parameter's scale, where it has none.

    Parameters
    ----------
    parameter : Parameter

    Returns
    -------
    ndarray
    """
    prior, bound = parameter.prior, parameter.bound_prior
    if hasattr(prior, "std_hat"):
        return np.broadcast_to(prior.std_hat(parameter), (parameter.size,))
    if getattr(bound, "gaussian", False) and not hasattr(bound, "weights"):
        return np.sqrt(bound.covariance.diagonal())
    return np.ones(parameter.size)
