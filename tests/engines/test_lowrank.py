import warnings
from functools import cache

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines.lowrank import CONFIDENCE, PROBES, LowRankWarning

from ..linear import joined, make
from ..moments import sampling_excess
from ..refusals import refused

PRIORS = {"short": bj.Matern(100.0, 300.0), "long": bj.Matern(100.0, 1000.0), "rough": bj.Matern(80.0, 600.0, 0.5),
          "cellwise": bj.MinimumLength(2000.0)}


@cache
def survey(prior, noise=0.3, shape=(2, 15, 20)):
    """300 gravity data and the exact posterior."""
    mesh = bj.Mesh.regular(shape, (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=PRIORS[prior])
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    data = np.random.default_rng(0).standard_normal(gravity.shape[0])
    p = bj.JointProblem([density], [bj.Modality("g", gravity, data, bj.DiagonalNoise(np.full(data.size, noise)),
                                                "density")])
    exact = bj.posterior(p, method="dense")
    return p, exact.state_mean(), exact.state_variance()


def truncated(p, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowRankWarning)
        return bj.posterior(p, method="lowrank", **options)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_stated_trace_error_covers_the_true_one_in_every_trial_and_is_at_most_three_times_it(prior):
    p, _, variance = survey(prior)
    ratios, covered = [], []
    for trial in range(5):
        post = truncated(p, rank=20 + 15 * trial, seed=trial)
        true = np.sum(post.state_variance() - variance)
        ratios.append(post.trace_error / true)
        covered.append(np.mean(post.state_variance() - variance <= post._left_out))
        assert np.isclose(post.retained_trace + true, np.sum(p.prior.gaussian_moments()[1].diagonal() - variance))
    assert min(ratios) >= 1.0 and max(ratios) <= 3.0, ratios
    assert min(covered) > 0.98  # each cell is missed once in a thousand


def test_the_rank_grows_until_the_tolerance_holds():
    p, mean, variance = survey("short", noise=0.03)
    ranks = []
    for tolerance in (0.2, 0.01):
        post = bj.posterior(p, method="lowrank", tolerance=tolerance)
        assert np.sum(post.state_variance() - variance) <= tolerance * post.retained_trace
        assert np.all(post.state_variance() >= variance * (1 - 1e-9))  # too large, never too small
        assert np.all(np.abs(post.state_mean() - mean) <= post.state_mean_error() + 1e-12)
        assert post.state_mean_error().max() < 1e-8
        exact = np.sqrt(variance)
        assert np.mean(np.sqrt(post.state_variance()) - post.state_std_error() <= exact) > 0.98
        ranks.append(post.rank)
        assert [a.status for a in post.approximations] == ["measured", "bounded"]
    assert ranks[0] < ranks[1] <= 300


def test_with_every_direction_it_is_the_exact_posterior():
    p, mean, variance = survey("cellwise")
    post = bj.posterior(p, method="lowrank", rank=300)
    assert post.rank == 300
    assert post.trace_error < 1e-9 * post.retained_trace
    np.testing.assert_allclose(post.state_variance(), variance, rtol=1e-9)
    np.testing.assert_allclose(post.state_mean(), mean, atol=1e-10)


def test_a_truncation_that_matters_is_warned_of():
    p, _, _ = survey("cellwise")
    with pytest.warns(LowRankWarning, match=r"more than the 5.00% allowed: raise rank above 20"):
        post = bj.posterior(p, method="lowrank", rank=20)
    assert post.rank == post.eigenvalues.size == 20
    assert post.discarded_share["density"] > 0.05
    assert "raise rank above 20" in post.approximations[0].statement


def test_the_eigenvalues_are_the_leading_ones():
    p, _, _ = survey("long")
    post = truncated(p, rank=20, oversampling=40)
    model = post._model
    signal = model.whiten(model.signal(model.whiten_adjoint(np.eye(300))))
    np.testing.assert_allclose(post.eigenvalues, np.linalg.eigvalsh(signal)[::-1][:20], rtol=1e-3)


@pytest.mark.parametrize("options", [{"correlation": 0.6, "bias": True, "weights": {"survey_density": 0.5}},
                                     {"dense": True, "vector": True, "known": [0, 5]}])
def test_answers_follow_from_the_projected_data(options):
    """Several parameters, dense noise, exponents, known cells: against plain algebra, and draws against their law."""
    p, reference = make(counts=(5, 6), **options)
    post = truncated(p, rank=4, seed=2)
    scale = np.concatenate([np.full(q.size, q.scale) for q in p.parameters])
    # the same from all data but seen through Q alone
    white = post._model.whiten(np.eye(11))
    rows = post._subspace.basis.T @ white @ reference.matrix
    prior = reference.prior
    if reference.known.size:
        held = prior[:, reference.known]
        prior = prior - held @ np.linalg.solve(held[reference.known], held.T)
    covariance = prior - prior @ rows.T @ np.linalg.solve(rows @ prior @ rows.T + np.eye(4), rows @ prior)
    np.testing.assert_allclose(joined(p, post.mean()), reference.mean, atol=1e-8 * reference.scale.max())
    size = np.outer(reference.scale, reference.scale)
    ours = post.state_product(np.eye(p.size)) * np.outer(scale, scale)
    np.testing.assert_allclose(ours / size, covariance / size, atol=1e-10)
    free = reference.free
    draws, clean = post.joint_draws(np.random.default_rng(0), 20_000)
    law = covariance[np.ix_(free, free)] + 1e-9 * size[np.ix_(free, free)] * np.eye(free.size)
    assert min(sampling_excess((draws * scale)[:, free], reference.mean[free], law)) > 1e-3
    np.testing.assert_allclose(clean, draws * scale @ reference.matrix.T, atol=1e-8)


def test_the_confidence_factor_is_that_of_a_single_direction():
    draws = np.random.default_rng(0).chisquare(PROBES, 200_000) / PROBES
    assert abs(np.mean(draws * CONFIDENCE < 1) - 1e-3) < 4 * np.sqrt(1e-3 / 200_000)


def test_it_refuses_what_it_cannot_truncate():
    p, _, _ = survey("short")
    flat = p.replace(parameters=[p.parameters[0].replace(prior=None)])
    refused(lambda: bj.posterior(flat, method="lowrank"), "prior")
    bounded = p.replace(parameters=[p.parameters[0].replace(bounds=(0, None))])
    refused(lambda: bj.posterior(bounded, method="lowrank"), "problem")
    refused(lambda: bj.posterior(p, method="lowrank", rank=0), "rank")
    refused(lambda: bj.posterior(p, method="lowrank", rank=2.5), "rank", TypeError)
    refused(lambda: bj.posterior(p, method="lowrank", tolerance=0), "tolerance")


def test_it_refuses_factors_that_do_not_fit(monkeypatch):
    monkeypatch.setattr("bayesjoint.engines.lowrank.LARGEST_BYTES", 1e5)
    assert "iterative" in refused(lambda: bj.posterior(survey("short")[0], method="lowrank"), "rank")
