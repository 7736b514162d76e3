"""Input checks shared by every room: each error names the argument, the requirement, what was found and the remedy."""

from pathlib import Path

import numpy as np

NO_NUMBERS = (bool, np.bool_, complex, np.complexfloating, str, bytes, np.datetime64, np.timedelta64)
DIM_NAMES = {"upward": ("upward", "z"), "northing": ("northing", "y"), "easting": ("easting", "x")}


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
    array, found = _real(values)
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


def _real(values):
    """(float64 array, None), or (None, what is no real number)."""
    try:
        values = arranged(values)
        mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
        array = np.asarray(np.ma.getdata(values) if mask is not None else values)
        if array.dtype.kind not in "iufO":
            return None, f"{type(values).__name__} of dtype {array.dtype}"
        if array.dtype.kind == "O":
            wrong = next((x for x in array.flat if isinstance(x, NO_NUMBERS)), None)
            if wrong is not None:
                return None, f"{type(wrong).__name__} {_short(wrong)} among the values"
        elif isinstance(values, list | tuple) and _has_truth_values(values):
            return None, "a truth value among the numbers"
        array = array.astype(np.float64, copy=False)
        return (array if mask is None else np.where(mask, np.nan, array)), None
    except (TypeError, ValueError, OverflowError):
        return None, f"{type(values).__name__} {_short(values)}"


def _short(value):
    """At most 60 letters of what a value looks like, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _has_truth_values(values):
    """Whether a nested list holds True or False, which NumPy makes 1 and 0."""
    return any(isinstance(v, bool | np.bool_) or (isinstance(v, list | tuple) and _has_truth_values(v))
               for v in values)


def arranged(values):
    """A labelled array of a field with its dims in the order of arrays here, its coordinates ascending.

    Dims are known by their names, ``("upward", "northing", "easting")`` or z, y and x; anything else is returned as it
    is.
    """
    dims = getattr(values, "dims", None)
    if not isinstance(dims, tuple) or len(dims) < 2 or not hasattr(values, "transpose"):
        return values
    known = [_role(dim) for dim in dims]
    if None in known or len(set(known)) < len(known):
        return values
    values = values.transpose(*(dims[known.index(role)] for role in DIM_NAMES if role in known))
    for dim in values.dims:
        axis = np.asarray(values[dim]) if dim in values.coords else np.zeros(0)
        if axis.ndim == 1 and axis.size > 1 and axis.dtype.kind in "iuf" and np.all(np.diff(axis) < 0):
            values = values.isel({dim: slice(None, None, -1)})
    return values


def _role(dim):
    return next((role for role, names in DIM_NAMES.items() if str(dim).lower() in names), None)


OBJECTS = {
    "post": (("problem",), "be a posterior", "Pass what bj.posterior(...) or bj.load(...) gives."),
    "problem": (("parameters", "modalities"), "be a JointProblem", "Build bj.JointProblem(parameters, modalities)."),
}


def check_object(argument, value):
    """Refuse what is no posterior (argument "post") or no problem (argument "problem")."""
    needed, requirement, remedy = OBJECTS[argument]
    if not all(hasattr(value, name) for name in needed):
        fail(argument, requirement, f"{type(value).__name__} {_short(value)}", remedy, TypeError)


def as_path(argument, value):
    """Return `value` as a Path, refusing what names no file."""
    try:
        return Path(value)
    except TypeError:
        return fail(argument, "be the name of a file", f"{type(value).__name__} {_short(value)}",
                    "Pass a string or a Path.", TypeError)


def as_file(argument, value):
    """Return `value` as a Path, refusing what is no file that exists."""
    path = as_path(argument, value)
    if not path.is_file():
        fail(argument, "name an existing file", repr(str(path)), "Check the name and the working directory.",
             FileNotFoundError)
    return path


def as_target(argument, value):
    """Return `value` as a Path, refusing what lies in no folder that exists."""
    path = as_path(argument, value)
    if not path.parent.is_dir():
        fail(argument, "lie in an existing folder", str(path.parent), "Create the folder first.", FileNotFoundError)
    return path


def as_positive(argument, values, ndim=None):
    """Return `values` as float64, refusing anything not finite and > 0."""
    array = as_finite(argument, values, ndim)
    if array.size and array.min() <= 0:
        fail(argument, "be > 0", f"minimum {array.min():g}", "Check units and sign.")
    return array


def as_share(argument, value):
    """Return `value` as a float, refusing what does not lie between 0 and 1."""
    share = float(as_finite(argument, value, 0))
    if not 0 < share < 1:
        fail(argument, "lie between 0 and 1", f"{share:g}", "Give a share such as 0.9.")
    return share


def frozen(values):
    """A copy of an array that cannot be written to; one that already cannot is returned as it is.

    What others have computed from an object may be kept with it, and must stay true.
    """
    array = np.asarray(values)
    if _may_change(array):
        array = array.copy()
        array.flags.writeable = False
    return array


def _may_change(array):
    """Whether an array can be written to, itself or through what it is a view of."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return True
        array = array.base
    return array is not None  # the memory of something else


def as_count(argument, value, least=1, remedy="Give a count.", error=ValueError):
    """Return `value` as an int, refusing what is no integer (by `error`), or is less than `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        fail(argument, f"be an integer >= {least}", repr(value), remedy, ValueError if whole else error)
    return int(value)


def as_shape(argument, values, shape, allow_nan=False):
    """Broadcast a scalar, or check an array, to exactly `shape` (float64, finite, or NaN where that is allowed)."""
    array = as_finite(argument, values, allow_nan=allow_nan)
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
