"""Linear functionals of a Gaussian posterior in closed form, beside what draws say of them."""

import numpy as np

from ..gaussian import is_linear_gaussian


def closed_form(post, functional):
    """Mean and std of a linear functional, each with its error; None where the posterior is no Gaussian.

    mean = Σ w mean(m) − offset and variance wᵀ P w. The error of the mean adds up the stated errors of the cells; the
    error of the std is the engine's stated error of a variance as a share of the prior variance, put on wᵀ Γ w.

    Returns
    -------
    (float, float, float, float) or None
        mean, its error, std, its error.
    """
    problem = post.problem
    if functional.weights is None or not has_closed_form(post):
        return None
    weights = state_weights(problem, functional.weights)
    mean = float(weights @ post.state_mean()) - functional.offset
    variance = max(float(weights @ post.state_product(weights)), 0.0)
    prior = float(weights @ post.prior_state_product(weights[:, None])[:, 0])
    base = post.prior_state_variance()
    # an error e of a std s is one of 2 s e + e² of the variance
    std, error = np.sqrt(post.state_variance()), post.state_std_error()
    share = np.max(np.divide(2 * std * error + error**2, base, out=np.zeros_like(base), where=base > 0))
    slack = share * prior
    low = np.sqrt(max(variance - slack, 0.0))
    return (mean, float(np.abs(weights) @ post.state_mean_error()), float(np.sqrt(variance)),
            max(float(np.sqrt(variance)) - low, float(np.sqrt(variance + slack)) - float(np.sqrt(variance))))


def has_closed_form(post):
    """Whether the posterior is a Gaussian that the engine knows without draws: not from a chain, nor a file."""
    return (post.held is None and is_linear_gaussian(post.problem) and not post.markov
            and post.prior_state_variance() is not None)


def state_weights(problem, weights):
    """Weights on physical values as weights on x, shape (size,); parameters left out have none."""
    flat = np.zeros(problem.size)
    for name, array in weights.items():
        flat[problem.slices[name]] = np.ravel(array) * problem.by_name[name].scale
    return flat
