"""Exponents by four criteria: closed forms for one unknown, brute force for fields, and what they do not see."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal, norm

import bayesjoint as bj
from bayesjoint.gaussian import DenseSystem, linear_gaussian
from bayesjoint.tempering._criteria import Information
from bayesjoint.tempering._prediction import OtherSurveys
from bayesjoint.tempering._result import words_of

from ..hyperparameters.fields import gravity_problem
from ..hyperparameters.test_large import continued
from ..linear import make
from ..refusals import refused

# neutron lifetime, s: the rows of the Particle Data Group's average of 2016 (880.2 ± 1.0, scale factor 1.9)
VALUE = np.array([880.2, 887.7, 882.5, 880.7, 878.5, 889.2, 882.6])
SIGMA = np.array([1.2, 2.247, 2.052, 1.769, 0.762, 4.841, 2.7])


def whitened_data(problem):
    """Data whitened by the noise as stated."""
    return DenseSystem(linear_gaussian(problem.replace(weights={})))


def one_number(apart=False):
    lifetime = bj.Parameter("lifetime", 1, units="s")
    if apart:
        surveys = [bj.Modality(f"row_{k}", [[1.0]], [v], bj.DiagonalNoise([s]), "lifetime")
                   for k, (v, s) in enumerate(zip(VALUE, SIGMA, strict=True))]
    else:
        surveys = [bj.Modality("rows", np.ones((7, 1)), VALUE, bj.DiagonalNoise(SIGMA), "lifetime")]
    return bj.JointProblem([lifetime], surveys)


@pytest.mark.parametrize("apart", [False, True])
def test_birges_scale_factor_is_the_one_parameter_case(apart):
    found = bj.temper(one_number(apart), common=apart)
    mean = np.sum(VALUE / SIGMA**2) / np.sum(SIGMA**-2)
    factor = np.sqrt(np.sum(((VALUE - mean) / SIGMA) ** 2) / 6)
    for value in found.scale_factors.values():
        assert value == pytest.approx(factor, rel=1e-5)
    post = bj.posterior(found.problem)
    assert post.mean()["lifetime"][0] == pytest.approx(880.2, abs=0.05)
    assert post.std()["lifetime"][0] == pytest.approx(1.0, abs=0.05)
    assert factor == pytest.approx(1.9, abs=0.05)
    # the likelihood of log w is that of a χ² with 6 degrees of freedom: its curvature is 3
    assert next(iter(found.log_error.values())) == pytest.approx(3**-0.5, rel=1e-3)


def test_discrepancy_counts_no_degrees_of_freedom():
    found = bj.temper(one_number(), criterion="discrepancy")
    evidence = bj.temper(one_number(), criterion="evidence", curve=False)
    assert found.weights["rows"] / evidence.weights["rows"] == pytest.approx(7 / 6, rel=1e-3)
    line = found.curve["rows"]
    assert np.interp(found.weights["rows"], line["weight"], line["chi2_ratio"]) == pytest.approx(1.0, abs=0.02)


def test_discrepancy_never_sharpens():
    problem = one_number()
    wide = problem.modalities[0].replace(noise=bj.DiagonalNoise(10 * SIGMA))
    assert bj.temper(problem.replace(modalities=[wide]), criterion="discrepancy").weights == {"rows": 1.0}
    assert bj.temper(problem.replace(modalities=[wide]), curve=False, sharpen=True).weights["rows"] > 5


@pytest.mark.parametrize("settings", [{}, {"correlation": 0.5, "vector": True, "dense": True, "mean": True}])
def test_the_evidence_is_the_engines(settings):
    problem, _ = make(**settings)
    whitened = whitened_data(problem)
    for weights in ({"survey_density": 0.3, "survey_susceptibility": 2.0}, problem.weights):
        wanted = float(bj.posterior(problem.replace(weights=weights)).log_evidence())
        assert whitened.at(weights).log_evidence() == pytest.approx(wanted, abs=1e-8)


def test_the_exponents_maximise_it_together():
    problem, _ = make(counts=(9, 11), correlation=0.5)
    found = bj.temper(problem, curve=False, sharpen=True)
    top = float(bj.posterior(found.problem).log_evidence())
    for name in found.weights:
        for factor in (0.9, 1.1):
            moved = problem.replace(weights={**found.weights, name: factor * found.weights[name]})
            assert float(bj.posterior(moved).log_evidence()) < top
    assert all(0.05 < e < 3 for e in found.log_error.values())


def test_only_those_named_are_sought_and_curves_hold_the_others():
    problem, _ = make(counts=(9, 11), correlation=0.5, weights={"survey_density": 0.5})
    found = bj.temper(problem, surveys="survey_susceptibility")
    assert found.weights["survey_density"] == 0.5 and list(found.curve) == ["survey_susceptibility"]
    line = found.curve["survey_susceptibility"]
    assert set(line) == {"weight", "log_evidence", "log_density", "mismatch", "chi2_ratio"}
    for k in (3, 20):
        weights = {"survey_density": 0.5, "survey_susceptibility": line["weight"][k]}
        assert line["log_evidence"][k] == pytest.approx(
            float(bj.posterior(problem.replace(weights=weights)).log_evidence()), abs=1e-8)


def test_prediction_of_the_other_survey_is_that_of_plain_conditioning():
    problem, reference = make(counts=(9, 11), correlation=0.5)
    found = bj.temper(problem, criterion="prediction", surveys="survey_density")
    rows, rest = slice(0, 9), slice(9, 20)
    signal = reference.matrix @ reference.prior @ reference.matrix.T
    away = reference.data - reference.matrix @ reference.prior_mean

    def density(w):
        k = signal[rows, rows] + reference.noise[rows, rows] / w
        gain = np.linalg.solve(k, signal[rows, rest]).T
        variance = np.diag(signal[rest, rest] + reference.noise[rest, rest] - gain @ signal[rows, rest])
        return norm(gain @ away[rows], np.sqrt(variance)).logpdf(away[rest]).sum()

    line = found.curve["survey_density"]
    for k in (2, 15, 30):
        assert line["log_density"][k] == pytest.approx(density(line["weight"][k]), abs=1e-8)
    w = found.weights["survey_density"]
    wanted = minimize_scalar(lambda t: -density(np.exp(t)), bounds=(np.log(w) - 1, np.log(w) + 1), method="bounded").x
    assert np.isfinite(found.log_error["survey_density"]) == (1e-5 < w < 1e3)
    if np.isfinite(found.log_error["survey_density"]):
        assert np.log(w) == pytest.approx(wanted, abs=1e-3)


def test_prediction_with_a_flat_value_is_that_of_a_very_broad_one():
    level = bj.Parameter("level", 1)
    rng = np.random.default_rng(0)
    surveys = [bj.Modality(n, np.ones((6, 1)), 3 + s * rng.standard_normal(6), bj.DiagonalNoise(np.ones(6)), "level")
               for n, s in (("a", 3.0), ("b", 1.0))]
    flat = bj.JointProblem([level], surveys)
    broad = flat.replace(parameters=[level.replace(prior=bj.GaussianPrior(0.0, 1e8))])
    made = [OtherSurveys(whitened_data(p), ("a",), {"a": 1.0, "b": 2.0}) for p in (flat, broad)]
    for t in (-4.0, 0.0, 2.0):
        np.testing.assert_allclose(made[0].density(t), made[1].density(t), atol=1e-5)


def two_gravity_surveys(seed, scale=1.0, shift=0.0, count=10):
    """Two surveys at two heights over one field drawn from the prior; the second's noise `scale` times as stated."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((2, count, count), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    field = density.from_hat(density.bound_prior.covariance.sample(rng, 1)[0])
    surveys = []
    for name, height, factor, datum in (("ground", 0.0, 1.0, 0.0), ("air", 100.0, scale, shift)):
        operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        data = operator.predict(field) + 0.1 * factor * rng.standard_normal(operator.data_shape) + datum
        surveys.append(bj.Modality(name, operator, data, bj.DiagonalNoise(np.full(data.shape, 0.1)), "density"))
    return bj.JointProblem([density], surveys)


