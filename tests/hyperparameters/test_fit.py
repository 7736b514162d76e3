"""The door: what it finds on simulated surveys, how well its intervals cover, and what it says."""

import numpy as np
import pytest
from scipy.stats import binom

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._fit_hyperparameters import guesses
from bayesjoint.hyperparameters._profile import DROP, interval
from bayesjoint.hyperparameters._search import EvidenceObjective, Optimum, curvature, distinct, maximise
from bayesjoint.hyperparameters._thinning import whittle_maximum, whittle_spread
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import TRUTH, gravity_problem, joint_problem
from tests.hyperparameters.test_dense import continued_problem
from tests.refusals import refused


@pytest.fixture(scope="module")
def fit():
    return bj.fit_hyperparameters(gravity_problem(3))


def test_it_recovers_what_the_survey_was_drawn_from(fit):
    assert fit.converged
    for k, (name, truth) in enumerate(TRUTH.items()):
        assert fit.table["name"][k] == name
        assert fit.table["low"][k] < truth < fit.table["high"][k]
        assert fit.table["verdict"][k].startswith("identified")
    assert fit.estimate["gravity_noise"] == pytest.approx(0.05, rel=0.3)
    assert fit.message.startswith("exact evidence of 100 data, 3 starts")


def test_it_hands_back_the_problem_with_what_it_found(fit):
    prior = fit.problem.by_name["density"].prior
    assert (prior.std, prior.range) == (pytest.approx(fit.estimate["density_std"]),
                                        pytest.approx(fit.estimate["density_range"]))
    assert float(bj.posterior(fit.problem).log_evidence()) == pytest.approx(float(fit.log_evidence), abs=1e-8)


def test_it_stands_on_a_maximum(fit):
    objective = EvidenceObjective(DenseEvidence(fit.vector), fit.vector)
    value, gradient, evidence = objective.evaluate(fit.theta)
    assert np.abs(gradient).max() < 1e-2
    assert evidence == pytest.approx(float(fit.log_evidence))
    steps = 0.05 * np.vstack([np.eye(3), -np.eye(3)])
    assert all(objective.evaluate(fit.theta + s)[0] < value for s in steps)
    np.testing.assert_allclose(fit.covariance @ -fit.hessian, np.eye(3), atol=1e-8)


def test_its_curves_are_profiles(fit):
    objective = EvidenceObjective(DenseEvidence(fit.vector), fit.vector)
    for i, (name, curve) in enumerate(fit.curve.items()):
        assert np.all(np.diff(curve["value"]) > 0)
        top = curve["log_posterior"].max()
        assert curve["log_posterior"][[0, -1]].max() < top - DROP
        # the others really are at their best, held here by another search
        k = int(np.argmin(np.abs(curve["log_posterior"] - top + DROP)))
        held = fit.vector.bounds.copy()
        held[i] = curve["theta"][k, i]
        twin = HyperVector(fit.vector.problem)
        twin.bounds = held
        best = maximise(EvidenceObjective(objective.evidence, twin), curve["theta"][k])
        assert curve["log_posterior"][k] == pytest.approx(best.value, abs=0.05), name


def test_the_start_does_not_matter(fit):
    other = bj.fit_hyperparameters(gravity_problem(3, stated=(2000.0, 60.0, 2.0)), curve=False)
    for name, value in fit.estimate.items():
        assert other.estimate[name] == pytest.approx(value, rel=0.01)


def test_a_correlation_is_found_where_there_is_one_and_not_where_there_is_none():
    free = ["density_std", "susceptibility_std", "correlation"]
    names = dict.fromkeys((0.7, 0.0))
    for truth in names:
        fit = bj.fit_hyperparameters(joint_problem(5, truth), free=free)
        names[truth] = fit.table["low"][2], fit.table["high"][2]
        assert names[truth][0] < truth < names[truth][1]
    assert names[0.7][0] > 0.2
    assert names[0.0][0] < 0 < names[0.0][1]


def test_intervals_cover_as_often_as_they_say():
    runs, hits, free = 60, np.zeros(2), ["density_std", "gravity_noise"]
    for seed in range(runs):
        problem = gravity_problem(100 + seed, (1, 7, 7), stated=(30.0, TRUTH["density_range"], 0.3))
        vector = HyperVector(problem, free, flat=True)
        objective = EvidenceObjective(DenseEvidence(vector), vector)
        top = maximise(objective, guesses(vector)[1])
        matrix = curvature(objective, top.theta)
        spread = 1.96 * np.sqrt(np.diag(np.linalg.inv(matrix)))
        hits += np.abs(top.theta - np.log([TRUTH[name] for name in free])) < spread
    low, high = binom.ppf([0.005, 0.995], runs, 0.95)
    assert np.all((low <= hits) & (hits <= high)), hits


def test_noise_that_the_data_do_not_have_ends_at_its_bound_and_is_said_to():
    problem = gravity_problem(3)
    data = problem.operator(0).matvec(problem.prior.gaussian_moments()[1].sample(np.random.default_rng(0), 1)[0])
    clean = problem.replace(modalities=[problem.modalities[0].replace(data=data)])
    fit = bj.fit_hyperparameters(clean, bounds={"gravity_noise": (0.01, 1.0)})
    assert fit.table["verdict"][2].startswith("at its lower bound, 0.01 mGal, where the data would have it go on")
    assert not fit.table["identified"][2]
    assert "not settled by the data: " in fit.message
    assert "gravity_noise" in fit.message


