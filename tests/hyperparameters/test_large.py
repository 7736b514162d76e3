"""The stochastic evidence against the dense one: value, gradient, fit, within the errors stated."""

import numpy as np

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._large_evidence import LargeEvidence
from bayesjoint.hyperparameters._newton import climb
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import gravity_problem, joint_problem
from tests.hyperparameters.test_dense import away, continued_problem
from tests.refusals import refused


def continued(problem):
    """The same with fields that go on."""
    return problem.replace(parameters=[p.replace(prior=bj.Matern(std=p.prior.std, range=p.prior.range,
                                                                 smoothness=p.prior.smoothness, extent="continued"))
                                       for p in problem.parameters])


def test_value_and_gradient_are_the_dense_ones_within_their_errors():
    vector = HyperVector(continued_problem(), ranges="layered")
    dense, large, theta = DenseEvidence(vector), LargeEvidence(vector, probes=64), away(vector)
    value, gradient = dense.evaluate(theta)
    found = large.log_evidence(theta, error=0.05)
    assert abs(float(found) - value) < 4 * found.error + abs(found.bias)
    assert found.error < 0.5
    slope, error, information = large.slope(theta)
    assert np.all(np.abs(slope - gradient) < 4 * error + 1e-3)
    assert np.all(error < 0.5)
    # information: between observed and expected, so positive and near the differences of the gradient
    assert np.linalg.eigvalsh(information)[0] > 0
    assert found.method.startswith("cosine-preconditioned Lanczos quadrature")


def test_average_information_is_its_formula():
    vector = HyperVector(continued(gravity_problem(1, (2, 6, 6))))
    dense, large, theta, step = DenseEvidence(vector), LargeEvidence(vector), vector.start + 0.1, 1e-5
    k = dense._covariance(vector.values(theta))
    changes = [(dense._covariance(vector.values(theta + h)) - dense._covariance(vector.values(theta - h))) / (2 * step)
               for h in step * np.eye(vector.size)]
    w = np.linalg.solve(k, dense.data)
    expected = [[0.5 * w @ a @ np.linalg.solve(k, b @ w) for b in changes] for a in changes]
    np.testing.assert_allclose(large.slope(theta)[2], expected, rtol=0.02)


def test_1500_data_have_their_evidence_to_half_a_nat():
    problem = continued(gravity_problem(2, (3, 38, 40), stated=(100.0, 250.0, 0.05)))
    vector = HyperVector(problem)
    value, _ = DenseEvidence(vector).evaluate(vector.start, gradient=False)
    found = LargeEvidence(vector).log_evidence(vector.start, error=0.2, most=512)
    assert 2 * found.error + abs(found.bias) <= 0.5
    assert abs(float(found) - value) <= 0.5


def test_a_fit_without_matrices_is_the_dense_fit():
    problem = continued(gravity_problem(5, (2, 16, 16)))
    dense = bj.fit_hyperparameters(problem, method="dense", curve=False)
    large = bj.fit_hyperparameters(problem, method="lanczos")
    assert large.converged
    spread = np.sqrt(np.diag(dense.covariance))
    assert np.all(np.abs(large.theta - dense.theta) < 0.1 * spread + 4 * large.table["search_error"])
    assert np.all(large.table["search_error"] < 0.5 * spread)
    assert abs(float(large.log_evidence) - float(dense.log_evidence)) < 4 * large.log_evidence.error + 0.05
    assert "average-information steps with 16 probes" in large.message
    np.testing.assert_allclose(np.sqrt(np.diag(large.covariance)), spread, rtol=0.3)


def test_a_correlation_is_found_without_matrices():
    fit = bj.fit_hyperparameters(continued(joint_problem(6, 0.7, shape=(2, 12, 12))), method="lanczos",
                                 free=["density_std", "susceptibility_std", "correlation"])
    assert fit.table["low"][2] < 0.7 < fit.table["high"][2]
    assert fit.estimate["correlation"] > 0.4


def test_large_lattices_choose_it_and_say_why(monkeypatch):
    import bayesjoint.hyperparameters._fit_hyperparameters as door

    monkeypatch.setattr(door, "DENSE_BEST", 100)
    fit = bj.fit_hyperparameters(continued(gravity_problem(5, (1, 11, 11))), free=["density_std", "gravity_noise"])
    assert fit.message.startswith("stochastic evidence of 121 data (chosen because 121 data on lattices are more than")
    mesh = bj.fit_hyperparameters(gravity_problem(5, (1, 11, 11)), free=["density_std", "gravity_noise"], curve=False)
    assert mesh.message.startswith("exact evidence")


class Parabola:
    """A quadratic log evidence with noisy slopes of known size."""

    probes = 4

    def __init__(self, top):
        self.top = top

    def slope(self, theta):
        information = np.diag([4.0, 100.0, 1.0])
        return information @ (self.top - theta), np.array([0.2, 1.0, 0.1]), information


def test_the_climb_ends_on_the_top_or_at_a_bound():
    vector = HyperVector(gravity_problem(0, (1, 3, 3)), flat=True)
    top = vector.start + np.array([1.5, -0.7, 0.0])
    found = climb(Parabola(top), vector, vector.start)
    assert found.converged
    np.testing.assert_allclose(found.theta, top, atol=0.02)
    np.testing.assert_allclose(found.error, [0.05, 0.01, 0.1], rtol=1e-4)
    top[0] = vector.bounds[0, 1] + 3
    found = climb(Parabola(top), vector, vector.start)
    assert found.converged
    assert found.theta[0] == vector.bounds[0, 1]


def test_what_has_no_operator_is_refused():
    problem = gravity_problem(0, (1, 4, 4))
    refused(lambda: bj.fit_hyperparameters(problem, method="lanczos"), "extent")
    m = problem.modalities[0].replace(noise=bj.DenseNoise(np.eye(16)))
    refused(lambda: bj.fit_hyperparameters(continued(problem.replace(modalities=[m])), method="lanczos"), "noise")
