"""The dense evidence against the engine, brute force and finite differences."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian._mesh_signal import RangeSlope
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._vector import HyperVector
from bayesjoint.noise import MaternKernel
from tests.hyperparameters.fields import gravity_problem
from tests.linear import make, matern_matrix, small_mesh
from tests.refusals import refused

CASES = {
    "two surveys": {},
    "coregionalized": {"correlation": 0.4},
    "everything": {"correlation": 0.4, "shared": True, "vector": True, "bias": True, "dense": True},
    "exponents": {"weights": {"survey_density": 0.5}},
    "rough and layered": {"smoothness": 0.5, "layered": True, "mean": True},
    "three fields": {"names": ("density", "susceptibility", "porosity"), "correlation": 0.3, "smoothness": 2.5},
    "members turned": {"members": ("susceptibility", "density"), "correlation": -0.3},
}


def away(vector, seed=0):
    return vector.start + 0.3 * np.random.default_rng(seed).standard_normal(vector.size)


def difference(evidence, theta, step=1e-5):
    steps = step * np.eye(theta.size)
    return np.array([evidence.evaluate(theta + h)[0] - evidence.evaluate(theta - h)[0] for h in steps]) / (2 * step)


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_it_is_the_evidence_of_brute_force_at_the_problems_own_values(settings):
    problem, reference = make(**settings)
    vector = HyperVector(problem)
    assert DenseEvidence(vector).evaluate(vector.start)[0] == pytest.approx(reference.evidence, abs=1e-9)


@pytest.mark.parametrize("ranges", ["common", "layered", "axes"])
@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_it_is_the_engines_evidence_of_the_rebuilt_problem_and_its_gradient_that_of_differences(settings, ranges):
    vector = HyperVector(make(**settings)[0], ranges=ranges)
    evidence, theta = DenseEvidence(vector), away(vector)
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(bj.posterior(vector.rebuild(theta), "dense").log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), abs=1e-6)


def test_correlated_noise_has_its_own_std_and_range():
    problem = gravity_problem(0, (2, 4, 4), noise=bj.StationaryNoise(MaternKernel(0.2, 150.0, 1.5), white=0.1))
    vector = HyperVector(problem)
    assert vector.names[2:] == ["gravity_noise", "gravity_noise_correlated", "gravity_noise_range"]
    evidence, theta = DenseEvidence(vector), away(vector)
    value, gradient = evidence.evaluate(theta)
    rebuilt = vector.rebuild(theta)
    assert value == pytest.approx(float(bj.posterior(rebuilt, "dense").log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), abs=1e-6)
    kernel, values = rebuilt.modalities[0].noise.stationary.kernel, vector.values(theta)
    assert (kernel.std, kernel.range) == (values["gravity_noise_correlated"], values["gravity_noise_range"])


def test_a_subset_of_the_data_has_its_own_evidence():
    problem, reference = make(correlation=0.4)
    rows = [np.array([0, 3]), np.array([1, 2, 5])]
    index = np.concatenate([rows[0], 5 + rows[1]])
    covariance = reference.matrix @ reference.prior @ reference.matrix.T + reference.noise
    k = covariance[np.ix_(index, index)]
    d = (reference.data - reference.matrix @ reference.prior_mean)[index]
    expected = -0.5 * (d @ np.linalg.solve(k, d) + np.linalg.slogdet(2 * np.pi * k)[1])
    vector = HyperVector(problem)
    assert DenseEvidence(vector, rows).evaluate(vector.start)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_the_slope_of_a_correlation_is_that_of_differences(smoothness, axes):
    mesh, ranges, step = small_mesh(), np.array([150.0, 300.0, 200.0]), 1e-5
    ends = []
    for side in (-1, 1):
        stretched = ranges.copy()
        stretched[list(axes)] *= np.exp(side * step)
        ends.append(matern_matrix(mesh, stretched, smoothness))
    slope = RangeSlope(mesh, smoothness, tuple(ranges), axes).matmat(np.eye(mesh.size))
    np.testing.assert_allclose(slope, (ends[1] - ends[0]) / (2 * step), atol=1e-8)


def test_a_matrix_that_rounding_leaves_indefinite_is_no_evidence():
    vector = HyperVector(gravity_problem(0, (1, 12, 12), smoothness=2.5), free=["density_std", "density_range"])
    problem = vector.rebuild(np.log([1e9, 1e5]))
    problem = problem.replace(modalities=[problem.modalities[0].replace(noise=bj.DiagonalNoise(np.full(144, 1e-9)))])
    vector = HyperVector(problem)
    value, gradient = DenseEvidence(vector).evaluate(vector.start)
    assert value == -np.inf
    assert not gradient.any()


def test_what_has_no_such_evidence_is_refused():
    problem = gravity_problem(0, (2, 4, 4))
    p = problem.parameters[0]
    for changed, word in ((p.replace(bounds=(0, 1)), "linear-Gaussian"), (p.replace(prior=None), "linear-Gaussian"),
                          (p.replace(fixed=np.where(np.arange(32).reshape(2, 4, 4) == 3, 1.0, np.nan)), "know no")):
        text = refused(lambda c=changed: bj.fit_hyperparameters(problem.replace(parameters=[c])), "problem")
        assert word in text


def continued_problem():
    """Two correlated fields that go on beyond the mesh, one survey at two heights and tilted, one with gaps."""
    mesh = bj.Mesh.regular((2, 6, 6), (100, 100, 100))
    fields = [bj.Parameter(n, mesh, prior=bj.Matern(std=s, range=(150.0, 120.0, 180.0), extent="continued"))
              for n, s in (("density", 100.0), ("susceptibility", [0.01, 0.02]))]
    rng = np.random.default_rng(0)
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing[:5], height=[0.0, 150.0])
    magnetic = bj.MagneticOperator(mesh, mesh.easting[1:], mesh.northing, height=20.0, inclination=30.0)
    magnetic = StationSelection(magnetic, rng.uniform(size=(6, 5)) > 0.2) @ magnetic
    modalities = [bj.Modality(name, op, scale * rng.standard_normal(op.data_shape),
                              bj.DiagonalNoise(np.full(op.data_shape, scale)), p.name)
                  for name, op, scale, p in zip(("gravity", "magnetic"), (gravity, magnetic), (0.1, 5.0), fields,
                                                strict=True)]
    problem = bj.JointProblem(fields, modalities, [bj.Coregionalization(0.5)])
    return bj.add_bias(problem, "gravity", basis="linear", std=1.0)


@pytest.mark.parametrize("ranges", ["common", "axes"])
def test_continued_fields_have_the_engines_evidence_and_the_right_gradient(ranges):
    vector = HyperVector(continued_problem(), ranges=ranges)
    evidence = DenseEvidence(vector)
    assert evidence.evaluate(vector.start)[0] == pytest.approx(
        float(bj.posterior(vector.problem, "dense").log_evidence()), abs=1e-8)  # on one and the same torus
    theta = away(vector)
    assert evidence.evaluate(theta)[1] == pytest.approx(difference(evidence, theta), abs=1e-5)
