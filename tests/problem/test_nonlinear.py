"""Joint problems with nonlinear models: value, gradient, tangent, and the engines that refuse them in words."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian._model import is_linear_gaussian, linear_gaussian

from ..curves import MISRA, dressed, fit_problem, misra, misra_jacobian
from ..linear import make
from ..refusals import refused


def mixed(seed=0):
    """A nonlinear survey of two vectors with dense noise beside a linear one of the first."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((5, 5))
    a = bj.Parameter("a", 2, prior=bj.GaussianPrior([1.0, -1.0], [4.0, 1.0]), scale=3.0)
    b = bj.Parameter("b", 1, scale=0.5)
    weights = rng.standard_normal((5, 3))

    def predict(m):
        return np.sin(weights @ m) + m[1] * m[2]

    def jacobian(m):
        return np.cos(weights @ m)[:, None] * weights + np.array([0.0, m[2], m[1]])

    curve = bj.Modality("curve", bj.ForwardModel(predict, (5, 3), jacobian), rng.standard_normal(5),
                        bj.DenseNoise(root @ root.T + np.eye(5)), ("a", "b"))
    line = bj.Modality("line", rng.standard_normal((4, 2)), rng.standard_normal(4), bj.DiagonalNoise(np.ones(4)), "a")
    return bj.JointProblem([a, b], [curve, line], weights={"curve": 0.7})


def proper():
    problem = mixed()
    return problem.replace(parameters=[p if p.prior is not None else p.replace(prior=bj.GaussianPrior(0.0, 1.0))
                                       for p in problem.parameters])


def test_gradient_and_gauss_newton_products(rng):
    problem, x = mixed(), rng.standard_normal(3)
    bj.testing.check_gradient(problem.value, problem.gradient, x, rtol=1e-8)
    rows = []
    for k, m in enumerate(problem.modalities):  # numerically, in the scaled coordinates
        slopes = [(problem.predict(k, x + 1e-6 * e) - problem.predict(k, x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
        rows.append(np.sqrt(problem.weights[m.name]) * m.noise.whiten(np.stack(slopes, axis=1)))
    jacobian = np.vstack(rows)
    wanted = jacobian.T @ jacobian + np.diag([9 / 4.0, 9 / 1.0, 0.0])
    found = np.stack([problem.hessian_product(x, e) for e in np.eye(3)], axis=1)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


def test_the_tangent_agrees_in_value_and_gradient_and_is_linear(rng):
    problem, x = mixed(), rng.standard_normal(3)
    tangent = problem.linearised(x)
    assert problem.nonlinear == ("curve",) and tangent.nonlinear == ()
    assert tangent.value(x) == pytest.approx(problem.value(x), rel=1e-12)
    np.testing.assert_allclose(tangent.gradient(x), problem.gradient(x), rtol=1e-10, atol=1e-12)
    assert tangent.weights == problem.weights
    assert is_linear_gaussian(tangent) and not is_linear_gaussian(problem)
    moved = x + 1e-4 * rng.standard_normal(3)
    np.testing.assert_allclose(tangent.predict("curve", moved) - tangent.modalities[0].data,
                               problem.predict("curve", moved) - problem.modalities[0].data, atol=1e-6)


def test_a_dressed_linear_problem_is_the_linear_one(rng):
    linear, _ = make(dense=True, vector=True, shared=True, weights={"survey_density": 0.5})
    problem, x = dressed(linear), rng.standard_normal(linear.size)
    assert problem.value(x) == pytest.approx(linear.value(x), rel=1e-12)
    np.testing.assert_allclose(problem.gradient(x), linear.gradient(x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(problem.hessian_product(x, x), linear.hessian_product(x, x), rtol=1e-9, atol=1e-10)


def test_a_modality_takes_what_has_the_protocol():
    m = bj.Modality("fit", bj.ForwardModel(misra, (14, 2), misra_jacobian, units="m"), MISRA["y"],
                    bj.DiagonalNoise(np.ones(14)), "b")
    assert not m.linear and m.units == "m" and m.replace(data=np.zeros(14)).forward is m.forward
    refused(lambda: bj.Modality("fit", misra, MISRA["y"], bj.DiagonalNoise(np.ones(14)), "b"), "forward", TypeError)
    refused(lambda: m.replace(data=np.zeros(13)), "forward")
    refused(lambda: bj.JointProblem([bj.Parameter("b", 3)], [m]), "forward of modality 'fit'")


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank", "spectral", "gibbs", "nuts"])
def test_engines_for_linear_problems_refuse_in_words(method):
    text = refused(lambda: bj.posterior(proper(), method=method), "problem|forward of modality 'curve'")
    assert "nonlinear" in text and "laplace" in text


@pytest.mark.parametrize("call", [
    linear_gaussian,
    lambda p: bj.identifiability(p),
    lambda p: bj.fit_hyperparameters(p),
    lambda p: p.operator("curve"),
    lambda p: bj.find_map(p, method="rrcg"),
], ids=["moments", "identifiability", "hyperparameters", "operator", "rrcg"])  # fmt: skip
def test_the_rest_refuses_too(call):
    with pytest.raises((ValueError, TypeError), match=r"(?i)linear"):
        call(proper())


def test_differences_serve_a_whole_problem(rng):
    given, taken = fit_problem(MISRA, misra, misra_jacobian), fit_problem(MISRA, misra)
    x = given.pack({"b": MISRA["value"]})
    np.testing.assert_allclose(taken.gradient(1.1 * x), given.gradient(1.1 * x), rtol=1e-7)
