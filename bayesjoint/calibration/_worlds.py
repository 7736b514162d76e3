"""Simulated worlds: ground on fine cells, its data with noise and nuisances, and what an engine answers to them."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .._checks import as_finite, fail
from ..augment import NAME as DISCREPANCY
from ..forward import LatticeOperator, StationOperator, lattice_and_processing, refined, refined_mesh, run_ranges
from ..geology import draw_world
from ..priors import GaussianPrior
from ..problem import View
from ._counter import share_of_data, told_product
from ._surroundings import local_peak, window

BLOCK_BYTES = 5e8  # of ground on fine cells held at once, one property
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
        `estimate` holds besides, under `share_of(parameter)`, their share of the local peak and, where the engine's
        standard deviations depend on the data, these under `spread_of(parameter)`; see `Simulator.answers`.
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

    def answers(self, found, spread=None):
        """What a rule is told of an engine's answers: posterior means and their shares of the local peak.

        A share is the deviation from the prior mean over the local peak: the largest one, in size, of all cells whose
        columns are within about half the mesh's depth. It tells the core of a weak body from the fringe of a strong
        one, which mean over std does not, and it does not depend on contrast.

        Parameters
        ----------
        found : dict of ndarray, shape (k, nz, ny, nx)
            {parameter: posterior means, physical units}.
        spread : dict of ndarray, the same shapes, optional
            Posterior standard deviations, where they are others for other data.

        Returns
        -------
        dict of ndarray of float32, shape (k, cells)
            {parameter: means}, {share_of(parameter): shares} and, if given, {spread_of(parameter): standard deviations}
            of its free ground cells.
        """
        out = {}
        for name, free in self.free.items():
            values = found[name].reshape(-1, self.mesh.size)[:, free].astype(np.float32)
            field = np.zeros((len(values), self.mesh.size), dtype=np.float32)
            field[:, free] = np.abs(values - self.middle[name])
            peak = local_peak(field.reshape(-1, *self.mesh.shape), window(self.mesh)).reshape(len(values), -1)
            share = (values - self.middle[name]) / peak[:, free % peak.shape[1]]
            out |= {name: values, share_of(name): share.astype(np.float32)}
            if spread is not None:
                out[spread_of(name)] = spread[name].reshape(-1, self.mesh.size)[:, free].astype(np.float32)
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


def spread_of(name):
    """Key of the standard deviations of a parameter among what a rule is told, where they depend on the data."""
    return name, "std"


def _base(problem, k):
    """What one modality sees the one property by that it sees, without columns joined to it; None for several."""
    seen = [name for name in problem.modalities[k].parameters if problem.by_name[name].mesh is not None]
    return View(problem, k, seen[0]).forward if len(seen) == 1 else None


def _singular_on_a_face(base):
    found = lattice_and_processing(base)
    lattice = found[0] if found else None
    return isinstance(lattice, LatticeOperator) and lattice.quantity.singular and bool(
        np.any(lattice.height <= lattice.mesh.upward_edges[-1]))
