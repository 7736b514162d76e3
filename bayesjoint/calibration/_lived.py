"""Worlds lived through: ground drawn, its data simulated, and what an engine answers to them, block by block."""

import numpy as np

from .._checks import fail
from .._memory import check_memory
from .._places import blocks
from ._counter import within
from ._truths import drawn_noise
from ._worlds import Worlds, share_of, spread_of

WHOLE_BYTES = 2.5e9  # of truths, answers and their shares kept for every cell; above it a sample of cells is kept
SAMPLE = 40_000  # cells of each property kept then
COPIES = 2  # of what is kept of all worlds, at least: 2.3 to 3.2 were measured


def live_through(simulator, post, geology, count, seed, functionals=None, progress=None):
    """Draw worlds, simulate their data and have an engine answer them.

    Parameters
    ----------
    simulator : Simulator
    post : Posterior or Reruns
        Offers `mean_given`, or `moments_given`.
    geology : callable
        ``geology(mesh, seed) -> {parameter: array}``.
    count : int
        Worlds.
    seed : int or numpy.random.Generator
    functionals : dict of callable, optional
        {name: function of {parameter: (k, *shape)}}, evaluated on truths and on answers as they arise.
    progress : callable, optional
        Called with the number of worlds done; within a block of them by the share of their data.

    Returns
    -------
    Worlds
    """
    rng = np.random.default_rng(seed)
    seeds = [int(s) for s in rng.integers(0, 2**62, count)]
    problem, names = simulator.problem, [p.name for p in simulator.meshed]
    places, whole = _places(simulator, count, rng)
    cells = {n: simulator.free[n][places[n]] for n in names}
    truth = {n: np.empty((count, cells[n].size), dtype=np.float32) for n in names}
    estimate = {key: np.empty_like(truth[n]) for n in names for key in _told(n, post)}
    data = np.empty((count, sum(m.size for m in problem.modalities)))
    asked = {name: ([], []) for name in functionals or {}}
    for part in blocks(count, simulator.block):
        fine = simulator.draw(geology, seeds[part])
        real = {name: simulator.average(values) for name, values in fine.items()}
        anew = hasattr(post, "moments_given")  # the runs are then what takes time, not the data
        data[part] = simulator.clean(fine, real, rng, None if anew else within(part, progress))
        data[part] += drawn_noise(problem, rng, part.stop - part.start)
        found = _answer(simulator, post, data, part, places, estimate, progress)
        for name in names:
            truth[name][part] = real[name][:, cells[name]]
        for name, function in (functionals or {}).items():
            shaped = {n: v.reshape(-1, *simulator.mesh.shape) for n, v in real.items()}
            for kept, model in zip(asked[name], (shaped, {n: found[n] for n in names}), strict=True):
                kept.append(function(model))
        if progress is not None:
            progress(part.stop)
    return Worlds(cells=cells, places=places, truth=truth, estimate=estimate, data=data, whole=whole,
                  functionals={name: tuple(np.concatenate(v) for v in pair) for name, pair in asked.items()})


def live_again(simulator, post, problem, lived, progress=None):
    """Worlds that were lived through already, answered by another engine that sees some of the same surveys.

    Parameters
    ----------
    simulator : Simulator
        Of `post`.
    post : Posterior or Reruns
        Of surveys and properties among those of `problem`.
    problem : JointProblem
        Whose data `lived` holds.
    lived : Worlds
    progress : callable, optional
        Called with the number of worlds done.

    Returns
    -------
    Worlds
    """
    names = [p.name for p in simulator.meshed]
    held = all(n in lived.cells and np.array_equal(simulator.free[n][lived.places[n]], lived.cells[n]) for n in names)
    known = {m.name: m.size for m in problem.modalities}
    seen = all(known.get(m.name) == m.size for m in post.problem.modalities)
    if not held or not seen:
        fail("worlds", "be of the same surveys and cells", "others", "Give a number of worlds.")
    data = np.concatenate([lived.data[:, problem.data_slices[m.name]] for m in post.problem.modalities], axis=1)
    pick = {key: {n: getattr(lived, key)[n] for n in names} for key in ("cells", "places", "truth")}
    estimate = {key: np.empty_like(lived.truth[n]) for n in names for key in _told(n, post)}
    for part in blocks(lived.count, simulator.block):
        _answer(simulator, post, data, part, pick["places"], estimate, progress)
        if progress is not None:
            progress(part.stop)
    return Worlds(**pick, estimate=estimate, data=data, whole=lived.whole)


def _answer(simulator, post, data, part, places, estimate, progress):
    """Put a part of the worlds' estimates at the cells kept, and return all that the engine answered."""
    spread = None
    if hasattr(post, "moments_given"):
        tell = None if progress is None else lambda done: progress(part.start + done)
        found, spread = (post.problem.unpack(values) for values in post.moments_given(data[part], tell))
    else:
        found = post.problem.unpack(post.mean_given(data[part]))
    answers = simulator.answers(found, spread)
    for name, at in places.items():
        for key in _told(name, post):
            estimate[key][part] = answers[key][:, at]
    return found


def _told(name, post):
    """Keys of what a rule is told of one property: the std too where it is another for every world."""
    return name, share_of(name), *([spread_of(name)] if hasattr(post, "moments_given") else [])


def kept_whole(simulator, count):
    """Whether all ground cells of so many worlds are kept."""
    return 3 * 4 * count * sum(free.size for free in simulator.free.values()) <= WHOLE_BYTES


def check_worlds(argument, simulator, count, families=1):
    """Refuse worlds that the memory cannot hold, with what is made of them; those of all families are kept.

    Parameters
    ----------
    argument : str
        Name used in the error.
    simulator : Simulator
    count, families : int
        Worlds of each family, and families.
    """
    whole = kept_whole(simulator, count)
    cells = sum(free.size if whole else min(free.size, SAMPLE) for free in simulator.free.values())
    data = simulator.problem.data_size
    drawn = 4.0 * min(count, simulator.block) * simulator.fine.size * len(simulator.meshed)
    check_memory(argument, drawn + COPIES * families * count * (8.0 * data + 3 * 4 * cells),
                 f"{count} worlds of {cells} cells and {data} data would take at least", "Ask for fewer.")


def _places(simulator, count, rng):
    """Which free ground cells of each property are kept, and whether these are all."""
    sizes = {name: free.size for name, free in simulator.free.items()}
    whole = kept_whole(simulator, count)
    return {name: np.arange(n) if whole or n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))
            for name, n in sizes.items()}, whole
