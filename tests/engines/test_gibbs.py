from functools import cache

import numpy as np
import pytest
from scipy.stats import invgauss, kstest

import bayesjoint as bj
from bayesjoint.engines._chains import check_lengths
from bayesjoint.engines._gibbs_scales import ScaleSampler
from bayesjoint.priors._mixture import draw_inverse_gaussian

from ..refusals import refused


def vector(name, n, prior, **options):
    return bj.Parameter(name, n, prior=prior, **options)


def focusing(alpha=3.0, epsilon=0.05, **options):
    return bj.Focusing(alpha, epsilon=epsilon, depth_exponent=0, **options)


def standardised(post, mean, std):
    """Errors of mean and std in units of the errors stated."""
    return ((post.state_mean() - mean) / post.state_mean_error(),
            (np.sqrt(post.state_variance()) - std) / post.state_std_error())


def consistent(post, mean, std, largest=4.2):
    """Whether the stated errors are the true ones: neither exceeded nor inflated."""
    z = np.concatenate(standardised(post, mean, std))
    assert np.abs(z).max() < largest
    assert z.size < 20 or 0.6 < np.sqrt(np.mean(z**2)) < 1.45


def one_cell(alpha, epsilon, center, noise, datum):
    """Mean and std of one focusing cell seen by one datum, by quadrature."""
    x = np.linspace(-15, 15, 300_001)
    log = -alpha * np.sqrt((x - center) ** 2 + epsilon**2) - 0.5 * ((x - datum) / noise) ** 2
    w = np.exp(log - log.max())
    mean = (w @ x) / w.sum()
    return mean, np.sqrt((w @ (x - mean) ** 2) / w.sum())


@pytest.mark.parametrize("repeats", [1, 2], ids=["as many data as cells", "more data: solved over the cells"])
def test_focusing_cells_against_quadrature(repeats):
    rng, n = np.random.default_rng(3), 40
    std, data = rng.uniform(0.1, 1.5, n), rng.standard_normal(n)
    p = vector("m", n, focusing(), reference=0.2, fixed=np.where(np.arange(n) == 7, 0.5, np.nan))
    operator, noise = np.tile(np.eye(n), (repeats, 1)), np.tile(std * np.sqrt(repeats), repeats)
    survey = bj.Modality("s", operator, np.tile(data, repeats), bj.DiagonalNoise(noise), "m")
    post = bj.posterior(bj.JointProblem([p], [survey]), method="gibbs", draws=1500)
    free = np.arange(n) != 7
    mean, std = np.array([one_cell(3.0, 0.05, 0.2, s, d) for s, d in zip(std, data, strict=True)]).T
    off = np.sqrt(post.state_variance()) - std
    z = np.concatenate([e[free] for e in ((post.state_mean() - mean) / np.where(free, post.state_mean_error(), 1),
                                          off / np.where(free, post.state_std_error(), 1))])
    assert np.abs(z).max() < 4.2
    assert 0.7 < np.sqrt(np.mean(z**2)) < 1.35
    assert post.mixing.passed
    assert post.state_mean()[7] == 0.5
    assert post.state_variance()[7] == post.state_mean_error()[7] == post.state_std_error()[7] == 0.0
    assert post.approximations[0].status == "measured"


def test_a_focusing_cell_beside_a_gaussian_one_against_quadrature():
    m, datum = vector("m", 1, focusing(2.0, 0.1)), vector("datum", 1, bj.GaussianPrior(0.5, 0.8))
    survey = bj.Modality("s", [[1.0, 1.0], [2.0, 1.0]], [1.0, 2.5], bj.DiagonalNoise([0.5, 0.7]), ("m", "datum"))
    p = bj.JointProblem([m, datum], [survey])
    post = bj.posterior(p, method="gibbs", draws=4000)
    x, y = np.meshgrid(np.linspace(-5, 5, 1001), np.linspace(-5, 6, 1001), indexing="ij")
    log = -2 * np.sqrt(x**2 + 0.01) - (y - 0.5) ** 2 / 1.6 - 2 * (1 - x - y) ** 2 - (2.5 - 2 * x - y) ** 2 / 0.98
    w = np.exp(log - log.max())
    w /= w.sum()
    mean = np.array([np.sum(w * x), np.sum(w * y)])
    std = np.sqrt([np.sum(w * (x - mean[0]) ** 2), np.sum(w * (y - mean[1]) ** 2)])
    consistent(post, mean, std)


