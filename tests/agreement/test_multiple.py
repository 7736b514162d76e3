"""Adjusted p-values against the definitions, written out."""

import numpy as np
import pytest

from bayesjoint.agreement._multiple_testing import false_discovery, holm

from ..refusals import refused


@pytest.fixture
def p():
    return np.random.default_rng(3).uniform(0, 1, 9) ** 3


def test_holm_rejects_in_order_until_one_holds(p):
    for level in (0.01, 0.05, 0.2, 0.5):
        rejected = set()
        for step, k in enumerate(np.argsort(p)):
            if p[k] > level / (p.size - step):
                break
            rejected.add(int(k))
        assert set(np.flatnonzero(holm(p) <= level)) == rejected


@pytest.mark.parametrize("control", ["hochberg", "yekutieli"])
def test_false_discovery_rejects_up_to_the_last_below_its_line(p, control):
    factor = sum(1 / k for k in range(1, p.size + 1)) if control == "yekutieli" else 1.0
    ordered = np.sort(p)
    for level in (0.01, 0.05, 0.2, 0.9):
        below = [i for i in range(p.size) if ordered[i] <= level * (i + 1) / (p.size * factor)]
        count = below[-1] + 1 if below else 0
        assert np.sum(false_discovery(p, control) <= level) == count


def test_what_is_missing_does_not_count(p):
    held = np.concatenate([p[:4], [np.nan], p[4:]]).reshape(2, 5)
    for rule in (holm, false_discovery):
        out = rule(held)
        assert out.shape == (2, 5) and np.isnan(out[0, 4])
        np.testing.assert_array_equal(out[np.isfinite(out)], rule(p))


def test_refusals():
    refused(lambda: false_discovery([0.1], "bonferroni"), "control")
    refused(lambda: holm([np.inf]), "p_values")
