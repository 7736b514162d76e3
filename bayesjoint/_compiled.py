"""Functions compiled by Numba, kept on disk where that is possible; a damaged cache, or none, is no fault."""

import contextlib
import hashlib
import pickle
from pathlib import Path

from numba import njit as _njit
from numba.core.caching import IndexDataCacheFile

__all__ = ["FAST", "njit"]
FAST = {"contract", "nsz", "reassoc"}  # sums in any order: vector instructions


def njit(**options):
    """Decorator: as `numba.njit`; with ``cache=True`` a missing place or a damaged file only costs the compilation.

    Parameters
    ----------
    **options
        Of `numba.njit`.

    Returns
    -------
    callable
    """
    kept = options.pop("cache", False)

    def compiled(function):
        dispatcher = _njit(**options)(function)
        if kept:
            with contextlib.suppress(Exception):  # no folder may be written: compile anew in each process
                dispatcher.enable_caching()
                dispatcher._cache = _Tolerant(dispatcher._cache)
        return dispatcher

    return compiled


class _Tolerant:
    """A cache of Numba's of which every failure counts as nothing found, or nothing kept."""

    def __init__(self, cache):
        self._cache = cache
        vars(cache)["_cache_file"].__class__ = _SealedFiles

    def __getattr__(self, name):
        return getattr(self._cache, name)

    def load_overload(self, signature, context):
        """The function compiled for a signature, or None."""
        try:
            return self._cache.load_overload(signature, context)
        except Exception:  # whatever a damaged file sets off; it is replaced below
            with contextlib.suppress(Exception):
                self._cache.flush()
            return None

    def save_overload(self, signature, data):
        """Keep the function if possible."""
        with contextlib.suppress(Exception):
            self._cache.save_overload(signature, data)


class _SealedFiles(IndexDataCacheFile):
    """Files of a cache with a checksum each: machine code with a flipped bit would crash the process."""

    def _dump(self, obj):
        content = super()._dump(obj)
        return content + hashlib.sha256(content).digest()

    def _load_index(self):
        try:
            with open(self._index_path, "rb") as file:
                version = pickle.load(file)
                content = file.read()
        except FileNotFoundError:
            return {}
        if version != self._version:
            return {}
        stamp, overloads = pickle.loads(_unsealed(content))
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name):
        return pickle.loads(_unsealed(Path(self._data_path(name)).read_bytes()))


def _unsealed(content):
    """Content without its checksum, or OSError."""
    content, seal = content[:-32], content[-32:]
    if hashlib.sha256(content).digest() != seal:
        msg = "a file of the cache is damaged"
        raise OSError(msg)
    return content
