"""The file of a posterior, written and extended block by block."""

import numpy as np

from .._checks import as_count, fail
from .._progress import progress_bar
from ..dataset import GrowingFile, read_attributes, read_tree
from ._draw_blocks import BLOCK, blocks_of, drawn
from ._export import further_draws

OTHERWISE = "Write another file, or ask with what the file was made with."
ALIKE = 0.01  # of the standard deviation: draws made again may differ by what rounding does to solves


def write_blocks(post, path, draws, chains, seed, progress, beside):
    """Make or extend a file; arguments as in `Posterior.to_file`."""
    if as_count("seed", seed, 0, "The file keeps it to be extended: use for example 0.", TypeError) >= 2**63:
        fail("seed", "lie between 0 and 2**63", repr(seed), "Use for example 0.")
    with GrowingFile(path) as file:
        if file.draws:
            if beside:
                fail("path", f"name a new file for {', '.join(beside)}", "one that is there", "They are kept when a "
                     "file is made: leave them out to extend this one.")
            _check(post, file.path, chains, seed, draws > file.draws)
        else:
            file.begin(post.to_datatree(draws if post.markov else min(BLOCK, draws), chains, seed, **beside))
        if draws > file.draws:
            first = file.draws - file.draws % BLOCK
            further = further_draws(post, first, draws, chains, seed)
            for start, tree in progress_bar(progress, further, "draws", -(-(draws - first) // BLOCK),
                                            unit=f"{BLOCK} draws a chain"):
                file.extend(tree, start)
    return file.path


def _check(post, path, chains, seed, longer):
    """Refuse to extend what is not the beginning of the same sample: its first draws are made again."""
    from ._loaded import LoadedPosterior  # which is itself a posterior that can be asked for a file

    tree = read_tree(path, lazy=True)
    said, sizes, held = read_attributes(tree), tree["posterior"].sizes, LoadedPosterior(tree)
    if post.markov and longer:
        fail("path", "name a new file where draws are Markov chains", f"one of {sizes['draw']} draws",
             "Stored chains are thinned to what is asked for: write them anew.")
    worlds = {key: value for key, value in said.items() if key.startswith("recalibration_")}
    for key, asked, found in (("seed", int(seed), said.get("seed")), ("chains", chains, sizes["chain"]),
                              ("method", post.method, said.get("method")),
                              ("recalibration", sorted(map(str, post.extra_attributes().values())) if worlds or hasattr(
                                  post, "record") else [], sorted(map(str, worlds.values()))),
                              *_told(post.problem, held.problem)):
        if asked != found:
            fail(key, f"be those of the file, {found!r}", repr(asked), OTHERWISE)
    pairs = [("means", post.mean(), held.mean())]
    if not post.markov:
        x = next(drawn(post, blocks_of(seed, min(BLOCK, sizes["draw"])), clean=False)).x
        pairs.append(("draws", post.problem.unpack(x), {name: v[0, : len(x)].values for name, v in
                                                        tree["posterior"].data_vars.items()}))
    slack = held.std()
    for what, made, stored in pairs:
        for name, values in made.items():
            alike = np.abs(values - stored[name]) <= ALIKE * slack[name] + 1e-6 * np.abs(values)
            if not np.all(alike | np.isnan(stored[name])):
                fail("path", "name a file of the same problem and engine", f"other {what} of {name} of this seed",
                     OTHERWISE)
    tree.close()


def _told(mine, theirs):
    """(what, of the problem, of the file) of parameters and surveys."""
    for what in ("parameters", "modalities"):
        one, other = ({p.name: p for p in getattr(problem, what)} for problem in (mine, theirs))
        yield what, list(one), list(other)
        if list(one) != list(other):
            return
        for name in one:
            yield f"units of {name}", one[name].units, other[name].units
    for m in mine.modalities:
        other = theirs.surveys[m.name]
        yield f"likelihood exponent of {m.name}", mine.weights[m.name], theirs.weights[m.name]
        for what, one, kept in (("data", m.data, other.data), ("noise", m.noise.variance(), other.noise.variance())):
            same = one.shape == kept.shape and np.allclose(one, kept, rtol=1e-9, atol=0.0)
            yield f"{what} of {m.name}", _words(one, None if same else one), _words(kept, None if same else one)


def _words(values, told):
    """A few of the values, where they are told."""
    return "the same" if told is None else f"{np.size(values)} values from {np.min(values):.6g} to {np.max(values):.6g}"
