"""The MAP of Gaussian fields between bounds: bounded least squares, its own optimality, more than 6,000 cells."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

import bayesjoint as bj
from bayesjoint.map_estimate._gaussian_map import _Mean
from bayesjoint.map_estimate._split_map import multipliers_by_splitting
from bayesjoint.priors import DampedCorrelation, NoTorus
from bayesjoint.solvers import bounded_gaussian


def positive(mesh, bounds=(0.0, None), extent="mesh", reach=200.0, std=0.02, fixed=None, noise=0.05):
    """A body of positive susceptibility under noise that asks for negative values around it."""
    rng = np.random.default_rng(1)
    parameter = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std, reach, extent=extent), bounds=bounds,
                             fixed=fixed)
    op = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 30.0, inclination=60.0, declination=5.0)
    truth = np.zeros(mesh.shape)
    truth[1:, 2:4, 2:4] = 3 * std
    data = op.predict(truth)
    noise = noise * data.std()
    survey = bj.Modality("magnetic", op, data + noise * rng.standard_normal(data.shape),
                         bj.DiagonalNoise(np.full(data.size, noise)), "susceptibility")
    return bj.JointProblem([parameter], [survey])


SMALL = bj.Mesh.regular((3, 8, 9), (100.0, 100.0, 100.0))


def exact(problem):
    """Bounded least squares with a dense root of the prior precision, for one parameter and one survey."""
    survey, parameter = problem.modalities[0], problem.parameters[0]
    root = np.linalg.inv(np.linalg.cholesky(parameter.bound_prior.covariance.dense()))
    matrix = np.asarray(survey.forward @ np.eye(problem.size)) * parameter.scale / survey.noise.std[:, None]
    data = np.concatenate([survey.data / survey.noise.std, np.zeros(problem.size)])
    return lsq_linear(np.vstack([matrix, root]), data, (problem.lower, problem.upper), method="bvls", tol=1e-13).x


@pytest.mark.parametrize("bounds", [(0.0, None), (0.0, 0.04), (-0.01, 0.03)])
def test_it_is_the_bounded_least_squares_solution(bounds):
    problem = positive(SMALL, bounds)
    result = bj.find_map(problem, tolerance=1e-6)
    assert result.converged
    assert 0.1 < result.active_share["susceptibility"] < 0.9
    np.testing.assert_allclose(result.x, exact(problem), atol=3e-5)  # the prior std is 0.02
    assert ((problem.lower <= result.x) & (result.x <= problem.upper)).all()
    assert result.value == pytest.approx(problem.value(exact(problem)), rel=1e-5)


def test_fields_of_two_scales_and_a_region_of_its_own_are_the_bounded_least_squares_solution():
    west = np.where(np.arange(9) < 5, 0.02, 0.0) * np.ones(SMALL.shape)
    problem = positive(SMALL)
    prior = bj.Matern(0.01, 500.0) + bj.Matern(0.01, 150.0) + bj.Matern(west, 200.0)
    problem = problem.replace(parameters=[problem.parameters[0].replace(prior=prior)])
    result = bj.find_map(problem, tolerance=1e-6)
    assert result.converged
    np.testing.assert_allclose(result.x, exact(problem), atol=3e-5)


def test_the_default_tolerance_is_kept():
    problem = positive(SMALL)
    result, truth = bj.find_map(problem), exact(problem)
    assert result.criterion <= 1e-3
    assert np.sqrt(np.mean((result.x - truth) ** 2)) <= 2e-3 * 0.02


def optimal(problem, result, x, multipliers, lower=0.0, upper=0.05):
    """Check the conditions of an optimum at mean + Σ w, and that the result is there."""
    std = 0.02
    assert np.sqrt(np.mean((result.x - x) ** 2)) <= 2e-3 * std
    assert ((problem.lower <= result.x) & (result.x <= problem.upper)).all()
    # the gradient of Phi is the multipliers: it pushes against a bound, or is nothing
    assert (x[multipliers > 0] < lower + 0.01 * std).all()
    assert (x[multipliers < 0] > upper - 0.01 * std).all()
    assert ((lower - 0.01 * std <= x) & (x <= upper + 0.01 * std)).all()
    assert result.active_share["susceptibility"] == pytest.approx(np.mean(multipliers != 0), abs=0.02)


@pytest.mark.parametrize("extent", ["mesh", "continued"])
def test_more_than_6000_cells_are_at_an_optimum(extent):
    mesh = bj.Mesh.regular((4, 40, 40), (100.0, 100.0, 100.0))
    problem = positive(mesh, (0.0, 0.05), extent, noise=1.0)
    result = bj.find_map(problem)
    assert result.converged
    free = _Mean(problem.replace(parameters=[p.replace(bounds=None) for p in problem.parameters]))
    found = bounded_gaussian(free.x, free.product, problem.lower, problem.upper, free.std(), tolerance=1e-4)
    optimal(problem, result, free.x + free.product(found.multipliers), found.multipliers)
    # no other point between the bounds is better: weak duality
    primal = free.value + 0.5 * (found.x - free.x) @ found.multipliers
    assert result.value == pytest.approx(primal, rel=1e-4)


def test_splitting_and_newtons_steps_end_at_one_point():
    problem = positive(SMALL, (0.0, 0.04))
    free = _Mean(problem.replace(parameters=[p.replace(bounds=None) for p in problem.parameters]))
    seen = []
    multipliers_by_splitting(problem, seen.append, 1000)
    newton = bounded_gaussian(free.x, free.product, problem.lower, problem.upper, free.std(), tolerance=1e-8)
    np.testing.assert_allclose(free.x + free.product(seen[-1]), newton.x, atol=1e-6 * 0.02)


def test_without_a_torus_it_is_the_solution_too():
    problem = positive(SMALL, reach=2000.0)
    with pytest.raises(NoTorus):
        DampedCorrelation(problem.parameters[0].prior.correlation(SMALL), 1.0)
    result = bj.find_map(problem, tolerance=1e-5)
    np.testing.assert_allclose(result.x, exact(problem), atol=1e-4 * 0.02)


@pytest.mark.parametrize("correlation", [-0.9, 0.6])
def test_tied_fields_of_two_surveys_are_the_bounded_least_squares_solution(correlation):
    problem = tied(SMALL, correlation)
    result = bj.find_map(problem, tolerance=1e-6)
    assert result.converged
    assert all(0.1 < share < 0.9 for share in result.active_share.values())
    root = np.linalg.inv(np.linalg.cholesky(problem.prior.gaussian_moments()[1].dense()))
    rows, data = [], []
    for survey in problem.modalities:
        columns = problem.operator(survey.name).matmat(np.eye(problem.size))
        rows.append(columns / survey.noise.std[:, None])
        data.append(survey.data / survey.noise.std)
    exact = lsq_linear(np.vstack([*rows, root]), np.concatenate([*data, np.zeros(problem.size)]),
                       (problem.lower, problem.upper), method="bvls", tol=1e-13).x
    std = np.sqrt(problem.prior.gaussian_moments()[1].diagonal())
    np.testing.assert_allclose(result.x / std, exact / std, atol=2e-3)


def tied(mesh, correlation):
    """Density and susceptibility of one positive field, each seen by its own survey."""
    rng = np.random.default_rng(2)
    mag = positive(mesh).modalities[0]
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, 30.0)
    truth = np.zeros(mesh.shape)
    truth[1:, 2:4, 2:4] = 300.0
    data = gravity.predict(truth)
    noise = 0.05 * data.std()
    grav = bj.Modality("gravity", gravity, data + noise * rng.standard_normal(data.shape),
                       bj.DiagonalNoise(np.full(data.size, noise)), "density")
    parameters = [bj.Parameter("density", mesh, prior=bj.Matern(100.0, 200.0), bounds=(0.0, None)),
                  bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.02, 200.0), bounds=(None, 0.03))]
    return bj.JointProblem(parameters, [grav, mag], couplings=[bj.Coregionalization(correlation)])


def test_known_cells_and_a_start_do_not_matter():
    fixed = np.full(SMALL.shape, np.nan)
    fixed[2, 2:4, 2:4] = 0.01
    problem = positive(SMALL, fixed=fixed)
    result = bj.find_map(problem)
    np.testing.assert_array_equal(result.model["susceptibility"][2, 2:4, 2:4], 0.01)
    other = bj.find_map(problem, start={"susceptibility": np.full(SMALL.shape, 0.01)})
    np.testing.assert_array_equal(result.x, other.x)


def test_too_few_steps_are_no_optimum():
    result = bj.find_map(positive(SMALL), max_iterations=1)
    assert not result.converged
    assert result.message.startswith("not a stationary point")
