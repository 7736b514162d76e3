"""Gibbs sweeps under Student-t noise: against quadrature, NUTS, simulated truths, and what outliers do to them."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

import bayesjoint as bj
from bayesjoint.engines._gibbs_weights import WeightSampler

from .test_gibbs import consistent, focusing, pair
from .test_nuts import agree

WILD = np.array([0.05, -0.6, 0.4, 6.0])


@pytest.mark.parametrize("dof", [3.0, "unknown"])
def test_one_value_against_quadrature(dof):
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 4.0))
    noise = bj.StudentNoise(np.full(4, 0.4), dof)
    post = bj.posterior(bj.JointProblem([m], [bj.Modality("s", np.ones((4, 1)), WILD, noise, "m")]), draws=4000)
    x = np.linspace(-8, 10, 40_001)
    log = noise.log_density(WILD[:, None] - x)
    log = (log.sum(axis=0) if dof != "unknown" else log) - x**2 / 8
    w = np.exp(log - log.max())
    mean = np.array([w @ x / w.sum()])
    consistent(post, mean, np.sqrt([w @ (x - mean) ** 2 / w.sum()]))
    assert post.method == "gibbs"
    assert "Student-t" in post.reason
    expected = noise.expected_weights(WILD[:, None] - x) @ (w / w.sum())
    found = post.datum_weights()
    z = (found["s_weight"] - expected) / found["s_weight_error"]
    assert np.abs(z).max() < 4.2


@cache
def gravity(dof=4.0, prior=None, bounds=None):
    """Twelve stations over 24 cells, one datum far off."""
    mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=prior or bj.Matern(std=200.0, range=200.0), bounds=bounds)
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    truth = np.zeros(mesh.shape)
    truth[1, 1, 1:3] = 400.0
    data = operator.predict(truth).ravel() + 0.05 * np.random.default_rng(0).standard_normal(12)
    data[5] += 0.6
    return bj.JointProblem([density], [bj.Modality("g", operator, data, bj.StudentNoise(np.full(12, 0.05), dof),
                                                   "density")])


CASES = {
    "Gaussian": {}, "unknown dof": {"dof": "unknown"}, "focusing": {"prior": bj.Focusing(60.0, epsilon=2e-3)},
    "bounds": {"bounds": (0.0, 600.0)}, "focusing, bounds": {"prior": bj.Focusing(60.0, epsilon=2e-3),
                                                             "bounds": (0.0, 600.0), "dof": "unknown"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_nuts(case):
    p = gravity(**case)
    agree(bj.posterior(p, draws=1500), bj.posterior(p, method="nuts", draws=500))


def test_a_gramian_and_a_survey_with_gaussian_noise_against_nuts():
    p, _ = pair(3.0, n=6, prior=focusing(2.0, 0.1))
    first, *rest = p.modalities
    p = p.replace(modalities=[first.replace(noise=bj.StudentNoise(first.noise.std, 3.0)), *rest])
    agree(bj.posterior(p, draws=1500), bj.posterior(p, method="nuts", draws=400, chains=2))


def test_many_degrees_of_freedom_are_gaussian():
    p = gravity(dof=1e7)
    exact = bj.posterior(p.replace(modalities=[m.replace(noise=m.noise.unweighted) for m in p.modalities]))
    assert exact.method == "dense"
    consistent(bj.posterior(p, draws=2000), exact.state_mean(), np.sqrt(exact.state_variance()))


@pytest.mark.parametrize("dof", [4.0, "unknown"])
def test_ranks_of_200_truths_are_uniform(dof):
    """Simulation-based calibration (Talts et al. 2018) of the sweeps: 99 chains a truth, the last state of each."""
    rng, rows = np.random.default_rng(11), np.random.default_rng(1).standard_normal((10, 3))
    m, noise = bj.Parameter("m", 3, prior=bj.GaussianPrior(0.0, 1.0)), bj.StudentNoise(np.full(10, 0.7), dof)
    ranks = np.empty((200, 4), dtype=int)
    for k in range(200):
        truth = rng.standard_normal(3)
        data = rows @ truth + noise.sample(rng, 1)[0]
        sampler = WeightSampler(bj.JointProblem([m], [bj.Modality("s", rows, data, noise, "m")]))
        state = sampler.start(rng, 99)
        for _ in range(30):
            state = sampler.sweep(state, rng)
        drawn = sampler.states(state, rng)
        asked = np.column_stack([drawn, noise.log_density(data[:, None] - rows @ drawn.T).reshape(-1, 99).sum(axis=0)])
        true = [*truth, noise.log_density((data - rows @ truth)[:, None]).sum()]
        ranks[k] = np.sum(asked < true, axis=0)
    counts = np.apply_along_axis(lambda r: np.histogram(r, 10, (0, 100))[0], 0, ranks)
    chi2 = np.sum((counts - 20) ** 2 / 20, axis=0)
    assert np.all(chi2 < 27.9)  # 9 degrees of freedom: exceeded by one in 1,000
    for share in (0.5, 0.9):
        inside = np.sum(np.abs(ranks - 49.5) < 50 * share, axis=0)
        assert np.all((binom.ppf(0.005, 200, share) <= inside) & (inside <= binom.ppf(0.995, 200, share)))
