"""Reading files with libraries that may meet anything in them."""

import gc
import sys
import warnings


def attempt(read):
    """Call what reads a file; say what kept it from being read.

    Parameters
    ----------
    read : callable
        Without arguments.

    Returns
    -------
    (object, None) or (None, str)
        What it returned, or the cause on one line. What a library then says of its half-open files is not shown.
    """
    before = sys.unraisablehook
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of several fill values and the like, which are no fault of the caller's
            return read(), None
    except Exception as error:  # whatever a damaged file sets off
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        sys.unraisablehook = lambda *_: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = before
    return None, cause