@pytest.mark.parametrize("criterion", ["evidence", "information", "discrepancy"])
def test_values_that_agree_too_well_are_not_sharpened(criterion):
    """Three values within 0.1 of each other, each ± 1: the Particle Data Group's scale factor is 1 at least."""
    problem = scalars({"a": (1.0, 1.0), "b": (1.1, 1.0), "c": (1.05, 1.0)})
    found = bj.temper(problem, criterion=criterion, common=True, curve=False)
    assert found.scale_factors == {"a": 1.0, "b": 1.0, "c": 1.0}
    if criterion == "discrepancy":
        return
    free = bj.temper(problem, criterion=criterion, common=True, curve=False, sharpen=True)
    assert found.beyond == {n: pytest.approx(w, rel=1e-4) for n, w in free.weights.items()} and free.weights["a"] > 100
    assert "the most that is taken" in found.verdict["a"] and "do not tell their noise" in found.verdict["a"]


@pytest.mark.parametrize("criterion", ["evidence", "prediction", "information"])
def test_of_two_surveys_the_one_that_may_not_be_sharpened_leaves_the_other_its_own_top(criterion):
    problem = two_gravity_surveys(3, scale=1.0 if criterion == "prediction" else 3.0)
    ground, air = problem.modalities
    problem = problem.replace(modalities=[ground.replace(noise=bj.DiagonalNoise(np.full((10, 10), 0.3))), air])
    asked = {"criterion": criterion, "surveys": "ground" if criterion == "prediction" else None}
    free = bj.temper(problem, **asked, curve=False, sharpen=True)
    found = bj.temper(problem, **asked, curve=criterion == "evidence")
    assert free.weights["ground"] > 3 and found.weights["ground"] == 1.0
    assert found.beyond["ground"] == pytest.approx(free.weights["ground"], rel=1e-6)
    assert "noise smaller than stated, which sharpen=True takes" in found.verdict["ground"] or criterion != "evidence"
    if criterion != "evidence":
        return
    line = found.curve["ground"]  # which goes on beyond what may be chosen
    assert line["weight"][-1] == 10.0
    assert line["log_evidence"][-1] > np.interp(1.0, line["weight"], line["log_evidence"])
    moved = [problem.replace(weights={"ground": 1.0, "air": found.weights["air"] * f}) for f in (0.9, 1.0, 1.1)]
    tops = [float(bj.posterior(p).log_evidence()) for p in moved]
    assert tops[1] > max(tops[0], tops[2]) and np.isfinite(found.log_error["air"])


