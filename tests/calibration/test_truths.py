"""Truths drawn from priors: their densities, and calibration of engines on priors that are not Gaussian."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

import bayesjoint as bj
from bayesjoint.calibration._truths import focusing_draws, simulate

from ..refusals import refused


@pytest.mark.parametrize(("rate", "epsilon", "low", "high"), [(2.0, 0.3, -np.inf, np.inf), (5.0, 0.01, -0.1, 0.4)])
def test_focusing_draws_follow_their_density(rate, epsilon, low, high):
    values = focusing_draws(np.full(1, rate), epsilon, np.full(1, 0.1), np.full(1, low), np.full(1, high),
                            np.random.default_rng(1), 4000)[:, 0]

    def density(x):
        return np.exp(-rate * np.hypot(x - 0.1, epsilon))

    ends = max(low, -20.0), min(high, 20.0)
    total = quad(density, *ends, points=[0.1], limit=200)[0]
    grid = np.linspace(*ends, 4001)
    table = np.concatenate([[0.0], np.cumsum(0.5 * (density(grid[1:]) + density(grid[:-1]))) * (grid[1] - grid[0])])
    assert kstest(values, lambda x: np.interp(x, grid, table / total)).pvalue > 1e-3


def focusing_problem(bounds=None):
    p = bj.Parameter("m", 3, prior=bj.Focusing(2.0, epsilon=0.05, depth_exponent=0), bounds=bounds)
    rows = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 1.0]])
    return bj.JointProblem([p], [bj.Modality("d", rows, [0.0, 0.0], bj.DiagonalNoise([0.3, 0.3]), "m")])


def test_data_are_those_of_the_truths_with_the_stated_noise():
    problem = focusing_problem()
    x, data = simulate(problem, 4000, None, np.random.default_rng(0))
    noise = data - x @ problem.operator(0).rmatmat(np.eye(2))
    np.testing.assert_allclose(np.cov(noise.T), 0.09 * np.eye(2), atol=0.01)
    assert abs(np.corrcoef(noise[:, 0], x[:, 0])[0, 1]) < 0.06


def test_gibbs_is_calibrated_on_a_focusing_prior():
    found = bj.calibrate(focusing_problem(), n=40, draws=19,
                         method=lambda problem, seed: bj.posterior(problem, "gibbs", draws=150, seed=seed))
    assert found.engine == "gibbs"
    assert found.verdict == "calibrated"
    assert found.refitted == 1


def test_chains_of_one_seed_are_refused():
    refused(lambda: bj.calibrate(focusing_problem(), n=20, draws=19, method=lambda problem: bj.posterior(
        problem, "gibbs", draws=100, chains=2)), "method")


def test_truths_that_are_not_known_are_asked_for():
    sharp = bj.Focusing(2.0, p=0, epsilon=0.1, depth_exponent=0)
    bounded = bj.JointProblem([bj.Parameter("m", 1, prior=sharp, bounds=(0.0, 1.0))],
                              [bj.Modality("d", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "m")])
    refused(lambda: simulate(bounded, 5, None, np.random.default_rng(0)), "truths")
    tight = focusing_problem(bounds=(50.0, 51.0))
    refused(lambda: simulate(tight, 5, None, np.random.default_rng(0)), "truths")
