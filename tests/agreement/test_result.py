"""The result of a test: what it refuses, what it says."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from bayesjoint.agreement import AgreementTest
from bayesjoint.agreement._result import moved_tail
from bayesjoint.agreement._sentences import effect_words

from ..refusals import refused


def result(**changes):
    given = {"name": "test", "surveys": ("a", "b", "c"), "statistic": 4.0, "p_value": 0.05, "p_value_error": 0.01,
             "null": "χ²"}
    return AgreementTest(**{**given, **changes})


def test_sigma_is_that_of_a_two_sided_gaussian():
    assert result().sigma == pytest.approx(1.959964, rel=1e-6)
    assert result(p_value=1.0).sigma == 0.0
    assert np.isnan(result(p_value=np.nan, p_value_error=np.nan, note="nothing to test").sigma)
    assert result(p_value=1e-200).sigma == pytest.approx(norm.isf(0.5e-200))


def test_it_reads_in_one_line():
    effect = {"what": "offset", "value": 1.25, "std": 0.5, "units": "mGal"}
    found = {"what": "an offset", "size": 1.4, "units": "mGal", "power": 0.8, "level": 0.05, "error": 0.0}
    text = repr(result(effect=effect, detectable=found))
    assert text == ("test, a against b, c: statistic 4, p = 0.05 ± 0.01 (1.96 σ; χ²); offset 1.25 ± 0.5 mGal; would "
                    "have seen an offset of 1.4 mGal in 80% of cases at level 5%")
    assert "statistic 4 ± 0.3, p =" in repr(result(statistic_error=0.3))
    many = repr(result(effect={**effect, "value": np.array([1.0, -3.0]), "std": np.ones(2)}))
    assert "2 values, largest -3 ± 1 mGal" in many
    assert "no p-value (nothing to test)" in repr(result(p_value=np.nan, note="nothing to test"))
    assert result(name="a < b")._repr_html_().startswith("<p>a &lt; b")


def test_errors_of_a_statistic_reach_the_p_value():
    assert moved_tail(4.0, 0.0, 1) < 1e-15
    assert moved_tail(4.0, 1e-3, 1) == pytest.approx(1e-3 * chi2.pdf(4.0, 1), rel=1e-4)
    assert moved_tail(0.0, 0.1, 1) > 0


def test_errors_below_rounding_never_turn_negative():
    """As computed a tail may rise by its last bit where the statistic grows by a rounding."""
    rng = np.random.default_rng(0)
    statistics = rng.uniform(0.01, 40.0, 20_000)
    errors = 4 * np.spacing(statistics) * rng.random(statistics.size)
    assert min(moved_tail(s, e, 1) for s, e in zip(statistics, errors, strict=True)) >= 0


def test_refusals():
    refused(lambda: result(p_value=1.5), "p_value")
    refused(lambda: result(p_value=0.5, p_value_error=-1.0), "p_value")
    refused(lambda: result(p_value=0.5, p_value_error=np.nan), "p_value")
    refused(lambda: result(p_value=np.nan), "note")
    refused(lambda: result(statistic_error=np.nan), "statistic_error")


def test_of_several_values_the_largest_is_told_with_its_std_and_sign():
    effect = {"what": "tilt", "value": np.array([0.1, -0.3, np.nan]), "std": np.array([0.05, 0.02, np.nan]),
              "units": "mGal"}
    assert effect_words(effect) == "tilt: 3 values, largest -0.3 ± 0.02 mGal"
    assert effect_words(effect | {"value": np.full(3, np.nan)}) == "tilt: 3 values, none of which can be told"
