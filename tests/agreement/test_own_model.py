"""One survey against its own prior and noise: nulls that hold, and each misfit named for what it is."""

import numpy as np
import pytest
from scipy.stats import kstest

import bayesjoint as bj
from bayesjoint.agreement._own_model import own_model_fits
from bayesjoint.gaussian import data_system

from .overlapping import overlapping

REPEATS = 250


def ground(prior=1.0, noise=1.0):
    """Data of one survey alone whose truth has other standard deviations than stated, as a maker of whitened data."""
    problem = overlapping(shape=(3, 10, 12))
    alone = problem.replace(modalities=[problem.modalities[0]])
    data = data_system(alone)
    truth = prior**2 * (data.covariance - np.eye(data.size)) + noise**2 * np.eye(data.size)
    return data, np.linalg.cholesky(truth)


def own_model_tests(data, survey):
    return tuple(test for test, _ in own_model_fits(data, survey))


def p_values(data, root, repeats=REPEATS, method=own_model_tests, seed=1):
    rng, out = np.random.default_rng(seed), []
    for _ in range(repeats):
        data.residual = root @ rng.standard_normal(data.size)
        out.append([found.p_value for found in method(data, "ground")])
    return np.array(out).T


def test_nulls_are_uniform():
    for p in p_values(*ground()):
        assert kstest(p, "uniform").pvalue > 5e-3
    for p in p_values(*ground(), repeats=60, method=lambda data, name: own_by_draws(data, name)):
        assert kstest(p, "uniform").pvalue > 5e-3


def own_by_draws(data, name):
    from bayesjoint.agreement._own_model import _by_draws

    return tuple(test for test, _ in _by_draws(data, name, 64, np.random.default_rng(int(1e6 * abs(data.residual[0])))))


@pytest.mark.parametrize(("changed", "named", "other"), [({"prior": 1.6}, 0, 1), ({"noise": 1.3}, 1, 0)])
def test_a_misfit_is_named_for_what_it_is(changed, named, other):
    data, root = ground(**changed)
    p = p_values(data, root, 60)
    assert np.mean(p[named] < 0.05) > 0.7
    assert np.mean(p[other] < 0.05) < 0.25
    (factor,) = changed.values()
    rng, changes = np.random.default_rng(3), []
    for _ in range(60):
        data.residual = root @ rng.standard_normal(data.size)
        changes.append(100 * (own_model_tests(data, "ground")[named].effect["factor"] - 1))
    assert np.mean(changes) == pytest.approx(100 * (factor - 1), rel=0.2)
    assert 100 * (own_by_draws(data, "ground")[named].effect["factor"] - 1) == pytest.approx(changes[-1], rel=1.5)


def test_scores_are_those_of_the_evidence():
    data, _ = ground()
    prior, noise = own_model_tests(data, "ground")
    signal = data.covariance - np.eye(data.size)

    def evidence(a, b):
        covariance = np.exp(a) * signal + np.exp(b) * np.eye(data.size)
        return -0.5 * (data.residual @ np.linalg.solve(covariance, data.residual) + np.linalg.slogdet(covariance)[1])

    inverse = np.linalg.inv(data.covariance)
    parts = inverse @ signal, inverse
    information = 0.5 * np.array([[np.trace(x @ y) for y in parts] for x in parts])
    score = np.array([0.5 * (data.residual @ inverse @ m @ inverse @ data.residual - np.trace(inverse @ m))
                      for m in (signal, np.eye(data.size))])
    efficient = score - np.diag(information[[0, 1], [1, 0]] / np.diag(information)[::-1]) @ score[::-1]
    left = 1 / np.diag(np.linalg.inv(information))
    np.testing.assert_allclose([prior.statistic, noise.statistic], efficient**2 / left, rtol=1e-6)
    best = [2 * np.log(t.effect["factor"]) for t in (prior, noise)]
    h = 1e-4
    slope = [evidence(best[0] + h, best[1]) - evidence(best[0] - h, best[1]),
             evidence(best[0], best[1] + h) - evidence(best[0], best[1] - h)]
    np.testing.assert_allclose(np.array(slope) / (2 * h), 0.0, atol=1e-3)


@pytest.mark.parametrize("method", [own_model_tests, lambda data, name: own_by_draws(data, name)])
def test_effects_are_told_without_a_sign_and_never_contradict_the_test(method):
    for prior, noise in ((1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 1.4), (1.0, 0.6)):
        data, root = ground(prior, noise)
        rng = np.random.default_rng(8)
        for _ in range(8):
            data.residual = root @ rng.standard_normal(data.size)
            for found in method(data, "ground"):
                effect = found.effect
                assert effect["value"] >= 0
                assert effect["what"].startswith("no misfit seen in ") == (found.p_value > 0.05)
                seen = "too small" if effect["factor"] > 1 else "too large"
                assert (seen in effect["what"]) == (found.p_value <= 0.05) == ("too " in effect["what"])
                assert "by -" not in repr(found)
                assert effect["value"] == pytest.approx(100 * abs(effect["factor"] - 1))
                share = effect["std"] / effect["value"]
                assert share == pytest.approx(effect["log_std"] / abs(np.log(effect["factor"])), rel=1e-6)
                assert found.p_value <= 0.05 or share > 1 / 1.96 - 1e-6
                assert found.p_value > 1e-3 or share < 1 / 1.5


def test_noise_that_is_not_there_is_told_with_a_sensible_spread():
    data, root = ground(noise=1e-3)
    rng = np.random.default_rng(0)
    for _ in range(4):
        data.residual = root @ rng.standard_normal(data.size)
        effect = own_model_tests(data, "ground")[1].effect
        assert effect["what"] == "noise std of ground too large"
        assert effect["value"] > 80 and effect["value"] + 2.5 * effect["std"] > 99.9 and effect["std"] < 25


def test_the_spread_of_an_effect_is_that_of_repeated_surveys():
    for prior in (1.0, 0.6):
        data, root = ground(prior)
        rng, logs, stated = np.random.default_rng(9), [], []
        for _ in range(150):
            data.residual = root @ rng.standard_normal(data.size)
            effect = own_model_tests(data, "ground")[0].effect
            logs.append(np.log(effect["factor"]))
            stated.append(effect["log_std"])
        assert np.median(stated) == pytest.approx(np.std(logs), rel=0.25)


def test_flat_values_are_out_of_the_way_and_alike_is_untestable():
    rng = np.random.default_rng(4)
    level = bj.Parameter("level", 1)
    field = bj.Parameter("field", 30, prior=bj.GaussianPrior(0.0, np.eye(30)))
    matrix = np.hstack([np.diag(np.linspace(0, 2, 30)), np.ones((30, 1))])
    for shift in (0.0, 1e6):
        line = bj.Modality("line", matrix, shift + rng.standard_normal(30), bj.DiagonalNoise(np.ones(30)),
                           ("field", "level"))
        found = own_model_tests(data_system(bj.JointProblem([field, level], [line])), "line")
        assert all(1e-4 < f.p_value <= 1 for f in found)
    alike = bj.Modality("line", np.eye(30), np.zeros(30), bj.DiagonalNoise(np.ones(30)), "field")
    found = own_model_tests(data_system(bj.JointProblem([field], [alike])), "line")
    assert all(np.isnan(f.p_value) and "alike" in f.note for f in found)