def pair(weight, n=3, prior=None, seed=0, space="model", noise=1.5):
    """Two vectors under a Gramian, one of them seen with a bias; the same without the Gramian."""
    rng, prior = np.random.default_rng(seed), prior or bj.GaussianPrior(0.3, 1.0)
    truth = rng.standard_normal(n)
    surveys = [bj.Modality(f"sees_{name}", rng.standard_normal((count, n)) / 3, truth[0] + 2 * rng.normal(size=count),
                           bj.DiagonalNoise(np.full(count, noise)), name) for name, count in (("a", 6), ("b", 4))]
    coupling = bj.Gramian(weight=weight, parameters=("b", "a"), space=space)
    p = bj.JointProblem([vector("a", n, prior), vector("b", n, prior)], surveys, [coupling])
    p = bj.add_bias(p, "sees_a", basis=np.ones((6, 1)), std=1.0)
    return p, p.replace(couplings=[])


def weighted_moments(draws, log):
    w = np.exp(log - log.max())
    w /= w.sum()
    mean = w @ draws
    return mean, np.sqrt(w @ (draws - mean) ** 2), 1 / np.sum(w**2)


@pytest.mark.parametrize("space", ["model", "weighted"])
def test_gramian_against_weighted_draws_of_the_gaussian_part(space):
    prior = bj.MinimumLength(1.0) if space == "weighted" else None
    p, free = pair(5.0, space=space, prior=prior)
    x = bj.posterior(free).state_draws(np.random.default_rng(1), 400_000)
    a, b = x[:, :3], x[:, 3:6]
    gram = np.sum(a**2, axis=1) * np.sum(b**2, axis=1) - np.sum(a * b, axis=1) ** 2
    mean, std, count = weighted_moments(x, -2.5 * gram)
    assert count > 60_000  # so that the reference's error is a quarter of the sampler's
    post = bj.posterior(p, method="gibbs", draws=2000)
    consistent(post, mean, std, largest=4.5)


def test_both_samplers_agree_on_a_gramian_with_cellwise_gaussian_priors(monkeypatch):
    p, _ = pair(30.0, n=8)
    turned = bj.posterior(p, method="gibbs", draws=1500)
    monkeypatch.setattr("bayesjoint.engines.gibbs.GramianSampler", ScaleSampler)
    scales = bj.posterior(p, method="gibbs", draws=1500, seed=1)
    for a, b, error in ((turned.state_mean(), scales.state_mean(),
                         np.hypot(turned.state_mean_error(), scales.state_mean_error())),
                        (*(np.sqrt(q.state_variance()) for q in (turned, scales)),
                         np.hypot(turned.state_std_error(), scales.state_std_error()))):
        z = (a - b) / error
        assert np.abs(z).max() < 4.2
        assert np.sqrt(np.mean(z**2)) < 1.6


