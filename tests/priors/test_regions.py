"""Fields that are not everywhere, and levels that are not known: std, range and mean by region."""

import math

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._order import alike
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.test_dense import away, difference

from ..linear import matern_matrix
from ..refusals import refused

MESH = bj.Mesh.regular((2, 6, 6), (80.0, 100.0, 100.0))
WEST = np.where(np.arange(6) < 3, 1.0, 0.0) * np.ones(MESH.shape)
EAST = 1.0 - WEST
LEVEL = 60.0


def two_regions():
    return (bj.Matern(100.0 * WEST, 400.0) + bj.Matern(30.0 * EAST, 150.0, smoothness=0.5)
            + bj.Matern(LEVEL * WEST, math.inf))


def dense():
    """Γ in (g/cm³)² written out."""
    west, east = WEST.ravel(), EAST.ravel()
    return 1e-6 * (np.outer(100 * west, 100 * west) * matern_matrix(MESH, (400.0,) * 3, 1.5)
                   + np.outer(30 * east, 30 * east) * matern_matrix(MESH, (150.0,) * 3, 0.5)
                   + np.outer(LEVEL * west, LEVEL * west))


def surveyed(prior, data=None, noise=0.01):
    operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=10.0)
    data = np.zeros(operator.data_shape) if data is None else data
    return bj.JointProblem([bj.Parameter("density", MESH, prior=prior)],
                           [bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(data.shape, noise)),
                                        "density")])


def test_the_covariance_is_that_of_the_regions(rng):
    covariance, v = surveyed(two_regions()).parameters[0].bound_prior.covariance, rng.standard_normal((MESH.size, 3))
    assert covariance.dense() == pytest.approx(dense(), abs=1e-15)
    assert covariance.matmat(v) == pytest.approx(dense() @ v, abs=1e-14)
    assert covariance.diagonal() == pytest.approx(np.diag(dense()), rel=1e-12)
    draws = covariance.sample(rng, 40_000)
    scale = np.sqrt(np.diag(dense()))
    right = dense() / np.outer(scale, scale)
    off = draws.T @ draws / 40_000 / np.outer(scale, scale) - right
    assert np.sqrt(np.mean(off**2)) < 1.2 * np.sqrt(np.mean(1 + right**2) / 40_000)


def test_a_level_is_a_mean_that_is_integrated_out(rng):
    """Posterior mean under field + level is that of generalised least squares with the level as one more unknown."""
    data = rng.normal(0.3, 0.1, (6, 6))
    post = bj.posterior(surveyed(bj.Matern(50.0, 300.0) + bj.Matern(LEVEL, math.inf), data))
    A = 1000.0 * post.problem.modalities[0].forward.matmat(np.eye(MESH.size))  # of g/cm³
    field = 50.0**2 * 1e-6 * matern_matrix(MESH, (300.0,) * 3, 1.5)
    K = A @ field @ A.T + 0.01**2 * np.eye(36)
    ones = A @ np.ones(MESH.size)
    weight = ones @ np.linalg.solve(K, ones) + 1.0 / (LEVEL * 1e-3) ** 2
    level = ones @ np.linalg.solve(K, data.ravel()) / weight
    mean = level + field @ A.T @ np.linalg.solve(K, data.ravel() - level * ones)
    assert post.mean()["density"].ravel() == pytest.approx(1000.0 * mean, rel=1e-7)


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_engines_answer_alike_and_as_the_closed_form(method, rng):
    data = rng.normal(0.2, 0.2, (6, 6))
    post = bj.posterior(surveyed(two_regions(), data), method=method)
    A = 1000.0 * post.problem.modalities[0].forward.matmat(np.eye(MESH.size))
    gain = dense() @ A.T @ np.linalg.inv(A @ dense() @ A.T + 0.01**2 * np.eye(36))
    assert post.mean()["density"].ravel() == pytest.approx(1000.0 * gain @ data.ravel(), rel=1e-5, abs=1e-3)
    std = 1000.0 * np.sqrt(np.diag(dense() - gain @ A @ dense()))
    if method == "dense":
        assert post.std()["density"].ravel() == pytest.approx(std, rel=1e-7)
    else:
        off = (post.std()["density"].ravel() - std) / post.std_error()["density"].ravel()
        assert np.mean(np.abs(off) < 2) > 0.85


