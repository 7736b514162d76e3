"""The file of a posterior, written and extended block by block."""

import numpy as np

from .._checks import fail
from ..dataset import GrowingFile, read_attributes, read_tree
from .drawing import BLOCK, blocks_of, drawn
from .export import further_draws

OTHERWISE = "Write another file, or ask with what the file was made with."
ALIKE = 0.01  # of the standard deviation: draws made again may differ by what rounding does to solves


def write_blocks(post, path, draws, chains, seed, progress, beside):
    """Make or extend a file; arguments as in `Posterior.to_file`."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        fail("seed", "be an integer, which the file keeps to be extended", type(seed).__name__, "Use for example 0.",
             TypeError)
    with GrowingFile(path) as file:
        if file.draws:
            _check(post, file.path, chains, seed, draws > file.draws)
        else:
            file.begin(post.to_datatree(draws if post.markov else min(BLOCK, draws), chains, seed, **beside))
        if draws > file.draws:
            first = file.draws - file.draws % BLOCK
            further = further_draws(post, first, draws, chains, seed)
            for start, tree in _shown(further, -(-(draws - first) // BLOCK), progress):
                file.extend(tree, start)
    return file.path


def _shown(rows, count, progress):
    if not progress:
        return rows
    from tqdm.auto import tqdm

    return tqdm(rows, desc="draws", total=count, unit=f"{BLOCK} draws a chain")


def _check(post, path, chains, seed, longer):
    """Refuse to extend what is not the beginning of the same sample: its first draws are made again."""
    tree = read_tree(path, lazy=True)
    said, held, sizes = read_attributes(tree), tree["posterior"], tree["posterior"].sizes
    if post.markov and longer:
        fail("path", "name a new file where draws are Markov chains", f"one of {sizes['draw']} draws",
             "Stored chains are thinned to what is asked for: write them anew.")
    for key, asked, found in (("seed", int(seed), said.get("seed")), ("chains", chains, sizes["chain"]),
                              ("method", post.method, said.get("method")),
                              ("parameters", list(post.problem.by_name), said["parameters"])):
        if asked != found:
            fail(key, f"be those of the file, {found!r}", repr(asked), OTHERWISE)
    blocks = blocks_of(seed, min(BLOCK, sizes["draw"]))
    for name, values in () if post.markov else post.problem.unpack(next(drawn(post, blocks, clean=False)).x).items():
        stored, slack = held[name][0, : len(values)].values, tree["posterior_summary"][f"{name}_std"].values
        alike = stored.shape == values.shape and np.all(
            (np.abs(values - stored) <= ALIKE * slack + 1e-6 * np.abs(values)) | np.isnan(stored))
        if not alike:
            fail("path", "name a file of the same problem and engine", f"other draws of {name} of this seed",
                 OTHERWISE)
    tree.close()
