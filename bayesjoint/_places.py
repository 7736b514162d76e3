"""Places in vectors and matrices: runs laid end to end, blocks carried at once, unit vectors."""

from itertools import accumulate, pairwise

import numpy as np


def runs(sizes):
    """Slices of the given sizes, one after another.

    Examples
    --------
    >>> runs([2, 3])
    [slice(0, 2, None), slice(2, 5, None)]
    """
    return [slice(first, stop) for first, stop in pairwise(accumulate(map(int, sizes), initial=0))]


def blocks(count, step, first=0):
    """Slices of at most `step` that together cover what lies from `first` to `count`.

    Examples
    --------
    >>> blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + step, count)) for start in range(first, count, step)]


def unit_columns(size, places):
    """Unit vectors as columns, shape (size, k), of places given as integers or as a slice.

    Examples
    --------
    >>> unit_columns(3, slice(1, 3)).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    index = np.arange(size)[places]
    out = np.zeros((size, index.size))
    out[index, np.arange(index.size)] = 1.0
    return out


def as_slice(index):
    """A slice where indices run on, so that views are taken rather than copies; else the indices themselves.

    Examples
    --------
    >>> as_slice(np.array([3, 4])), as_slice(np.array([3, 5])).tolist()
    (slice(3, 5, None), [3, 5])
    """
    run = index.size and np.array_equal(index, np.arange(index[0], index[0] + index.size))
    return slice(int(index[0]), int(index[0]) + index.size) if run else index


def half_counts(period):
    """How many wavenumbers of a period each of the first half stands for: two, or one that is its own mirror image."""
    return np.where(np.arange(period // 2 + 1) * 2 % period == 0, 1.0, 2.0)
