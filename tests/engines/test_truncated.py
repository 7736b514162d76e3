from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, truncnorm

import bayesjoint as bj
from bayesjoint.engines._coordinates import CoordinateSampler
from bayesjoint.engines._neighbour_error import measure_neighbours

from ..refusals import refused

FIELD = {"intensity": 50_000.0, "inclination": 60.0, "declination": 10.0}


def line(matrix, data, std, names):
    return bj.Modality("line", matrix, data, bj.DiagonalNoise(np.broadcast_to(std, np.shape(data)).copy()), names)


def agree(post, mean, std, largest=4.2):
    z = np.concatenate([(post.state_mean() - mean) / post.state_mean_error(),
                        (np.sqrt(post.state_variance()) - std) / post.state_std_error()])
    assert np.abs(z).max() < largest
    assert post.mixing.passed


def test_independent_values_against_their_closed_form():
    rng = np.random.default_rng(1)
    n = 30
    low, high = rng.normal(size=(2, n)).cumsum(axis=0)
    low, high = np.minimum(low, high), np.maximum(low, high) + 0.1
    low[:5], high[5:10] = -np.inf, np.inf
    low[10], high[10] = 6.0, 9.0  # far out in the tail
    p = bj.Parameter("m", n, prior=bj.GaussianPrior(0.0, 1.0), bounds=(low, high))
    data = rng.normal(size=n)
    post = bj.posterior(bj.JointProblem([p], [line(np.eye(n), data, 1.0, "m")]))
    assert post.method == "truncated"
    law = truncnorm((low - data / 2) * np.sqrt(2), (high - data / 2) * np.sqrt(2), data / 2, np.sqrt(0.5))
    agree(post, law.mean(), law.std())
    lower, upper = post.interval()["m"]
    np.testing.assert_allclose(lower, law.ppf(0.05), atol=0.12)
    np.testing.assert_allclose(upper, law.ppf(0.95), atol=0.12)


def test_correlated_values_and_an_unbounded_one_against_quadrature():
    cov = np.array([[1.0, 0.6], [0.6, 0.8]])
    p = bj.Parameter("m", 2, prior=bj.GaussianPrior(np.array([0.2, -0.3]), cov), bounds=([0.0, -0.5], [2.0, np.inf]))
    shift = bj.Parameter("shift", 1, prior=bj.GaussianPrior(0.5, 0.3))
    A, d = np.array([[1.0, 0.5, 1.0], [0.3, -1.0, 1.0]]), np.array([0.2, 0.9])
    post = bj.posterior(bj.JointProblem([p, shift], [line(A, d, 0.6, ("m", "shift"))]), draws=2000)
    axes = [np.linspace(0, 2, 161), np.linspace(-0.5, 4, 201), np.linspace(-2, 3, 161)]
    x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    m = x[..., :2] - [0.2, -0.3]
    log = -0.5 * (np.einsum("...i,ij,...j", m, np.linalg.inv(cov), m) + (x[..., 2] - 0.5) ** 2 / 0.3
                  + np.sum(((x @ A.T - d) / 0.6) ** 2, axis=-1))
    w = np.exp(log - log.max())
    for k in range(3):
        w[(slice(None),) * k + ([0, -1],)] *= 0.5
    w /= w.sum()
    mean = np.tensordot(w, x, 3)
    agree(post, mean, np.sqrt(np.tensordot(w, (x - mean) ** 2, 3)))


@cache
def cubes(shape=(3, 6, 6), reach=250.0, seed=0):
    mesh = bj.Mesh.regular(shape, (100, 100, 100))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 30.0, **FIELD)
    body = np.zeros(mesh.shape)
    body[1, 2:4, 2:5] = 0.05
    data = operator.matvec(body.ravel()) + 5.0 * np.random.default_rng(seed).standard_normal(shape[1] * shape[2])
    p = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=reach), bounds=(0, None))
    survey = bj.Modality("magnetic", operator, data, bj.DiagonalNoise(np.full(data.size, 5.0)), "susceptibility")
    return bj.JointProblem([p], [survey])


def exact_gibbs(problem, sweeps, seed):
    """Sums and cells by plain sweeps with the dense precision."""
    A = problem.operator(0).matrix() / 5.0
    precision = np.linalg.inv(problem.prior.gaussian_moments()[1].dense()) + A.T @ A
    pull = A.T @ (problem.modalities[0].data.ravel() / 5.0)
    rng, x = np.random.default_rng(seed), np.full(problem.size, 0.01)
    left, sd = pull - precision @ x, 1 / np.sqrt(np.diag(precision))
    out = np.empty((sweeps, problem.size))
    for k in range(sweeps):
        for i in range(problem.size):
            mean = x[i] + left[i] * sd[i] ** 2
            new = mean + sd[i] * truncnorm_draw(rng, -mean / sd[i])
            left -= precision[:, i] * (new - x[i])
            x[i] = new
        out[k] = x
    return out


