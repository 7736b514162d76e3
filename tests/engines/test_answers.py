"""Intervals, predictions and χ² that every posterior offers: closed forms, coverage, hidden cells counted."""

import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint.engines._posterior import Posterior

from ..linear import make
from ..refusals import refused


def scalar(bounds=None, prior=None):
    q = bj.Parameter("x", 1, prior=prior or bj.GaussianPrior(0.0, 1.0), bounds=bounds)
    return bj.JointProblem([q], [bj.Modality("a", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "x")])


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank"])
def test_a_gaussians_interval_is_its_quantiles(method):
    problem, reference = make()
    post = bj.posterior(problem, method=method, **({"rank": None} if method == "lowrank" else {}))
    mean, std = post.mean(), post.std()
    for share in (0.5, 0.9, 0.99):
        for name, (lower, upper) in post.interval(share).items():
            assert lower.shape == mean[name].shape
            np.testing.assert_allclose(upper, norm.ppf((1 + share) / 2, mean[name], std[name]), rtol=1e-12)
            np.testing.assert_allclose(lower, norm.ppf((1 - share) / 2, mean[name], std[name]), rtol=1e-12)
    flat = np.concatenate([post.interval(0.9)[p.name][1].ravel() for p in problem.parameters])
    exact = reference.mean + norm.ppf(0.95) * np.sqrt(np.diag(reference.covariance))
    np.testing.assert_allclose(flat, exact, atol=0.3 * reference.scale.max() if method != "dense" else 1e-9)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, np.nan])
def test_probabilities_that_are_none_are_refused(share):
    refused(lambda: bj.posterior(scalar()).interval(share), "probability")


def test_chains_give_the_quantiles_of_their_draws():
    problem = bj.JointProblem(
        [bj.Parameter("x", 3, prior=bj.Focusing(alpha=1.0, p=1, epsilon=0.1))],
        [bj.Modality("a", np.eye(3), [0.1, 0.5, 2.0], bj.DiagonalNoise(np.full(3, 0.5)), "x")])
    post = bj.posterior(problem, method="gibbs", draws=400, seed=1)
    lower, upper = post.interval(0.8)["x"]
    draws = post.chains.reshape(-1, 3)
    np.testing.assert_allclose([lower, upper], np.quantile(draws, [0.1, 0.9], axis=0))
    held = np.mean((draws >= lower) & (draws <= upper), axis=0)
    np.testing.assert_allclose(held, 0.8, atol=0.01)


def test_bounds_cut_the_interval():
    problem = scalar(bounds=(0.0, 1.2))
    post = bj.posterior(problem, at=bj.find_map(problem, method="map"))
    lower, upper = post.interval(0.999)["x"]
    assert lower[0] >= 0.0
    assert upper[0] <= 1.2


def test_predictions_and_chi2_are_those_of_the_mean():
    problem, reference = make(shared=True, correlation=0.7, bias=True)
    post = bj.posterior(problem, method="dense")
    predicted, chi2 = post.prediction(), post.chi2()
    x = post.state_mean()
    for m in problem.modalities:
        clean = problem.predict(m.name, x)
        assert predicted[m.name].shape == m.data_shape
        np.testing.assert_allclose(predicted[m.name].ravel(), clean, atol=1e-9 * np.abs(clean).max())
        assert chi2[m.name] == pytest.approx(problem.chi2(x)[m.name], rel=1e-8)
    assert np.concatenate([p.ravel() for p in predicted.values()]).size == reference.data.size


def hidden(method="dense"):
    e = np.arange(0, 1000, 100.0)
    y = 5 * np.exp(-((e - 450) ** 2 + (e[:, None] - 550) ** 2) / 300**2) + 2 + 0.002 * e
    s = bj.Survey("gravity", y, e, e, upward=1.0, std=0.05)
    mesh = bj.Mesh.from_surveys([s], depth=400.0, layers=3, padding=2)
    d = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=300.0, extent="continued"))
    return bj.JointProblem([d], [s.modality(d)])


@pytest.mark.parametrize("method", ["dense", "iterative", "spectral"])
def test_cells_hidden_beyond_the_mesh_are_counted(method):
    """d − prediction = C K⁻¹ (d − Aμ): with a mean that interpolates most of the data χ² is far below their number."""
    problem = hidden()
    post = bj.posterior(problem, method=method)
    dense = bj.posterior(problem, method="dense")
    assert post.chi2()["gravity"] == pytest.approx(dense.chi2()["gravity"], rel=1e-4)
    assert post.chi2()["gravity"] < 100
    visible = Posterior.predicted_data(post)
    seen = np.sum((visible - problem.modalities[0].data) ** 2) / 0.05**2
    assert seen > 10 * post.chi2()["gravity"]  # what the cells of the mesh alone predict is no fit
    with pytest.raises(ValueError, match="chi2"):
        problem.chi2(problem.pack(post.mean()))


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank"])
def test_means_for_other_data_are_those_of_the_posterior_of_these_data(method):
    problem, _ = make(dense=True, mean=True, correlation=0.5, weights={"survey_density": 0.3})
    post = bj.posterior(problem, method=method)
    rng = np.random.default_rng(3)
    data = rng.standard_normal((2, sum(m.size for m in problem.modalities))) * 5
    found = post.mean_given(data)
    for row, mean in zip(data, found, strict=True):
        parts = np.split(row, np.cumsum([m.size for m in problem.modalities])[:-1])
        other = problem.replace(modalities=[m.replace(data=d.reshape(m.data_shape)) for m, d in zip(
            problem.modalities, parts, strict=True)])
        exact = bj.posterior(other, method="dense").state_mean()
        np.testing.assert_allclose(mean, exact, atol=1e-3 * np.abs(exact).max())


def test_engines_that_must_start_anew_refuse_other_data():
    problem = scalar(bounds=(0.0, 3.0))
    post = bj.posterior(problem, at=bj.find_map(problem, method="map"))
    refused(lambda: post.mean_given(np.ones((1, 1))), "method", TypeError)