def test_without_matrices_no_survey_is_sharpened_either(monkeypatch):
    problem = continued(gravity_problem(5, (2, 16, 16), stated=(100.0, 250.0, 0.2)))
    monkeypatch.setattr("bayesjoint.tempering._temper.DENSE_LIMIT", 100)
    found = bj.temper(problem)
    assert found.weights == {"gravity": 1.0} and found.beyond["gravity"] > 4


@pytest.mark.parametrize("criterion", ["evidence", "information", "discrepancy"])
def test_noise_three_times_as_large_is_found(criterion):
    found = bj.temper(two_gravity_surveys(1, scale=3.0), criterion=criterion, curve=False)
    assert found.scale_factors["air"] == pytest.approx(3.0, rel=0.2)
    assert found.scale_factors["ground"] == pytest.approx(1.0, rel=0.2)
    # a survey's exponent lies within three of its own standard errors of the truth
    assert abs(np.log(found.weights["air"] * 9)) < 3 * max(found.log_error["air"], 0.15)


@pytest.mark.parametrize("criterion", ["evidence", "information"])
def test_without_conflict_the_errors_are_those_of_repetition(criterion):
    logs = np.array([[np.log(found.weights[n]) / found.log_error[n] for n in ("ground", "air")] for found in (
        bj.temper(two_gravity_surveys(s, count=6), criterion=criterion, curve=False, sharpen=True)
        for s in range(24))])
    assert np.all(np.abs(logs.mean(axis=0)) < 4 / np.sqrt(24))
    assert np.all((logs.std(axis=0) > 0.6) & (logs.std(axis=0) < 1.5))


def test_the_blame_does_not_depend_on_the_order_of_the_surveys():
    problem = two_gravity_surveys(1, shift=0.5)
    turned = problem.replace(modalities=list(reversed(problem.modalities)))
    for criterion in ("evidence", "discrepancy"):
        one, other = (bj.temper(p, criterion=criterion, curve=False).weights for p in (problem, turned))
        assert one == {name: pytest.approx(w, rel=1e-2) for name, w in other.items()}


