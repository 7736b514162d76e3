"""Numbers that information is counted about, as linear functionals of the state vector."""

import numpy as np

from .._checks import as_finite, fail, one_of
from ..functionals import state_weights

TARGET_LIMIT = 4_000  # numbers in a target that information is counted about


def target_columns(problem, target):
    """Linear functionals of x, shape (size, k), that a target stands for.

    Parameters
    ----------
    problem : JointProblem
        The problem.
    target : str or dict
        A parameter: each of its values. {parameter: weights on physical values}, of the parameter's shape for one
        number or with one axis in front for several.
    """
    if isinstance(target, str):
        p = problem.by_name[one_of("target", target, tuple(problem.by_name))]
        where = problem.slices[target]
        free = np.flatnonzero(problem.free[where]) + where.start
        if not 0 < free.size <= TARGET_LIMIT:
            fail("target", f"hold 1 to {TARGET_LIMIT} unknown values", f"{target!r} with {free.size}",
                 "Pass {parameter: weights} of averages over regions instead.")
        out = np.zeros((problem.size, free.size))
        out[free, np.arange(free.size)] = p.scale
        return out
    if not isinstance(target, dict) or not target or set(target) - set(problem.by_name):
        fail("target", f"be a parameter name or weights by name among {sorted(problem.by_name)}", repr(target)[:60],
             "Pass {'density': array of the mesh's shape}.", TypeError if not isinstance(target, dict) else ValueError)
    arrays = {name: as_finite(f"target[{name!r}]", array) for name, array in target.items()}
    counts = set()
    for name, array in arrays.items():
        shape = problem.by_name[name].shape
        if array.shape[-len(shape):] != shape or array.ndim > len(shape) + 1:
            fail(f"target[{name!r}]", f"have shape {shape}, or one axis in front", f"{array.shape}", "Reshape it.")
        counts.add(1 if array.ndim == len(shape) else array.shape[0])
    if len(counts) > 1:
        fail("target", "ask for as many numbers of each parameter", f"{sorted(counts)}", "Fill up with zeros.")
    count = counts.pop()
    stacked = {name: array.reshape(count, *problem.by_name[name].shape) for name, array in arrays.items()}
    return np.stack([state_weights(problem, {name: a[k] for name, a in stacked.items()}) for k in range(count)], axis=1)
