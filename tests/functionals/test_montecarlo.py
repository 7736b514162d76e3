"""Errors of figures from draws: they must be as large as the figures scatter, for chains too."""

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayesjoint.functionals._montecarlo import effective_count, mean_and_std, quantiles, shares


def chains(rng, memory, shape):
    """Autoregressive chains of unit variance, shape (chain, draw, ...)."""
    state = rng.standard_normal((shape[0], *shape[2:]))
    out = np.empty(shape)
    for k in range(shape[1]):
        out[:, k] = state
        state = memory * state + np.sqrt(1 - memory**2) * rng.standard_normal(state.shape)
    return out


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.9])
def test_the_effective_number_is_that_of_the_autocorrelation(memory):
    values = chains(np.random.default_rng(1), memory, (4, 4000, 30))
    expected = values.shape[0] * values.shape[1] * (1 - memory) / (1 + memory)
    assert abs(effective_count(values, True).mean() / expected - 1) < 0.1


def test_the_effective_number_is_arviz_s():
    values = chains(np.random.default_rng(2), 0.7, (4, 1000))
    assert abs(effective_count(values, True) / array_stats.ess(values, method="mean") - 1) < 0.15


def test_chains_that_disagree_have_few_effective_draws():
    values = np.random.default_rng(3).standard_normal((4, 500)) + 5 * np.arange(4)[:, None]
    assert effective_count(values, True) < 10


@pytest.mark.parametrize(("markov", "memory"), [(False, 0.0), (True, 0.8)])
def test_stated_errors_are_what_figures_scatter_by(markov, memory):
    """400 repeats: the ratio of scatter to stated error is known to 3.5 %."""
    values = chains(np.random.default_rng(4), memory, (4, 400, 400))
    mean, mean_error, std, std_error = mean_and_std(values, markov)
    assert abs(mean.std() / mean_error.mean() - 1) < 0.13
    assert abs(std.std() / std_error.mean() - 1) < 0.13
    found = np.array([[q[0] for q in quantiles(values[..., k], (0.9,), markov)] for k in range(400)])
    assert abs(found[:, 0].std() / found[:, 1].mean() - 1) < 0.13
    share, error = shares(values > 0.5, markov)
    assert abs(share.std() / error.mean() - 1) < 0.13


def test_errors_given_a_condition_are_what_figures_scatter_by():
    """Draws without a body are NaN; in chains their places hang together."""
    rng = np.random.default_rng(5)
    values = np.where(chains(rng, 0.8, (4, 500, 300)) > 0, chains(rng, 0.8, (4, 500, 300)), np.nan)
    mean, mean_error, std, std_error = mean_and_std(values, True)
    assert abs(mean.std() / mean_error.mean() - 1) < 0.15
    assert abs(std.std() / std_error.mean() - 1) < 0.15


def test_what_no_draw_shows_is_not_impossible():
    share, error = shares(np.zeros((4, 100, 2), bool), False)
    assert np.all(share == 0)
    assert np.all((error > 1e-3) & (error < 5e-3))


def test_one_draw_gives_no_error():
    assert np.isnan(mean_and_std(np.ones((1, 1)), False)[1])
    assert np.isnan(quantiles(np.full((2, 3), np.nan), (0.5,), False)[0]).all()
