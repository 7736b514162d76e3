"""find_map of linear-Gaussian problems is the posterior mean, and a search for α that fails says so."""

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj
from tests.test_converged_map import small

LARGE = bj.Mesh.regular((6, 35, 35), (100.0, 100.0, 100.0))


def fields(mesh=LARGE, extent="mesh", coupling=0.5, fixed=None, weights=None, mean=None):
    rng = np.random.default_rng(0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0, extent=extent, mean=mean), fixed=fixed)
    other = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.01, 300.0, extent=extent))
    data = rng.standard_normal(mesh.shape[1:])
    survey = bj.Survey("gravity", data, mesh.easting, mesh.northing, 5.0, std=0.5)
    parameters = [density, other] if coupling else [density]
    return bj.JointProblem(parameters, [survey.modality(density)], [bj.Coregionalization(coupling)] if coupling else [],
                           weights=weights)


def flat_bias(problem):
    """An offset of the survey that nothing is known of."""
    survey = problem.modalities[0]
    offset = bj.Parameter("offset", 1, prior=None, units="mGal")
    matrix = np.hstack([survey.forward @ np.eye(SMALL.size), np.ones((survey.size, 1))])
    both = bj.Modality("gravity", matrix, survey.data, survey.noise,
                       ("density", "offset"))
    return problem.replace(parameters=[*problem.parameters, offset], modalities=[both])


SMALL = bj.Mesh.regular((3, 9, 10), (100.0, 100.0, 100.0))
KNOWN = np.full(SMALL.shape, np.nan)
KNOWN[2, 3:5, 3:5] = 150.0
CASES = {
    "two fields of 14,700 cells": lambda: fields(),
    "continued": lambda: fields(SMALL, extent="continued"),
    "known cells": lambda: fields(SMALL, coupling=0.0, fixed=KNOWN),
    "exponents": lambda: fields(SMALL, weights={"gravity": 0.3}),
    "a mean of its own": lambda: fields(SMALL, mean=40.0),
    "a bias": lambda: bj.add_bias(fields(SMALL), "gravity", "linear", std=2.0),
    "a flat bias": lambda: flat_bias(fields(SMALL)),
    "air": lambda: fields(bj.Mesh(SMALL.easting_edges, SMALL.northing_edges, SMALL.upward_edges).with_topography(
        xr.DataArray(-60.0 * np.add.outer(np.arange(9) % 2, np.zeros(10)),
                     {"northing": SMALL.northing, "easting": SMALL.easting}, ("northing", "easting")))),
}


@pytest.mark.parametrize("case", CASES)
def test_the_map_is_the_mean(case):
    problem = CASES[case]()
    result, post = bj.find_map(problem), bj.posterior(problem)
    assert result.converged
    for name, mean in post.mean().items():
        np.testing.assert_allclose(result.model[name], mean, atol=1e-6 * np.nanmax(np.abs(mean)), err_msg=name)
    for name, chi2 in post.chi2().items():
        assert result.chi2[name] == pytest.approx(chi2, rel=1e-5)
    assert "posterior mean" in result.message


def test_the_value_is_that_of_the_negative_log_posterior():
    problem = fields(SMALL, mean=40.0)
    result = bj.find_map(problem)
    assert result.value == pytest.approx(problem.value(result.x), rel=1e-8)
    assert result.criterion < 1e-8


def test_independent_cells_have_their_mean_too():
    problem = small({"density": bj.MinimumLength(200.0)}, bounds=False)
    result = bj.find_map(problem, discrepancy=False)
    mean = bj.posterior(result.problem, method="dense").mean()["density"]
    np.testing.assert_allclose(result.model["density"], mean, rtol=1e-8)


def test_a_callback_sees_the_one_answer():
    seen = []
    result = bj.find_map(fields(SMALL), callback=lambda x, record: seen.append((x, record)))
    assert len(seen) == 1
    assert seen[0][1]["chi2_gravity"] == result.chi2["gravity"]


@pytest.mark.parametrize("change", [{"data": -1.0}, {"std": 100.0}, {"std": 1e-6}])
def test_an_alpha_that_ran_away_is_said_and_nothing_has_converged(change):
    """Data of the wrong sign, a noise std far too large, one far too small: no α between fits."""
    problem = small({"density": bj.MinimumLength(1e4)})
    survey = problem.modalities[0]
    changed = survey.replace(data=change.get("data", 1.0) * survey.data,
                             noise=bj.DiagonalNoise(change.get("std", 1.0) * survey.noise.std))
    result = bj.find_map(problem.replace(modalities=[changed]), method="map")
    assert "alpha ran away (density from 1e+04 to" in result.message
    assert "a stationary point of Phi" not in result.message
    assert not result.converged
    assert set(result.ran_away) == {"density"}
    with pytest.raises(ValueError, match="converged"):
        bj.posterior(problem, method="laplace", at=result)


def test_an_alpha_that_fits_did_not_run_away_however_far_it_was():
    result = bj.find_map(small({"density": bj.MinimumLength(1e1)}), method="map", max_iterations=400)
    assert result.converged
    assert result.ran_away == {}
    assert "alpha moved far, density from 10 to" in result.message


@pytest.mark.parametrize("count", [1, 3])
def test_values_without_a_mesh_have_their_posterior_mean_too(count):
    rng = np.random.default_rng(count)
    rows, data = rng.standard_normal((5, count)), rng.standard_normal(5) * 3
    values = bj.Parameter("a", count, prior=bj.GaussianPrior(1.0, 4.0))
    problem = bj.JointProblem([values], [bj.Modality("s", rows, data, bj.DiagonalNoise(np.full(5, 0.5)), "a")])
    precision = rows.T @ rows / 0.25 + np.eye(count) / 4
    mean = 1 + np.linalg.solve(precision, rows.T @ (data - rows.sum(axis=1)) / 0.25)
    np.testing.assert_allclose(bj.find_map(problem).model["a"], mean, rtol=1e-10)
