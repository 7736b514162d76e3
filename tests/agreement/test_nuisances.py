"""Tests of additive nuisances and of a gain: closed forms, brute force, size and what they refuse."""

import numpy as np
import pytest
from scipy.linalg import orth
from scipy.stats import chi2, kstest

import bayesjoint as bj
from bayesjoint.agreement._gain_test import GainFit, GainScore
from bayesjoint.agreement._multiple_testing import holm
from bayesjoint.agreement._nuisance_test import NuisanceFit
from bayesjoint.agreement._weighted_chi2 import WeightedChi2
from bayesjoint.gaussian import data_system

from ..linear import make
from ..refusals import refused
from .pairs import generalised_inverse, scalars, stretched, two_gravity
from .test_likelihood_ratio import mixed


def shifted(problem, survey, change):
    return problem.replace(modalities=[
        m.replace(data=(m.data + change).reshape(m.data_shape)) if m.name == survey else m for m in problem.modalities])


@pytest.mark.parametrize("method", ["dense", "iterative"])
@pytest.mark.parametrize("options", [{}, {"dense": True, "weights": {"survey_density": 0.4}}, {"bias": True}])
def test_estimate_is_generalised_least_squares(rng, options, method):
    problem, ref = make(correlation=0.6, counts=(9, 7), **options)
    basis = rng.standard_normal((7, 2))
    found = bj.nuisance_test(problem, "survey_susceptibility", basis, method=method)
    covariance = ref.matrix @ ref.prior @ ref.matrix.T + ref.noise
    columns = np.vstack([np.zeros((9, 2)), basis])
    solved = np.linalg.solve(covariance, columns)
    spread = np.linalg.inv(columns.T @ solved)
    value = spread @ solved.T @ (ref.data - ref.matrix @ ref.prior_mean)
    np.testing.assert_allclose(found.effect["value"], value, rtol=1e-5)
    np.testing.assert_allclose(found.effect["covariance"], spread, rtol=1e-5)
    np.testing.assert_allclose(found.effect["std"], np.sqrt(np.diag(spread)), rtol=1e-5)
    assert found.statistic == pytest.approx(value @ np.linalg.solve(spread, value), rel=1e-5)
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 2), rel=1e-4)
    assert found.dof == 2


def test_it_is_the_rise_of_evidence_of_a_flat_bias():
    """With the column as one more flat parameter the projected quadratic form falls by the statistic."""
    problem = two_gravity((2, 5, 6))
    found = bj.nuisance_test(problem, "air", "linear")
    data = data_system(problem)
    columns = data.model.whiten(np.vstack([np.zeros((30, 3)), _linear(problem)]))
    y = data.residual
    fall = y @ np.linalg.solve(data.covariance, y) - y @ generalised_inverse(data.covariance, orth(columns)) @ y
    assert found.statistic == pytest.approx(fall, rel=1e-8)


def _linear(problem):
    easting, northing, _ = problem.modalities[1].forward.coordinates()
    east, north = (2 * (v - v.min()) / np.ptp(v) - 1 for v in (easting, northing))
    return np.stack([np.ones(east.size), north, east], axis=1)


def test_effects_are_in_data_units():
    problem = two_gravity((2, 8, 9))
    before, after = (bj.nuisance_test(p, "air") for p in (problem, shifted(problem, "air", 1.5)))
    assert after.effect["value"][0] - before.effect["value"][0] == pytest.approx(1.5, rel=1e-8)
    assert after.effect["units"] == "mGal"
    assert after.sigma > 5
    assert before.sigma < 3
    tilt = bj.nuisance_test(shifted(problem, "air", 2.0 * _linear(problem)[:, 2]), "air", "linear")
    clean = bj.nuisance_test(problem, "air", "linear")
    np.testing.assert_allclose(tilt.effect["value"] - clean.effect["value"], [0, 0, 2.0], atol=1e-8)
    rows = bj.nuisance_test(problem, "air", "rows")
    assert rows.dof == 8


