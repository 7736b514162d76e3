import numpy as np
import pytest

from bayesjoint.reporting._facts import _block_means, settings_rows
from bayesjoint.reporting._words import fixed, listing, number, percent, quantity, readable, signed


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (1234567.0, "1,230,000"), (-0.5, "−0.500"), (9.999, "10.0"), (float("nan"), "not known"),
    (None, "not known"), (1e9, "1.00 × 10⁹"), (3e-7, "3.00 × 10⁻⁷"), (np.float64(12.34), "12.3"),
    (np.int64(1600), "1,600"),
])
def test_numbers(value, text):
    assert number(value) == text


def test_signs_units_shares_and_lists():
    assert signed(2.0) == "+2.00" and signed(-2.0) == "−2.00" and signed(0.0) == "0"
    assert quantity(0.02, "SI") == "0.0200 SI" and quantity(3.0, "1") == "3.00"
    assert (percent(0.5), percent(0.031), percent(1e-5), percent(0)) == ("50 %", "3.1 %", "under 0.1 %", "none")
    assert listing(["a"]) == "a" and listing(["a", "b", "c"]) == "a, b and c"


def test_block_means_cover_whole_boxes_from_the_top():
    values = np.arange(2 * 3 * 4 * 5, dtype=float).reshape(2, 3, 4, 5)
    means = _block_means(values, (2, 2, 2))
    assert means.shape == (2, 1, 2, 2)
    np.testing.assert_allclose(means[1, 0, 1, 0], values[1, 1:, 2:4, 0:2].mean())


def test_settings_are_flattened():
    rows = settings_rows({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": "f"})
    assert rows == [("a · b", 1), ("a · c · d", "1, 2"), ("e", "f")]


@pytest.mark.parametrize("value", [-0.0, 0.0, -1e-9, -0.004, 1e-9])
def test_no_zero_has_a_sign(value):
    assert fixed(value, 2) == fixed(value, 2, sign=True) == "0.00"
    for text in (f"{value:.2f}", f"off by {value:+.1f} mGal".replace("+", "")):
        assert "−" not in readable(text) and "-" not in readable(text)


def test_readable_keeps_signs_that_mean_something():
    assert readable("-0.04, -0.5, 1-0, a-0, -0.0e") == "−0.04, −0.5, 1-0, a-0, −0.0e"
    assert readable("-0.0 and -0.") == "0.0 and 0."
    assert number(-0.0) == signed(-0.0) == "0"
