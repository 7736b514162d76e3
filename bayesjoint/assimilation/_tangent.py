"""Surveys that are not linear in the state, such as one of unknown gain: their tangent, and how far it is off."""

import numpy as np

from ..dataset import Approximation

DRAWS = 100


def tangent_error(post, problem):
    """How far the models depart from their tangents over the posterior, as an `Approximation`.

    Parameters
    ----------
    post : Posterior
        Of the tangent problem.
    problem : JointProblem
        The nonlinear one, its surveys in the same order.

    Returns
    -------
    Approximation
        Its error is the root mean square over draws and data of the nonlinear surveys, in noise standard deviations.
    """
    draws, clean = post.joint_draws(np.random.default_rng(0), DRAWS)
    total, count = 0.0, 0
    for m, flat in zip(problem.modalities, post.problem.modalities, strict=True):
        if m.linear:
            continue
        shift = flat.data - m.data  # the tangent's data are those of another origin
        true = np.stack([problem.predict(m.name, x) for x in draws])
        off = m.noise.whiten((true + shift - clean[:, post.problem.data_slices[m.name]]).T)
        total, count = total + float(np.sum(off**2)), count + off.size
    error = float(np.sqrt(total / count))
    return Approximation(
        name="linearised forward models", status="measured", error=error,
        statement=f"{', '.join(problem.nonlinear)} answered by the tangent at one model. Over {DRAWS} posterior draws "
        f"the true prediction departs from it by {error:.2g} noise standard deviations (root mean square over data). "
        "Well below 1 the posterior is the Gaussian that the models deserve; near 1 or above, linearise at a converged "
        'MAP, or use posterior(method="laplace") and its verdict.')
