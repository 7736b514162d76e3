import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint.engines._laplace_validity import fit_tail

from ..refusals import refused
from .test_gibbs import focusing, pair
from .test_laplace import converged, problem


def laplace(p):
    return bj.posterior(p, method="laplace", at=converged(p))


def worst_ratio(post, reference):
    """Largest factor by which a standard deviation is off."""
    free = post.state_variance() > 0
    return float(np.exp(0.5 * np.abs(np.log(post.state_variance()[free] / reference.state_variance()[free])).max()))


def test_a_gaussian_posterior_is_its_own_laplace_approximation():
    post = laplace(problem(bj.MinimumLength(50.0)))
    figures = post.validity
    assert figures.verdict == "valid"
    assert figures.pareto_k == 0.0
    assert figures.curvature_change < 1e-9
    assert figures.kl < 1e-9
    assert {a.name: a.status for a in post.approximations} == {
        "Laplace approximation": "exact", "linear algebra of the Laplace approximation": "exact"}


@pytest.mark.parametrize(("epsilon", "kl", "verdict"), [(2e-3, 1.0, "not valid"), (0.05, 1.0, "not valid"),
                                                        (100.0, 0.0, "valid")])
def test_a_focusing_map_is_condemned_unless_epsilon_makes_it_smooth(epsilon, kl, verdict):
    p = problem(bj.Focusing(2000.0, epsilon=epsilon), std=0.05)
    post = laplace(p)
    assert post.validity.verdict == verdict
    assert post.validity.kl > kl
    assert (post.validity.pareto_k > 0.7) == (verdict == "not valid")
    ratio = worst_ratio(post, bj.posterior(p, method="gibbs", draws=400))
    assert ratio > 2 if verdict == "not valid" else ratio < 1.2
    statement = post.approximations[0]
    assert statement.status == "measured"
    assert statement.error == post.validity.kl
    assert (statement.name == "Laplace approximation (not valid here)") == (verdict == "not valid")
    assert ('Use method="gibbs"' in statement.statement) == (verdict == "not valid")


@pytest.mark.parametrize(("weight", "verdict"), [(0.003, "valid"), (0.03, "doubtful"), (3.0, "not valid"),
                                                 (100.0, "not valid")])
def test_under_a_gramian_against_the_no_u_turn_sampler(weight, verdict):
    p, _ = pair(weight, n=5)
    post = laplace(p)
    assert post.validity.verdict == verdict
    if weight in (0.003, 3.0):
        reference = bj.posterior(p, method="nuts", draws=500, chains=2)
        ratio = worst_ratio(post, reference)
        shift = np.abs((post.state_mean() - reference.state_mean()) / np.sqrt(reference.state_variance())).max()
        # 1,000 draws know a standard deviation to 2 %
        assert ratio < 1.1 and shift < 0.15 if verdict == "valid" else ratio > 1.2


def test_one_dimension_against_quadrature():
    m = bj.Parameter("m", 1, prior=focusing(3.0, 0.8))
    p = bj.JointProblem([m], [bj.Modality("s", [[1.0]], [0.9], bj.DiagonalNoise([1.0]), "m")])
    post = laplace(p)
    center, std = post.state_mean()[0], np.sqrt(post.state_variance()[0])
    z = np.linspace(-9, 9, 20_001)
    q = np.exp(-0.5 * z**2) / np.sum(np.exp(-0.5 * z**2))
    x = center + std * z
    ratio = 0.5 * z**2 - 3 * np.sqrt(x**2 + 0.64) - 0.5 * (x - 0.9) ** 2
    kl = 0.5 * (q @ ratio**2 - (q @ ratio) ** 2)
    change = (1 + 3 * 0.64 / (x**2 + 0.64) ** 1.5) * std**2 - 1
    figures = post.validity
    assert abs(figures.kl - kl) < 4 * figures.kl_error
    assert figures.kl_error < 0.3 * kl
    rms = np.sqrt(q @ change**2)
    assert 0.4 * rms < figures.curvature_change < 2.5 * rms  # from eight places
    assert figures.directions == 1


def test_the_tail_index_is_that_of_the_ratios():
    u = np.random.default_rng(0).random(20_000)
    for k in (0.3, 0.9):
        assert abs(fit_tail(-k * np.log(u)) - k) < 0.12  # weights u^-k
    assert fit_tail(np.log(u) / 2) < 0.1  # bounded weights
    assert fit_tail(1e-4 * u) == 0.0
    assert fit_tail(-1e6 * u) == np.inf


def scalar(prior, forward, datum, noise, bounds=None):
    """One value, seen once."""
    x = bj.Parameter("x", 1, prior=bj.GaussianPrior([prior[0]], [[prior[1] ** 2]]), bounds=bounds)
    return bj.JointProblem([x], [bj.Modality("d", forward, [datum], bj.DiagonalNoise([noise]), "x")])


