"""Reading files with libraries that may meet anything in them."""

import gc
import subprocess
import sys
import warnings
from contextlib import contextmanager

from ._checks import fail

PATIENCE = 20.0  # seconds for what is read in a tenth of one where a file is sound
# Lists of what a damaged heap holds may have no end, from which nothing in this process can wake HDF5.
PROBE = """import sys, h5py
def look(name, found):
    dict(found.attrs)
    if isinstance(found, h5py.Dataset) and found.dtype.hasobject:
        found[...]
with h5py.File(sys.argv[1]) as file:
    look("", file)
    file.visititems(look)
"""


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


def attempt_hdf5(path, read):
    """`attempt` to read an HDF5 file, once another process has come to the end of its attributes and text."""
    try:
        ended = subprocess.run([sys.executable, "-P", "-c", PROBE, str(path)], timeout=PATIENCE, check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        return None, f"HDF5 came to no end of it within {PATIENCE:g} s"
    except (OSError, TypeError):  # no process can be had here
        ended = 0
    return attempt(read) if ended >= 0 else (None, f"HDF5 fell over it with signal {-ended}")


@contextmanager
def whole(argument):
    """While something is made of what was read: whatever a damaged file lacks is a refusal too."""
    try:
        yield
    except Exception as error:
        if " must " in str(error):
            raise
        fail(argument, "hold a whole posterior", f"{type(error).__name__}: {error}",
             "It is damaged: make it anew by post.to_file.")
