"""What readers of formats share: the bytes and numbers of a file, never beyond its size, and what they hand back."""

import numpy as np

from ..._checks import as_finite, fail
from ..._memory import check_memory
from ..._text_table import decoded

WORDY = 40  # bytes of memory that one of a text may come to, as a list of words and then of numbers
PLAIN = 12  # and one of a binary file
DAMAGED = "It is damaged or cut short: fetch or write it again."


def content(path, each=PLAIN):
    """Bytes of a file that fits the memory, at `each` bytes for one of its."""
    check_memory("path", each * path.stat().st_size, f"{path.name!r} would take", "Cut a window out of it first.")
    return path.read_bytes()


def text(path):
    """A text file as one string."""
    return decoded(path, content(path, WORDY))


def whole(name, words, count):
    """So many integers > 0 that a header states."""
    try:
        found = [int(word) for word in words]
    except ValueError:
        found = []
    if len(found) != count or min(found) < 1:
        fail("path", f"state {name} ({count}) as integers > 0", " ".join(map(str, words))[:60] or "nothing", DAMAGED)
    return found


def reals(name, words, count):
    """So many finite numbers that a header states, as a list of floats."""
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if len(found) != count or not np.isfinite(found).all():
        fail("path", f"state {name} ({count}) as finite numbers", " ".join(map(str, words))[:60] or "nothing", DAMAGED)
    return found


def numbers(words, count):
    """As many numbers as were announced, from words; NaN where one says so."""
    check_count(len(words), count)
    try:
        values = np.array(words, dtype=float)
    except ValueError:
        values = None
    if values is None or any("_" in word for word in words):
        wrong = next((word for word in words if "_" in word or not _is_float(word)), "")
        fail("path", "hold numbers after its header", repr(wrong[:60]), "Correct it, or write the file again.")
    return values


def check_count(found, count):
    """Refuse another number of values than the header announces."""
    if found != count:
        fail("path", "hold as many values as its header says", f"{count} announced and {found} there", DAMAGED)


def axis(name, start, step, count):
    """Evenly spaced coordinates, ascending; (count,) floats."""
    start, step = (float(as_finite(f"{what} of {name}", value, 0)) for what, value in (
        ("the origin", start), ("the spacing", step)))
    if count > 1 and not step > 0:
        fail(f"the spacing of {name}", "be > 0", f"{step:g}", DAMAGED)
    return start + step * np.arange(count)


def grid(words, values, easting, northing, **more):
    """What a reader hands back of a grid whose rows run from south to north, or of stations."""
    return {"data": values, "easting": easting, "northing": northing, "upward": None, "std": None, "units": None,
            "std_units": None, "attributes": {}, "notes": {"data": f"values of {words}"}} | more


def _is_float(word):
    try:
        float(word)
    except ValueError:
        return False
    return True
