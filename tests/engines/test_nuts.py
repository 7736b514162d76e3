import sys
from functools import cache

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._nuts_density import SmallDensity

from ..refusals import refused
from .test_gibbs import consistent, focusing, pair


def agree(a, b, largest=4.0):
    """Whether two chain posteriors agree within their Monte Carlo errors, and those are not inflated."""
    free = a.state_variance() > 0
    z = np.concatenate([
        ((a.state_mean() - b.state_mean())[free] / np.hypot(a.state_mean_error(), b.state_mean_error())[free]),
        ((np.sqrt(a.state_variance()) - np.sqrt(b.state_variance()))[free]
         / np.hypot(a.state_std_error(), b.state_std_error())[free])])
    assert np.abs(z).max() < largest
    assert 0.5 < np.sqrt(np.mean(z**2)) < 1.6


@cache
def gravity(alpha=60.0, epsilon=2e-3):
    """One survey over a small block: focusing prior, no bounds."""
    mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Focusing(alpha, epsilon=epsilon))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    truth = np.zeros(mesh.shape)
    truth[1, 1, 1:3] = 400.0
    data = operator.predict(truth).ravel() + 0.05 * np.random.default_rng(0).standard_normal(12)
    return bj.JointProblem([density], [bj.Modality("g", operator, data, bj.DiagonalNoise(np.full(12, 0.05)),
                                                   "density")])


def test_against_the_exact_posterior_where_that_is_gaussian():
    _, p = pair(1.0, n=6)
    exact = bj.posterior(p, method="dense")
    post = bj.posterior(p, method="nuts", draws=600)
    consistent(post, exact.state_mean(), np.sqrt(exact.state_variance()))
    assert post.divergences == 0


def test_gibbs_under_a_focusing_prior():
    p = gravity()
    agree(bj.posterior(p, method="gibbs", draws=1500), bj.posterior(p, method="nuts", draws=500))


@pytest.mark.parametrize("prior", [None, focusing(2.0, 0.1)], ids=["Gaussian", "focusing"])
def test_gibbs_under_a_gramian(prior):
    p, _ = pair(3.0, n=6, prior=prior)
    agree(bj.posterior(p, method="gibbs", draws=1000), bj.posterior(p, method="nuts", draws=400, chains=2))


def test_bounds_of_every_kind_against_quadrature():
    n = 4
    lower, upper = np.array([0.0, -np.inf, -0.3, -np.inf]), np.array([np.inf, 0.4, 0.9, np.inf])
    m = bj.Parameter("m", n, prior=focusing(1.5, 0.3), bounds=(lower, upper))
    data, std = np.array([-0.4, 0.6, 0.7, 1.0]), np.array([0.5, 0.8, 1.0, 0.6])
    p = bj.JointProblem([m], [bj.Modality("s", np.eye(n), data, bj.DiagonalNoise(std), "m")])
    x = np.linspace(-8, 8, 160_001)
    log = -1.5 * np.sqrt(x**2 + 0.09) - 0.5 * ((x - data[:, None]) / std[:, None]) ** 2
    w = np.where((x >= lower[:, None]) & (x <= upper[:, None]), np.exp(log), 0.0)
    w /= w.sum(axis=1, keepdims=True)
    mean = w @ x
    spread = np.sqrt(np.sum(w * (x - mean[:, None]) ** 2, axis=1))
    post = bj.posterior(p, method="nuts", draws=600)
    consistent(post, mean, spread, largest=4.0)
    assert np.all((post.chains >= lower) & (post.chains <= upper))


def test_the_gradient_is_that_of_the_density():
    p, _ = pair(3.0, n=4, prior=bj.Focusing(2.0, p=0, epsilon=0.5, depth_exponent=0))
    bounded = [q.replace(bounds=(-1.0, None) if q.name == "a" else (None, 2.0)) for q in p.parameters[:2]]
    p = p.replace(parameters=[*bounded, p.parameters[2].replace(bounds=(-3.0, 3.0))])
    density, rng = SmallDensity(p), np.random.default_rng(0)
    z, step = rng.standard_normal(density.size), 1e-6
    steps = step * np.eye(density.size)
    slopes = [(density(z + e)[0] - density(z - e)[0]) / (2 * step) for e in steps]
    np.testing.assert_allclose(density(z)[1], slopes, atol=1e-6)


def test_it_refuses_what_it_cannot_sample(monkeypatch):
    p, _ = pair(1.0, n=3)
    improper = p.replace(parameters=[p.parameters[0].replace(prior=None), *p.parameters[1:]], couplings=[])
    surveys = [improper.modalities[0].replace(forward=np.ones((6, 3))), improper.modalities[1]]
    improper = improper.replace(modalities=surveys)
    assert "neither prior nor data" in refused(lambda: bj.posterior(improper, method="nuts"), "posterior")
    multipliers = p.replace(couplings=[bj.Gramian(weights=(1, 2), parameters=("a", "b"))])
    assert "no density" in refused(lambda: bj.posterior(multipliers, method="nuts"), "coupling")
    large, _ = pair(1.0, n=251)
    refused(lambda: bj.posterior(large, method="nuts"), "problem")
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(ImportError, match=r"pip install 'bayesjoint\[nuts\]'"):
        bj.posterior(p, method="nuts", draws=100)
