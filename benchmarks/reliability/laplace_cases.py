"""Posteriors of one or two values whose standard deviation a grid knows, each as (problem, start) by its name.

Right ones are Gaussian or nearly; in the wrong ones the Gaussian at the MAP is not the posterior.
"""

import numpy as np

import bayesjoint as bj


def one(prior, forward, data, noise, start, bounds=None):
    """A problem of one value seen by one forward model, and where its MAP is sought from."""
    x = bj.Parameter("x", 1, prior=bj.GaussianPrior([prior[0]], [[prior[1] ** 2]]), bounds=bounds)
    model = bj.ForwardModel(forward, (len(data), 1)) if callable(forward) else np.asarray(forward, dtype=float)
    survey = bj.Modality("d", model, data, bj.DiagonalNoise(np.full(len(data), noise)), "x")
    return bj.JointProblem([x], [survey]), start


def two(prior, forward, data, noise, start, bounds=None):
    """The same of two values with one prior std."""
    x = bj.Parameter("x", 2, prior=bj.GaussianPrior(np.zeros(2), prior**2 * np.eye(2)), bounds=bounds)
    model = bj.ForwardModel(forward, (len(data), 2)) if callable(forward) else np.asarray(forward, dtype=float)
    survey = bj.Modality("d", model, data, bj.DiagonalNoise(np.full(len(data), noise)), "x")
    return bj.JointProblem([x], [survey]), start


IDENTITY = [[1.0]]
SINGLE = {
    "uniform between bounds": lambda: one((0.5, 10.0), IDENTITY, [0.5], 10.0, None, (0.0, 1.0)),
    "half cut": lambda: one((0.0, 1.0), IDENTITY, [0.02], 1.0, None, (0.0, np.inf)),
    "upper bound near": lambda: one((0.0, 1.0), IDENTITY, [1.0], 1.0, None, (-np.inf, 0.8)),
    "one sided, wide": lambda: one((3.0, 50.0), IDENTITY, [3.0], 5.0, None, (0.0, np.inf)),
    "held at a bound": lambda: one((0.0, 1.0), IDENTITY, [3.0], 1.0, None, (-np.inf, 1.0)),
    "bound by one of two": lambda: two(2.0, np.eye(2), [0.3, 5.0], 1.0, None, ([0.0, -50.0], [50.0, 50.0])),
    "held in one of two": lambda: two(2.0, [[1.0, 0.5], [0.5, 1.0]], [-2.0, 1.0], 0.5, None, (0.0, np.inf)),
    "square": lambda: one((0.2, 2.0), lambda x: x**2, [4.0], 0.2, [1.0]),
    "square, from the other side": lambda: one((-0.2, 2.0), lambda x: x**2, [4.0], 0.2, [3.0]),
    "square far out": lambda: one((0.0, 50.0), lambda x: x**2, [400.0], 1.0, [15.0]),
    "modulus": lambda: one((0.0, 3.0), lambda x: np.sqrt(x**2 + 1e-4), [2.0], 0.1, [1.0]),
    "cosine": lambda: one((0.0, 6.0), lambda x: np.cos(x), [0.3], 0.05, [1.0]),
    "cubic, three modes": lambda: one((0.0, 2.0), lambda x: x**3 - 3 * x, [0.0], 0.2, [1.8]),
    "quartic": lambda: one((0.0, 2.0), lambda x: (x**2 - 1) * (x**2 - 4), [0.0], 0.2, [1.0]),
    "mode at a bound": lambda: one((0.0, 2.0), lambda x: x**2, [4.0], 0.2, [1.0], (-1.95, 5.0)),
    "saturating": lambda: one((0.0, 10.0), np.tanh, [0.9], 0.05, [1.0]),
    "ramp and plateau": lambda: one((0.0, 5.0), lambda x: np.logaddexp(0, 20 * x) / 20, [0.0], 0.3, [0.1]),
    "step": lambda: one((2.0, 5.0), lambda x: 1 / (1 + np.exp(-20 * x)), [0.5], 0.2, [0.1]),
    "dip on a plateau": lambda: one((0.0, 10.0), lambda x: np.exp(-0.5 * ((x - 1) / 0.05) ** 2), [1.0], 0.4, [1.0]),
    "product of two": lambda: two(2.0, lambda x: np.array([x[0] * x[1]]), [1.0], 0.1, [1.0, 1.0]),
    "circle": lambda: two(3.0, lambda x: np.array([x @ x]), [4.0], 0.3, [1.0, 1.0]),
    "squares of two": lambda: two(3.0, lambda x: x**2, [4.0, 1.0], 0.1, [1.0, 1.0]),
    "exchange of two": lambda: two(3.0, lambda x: np.array([x.sum(), x @ x]), [3.0, 5.0], 0.1, [0.5, 2.0]),
}
RIGHT = {
    "linear": lambda: one((0.0, 1.0), IDENTITY, [1.0], 1.0, None),
    "far bounds": lambda: one((0.5, 1.0), IDENTITY, [0.5], 1.0, None, (-10.0, 10.0)),
    "two, far bounds": lambda: two(1.0, [[1.0, 0.5], [0.0, 1.0]], [0.5, 1.0], 0.5, None, (-10.0, 10.0)),
    "mild curve": lambda: one((1.0, 0.3), lambda x: x + 0.02 * x**2, [1.0], 0.3, [1.0]),
    "square, prior on one side": lambda: one((2.0, 0.3), lambda x: x**2, [4.0], 0.2, [2.0]),
    "exponential": lambda: one((0.0, 1.0), np.exp, [2.7], 0.05, [1.0]),
    "two squares, known signs": lambda: two(0.05, lambda x: (1 + x) ** 2, [1.1, 0.9], 0.1, [0.0, 0.0]),
}


def found(case):
    """(std by Laplace, std by a grid, verdict) of a case, for the value where they differ most."""
    problem, start = case()
    at = bj.find_map(problem, start=None if start is None else {"x": np.asarray(start, dtype=float)})
    try:
        post = bj.posterior(problem, method="laplace", at=at)
    except ValueError:
        return 0.0, float(on_a_grid(problem)[0]), "refused"
    exact, own = on_a_grid(problem), post.std()["x"]
    worst = int(np.argmax(np.abs(np.log(np.maximum(own, 1e-9) / exact))))
    return float(own[worst]), float(exact[worst]), post.validity.verdict


def on_a_grid(problem, points=(40_001, 801), reach=6.0):
    """Standard deviations of the posterior of one or two values, by a grid over the prior and within the bounds."""
    prior = problem.parameters[0].prior
    mean, std = np.atleast_1d(prior.mean), np.sqrt(np.diag(np.atleast_2d(prior.covariance)))
    axes = [np.linspace(max(m - reach * s, low), min(m + reach * s, high), points[mean.size - 1])
            for m, s, low, high in zip(mean, std, problem.lower, problem.upper, strict=True)]
    places = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
    m = problem.modalities[0]
    residual = np.stack([problem.predict(0, x) for x in places]) - m.data
    weight = -0.5 * np.sum(residual**2 / m.noise.variance(), axis=1)
    weight -= 0.5 * np.sum(((places - mean) / std) ** 2, axis=1)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    return np.sqrt(weight @ places**2 - (weight @ places) ** 2)