def truncnorm_draw(rng, low):
    """Robert (1995)."""
    if low < 0.5:
        while True:
            z = rng.standard_normal()
            if z >= low:
                return z
    rate = 0.5 * (low + np.sqrt(low * low + 4))
    while True:
        z = low + rng.exponential() / rate
        if rng.random() < np.exp(-0.5 * (z - rate) ** 2):
            return z


def test_a_field_against_other_sweeps_with_its_dense_precision():
    problem = cubes()
    post = bj.posterior(problem, draws=1000)
    other = np.concatenate([exact_gibbs(problem, 3000, seed)[500:].reshape(25, 100, -1) for seed in range(2)])
    sums, cells = other.sum(axis=2).mean(axis=1), other.mean(axis=1)
    found = post.chains.sum(axis=2).mean(axis=1)
    error = np.hypot(sums.std(ddof=1) / np.sqrt(50), found.std(ddof=1) / 2 + 1e-4)
    assert abs(found.mean() - sums.mean()) < 4 * error
    z = (post.state_mean() - cells.mean(axis=0)) / np.hypot(post.state_mean_error(), cells.std(axis=0) / np.sqrt(50))
    assert np.abs(z).max() < 4.5
    assert post.chains.min() >= 0


def test_chains_started_far_out_come_down():
    """Mirrored moves lost their digits at the bounds once, and kept chains at five times the sum, R-hat 1.00."""
    problem = cubes()
    sums = [bj.posterior(problem, draws=200, chains=2, warmup=w, thin=8).chains.sum(axis=2) for w in (1, 300)]
    assert abs(sums[0][:, 100:].mean() - sums[1].mean()) < 0.3 * sums[1].std()


@pytest.mark.parametrize("neighbours", [8, 60])
def test_what_neighbours_change_is_what_is_said(neighbours, monkeypatch):
    monkeypatch.setattr("bayesjoint.priors._neighbours.DENSE_CELLS", 50)
    problem = cubes()
    sampler = CoordinateSampler(problem, neighbours)
    stated = measure_neighbours(problem, sampler.precisions)
    A = problem.operator(0).matrix() / 5.0
    data = problem.modalities[0].data.ravel() / 5.0
    both = [np.linalg.inv(c.dense()) for c in (problem.prior.gaussian_moments()[1], sampler.precisions[0].covariance)]
    covariances = [np.linalg.inv(q + A.T @ A) for q in both]
    one, std = np.ones(problem.size), np.sqrt(np.diag(covariances[0]))
    means = [c @ A.T @ data for c in covariances]
    off = max(np.abs((means[1] - means[0]) / std).max(),
              abs(one @ (means[1] - means[0])) / np.sqrt(one @ covariances[0] @ one))
    assert 0.5 * off < stated.mean < 3 * off
    wide = np.abs(np.sqrt(np.diag(covariances[1])) / std - 1).max()
    assert 0.3 * wide < stated.std
    if neighbours == 60:
        assert stated.mean < 0.1


def test_larger_fields_rest_on_neighbours_and_say_so(monkeypatch):
    whole = bj.posterior(cubes(), draws=400, thin=8)
    monkeypatch.setattr("bayesjoint.priors._neighbours.DENSE_CELLS", 50)
    near = bj.posterior(cubes(), draws=400, thin=8, neighbours=40)
    assert [a.status for a in near.approximations] == ["measured", "measured"]
    assert near.approximations[1].error == max(near.neighbour_error.mean, near.neighbour_error.std)
    std = whole.chains.sum(axis=2).std()
    assert abs(whole.chains.sum(axis=2).mean() - near.chains.sum(axis=2).mean()) < 0.4 * std


def test_known_cells_stay_and_air_takes_no_part():
    mesh = bj.Mesh.regular((2, 3, 3), (100, 100, 100))
    active = np.ones(mesh.shape, bool)
    active[1, 0] = False
    mesh = mesh.with_active(active)
    fixed = np.full(mesh.shape, np.nan)
    fixed[0, 1, 1] = 0.03
    p = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=200), bounds=(0, None), fixed=fixed)
    A = np.where(active.ravel(), 1.0, 0.0)[None]
    post = bj.posterior(bj.JointProblem([p], [line(A, [0.2], 0.02, "susceptibility")]), draws=400)
    mean, std = post.mean()["susceptibility"], post.std()["susceptibility"]
    assert mean[0, 1, 1] == pytest.approx(0.03)
    assert std[0, 1, 1] == 0
    assert np.isnan(mean[1, 0]).all()
    assert 0 < std[0, 0, 0] < 0.02


