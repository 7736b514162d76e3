"""A file of draws that grows block by block: the tree of the first ones, to which further draws are appended."""

import os
import shutil
from contextlib import contextmanager

import numpy as np

from .._checks import as_target, fail
from .._interrupts import held
from ._beside import beside, steady, sweep, wait
from ._files import GROWN, write_tree

PUBLISHED = 1.5  # the file is put in place anew whenever it has grown by this factor: a killed run loses a third


class GrowingFile:
    """A dataset whose draws grow; it is written beside its path and put in place, always with whole blocks.

    Use it within ``with GrowingFile(path) as file``: whatever ends the block, an interruption too, the path then holds
    all draws that were appended whole. A process that is killed leaves what was in place last: two thirds at least.

    Parameters
    ----------
    path : path-like
        Target; a file that is there is extended.

    Attributes
    ----------
    draws : int
        Draws of every chain that it holds; 0 of a new file.

    Examples
    --------
    >>> import tempfile
    >>> from bayesjoint.dataset import ParameterBlock, build_tree, read_tree
    >>> def drawn(first, last):
    ...     return build_tree([ParameterBlock(name="mass", draws=[np.arange(first, last)], units="kg")])
    >>> with tempfile.TemporaryDirectory() as folder, GrowingFile(folder + "/posterior.nc") as file:
    ...     file.begin(drawn(0, 2))
    ...     file.extend(drawn(2, 5), 2)
    ...     file.draws
    5
    """

    def __init__(self, path):
        self.path = as_target("path", path)
        sweep(self.path)
        self._beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part-growing")
        self.draws, self._placed, self._changed = 0, 0, False

    def __enter__(self):
        if self.path.exists():
            self._refuse_other()
            with self._opened("r", self.path) as file:
                held = file.groups["posterior"].dimensions.get("draw") if "posterior" in file.groups else None
                if held is None or not held.isunlimited():
                    fail("path", "name a file whose draws can grow, or none", "one written whole",
                         "Write another file with post.to_file.")
                self.draws = self._placed = held.size
            shutil.copyfile(self.path, self._beside)
        return self

    def __exit__(self, *_):
        try:
            if self._changed:
                self._cut()
                wait()
                self._beside.replace(self.path)
        finally:
            self._beside.unlink(missing_ok=True)

    def _refuse_other(self):
        """What is no netCDF file is neither read nor written over."""
        try:
            with self._opened("r", self.path):
                return
        except Exception:  # whatever a damaged file sets off in the libraries below
            fail("path", "name a netCDF file of draws, or none", f"{self.path}, which is another file or a folder",
                 "Choose another path.")

    @contextmanager
    def _opened(self, mode, path=None):
        import h5netcdf

        mode_of_raw = {"r": "rb", "r+": "r+b"}[mode]
        with held(), steady(path or self._beside, mode_of_raw) as raw, h5netcdf.File(raw, mode) as file:
            yield file

    def begin(self, tree):
        """Write the first draws with everything else.

        Parameters
        ----------
        tree : xarray.DataTree
            From `build_tree`, with a group ``posterior``.
        """
        write_tree(tree, self._beside, growing=True)
        self.draws, self._changed = tree["posterior"].sizes["draw"], True
        self._place()

    def extend(self, tree, first):
        """Append draws.

        Parameters
        ----------
        tree : xarray.DataTree
            Their groups: with the same chains and variables as the file's.
        first : int
            Place of the first of them in the chains; what the file holds from there on is replaced.
        """
        last = first + tree["posterior"].sizes["draw"]
        with self._opened("r+") as file:
            for name in set(GROWN) & set(tree.children):
                group = file.groups[name]
                group.resize_dimension("draw", max(last, self.draws))
                group.variables["draw"][first:last] = np.arange(first, last)
                for variable, values in tree[name].data_vars.items():
                    group.variables[variable][:, first:last] = values.values
        self.draws, self._changed = max(last, self.draws), True
        if self.draws >= PUBLISHED * self._placed:
            self._place()

    def _cut(self):
        """Take away what an interrupted block has left."""
        with self._opened("r+") as file:
            for name in set(GROWN) & set(file.groups):
                file.groups[name].resize_dimension("draw", self.draws)

    def _place(self):
        """Put a copy in place."""
        with beside(self.path) as copy:
            shutil.copyfile(self._beside, copy)
        self._placed = self.draws
