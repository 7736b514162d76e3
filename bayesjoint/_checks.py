"""Input checks shared by every room: each error names the argument, the requirement, what was found and the remedy."""

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, MappingView
from functools import wraps
from inspect import currentframe, formatannotation, signature
from itertools import chain, zip_longest
from math import inf
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import FunctionType

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


def warn(message, category=UserWarning):
    """Warn, at the line outside this package that led here."""
    frame, level = currentframe().f_back, 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


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
    """Return `value` as a Path, refusing what lies in no folder that exists, and what is there but no file."""
    path = as_path(argument, value)
    if path.exists() and not path.is_file():
        fail(argument, "name a file, or nothing yet", f"{str(path)!r}, a folder or a device", "Choose another name.")
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
    whole = _whole(value)
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
    if getattr(value, "ndim", 0) or value not in tuple(allowed):
        fail(argument, f"be one of {', '.join(map(repr, allowed))}", repr(value), "Correct the spelling.")
    return value


def _number(value):
    return (isinstance(value, Real) and not isinstance(value, bool | np.bool_)) or _scalar(value, "iuf")


def _whole(value):
    return (isinstance(value, Integral) and not isinstance(value, bool | np.bool_)) or _scalar(value, "iu")


def _scalar(value, kinds):
    return getattr(value, "ndim", None) == 0 and getattr(getattr(value, "dtype", None), "kind", " ") in kinds


def _several(value):
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _seed(value):
    return _whole(value) or isinstance(value, np.random.Generator)


def _has(*names):
    """A test whether a value has attributes, which no class has that merely stands for its objects."""
    return lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in names)


def _maps(value):
    """Whether a value's `map` is that of an executor; a pool's takes one list, and a client of Dask's gives futures."""
    return hasattr(value, "map") and not isinstance(value, Mapping) and not any(
        hasattr(value, name) for name in ("apply_async", "get_executor", "dtype"))


def _held(value, kinds):
    """A value as functions here look at it: a mapping as a dict, what can be gone through only once as a list."""
    if KINDS["dict"] in kinds and isinstance(value, Mapping) and not isinstance(value, dict) and not hasattr(
            value, "dims"):  # a dataset is no argument by names
        return dict(value)
    return list(value) if kinds and isinstance(value, Iterator | MappingView) else value


NUMBERS = (_number, _whole, _seed)
NOT_NEGATIVE = ("seed", "rng", "size", "count")
COUNTS = ("draws", "chains", "n", "worlds", "sensitivity_worlds", "count", "size", "mesh", "layers", "degree", "bands",
          "directions")  # of what is held or gone through one by one
