"""Mass, moment, exceedance and depth to the top: against closed forms and counting by hand."""

import numpy as np
import pytest
from scipy.constants import mu_0
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint.functionals._excess_mass import mass_in
from bayesjoint.functionals._protocol import shares_in, volumes

from ..linear import make
from ..refusals import refused
from .chains import Chains, cell_problem

BOX = (5.0, 130.0, 0.0, 100.0, -80.0, -10.0)


@pytest.fixture(scope="module")
def case():
    problem, reference = make(correlation=0.7, mean=True)
    return bj.posterior(problem), reference


def cell_weights(mesh, box):
    """Volume of every cell inside the box, by prisms."""
    prisms, sides = mesh.prisms(), np.reshape(box, (3, 2))
    inside = np.minimum(prisms[:, 1::2], sides[:, 1]) - np.maximum(prisms[:, ::2], sides[:, 0])
    return np.prod(inside.clip(0), axis=1)


def test_mass_has_the_mean_and_std_of_a_gaussian(case):
    post, reference = case
    found = bj.excess_mass(post, BOX, background=15.0, draws=1000)
    mesh, n = post.problem.by_name["density"].mesh, 24
    w = cell_weights(mesh, BOX)
    mean, std = w @ reference.mean[:n] - 15 * w.sum(), np.sqrt(w @ reference.covariance[:n, :n] @ w)
    assert abs(found.excess_mass_mean_closed_form - mean) < 1e-9 * std
    assert abs(found.excess_mass_std_closed_form / std - 1) < 1e-9
    assert abs(found.excess_mass_mean_closed_form - mean) <= found.excess_mass_mean_closed_form_error
    assert 0 < found.excess_mass_std_closed_form_error < 1e-6 * std
    expected = {"mean": mean, "std": std, "lower": mean - 1.6449 * std, "upper": mean + 1.6449 * std}
    for key, value in expected.items():
        assert abs(found[f"excess_mass_{key}"] - value) < 4 * found[f"excess_mass_{key}_error"]
    assert abs(found.excess_mass_mean_error / (std / np.sqrt(4000)) - 1) < 0.05
    assert found.excess_mass_mean.units == "kg"
    assert found.excess_mass_lower.probability == 0.9
    assert found.excess_mass_lower.kind == "equal-tailed"
    assert found.excess_mass_draws.dims == ("chain", "draw")


def test_moment_is_that_of_the_inducing_field(case):
    post, reference = case
    found = bj.magnetic_moment(post, BOX, intensity=40_000.0, draws=50)
    w = cell_weights(post.problem.by_name["susceptibility"].mesh, BOX) * 40_000e-9 / mu_0
    assert abs(found.magnetic_moment_mean_closed_form / (w @ reference.mean[24:]) - 1) < 1e-9
    assert found.magnetic_moment_mean.units == "A m2"


def test_the_magnetic_survey_knows_its_field():
    mesh = bj.Mesh.regular((2, 3, 3), (50.0, 50.0, 50.0))
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=100.0))
    field = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=10.0, intensity=30_000.0)
    survey = bj.Modality("magnetic", field, np.ones((3, 3)), bj.DiagonalNoise(np.ones((3, 3))), "susceptibility")
    post = bj.posterior(bj.JointProblem([chi], [survey]))
    np.testing.assert_allclose(*(bj.magnetic_moment(post, intensity=f, draws=5).magnetic_moment_mean
                                 for f in (None, 30_000.0)))


def test_boxes_count_cells_by_their_share():
    mesh = bj.Mesh.regular((3, 4, 5), (30.0, 20.0, 10.0), west=100.0)
    box = (97.0, 133.0, 5.0, 65.0, -71.0, 8.0)
    np.testing.assert_allclose(shares_in(mesh, box).ravel() * 6000.0, cell_weights(mesh, box), atol=1e-9)
    assert np.all(shares_in(mesh, None) == 1)


