"""The checks every room leans on: what they let through, what they refuse, and in which words."""

from collections import ChainMap, OrderedDict
from multiprocessing.pool import ThreadPool
from types import MappingProxyType

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj
from bayesjoint._checks import as_finite, as_positive, as_shape, checked, fail, one_of

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


@checked
def taking(start: dict | None = None, names: list = (), shown: bool = False, seed: int = 0, *rest):
    return start, names, shown, seed, rest


def test_what_stands_for_an_argument_is_taken_for_it():
    start = {"density": np.ones(2)}
    for given in (MappingProxyType(start), ChainMap(start), OrderedDict(start)):
        found = taking(given)[0]
        assert isinstance(found, dict) and list(found) == ["density"]
    for given in ((name for name in "ab"), {"a": 0, "b": 1}.keys(), {0: "a", 1: "b"}.values(), np.array(["a", "b"])):
        assert list(taking(None, given)[1]) == ["a", "b"]
        assert taking(names=["a", "b"])[1] == ["a", "b"]
    assert taking({}, [], np.array(True), np.array(3), 4, 5)[2:] == (True, 3, (4, 5))
    refused(lambda: taking(xr.Dataset()), "start must be a dict or None", TypeError)
    refused(lambda: taking(shown=0), "shown must be True or False", TypeError)


def test_problems_and_meshes_are_built_from_what_can_be_gone_through():
    axis = [0.0, 100.0, 200.0]
    surveys = {"a": bj.Survey("gravity", np.zeros((3, 3)), axis, axis, 10.0, std=0.1, crs=np.int64(32633))}
    mesh = bj.Mesh.from_surveys(surveys.values(), 200.0, layers=np.array(2), padding=1)
    assert mesh.same_cells(bj.Mesh.from_surveys((s for s in surveys.values()), 200.0, layers=2, padding=1))
    fields = {"density": bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0))}
    problem = bj.JointProblem(fields.values(), (s.modality(fields["density"]) for s in surveys.values()))
    assert problem.data_size == 9 and surveys["a"].crs == "EPSG:32633"


def test_a_seed_that_no_engine_takes_and_a_pool_without_an_executors_map_are_refused():
    post = bj.posterior(bj.JointProblem([bj.Parameter("a", 1, prior=bj.GaussianPrior(0.0, 1.0))], [
        bj.Modality("s", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "a")]))
    refused(lambda: post.sample(3, seed=np.random.SeedSequence(3)), "seed must be an integer or a numpy", TypeError)
    with ThreadPool(1) as pool:
        refused(lambda: bj.calibrate(post.problem, n=20, draws=19, executor=pool), "executor must be", TypeError)
    refused(lambda: bj.calibrate(post.problem, n=20, draws=19, executor=np.ones(2).view(Mapped)), "executor", TypeError)


class Mapped(np.ndarray):
    """An array with a `map`, as a Series of pandas has one."""

    def map(self, function):
        return function
