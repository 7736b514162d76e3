import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from bayesjoint import Mesh
from bayesjoint.forward import MagneticOperator, StationSampling, _threads

MESH = Mesh.regular(shape=(8, 90, 100), spacing=(100, 100, 100))  # large enough to be split over threads
OPERATOR = MagneticOperator(MESH, MESH.easting, MESH.northing)


def product(seed, operator=OPERATOR):
    return operator.matvec(np.random.default_rng(seed).standard_normal(MESH.size))


@pytest.mark.parametrize(("count", "parts"), [(1, 4), (7, 3), (8, 8), (5, 1), (3, 0)])
def test_split_covers_all_in_order_without_empty_parts(count, parts):
    ranges = _threads.split(count, parts)
    assert [i for start, stop in ranges for i in range(start, stop)] == list(range(count))
    assert all(stop > start for start, stop in ranges) and len(ranges) <= max(parts, 1)


def test_run_keeps_order_and_passes_errors_on():
    assert _threads.run_tasks([lambda k=k: k**2 for k in range(9)]) == [k**2 for k in range(9)]
    with pytest.raises(ZeroDivisionError):
        _threads.run_tasks([lambda: 1, lambda: 1 / 0])


def test_side_by_side_keeps_order_shares_the_workers_and_passes_errors_on(monkeypatch):
    monkeypatch.setattr(_threads.os, "sched_getaffinity", lambda _: range(5), raising=False)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)

    def nested(k):
        inner = _threads.run_side_by_side([_threads.worker_count, _threads.worker_count])
        return k, sum(_threads.run_tasks([lambda: k, lambda: k])), inner

    found = _threads.run_side_by_side([lambda k=k: nested(k) for k in range(2)])
    assert found == [(k, 2 * k, [2, 2]) for k in range(2)]
    assert [k for k, *_ in _threads.run_side_by_side([lambda k=k: nested(k) for k in range(17)])] == list(range(17))
    with pytest.raises(ZeroDivisionError):
        _threads.run_side_by_side([lambda: 1 / 0, lambda: 1])
    assert _threads.worker_count() == 5


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_workers_follow_the_environment(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    assert _threads.worker_count() == 1
    monkeypatch.setenv(name, "many")
    assert 1 <= _threads.worker_count() <= os.cpu_count()


def test_operators_work_from_several_threads_and_through_pickle(monkeypatch):
    expected = [product(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for found, wanted in zip(pool.map(product, range(6)), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    copy = pickle.loads(pickle.dumps(StationSampling(OPERATOR, [500.0], [500.0], 0.0) @ OPERATOR))
    np.testing.assert_array_equal(product(0, copy.lattice), expected[0])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    np.testing.assert_allclose(product(0), expected[0], rtol=0, atol=1e-12 * np.abs(expected[0]).max())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_operators_survive_a_fork():
    """The pool's threads do not: a child that waited for them would hang."""
    expected = product(1)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        np.testing.assert_array_equal(pool.submit(product, 1).result(timeout=60), expected)
