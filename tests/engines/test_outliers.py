"""Data that all others do not expect: z and influence against refits, false alarms, and outliers that are found."""

import warnings

import numpy as np
import pytest
from scipy.stats import binom

import bayesjoint as bj
from bayesjoint.engines._outliers import LeftOut, farthest, in_turn

from ..linear import make


def moved(post, other, names):
    """How far the mean of `other` is from that of `post`, in posterior std of the functional that moves most."""
    size = {name: post.mean()[name].size for name in names}
    unit = np.eye(sum(size.values()))
    splits = np.cumsum(list(size.values()))[:-1]
    columns = [post.covariance_product(dict(zip(names, np.split(e, splits), strict=True))) for e in unit]
    covariance = np.array([np.concatenate([c[name].ravel() for name in names]) for c in columns])
    step = np.concatenate([(other.mean()[name] - post.mean()[name]).ravel() for name in names])
    return np.sqrt(step @ np.linalg.solve(covariance, step))


@pytest.mark.parametrize("flat", [False, True], ids=["proper", "a flat value"])
def test_influence_is_what_a_refit_moves(flat):
    """Independent noise; every datum in turn left out of a regression, with exact moments of both fits."""
    rng = np.random.default_rng(3)
    rows, std = rng.standard_normal((9, 3)), rng.uniform(0.4, 1.5, 9)
    data = rows @ [1.0, -1.0, 0.5] + 2 * std * rng.standard_normal(9)
    first = bj.Parameter("a", 1, prior=None if flat else bj.GaussianPrior(0.5, 1.0))
    rest = bj.Parameter("b", 2, prior=bj.GaussianPrior(np.zeros(2), [[2.0, 0.5], [0.5, 1.0]]))

    def fit(kept):
        survey = bj.Modality("s", rows[kept], data[kept], bj.DiagonalNoise(std[kept]), ("a", "b"))
        return bj.posterior(bj.JointProblem([first, rest], [survey]))

    whole = fit(np.arange(9))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = whole.loo()
    without = [fit(np.arange(9) != i) for i in range(9)]
    np.testing.assert_allclose(found["loo_influence"], [moved(whole, post, ("a", "b")) for post in without], rtol=1e-8)
    np.testing.assert_allclose(found["loo_z"], (data - found["loo_mean"].values) / found["loo_std"].values, rtol=1e-10)


def precision(problem):
    """P and its parts, from the system of a dense posterior; the covariance of the data."""
    system = bj.posterior(problem, method="dense").system
    model = system.model
    covariance = model.colour(model.colour(system.covariance).T)
    return np.linalg.inv(covariance), np.diag(np.linalg.inv(model.colour(model.colour(np.eye(system.size)).T)))


@pytest.mark.parametrize("dense", [False, True], ids=["independent", "correlated noise"])
def test_outliers_are_taken_out_one_after_another(dense):
    """Against conditioning on what is left, by inverting the covariance without those found before."""
    problem, _ = make(dense=dense)
    p, noise = precision(problem)
    covariance = np.linalg.inv(p)
    y = np.linalg.cholesky(covariance) @ np.random.default_rng(1).standard_normal(len(p))
    y[[2, 7]] += np.array([14.0, -11.0]) * np.sqrt(np.diag(covariance))[[2, 7]]
    places, z = in_turn(LeftOut(pull=p @ y, precision=np.diag(p), noise=noise), np.arange(y.size), lambda i: p[:, i])
    left, expected = np.arange(y.size), []
    for place in places:
        part = np.linalg.inv(covariance[np.ix_(left, left)])
        each = part @ y[left] / np.sqrt(np.diag(part))
        assert left[np.argmax(np.abs(each))] == place
        expected.append(each[np.argmax(np.abs(each))])
        left = left[left != place]
    np.testing.assert_allclose(z, expected, rtol=1e-6)
    assert places.size >= 1


def ground(noise=0.1, side=14, reach=600.0):
    mesh = bj.Mesh.regular((4, side, side), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=reach))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    rng = np.random.default_rng(0)
    clean = operator @ (density.bound_prior.covariance.sample(rng, 1)[0] * density.scale)
    std = np.full(clean.size, noise * clean.std())
    return density, operator, clean, std


def test_false_alarms_are_as_rare_as_stated():
    """1,000 sets of data drawn from the prior predictive: an alarm in at most 5 % of them, and in not much fewer."""
    density, operator, clean, std = ground()
    survey = bj.Modality("g", operator, clean, bj.DiagonalNoise(std), "density")
    p, noise = precision(bj.JointProblem([density], [survey]))
    y = np.linalg.cholesky(np.linalg.inv(p)) @ np.random.default_rng(4).standard_normal((clean.size, 1000))
    alarms = [in_turn(LeftOut(pull=p @ each, precision=np.diag(p), noise=noise), np.arange(clean.size),
                      lambda i: p[:, i])[0].size > 0 for each in y.T]
    assert binom.ppf(0.005, 1000, 0.03) <= np.sum(alarms) <= binom.ppf(0.995, 1000, 0.05)


def test_outliers_are_found_and_their_neighbours_are_not():
    density, operator, clean, std = ground()
    found, wrong, swamped = [], [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        bad = rng.choice(clean.size, 10, replace=False)
        data = clean + std * rng.standard_normal(clean.size)
        data[bad] += 10 * std[bad] * rng.choice([-1, 1], 10)
        post = bj.posterior(bj.JointProblem([density], [bj.Modality("g", operator, data, bj.DiagonalNoise(std),
                                                                    "density")]))
        table = post.to_datatree(draws=4, chains=1)["leave_one_out"]
        named = np.flatnonzero(np.isfinite(table["g_outlier"].values.ravel()))
        found.append(np.isin(bad, named).mean())
        wrong.append(np.setdiff1d(named, bad).size)
        beyond = np.flatnonzero(np.abs(table["g_z"].values.ravel()) > farthest(clean.size))
        swamped.append(np.setdiff1d(beyond, bad).size)
    assert np.mean(found) > 0.95
    assert np.mean(wrong) < 0.3
    assert np.mean(swamped) > 1  # what taking the largest out first is for


def test_it_warns_and_says_which():
    density, operator, clean, std = ground()
    data = clean + std * np.random.default_rng(0).standard_normal(clean.size)

    def fitted(data):
        return bj.posterior(bj.JointProblem([density], [bj.Modality("g", operator, data, bj.DiagonalNoise(std),
                                                                    "density")]))

    found = fitted(data).loo()
    assert found["outliers"] == ""
    assert "stand out" not in str(found)
    data[50] += 10 * std[50]
    with pytest.warns(UserWarning, match=r"^1 of 196 data stand out: .* g datum 50 \(z \+.*bj\.StudentNoise"):
        found = fitted(data).loo()
    assert found["outliers"] in str(found)
    modern = fitted(data)
    with pytest.warns(UserWarning, match="g datum 50"):
        assert "g datum 50" in modern.loo(library="arviz_stats").outliers
    with pytest.warns(UserWarning, match="So many are no single data"):
        fitted(3 * data).loo()
