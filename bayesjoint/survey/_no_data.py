"""Numbers that stand for no measurement: those that the caller names, and those that files are known to use."""

import numpy as np

from .._checks import NO_NUMBERS, as_finite, fail

NINES = (999.25, 9999.0, 9999.9, 9999.99, 99999.0, 99999.9, 99999.99, 999999.0, 999999.9, 9999999.0, 32767.0, 32768.0,
         2147483647.0, 2147483648.0)
PLAIN, APART = (99.99, 999.0, 999.99, 1e9, 1e10), 5.0  # may be measured: marks where so many times all else in size
HUGE = 1e19  # nothing is measured in numbers beyond it, save in units of other physics
CLOSE = 6e-8  # relative: a sentinel that went through single precision


def listed(missing):
    """The caller's missing values as a tuple of floats."""
    if missing is None:
        return ()
    several = isinstance(missing, list | tuple | set | frozenset) or getattr(missing, "ndim", 0)
    values = list(missing) if several else [missing]
    if any(isinstance(v, NO_NUMBERS) or np.ndim(v) for v in values):
        fail("missing", "be a number or a list of numbers", " ".join(repr(missing).split())[:60],
             "Pass e.g. missing=[-9999, 1e32].", TypeError)
    endless = [v for v in values if v in (np.inf, -np.inf)]
    rest = as_finite("missing", [v for v in values if v == v and v not in endless], 1)  # NaN marks gaps anyway
    return (*map(float, rest), *map(float, endless))


def without(values, missing):
    """Values with NaN where they are one of `missing`, exactly or as single precision holds it."""
    values = np.array(values, dtype=float)
    if not missing:
        return values
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
        for mark in missing:
            rounded = np.float32(mark)
            values[(values == mark) | (np.isfinite(rounded) & (single == rounded))] = np.nan
    return values


def suspects(values):
    """{mark: how often} of numbers among the values that mark missing ones in many files."""
    values = np.asarray(values, dtype=float)
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        marked = (size >= HUGE) & np.isfinite(size)
        for nine in NINES:
            marked |= np.abs(size - nine) <= CLOSE * nine
        plain = {mark: np.abs(size - mark) <= CLOSE * mark for mark in PLAIN}
        rest = size[~np.any([marked, *plain.values()], axis=0) & np.isfinite(size)]
        for mark, found in plain.items():
            if rest.size and mark > APART * rest.max():
                marked |= found
    marks, counts = np.unique(values[marked], return_counts=True)
    return dict(zip(map(float, marks), map(int, counts), strict=True))


def refuse_suspects(argument, values, remedy):
    """Refuse values among which is a number that marks missing ones in many files."""
    found = suspects(values)
    if found:
        words = ", ".join(f"{count} of {mark:.9g}" for mark, count in found.items())
        marks = ", ".join(f"{mark:.9g}" for mark in found)
        fail(argument, "hold no number that marks a missing value", words, remedy.format(marks=marks))
