"""Leaving holes out in closed form against fitting again without each, and scores against their definitions."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

import bayesjoint as bj
from bayesjoint.diagnostics._leave_one_hole_out import _scores

from ..periodic import continued_problem
from ..refusals import refused


def with_holes(offset=25.0, **options):
    problem, rng = continued_problem(**options), np.random.default_rng(11)
    holes = [
        bj.Borehole("one", 60 * rng.standard_normal(3), [20.0, 30.0, 25.0], 220.0, 170.0, [0, -30, -60],
                    [-30, -60, -85], offset_std=offset),
        bj.Borehole("two", 60 * rng.standard_normal(2), 15.0, path=[[400, 60, 0], [420, 90, -40], [430, 150, -80]]),
        bj.Borehole("chi", 0.02 * rng.standard_normal(2), 0.005, [60.0, 330.0], [420.0, 300.0], top=0.0,
                    property="susceptibility"),
    ]
    return bj.add_boreholes(problem, holes)


def refitted(problem, name):
    """(observed, mean, covariance with noise) of a hole, from the posterior of everything else."""
    m = next(m for m in problem.modalities if m.name == name)
    bias = [p for p in m.parameters if p.endswith("_bias")]
    rest = problem.replace(parameters=[p for p in problem.parameters if p.name not in bias],
                           modalities=[k for k in problem.modalities if k.name != name])
    post = bj.posterior(rest, method="dense")
    rows = np.zeros((m.size, rest.size))
    p = rest.by_name[m.parameters[0]]
    rows[:, rest.slices[p.name]] = m.forward.to_dense() * p.scale
    covariance = rows @ post.state_product(rows.T) + np.diag(m.noise.variance() / problem.weights[name])
    for b in bias:
        covariance += problem.by_name[b].prior.std[0] ** 2
    return m.data, rows @ post.state_mean(), covariance


CASES = {
    "continued, coupled": {},
    "continued, a bias of the survey": {"bias": True},
    "mesh, exponents": {"extent": "mesh", "weights": {"gravity": 0.6}},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("method", "within"), [("dense", 1e-9), ("iterative", 1e-6)])
def test_closed_form_is_what_fitting_again_without_each_hole_gives(options, method, within):
    problem = with_holes(**options)
    found = bj.leave_one_hole_out(problem, method=method, probability=0.8)
    assert found.hole.values.tolist() == ["one", "two", "chi"]
    for k, name in enumerate(found.hole.values):
        observed, mean, covariance = refitted(problem, name)
        mine, std = found.sel(interval=found.of_hole == k), np.sqrt(np.diag(covariance))
        assert np.abs((mine.predicted.values - mean) / std).max() < within
        np.testing.assert_allclose(mine.predicted_std, std, rtol=within)
        np.testing.assert_allclose(mine.observed, observed, rtol=1e-15)
        expected = _scores(observed, mean, covariance, 0.8)
        for key, value in expected.items():
            np.testing.assert_allclose(found[key].values[k], value, rtol=10 * within, atol=10 * within * std.max())


def test_the_baseline_is_the_prior_without_data():
    problem = with_holes(extent="mesh")
    found, p = bj.leave_one_hole_out(problem), problem.by_name["density"]
    m = problem.modalities[2]
    rows = m.forward.to_dense() * p.scale
    covariance = rows @ p.bound_prior.covariance.dense() @ rows.T + np.diag(m.noise.variance()) + 25.0**2
    for key, value in _scores(m.data, np.zeros(3), covariance, 0.9).items():
        np.testing.assert_allclose(found[f"{key}_prior"].values[0], value, rtol=1e-9)


def test_scores_are_what_their_definitions_say():
    rng = np.random.default_rng(2)
    root = rng.standard_normal((4, 4))
    covariance, mean = root @ root.T + np.eye(4), rng.standard_normal(4)
    observed = mean + np.array([0.1, -0.4, 6.0, -7.0])
    found = _scores(observed, mean, covariance, 0.9)
    std = np.sqrt(np.diag(covariance))
    low, high = norm.interval(0.9, mean, std)
    interval = high - low + 20 * (low - observed).clip(0) + 20 * (observed - high).clip(0)
    np.testing.assert_allclose(found["interval_score"], interval.mean())
    np.testing.assert_allclose(found["coverage"], np.mean((observed >= low) & (observed <= high)))
    np.testing.assert_allclose(found["log_density"], multivariate_normal(mean, covariance).logpdf(observed))
    crps = [quad(lambda t, m=m, s=s, y=y: (norm.cdf(t, m, s) - (t >= y)) ** 2, -60, 60, points=[y, m], limit=400)[0]
            for m, s, y in zip(mean, std, observed, strict=True)]
    np.testing.assert_allclose(found["crps"], np.mean(crps), rtol=1e-6)


def test_a_flat_offset_says_nothing_before_data_and_the_rest_must_hold_it():
    mesh = bj.Mesh.regular((3, 4, 4), (50, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    level = bj.Parameter("level", 1)
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    survey = bj.Modality("gravity", gravity, np.ones(16), bj.DiagonalNoise(np.full(16, 0.1)), "density")
    hole = bj.Borehole("one", [50.0, 80.0], 20.0, 150, 150, [0, -50], [-50, -90]).modality(density)
    other = bj.Borehole("two", [90.0], 20.0, 320, 250, [0], [-50]).modality(density)
    with_level = [m.replace(forward=np.hstack([m.forward.to_dense(), np.ones((m.size, 1))]),
                            parameter=("density", "level")) for m in (other,)]
    found = bj.leave_one_hole_out(bj.JointProblem([density, level], [survey, hole, *with_level]))
    assert found.hole.values.tolist() == ["one"]
    assert np.isfinite(found.rms_error_prior).all()
    plain = bj.leave_one_hole_out(bj.JointProblem([density], [survey, hole]))
    np.testing.assert_allclose(found.predicted, plain.predicted, rtol=1e-8)


def test_what_cannot_be_scored_is_refused():
    problem = with_holes()
    refused(lambda: bj.leave_one_hole_out(problem, holes=["gravity"]), "holes must be among")
    refused(lambda: bj.leave_one_hole_out(continued_problem()), "problem must have a borehole")
    refused(lambda: bj.leave_one_hole_out(problem, probability=90), "probability must lie between")
    refused(lambda: bj.leave_one_hole_out(problem, method="refit"), "method must be one of")
