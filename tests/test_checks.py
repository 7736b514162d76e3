"""The checks every room leans on: what they let through, what they refuse, and in which words."""

import numpy as np
import pytest

from bayesjoint._checks import as_finite, as_positive, as_shape, fail, one_of

from .refusals import refused

NAN, INF = float("nan"), float("inf")


def test_fail_has_four_parts():
    with pytest.raises(KeyError, match=r"std must be > 0; found -1\. Check the sign\."):
        fail("std", "be > 0", "-1", "Check the sign.", KeyError)


@pytest.mark.parametrize("values", [1, 1.5, np.float32(2), [1, 2], (1.0, 2), np.arange(3), range(3), [[1], [2]],
                                    np.array([1, 2], dtype=object), np.ma.array([1.0, 2.0])])  # fmt: skip
def test_numbers_become_float64(values):
    array = as_finite("a", values)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, np.array(values, dtype=float))


NOT_NUMBERS = {
    "bool": True, "numpy bool": np.True_, "bool array": np.array([True, False]), "text": "1.5",
    "list of text": ["1", "2"], "complex": 1j, "complex array": np.array([1 + 1j]),
    "date": np.array(["2020-01-01"], "M8[D]"), "ragged": [[1.0], [1.0, 2.0]],
    "dict": {"a": 1}, "object": object(), "mixed": [1.0, "a"],
}  # fmt: skip


@pytest.mark.parametrize("values", NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_no_number_is_refused(values):
    assert "numeric" in refused(lambda: as_finite("depth", values), "depth must be numeric", TypeError)


@pytest.mark.parametrize(("values", "count", "where"), [
    (NAN, 1, ""), ([1.0, INF], 1, "index (1,)"), ([[1.0, 2.0], [-INF, NAN]], 2, "index (1, 0)"), (None, 1, ""),
    ([1.0, None], 1, "index (1,)"), (np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1]), 1, "index (2,)"),
])
def test_what_is_not_finite_is_counted_and_placed(values, count, where):
    text = refused(lambda: as_finite("data", values), "data")
    assert f"{count} offending" in text and where in text


def test_gaps_are_nan_or_masked_and_never_infinite():
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    np.testing.assert_array_equal(as_finite("data", masked, allow_nan=True), [1.0, NAN, 3.0])
    np.testing.assert_array_equal(as_finite("data", [NAN, 2.0], allow_nan=True), [NAN, 2.0])
    assert "no Inf" in refused(lambda: as_finite("data", [NAN, INF], allow_nan=True), "data")


def test_dimensions():
    assert as_finite("a", [1.0], 1).shape == (1,)
    assert as_finite("a", 1.0, (0, 2)).shape == ()
    assert "0 or 2 dimension" in refused(lambda: as_finite("a", [1.0], (0, 2)), "a")
    assert "shape (1, 1)" in refused(lambda: as_finite("a", [[1.0]], 1), "a")


@pytest.mark.parametrize("values", [0.0, -1.0, [1.0, 0.0], [1.0, -1e-300]])
def test_positive(values):
    assert "minimum" in refused(lambda: as_positive("std", values), "std must be > 0")
    assert as_positive("std", [1e-300, 2.0]).min() > 0


def test_shape():
    np.testing.assert_array_equal(as_shape("a", 2, (2, 3)), np.full((2, 3), 2.0))
    np.testing.assert_array_equal(as_shape("a", np.arange(6).reshape(2, 3), (2, 3)), [[0, 1, 2], [3, 4, 5]])
    assert "(3, 2)" in refused(lambda: as_shape("a", np.ones((3, 2)), (2, 3)), "a")
    refused(lambda: as_shape("a", np.ones(1), (2, 3)), "a")  # only a true scalar spreads


def test_one_of():
    assert one_of("method", "b", ("a", "b")) == "b"
    text = refused(lambda: one_of("method", "c", ("a", "b")), "method")
    assert "'a', 'b'" in text and "'c'" in text