def model(function):
    return bj.ForwardModel(function, (1, 1))


def said(post, name):
    return next(a for a in post.approximations if a.name == name).statement


@pytest.mark.parametrize(("bounds", "verdict", "mass"), [
    ((-11.5, np.inf), "doubtful", norm.cdf(-12 / 50**0.5)), ((-40.0, 60.0), "valid", 0.0)])
def test_little_mass_beyond_bounds_enters_the_verdict(bounds, verdict, mass):
    post = laplace(scalar((0.5, 10.0), [[1.0]], 0.5, 10.0, bounds))
    assert post.validity.beyond == pytest.approx(mass, abs=1e-6)
    assert abs(post.validity.outside - mass) < 4 * np.sqrt(mass * (1 - mass) / 1000 + 1e-6)
    assert post.validity.verdict == verdict
    assert f"up to {post.validity.beyond:.2g} of one value's mass" in said(post, "bounds")


@pytest.mark.parametrize(("bounds", "mass"), [
    ((0.0, 1.0), 2 * norm.cdf(-0.5 / 50**0.5)), ((0.4, np.inf), norm.cdf(-0.1 / 50**0.5))])
def test_much_mass_beyond_bounds_is_refused(bounds, mass):
    text = refused(lambda: laplace(scalar((0.5, 10.0), [[1.0]], 0.5, 10.0, bounds)), "the Gaussian at the MAP")
    assert f"up to {mass:.2g} of one value's mass beyond" in text


def test_one_bound_near_one_of_several_values_is_enough():
    x = bj.Parameter("x", 3, prior=bj.GaussianPrior(np.zeros(3), np.eye(3)), bounds=([-9.0, -9.0, 0.0], [9.0] * 3))
    p = bj.JointProblem([x], [bj.Modality("d", np.eye(3), [1.0, 0.0, 0.1], bj.DiagonalNoise(np.ones(3)), "x")])
    assert f"{norm.cdf(-0.05 * 2**0.5):.2g} of one value's" in refused(lambda: laplace(p), "the Gaussian at the MAP")
    pressed = p.replace(modalities=[p.modalities[0].replace(data=np.array([1.0, 0.0, -3.0]))])
    assert "1 of 3 values" in refused(lambda: laplace(pressed), "the MAP")


def test_where_every_value_is_at_a_bound_it_is_refused():
    p = scalar((0.0, 1.0), [[1.0]], 3.0, 1.0, (-1.0, 1.0))
    refused(lambda: laplace(p), "the MAP")


@pytest.mark.parametrize(("function", "datum", "noise", "other"), [
    (lambda x: x**2, 4.0, 0.2, 0.5), (lambda x: x**3 - 3 * x, 0.0, 0.2, None), (np.cos, 0.3, 0.05, None),
    (lambda x: 1 / (1 + np.exp(-20 * x)), 0.5, 0.2, None), (np.tanh, 0.9, 0.05, None)],
    ids=["two modes", "three modes", "many modes", "step", "plateau"])
def test_other_modes_and_plateaus_are_found(function, datum, noise, other):
    p = scalar((0.0, 3.0), model(function), datum, noise)
    post = bj.posterior(p, at=bj.find_map(p, start={"x": [1.0]}))
    x = np.linspace(-18, 18, 20_001)
    weight = np.exp(-0.5 * ((function(x) - datum) / noise) ** 2 - 0.5 * (x / 3) ** 2)
    exact = np.sqrt(weight @ x**2 / weight.sum() - (weight @ x / weight.sum()) ** 2)
    assert post.std()["x"][0] < 0.5 * exact  # it is wrong, and says so
    assert post.validity.verdict == "not valid" and "knows one mode" in said(post, "one mode")
    if other is not None:
        assert post.validity.modes.found == 1 and post.validity.modes.weight == pytest.approx(other, abs=0.01)


def test_a_mode_that_the_prior_rules_out_is_no_other_mode():
    p = scalar((2.0, 0.3), model(lambda x: x**2), 4.0, 0.2)
    post = bj.posterior(p, at=bj.find_map(p, start={"x": [1.0]}))
    assert post.validity.modes.starts > 5 and post.validity.verdict == "valid"
    assert "no other found" in said(post, "one mode")


def test_a_slow_model_bounds_the_search_in_time(monkeypatch):
    calls = []

    def slow(x):
        calls.append(1)
        return x**2

    p = scalar((0.2, 2.0), model(slow), 4.0, 0.2)
    result = bj.find_map(p, start={"x": [1.0]})
    bj.posterior(p, at=result)
    full, calls[:] = len(calls), []
    monkeypatch.setattr("bayesjoint.engines._laplace_modes.SECONDS", 0.0)
    post = bj.posterior(p, at=result)
    assert len(calls) < full and "were not looked for" in said(post, "one mode")