def test_each_region_has_a_std_and_a_range_and_a_level_has_a_std_alone():
    vector = HyperVector(surveyed(two_regions()), ranges="layered")
    assert vector.names == ["density_std_1", "density_std_2", "density_std_3", "density_range_vertical_1",
                            "density_range_horizontal_1", "density_range_vertical_2", "density_range_horizontal_2",
                            "gravity_noise"]
    assert vector.natural(vector.start)["density_std_1"] == pytest.approx(100.0)  # of the cells where it is
    assert alike(vector) == []
    assert alike(HyperVector(surveyed(bj.Matern(9.0, 400.0) + bj.Matern(9.0, 150.0) + bj.Matern(9.0, math.inf)))) != []


def test_a_field_that_does_not_vary_with_depth_has_ranges_along_the_others():
    reach = (math.inf, 300.0, 300.0)
    vector = HyperVector(surveyed(bj.Matern(50.0, reach)))
    again = vector.rebuild(vector.start + np.log(2)).parameters[0].prior
    assert again.range == pytest.approx((math.inf, 600.0, 600.0)) and again.std == pytest.approx(100.0)
    block = bj.Parameter("density", MESH, prior=bj.Matern(50.0, reach)).bound_prior.covariance.dense()
    assert block[:36, 36:] == pytest.approx(block[:36, :36], rel=1e-9)


def test_the_evidence_and_its_gradient_are_those_of_the_rebuilt_problem(rng):
    problem = surveyed(two_regions(), rng.normal(0.2, 0.2, (6, 6)))
    vector = HyperVector(problem)
    evidence, theta = DenseEvidence(vector), away(vector)
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(bj.posterior(vector.rebuild(theta), "dense").log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), abs=1e-7 * np.abs(gradient).max(), rel=1e-6)


def test_intervals_of_each_region_hold_truths_of_the_regions():
    """90 % intervals over 60 truths; under one field for both regions those of the quiet one are wider."""
    stated = surveyed(two_regions())
    truths = stated.prior.gaussian_moments()[1].sample(np.random.default_rng(0), 60)
    operator, rng = stated.modalities[0].forward, np.random.default_rng(1)
    one = bj.Matern(float(np.sqrt(0.5 * (100.0**2 + LEVEL**2) + 0.5 * 30.0**2)), 300.0)
    held = []
    for x in truths:
        truth = stated.unpack(x)["density"]
        data = operator.predict(truth) + 0.01 * rng.standard_normal(operator.data_shape)
        low, high = bj.posterior(surveyed(two_regions(), data)).interval(0.9)["density"]
        held.append((low <= truth) & (truth <= high))
    width = high - low
    low, high = bj.posterior(surveyed(one, data)).interval(0.9)["density"]
    shares = [float(np.mean(np.array(held)[:, where > 0])) for where in (WEST, EAST)]
    assert shares == pytest.approx([0.9, 0.9], abs=0.04)
    assert np.mean((high - low)[EAST > 0]) > 1.15 * np.mean(width[EAST > 0])


def test_refusals():
    assert "0 to 0" in refused(lambda: bj.Matern(np.zeros(MESH.shape), 100.0), "std")
    refused(lambda: bj.Matern(-WEST, 100.0), "std")
    refused(lambda: bj.Matern(0.0, 100.0), "std")
    refused(lambda: bj.Matern(1.0, -math.inf), "range")
    refused(lambda: bj.Matern(1.0, math.inf, extent="continued"), "range")
    refused(lambda: bj.Matern(1.0, math.nan), "range")
