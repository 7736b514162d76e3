"""The spectrum of a pair's canonical correlations at survey size: the strong ones deflated, the rest by random vectors.

With M = P_a K_ab P_b K_ba, whose eigenvalues are ρ², everything here works on E = M (I − M)⁻¹, whose eigenvalues are
e = ρ²/(1 − ρ²): correlations next to 1, which decide evidence and tails, are crowded in M and far apart in E, so a
Krylov space finds them in a few steps. E u = −[P (0, K_ba u)]_a takes one solve with all data. It is self-adjoint in
the inner product of K_a, and uᵀK_a E u = bᵀP b with b = (0, K_ba u), known to the square of a solve's residual.
"""

import numpy as np
from scipy.linalg import eigh

from .._checks import as_count
from .._places import runs
from ..gaussian import FlatColumns
from . import _likelihood_ratio_null as canonical
from ._likelihood_ratio_null import CanonicalSpectrum, average

PROBES = 4  # random vectors of the first round
STEPS, LEAST = 10, 4  # of Lanczos for each, at most and at least
QUIET = 0.1  # of the random error: truncation below it ends the steps
FEW = 128  # degrees of freedom up to which the spectrum is formed whole: no more solves than the rest
WIDTH, DEEP, BEYOND = 4, 8, 4  # of the block Krylov space that is deflated: columns, steps, more to know f on it
BUDGET = 400  # right-hand sides solved before a round that is begun
LOOSE = 1e-5  # relative residual of solves, and what they leave open of each correlation's share
LOST = 1e-20  # of the square of a vector: what is left after projection is rounding
SURE = 0.5  # of the errors asked for: without the deflation that would help they must be smaller than that


def lanczos_spectrum(pair, probes=None, steps=STEPS, seed=0, statistic=None):
    """Spectrum of the canonical correlations of a pair by random vectors, as many as its errors ask for.

    Random vectors through Lanczos give a Gauss quadrature of tr f(E) for every f at once (Ubaru, Chen & Saad 2017, SIAM
    J. Matrix Anal. Appl. 38, 1075). Where four do not do, a block Krylov space Q takes the strong correlations out:
    tr f = tr QᵀfQ, from the block quadrature of the space itself, + tr (I − QQᵀ) f (I − QQᵀ), by random vectors that
    now have little left to find: Hutch++ (Meyer, Musco, Musco & Woodruff 2021, SOSA, 142) in the form of Chen & Hallman
    (2023, SIAM J. Matrix Anal. Appl. 44, 1218), unbiased however far Q has converged. Too few steps make the rule of
    Gauss too large and that of Gauss and Radau with a node at e = 0 too small, for the information and for every
    cumulant up to s = ½ (Golub & Meurant 2010, Matrices, Moments and Quadrature, section 6.2): the mean of the two is
    taken and half their difference is an error. Either the deflated space or the random vectors double, whichever
    promises more, until `CanonicalSpectrum.settled`, or 400 right-hand sides have been solved. Up to 128 degrees of
    freedom, or 400 where the first round does not do, the spectrum is formed whole.

    Parameters
    ----------
    pair : Pair
    probes : int, optional
        That many random vectors after the deflation and no more, at least 2.
    steps : int, default 10
        Of Lanczos for each random vector, at most: fewer where what they leave open is a tenth of the random error. A
        step takes one solve with all data.
    seed : int or numpy.random.Generator, default 0
    statistic : float, optional
        Where the tail must be known.

    Returns
    -------
    CanonicalSpectrum
    """
    if probes is not None:
        as_count("probes", probes, 2, canonical.PROBES)
    growth = _Growth(pair)
    if not growth.one.dof:
        none = np.zeros(0)
        return CanonicalSpectrum(correlations=none, counts=none, excess=pair.excess, words="exact: no prior ties data")
    rng = np.random.default_rng(seed)
    if growth.one.dof <= FEW:
        return _whole(growth, rng)
    drawn = _Deflated(growth, steps, rng)
    if probes is not None:
        return drawn.deepen(probes)
    found = drawn.sample(PROBES)
    while growth.solved < BUDGET:
        strong = drawn.gains(found)
        if found.settled(statistic, SURE if strong and not drawn.lead else 1.0):
            break
        if growth.one.dof <= BUDGET:
            return _whole(growth, rng)
        found = drawn.deepen() if strong else drawn.sample(drawn.count)
    return found


