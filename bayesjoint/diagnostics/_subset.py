"""A part of a posterior small enough for statistics that take every number by itself."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, checked, fail
from .._typing import xr
from ..dataset import DatasetBuilder


@checked
def subset(tree: xr.DataTree, cells: int = 50, directions: int = 5, seed: int = 0) -> xr.DataTree:
    """Fixed random cells and leading directions of a posterior's draws, for ArviZ.

    ESS and R-hat of a million cells take half an hour; those of some cells chosen at random, and of the directions in
    which draws vary most, tell as much of whether a sampler mixed.

    Parameters
    ----------
    tree : xarray.DataTree
        From `to_datatree`.
    cells : int, default 50
        Of each parameter, chosen at random without return; all where there are no more.
    directions : int, default 5
        Leading principal directions of each parameter's draws, in units of their std over draws.
    seed : int, default 0
        The same seed gives the same cells.

    Returns
    -------
    xarray.DataTree
        Its ``posterior`` group holds ``<name>`` (chain, draw, <name>_cell), with the flat index of the cell as
        coordinate, and ``<name>_direction`` (chain, draw, <name>_leading).

    Raises
    ------
    ValueError, TypeError
        If the tree holds no draws, or a count is no positive integer.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 3, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0, 1.0, 0.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    >>> tree = bj.posterior(bj.JointProblem([slope], [line])).to_datatree(draws=20)
    >>> subset(tree, cells=2, directions=1)["posterior"]["slope"].shape
    (4, 20, 2)
    """
    import xarray

    if "posterior" not in getattr(tree, "children", {}):
        fail("tree", "hold posterior draws", type(tree).__name__, "Pass post.to_datatree().", TypeError)
    cells, directions = as_count("cells", cells), as_count("directions", directions)
    rng, table = np.random.default_rng(seed), DatasetBuilder()
    for name, variable in tree["posterior"].data_vars.items():
        flat = np.asarray(variable.values, dtype=float).reshape(*variable.shape[:2], -1)
        kept = np.sort(rng.permutation(flat.shape[2])[:cells])
        table.along(f"{name}_cell", kept, f"flat index of the cell of {name}")
        table.add(name, (f"{name}_cell",), flat[:, :, kept], variable.attrs["units"], variable.attrs["long_name"],
                  draws=True)
        leading = _leading(flat, directions)
        table.along(f"{name}_leading", np.arange(leading.shape[2]), f"number of the leading direction of {name}")
        table.add(f"{name}_direction", (f"{name}_leading",), leading, "1",
                  f"leading directions of {variable.attrs['long_name']}, in their std", draws=True)
    return xarray.DataTree.from_dict({"/posterior": table.dataset({"seed": str(seed), "cells": cells})})


def _leading(flat, count):
    """Scores (chain, draw, count) of the directions in which draws vary most."""
    chains, draws, size = flat.shape
    rows = flat.reshape(-1, size)
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = min(count, int(np.sum(values > 1e-12 * max(values[-1], 1e-300))))
    scores = vectors[:, ::-1][:, :max(kept, 1)] * np.sqrt(chains * draws)
    return scores.reshape(chains, draws, -1)
