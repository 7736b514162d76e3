"""Simulated worlds: ground on fine cells, its data with noise and nuisances, and what an engine answers to them."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .._checks import as_finite, fail
from .._memory import check_memory
from .._places import blocks
from ..augment import NAME as DISCREPANCY
from ..forward import LatticeOperator, StationOperator, lattice_and_processing, refined, refined_mesh, run_ranges
from ..geology import draw_world
from ..priors import GaussianPrior
from ..problem import View
from ._counter import share_of_data, told_product, within
from ._surroundings import local_peak, window
from ._truths import drawn_noise

BLOCK_BYTES = 5e8  # of ground on fine cells held at once, one property
WHOLE_BYTES = 2.5e9  # of truths, answers and their shares kept for every cell; above it a sample of cells is kept
SAMPLE = 40_000  # cells of each property kept then
COPIES = 2  # of what is kept of all worlds, at least: 2.3 to 3.2 were measured
FOLDS = 4  # parts of the worlds, each left out once


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """Truths, data and answers of many worlds, for the ground cells kept.

    Parameters
    ----------
    cells : dict of ndarray of int
        {parameter: flat indices into its mesh of the cells kept}.
    places : dict of ndarray of int
        {parameter: their places among its free ground cells}.
    truth, estimate : dict of ndarray of float32, shape (worlds, cells)
        Averages of the simulated ground over the engine's cells, and the engine's posterior means; physical units.
        `estimate` holds besides, under `share_of(parameter)`, their share of the local peak; see `Simulator.answers`.
    data : ndarray, shape (worlds, n_data)
        Simulated data, stacked over modalities.
    whole : bool
        Whether every ground cell is kept.
    functionals : dict of (ndarray, ndarray), each shape (worlds, ...)
        {name: (of the truths, of the answers)}.
    """

    cells: dict
    places: dict
    truth: dict
    estimate: dict
    data: np.ndarray
    whole: bool
    functionals: dict = field(default_factory=dict)

    @property
    def count(self):
        """How many worlds there are."""
        return self.data.shape[0]

    def scaled(self, factor, middle):
        """The same worlds with other contrasts: truths and answers moved away from the prior mean, as is their noise.

        Parameters
        ----------
        factor : float
        middle : dict of ndarray, shape (cells,)
            {parameter: prior mean of the cells kept}.
        """
        def moved(values):
            return values | {k: (m + factor * (values[k] - m)).astype(np.float32) for k, m in middle.items()}

        return replace(self, truth=moved(self.truth), estimate=moved(self.estimate))

    def where(self, worlds):
        """Some of the worlds: indices or a mask."""
        return replace(
            self, truth={k: v[worlds] for k, v in self.truth.items()},
            estimate={k: v[worlds] for k, v in self.estimate.items()}, data=self.data[worlds],
            functionals={k: tuple(v[worlds] for v in pair) for k, pair in self.functionals.items()})

    def folds(self):
        """Masks (worlds,) of four parts of the worlds, dealt at random."""
        dealt = np.random.default_rng(0).permutation(self.count) % FOLDS
        yield from (dealt == k for k in range(FOLDS))


class Simulator:
    """Forward models on finer cells of one problem, made once for all worlds.

    Parameters
    ----------
    problem : JointProblem
        Linear operators. Operators of this package are evaluated on cells split in two along every axis (in three
        horizontally where a magnetic lattice lies on the mesh's top face, whose edges are singular); others on the
        engine's own cells, so that what they leave out is not simulated.
    beyond : float, optional
        Metres of ground simulated beyond the mesh on each side, on all sides alike. Default: the depth of the mesh
        where fields are continued, none where they end with the mesh.

    Attributes
    ----------
    free : dict of ndarray of int
        {parameter: flat indices of its ground cells that are not known}.
    middle : dict of ndarray, shape (cells,)
        {parameter: prior mean of those cells}.
    factor, layers : int
        Parts of a column along each horizontal axis, and of a layer.
    """

    layers = 2

    def __init__(self, problem, beyond=None):
        if problem.nonlinear:
            fail("problem", "have linear forward operators to be recalibrated", ", ".join(problem.nonlinear),
                 "Ask problem.linearised(x).")
        self.problem = problem
        self.meshed = [p for p in problem.parameters if p.mesh is not None]
        if not self.meshed or any(not p.mesh.same_cells(self.meshed[0].mesh) for p in self.meshed):
            fail("problem", "have its properties on one mesh to be recalibrated", f"{len(self.meshed)} of them",
                 "Lay one mesh for all.")
        self.mesh = self.meshed[0].mesh
        self._bases = [_base(problem, k) for k in range(len(problem.modalities))]
        self.factor = 3 if any(_singular_on_a_face(base) for base in self._bases) else 2
        if beyond is not None and as_finite("beyond", beyond, 0) < 0:
            fail("beyond", "be >= 0", f"{beyond:g}", "Give metres beyond the mesh.")
        reach = (self.mesh.depth[0] if problem.prior.continued else 0.0) if beyond is None else float(beyond)
        steps = self.mesh.horizontal_spacing() if reach else (1.0, 1.0)
        self.beyond = tuple(int(np.ceil(reach / s)) for s in steps)
        self.fine = refined_mesh(self.mesh, self.factor, self.layers, self.beyond)
        ground = np.flatnonzero(self.mesh.active)
        self.free = {p.name: ground[~p.fixed_mask[ground]] for p in self.meshed}
        self.middle = self._prior_means()
        self.block = int(np.clip(BLOCK_BYTES / (4 * self.fine.size), 1, 128))

    @cached_property
    def _operators(self):
        return [None if base is None else refined(base, self.fine, self.factor) for base in self._bases]

    @property
    def coarse(self):
        """Modalities that are simulated on the engine's own cells."""
        return [m.name for m, op in zip(self.problem.modalities, self._operators, strict=True) if op is None]

    def at_stations(self):
        """Operators on the fine cells of surveys whose stations are on no lattice."""
        return [refined(base, self.fine, self.factor) for base in self._bases if isinstance(base, StationOperator)]

    def draw(self, geology, seeds):
        """Ground of some worlds: {parameter: (len(seeds), *fine shape)} float32, 0 in air."""
        names = tuple(p.name for p in self.meshed)
        out = {name: np.empty((len(seeds), *self.fine.shape), dtype=np.float32) for name in names}

        def some(start, stop):
            for k in range(start, stop):
                world = draw_world(geology, self.fine, seeds[k], names)
                for name, values in out.items():
                    values[k] = world[name]

        # families of this package are functions of the seed alone; a function of the user's may not bear threads
        ours = all(hasattr(f, "draw") for f in getattr(geology, "families", (geology,)))
        (run_ranges if ours else lambda task, count: task(0, count))(some, len(seeds))
        if self.fine.has_air:
            for values in out.values():
                values[:, ~self.fine.active] = 0.0
        return out

    def average(self, fine):
        """Averages over the engine's cells of arrays on fine cells: (k, *fine shape) to (k, mesh size)."""
        nz, ny, nx = self.mesh.shape
        north, east = self.beyond
        f = self.factor
        inner = fine[:, :, north * f : (north + ny) * f, east * f : (east + nx) * f]
        return inner.reshape(-1, nz, self.layers, ny, f, nx, f).mean(axis=(2, 4, 6)).reshape(len(fine), -1)

    def clean(self, fine, truth, rng, tell=None):
        """Noise-free data of worlds, (k, n_data), nuisances drawn from their priors among them.

        Parameters
        ----------
        fine : dict of ndarray, shape (k, *fine shape)
        truth : dict of ndarray, shape (k, mesh size)
            Averages of `fine`.
        rng : numpy.random.Generator
        tell : callable, optional
            Called with the share of the data done, which stations on no lattice are many minutes at.
        """
        count = len(next(iter(truth.values())))
        columns = {name: values.reshape(count, -1).T for name, values in fine.items()}
        state = np.zeros((self.problem.size, count))
        for (where, bound), names in zip(self.problem.prior.blocks, self.problem.prior.block_members, strict=True):
            stands_for_cells = names == (DISCREPANCY,) and isinstance(
                self.problem.by_name[DISCREPANCY].prior, GaussianPrior)
            if all(self.problem.by_name[name].mesh is None for name in names) and not stands_for_cells:
                state[where] = (bound.mean + bound.covariance.sample(rng, count)).T
        whole = state.copy()
        for p in self.meshed:
            whole[self.problem.slices[p.name]] = np.nan_to_num(truth[p.name]).T / p.scale
        parts = []
        for k, (m, operator) in enumerate(zip(self.problem.modalities, self._operators, strict=True)):
            if operator is None:
                parts.append(self.problem.operator(k).matmat(whole).T)
                continue
            seen = next(name for name in m.parameters if name in columns)
            part = told_product(operator, columns[seen], share_of_data(tell, self.problem, k)).T.astype(float)
            if len(m.parameters) > 1:
                part += self.problem.operator(k).matmat(state).T
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def answers(self, found):
        """What a rule is told of an engine's answers: posterior means and their shares of the local peak.

        A share is the deviation from the prior mean over the local peak: the largest one, in size, of all cells whose
        columns are within about half the mesh's depth. It tells the core of a weak body from the fringe of a strong
        one, which mean over std does not, and it does not depend on contrast.

        Parameters
        ----------
        found : dict of ndarray, shape (k, nz, ny, nx)
            {parameter: posterior means, physical units}.

        Returns
        -------
        dict of ndarray of float32, shape (k, cells)
            {parameter: means} and {share_of(parameter): shares} of its free ground cells.
        """
        out = {}
        for name, free in self.free.items():
            values = found[name].reshape(-1, self.mesh.size)[:, free].astype(np.float32)
            field = np.zeros((len(values), self.mesh.size), dtype=np.float32)
            field[:, free] = np.abs(values - self.middle[name])
            peak = local_peak(field.reshape(-1, *self.mesh.shape), window(self.mesh)).reshape(len(values), -1)
            share = (values - self.middle[name]) / peak[:, free % peak.shape[1]]
            out |= {name: values, share_of(name): share.astype(np.float32)}
        return out

    def _prior_means(self):
        mean = np.zeros(self.problem.size)
        for where, bound in self.problem.prior.blocks:
            mean[where] = bound.mean
        return {p.name: p.scale * mean[self.problem.slices[p.name]][self.free[p.name]] for p in self.meshed}

    def discretisation(self, geology, seeds):
        """Data of some worlds on fine cells less those of their averages, (len(seeds), n_data); without noise."""
        fine = self.draw(geology, seeds)
        columns = {name: values.reshape(len(seeds), -1).T for name, values in fine.items()}
        state = np.zeros((self.problem.size, len(seeds)))
        for p in self.meshed:
            state[self.problem.slices[p.name]] = np.nan_to_num(self.average(fine[p.name])).T / p.scale
        return np.concatenate([
            operator.matmat(columns[next(n for n in m.parameters if n in columns)]).T
            - self.problem.operator(k).matmat(state).T
            for k, (m, operator) in enumerate(zip(self.problem.modalities, self._operators, strict=True))], axis=1)


def share_of(name):
    """Key of a parameter's shares of the local peak beside its estimates; see `Simulator.answers`."""
    return name, "share of local peak"


def live_through(simulator, post, geology, count, seed, functionals=None, progress=None):
    """Draw worlds, simulate their data and have an engine answer them.

    Parameters
    ----------
    simulator : Simulator
    post : Posterior
        Offers `mean_given`.
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
    estimate = {key: np.empty_like(truth[n]) for n in names for key in (n, share_of(n))}
    data = np.empty((count, sum(m.size for m in problem.modalities)))
    asked = {name: ([], []) for name in functionals or {}}
    for part in blocks(count, simulator.block):
        fine = simulator.draw(geology, seeds[part])
        real = {name: simulator.average(values) for name, values in fine.items()}
        data[part] = simulator.clean(fine, real, rng, within(part, progress))
        data[part] += drawn_noise(problem, rng, part.stop - part.start)
        found = _answer(simulator, post, data, part, places, estimate)
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
    post : Posterior
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
    estimate = {key: np.empty_like(lived.truth[n]) for n in names for key in (n, share_of(n))}
    for part in blocks(lived.count, simulator.block):
        _answer(simulator, post, data, part, pick["places"], estimate)
        if progress is not None:
            progress(part.stop)
    return Worlds(**pick, estimate=estimate, data=data, whole=lived.whole)


def _answer(simulator, post, data, part, places, estimate):
    """Put a part of the worlds' estimates at the cells kept, and return all that the engine answered."""
    found = post.problem.unpack(post.mean_given(data[part]))
    answers = simulator.answers(found)
    for name, at in places.items():
        for key in (name, share_of(name)):
            estimate[key][part] = answers[key][:, at]
    return found


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


def _base(problem, k):
    """What one modality sees the one property by that it sees, without columns joined to it; None for several."""
    seen = [name for name in problem.modalities[k].parameters if problem.by_name[name].mesh is not None]
    return View(problem, k, seen[0]).forward if len(seen) == 1 else None


def _singular_on_a_face(base):
    found = lattice_and_processing(base)
    lattice = found[0] if found else None
    return isinstance(lattice, LatticeOperator) and lattice.quantity.singular and bool(
        np.any(lattice.height <= lattice.mesh.upward_edges[-1]))
