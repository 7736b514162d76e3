"""What every posterior says of its draws: samples, streams, the dataset and its file."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, checked, fail
from .._memory import check_memory
from .._typing import Any, Callable, MapResult, Path, Seed
from ._draw_blocks import BLOCK, Drawn, blocks_of, drawn
from ._export import to_datatree
from ._registry import check_shape
from ._to_file import write_blocks


@checked
class DrawsOfPosterior:
    """The part of `Posterior` that hands out draws."""

    def sample(self, draws: int = 200, chains: int = 4, seed: Seed = 0):
        """Posterior draws, independent but for engines that run Markov chains.

        Draws come in blocks of ten, each from a seed of its own: of one seed more draws (or chains) begin with fewer,
        and any executor gives the same numbers. Markov chains hand out their stored draws, evenly thinned: these hang
        on how many are asked, and not on the seed.

        Parameters
        ----------
        draws : int, default 200
            Per chain.
        chains : int, default 4
            Draws are independent; chains are there because ArviZ's diagnostics compare them.
        seed : int or numpy.random.Generator, default 0
            A generator gives one integer, which seeds the blocks.

        Returns
        -------
        dict of ndarray
            {parameter: (chain, draw, *shape)}, physical units.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "slope")
        >>> post = bj.posterior(bj.JointProblem([slope], [line]))
        >>> few, many = post.sample(draws=15)["slope"], post.sample(draws=40)["slope"]
        >>> bool((few == many[:, :15]).all())
        True
        """
        draws, chains = _lengths(draws, chains, self.problem.size)
        flat = np.empty((chains, draws, self.problem.size))
        blocks = blocks_of(seed, draws, chains)
        for block, found in zip(blocks, drawn(self, blocks, clean=False), strict=True):
            flat[block.chain, block.draws] = found.x
        return self.problem.unpack(flat)

    def stream(self, draws: int = 200, seed: Seed = 0):
        """Posterior draws block by block in float32, for surveys whose draws together would not fit memory.

        Parameters
        ----------
        draws : int, default 200
            How many: those of the first chain of `sample` with this seed, rounded.
        seed : int or numpy.random.Generator, default 0

        Yields
        ------
        dict of ndarray
            {parameter: (k, *shape)} in physical units, at most ten draws at a time.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
        >>> post = bj.posterior(bj.JointProblem([slope], [line]))
        >>> [block["slope"].shape[0] for block in post.stream(draws=25)]
        [10, 10, 5]
        """
        for found in drawn(self, blocks_of(seed, *_lengths(draws, 1)), clean=False):
            yield {name: values.astype(np.float32) for name, values in self.problem.unpack(found.x).items()}

    def draw_blocks(self, blocks, clean=True):
        """`Drawn` of every `DrawBlock` of draws, in order: each made whole by its own generator, then cut."""
        for block in blocks:
            rng = block.generator()
            x, data = self.joint_draws(rng, BLOCK) if clean else (self.state_draws(rng, BLOCK), None)
            check_shape(self.method, "draws", x, (BLOCK, self.problem.size))
            yield Drawn(x[: block.kept], data if data is None else data[: block.kept], {})

    def to_datatree(self, draws: int = 50, chains: int = 4, seed: Seed = 0, separate: dict | None = None,
                    conflict: Any = None, result: MapResult | None = None, diagnostics: dict | None = None,
                    progress: Callable | None = None):
        """The posterior as an xarray.DataTree in ArviZ's flat groups.

        Parameters
        ----------
        draws, chains : int, default 50 and 4
            Draws kept, as in `sample`.
        seed : int, default 0
            Kept in the dataset. Of one seed more draws extend fewer, in every group, as in `sample`.
        separate : dict of {modality name: Posterior}, optional
            Posteriors of the separate inversions, to stand beside the joint one.
        conflict : Conflict, optional
            What `conflict` found on the same problem, to stand with the answer.
        result : MapResult, optional
            Its history is kept as the record of convergence.
        diagnostics : dict of {str: xarray.Dataset}, optional
            Answers to keep with the posterior, each as a group of that name: ``{"resolution": bj.resolution(post)}``.
            The report has words for ``resolution``, ``leakage``, ``identifiability``, ``comparison``, ``calibration``,
            and those whose names begin with ``functionals``.
        progress : callable, optional
            Called with ("draws", draws made, draws in all) as they are made, then with (what, done, in all) as the
            standard deviations of each posterior are begun.

        Returns
        -------
        xarray.DataTree
        """
        if conflict is not None and not hasattr(conflict, "datasets"):
            fail("conflict", "be what bj.conflict returns", type(conflict).__name__, "Pass bj.conflict(problem).",
                 TypeError)
        names = [m.name for m in self.problem.modalities]
        for name, other in as_mapping("separate", separate).items():
            if name not in names or not isinstance(other, DrawsOfPosterior):
                fail("separate", f"hold posteriors under modality names {names}", f"{name!r}: {type(other).__name__}",
                     "Pass post.separate(), or {name: posterior(problem)}.")
        draws, chains = _lengths(draws, chains, self.problem.size + self.problem.data_size)
        return to_datatree(self, draws, chains, seed, separate, result,
                           ({} if conflict is None else conflict.datasets()) | as_mapping("diagnostics", diagnostics),
                           progress)

    def to_file(self, path: str | Path, draws: int = 200, chains: int = 4, seed: int = 0, progress: bool = False,
                **beside: Any):
        """Write the dataset to a file block by block, without holding all draws; or extend one with more draws.

        The file is that of ``to_datatree``, with its draws appended ten a chain at a time. Where it is there already
        only further draws are made: its first ones are made again, to see that seed, problem and engine are the same.
        Whatever stops the run, the file holds whole blocks.

        Parameters
        ----------
        path : path-like
            netCDF file, for `load`, xarray and ArviZ.
        draws, chains : int, default 200 and 4
            Draws of each chain that it is to hold.
        seed : int, default 0
        progress : bool, default False
            Show a progress bar.
        **beside
            ``separate``, ``conflict``, ``result``, ``diagnostics`` as for `to_datatree`, for a file that is new.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        ValueError, TypeError
            If the file holds another sample, the seed is no integer, or Markov chains are to extend a file.

        Examples
        --------
        >>> import tempfile
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "slope")
        >>> post = bj.posterior(bj.JointProblem([slope], [line]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for draws in (15, 40):
        ...         bj.load(post.to_file(folder + "/posterior.nc", draws=draws)).held
        (4, 15)
        (4, 40)
        """
        draws, chains = _lengths(draws, chains)
        return write_blocks(self, path, draws, chains, seed, progress, beside)


def as_mapping(name, value):
    """A dict, empty for None; anything else is refused."""
    if value is not None and not isinstance(value, dict):
        fail(name, "be a dict", type(value).__name__, "Pass {name: value}.", TypeError)
    return value or {}


def _lengths(draws, chains, numbers=0):
    """Draws and chains as integers; refused where so many numbers of each draw would not fit the memory."""
    draws, chains = as_count("draws", draws, error=TypeError), as_count("chains", chains, error=TypeError)
    check_memory("draws", 8.0 * draws * chains * numbers,
                 f"{draws} in {chains} chain(s) of {numbers} numbers would take",
                 "Ask for fewer, or go through post.stream(draws).")
    return draws, chains