def test_two_data_that_contradict_each_other_leave_two_tops_and_it_is_said():
    """A prior, two exact lines far apart: either may be the noisy one."""
    m, rng = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 100.0)), np.random.default_rng(0)
    surveys = [bj.Modality(n, np.ones((k, 1)), d + rng.standard_normal(k), bj.DiagonalNoise(np.ones(k)), "m")
               for n, d, k in (("a", 8.0, 5), ("b", -8.0, 6))]
    found = bj.temper(bj.JointProblem([m], surveys), curve=False)
    assert sorted(w < 0.05 for w in found.weights.values()) == [False, True]
    assert "another top of the evidence is" in found.message


def test_matched_information_is_right_in_the_median_where_nothing_is_wrong():
    """Three unknowns, thirty data: inverting the score's estimated variance alone would put exponents 26 % too high."""
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((30, 3))
    m = bj.Parameter("m", 3, prior=bj.GaussianPrior(0.0, 100.0))
    survey = bj.Modality("a", matrix, np.zeros(30), bj.DiagonalNoise(np.ones(30)), "m")
    whitened, found = whitened_data(bj.JointProblem([m], [survey])), []
    for _ in range(150):
        whitened.residual = matrix @ (10 * rng.standard_normal(3)) + rng.standard_normal(30)
        found.append(Information(whitened, [("a",)], 0).weights({"a": 1.0})[0]["a"])
    logs = np.log(found)
    assert abs(np.median(logs)) < 4 * 1.25 * logs.std() / np.sqrt(150)
    assert 4 * 1.25 * logs.std() / np.sqrt(150) < 0.13


def test_a_datum_shift_tempers_the_survey_that_has_it_and_says_so():
    found = bj.temper(two_gravity_surveys(1, shift=1.0), curve=False)
    assert found.weights["air"] < 0.7 * found.weights["ground"] or found.weights["ground"] < 0.7
    assert "noise larger than stated, or a conflict" in " ".join(found.verdict.values())
    statement = found.approximation()
    assert statement.status == "not validated" and "promises no coverage" in statement.statement
    assert "w = " in str(found)


def test_without_matrices_it_is_the_dense_answer(monkeypatch):
    problem = continued(gravity_problem(5, (2, 16, 16), stated=(100.0, 250.0, 0.02)))
    dense = bj.temper(problem, curve=False, sharpen=True)
    monkeypatch.setattr("bayesjoint.tempering._temper.DENSE_LIMIT", 100)
    monkeypatch.setattr("bayesjoint.hyperparameters._fit_hyperparameters.DENSE_BEST", 100)
    large = bj.temper(problem, sharpen=True)
    assert "stochastic" in large.message
    difference = np.log(large.weights["gravity"] / dense.weights["gravity"])
    assert abs(difference) < 0.2 * dense.log_error["gravity"]
    assert large.log_error["gravity"] == pytest.approx(dense.log_error["gravity"], rel=0.2)
    assert large.curve["gravity"]["weight"][6] == pytest.approx(large.weights["gravity"], rel=0.05)
    refused(lambda: bj.temper(problem, criterion="discrepancy"), "criterion")


def test_a_survey_that_cannot_be_weighed_is_said_not_to_be():
    """Data that lie on the prior mean: the evidence would sharpen them for ever."""
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 1.0))
    survey = bj.Modality("a", np.ones((5, 1)), np.full(5, 0.01), bj.DiagonalNoise(np.ones(5)), "m")
    found = bj.temper(bj.JointProblem([m], [survey]), curve=False, sharpen=True)
    assert np.isnan(found.log_error["a"]) and "upper bound: not identified" in found.verdict["a"]
    held = bj.temper(bj.JointProblem([m], [survey]), curve=False)
    assert held.weights == {"a": 1.0} and "if it were free, without bound" in held.verdict["a"]


# km/s/Mpc: Planck 2018 and SH0ES 2022, and two that agree
HUBBLE = {"planck": (67.36, 0.54), "shoes": (73.04, 1.04)}
AGREEING = {"planck": (67.36, 0.54), "shoes": (67.5, 1.04)}


def scalars(values, turned=False):
    surveys = [bj.Modality(n, [[1.0]], [v], bj.DiagonalNoise([s]), "h") for n, (v, s) in values.items()]
    return bj.JointProblem([bj.Parameter("h", 1)], surveys[::-1] if turned else surveys)


