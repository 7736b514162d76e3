"""find_map(method="map") against closed forms, general-purpose minimisers and the two cubes."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import lsq_linear, minimize

import bayesjoint as bj
from bayesjoint.map_estimate._objective import Objective
from bayesjoint.solvers._projected_newton import projected_gradient
from tests.cubes import relative_errors, two_cubes

MESH = bj.Mesh.regular((3, 5, 6), (100, 100, 100))
BOX = {"density": (0, 1000.0), "susceptibility": (0, 0.1)}


def small(priors, couplings=(), bounds=True, seed=0, **changes):
    """Gravity for density and magnetics for susceptibility, as many as there are priors, over one block."""
    rng, block = np.random.default_rng(seed), np.zeros(MESH.shape)
    block[1, 1:4, 2:4] = 1.0
    kinds = {"density": ("gravity", bj.GravityOperator), "susceptibility": ("magnetic", bj.MagneticOperator)}
    parameters, surveys = [], []
    for name, prior in priors.items():
        kind, operator = kinds[name]
        forward = operator(MESH, MESH.easting, MESH.northing)
        clean = forward.predict(BOX[name][1] * block)
        std = bj.noise_std(clean, 0.03, 0.02)
        surveys.append(bj.Modality(kind, forward, clean + std * rng.standard_normal(clean.shape), bj.DiagonalNoise(std),
                                   name))
        parameters.append(bj.Parameter(name, MESH, prior=prior, bounds=BOX[name] if bounds else None, **changes))
    return bj.JointProblem(parameters, surveys, list(couplings))


def normal_equations(problem):
    """(H, b) of a problem with one survey and a minimum-length prior: Φ = ½ xᵀ H x − bᵀ x."""
    modality, a = problem.modalities[0], problem.operator(0)
    white = modality.noise.whiten(a @ np.eye(problem.size))
    h = white.T @ white + np.diag(1 / problem.parameters[0].bound_prior.covariance.diagonal())
    return white, h, white.T @ modality.noise.whiten(modality.data)


def test_minimum_length_without_bounds_is_the_ridge_solution():
    problem = small({"density": bj.MinimumLength(200.0)}, bounds=False)
    result = bj.find_map(problem, method="map", discrepancy=False, tolerance=1e-9)
    _, h, b = normal_equations(problem)
    np.testing.assert_allclose(result.x, np.linalg.solve(h, b), rtol=1e-5, atol=1e-6)
    assert result.converged
    assert result.active_share == {"density": 0.0}
    assert result.problem.parameters[0].prior.alpha == 200.0


def test_minimum_length_between_bounds_is_the_bounded_least_squares_solution():
    problem = small({"density": bj.MinimumLength(2000.0)})
    result = bj.find_map(problem, method="map", discrepancy=False, tolerance=1e-8)
    white, h, _ = normal_equations(problem)
    root = np.sqrt(np.diag(h - white.T @ white))
    stacked = np.vstack([white, np.diag(root)])
    data = np.r_[problem.modalities[0].noise.whiten(problem.modalities[0].data), np.zeros(problem.size)]
    exact = lsq_linear(stacked, data, bounds=(0, 1), method="bvls", tol=1e-13)
    np.testing.assert_allclose(result.x, exact.x, atol=1e-4)
    assert 0.2 < result.active_share["density"] < 1
    held = (exact.x < 1e-9) | (exact.x > 1 - 1e-9)
    assert np.mean(result.active["density"].ravel() == held) > 0.97


@pytest.mark.parametrize("alpha", [3e2, 3e6])
def test_alpha_moves_both_ways_to_the_same_fit(alpha):
    result = bj.find_map(small({"density": bj.MinimumLength(alpha)}), method="map")
    assert abs(result.chi2["gravity"] / 30 - 1) <= 0.25 * 3 * np.sqrt(2 / 30)
    assert result.target_met
    assert result.converged
    assert result.searches > 1
    np.testing.assert_allclose(result.problem.parameters[0].prior.alpha, 4.1e5, rtol=0.6)
    assert result.history["alpha_density"][0] == alpha
    assert result.history["alpha_density"][-1] == result.problem.parameters[0].prior.alpha


def test_each_survey_reaches_its_own_target_at_its_own_alpha():
    priors = {"density": bj.MinimumLength(1e4), "susceptibility": bj.MinimumLength(1e8)}
    problem = small(priors, [bj.Gramian(weight=1.0)])
    result = bj.find_map(problem, method="map", target={"gravity": 1.2, "magnetic": 0.8})
    width = 0.25 * 3 * np.sqrt(2 / 30)
    assert abs(result.chi2["gravity"] / 30 - 1.2) <= width
    assert abs(result.chi2["magnetic"] / 30 - 0.8) <= width
    assert result.converged


def test_joint_focusing_with_a_gramian_is_a_stationary_point_by_the_stated_criterion():
    priors = {"density": bj.Focusing(1e4), "susceptibility": bj.Focusing(3e8)}
    problem = small(priors, [bj.Gramian(weight=10.0)])
    result = bj.find_map(problem, method="map", discrepancy=False, tolerance=1e-4)
    for key, metric in (("plain", 1.0), ("scaled", Objective(problem).metric())):
        now, start = (metric * projected_gradient(x, problem.gradient(x), problem.lower, problem.upper)
                      for x in (result.x, problem.start()))
        for name, where in problem.slices.items():
            ratio = np.linalg.norm(now[where]) / np.linalg.norm(start[where])
            np.testing.assert_allclose(result.ratios[key][name], ratio, rtol=1e-6)
            assert ratio <= result.criterion <= 1e-4
    np.testing.assert_allclose(result.value, problem.value(result.x))
    polished = minimize(problem.value, result.x, jac=problem.gradient, method="L-BFGS-B",
                        bounds=list(zip(problem.lower, problem.upper, strict=True)), options={"maxiter": 3000})
    assert result.value <= polished.fun * (1 + 1e-6)


def test_a_matern_prior_gives_the_mean_of_the_dense_posterior():
    problem = small({"density": bj.Matern(std=100.0, range=300.0)}, bounds=False)
    result = bj.find_map(problem, method="map", tolerance=1e-8)
    mean = bj.posterior(problem, method="dense").mean()["density"]
    np.testing.assert_allclose(result.model["density"], mean, atol=1e-4 * np.abs(mean).max())
    assert result.searches == 1  # no α to move


def test_a_bounded_matern_prior_is_held():
    problem = small({"density": bj.Matern(std=300.0, range=300.0)})
    result = bj.find_map(problem, method="map")
    assert result.converged
    assert result.model["density"].min() >= 0
    assert result.active_share["density"] > 0.05


def test_a_prior_of_three_functions_is_enough():
    class Quartic:
        def bind(self, parameter):
            return SimpleNamespace(value=lambda m: float(50 * np.sum(m**4)), gradient=lambda m: 200 * m**3,
                                   hessian_product=lambda m, v: 600 * m**2 * v, gaussian=False)

    problem = small({"density": Quartic()}, bounds=False)
    result = bj.find_map(problem, method="map", tolerance=1e-7)
    reached = minimize(problem.value, problem.start(), jac=problem.gradient, method="L-BFGS-B",
                       options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-9})
    assert result.converged
    assert result.value <= reached.fun * (1 + 1e-6)


@pytest.mark.parametrize("prior", [bj.Focusing(20.0, p=0, epsilon=0.1), bj.Focusing(3e3, of="gradient", epsilon=0.1),
                                   bj.Focusing(3e2, p=0, of="gradient", epsilon=1.0),
                                   bj.Focusing(3e3, p=2, of="gradient")])
def test_every_focusing_prior_converges(prior):
    result = bj.find_map(small({"density": prior}), method="map", discrepancy=False)
    assert result.converged
    assert result.criterion <= 1e-3


def test_an_offset_is_found_with_the_model():
    problem = small({"density": bj.Focusing(1e4)})
    shifted = problem.modalities[0].replace(data=problem.modalities[0].data + 5.0)
    problem = bj.add_bias(problem.replace(modalities=[shifted]), "gravity", basis="constant", std=20.0)
    result = bj.find_map(problem, method="map", discrepancy=False)
    assert result.converged
    np.testing.assert_allclose(result.model["gravity_bias"], 5.0, atol=0.05)


def test_known_cells_keep_their_values_and_count_in_nothing():
    fixed = np.full(MESH.shape, np.nan)
    fixed[0], fixed[2, 0, 0] = 0.0, 333.0
    problem = small({"density": bj.Focusing(1e4)}, fixed=fixed)
    result = bj.find_map(problem, method="map", discrepancy=False)
    np.testing.assert_array_equal(result.model["density"][0], 0.0)
    assert result.model["density"][2, 0, 0] == pytest.approx(333.0)
    assert not result.active["density"][0].any()
    assert result.converged


def test_a_limit_is_owned_up_to():
    result = bj.find_map(small({"density": bj.Focusing(1e4)}), method="map", discrepancy=False, max_iterations=1)
    assert not result.converged
    assert "not a stationary point" in result.message
    assert "limit of 1 Newton steps" in result.message


def test_data_that_cannot_be_fitted_are_owned_up_to():
    problem = small({"density": bj.MinimumLength(1e4)})
    loud = problem.modalities[0].replace(data=-problem.modalities[0].data)  # would need negative density
    result = bj.find_map(problem.replace(modalities=[loud]), method="map")
    assert not result.target_met
    assert "gravity outside" in result.message


@pytest.mark.parametrize(("options", "match"), [
    ({"tolerance": 0.0}, "tolerance"), ({"max_iterations": 0}, "max_iterations"), ({"target": -1.0}, "target"),
    ({"target": {"seismic": 1.0}}, "target"), ({"start": {"density": np.full(MESH.shape, 2000.0)}}, "start"),
])
def test_bad_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        bj.find_map(small({"density": bj.Focusing(1e4)}), method="map", **options)


def test_what_is_no_density_or_has_no_alpha_is_refused():
    priors = {"density": bj.Focusing(1e4), "susceptibility": bj.Focusing(1e8)}
    with pytest.raises(ValueError, match="densities"):
        bj.find_map(small(priors, [bj.Gramian(weights=(1.0, 2.0))]), method="map")
    with pytest.raises(ValueError, match="discrepancy"):
        bj.find_map(small({"density": bj.Matern(std=100.0, range=300.0)}), method="map", discrepancy=True)


def test_auto_is_the_converged_map_of_a_density_and_rrcg_otherwise():
    priors = {"density": bj.Focusing(1e4), "susceptibility": bj.Focusing(1e8)}
    assert bj.find_map(small(priors, [bj.Gramian(weight=1.0)]), discrepancy=False, tolerance=0.1).method == "map"
    assert bj.find_map(small(priors, [bj.Gramian(weights=(1.0, 2.0))]), max_iterations=2).method == "rrcg"


def test_the_callback_sees_every_iterate_of_the_history():
    seen = []
    result = bj.find_map(small({"density": bj.Focusing(1e4)}), method="map",
                         callback=lambda x, record: seen.append((x.copy(), record["chi2_gravity"])))
    np.testing.assert_array_equal([chi2 for _, chi2 in seen], result.history["chi2_gravity"])
    np.testing.assert_allclose(result.problem.chi2(seen[-1][0])["gravity"], seen[-1][1])


@pytest.mark.parametrize("space", ["model", "weighted", "gradient"])
def test_the_objective_is_the_problems_and_its_preconditioner_positive(space):
    priors = {"density": bj.Focusing(1e4), "susceptibility": bj.Focusing(1e8)}
    problem = small(priors, [bj.Gramian(weight=3.0, space=space)])
    objective, rng = Objective(problem), np.random.default_rng(1)
    x, v = problem.upper * rng.random(problem.size), rng.standard_normal(problem.size)
    np.testing.assert_allclose(objective.value(x), problem.value(x))
    np.testing.assert_allclose(objective.gradient(x), problem.gradient(x))
    np.testing.assert_allclose(objective.hessian_product(x, v), problem.hessian_product(x, v))
    assert objective.diagonal(x).min() > 0
    free = rng.random(problem.size) > 0.3
    apply = objective.preconditioner(x, free, 1e-3)
    matrix = np.stack([apply(np.where(free, e, 0.0)) for e in np.eye(problem.size)])
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-9)
    assert np.linalg.eigvalsh(matrix[np.ix_(free, free)]).min() > 0
    assert not matrix[:, ~free].any()


def test_the_probed_diagonal_is_near_the_true_one():
    problem = small({"density": bj.Focusing(1e4)})
    white = problem.modalities[0].noise.whiten(problem.operator(0) @ np.eye(problem.size))
    ratio = Objective(problem).data_diagonal / np.sum(white**2, axis=0)
    assert 0.7 < ratio.mean() < 1.3
    assert 0.1 < ratio.min() < ratio.max() < 4


def test_two_cubes_converged_joint_map_beats_the_papers_iterate():
    problem, truth = two_cubes(0, [bj.Gramian(weight=100.0)], alpha=(1.3e4, 3.3e8))
    result = bj.find_map(problem, method="map", discrepancy=False)
    assert result.converged
    assert max(result.ratios["plain"].values()) <= 1e-3
    assert result.target_met
    density, susceptibility = relative_errors(result, truth)
    assert density <= 0.476
    assert susceptibility <= 0.519