@pytest.mark.parametrize("basis", ["constant", "linear", "columns"])
def test_p_values_are_uniform(basis):
    problem = two_gravity((2, 6, 7))
    data = data_system(problem)
    from bayesjoint.augment._bias_basis import bias_basis

    fit = NuisanceFit(data, "air", bias_basis(problem.modalities[1], basis)[0])
    statistic, value, _ = fit.test(data.draw(np.random.default_rng(20261122), 800))
    assert kstest(chi2.sf(statistic, fit.rank), "uniform").pvalue > 0.005
    np.testing.assert_allclose(value.std(axis=1), fit.std, rtol=0.12)
    assert kstest(chi2.sf(statistic, fit.rank + 1), "uniform").pvalue < 1e-3


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_columns_that_cannot_be_told(rng, method):
    problem, _ = mixed(rng)
    flat = problem.modalities[1].forward.matmat(np.eye(8))[:, 6:]
    only = problem.replace(modalities=problem.modalities[1:])
    found = bj.nuisance_test(only, "b", flat[:, :1], method=method)
    assert np.isnan(found.p_value)
    assert "untestable" in found.note
    other = rng.standard_normal((6, 1))
    found = bj.nuisance_test(only, "b", np.hstack([flat[:, :1], other]), method=method)
    alone = bj.nuisance_test(only, "b", other, method=method)
    assert found.dof == 1
    assert found.statistic == pytest.approx(alone.statistic, rel=1e-5)
    assert "cannot be told" in found.note
    twice = bj.nuisance_test(only, "b", np.hstack([other, 2 * other]), method=method)
    assert twice.dof == 1
    assert np.isnan(twice.effect["value"]).all()
    assert twice.statistic == pytest.approx(alone.statistic, rel=1e-5)


# -- gain ------------------------------------------------------------------------------------------------------------
def log_density(problem, gain):
    """Of the data were the second survey's signal larger by `gain`."""
    data = data_system(problem)
    where = data.model.data_slices[1]
    signal = data.covariance - np.eye(data.size)
    signal[where] *= 1 + gain
    signal[:, where] *= 1 + gain
    mean = data.model.whiten(data.model.data_mean)
    y = data.residual + mean
    mean = mean.copy()
    mean[where] *= 1 + gain
    covariance = signal + np.eye(data.size)
    return -0.5 * (np.linalg.slogdet(covariance)[1] + (y - mean) @ np.linalg.solve(covariance, y - mean))


@pytest.mark.parametrize("mean", [False, True])
def test_score_is_the_slope_of_the_log_density(mean):
    problem, _ = make(correlation=0.6, counts=(9, 7), mean=mean)
    data = data_system(problem)
    score = GainScore(data, problem.modalities[1].name)
    slope = (log_density(problem, 1e-5) - log_density(problem, -1e-5)) / 2e-5
    null = score.null(40_000, np.random.default_rng(0))
    found = score.score(data.residual[:, None])[0] - null.mean()
    assert abs(found - slope) < 5 * null.std() / np.sqrt(null.size)
    information = null.var()  # the information equality
    expected = _information(problem)
    assert information == pytest.approx(expected, rel=0.05)


def _information(problem):
    data = data_system(problem)
    where = data.model.data_slices[1]
    signal = data.covariance - np.eye(data.size)
    pick = np.zeros(data.size)
    pick[where] = 1.0
    change = pick[:, None] * signal + signal * pick
    solved = np.linalg.solve(data.covariance, change)
    mean = data.model.whiten(data.model.data_mean) * pick
    return 0.5 * np.trace(solved @ solved) + mean @ np.linalg.solve(data.covariance, mean)


def test_a_gain_is_seen_and_measured():
    problem = two_gravity((2, 10, 12), noise=(0.02, 0.02), range_=200.0)
    clean = bj.nuisance_test(problem, "air", "gain", draws=199)
    assert clean.p_value > 0.01
    data = problem.modalities[1].data
    found = bj.nuisance_test(shifted(problem, "air", 0.1 * data), "air", "gain", draws=199)
    assert found.p_value < 1e-3
    assert found.p_value_error > 0 and "fitted to the score, beyond all 199" in found.null
    assert found.effect["units"] == "%"
    assert abs(found.effect["value"] - 10) < 4 * found.effect["std"]
    assert "extrapolated" in found.note and "extrapolated" not in clean.note
    solved = bj.nuisance_test(shifted(problem, "air", 0.1 * data), "air", "gain", method="iterative", draws=39)
    assert solved.p_value < 1 / 40
    assert abs(solved.effect["value"] - found.effect["value"]) < 6 * found.effect["std"]