@pytest.mark.parametrize("values", [HUBBLE, AGREEING])
@pytest.mark.parametrize("criterion", ["evidence", "discrepancy"])
def test_two_numbers_do_not_tell_their_noise_in_either_order(values, criterion):
    for turned in (False, True):
        found = bj.temper(scalars(values, turned), criterion=criterion, curve=criterion == "evidence")
        assert found.weights == {"planck": 1.0, "shoes": 1.0} and "held" in found.message
        for name, said in found.verdict.items():
            assert said == "not identified: too few data to tell its noise; common=True shares one factor"
            assert np.isnan(found.log_error[name])


@pytest.mark.parametrize("values", [HUBBLE, AGREEING])
def test_two_numbers_with_one_factor_have_birges_and_no_interval(values):
    (a, s), (b, t) = values.values()
    for turned in (False, True):
        found = bj.temper(scalars(values, turned), common=True, curve=False, sharpen=True)
        assert found.scale_factors["planck"] == pytest.approx(abs(a - b) / np.hypot(s, t), rel=1e-4)
        assert all("from 2 data in all" in v and "will do" not in v for v in found.verdict.values())


def test_a_datum_beside_a_survey_keeps_its_exponent_and_the_survey_has_its_own():
    rng = np.random.default_rng(0)
    rows = bj.Modality("rows", np.ones((40, 1)), 3 * rng.standard_normal(40), bj.DiagonalNoise(np.ones(40)), "h")
    lone = bj.Modality("lone", [[1.0]], [0.2], bj.DiagonalNoise([1.0]), "h")
    found = bj.temper(bj.JointProblem([bj.Parameter("h", 1)], [lone, rows], weights={"lone": 0.5}), curve=False)
    wanted = np.std(rows.data, ddof=1)  # Birge's, but for what the datum adds
    assert found.weights["lone"] == 0.5 and found.scale_factors["rows"] == pytest.approx(wanted, rel=0.02)
    assert "not identified" in found.verdict["lone"] and "noise larger" in found.verdict["rows"]


def test_an_exponent_that_the_curvature_does_not_tell_is_held(monkeypatch):
    """As when its standard error is beyond what counts as known."""
    monkeypatch.setattr("bayesjoint.tempering._criteria.VAGUE", 0.4)
    monkeypatch.setattr("bayesjoint.tempering._result.VAGUE", 0.4)
    rng = np.random.default_rng(1)
    surveys = [bj.Modality(n, np.ones((k, 1)), 3 * rng.standard_normal(k), bj.DiagonalNoise(np.ones(k)), "h")
               for n, k in (("few", 5), ("many", 60))]
    for order in (surveys, surveys[::-1]):
        found = bj.temper(bj.JointProblem([bj.Parameter("h", 1)], order), curve=False)
        assert found.weights["few"] == 1.0 and "not identified" in found.verdict["few"]
        assert np.isfinite(found.log_error["many"]) and "few held" in found.message


@pytest.mark.parametrize(("error", "count"), [(1e3, 100), (np.inf, 100), (np.nan, 100), (3.1, 100), (0.1, 3)])
def test_no_verdict_says_will_do_where_nothing_is_known(error, count):
    said = words_of(1.0, error, (1e-6, 1e4), count)
    assert "not identified" in said and "will do" not in said


def test_correlated_noise_is_tempered_whole():
    problem, reference = make(counts=(9, 11), dense=True)
    weights = {"survey_density": 0.3, "survey_susceptibility": 1.0}
    noise = reference.noise.copy()
    noise[:9, :9] /= 0.3
    covariance = reference.matrix @ reference.prior @ reference.matrix.T + noise
    wanted = multivariate_normal(reference.matrix @ reference.prior_mean, covariance).logpdf(reference.data)
    assert whitened_data(problem).at(weights).log_evidence() == pytest.approx(wanted, abs=1e-8)


def test_bad_input_is_refused():
    problem, _ = make()
    refused(lambda: bj.temper(problem, criterion="evidnce"), "criterion")
    refused(lambda: bj.temper(problem, surveys="gravity"), "surveys")
    refused(lambda: bj.temper("problem"), "problem", TypeError)
    refused(lambda: bj.temper(one_number(), criterion="prediction"), "criterion")
    bounded = problem.parameters[0].replace(bounds=(-1e4, 1e4))
    refused(lambda: bj.temper(problem.replace(parameters=[bounded, problem.parameters[1]])), "problem")
    lone = bj.Parameter("unseen", 1)
    improper = one_number().replace(parameters=[*one_number().parameters, lone])
    refused(lambda: bj.temper(improper), "prior")


