import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.map_estimate._rrcg_map import discrepancy_target, with_alpha

from .cubes import relative_errors, two_cubes

PAPER = {"alpha_decay": 0.95, "conjugacy": "fletcher-reeves", "hold_bounds": False}


@pytest.mark.parametrize(("coupling", "bars"), [
    (None, (0.5686, 0.8198)),
    (bj.Gramian(weights=(50, 1500)), (0.4761, 0.5192)),
    (bj.Gramian(weights=(5000, 10_000), space="weighted"), (0.5419, 0.6870)),
    (bj.Gramian(weights=(400, 12_000)), (0.43, 0.44)),
])
def test_two_cubes_beat_the_paper_with_both_surveys_fitted(coupling, bars):
    problem, truth = two_cubes(3, [coupling] if coupling else [])
    result = bj.find_map(problem, method="rrcg")
    assert result.target_met
    assert all(chi2 <= discrepancy_target(1500) for chi2 in result.chi2.values())
    assert result.iterations < 60
    errors = relative_errors(result, truth)
    assert errors[0] <= bars[0]
    assert errors[1] <= bars[1]


def test_the_papers_own_settings_give_the_papers_minimum_length_model():
    problem, truth = two_cubes(1, [bj.Gramian(weights=(50, 800_000))], bj.MinimumLength, (20_000.0, 40_000.0))
    result = bj.find_map(problem, method="rrcg", alpha_floor=50, max_iterations=500, **PAPER)
    np.testing.assert_allclose(relative_errors(result, truth), (0.6117, 0.5960), atol=0.01)
    assert result.target_met
    assert 300 < result.iterations < 500


def test_separate_problems_stop_each_at_its_own_target():
    problem, truth = two_cubes(4)
    results = {name: bj.find_map(alone, method="rrcg") for name, alone in problem.separate().items()}
    errors = {**{k: v for r in results.values() for k, v in zip(r.model, relative_errors(r, truth), strict=True)}}
    assert errors["density"] <= 0.5686
    assert errors["susceptibility"] <= 0.8198
    assert all(r.target_met for r in results.values())
    assert results["gravity"].iterations != results["magnetic"].iterations


def small(seed=0, **changes):
    """A problem of seconds: 3 x 6 x 6 cells, both surveys."""
    mesh = bj.Mesh.regular((3, 6, 6), (100, 100, 100))
    truth = np.zeros(mesh.shape)
    truth[1, 2:4, 2:4] = 1.0
    rng = np.random.default_rng(seed)
    operators = [bj.GravityOperator(mesh, mesh.easting, mesh.northing),
                 bj.MagneticOperator(mesh, mesh.easting, mesh.northing)]
    names, tops, stds = ("density", "susceptibility"), (1000.0, 0.1), (0.02, 3.0)
    given = {"prior": bj.Focusing(20_000.0), **changes}
    parameters = [bj.Parameter(n, mesh, **{"bounds": (0, top), **given}) for n, top in zip(names, tops, strict=True)]
    surveys = [bj.Modality(op.kind, op, op.predict(top * truth) + std * rng.standard_normal((6, 6)),
                           bj.DiagonalNoise(np.full(36, std)), n)
               for op, n, top, std in zip(operators, names, tops, stds, strict=True)]
    return parameters, surveys


def test_the_result_says_what_it_is():
    parameters, surveys = small()
    problem = bj.JointProblem(parameters, surveys, [bj.Gramian(weights=(10, 300))])
    result = bj.find_map(problem, method="rrcg")
    assert not result.converged
    assert "no density to maximise" in result.message
    free = bj.find_map(problem.replace(couplings=[]), method="rrcg")
    assert free.target_met
    assert not free.converged
    assert "an iterate and no MAP" in free.message
    assert set(free.history) >= {"misfit_gravity", "prior_density", "chi2_magnetic", "alpha_susceptibility",
                                 "step_density", "change_density", "projected_gradient"}
    assert {v.shape for v in free.history.values()} == {(free.iterations + 1,)}
    used = {p.name: p.prior.alpha for p in free.problem.parameters}
    assert used == {n: pytest.approx(free.history[f"alpha_{n}"][-1]) for n in used}
    assert free.chi2 == pytest.approx(free.problem.chi2(free.x))