MOST = 10**9
FILE, DRAWN = (lambda value: isinstance(value, str | PathLike)), "Pass bj.Geology([...]), or bj.Mixture([...])."
KINDS = {  # a word of an annotation: whether a value is one, what to call it, and what to do instead
    "None": (lambda value: value is None, "None", ""),
    "str": (lambda value: isinstance(value, str), "text", "Put it in quotes."),
    "bool": (lambda value: isinstance(value, bool | np.bool_) or _scalar(value, "b"), "True or False", "Say which."),
    "int": (_whole, "an integer", "Give one whole number."),
    "float": (_number, "a number", "Give one number."),
    "dict": (lambda value: isinstance(value, dict), "a dict", "Pass {name: value}."),
    "list": (_several, "a list", "Put it in brackets."), "tuple": (_several, "a tuple", "Put it in brackets."),
    "Sequence": (_several, "a list", "Put it in brackets."),
    "Sequence[str]": (lambda value: _several(value) and isinstance(value, Collection) and all(
        isinstance(name, str) for name in value), "a list of names", 'Write ["one", "other"].'),
    "ArrayLike": (lambda value: _number(value) or isinstance(value, list | tuple | range) or (
        hasattr(value, "__array__") and not isinstance(value, Mapping)), "a number or an array", "Pass numbers."),
    "Callable": (callable, "a function", "Pass one that can be called."),
    "Path": (FILE, "the name of a file", "Pass a string or a Path."),
    "Seed": (_seed, "an integer or a numpy.random.Generator", "0 will do."),
    "np.random.Generator": (_has("standard_normal", "integers"), "a numpy.random.Generator",
                            "Pass numpy.random.default_rng(0)."),
    "Executor": (_maps, "an executor, whose map gives results",
                 "Pass one of concurrent.futures, or client.get_executor() of Dask."),
    "JointProblem": (_has("parameters", "modalities"), "a JointProblem",
                     "Build bj.JointProblem(parameters, modalities)."),
    "Posterior": (_has("problem"), "a posterior", "Pass what bj.posterior(...) or bj.load(...) gives."),
    "Mesh": (_has("easting_edges"), "a Mesh", "Build bj.Mesh(...)."),
    "Survey": (_has("observed", "coordinates"), "a Survey", "Build bj.Survey(...), or bj.read_survey(path)."),
    "Parameter": (_has("to_hat", "mesh"), "a Parameter", "Build bj.Parameter(...)."),
    "Prior": (_has("bind"), "a prior", "Try bj.Matern(std, range)."),
    "Distribution": (_has("settle", "draw"), "a distribution", "Try bj.Uniform(low, high)."),
    "RockTable": (_has("units", "shares"), "a RockTable", "Try bj.RockTable.textbook()."),
    "Geology": (_has("draw", "resized"), "a Geology", DRAWN), "Mixture": (_has("draw", "resized"), "a Mixture", DRAWN),
    "LinearOperator": (_has("shape"), "a linear operator", "Pass an operator or a matrix."),
    "ForwardModel": (_has("linearise"), "a ForwardModel", "Build bj.ForwardModel(...)."),
    "MapResult": (_has("model"), "a MAP", "Pass what bj.find_map(...) gave."),
    "HyperparameterFit": (_has("table"), "a fit", "Pass what bj.fit_hyperparameters(...) gave."),
    "StateModel": (_has("transition", "noise"), "a StateModel", "Build bj.StateModel(...)."),
    "xr.DataTree": (_has("children"), "a result tree", "Pass post.to_datatree()."),
    "Window": (_has("northing", "easting", "depth"), "a Window", "Build bj.Window(northing, easting)."),
    "Axes": (_has("plot", "figure"), "Axes of Matplotlib", "Leave it out for new ones."),
    "Figure": (_has("add_subplot"), "a Figure of Matplotlib", "Leave it out for a new one."),
}


def checked(thing):
    """Decorate a public function, or a class with its public methods: arguments are what annotations say, or refused.

    Words of an annotation that `KINDS` does not know let everything pass. What is refused is so before anything is
    computed, by a TypeError; NaN for a number and a seed below zero by a ValueError.
    """
    if isinstance(thing, type):
        for name, value in vars(thing).copy().items():
            function = getattr(value, "__func__", value)
            if (name == "__init__" or name[0] != "_") and isinstance(function, FunctionType):
                made = checked(function)
                setattr(thing, name, type(value)(made) if function is not value else made)
        return thing
    known = {p.name: kinds for p in signature(thing).parameters.values() if (kinds := kinds_of(p))}
    if not known:
        return thing
    order = tuple(signature(thing).parameters)

    @wraps(thing)
    def checking(*arguments, **options):
        arguments = [_held(value, known.get(name, ())) for name, value in zip_longest(order, arguments)][
            :len(arguments)]
        options = {name: _held(value, known.get(name, ())) for name, value in options.items()}
        for name, value in chain(zip(order, arguments, strict=False), options.items()):
            if name in known:
                check_kind(name, value, known[name])
        return thing(*arguments, **options)
    return checking


def kinds_of(parameter):
    """Entries of `KINDS` that the annotation of a parameter names; none where it may be anything."""
    note = parameter.annotation
    words = [] if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) else [
        word.strip() for word in (note if isinstance(note, str) else formatannotation(note)).split("|")]
    found = [KINDS.get(word, KINDS.get(word.split("[")[0])) for word in words]
    return found if all(found) else []


def check_kind(argument, value, kinds):
    """Refuse what is of none of some kinds."""
    words, remedy = " or ".join(dict.fromkeys(kind[1] for kind in kinds)), kinds[0][2]
    test = next((kind[0] for kind in kinds if kind[0](value)), None)
    if test is None:
        fail(argument, f"be {words}", f"{type(value).__name__} {_short(value)}", remedy, TypeError)
    if argument in COUNTS and _whole(value) and value > MOST:
        fail(argument, f"be {words}, of {MOST:.0e} at the most", f"{value}", "Ask for fewer.")
    least = -inf if argument not in NOT_NEGATIVE else 0
    if test in NUMBERS and isinstance(value, Real) and not value >= least:
        fail(argument, f"be {words}, and {'>= 0' if least == 0 else 'finite'}", f"{value}", remedy)