def test_the_gain_has_the_spread_that_it_says():
    problem = two_gravity((2, 8, 9), noise=(0.02, 0.02), range_=200.0)
    data, rng = data_system(problem), np.random.default_rng(5)
    score = GainScore(data, "air")
    null, gain = score.null(2000, rng), 0.2
    clean = data.model.whiten(data.model.draw(rng, 400)[1].T)
    clean[data.model.data_slices[1]] *= 1 + gain
    found = (score.score(clean + rng.standard_normal(clean.shape)) - null.mean()) / null.var()
    assert abs(found.mean() - gain) < 5 * found.std() / 20 + 0.1 * gain
    simulated = stretched(score, gain, 400, rng) / null.var()
    assert simulated.std() == pytest.approx(found.std(), rel=0.2)
    assert found.std() > 1.5 / null.std()


def test_bootstrap_p_values_are_uniform():
    data = data_system(two_gravity((2, 5, 6)))
    score, rng = GainScore(data, "air"), np.random.default_rng(20261122)
    null = score.null(2000, rng)
    observed = score.score(data.draw(rng, 600))
    p = (1 + np.sum(np.abs(null - null.mean()) >= np.abs(observed - null.mean())[:, None], axis=1)) / (null.size + 1)
    assert kstest(p, "uniform").pvalue > 0.005


def quadratic_form(data, survey):
    """Weights of the weighted χ² that the score of a gain is where data have no mean."""
    inverse = np.linalg.inv(data.covariance)
    pick = np.zeros((data.size, data.size))
    where = data.model.data_slices[[m.name for m in data.model.problem.modalities].index(survey)]
    pick[where, where] = np.eye(where.stop - where.start)
    form = inverse @ pick @ (np.eye(data.size) - inverse)
    root = np.linalg.cholesky(data.covariance)
    return np.linalg.eigvalsh(root.T @ (0.5 * (form + form.T)) @ root)


@pytest.mark.parametrize("shape", [(2, 8, 9), (2, 10, 12)])
def test_beyond_all_simulated_scores_p_is_the_tail(shape):
    data = data_system(two_gravity(shape))
    score = GainScore(data, "air")
    exact, tails = WeightedChi2(quadratic_form(data, "air")), []
    std = np.sqrt(exact.variance)
    for seed in range(8):
        null = score.null(999, np.random.default_rng(seed))
        assert null.std() == pytest.approx(std, rel=0.2)
        for z in (6.0, -6.0):
            found = GainFit(score, exact.mean + z * std, null, np.random.default_rng(0))
            if found.beyond:
                continue
            right = exact.tail(exact.mean + 6.0 * std)[0] + 1.0 - exact.tail(exact.mean - 6.0 * std)[0]
            assert found.p_value < 1 / 1000 and found.p_value_error > 0
            tails.append((found.p_value, found.p_value_error, float(right)))
    assert len(tails) > 8
    p, error, right = np.array(tails).T
    assert np.median(np.abs(np.log10(p / right))) < 0.7
    assert np.mean(np.abs(p - right) < 3 * error) > 0.8


def test_a_gain_alarms_through_holm_over_many_tests():
    problem = two_gravity((2, 10, 12), noise=(0.02, 0.02), range_=200.0)
    found = bj.nuisance_test(shifted(problem, "air", 0.3 * problem.modalities[1].data), "air", "gain")
    assert holm([found.p_value, *np.full(99, 0.5)])[0] < 0.05


def test_flat_values_keep_their_estimate(rng):
    problem, _ = mixed(rng)
    found = bj.nuisance_test(problem, "b", "gain", draws=99)
    assert np.isfinite(found.p_value)
    data = data_system(problem)
    flat = data.flat_estimate(data.residual[:, None])
    np.testing.assert_allclose(data.project(flat), 0.0, atol=1e-10)
    np.testing.assert_allclose(data.project(data.residual[:, None] - flat), data.project(data.residual[:, None]))


def test_refusals():
    problem = two_gravity((2, 4, 5))
    refused(lambda: bj.nuisance_test(problem, "sea"), "survey")
    refused(lambda: bj.nuisance_test(problem, "sea", "gain"), "survey")
    refused(lambda: bj.nuisance_test(problem, "air", "gains"), "basis")
    refused(lambda: bj.nuisance_test(problem, "air", np.ones((3, 1))), "basis")
    refused(lambda: bj.nuisance_test(problem, "air", "gain", draws=5), "draws")
    refused(lambda: bj.nuisance_test("problem", "air"), "problem", TypeError)
    refused(lambda: bj.nuisance_test(problem, "air", method="spectral"), "method")
    bounded = scalars({"a": (1.0, 1.0)}).replace(parameters=[bj.Parameter("number", 1, bounds=(0, 9))])
    refused(lambda: bj.nuisance_test(bounded, "a", [[1.0]]), "problem")
