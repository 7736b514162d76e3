"""Gibbs sweeps over single unknowns between bounds: what they need to know of a problem, and the chains they make."""

import numpy as np
from scipy import sparse

from .._checks import fail
from ..forward import run_tasks
from ..priors import SparsePrecision
from ..problem import unweighted
from ._datum_weights import DatumWeights
from ._integrated_out import IntegratedOut
from ._sweeps import Columns, Laws, Tie, sweep

LARGEST_BYTES = 4e9  # of the forward operators' columns
REFRESH = 50  # sweeps after which sums are computed anew: rounding adds up
FLATTEST = 1e-4  # least curvature of a focusing cell, in units of its rate: changes its law by 1e-8
LAW = 100  # entries that drawing from a cut law takes as long as
NONE = np.ones(0)  # weights of data where all noise is Gaussian
LEAST_ACCEPTED = 0.01  # of the moves of a focusing cell


class CoordinateSampler:
    """Each unknown in turn from its law given all others: a Gaussian, or with p = 1 two halves of them, cut to bounds.

    With F the noise-whitened operators stacked on a root of the prior's precision, an unknown sees the others through
    F x alone, which is kept: drawing one costs its column of F. Every other sweep replaces an unknown by its mirror
    image in the quantiles of its law (Adler 1981; Neal 1998), which leaves the posterior as it is and moves along
    instead of about. Warming up draws only: mirrored sweeps keep what energy a start had. Where noise is Student-t,
    weights of the data are drawn before each sweep.

    Parameters
    ----------
    problem : JointProblem
        Linear operators; priors Gaussian or Focusing(p=1) of the model; at most a Gramian of two members.
    neighbours : int
        Of `SparsePrecision`.

    Attributes
    ----------
    precisions : list of SparsePrecision
        Of the Gaussian blocks of the prior.
    exact : bool
        Whether all of them are kept whole.
    work : float
        Entries of F that a sweep goes over, and as many as drawing from its law costs an unknown.
    """

    def __init__(self, problem, neighbours):
        self._weights = None if problem.gaussian_noise else DatumWeights(problem)
        self._loose = IntegratedOut(problem)
        problem = unweighted(problem)
        self._cells = np.setdiff1d(np.flatnonzero(problem.free), self._loose.places)
        self._backward = np.ascontiguousarray(self._cells[::-1])
        self._start = problem.start()
        values, first, span = self._operators(problem)
        self._keep_prior(problem, neighbours)
        curvature = self._squares + np.asarray(self._root.multiply(self._root).sum(axis=0)).ravel()
        if not curvature[self._cells].min() > 0:
            fail("prior", "or data hold every unknown", "one that neither does", "Give it a GaussianPrior.")
        self._columns = Columns(values, first, span, self._root.data, self._root.indices, self._root.indptr)
        self._laws = Laws(problem.lower, problem.upper, curvature, *self._focusing)
        self._tie = _tied(problem)
        self.exact = all(p.exact for p in self.precisions)
        self.work = float(np.sum(np.diff(span)[self._cells]) + self._root.nnz + LAW * self._cells.size)

    def _operators(self, problem):
        """√w L⁻¹ A by columns; of a parameter only the rows of the surveys that see it, and what lies between."""
        seen = {p.name: [rows for m, rows in problem.data_slices.items() if p.name in problem.surveys[m].parameters]
                for p in problem.parameters}
        spans = {name: (min((s.start for s in rows), default=0), max((s.stop for s in rows), default=0))
                 for name, rows in seen.items()}
        lengths = [p.size * (spans[p.name][1] - spans[p.name][0]) for p in problem.parameters]
        if 8.0 * sum(lengths) > LARGEST_BYTES:
            fail("problem", f"have data x unknowns fit {LARGEST_BYTES / 1e9:g} GB for Gibbs sweeps between bounds",
                 f"{8e-9 * sum(lengths):.3g} GB", "Use a coarser mesh or thin the surveys.")
        values, done, views = np.zeros(sum(lengths)), 0, {}
        first, span = np.zeros(problem.size, dtype=np.int64), np.zeros((problem.size, 2), dtype=np.int64)
        for p, length in zip(problem.parameters, lengths, strict=True):
            where, (start, stop) = problem.slices[p.name], spans[p.name]
            first[where], span[where] = done + (stop - start) * np.arange(p.size), (start, stop)
            views[p.name] = values[done : done + length].reshape(p.size, stop - start)
            done += length
        self._data = np.empty(problem.data_size)
        for name, rows in problem.data_slices.items():
            survey, root = problem.surveys[name], np.sqrt(problem.weights[name])
            self._data[rows] = root * survey.noise.whiten(survey.data)
            matrix = root * survey.noise.whiten(problem.operator(name).matrix())
            self._loose.take(name, matrix, self._data[rows])
            for parameter in survey.parameters:
                start = spans[parameter][0]
                views[parameter][:, rows.start - start : rows.stop - start] = matrix[:, problem.slices[parameter]].T
        self._views = [(problem.slices[name], slice(*spans[name]), view) for name, view in views.items()]
        self._squares = np.concatenate([np.einsum("ij,ij->i", view, view) for view in views.values()])
        return values, first, span

    def _keep_prior(self, problem, neighbours):
        """Root of the precision, mean and spread of Gaussian blocks; rate, centre and ε of focusing ones."""
        self._mean, self._spread = np.zeros((2, problem.size))
        self._focusing = np.zeros((3, problem.size))
        self.precisions, roots = [], []
        for index, bound in problem.prior.blocks:
            places = np.arange(problem.size)[index]
            if bound.gaussian:
                self.precisions.append(SparsePrecision(bound.covariance, neighbours))
                found = self.precisions[-1].root.tocoo()
                self._mean[places], self._spread[places] = bound.mean, np.sqrt(bound.covariance.diagonal())
            else:
                _check_rate(bound)
                self._focusing[:, places] = bound.rate, bound.reference, np.full(places.size, bound.epsilon)
                self._mean[places], self._spread[places] = bound.reference, 1.0 / bound.rate + bound.epsilon
                found = sparse.coo_array(sparse.diags_array(FLATTEST * bound.rate))
            roots.append(sparse.coo_array((found.data, (found.coords[0], places[found.coords[1]])),
                                          (found.shape[0], problem.size)))
        self._root = sparse.vstack(roots, format="csc")

    def starts(self, chains):
        """Starting states, (chains, size): all unknowns shifted together, by −1.5 to 1.5 prior std from chain to chain.

        What mixes slowest is the level of all cells, so that chains start further apart there than the posterior is.
        """
        shift = np.linspace(-1.5, 1.5, chains)[:, None]
        x = np.tile(self._start, (chains, 1))
        shifted = np.clip(self._mean + shift * self._spread, self._laws.lower, self._laws.upper)
        x[:, self._cells] = shifted[:, self._cells]
        return x

    def warm_up(self, x, sweeps, rngs):
        """`sweeps` sweeps of draws of every chain, in place; x (chains, size), one generator a chain."""
        run_tasks([lambda c=c: self._run_chain(x[c], sweeps, (False,), rngs[c]) for c in range(len(x))])

    def run(self, x, kept, thin, rngs, tell):
        """Fill `kept`, (chains, draws, size), with the states after every `thin` pairs of sweeps, going on from x.

        `tell` is called after each draw of the first chain.
        """
        def chain(c):
            for place in range(kept.shape[1]):
                self._run_chain(x[c], thin, (False, True), rngs[c])
                kept[c, place] = x[c]
                if c == 0:
                    tell()
            self._loose.fill(kept[c], rngs[c])

        run_tasks([lambda c=c: chain(c) for c in range(len(x))])

    def _run_chain(self, x, count, sweeps, rng):
        for done in range(count):
            if done % REFRESH == 0:
                sums = self._data - self._predict(x), self._root @ (x - self._mean), self._gram(x)
            cells = self._cells if rng.random() < 0.5 else self._backward
            for mirrored in sweeps:
                weights = NONE if self._weights is None else self._weights.draw(rng, sums[0][None])[0]
                u, accept = rng.random(cells.size), rng.random(cells.size if self._focusing[0].any() else 1)
                sweep(x, *sums, u, np.broadcast_to(accept, u.shape), mirrored, cells, self._columns, self._laws,
                      self._tie, weights)

    def _predict(self, x):
        out = np.zeros(self._data.size)
        for where, rows, view in self._views:
            out[rows] += x[where] @ view
        return out

    def _gram(self, x):
        g = self._tie.weight * x
        first, second = (g[self._member_cells(k)] for k in (0, 1))
        return np.array([first @ first, second @ second, first @ second])

    def _member_cells(self, member):
        return np.flatnonzero((self._tie.mate >= 0) & (self._tie.member == member))


def _tied(problem):
    """The Gramian of a problem, or none."""
    mate, member, weight = np.full(problem.size, -1), np.zeros(problem.size, dtype=np.int64), np.zeros(problem.size)
    if not problem.penalties:
        return Tie(mate, weight, member, 0.0)
    gramian = problem.penalties[0]
    places = [np.arange(problem.size)[problem.slices[name]] for name in gramian.names]
    for k, (own, other, scaling) in enumerate(zip(places, places[::-1], gramian.maps, strict=True)):
        mate[own], member[own], weight[own] = other, k, 1.0 if scaling is None else scaling
    return Tie(mate, weight, member, float(gramian.lambdas[0]))


def _check_rate(bound):
    accepted = float(np.exp(-bound.rate.max() * bound.epsilon))
    if accepted < LEAST_ACCEPTED:
        fail("epsilon", f"be at most {-np.log(LEAST_ACCEPTED):.2g} over the rate α w² for Gibbs sweeps between bounds",
             f"{bound.epsilon:g} at a rate of {bound.rate.max():.3g}", "Give a smaller epsilon, or MinimumLength.")