def test_history_holds_every_term_of_phi():
    parameters, surveys = small()
    problem = bj.JointProblem(parameters, surveys, [bj.Gramian(weight=10.0)])
    result = bj.find_map(problem, method="rrcg", max_iterations=7, stop_at_target=False)
    terms = result.problem.terms(result.x)
    assert {k.replace(" ", "_") for k in terms} <= set(result.history)
    for name, value in terms.items():
        assert result.history[name.replace(" ", "_")][-1] == pytest.approx(value, rel=1e-9)


def test_at_fixed_alpha_it_converges_and_says_so():
    parameters, surveys = small(prior=bj.MinimumLength(20_000.0))
    problem = bj.JointProblem(parameters, surveys, [bj.Gramian(weight=10.0)])
    result = bj.find_map(problem, method="rrcg", alpha_decay=1.0, max_iterations=400, stop_at_target=False)
    assert result.converged
    assert "a stationary point" in result.message
    gradient = result.problem.gradient(result.x)
    inside = (result.x > problem.lower) & (result.x < problem.upper)
    assert np.abs(gradient[inside]).max() < 1e-3 * np.linalg.norm(problem.gradient(problem.start()))


def test_known_cells_reference_and_bounds_are_kept():
    fixed = np.full((3, 6, 6), np.nan)
    fixed[1, 2, 2] = 70.0
    parameters, surveys = small()
    known = parameters[0].replace(fixed=fixed, reference=20.0)
    result = bj.find_map(bj.JointProblem([known, parameters[1]], surveys), method="rrcg")
    assert result.model["density"][1, 2, 2] == 70.0
    assert result.model["density"].min() >= 0
    assert result.model["density"].max() <= 1000
    start = bj.find_map(bj.JointProblem([known, parameters[1]], surveys), method="rrcg", max_iterations=0)
    assert np.median(start.model["density"]) == pytest.approx(20.0)


def test_gradient_focusing_and_a_bias_are_fitted_too():
    parameters, surveys = small(prior=bj.Focusing(1e4, of="gradient", epsilon=0.1))
    shifted = surveys[0].replace(data=surveys[0].data + 0.5)
    problem = bj.add_bias(bj.JointProblem([parameters[0]], [shifted]), "gravity", std=2.0)
    result = bj.find_map(problem, method="rrcg", max_iterations=400)
    assert result.target_met
    assert 0.1 < result.model["gravity_bias"][0] < 0.6  # the model takes a share of an offset this small


def test_exponents_and_floors_are_used():
    parameters, surveys = small()
    tempered = bj.JointProblem(parameters, surveys, weights={"gravity": 0.25})
    result = bj.find_map(tempered, method="rrcg", alpha_floor={"density": 15_000.0})
    assert result.target_met
    assert 0.25 * result.chi2["gravity"] <= discrepancy_target(36)
    assert result.history["alpha_density"].min() >= 15_000.0


def test_a_warm_start_begins_where_told():
    parameters, surveys = small()
    problem = bj.JointProblem(parameters, surveys)
    first = bj.find_map(problem, method="rrcg")
    again = bj.find_map(problem, method="rrcg", start=first.model)
    assert again.iterations == 0
    np.testing.assert_allclose(again.x, first.x)
    with pytest.raises(ValueError, match="start must lie within the bounds"):
        bj.find_map(problem, method="rrcg", start={**first.model, "density": np.full((3, 6, 6), 2000.0)})


@pytest.mark.parametrize(("change", "match"), [
    ({"prior": bj.Matern(std=100.0, range=300.0)}, "be Focusing or MinimumLength for method='rrcg'"),
    ({"prior": None}, "be Focusing or MinimumLength for method='rrcg'"),
])
def test_priors_without_depth_weights_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        bj.find_map(bj.JointProblem(*small(**change)), method="rrcg")


