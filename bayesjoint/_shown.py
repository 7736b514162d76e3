"""Short texts for what a user holds: at most a few lines, however many numbers stand behind it."""

from dataclasses import fields

import numpy as np

LONGEST = 300  # characters of a repr
FEW = 4  # values or entries that are all shown


def short(cls):
    """Class decorator for a dataclass: its repr shows every field, arrays by shape and range, and is cut at 300.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @short
    ... @dataclass
    ... class Field:
    ...     name: str
    ...     values: np.ndarray
    >>> Field("g", np.arange(12.0).reshape(3, 4))
    Field(name='g', values=array 3 x 4, 0 to 11)
    """

    def __repr__(self):
        told = ", ".join(f"{f.name}={shown(getattr(self, f.name))}" for f in fields(self) if f.repr)
        return cut(f"{type(self).__name__}({told})")

    cls.__repr__ = __repr__
    return cls


def shown(value):
    """A value in short: arrays by shape and range, long sequences by their beginning and their length.

    Examples
    --------
    >>> shown(np.float64(2.5)), shown([1, 2]), shown(list(range(9))), shown({"a": np.zeros(7)})
    ('2.5', '[1, 2]', '[0, 1, 2, 3, … 9 in all]', "{'a': array 7, 0 to 0}")
    """
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, dict):
        return "{" + named(f"{key!r}: {shown(v)}" for key, v in value.items()) + "}"
    if type(value) in (list, tuple):
        opened, closed = "[]" if isinstance(value, list) else "()"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return opened + named(map(shown, value)) + comma + closed
    return repr(value)


def named(names):
    """Names, or other texts, as in a sentence, of many the first and how many there are.

    Examples
    --------
    >>> named(["a", "b"]), named("abcdefg")
    ('a, b', 'a, b, c, d, … 7 in all')
    """
    names = list(names)
    rest = [f"… {len(names)} in all"] if len(names) > FEW else []
    return ", ".join(names[:FEW] + rest)


def ordinal(number):
    """Which one in a row.

    Examples
    --------
    >>> [ordinal(k) for k in (2, 3, 4, 11, 22)]
    ['second', '3rd', '4th', '11th', '22nd']
    """
    if number == 2:
        return "second"
    end = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{end}"


def cut(text):
    """A text of at most 300 characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 2]}…)"


def _array(values):
    if values.size <= FEW:
        return repr(values.tolist())
    size = " x ".join(map(str, values.shape))
    if values.dtype.kind not in "iuf":
        return f"array {size} of {values.dtype}"
    known = values[np.isfinite(values)]
    return f"array {size}, {known.min():.4g} to {known.max():.4g}" if known.size else f"array {size}, nothing finite"
