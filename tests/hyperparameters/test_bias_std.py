"""The size of a bias as a hyperparameter: dense, without matrices, held unless asked for, and integrated over."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._large_evidence import LargeEvidence
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import gravity_problem
from tests.hyperparameters.test_dense import away, continued_problem, difference
from tests.linear import make


def test_it_is_held_unless_the_evidence_chose_it_or_it_is_named():
    problem = bj.add_bias(gravity_problem(0, (1, 4, 4)), "gravity", "linear", std=2.0)
    assert "gravity_bias_std" not in HyperVector(problem).names
    assert HyperVector(problem, free=["gravity_bias_std"]).names == ["gravity_bias_std"]
    chosen = bj.add_bias(gravity_problem(0, (1, 4, 4)), "gravity", "linear", std="evidence")
    assert "gravity_bias_std" in HyperVector(chosen).names


def test_a_vector_rebuilds_it():
    problem = bj.add_bias(gravity_problem(0, (1, 4, 4)), "gravity", "linear", std=[3.0, 4.0, 5.0])
    vector = HyperVector(problem, free=["gravity_bias_std"])
    again = vector.rebuild(vector.start + np.log(2)).by_name["gravity_bias"]
    np.testing.assert_allclose(again.prior.std, [6.0, 8.0, 10.0])
    assert again.labels == ("constant", "north", "east")


FREE = ["density_std", "survey_density_bias_std"]


@pytest.mark.parametrize("settings", [{}, {"correlation": 0.4, "shared": True, "vector": True, "dense": True}])
def test_dense_value_and_gradient(settings):
    vector = HyperVector(make(bias=True, **settings)[0], free=FREE)
    evidence, theta = DenseEvidence(vector), away(vector)
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(bj.posterior(vector.rebuild(theta), "dense").log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), abs=1e-6)


def test_without_matrices():
    vector = HyperVector(continued_problem(), free=["density_std", "gravity_bias_std"])
    dense, large, theta = DenseEvidence(vector), LargeEvidence(vector, probes=64), away(vector)
    value, gradient = dense.evaluate(theta)
    found = large.log_evidence(theta, error=0.05)
    assert abs(float(found) - value) < 4 * found.error + abs(found.bias)
    slope, error, information = large.slope(theta)
    assert error[1] == 0 and slope[1] == pytest.approx(gradient[1], rel=1e-4)
    step = np.array([0.0, 1e-5])
    change = dense._covariance(vector.values(theta + step)) - dense._covariance(vector.values(theta - step))
    push = change @ np.linalg.solve(dense._covariance(vector.values(theta)), dense.data) / 2e-5
    wanted = 0.5 * push @ np.linalg.solve(dense._covariance(vector.values(theta)), push)
    assert information[1, 1] == pytest.approx(wanted, rel=0.02)


def test_a_fit_of_it_alone_is_the_curve_of_add_bias():
    problem = gravity_problem(3, (2, 6, 6), stated=(100.0, 250.0, 0.05))
    survey = problem.modalities[0]
    problem = problem.replace(modalities=[survey.replace(data=survey.data + np.repeat(np.arange(6.0), 6))])
    chosen = bj.add_bias(problem, "gravity", "rows", "evidence")
    fit = bj.fit_hyperparameters(chosen, free=["gravity_bias_std"], prior="flat")
    curve = chosen.by_name["gravity_bias"].prior.evidence
    assert fit.estimate["gravity_bias_std"] == pytest.approx(curve.value, rel=1e-3)
    assert fit.table["low"][0] == pytest.approx(curve.low, rel=0.1)
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(curve.log_error, rel=0.02)


def test_it_can_be_integrated_over():
    """The mixture over τ is wider than the posterior at its mode, and is what numerical integration says."""
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 1.0))
    survey = bj.Modality("a", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "m")
    problem = bj.add_bias(bj.JointProblem([m], [survey]), "a", {"datum": [1.0]}, std=1.0)
    fit = bj.fit_hyperparameters(problem, free=["a_bias_std"])
    mixed = fit.integrate(draws=256)
    t = np.linspace(*fit.vector.bounds[0], 20_001)
    tau = np.exp(t)
    weight = np.exp([fit.vector.log_prior([v])[0] for v in t]) * np.exp(-4.5 / (2 + tau**2)) / np.sqrt(2 + tau**2)
    weight /= weight.sum()
    mean = weight @ (3 * tau**2 / (2 + tau**2))
    assert mixed.mean()["a_bias"][0] == pytest.approx(mean, rel=0.03)
    spread = weight @ (tau**2 * 2 / (2 + tau**2) + (3 * tau**2 / (2 + tau**2) - mean) ** 2)
    assert mixed.std()["a_bias"][0] == pytest.approx(np.sqrt(spread), rel=0.05)