def _whole(growth, rng):
    space = _begin(growth, [growth.starts(rng, growth.one.dof)])
    _grow(growth, space, 1)
    rho, counts = space[0].quadrature(len(space[0].matrix))
    return CanonicalSpectrum(correlations=rho, counts=counts, excess=growth.excess, unsolved=LOOSE,
                             words="from all canonical correlations, by iterative solves")


class _Deflated:
    """tr f(E) from a block Krylov space and random vectors orthogonal to it; at first from random vectors alone."""

    def __init__(self, growth, steps, rng):
        self.growth, self.steps, self.rng, self.deep = growth, steps, rng, 0
        self._block, self.lead, self._replicas = [], 0, []

    @property
    def count(self):
        """Random vectors."""
        return len(self._replicas)

    def gains(self, found):
        """Whether more deflation does more than twice the random vectors: it halves the variance of one, at least.

        The strongest of what random vectors found would be taken out; too few steps are for the strong ones too.
        """
        if found.truncation > found.random:
            return True
        rho, counts = average(found.replicas)
        order = np.argsort(-rho)
        counts, squares = counts[order], np.log1p(-(rho[order] ** 2)) ** 2
        left = np.clip(np.cumsum(counts) - max(self.lead, WIDTH * DEEP), 0.0, counts)
        return left @ squares < 0.5 * (counts @ squares)

    def deepen(self, count=PROBES):
        """`CanonicalSpectrum` with twice the deflation, or a first one, and new random vectors."""
        if not self._block:
            self._block = _begin(self.growth, [self.growth.starts(self.rng, WIDTH)])
        more = self.deep or DEEP
        _grow(self.growth, self._block, more if self.deep else more + BEYOND)
        self.deep += more
        self.lead = sum(self._block[0].sizes[: self.deep])
        self._replicas = []
        return self.sample(count)

    def sample(self, count):
        """`CanonicalSpectrum` after so many more random vectors."""
        starts = self.growth.starts(self.rng, count)
        if self._block:
            starts = self._block[0].project(starts, self.lead)
        spaces, left = _begin(self.growth, list(starts.T[:, :, None])), self.growth.one.dof - self.lead
        before = self._replicas
        for step in range(1, self.steps + 1):
            _grow(self.growth, spaces, 1)
            if step >= LEAST or step == self.steps:
                self._replicas = before + [[(rho, left * c) for rho, c in space.rules(1)] for space in spaces]
                found = self._spectrum(step)
                if found.truncation <= QUIET * found.random:
                    break
        return found

    def _spectrum(self, steps):
        known = self._block[0].rules(self.lead) if self._block else [(np.zeros(0), np.zeros(0))] * 2
        drawn = [average(rules) for rules in zip(*self._replicas, strict=True)]
        gauss, radau = (tuple(np.concatenate(each) for each in zip(*both, strict=True))
                        for both in zip(known, drawn, strict=True))
        rho, counts = average([gauss, radau])
        held = f"{self.lead} strong directions and " if self.lead else ""
        return CanonicalSpectrum(
            correlations=rho, counts=counts, excess=self.growth.excess, unsolved=LOOSE, systematic=(gauss,),
            replicas=tuple(average(rules) for rules in self._replicas), words=(
                f"from the spectrum of canonical correlations by {held}{self.count} random vectors "
                f"with {steps} Lanczos steps each"))


class _Growth:
    """E = M (I − M)⁻¹ on the smaller of the two groups, flat values of either eliminated for itself."""

    def __init__(self, pair):
        swapped = pair.second.dof < pair.first.dof
        self.one = pair.second if swapped else pair.first
        self.rows = pair.rows[::-1] if swapped else pair.rows
        self.both, self.excess, self.solved, self._flat = pair.both, pair.excess, 0, None
        wide = pair.beside(pair.first.basis, pair.second.basis)
        if wide.shape[1]:
            self._flat = FlatColumns(self.both.model.problem, np.arange(wide.shape[1]), wide,
                                     self.both.solve(wide, LOOSE)[0])

    def starts(self, rng, count):
        """Random vectors of unit covariance in the inner product of K_a, shape (n_a, count)."""
        drawn = self.one.draw(rng, count)
        return self.one.project(drawn, LOOSE)

    def _wide(self, group, vectors):
        wide = np.zeros((self.both.size, vectors.shape[1]))
        wide[self.rows[group]] = vectors
        return wide

    def products(self, vectors):
        """(K_a U, K_ba U)."""
        wide = self.both.product(self._wide(0, vectors))
        return wide[self.rows[0]], wide[self.rows[1]]

    def image(self, across):
        """(E U, what makes UᵀK_a E U of a group of its columns) from K_ba U."""
        wide = self._wide(1, across)
        solved, left = self.both.solve(wide, LOOSE)
        self.solved += wide.shape[1]
        pulled = solved if self._flat is None else self._flat.eliminate(solved, wide)[0]

        def square(columns):
            value = across[:, columns].T @ pulled[self.rows[1]][:, columns] + solved[:, columns].T @ left[:, columns]
            return 0.5 * (value + value.T)

        return -pulled[self.rows[0]], square