def test_ranks_of_truths_are_uniform():
    """Simulation-based calibration (Talts et al. 2018): 200 truths of the cut prior, by rejection."""
    rng, n = np.random.default_rng(5), 4
    cov = 0.5 * np.eye(n) + 0.5
    root = np.linalg.cholesky(cov)
    A = rng.normal(size=(3, n))
    p = bj.Parameter("m", n, prior=bj.GaussianPrior(0.3, cov), bounds=(0, 1.5))
    ranks = []
    for k in range(200):
        while True:
            truth = 0.3 + root @ rng.normal(size=n)
            if truth.min() >= 0 and truth.max() <= 1.5:
                break
        data = A @ truth + 0.5 * rng.normal(size=3)
        post = bj.posterior(bj.JointProblem([p], [line(A, data, 0.5, "m")]), draws=100, chains=2, thin=10, seed=k)
        draws = post.chains[:, ::2].reshape(-1, n)
        ranks.append(np.append((draws < truth).mean(axis=0), (draws.sum(axis=1) < truth.sum()).mean()))
    for column in np.array(ranks).T:
        counts, _ = np.histogram(column, 10, (0, 1 + 1e-9))
        assert np.sum((counts - 20) ** 2) / 20 < chi2.ppf(0.998, 9)
    covered = np.mean(np.abs(np.array(ranks) - 0.5) <= 0.45, axis=0)
    assert np.all(np.abs(covered - 0.9) < 2.58 * np.sqrt(0.09 / 200) + 0.01)


def test_against_the_no_u_turn_sampler():
    pytest.importorskip("nutpie", reason="the sampler that checks others: pip install 'bayesjoint[nuts]'")
    problem = cubes((2, 3, 3))
    post, other = bj.posterior(problem), bj.posterior(problem, method="nuts", draws=600, chains=2)
    error = np.hypot(post.state_mean_error(), other.state_mean_error())
    assert np.abs((post.state_mean() - other.state_mean()) / error).max() < 4.5


@pytest.mark.parametrize("tie", [None, bj.Gramian(weight=20.0)], ids=["focusing", "focusing and Gramian"])
def test_focusing_cells_between_bounds_against_quadrature(tie):
    a = bj.Parameter("a", 2, prior=bj.Focusing(2.0, epsilon=0.05, depth_exponent=0), bounds=(0, 2))
    b = bj.Parameter("b", 2, prior=bj.GaussianPrior(0.0, 0.4), bounds=(-1, 1))
    A, first, second = np.array([[1.0, 0.5], [0.2, 1.0]]), np.array([0.8, 0.6]), np.array([0.3, 0.4])
    surveys = [bj.Modality(name, A, data, bj.DiagonalNoise([0.5, 0.6]), on)
               for name, data, on in (("s", first, "a"), ("t", second, "b"))]
    couplings = [] if tie is None else [bj.Gramian(weight=20.0, parameters=("a", "b"))]
    post = bj.posterior(bj.JointProblem([a, b], surveys, couplings), draws=2000)
    assert post.method == "gibbs"
    x = np.meshgrid(*[np.linspace(0, 2, 81)] * 2, *[np.linspace(-1, 1, 61)] * 2, indexing="ij")
    log = -2 * np.sqrt(x[0] ** 2 + 0.0025) - 2 * np.sqrt(x[1] ** 2 + 0.0025) - (x[2] ** 2 + x[3] ** 2) / 0.8
    for u, v, d in ((x[0], x[1], first), (x[2], x[3], second)):
        log -= 0.5 * (((u + 0.5 * v - d[0]) / 0.5) ** 2 + ((0.2 * u + v - d[1]) / 0.6) ** 2)
    if tie is not None:
        log -= 10 * ((x[0] ** 2 + x[1] ** 2) * (x[2] ** 2 + x[3] ** 2) - (x[0] * x[2] + x[1] * x[3]) ** 2)
    w = np.exp(log - log.max())
    for k in range(4):
        w[(slice(None),) * k + ([0, -1],)] *= 0.5
    w /= w.sum()
    mean = np.array([np.sum(w * one) for one in x])
    std = np.sqrt([np.sum(w * (one - m) ** 2) for one, m in zip(x, mean, strict=True)])
    agree(post, mean, std)


def test_refusals():
    p = bj.Parameter("m", 2, prior=bj.GaussianPrior(0.0, 1.0))
    bounded = bj.Parameter("m", 2, prior=bj.GaussianPrior(0.0, 1.0), bounds=(0, 1))
    sharp = bj.Parameter("m", 2, prior=bj.Focusing(2.0, p=0, depth_exponent=0), bounds=(0, 1))
    wide = bj.Parameter("m", 2, prior=bj.Focusing(100.0, epsilon=0.5, depth_exponent=0), bounds=(0, 1))
    flat = bj.Parameter("m", 2, bounds=(0, 1))
    survey = line(np.eye(2), np.ones(2), 1.0, "m")

    def said(parameter, method, argument, error=ValueError, **options):
        return refused(lambda: bj.posterior(bj.JointProblem([parameter], [survey]), method=method, **options), argument,
                       error)

    assert 'method="auto"' in said(p, "truncated", "problem")
    assert "GaussianPrior" in said(flat, "truncated", "prior")
    assert 'method="gibbs"' in said(wide, "truncated", "problem")
    assert 'method="truncated"' in said(bounded, "gibbs", "problem")
    assert "peak" in said(sharp, "gibbs", "priors")
    assert "smaller epsilon" in said(wide, "gibbs", "epsilon")
    said(bounded, "truncated", "thin", thin=0)
    said(bounded, "truncated", "neighbours", neighbours=0)