def test_exceedance_is_the_share_of_draws_and_the_gaussian_tail(case):
    post, reference = case
    found = bj.exceedance(post, "density", 30.0, draws=1000)
    exact = norm.sf((30.0 - reference.mean[:24]) / reference.std[:24]).reshape(2, 3, 4)
    np.testing.assert_allclose(found.density_exceedance_closed_form, exact, atol=1e-9)
    score = (found.density_exceedance - exact) / found.density_exceedance_error
    assert np.abs(score).max() < 4
    assert 0.5 < score.std() < 1.5
    draws = post.sample(1000, 4, 0)["density"]
    np.testing.assert_array_equal(found.density_exceedance, (draws > 30.0).mean((0, 1)))


def test_known_cells_exceed_or_do_not():
    problem, reference = make(known=(0, 5))
    found = bj.exceedance(bj.posterior(problem), "density", 0.0, draws=20)
    assert set(found.density_exceedance_closed_form.values.ravel()[[0, 5]]) <= {0.0, 1.0}
    np.testing.assert_array_equal(found.density_exceedance_closed_form.values.ravel()[[0, 5]],
                                  reference.known_values > 0)


def test_the_top_is_that_of_the_shallowest_cell(case):
    post, _ = case
    found = bj.depth_to_top(post, 60.0, draws=100)
    draws = post.sample(100, 4, 0)["density"]
    tops = post.problem.by_name["density"].mesh.upward_edges[1:]
    for j in range(3):
        for i in range(4):
            depth = [-tops[np.flatnonzero(column > 60.0)[-1]] if (column > 60.0).any() else np.nan
                     for column in draws[..., j, i].reshape(-1, 2)]
            assert found.column_depth_mean.values[j, i] == pytest.approx(np.nanmean(depth))
            assert found.column_presence.values[j, i] == np.isfinite(depth).mean()
    shallowest = np.where(draws[:, :, 1] > 60.0, 0.0, -tops[0])
    whole = np.where((draws > 60.0).any(2), shallowest, np.inf).min((2, 3))
    assert float(found.depth_to_top_presence) == np.isfinite(whole).mean()
    assert float(found.depth_to_top_mean) == pytest.approx(whole[np.isfinite(whole)].mean())


def test_a_box_leaves_the_rest_out(case):
    post, _ = case
    mesh = post.problem.by_name["density"].mesh
    below = bj.depth_to_top(post, 20.0, box=(0, 320, -50, 310, -200, mesh.upward_edges[1] - 1e-9), draws=50)
    assert np.nanmin(below.depth_to_top_draws) == -mesh.upward_edges[1]


def test_a_body_that_no_draw_has_is_not_there(case):
    found = bj.depth_to_top(case[0], 1e6, draws=10)
    assert float(found.depth_to_top_presence) == 0
    assert found.depth_to_top_presence_error > 0
    assert np.isnan(found.depth_to_top_mean)


def test_chains_that_remember_have_larger_errors():
    problem = cell_problem()
    covariance = np.eye(problem.size) * 0.01
    found = [bj.excess_mass(Chains(problem, np.zeros(problem.size), covariance, memory), draws=1000)
             for memory in (0.0, 0.9)]
    assert found[1].excess_mass_mean_error / found[0].excess_mass_mean_error == pytest.approx(np.sqrt(19), rel=0.25)
    assert found[1].draws_are == "Markov chains"
    maps = [bj.exceedance(Chains(problem, np.zeros(problem.size), covariance, memory), "density", 0.0, draws=1000)
            for memory in (0.0, 0.9)]
    assert maps[1].density_exceedance_error.mean() > 3 * maps[0].density_exceedance_error.mean()


def test_draws_are_those_that_sample_gives(case):
    post, _ = case
    few, many = (bj.excess_mass(post, draws=n, chains=3, seed=1).excess_mass_draws.values for n in (7, 23))
    np.testing.assert_allclose(few, many[:, :7], rtol=1e-9)
    weights = volumes(post.problem.parameters[0].mesh)
    drawn = post.sample(draws=7, chains=3, seed=1)["density"]
    np.testing.assert_allclose(few, np.sum(drawn * weights, axis=(2, 3, 4)), rtol=1e-9)