class _Space:
    """A Krylov space: a basis that is orthonormal in the inner product of K_a, E in it, and what E adds to it next."""

    def __init__(self, raw):
        self.raw, self.products, self.gram, self.sizes, self.scale = raw, (), None, [], 0.0
        self.basis, self.dual, self.matrix = raw[:, :0], raw[:, :0], np.zeros((0, 0))

    def project(self, vectors, count=None):
        """Vectors less what lies in the first `count` directions."""
        for _ in range(2):
            vectors = vectors - self.basis[:, :count] @ (self.dual[:, :count].T @ vectors)
        return vectors

    def measure(self, dual, across):
        """Take K_a and K_ba times what E adds."""
        self.products, gram = (dual, across), self.raw.T @ dual
        values, vectors = eigh(0.5 * (gram + gram.T))
        kept = values > LOST * (self.scale + max(values[-1], 0.0))
        self.gram = values[kept], vectors[:, kept]

    def add(self):
        """Make a part of the basis of it: what K_ba makes of the new directions."""
        turn = self.gram[1] / np.sqrt(self.gram[0])
        self.basis = np.hstack([self.basis, self.raw @ turn])
        self.dual = np.hstack([self.dual, self.products[0] @ turn])
        self.sizes.append(turn.shape[1])
        return self.products[1] @ turn

    def extend(self, image, square):
        """Take up what E makes of the newest directions."""
        across = self.dual[:, : sum(self.sizes[:-1])].T @ image
        self.scale = float(np.sum(across**2) + np.sum(square**2))
        self.matrix, self.raw = np.block([[self.matrix, across], [across.T, square]]), self.project(image)

    def quadrature(self, lead, matrix=None):
        """(ρ, counts) with Σ c f(ρ) = tr of f on the first `lead` directions: the rule of Gauss."""
        values, vectors = eigh(self.matrix if matrix is None else matrix)
        values = np.maximum(values, 0.0)
        return np.sqrt(values / (1.0 + values)), np.sum(vectors[:lead] ** 2, axis=0)

    def rules(self, lead):
        """The rule of Gauss, and that of Gauss and Radau with a node at no correlation."""
        gauss = self.quadrature(lead)
        values, vectors = self.gram
        if not values.size:
            return gauss, gauss
        across = np.zeros((len(self.matrix), values.size))
        across[len(across) - len(vectors) :] = vectors * np.sqrt(values)
        corner = across.T @ np.linalg.lstsq(self.matrix, across, rcond=None)[0]
        return gauss, self.quadrature(lead, np.block([[self.matrix, across], [across.T, corner]]))


def _begin(growth, blocks):
    """A `_Space` of every block of starting vectors (n_a, width)."""
    spaces = [_Space(block) for block in blocks]
    _measure(growth, spaces)
    return spaces


def _grow(growth, spaces, steps):
    """That many steps, side by side in every product and solve; fewer where a space is complete."""
    for _ in range(steps):
        growing = [space for space in spaces if space.gram[0].size]
        if not growing:
            return
        new = [space.add() for space in growing]
        image, square = growth.image(np.hstack(new))
        for space, where in zip(growing, runs(part.shape[1] for part in new), strict=True):
            space.extend(image[:, where], square(where))
        _measure(growth, growing)


def _measure(growth, spaces):
    raw = [space.raw for space in spaces]
    dual, across = growth.products(np.hstack(raw))
    for space, where in zip(spaces, runs(part.shape[1] for part in raw), strict=True):
        space.measure(dual[:, where], across[:, where])
