"""Integration over hyperparameters against brute-force quadrature, and what it says of itself."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint.hyperparameters._integrate import MixturePosterior, proposal, weigh
from bayesjoint.hyperparameters._penalty import log_mass, log_prior
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import joint_problem
from tests.linear import joined
from tests.moments import sampling_excess
from tests.refusals import refused

FREE = ["density_std", "gravity_noise"]


def overdetermined():
    """16 data of six cells: few enough to leave hyperparameters uncertain, enough to tell noise from signal."""
    rng, mesh = np.random.default_rng(1), bj.Mesh.regular((1, 2, 3), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=250.0))
    matrix = rng.standard_normal((16, 6)) / 100.0
    data = matrix @ density.from_hat(density.bound_prior.covariance.sample(rng, 1)[0]).ravel()
    data = data + rng.standard_normal(16)
    return bj.JointProblem([density], [bj.Modality("gravity", matrix, data, bj.DiagonalNoise(np.ones(16)), "density")])


@pytest.fixture(scope="module")
def setting():
    """A tiny survey that leaves its hyperparameters uncertain, its fit, and moments by quadrature over a grid."""
    fit = bj.fit_hyperparameters(overdetermined(), free=FREE, curve=False)
    axes = [np.linspace(t - 3, t + 3, 37) for t in fit.theta]
    axes = [np.clip(a, *b) for a, b in zip(axes, fit.vector.bounds, strict=True)]
    log, means, covariances = [], [], []
    for a in axes[0]:
        for b in axes[1]:
            theta = np.array([a, b])
            log.append(fit.objective.evaluate(theta)[0])
            post = bj.posterior(fit.vector.rebuild(theta), "dense")
            means.append(post.state_mean())
            covariances.append(post.state_product(np.eye(6)))
    weight = np.exp(np.array(log) - logsumexp(log))
    means = np.array(means)
    mean = weight @ means
    covariance = np.einsum("s,sij->ij", weight, covariances) + (weight[:, None] * (means - mean)).T @ (means - mean)
    prior = [np.logaddexp.reduce([log_prior(c, t)[0] for t in np.linspace(*c.bounds, 20_001)])
             + np.log((c.bounds[1] - c.bounds[0]) / 20_000) for c in fit.vector.coordinates]  # mass within the bounds
    cell = np.log(axes[0][1] - axes[0][0]) + np.log(axes[1][1] - axes[1][0])
    return fit, mean, covariance, logsumexp(log) + cell - sum(prior)


def test_mean_and_std_carry_the_uncertainty_of_the_hyperparameters(setting):
    fit, mean, covariance, _ = setting
    post = fit.integrate(draws=256)
    std = np.sqrt(np.diag(covariance))
    assert np.abs(post.state_mean() - mean).max() < 0.05 * std.max()
    np.testing.assert_allclose(np.sqrt(post.state_variance()), std, rtol=0.06)
    plain = bj.posterior(fit.problem)
    assert np.all(joined(fit.problem, post.std()) > joined(fit.problem, plain.std()))
    np.testing.assert_allclose(post.state_product(np.eye(6)).diagonal(), post.state_variance(), rtol=1e-10)


def test_stated_errors_are_those_seen_over_seeds(setting):
    fit, mean, _, evidence = setting
    posts = [fit.integrate(draws=32, seed=seed) for seed in range(8)]
    off = np.array([p.state_mean() - mean for p in posts])
    stated = np.array([p.state_mean_error() for p in posts])
    assert 0.2 < np.sqrt(np.mean(off**2) / np.mean(stated**2)) < 1.5  # Sobol points do better than stated
    seen = np.array([float(p.log_evidence()) - evidence for p in posts])
    assert np.sqrt(np.mean(seen**2)) < 2 * np.mean([p.log_evidence().error for p in posts])


def test_the_integrated_evidence_is_that_of_quadrature(setting):
    fit, _, _, evidence = setting
    found = fit.integrate(draws=512).log_evidence()
    assert float(found) == pytest.approx(evidence, abs=0.03 + 3 * found.error)


def test_the_hyperprior_is_normalised_within_narrow_bounds():
    # half the mass or less lies between them: the evidence must be that of the prior cut to them
    bounds = {"density_std": (60.0, 160.0), "gravity_noise": (0.7, 1.4)}
    fit = bj.fit_hyperparameters(overdetermined(), free=FREE, bounds=bounds, curve=False)
    axes = [np.linspace(*c.bounds, 61) for c in fit.vector.coordinates]
    prior = [np.array([log_prior(c, t)[0] for t in a]) for c, a in zip(fit.vector.coordinates, axes, strict=True)]
    prior = [p - logsumexp(p) for p in prior]
    log = [[fit.objective.evidence.evaluate([a, b], gradient=False)[0] for b in axes[1]] for a in axes[0]]
    exact = logsumexp(np.array(log) + prior[0][:, None] + prior[1])
    found = fit.integrate(draws=512).log_evidence()
    assert float(found) == pytest.approx(exact, abs=0.03 + 3 * found.error)
    assert fit.vector.log_prior_mass() < -1.0  # without it the number would be off by more than a nat


def test_an_improper_hyperprior_has_no_evidence():
    post = bj.fit_hyperparameters(overdetermined(), free=FREE, prior="flat", curve=False).integrate(draws=64)
    refused(post.log_evidence, "prior")
    assert post.evidence_or_none() is None


@pytest.mark.parametrize("name", ["density_std", "range", "correlation"])
def test_the_mass_of_a_hyperprior_between_its_bounds_is_that_of_its_density(name):
    c = HyperVector(joint_problem(5), bounds={"range": (40.0, 300.0), "correlation": (-0.3, 0.8)}).known()[name]
    axis = np.linspace(*c.bounds, 20_001)
    density = np.exp([log_prior(c, t)[0] for t in axis])
    assert log_mass(c) == pytest.approx(np.log(np.trapezoid(density, axis)), abs=1e-5)


def test_draws_have_its_moments(setting):
    fit, _, _, _ = setting
    post = fit.integrate(draws=64)
    draws = post.sample(draws=2000, chains=1, seed=1)["density"].reshape(2000, -1) / 1000
    covariance = post.state_product(np.eye(6))
    # mixtures have heavier tails than a Gaussian: only the mean has its nominal test
    assert sampling_excess(draws, post.state_mean(), covariance)[0] > 1e-3
    np.testing.assert_allclose(draws.std(axis=0), np.sqrt(post.state_variance()), rtol=0.1)


def test_it_states_effective_number_tail_and_share(setting):
    statement = setting[0].integrate(draws=64).approximations[0]
    assert statement.status == "measured"
    for words in ("effective number", "Pareto k", "of the variance", "over 2 hyperparameters"):
        assert words in statement.statement
    assert 1 / np.sqrt(64) <= statement.error < 0.3


def test_weights_add_up_and_a_bad_proposal_is_noticed(setting):
    fit = setting[0]
    points = weigh(fit.objective, fit.theta, fit.hessian, 64, 0)
    assert points.weight.sum() == pytest.approx(1)
    assert 32 < points.effective <= 64
    narrow = weigh(fit.objective, fit.theta, 2500 * fit.hessian, 64, 0)
    assert not narrow.trusted
    said = MixturePosterior(fit.problem, fit.vector, narrow).approximations[0]
    assert said.status == "not validated"
    assert "too unequal" in said.statement


def test_a_direction_without_curvature_gets_the_widest_proposal():
    root = proposal(np.diag([-4.0, 1.0]), 1.5)
    np.testing.assert_allclose(root @ root.T, np.diag([0.25, 2.25]), atol=1e-12)


def test_it_goes_into_a_dataset(setting):
    tree = setting[0].integrate(draws=32).to_datatree(draws=4, chains=2)
    assert tree["posterior"]["density"].shape == (2, 4, 1, 2, 3)


def test_too_few_draws_are_refused(setting):
    refused(lambda: setting[0].integrate(draws=4), "draws")


def test_the_interval_of_a_mixture_is_that_of_its_distribution(setting):
    """P(x <= quantile) by the components' own normal distributions; and by its own draws."""
    fit = setting[0]
    mixture = fit.integrate(draws=64)
    lower, upper = mixture.interval(0.9)["density"]
    for end, level in ((lower, 0.05), (upper, 0.95)):
        flat = mixture.problem.pack({"density": end})
        below = mixture._weight @ norm.cdf((flat - mixture._means) / np.sqrt(mixture._variances))
        np.testing.assert_allclose(below, level, atol=1e-10)
    total = mixture._weight @ np.array([mixture._component(t).predicted_data() for t in mixture._theta])
    np.testing.assert_allclose(mixture.prediction()["gravity"], total)
