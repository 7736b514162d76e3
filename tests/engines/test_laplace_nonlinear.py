"""Laplace posteriors of nonlinear models: linear answers, certified standard deviations, curvature, validity."""

import json

import numpy as np
import pytest

import bayesjoint as bj

from ..curves import MISRA, RAT42, dressed, fit_problem, misra, misra_jacobian, rat42
from ..linear import joined, make


def at_its_map(problem, tolerance=1e-8):
    return bj.posterior(problem, at=bj.find_map(problem, tolerance=tolerance))


@pytest.mark.parametrize("jacobian", [True, False])
def test_a_dressed_linear_problem_gives_the_linear_answer(jacobian):
    linear, reference = make(("density",), dense=True, vector=True, weights={"survey_density": 0.5}, counts=(15,))
    post = at_its_map(dressed(linear, jacobian))
    limit = 1e-8 if jacobian else 1e-6
    assert np.abs((joined(linear, post.mean()) - reference.mean) / reference.scale).max() < limit
    assert np.abs((joined(linear, post.std()) - reference.std) / reference.scale).max() < limit
    assert post.method == "laplace" and post.validity.verdict == "valid"
    assert ("Jacobian by differences" in [a.name for a in post.approximations]) is not jacobian
    if not jacobian:
        return
    flat = linear.replace(parameters=[*linear.parameters[:-1], bj.Parameter("datum", 2)])
    exact, found = bj.posterior(flat), at_its_map(dressed(flat))
    for name in exact.mean():
        scale = exact.std()[name].min()
        assert np.abs(found.mean()[name] - exact.mean()[name]).max() < 1e-7 * scale
        np.testing.assert_allclose(found.std()[name], exact.std()[name], rtol=1e-7)


@pytest.mark.parametrize(("table", "predict"), [(MISRA, misra), (RAT42, rat42)], ids=["misra", "rat42"])
def test_the_linearised_covariance_is_the_certified_one(table, predict):
    problem = fit_problem(table, predict)
    result = bj.find_map(problem, tolerance=1e-8)
    tangent = bj.posterior(problem.linearised(result.x))  # NIST's standard deviations are those of the tangent
    np.testing.assert_allclose(tangent.mean()["b"], table["value"], rtol=1e-7)
    np.testing.assert_allclose(tangent.std()["b"], table["std"], rtol=1e-6)
    # with the models' own curvature they differ by what residuals are worth: a few per cent of a few per cent
    post = bj.posterior(problem, at=result)
    np.testing.assert_allclose(post.std()["b"], table["std"], rtol=0.05)
    assert np.abs(post.std()["b"] / table["std"] - 1).max() > 1e-5


def test_curvature_is_the_second_derivative_of_the_density():
    # one datum of exp(m): Φ'' = (2 e^{2m} − d e^m) / σ², in closed form
    d, sigma = 3.0, 0.8
    model = bj.ForwardModel(np.exp, (1, 1), lambda m: np.diag(np.exp(m)))
    problem = bj.JointProblem([bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 1.0), scale=2.0)],
                              [bj.Modality("s", model, [d], bj.DiagonalNoise([sigma]), "m")])
    post = at_its_map(problem, 1e-10)
    m = post.mean()["m"][0]
    exact = 1 / np.sqrt(1 + (2 * np.exp(2 * m) - d * np.exp(m)) / sigma**2)
    assert np.exp(m) * (np.exp(m) - d) / sigma**2 + m == pytest.approx(0.0, abs=1e-8)
    measured = next(a for a in post.approximations if a.name == "Hessian by differences")
    assert post.std()["m"][0] == pytest.approx(exact, rel=3 * measured.error + 1e-9)
    assert measured.error < 1e-3
    gauss_newton = 1 / np.sqrt(1 + np.exp(2 * m) / sigma**2)
    assert abs(gauss_newton / exact - 1) > 0.03


def test_validity_tells_a_straight_posterior_from_a_bent_one():
    def bent(noise):
        model = bj.ForwardModel(lambda m: np.array([m[0], m[1] + m[0] ** 2]), (2, 2))
        problem = bj.JointProblem([bj.Parameter("m", 2)], [bj.Modality("s", model, [0.3, 0.1],
                                  bj.DiagonalNoise([noise, noise / 5]), "m")])
        return at_its_map(problem).validity

    # a banana of std σ whose width is σ/5 bends by σ² where one std away: straight at 0.004, bent at 1
    straight, crooked = bent(0.004), bent(1.0)
    assert straight.verdict == "valid" and straight.kl < 1e-3
    assert crooked.verdict == "not valid"
    # log p − log q = −½ [(ε + 5σ z²)² − ε²] with ε, z standard normal; its variance is 75 (5σ)⁴ ... at σ = 0.004
    rng = np.random.default_rng(0)
    z, e = rng.standard_normal((2, 200_000))
    ratio = -0.5 * ((e + 0.02 * z**2) ** 2 - e**2)
    assert straight.kl == pytest.approx(0.5 * ratio.var(), abs=4 * straight.kl_error)


def test_draws_outside_the_models_domain_are_no_crash():
    model = bj.ForwardModel(lambda m: np.sqrt(m), (1, 1))
    problem = bj.JointProblem([bj.Parameter("m", 1, reference=1.0)],
                              [bj.Modality("s", model, [0.5], bj.DiagonalNoise([1.0]), "m")])
    post = at_its_map(problem)
    assert post.validity.verdict == "not valid" and post.validity.curvature_change == np.inf


def test_the_dataset_holds_predictions_of_the_model_itself():
    problem = fit_problem(MISRA, misra, misra_jacobian)
    result = bj.find_map(problem)
    tree = bj.posterior(problem, at=result).to_datatree(draws=20, chains=2)
    b = tree["posterior"]["b"].values.reshape(-1, 2)
    std = problem.modalities[0].noise.std[0]
    wanted = np.array([np.sum((misra(row) - MISRA["y"]) ** 2) for row in b]) / std**2
    np.testing.assert_allclose(tree["sample_stats"]["chi2_fit"].values.ravel(), wanted, rtol=2e-4)  # kept in float32
    center = result.model["b"]
    tangent = misra(center) + (b - center) @ misra_jacobian(center).T
    assert np.abs(np.sum((tangent - MISRA["y"]) ** 2, axis=1) / std**2 / wanted - 1).max() > 1e-2
    names = [a["name"] for a in json.loads(tree.attrs["approximations_json"])]
    assert "Hessian by differences" in names
