"""The whitened covariance of the data as an operator, and its preconditioner."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian import IterativeSystem, linear_gaussian

from ..linear import make
from ..moments import sampling_excess
from ..periodic import continued_problem
from ..refusals import refused

GAPS = (np.arange(12).reshape(3, 4) % 5 > 0, np.arange(20).reshape(4, 5) % 7 > 0)
CASES = {
    "coupled": {}, "gaps, unequal noise": {"mask": GAPS, "noise": 0.5}, "mesh": {"extent": "mesh"},
    "bias": {"bias": True}, "exponents": {"weights": {"gravity": 0.2}},
}  # fmt: skip


@pytest.fixture(params=CASES.values(), ids=CASES)
def system(request):
    return IterativeSystem(linear_gaussian(continued_problem(**request.param)))


def matrices(system):
    eye = np.asfortranarray(np.eye(system.size))
    return system.product(eye), system.preconditioner(eye)


def test_the_product_is_the_whitened_covariance(system):
    model, eye = system.model, np.eye(system.size)
    white = model.whiten(eye)
    wanted = white @ (model.signal(eye) + np.linalg.inv(white.T @ white)) @ white.T
    np.testing.assert_allclose(system.product(eye), wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())


def test_the_preconditioner_is_positive_definite_and_good(system):
    product, inverse = matrices(system)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-10 * np.abs(inverse).max())
    assert np.linalg.eigvalsh(0.5 * (inverse + inverse.T)).min() > 0
    values = np.sort(np.linalg.eigvals(inverse @ product).real)
    # a bias adds a few large outliers: they cost a product each
    assert values[-5] / values[0] < 0.2 * np.linalg.cond(product)
    assert not system.scattered


def test_its_sample_has_its_covariance():
    system = IterativeSystem(linear_gaussian(continued_problem(mask=GAPS)))
    _, inverse = matrices(system)
    draws = system._sample(np.random.default_rng(0), 4000).T
    covariance = np.linalg.inv(0.5 * (inverse + inverse.T))
    assert min(sampling_excess(draws, np.zeros(system.size), covariance)) > 1e-4
    assert sampling_excess(1.05 * draws, np.zeros(system.size), covariance)[1] < 1e-6


def test_dense_noise_goes_through_its_factor():
    problem = continued_problem(extent="mesh")
    rng = np.random.default_rng(0)
    surveys = []
    for m in problem.modalities:
        root = 0.2 * rng.standard_normal((m.size, m.size)) + np.eye(m.size)
        surveys.append(m.replace(noise=bj.DenseNoise(0.05 * np.abs(m.data).mean() ** 2 * root @ root.T)))
    system = IterativeSystem(linear_gaussian(problem.replace(modalities=surveys)))
    _, inverse = matrices(system)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-9 * np.abs(inverse).max())
    right = rng.standard_normal((system.size, 2))
    found = system.solution(right, 1e-9)
    np.testing.assert_allclose(system.product(found.x), right, atol=1e-7)


def test_matrices_have_no_lattice():
    system = IterativeSystem(linear_gaussian(make()[0]))
    assert system.scattered and not system.blocks
    eye = np.eye(system.size)
    np.testing.assert_array_equal(system.preconditioner(eye), eye)
    assert IterativeSystem(linear_gaussian(make()[0]), rank=3).outliers.size > 0


def test_a_solve_that_does_not_converge_says_so(monkeypatch):
    system = IterativeSystem(linear_gaussian(continued_problem()))
    monkeypatch.setattr("bayesjoint.gaussian._iterative.MAX_ITERATIONS", 1)
    refused(lambda: system.solve(np.ones((system.size, 1)), 1e-8), "the data-space solve")


@pytest.mark.parametrize("reach", [300.0, 1200.0])
@pytest.mark.parametrize("inclination", [90.0, 5.0])
def test_errors_of_log_determinants_are_what_they_are_off_by(reach, inclination):
    """Root mean square of error over stated error is 1 within its Monte Carlo error, over seeds."""
    mesh, seeds = bj.Mesh.regular((3, 16, 16), (100.0, 100.0, 100.0)), 60
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 20.0, inclination=inclination)
    parameter = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.02, reach, extent="continued"))
    data = np.random.default_rng(0).standard_normal(256)
    survey = bj.Modality("magnetic", operator, data, bj.DiagonalNoise(np.full(256, 3.0)), "susceptibility")
    system = IterativeSystem(linear_gaussian(bj.JointProblem([parameter], [survey])))
    exact = np.linalg.slogdet(system.product(np.eye(256)))[1]
    found = [system.log_determinant(np.random.default_rng(seed), error=1e-3, most=32) for seed in range(seeds)]
    z = np.array([(f.value - exact) / f.error for f in found])
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=3 / np.sqrt(2 * seeds))
    assert np.all([abs(f.bias) < 0.1 * f.error for f in found])
