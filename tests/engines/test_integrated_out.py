import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._integrated_out import IntegratedOut


def surveys(bounds=None, shared=False):
    """Six cells >= 0 that two surveys see, an offset of the first and two values of the second."""
    rng = np.random.default_rng(3)
    cells = bj.Parameter("m", 6, prior=bj.GaussianPrior(0.3, 0.5), bounds=(0, None))
    offset = bj.Parameter("offset", 1, prior=bj.GaussianPrior(0.4, 2.0), bounds=bounds)
    plane = bj.Parameter("plane", 2, prior=bj.GaussianPrior(np.zeros(2), np.array([[1.0, 0.5], [0.5, 2.0]])))
    seen = ["m", "plane", "offset"] if shared else ["m", "plane"]
    made = [bj.Modality(name, rng.normal(size=(n, sum({"m": 6, "plane": 2, "offset": 1}[k] for k in names))),
                        rng.normal(size=n), bj.DiagonalNoise(np.full(n, 0.7)), names)
            for name, n, names in (("first", 4, ["m", "offset"]), ("second", 5, seen))]
    return bj.JointProblem([cells, offset, plane], made)


def whitened(problem, name):
    survey = problem.surveys[name]
    return survey.noise.whiten(problem.operator(name).matrix()), survey.noise.whiten(survey.data)


@pytest.mark.parametrize("name", ["first", "second"])
def test_what_is_left_is_the_schur_complement(name):
    problem = surveys()
    matrix, data = whitened(problem, name)
    loose = IntegratedOut(problem)
    np.testing.assert_array_equal(np.sort(loose.places), [6, 7, 8])
    own = {"first": [6], "second": [7, 8]}[name]
    mean, cov = problem.prior.gaussian_moments()
    A, B, S = matrix[:, :6], matrix[:, own], cov.dense()[np.ix_(own, own)]
    M = np.eye(len(data)) + B @ S @ B.T
    left, d = matrix.copy(), data.copy()
    loose.take(name, left, d)
    assert not left[:, 6:].any()
    near = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(left[:, :6].T @ left[:, :6], A.T @ np.linalg.solve(M, A), **near)
    np.testing.assert_allclose(left[:, :6].T @ d, A.T @ np.linalg.solve(M, data - B @ mean[own]), **near)


def test_draws_have_the_conditional_moments():
    problem = surveys()
    loose = IntegratedOut(problem)
    for name in problem.surveys:
        loose.take(name, *whitened(problem, name))
    states = np.tile(np.random.default_rng(0).random(9), (40_000, 1))
    loose.fill(states, np.random.default_rng(1))
    (A, d), (C, e) = (whitened(problem, name) for name in problem.surveys)
    mean, cov = problem.prior.gaussian_moments()
    own = [6, 7, 8]
    F, g = np.vstack([A, C]), np.concatenate([d, e])
    precision = np.linalg.inv(cov.dense()[np.ix_(own, own)]) + F[:, own].T @ F[:, own]
    left = g - F[:, :6] @ states[0, :6] - F[:, own] @ mean[own]
    expected = mean[own] + np.linalg.solve(precision, F[:, own].T @ left)
    spread = np.linalg.inv(precision)
    error = np.sqrt(np.diag(spread) / len(states))
    assert np.abs((states[:, own].mean(axis=0) - expected) / error).max() < 4
    np.testing.assert_allclose(np.cov(states[:, own].T), spread, atol=5 * spread.max() / np.sqrt(len(states)))


def test_bounded_known_and_shared_values_stay_with_the_chains():
    assert IntegratedOut(surveys(bounds=(None, 5.0))).places.tolist() == [7, 8]
    assert IntegratedOut(surveys(shared=True)).places.tolist() == [7, 8]


def test_chains_mix_where_a_level_and_the_ground_are_all_but_one():
    """Thirty cells under an offset fifty times the noise: sums need as many sweeps as cells where both are chains."""
    cells = bj.Parameter("m", 30, prior=bj.GaussianPrior(0.5, 0.25), bounds=(0, None))
    offset = bj.Parameter("offset", 1, prior=bj.GaussianPrior(0.0, 25.0))
    rows = np.hstack([np.full((8, 30), 0.3) + 0.02 * np.random.default_rng(0).normal(size=(8, 30)), np.ones((8, 1))])
    survey = bj.Modality("line", rows, np.full(8, 9.0), bj.DiagonalNoise(np.full(8, 0.02)), ("m", "offset"))
    post = bj.posterior(bj.JointProblem([cells, offset], [survey]), draws=500, thin=1)
    assert post.mixing.passed
    assert abs(np.corrcoef(post.chains[..., :30].sum(axis=2).ravel(), post.chains[..., 30].ravel())[0, 1]) > 0.99