def test_known_cells_enter_the_gramian_of_focusing_parameters():
    """With one free cell of each parameter, the posterior is a plane: quadrature."""
    known = np.array([0.8, np.nan, -0.6]), np.array([np.nan, 0.5, 0.9])
    p, _ = pair(20.0, prior=focusing(1.0, 0.2), noise=0.8)
    a, b = (p.by_name[k].replace(fixed=v) for k, v in zip("ab", known, strict=True))
    surveys = [m.replace(terms=(), parameter=m.name[-1]) for m in p.modalities]
    p = bj.JointProblem([a, b], surveys, p.couplings)
    grid = np.linspace(-4, 4, 401)
    x = np.zeros((grid.size, grid.size, 6))
    x[..., :] = p.start()
    x[..., 1], x[..., 3] = grid[:, None], grid
    ga, gb = x[..., :3], x[..., 3:]
    log = -sum(np.sqrt(g**2 + 0.04) for g in (x[..., 1], x[..., 3])) - 10 * (
        np.sum(ga**2, -1) * np.sum(gb**2, -1) - np.sum(ga * gb, -1) ** 2)
    for k, part in enumerate((ga, gb)):
        m = p.modalities[k]
        log -= 0.5 * np.sum((part @ np.asarray(m.forward @ np.eye(3)).T - m.data) ** 2, axis=-1) / 0.64
    w = np.exp(log - log.max())
    w /= w.sum()
    mean = np.array([np.sum(w * x[..., 1]), np.sum(w * x[..., 3])])
    std = np.sqrt([np.sum(w * (x[..., k] - m) ** 2) for k, m in zip((1, 3), mean, strict=True)])
    post = bj.posterior(p, method="gibbs", draws=3000)
    z = [(post.state_mean()[[1, 3]] - mean) / post.state_mean_error()[[1, 3]],
         (np.sqrt(post.state_variance())[[1, 3]] - std) / post.state_std_error()[[1, 3]]]
    assert np.abs(z).max() < 4


def test_inverse_gaussian_draws():
    rng = np.random.default_rng(5)
    for mean, shape in ((0.5, 2.0), (3.0, 0.2)):
        u = draw_inverse_gaussian(rng, np.full(20_000, mean), shape)
        assert kstest(u, invgauss(mean / shape, scale=shape).cdf).pvalue > 1e-3
    # μ ≫ λ: u tends to λ/z², whose inverse has the mean 1/μ + 1/λ
    u = draw_inverse_gaussian(rng, np.full(200_000, 1e12), 2.0)
    assert np.all((u > 0) & np.isfinite(u))
    assert abs(np.mean(1 / u) - 0.5) < 5 * np.sqrt(2 / 200_000) * 0.5
    assert kstest(2.0 / u[:20_000], "chi2", args=(1,)).pvalue > 1e-3


@cache
def finished():
    p, _ = pair(5.0)
    return bj.posterior(p, method="gibbs", draws=300, seed=4)


def test_the_same_seed_gives_the_same_chains_and_draws_are_the_chains():
    post = finished()
    np.testing.assert_array_equal(bj.posterior(post.problem, method="gibbs", draws=300, seed=4).chains, post.chains)
    every = post.sample(draws=300, chains=4)["a"]
    np.testing.assert_array_equal(every, post.chains[:, :, :3])
    some = post.sample(draws=100, chains=4)["a"]
    np.testing.assert_array_equal(some[:, [0, -1]], post.chains[:, [0, -1], :3])
    assert post.sample(draws=10, chains=3)["a"].shape == (3, 10, 3)
    assert "were drawn" in refused(lambda: post.sample(draws=301), "draws")


def test_covariance_product_is_that_of_the_draws():
    post = finished()
    covariance = np.cov(post.chains.reshape(-1, 7).T)
    np.testing.assert_allclose(post.state_product(np.eye(7)), covariance, atol=1e-12)
    np.testing.assert_allclose(post.state_product(np.eye(7)[2]), covariance[2], atol=1e-12)


def test_chains_that_did_not_mix_are_flagged_in_the_dataset(monkeypatch):
    p, _ = pair(5.0)
    post = bj.posterior(p, method="gibbs", draws=100)
    statement, = post.approximations
    assert statement.status == "not validated"
    assert "did not mix" in statement.statement and "draws=400" in statement.statement
    tree = finished().to_datatree(draws=20)
    assert tree["mixing"]["rhat"].max() < 1.05
    assert tree["mixing"]["functional"].size == len(finished().mixing.names)
    # a chain stuck elsewhere: means differ, R-hat must see it
    stuck = finished().chains.copy()
    stuck[0] += 3.0
    monkeypatch.setattr(post, "approximations", [])
    post._keep(stuck, "a stuck sampler", "Mend it.")
    assert post.approximations[0].status == "not validated"
    assert post.mixing.worst[0] > 1.1