@pytest.mark.parametrize(("options", "match"), [
    ({"method": "magic"}, "method must be one of"),
    ({"alpha_floor": -1.0}, "alpha_floor must be >= 0"),
    ({"alpha_floor": {"gold": 1.0}}, "alpha_floor must be keyed by names"),
])
def test_bad_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        bj.find_map(bj.JointProblem(*small()), **{"method": "rrcg", **options})


def test_progress_is_shown_only_when_asked(capsys):
    problem = bj.JointProblem(*small())
    bj.find_map(problem, method="rrcg")
    assert capsys.readouterr() == ("", "")
    bj.find_map(problem, method="rrcg", progress=True)
    assert "RRCG" in capsys.readouterr().err


def test_the_dataset_holds_model_and_history():
    result = bj.find_map(bj.JointProblem(*small()), method="rrcg")
    data = result.to_dataset()
    assert data["density"].dims == ("upward", "northing", "easting")
    np.testing.assert_array_equal(data["density"], result.model["density"])
    assert data.attrs["converged"] == "false"
    assert all({"units", "long_name"} <= set(v.attrs) for v in data.data_vars.values())
    assert data.sizes["iteration"] == result.iterations + 1


def test_the_sweep_chooses_the_smallest_weights_that_correlate_and_fit():
    problem, _ = two_cubes(100)
    sweep = bj.couple(problem, correlation=0.975)
    assert sweep.result.method == "rrcg"
    table = sweep.table
    assert table["weights"].shape == (7, 2)
    good = table["fits"] & (table["correlation"] >= 0.975)
    assert sweep.chosen == np.flatnonzero(good)[0] > 0
    assert sweep.problem.couplings[0].weights == tuple(table["weights"][sweep.chosen])
    assert table["correlation"][-1] > 0.99 > table["correlation"][0]
    assert np.all(np.diff(sweep.curve["weight"]) > 0)
    x = sweep.result.x.reshape(2, -1)
    assert table["correlation"][sweep.chosen] == pytest.approx(np.corrcoef(x)[0, 1])
    cosine = x[0] @ x[1] / np.linalg.norm(x[0]) / np.linalg.norm(x[1])
    assert table["dependence"][sweep.chosen] == pytest.approx(1 - cosine**2)


def test_a_sweep_that_finds_nothing_says_so():
    problem = bj.JointProblem(*small())
    sweep = bj.couple(problem, weights=[1e-9, 1e-8], correlation=0.999999, method="rrcg")
    assert "no weights reached correlation" in sweep.message
    hopeless = bj.couple(problem, weights=[1e-9], method="rrcg", max_iterations=1)
    assert "no run fitted every data set" in hopeless.message
    with pytest.raises(ValueError, match="two or more parameters"):
        bj.couple(bj.JointProblem(*(part[:1] for part in small())), weights=[1.0])
    with pytest.raises(ValueError, match="tuples of 2"):
        bj.couple(problem, weights=[(1.0, 2.0, 3.0)])


def test_with_alpha_changes_only_what_is_named():
    changed = with_alpha(bj.JointProblem(*small()), {"density": 5.0})
    assert [p.prior.alpha for p in changed.parameters] == [5.0, 20_000.0]


def test_one_model_becomes_a_report_that_claims_no_uncertainty(tmp_path):
    problem = bj.JointProblem(*small())
    joint = bj.find_map(problem, method="rrcg")
    alone = {name: bj.find_map(each, method="rrcg") for name, each in problem.separate().items()}
    tree = joint.to_datatree(separate=alone)
    for name, model in joint.model.items():
        np.testing.assert_allclose(tree["posterior_summary"][f"{name}_mean"].values, model)
        assert f"{name}_std" not in tree["posterior_summary"]
    assert "posterior" not in tree.children
    for name, chi2 in joint.chi2.items():
        assert float(tree["predictive_summary"][f"{name}_chi2"]) == pytest.approx(chi2)
    page = bj.report(tree, tmp_path / "report.html").read_text()
    assert "no standard deviation" in page
    assert "nothing here says how sure they are" in page
