"""Input checks shared by every room: each error names the argument, the requirement, what was found and the remedy."""

import numpy as np


def fail(argument, requirement, found, remedy, error=ValueError):
    """Raise `error` with the project's four-part message.

    Parameters
    ----------
    argument, requirement, found, remedy : str
        What is wrong, what it must be, what it was, and what the caller can do.
    error : type, default ValueError
        Exception class.
    """
    msg = f"{argument} must {requirement}; found {found}. {remedy}"
    raise error(msg)


def as_finite(argument, values, ndim=None, allow_nan=False):
    """Return `values` as a float64 array, refusing NaN/Inf and a wrong number of dimensions.

    Truth values, text, dates and complex numbers are refused rather than converted; masked entries count as NaN.

    Parameters
    ----------
    argument : str
        Name used in the error.
    values : array_like
        Input.
    ndim : int or tuple of int, optional
        Allowed numbers of dimensions.
    allow_nan : bool, default False
        Permit NaN (a survey's marked gaps); Inf is refused always.

    Returns
    -------
    ndarray of float64
    """
    try:
        if np.ma.isMaskedArray(values):
            values = values.astype(np.float64).filled(np.nan)
        array = np.asarray(values)
        found = None if array.dtype.kind in "iufO" else f"{type(values).__name__} of dtype {array.dtype}"
        array = array if found else array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        found = type(values).__name__
    if found:
        fail(argument, "be numeric", found, "Pass real numbers or a NumPy array of them.", TypeError)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if allowed is not None and array.ndim not in allowed:
        fail(argument, f"have {' or '.join(map(str, allowed))} dimension(s)", f"shape {array.shape}", "Reshape it.")
    bad = np.isinf(array) if allow_nan else ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" (first at index {first})" if array.ndim else ""
        fail(
            argument,
            "hold no Inf" if allow_nan else "hold finite numbers only",
            f"{int(bad.sum())} offending value(s){where}",
            "Remove or mark them before building the object.",
        )
    return array


def as_positive(argument, values, ndim=None):
    """Return `values` as float64, refusing anything not finite and > 0."""
    array = as_finite(argument, values, ndim)
    if array.size and array.min() <= 0:
        fail(argument, "be > 0", f"minimum {array.min():g}", "Check units and sign.")
    return array


def frozen(values):
    """A copy of an array that cannot be written to; one that already cannot is returned as it is.

    What others have computed from an object may be kept with it, and must stay true.
    """
    array = np.asarray(values)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def as_count(argument, value, least=1, remedy="Give a count.", error=ValueError):
    """Return `value` as an int, refusing what is no integer (by `error`), or is less than `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        fail(argument, f"be an integer >= {least}", repr(value), remedy, ValueError if whole else error)
    return int(value)


def as_shape(argument, values, shape):
    """Broadcast a scalar, or check an array, to exactly `shape` (float64, finite)."""
    array = as_finite(argument, values)
    if array.ndim == 0:
        return np.full(shape, float(array))
    if array.shape != tuple(shape):
        fail(argument, f"be a scalar or have shape {tuple(shape)}", f"shape {array.shape}", "Reorder or reshape it.")
    return array


def one_of(argument, value, allowed):
    """Return `value` if it is among `allowed`, else raise ValueError listing them."""
    if value not in allowed:
        fail(argument, f"be one of {', '.join(map(repr, allowed))}", repr(value), "Correct the spelling.")
    return value