def test_auto_takes_it_where_it_is_exact():
    p, _ = pair(5.0)
    post = bj.posterior(p, draws=100)
    assert post.method == "gibbs"
    assert "exact up to Monte Carlo" in post.reason


def test_at_a_map_it_is_the_posterior_of_what_that_map_used():
    p, _ = pair(5.0, prior=focusing(1.0))
    moved = p.replace(parameters=[q.replace(prior=focusing(4.0)) if q.mesh is None and q.size == 3 else q
                                  for q in p.parameters])
    result = bj.find_map(moved, method="map", discrepancy=False, max_iterations=1)
    post = bj.posterior(p, method="gibbs", at=result, draws=100)
    assert post.problem is result.problem
    other, _ = pair(5.0, n=4)
    refused(lambda: bj.posterior(other, method="gibbs", at=result), "at")
    refused(lambda: bj.posterior(p, method="gibbs", at={}), "at", TypeError)


def test_options_of_another_engine_are_refused():
    p, free = pair(5.0)
    assert "['draws']" in refused(lambda: bj.posterior(free, draws=100), "options", TypeError)
    assert "'warmup'" in refused(lambda: bj.posterior(p, method="gibbs", rank=3), "options", TypeError)


def gravity(prior, bounds=None):
    mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=prior, bounds=bounds)
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    return bj.JointProblem([density], [bj.Modality("g", operator, np.ones(12), bj.DiagonalNoise(np.ones(12)),
                                                   "density")])


@pytest.mark.parametrize(("build", "argument"), [
    (lambda: gravity(bj.Matern(100.0, 300.0), bounds=(0, 1)), "problem"),
    (lambda: gravity(bj.Matern(100.0, 300.0)), "problem"),
    (lambda: gravity(None), "prior"),
    (lambda: gravity(bj.Focusing(2.0, p=0)), "priors"),
    (lambda: gravity(bj.Focusing(2.0, of="gradient")), "priors"),
    (lambda: pair(1.0)[0].replace(couplings=[bj.Gramian(weights=(1, 2), parameters=("a", "b"))]), "coupling"),
    (lambda: pair(1.0)[0].replace(couplings=[bj.Gramian(weight=1, parameters=("a", "b"))] * 2), "couplings"),
])
def test_it_refuses_what_is_not_gaussian_piece_by_piece(build, argument):
    problem = build()
    refused(lambda: bj.posterior(problem, method="gibbs"), argument)


def test_it_refuses_a_correlated_prior_beside_a_focusing_one_under_a_gramian():
    mesh = bj.Mesh.regular((1, 2, 3), (100, 100, 100))
    members = [bj.Parameter("density", mesh, prior=bj.Focusing(2.0)),
               bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.1, 300.0))]
    surveys = [bj.Modality(p.name, np.eye(6), np.ones(6), bj.DiagonalNoise(np.ones(6)), p.name) for p in members]
    p = bj.JointProblem(members, surveys, [bj.Gramian(weight=1.0)])
    assert "ScaledCovariance" in refused(lambda: bj.posterior(p, method="gibbs"), "priors under a Gramian")


@pytest.mark.parametrize(("lengths", "argument", "error"), [
    ({"draws": 50}, "draws", ValueError), ({"draws": 1e3}, "draws", TypeError), ({"chains": 1}, "chains", ValueError),
    ({"warmup": -1}, "warmup", ValueError), ({"draws": 10**7}, "draws", ValueError),
])
def test_it_refuses_chains_too_short_or_too_long(lengths, argument, error):
    asked = {"draws": 200, "warmup": None, "chains": 4, "size": 1000, **lengths}
    refused(lambda: check_lengths(**asked), argument, error)
