"""Tails of signed weighted χ² sums against closed forms, against the other method and against draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from bayesjoint.agreement._weighted_chi2 import WeightedChi2

from ..refusals import refused

TAILS = np.array([1 - 1e-6, 0.9, 0.5, 0.3, 0.01, 1e-6, 1e-30, 1e-100])


@pytest.mark.parametrize("dof", [1, 2, 3, 10, 400])
@pytest.mark.parametrize("weight", [1.0, 0.03, -2.0])
def test_equal_weights_make_a_chi_square(dof, weight):
    x = chi2.isf(TAILS, dof) * weight
    wanted = TAILS if weight > 0 else 1 - TAILS
    p, error = WeightedChi2(np.full(dof, weight)).tail(x)
    resolved = wanted > 1e-12
    np.testing.assert_allclose(p[resolved], wanted[resolved], rtol=1e-9)
    assert np.all(np.abs(p - wanted) <= error + 1e-15)
    assert np.all(error[wanted < 1e-3] <= 1e-6 * wanted[wanted < 1e-3] + 1e-15)


@pytest.mark.parametrize("x", [-40.0, -1.0, 0.0, 1e-9, 1e-3, 0.1, 3.0, 50.0])
def test_two_opposed_pairs_make_a_laplace_variable(x):
    scale = 1.4  # 0.7 (χ²_2 − χ²_2) has density exp(−|x|/1.4)/2.8
    wanted = 0.5 * np.exp(-x / scale) if x >= 0 else 1 - 0.5 * np.exp(x / scale)
    p, error = WeightedChi2([0.7, -0.7], [2.0, 2.0]).tail(x)
    assert abs(p - wanted) <= 1e-12 * wanted
    assert abs(p - wanted) <= error + 1e-15


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=6), st.integers(0, 10_000))
def test_tails_of_x_and_of_minus_x_make_one(weights, seed):
    if not np.any(np.abs(weights) > 1e-3):
        return
    weights = [w if abs(w) > 1e-3 else 0.0 for w in weights]
    x = WeightedChi2(weights).sample(np.random.default_rng(seed), 1)
    one, other = WeightedChi2(weights).tail(x), WeightedChi2(-np.array(weights)).tail(-x)
    assert abs(one[0] + other[0] - 1)[0] <= one[1] + other[1] + 1e-11


def test_draws_have_the_tail(rng):
    form = WeightedChi2([0.9, -0.9, 0.5, -0.5, 1.0, 0.2, -0.2])
    x = form.sample(rng, 100_000)
    assert abs(x.mean() - form.mean) < 5 * np.sqrt(form.variance / x.size)
    points = np.quantile(x, [0.02, 0.3, 0.5, 0.9, 0.99])
    p = form.tail(points)[0]
    assert np.all(np.abs(p - (x[:, None] >= points).mean(axis=0)) < 5 * np.sqrt(p * (1 - p) / x.size))
    held = form.tail(x[:2000])[0]
    assert abs(np.mean(held) - 0.5) < 5 / np.sqrt(12 * 2000)


def test_fractional_counts_divide_a_sum():
    whole, parted = WeightedChi2([0.8, -0.5]), WeightedChi2([0.8, 0.8, -0.5], [0.3, 0.7, 1.0])
    x = np.array([-3.0, 0.4, 9.0])
    np.testing.assert_allclose(parted.tail(x)[0], whole.tail(x)[0], rtol=1e-11)


def test_cumulants_are_derivatives():
    form, s, h = WeightedChi2([0.9, -0.4, 0.2], [1.0, 2.5, 3.0]), 0.2, 1e-5
    for order in range(1, 5):
        slope = (form.cumulant(s + h, order - 1) - form.cumulant(s - h, order - 1)) / (2 * h)
        np.testing.assert_allclose(form.cumulant(s, order), slope, rtol=1e-7)


def test_sums_that_cannot_be():
    positive = WeightedChi2([1.0, 2.0])
    assert positive.tail(-1.0)[0] == 1.0
    assert WeightedChi2([-1.0]).tail(0.5)[0] == 0.0


def test_refusals():
    refused(lambda: WeightedChi2([0.0]), "weights")
    refused(lambda: WeightedChi2([np.nan]), "weights")
    refused(lambda: WeightedChi2([1.0], [-1.0]), "counts")
    refused(lambda: WeightedChi2([1.0]).tail(np.inf), "x")
