"""Bands and p-values of ranks: right under uniformity, small where ranks are not uniform."""

import numpy as np
from scipy.stats import binom, kstest

from bayesjoint.calibration._uniformity import coverage_band, coverage_tail, ecdf_band, p_values


def test_p_values_are_uniform_under_uniform_ranks():
    ranks = np.random.default_rng(1).integers(0, 100, (600, 200))
    found = p_values(ranks, 99)
    assert kstest(found, "uniform").pvalue > 0.005 or np.abs(np.mean(found < 0.05) - 0.05) < 0.03
    assert np.mean(found < 0.01) < 0.025


def test_the_band_holds_whole_curves_as_often_as_it_says():
    points, low, high = ecdf_band(200, 99, 0.95)
    ranks = np.random.default_rng(2).integers(0, 100, (2000, 200))
    curves = np.mean(ranks[:, :, None] < np.arange(1, 100), axis=1)
    held = np.all((curves >= low) & (curves <= high), axis=1).mean()
    assert 0.935 < held < 0.97
    assert points.size == 99


def test_ranks_of_a_wrong_posterior_have_small_p_values():
    rng = np.random.default_rng(3)
    truth, draws = rng.standard_normal(200), rng.standard_normal((200, 99))
    wrong = {"too narrow": (0.6 * draws, truth), "too wide": (1.7 * draws, truth), "shifted": (draws + 0.5, truth)}
    for drawn, value in wrong.values():
        assert p_values(np.sum(drawn < value[:, None], axis=1)[None], 99)[0] < 1e-3
    assert p_values(np.sum(draws < truth[:, None], axis=1)[None], 99)[0] > 1e-2


def test_coverage_bands_are_binomial():
    low, high = coverage_band(200, 0.9)
    assert binom.cdf(round(low * 200) - 1, 200, 0.9) <= 0.005 < binom.cdf(round(low * 200), 200, 0.9)
    assert binom.sf(round(high * 200), 200, 0.9) <= 0.005 < binom.sf(round(high * 200) - 1, 200, 0.9)
    assert coverage_tail(180, 200, 0.9) == 1.0
    assert coverage_tail(140, 200, 0.9) < 1e-10
