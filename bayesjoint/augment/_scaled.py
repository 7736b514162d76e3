"""Problems whose priors and noise are larger or smaller than stated."""

from dataclasses import replace

import numpy as np

from ..priors import GaussianPrior, parts_of, with_parts


def scaled(problem, priors, noise):
    """The problem with the std of priors and of noise times factors; None where that changes nothing.

    Parameters
    ----------
    problem : JointProblem
    priors : dict of {str: float}
        By parameter; priors of other kinds than Matérn and Gaussian stay.
    noise : dict of {str: float}
        By modality; it enters by the likelihood exponents.

    Returns
    -------
    JointProblem or None

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    >>> wider = scaled(bj.JointProblem([slope], [line]), {"slope": 3.0}, {"line": 2.0})
    >>> wider.weights, float(wider.parameters[0].prior.covariance)
    ({'line': 0.25}, 9.0)
    """
    parameters = [_wider(p, priors[p.name]) if p.name in priors else p for p in problem.parameters]
    if not noise and all(new is p for new, p in zip(parameters, problem.parameters, strict=True)):
        return None
    weights = {name: weight / noise.get(name, 1.0) ** 2 for name, weight in problem.weights.items()}
    return problem.replace(parameters=parameters, weights=weights)


def _wider(parameter, factor):
    prior = parameter.prior
    if parts := parts_of(prior):
        wider = [replace(part, std=np.asarray(part.std) * factor) for part in parts]
        return parameter.replace(prior=with_parts(prior, wider))
    if type(prior) is GaussianPrior:
        return parameter.replace(prior=replace(prior, covariance=np.asarray(prior.covariance) * factor**2))
    return parameter
