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

THREADS_FROM = 100_000  # cells above which sums over them gain from threads
SCRATCH_BYTES = 2**22  # larger work arrays are made afresh: beside their transforms their pages cost little

_local = threading.local()
_pools = {}


def _pool(level):
    """The pool of one level of nesting: tasks that wait for others never hold the threads those need."""
    if level not in _pools:
        _pools[level] = ThreadPoolExecutor(max_workers=max(worker_count(), 2), thread_name_prefix=f"bayesjoint-{level}")
    return _pools[level]


def worker_count():
    """Threads to use: the process's CPUs, at most ``NUMBA_NUM_THREADS`` or ``OMP_NUM_THREADS`` if set.

    Within `run_side_by_side` it is this task's share of them.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = (os.environ.get(name, "") for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"))
    return max(1, min([count, *(int(limit) for limit in limits if limit.isdigit())]) // getattr(_local, "sharers", 1))


def run_tasks(tasks):
    """Run callables, the first in this thread and the others in the pool; return their results in order."""
    if len(tasks) == 1:
        return [tasks[0]()]
    futures = [_pool("inner").submit(task) for task in tasks[1:]]
    first = tasks[0]()
    return [first, *(future.result() for future in futures)]


def run_side_by_side(tasks):
    """Run callables that use threads themselves, as many at once as there are workers, which they share.

    One after another where there is one worker, and within such a task.
    """
    workers = worker_count()
    if len(tasks) == 1 or workers == 1 or hasattr(_local, "sharers"):
        return [task() for task in tasks]
    sharers = min(len(tasks), workers)

    def share(part):
        _local.sharers = sharers
        try:
            return [task() for task in tasks[slice(*part)]]
        finally:
            del _local.sharers

    parts = split(len(tasks), sharers)
    futures = [_pool("outer").submit(share, part) for part in parts[1:]]
    first = share(parts[0])
    return [*first, *(answer for future in futures for answer in future.result())]


def run_ranges(task, count):
    """Run ``task(start, stop)`` on ranges that share out `count` items among the workers."""
    run_tasks([lambda start=start, stop=stop: task(start, stop) for start, stop in split(count, worker_count())])


def split(count, parts):
    """Bounds of at most `parts` nearly equal, non-empty ranges of `count` items, as (start, stop) pairs."""
    parts = max(1, min(parts, count))
    bounds = [count * k // parts for k in range(parts + 1)]
    return list(pairwise(bounds))


def stretches(size):
    """Bounds of the ranges that vector work on `size` cells is cut into, in threads where that gains time."""
    return split(size, worker_count() if size >= THREADS_FROM else 1)


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


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_pools.clear)
