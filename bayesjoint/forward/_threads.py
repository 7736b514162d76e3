"""A small thread pool shared by the operators.

Numba's own parallel loops are not used: its fallback threading layer aborts the process when two Python threads enter
it, and users do run chains in threads. Kernels release the GIL instead, as SciPy's transforms do.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import prod

import numpy as np

SCRATCH_BYTES = 2**22  # larger work arrays are made afresh: beside their transforms their pages cost little

_local = threading.local()
_state = {"pool": None}


def worker_count():
    """Threads to use: the process's CPUs, at most ``NUMBA_NUM_THREADS`` or ``OMP_NUM_THREADS`` if set."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = (os.environ.get(name, "") for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"))
    return max(1, min([count, *(int(limit) for limit in limits if limit.isdigit())]))


def run_tasks(tasks):
    """Run callables, the first in this thread and the others in the pool; return their results in order."""
    if len(tasks) == 1:
        return [tasks[0]()]
    if _state["pool"] is None:
        _state["pool"] = ThreadPoolExecutor(max_workers=max(worker_count(), 2), thread_name_prefix="bayesjoint")
    futures = [_state["pool"].submit(task) for task in tasks[1:]]
    first = tasks[0]()
    return [first, *(future.result() for future in futures)]


def run_ranges(task, count):
    """Run ``task(start, stop)`` on ranges that share out `count` items among the workers."""
    run_tasks([lambda start=start, stop=stop: task(start, stop) for start, stop in split(count, worker_count())])


def split(count, parts):
    """Bounds of at most `parts` nearly equal, non-empty ranges of `count` items, as (start, stop) pairs."""
    parts = max(1, min(parts, count))
    bounds = [count * k // parts for k in range(parts + 1)]
    return list(pairwise(bounds))


def scratch(name, shape, dtype):
    """Uninitialised work array of this thread, the same memory at each call by one name.

    A fresh array of a few hundred kilobytes costs more in page faults than the transform that fills it.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size > SCRATCH_BYTES:
        return np.empty(shape, dtype=dtype)
    held = _local.__dict__.get(name)
    if held is None or held.size < size:
        held = _local.__dict__[name] = np.empty(size, dtype=np.uint8)
    return held[:size].view(dtype).reshape(shape)


def _forget_pool():
    _state["pool"] = None


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_forget_pool)
