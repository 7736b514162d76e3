"""Std, range and correlation of a discrepancy by the evidence: value, gradient, what can be identified and what not."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._vector import HyperVector
from tests.augment.test_discrepancy import KERNEL, STD, two_surveys
from tests.hyperparameters.test_dense import away, difference
from tests.refusals import refused

FREE = ["gravity_discrepancy_std", "magnetic_discrepancy_std", "discrepancy_range", "discrepancy_correlation"]


def joint(offset=0.0, correlation=0.5, **more):
    return bj.add_discrepancy(two_surveys(offset=offset), KERNEL, std=STD, correlation=correlation, **more)


def test_what_was_stated_is_held():
    assert not set(HyperVector(joint()).names) & set(FREE)
    assert HyperVector(joint(), free=FREE).names == FREE


def test_a_vector_rebuilds_it():
    vector = HyperVector(joint(), free=FREE)
    theta = vector.start + np.array([0.5, -0.5, 0.3, -0.2])
    prior, values = vector.rebuild(theta).by_name["discrepancy"].prior, vector.natural(theta)
    np.testing.assert_allclose(prior.std, [values[FREE[0]], values[FREE[1]]])
    np.testing.assert_allclose(prior.range, np.array([150.0, 220.0]) * np.exp(0.3))
    assert prior.correlation[0, 1] == pytest.approx(values["discrepancy_correlation"])


@pytest.mark.parametrize("offset", [0.0, 25.0])
@pytest.mark.parametrize("correlation", [0.5, 0.0])
def test_value_and_gradient(offset, correlation):
    vector = HyperVector(joint(offset, correlation), free=["density_std", *FREE])
    evidence = DenseEvidence(vector)
    for theta in (vector.start, away(vector)):
        value, gradient = evidence.evaluate(theta)
        rebuilt = vector.rebuild(theta)
        assert value == pytest.approx(float(bj.posterior(rebuilt, "dense").log_evidence()), abs=1e-6)
        assert gradient == pytest.approx(difference(evidence, theta), abs=1e-5)


def test_a_subset_of_the_data():
    problem, rows = joint(), [np.array([1, 4, 7]), np.array([0, 11])]
    vector = HyperVector(problem, free=FREE)
    evidence, theta = DenseEvidence(vector, rows), away(vector)
    assert evidence.evaluate(theta)[1] == pytest.approx(difference(evidence, theta), abs=1e-5)


def test_a_covariance_given_as_a_matrix_has_a_size():
    problem = bj.add_discrepancy(two_surveys(), 0.1 * np.eye(24) + 0.2)
    vector = HyperVector(problem, free=["discrepancy_std"])
    evidence, theta = DenseEvidence(vector), vector.start + 0.4
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(bj.posterior(vector.rebuild(theta), "dense").log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), abs=1e-6)
    np.testing.assert_allclose(vector.rebuild(theta).by_name["discrepancy"].prior.matrix,
                               np.exp(0.8) * (0.1 * np.eye(24) + 0.2))


def test_other_orders_of_surveys():
    problem = joint(surveys=["magnetic", "gravity"])
    vector = HyperVector(problem, free=FREE)
    evidence, theta = DenseEvidence(vector), away(vector)
    assert evidence.evaluate(theta)[0] == pytest.approx(
        float(bj.posterior(vector.rebuild(theta), "dense").log_evidence()), abs=1e-6)


def simulated(size, reach, seed=0):
    """One survey over a field of short range, its errors with a discrepancy of another range."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((1, 16, 16), (50, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=100.0))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    survey = bj.Modality("gravity", operator, np.zeros((16, 16)), bj.DiagonalNoise(np.full((16, 16), 0.02)), "density")
    truth = bj.add_discrepancy(bj.JointProblem([density], [survey]), bj.Matern(size, reach))
    x = truth.prior.gaussian_moments()[1].sample(rng, 1)[0]
    data = truth.operator(0).matvec(x) + 0.02 * rng.standard_normal(256)
    survey = truth.modalities[0].replace(data=data)
    return truth.replace(modalities=[survey])


def test_one_unlike_the_model_is_identified():
    fit = bj.fit_hyperparameters(simulated(0.5, 800.0), free=["gravity_discrepancy_std", "discrepancy_range"])
    assert fit.table["identified"].all(), fit.table["verdict"]
    assert fit.table["low"][0] < 0.5 < fit.table["high"][0]
    assert fit.table["low"][1] < 800.0 < fit.table["high"][1]


def test_the_range_of_one_too_small_to_matter_is_said_not_to_be():
    """Its std has an upper end all the same, and the evidence is no better than without it."""
    fit = bj.fit_hyperparameters(simulated(1e-4, 100.0), free=["gravity_discrepancy_std", "discrepancy_range"])
    assert not fit.table["identified"][1] and "held more by its prior" in fit.table["verdict"][1]
    curve = fit.curve["gravity_discrepancy_std"]
    assert curve["log_evidence"].max() - curve["log_evidence"][0] < 0.5 and fit.table["high"][0] < 0.2


def test_it_can_be_integrated_over():
    problem = joint()
    fit = bj.fit_hyperparameters(problem, free=["gravity_discrepancy_std"], curve=False)
    mixed = fit.integrate(draws=32)
    components = [fit.vector.rebuild(theta) for theta in mixed.points.theta]
    stds = [c.by_name["discrepancy"].prior.std for c in components]
    assert len({s[0] for s in stds}) > 10 and {s[1] for s in stds} == {12.0}
    posts, weight = [bj.posterior(c) for c in components], mixed.points.weight
    mean = sum(w * p.mean()["discrepancy"] for w, p in zip(weight, posts, strict=True))
    square = sum(w * (p.std()["discrepancy"] ** 2 + p.mean()["discrepancy"] ** 2)
                 for w, p in zip(weight, posts, strict=True))
    np.testing.assert_allclose(mixed.mean()["discrepancy"], mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mixed.std()["discrepancy"], np.sqrt(square - mean**2), rtol=1e-3)


def test_at_survey_size_it_is_refused():
    mesh = bj.Mesh.regular((1, 6, 6), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=100.0, extent="continued"))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    survey = bj.Modality("gravity", operator, np.ones((6, 6)), bj.DiagonalNoise(np.ones((6, 6))), "density")
    problem = bj.add_discrepancy(bj.JointProblem([density], [survey]), KERNEL)
    refused(lambda: bj.fit_hyperparameters(problem, method="lanczos"), "problem")
