import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._laplace_validity import fit_tail

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
        "Laplace approximation": "measured", "linear algebra of the Laplace approximation": "exact"}


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


def test_with_bounds_it_says_what_it_does_not_cover():
    post = laplace(problem(bj.MinimumLength(0.1), bounds=(0.0, 200.0)))
    first, second = post.approximations[:2]
    assert "The bounds are no part of this comparison" in first.statement
    assert second.name == "active bounds"
    assert second.status == "not validated"
    assert post.validity.kl < 1e-9