def test_a_search_in_units_of_rough_stds_comes_to_the_same_place_in_fewer_steps():
    problem = gravity_problem(3)
    vector = HyperVector(problem)
    start, steps, ends = whittle_maximum(vector, guesses(vector)), [], []
    for units in (1.0, whittle_spread(vector, start)):
        objective = EvidenceObjective(DenseEvidence(vector), vector)
        ends.append(maximise(objective, start, units=units))
        steps.append(objective.evidence.calls)
    assert all(end.converged for end in ends)
    np.testing.assert_allclose(ends[1].theta, ends[0].theta, atol=1e-3)
    assert steps[1] < steps[0], steps


def test_what_no_datum_sees_is_said_to_be_unidentifiable():
    problem = gravity_problem(3, (2, 4, 4))
    p = problem.parameters[0]
    blind = bj.Modality("gravity", np.zeros((16, 32)), problem.modalities[0].data, problem.modalities[0].noise,
                        "density")
    fit = bj.fit_hyperparameters(bj.JointProblem([p], [blind]), prior="flat", free=["density_std", "gravity_noise"],
                                 bounds={"density_std": (1.0, 1000.0)})
    assert fit.table["verdict"][0].startswith("not identifiable: the log evidence changes by 0 nats")
    assert fit.table["identified"].tolist() == [False, True]


def test_what_only_its_prior_holds_is_said_to_be():
    fit = bj.fit_hyperparameters(gravity_problem(3, (1, 2, 2)))
    assert any("by its prior" in v or "not identif" in v or "one side" in v for v in fit.table["verdict"])
    assert not fit.table["identified"].all()


def test_a_large_lattice_starts_by_whittle():
    fit = bj.fit_hyperparameters(gravity_problem(4, (1, 20, 20)), curve=False)
    assert fit.message.startswith("exact evidence of 400 data, started by the debiased Whittle likelihood")
    assert fit.estimate["gravity_noise"] == pytest.approx(0.05, rel=0.3)
    assert fit.converged


def test_many_scattered_data_start_on_a_subset():
    lattice = gravity_problem(4, (1, 18, 18))
    m = lattice.modalities[0]
    problem = lattice.replace(modalities=[m.replace(forward=m.forward.to_dense())])
    fit = bj.fit_hyperparameters(problem, free=["density_std", "gravity_noise"], curve=False)
    assert fit.message.startswith("exact evidence of 324 data, started from")
    assert "evidence of 300 of them" in fit.message
    assert fit.estimate["gravity_noise"] == pytest.approx(0.05, rel=0.3)


def test_without_profiles_the_curvature_speaks_where_the_evidence_bears_it_out(fit):
    quick = bj.fit_hyperparameters(gravity_problem(3), curve=False)
    spread = 1.96 * np.sqrt(np.diag(quick.covariance))
    assert np.log(quick.estimate["density_range"] / quick.table["low"][1]) == pytest.approx(spread[1], rel=0.01)
    for side in ("low", "high"):  # the evidence at a few points sees most of a profile's skew
        np.testing.assert_allclose(np.log(quick.table[side] / fit.table[side]), 0, atol=0.2)
    assert np.log(quick.table["high"][0] / quick.estimate["density_std"]) > 1.05 * spread[0]


def test_an_interval_is_where_the_profile_drops():
    t = np.linspace(-3, 3, 13)
    curve = {"theta": t[:, None], "log_evidence": -0.5 * t**2}
    assert interval(curve, 0) == pytest.approx((-1.96, 1.96), abs=1e-3)
    half = {"theta": t[6:, None], "log_evidence": -0.5 * t[6:] ** 2}
    low, high = interval(half, 0)
    assert np.isnan(low)
    assert high == pytest.approx(1.96, abs=1e-3)


def test_optima_that_are_one_are_followed_once():
    def at(theta, value):
        return Optimum(theta=np.array(theta), value=value, converged=True, message="")

    kept = distinct([at([0.0], 1.0), at([0.1], 2.0), at([3.0], 0.0), at([9.0], -30.0)])
    assert [o.value for o in kept] == [2.0, 0.0]


def test_bad_arguments_are_refused():
    problem = gravity_problem(0, (1, 3, 3))
    refused(lambda: bj.fit_hyperparameters("problem"), "problem", TypeError)
    refused(lambda: bj.fit_hyperparameters(problem, method="whittle"), "method")
    refused(lambda: bj.fit_hyperparameters(problem, prior="strong"), "prior")


def test_continued_fields_are_fitted_and_the_evidence_states_what_their_torus_costs():
    fit = bj.fit_hyperparameters(continued_problem(), free=["density_std", "range", "gravity_noise"], curve=False)
    assert "periodic lattice" in fit.log_evidence.method
    true = float(bj.posterior(fit.problem, "dense").log_evidence())
    assert abs(float(fit.log_evidence) - true) < 0.05 + 2 * fit.log_evidence.error
    assert fit.problem.by_name["density"].prior.extent == "continued"


def test_a_survey_without_quoted_noise_needs_no_knob():
    mesh = bj.Mesh.regular((2, 10, 10), (100, 100, 100))
    drawn = gravity_problem(3)
    survey = bj.Survey("gravity", drawn.modalities[0].data.reshape(10, 10), mesh.easting, mesh.northing, upward=0.0)
    density = drawn.parameters[0]
    problem = bj.JointProblem([density], [survey.modality(density, std="unknown")])
    assert "a guess that nothing supports" in problem.settings()["gravity: noise"]
    fit = bj.fit_hyperparameters(problem, curve=False)
    assert fit.estimate["gravity_noise"] == pytest.approx(0.05, rel=0.3)
    assert "guess" not in fit.problem.settings()["gravity: noise"]
    refused(lambda: bj.fit_hyperparameters(problem, free=["density_std"]), "free")
    refused(lambda: survey.modality(density, std="unkown"), "std")