def test_chains_have_no_closed_form():
    problem = cell_problem()
    found = bj.excess_mass(Chains(problem, np.zeros(problem.size), np.eye(problem.size), 0.5), draws=10)
    assert "excess_mass_mean" in found
    assert "excess_mass_mean_closed_form" not in found


def test_bad_questions_are_refused(case):
    post, _ = case
    refused(lambda: bj.excess_mass(post, (0, 1, 2)), "box")
    refused(lambda: bj.excess_mass(post, (10, 5, 0, 1, -1, 0)), "box")
    refused(lambda: bj.excess_mass(post, (1e6, 2e6, 0, 1, -1, 0)), "box")
    refused(lambda: bj.depth_to_top(post, 1.0, box=(0, 1, 0, 1, -1, 0)), "box")
    refused(lambda: bj.excess_mass(post, parameter="gold"), "parameter")
    refused(lambda: bj.exceedance(post, "gold", 1.0), "parameter")
    refused(lambda: bj.exceedance(post, "density", np.nan), "threshold")
    refused(lambda: bj.exceedance(post, "density", 1.0, draws=0), "draws")
    refused(lambda: bj.excess_mass(post, probability=1.5), "probability")
    refused(lambda: bj.magnetic_moment(post), "intensity")


def test_units_follow_the_parameter(case):
    assert mass_in(case[0].problem, parameter="susceptibility").units == "SI m3"


@pytest.mark.parametrize("ask", [
    lambda post, **how: bj.excess_mass(post, BOX, background=15.0, probability=0.8, **how),
    lambda post, **how: bj.magnetic_moment(post, BOX, intensity=40_000.0, probability=0.8, **how)])
def test_nothing_is_drawn_where_the_closed_form_is_exact(case, monkeypatch, ask):
    """Figures agree with those of many draws of the model, and cost none."""
    post, _ = case
    read_off = ask(post, draws=2000)
    monkeypatch.setattr(type(post), "draw_blocks", lambda *_, **__: pytest.fail("no model needs to be drawn"))
    found = ask(post)
    assert (found.figures_from, read_off.figures_from) == ("closed form", "draws")
    name = next(v for v in found.data_vars if v.endswith("_draws")).removesuffix("_draws")
    std = float(found[f"{name}_std"])
    for key in ("mean", "std", "lower", "upper"):
        exact, drawn = found[f"{name}_{key}"], read_off[f"{name}_{key}"]
        assert abs(exact - drawn) < 4 * read_off[f"{name}_{key}_error"] and exact.attrs == drawn.attrs
        assert 0 <= found[f"{name}_{key}_error"] < 1e-6 * std
    z = norm.isf(0.1)
    assert float(found[f"{name}_upper"]) == pytest.approx(float(found[f"{name}_mean_closed_form"]) + z * std)
    draws = found[f"{name}_draws"].values
    assert draws.shape == (4, 500) and set(found.data_vars) == set(read_off.data_vars)
    assert abs(draws.mean() - found[f"{name}_mean"]) < 4 * std / np.sqrt(2000)
    assert draws.std() == pytest.approx(std, rel=4 * 0.016)
    np.testing.assert_array_equal(draws, ask(post)[f"{name}_draws"])


def test_chains_and_asked_draws_are_drawn(case):
    problem = cell_problem()
    chains = Chains(problem, np.zeros(problem.size), np.eye(problem.size) * 0.01, 0.0)
    assert bj.excess_mass(chains).figures_from == "draws"
    post, _ = case
    found = bj.excess_mass(post, BOX, draws=30, chains=2)
    models = {name: draws.reshape(-1, *draws.shape[2:]) for name, draws in post.sample(30, 2, 0).items()}
    np.testing.assert_allclose(found.excess_mass_draws.values.ravel(), mass_in(post.problem, BOX).evaluate(models))
