"""Functionals by regression over worlds: held at every size of the estimate, not on average alone."""

import numpy as np
import pytest

from bayesjoint.calibration._functional_rules import FunctionalRule


def worlds(count, rng):
    """Masses that vary tenfold, estimated with errors that grow with them."""
    truth = np.exp(rng.normal(0.0, 0.8, count))
    return truth, 0.6 * truth * np.exp(rng.normal(0.0, 0.25, count))


@pytest.mark.parametrize("count", [200, 400])
def test_large_masses_are_held_as_small_ones(count):
    """One size of residual for all held 67 to 74 % of the largest sixth."""
    rng, held = np.random.default_rng(0), []
    for _ in range(12):
        rule, (truth, estimate) = FunctionalRule(*worlds(count, rng)), worlds(180, rng)
        ends = np.array([rule.given(e, 0.9)[1:3] for e in estimate]).T
        order = np.argsort(estimate)
        held.append(((truth >= ends[0]) & (truth <= ends[1]))[order].reshape(6, 30).mean(axis=1))
    share = np.mean(held, axis=0)
    assert np.all(share > 0.82)
    assert 0.86 < share.mean() < 0.94


def test_equal_errors_give_equal_intervals():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=2000)
    rule = FunctionalRule(truth, truth + 0.3 * rng.normal(size=2000))
    widths = [np.diff(rule.given(e, 0.9)[1:3])[0] for e in (-1.0, 0.0, 1.0)]
    exact = 2 * 1.645 * 0.3 / np.sqrt(1.09)
    assert widths == pytest.approx([exact] * 3, rel=0.12)


def test_an_estimate_that_says_all_leaves_nothing():
    truth = np.linspace(0, 1, 50)
    assert FunctionalRule(truth, 2 * truth).given(0.5, 0.9)[:3] == pytest.approx((0.25, 0.25, 0.25), abs=1e-9)


def test_an_estimate_that_says_nothing_leaves_the_truths():
    truth = np.random.default_rng(0).permutation(np.linspace(0, 1, 999))
    assert FunctionalRule(truth, np.zeros(999)).given(0.0, 0.9)[1:3] == pytest.approx((0.05, 0.95), abs=0.03)
