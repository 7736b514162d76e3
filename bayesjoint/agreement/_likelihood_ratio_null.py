"""The spectrum of a pair's canonical correlations, exact or estimated, and the null distribution that it makes."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular, svd

from .._checks import as_count, fail
from ..gaussian import WaveSystem, channel_noise, only_group
from ._weighted_chi2 import WeightedChi2

PROBES = "Their spread tells the error: 4 or more."
CLOSE = 1e-13  # canonical correlations nearer 1 than this are rounding
SMALL = 1e-12  # ρ² below it counts as none
BINS = 1000  # of ρ, for spectra by wavenumber
GROWN = 1e-2  # by which what is estimated is grown, for the slope of a tail in it
TAIL, NATS, SHARE = 0.1, 0.3, 0.01  # errors that will do: of log p; of the information, in nats or of itself


@dataclass(frozen=True, kw_only=True)
class CanonicalSpectrum:
    """Canonical correlations of two data sets, each with how often it occurs.

    Parameters
    ----------
    correlations : ndarray, shape (n,)
        ρ in [0, 1).
    counts : ndarray, shape (n,)
        How many canonical pairs each stands for; need not be whole.
    excess : int
        Directions that both see and no prior holds: a χ² of its own.
    words : str
        Where the spectrum comes from.
    replicas : tuple of (ndarray, ndarray), default ()
        Independent estimates (correlations, counts), one by each random vector, of that part of the spectrum that is
        estimated: their average is in `correlations` and `counts`.
    systematic : tuple of (ndarray, ndarray), default ()
        Other estimates of it all, whose difference from this one is an error too.
    unsolved : float, default 0.0
        What solves leave open of every correlation's share in evidence and cumulants, relative.
    """

    correlations: np.ndarray
    counts: np.ndarray
    excess: int
    words: str
    replicas: tuple = ()
    systematic: tuple = ()
    unsolved: float = 0.0

    @property
    def testable(self):
        """Whether the surveys have anything to disagree on."""
        return self.excess > 0 or bool(np.any(self.correlations**2 > SMALL))

    def information(self):
        """(I(d_a; d_b) in nats, its error): −½ Σ log(1 − ρ²)."""
        value = float(self.counts @ _nats(self.correlations))
        return value, self.random + self.truncation + self.unsolved * value

    @property
    def truncation(self):
        """What other estimates leave open of the information, in nats."""
        value = self.counts @ _nats(self.correlations)
        return sum(abs(float(c @ _nats(r)) - value) for r, c in self.systematic)

    @property
    def random(self):
        """What few random vectors leave open of the information, in nats."""
        return self._estimated(_nats)[1]

    def _estimated(self, f):
        """(What random vectors say of Σ c f(ρ), its standard error).

        A random direction of n has the variance 2 (Σ c f² − (Σ c f)²/n) n / (n + 2) whatever the spectrum is. That of
        a few is too small as often as too large: the error is the larger of the two.
        """
        count = len(self.replicas)
        if not count:
            return 0.0, 0.0
        found = [float(c @ f(r)) for r, c in self.replicas]
        rho, counts = average(self.replicas)
        size = float(counts.sum())
        expected = 2.0 * float(counts @ (f(rho) - counts @ f(rho) / size) ** 2) * size / (size + 2.0)
        return float(np.mean(found)), float(np.sqrt(max(expected, np.var(found, ddof=1)) / count))

    def null(self, rho=None, counts=None):
        """`WeightedChi2` of q_ab − q_a − q_b under agreement; of other correlations where they are given."""
        rho, counts = (self.correlations, self.counts) if rho is None else (rho, counts)
        extra = np.ones(1 if self.excess else 0)
        return WeightedChi2(np.concatenate([rho, -rho, extra]),
                            np.concatenate([counts, counts, self.excess * extra]))

    def tail(self, statistic, error=0.0):
        """P(q_ab − q_a − q_b >= statistic), and its error.

        Parameters
        ----------
        statistic : array_like, shape () or (k,)
        error : array_like, default 0.0
            Of the statistic; carried into the probability.

        Returns
        -------
        probability, error : ndarray
            The error adds up that of the integral, of the statistic, over random vectors and what is systematic. What
            the spectrum leaves open is an error δ of the logarithm of the tail; of the tail itself it is given as
            (exp(3δ) − 1)/3 of it, so that three errors cover exp(3δ).
        """
        statistic = np.asarray(statistic, dtype=float)
        null = self.null()
        value, total = null.tail(statistic)
        if np.any(np.asarray(error) > 0):
            total = total + np.abs(null.tail(statistic - error)[0] - null.tail(statistic + error)[0]) / 2
        off = self._spread(statistic, null, value)
        for other in self.systematic:
            off = off + np.abs(self.null(*other).tail(statistic)[0] - value)
        smaller = np.maximum(np.minimum(value, 1.0 - value), np.finfo(float).tiny)
        widened = smaller * np.expm1(3.0 * np.minimum(off / smaller, 200.0)) / 3.0
        return value, np.minimum(total + np.where(off > 0, widened, 0.0), 1.0)

    def _spread(self, statistic, null, value):
        """What random vectors leave open of a tail: its slope in the size of what they estimate, times their error.

        A tail depends on the spectrum through the cumulant function near the saddlepoint: −½ Σ c log(1 − 4s²ρ²).
        """
        def slope(rho, counts):
            grown = self.null(np.concatenate([self.correlations, rho]), np.concatenate([self.counts, GROWN * counts]))
            return np.abs(grown.tail(statistic)[0] - value) / GROWN

        left = self.unsolved * slope(self.correlations, self.counts) if self.unsolved else np.zeros_like(value)
        if not self.replicas:
            return left
        saddles = np.maximum(np.abs(null.saddle(statistic.ravel())), 1e-3 / np.sqrt(null.variance))
        share = [error / max(estimate, np.finfo(float).tiny) for estimate, error in
                 (self._estimated(lambda r, s=s: -np.log1p(-((2.0 * s * r) ** 2))) for s in saddles)]
        return left + slope(*average(self.replicas)) * np.reshape(share, statistic.shape)

    def settled(self, statistic=None, share=1.0):
        """Whether it is known well enough: the information to 0.3 nats or 1 %, log p at a statistic to 0.1.

        Parameters
        ----------
        statistic : float, optional
        share : float, default 1.0
            Of these errors.

        Returns
        -------
        bool
        """
        nats, doubt = self.information()
        known = not self.testable or doubt <= share * max(NATS, SHARE * nats)
        if not known or not self.testable or statistic is None:
            return known
        p, error = self.tail(statistic)
        return bool(error <= share * TAIL * p)


def _nats(rho):
    return -0.5 * np.log1p(-(rho**2))


def average(parts):
    """(correlations, counts) of the mean of several estimates."""
    return np.concatenate([rho for rho, _ in parts]), np.concatenate([c for _, c in parts]) / len(parts)


class CanonicalCoordinates:
    """Two data sets as u, v with correlations ρ, and f cross contrasts, each an independent N(0, 1).

    With L the Cholesky factors of the contrasts' covariances, L_a⁻¹ K_ab L_b⁻ᵀ = U ρ Vᵀ.

    Parameters
    ----------
    pair : Pair
        With matrices.

    Attributes
    ----------
    correlations : ndarray
        ρ.
    """

    def __init__(self, pair):
        self._rows, parts, covariance = pair.rows, (pair.first, pair.second), pair.both.covariance
        self._contrasts = [complement(m.basis) if m.rank else None for m in parts]
        self._factors = [m.factor if c is None else cholesky(c.T @ m.covariance @ c, lower=True)
                         for c, m in zip(self._contrasts, parts, strict=True)]
        cross = _contrasted(self._contrasts[0], covariance[np.ix_(*pair.rows)])
        half = solve_triangular(self._factors[0], _contrasted(self._contrasts[1], cross.T).T, lower=True)
        left, rho, right = svd(solve_triangular(self._factors[1], half.T, lower=True).T, full_matrices=False)
        self.correlations, self._turns = np.minimum(rho, 1.0 - CLOSE), (left, right.T)
        self._cross_weights = np.zeros((0, len(covariance)))
        if pair.excess:  # less what contrasts of each group say of the cross contrasts, and whitened
            inner = pair.beside(*self._contrasts)
            through = covariance @ inner
            clean = pair.cross - inner @ np.linalg.solve(inner.T @ through, through.T @ pair.cross)
            root = cholesky(clean.T @ covariance @ clean, lower=True)
            self._cross_weights = solve_triangular(root, clean.T, lower=True)

    def of(self, white):
        """(u, v, w) of whitened residuals (n_data, k): all independent but u_k with v_k."""
        out = [turn.T @ solve_triangular(factor, _contrasted(contrasts, white[rows]), lower=True)
               for rows, contrasts, factor, turn in
               zip(self._rows, self._contrasts, self._factors, self._turns, strict=True)]
        return *out, self._cross_weights @ white


def _contrasted(contrasts, values):
    """Contrasts of values (n, k), the values themselves where nothing is flat."""
    return values if contrasts is None else contrasts.T @ values


def complement(basis):
    """Orthonormal basis of what is orthogonal to orthonormal columns."""
    return np.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]


def torus_spectrum(pair, probes=4, seed=0):
    """Spectrum by wavenumber, as though the data went on without end, scaled to the window that both groups share.

    Every wavenumber is a small problem of its own, Q(k) = h(k)Γ(k)h(k)* + σ² between all channels; edges of the window
    are left out. What that costs is measured: by random vectors the variance of the finite window's own statistic.

    Parameters
    ----------
    pair : Pair
        Of continued fields of one correlation seen by lattice operators, with gaps at most; independent noise.
    probes : int, default 4
        Random vectors behind the error, at least 2.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    CanonicalSpectrum
        Its `systematic` estimate has the counts scaled to the measured variance, its `replicas` to that of one vector.
    """
    as_count("probes", probes, 2, PROBES)
    rho, counts = _binned(*torus_correlations(pair))
    group, surveys = pair.both.model.groups[0], pair.problem.modalities
    sizes = [sum(m.size for m in surveys if m.name in names) / sum(surveys[k].name in names for k, _ in group.channels)
             for names in pair.groups]
    share = min(sizes) / (group.torus[0] * group.torus[1])  # stations of the smaller group over columns of the torus
    counts = counts * share
    ratios = _squares(pair, probes, np.random.default_rng(seed)) / float(counts @ rho**2)
    return CanonicalSpectrum(
        correlations=rho, counts=counts, excess=pair.excess, systematic=((rho, counts * np.mean(ratios)),),
        replicas=tuple((rho, counts * ratio) for ratio in ratios),
        words=f"by wavenumber, approximate: the window counts as {share:.1%} of a torus and its edges are left out")


def _squares(pair, probes, rng):
    """Σ ρ² of the finite window, by each of several random vectors: tr K_ab K_b⁻¹ K_ba K_a⁻¹."""
    drawn = pair.first.draw(rng, probes)
    vector = pair.first.project(drawn)
    wide = pair.beside(vector, np.zeros((pair.second.size, 0)))
    value = pair.second.quadratic(pair.both.product(wide)[pair.rows[1]])[0]
    return pair.first.dof * value / np.einsum("ij,ij->j", vector, drawn)


def _binned(rho, counts):
    """The spectrum on a few hundred values, Σ ρ² kept: hundreds of thousands of wavenumbers differ by little."""
    place = np.minimum((rho / max(rho.max(), SMALL) * BINS).astype(int), BINS - 1)
    held, squares = np.bincount(place, counts, BINS), np.bincount(place, counts * rho**2, BINS)
    return np.sqrt(squares[held > 0] / held[held > 0]), held[held > 0]


def torus_correlations(pair):
    """(ρ, counts) of data on all of the torus: exact there, real degrees of freedom of every wavenumber counted."""
    group = only_group(pair.both.model)
    if pair.both.rank:
        fail("problem", "have no flat columns for the spectrum by wavenumber", f"{pair.both.rank}",
             'Use null="iterative".')
    waves = WaveSystem(group, channel_noise(pair.problem, group))
    spectrum = waves.spectrum
    sides = [[c for c, (k, _) in enumerate(group.channels) if pair.problem.modalities[k].name in names]
             for names in pair.groups]
    blocks = [spectrum[..., side, :][..., side] for side in sides]
    roots = [np.linalg.cholesky(block) for block in blocks]
    cross = spectrum[..., sides[0], :][..., sides[1]]
    half = np.linalg.solve(roots[0], cross)
    between = np.linalg.solve(roots[1], np.swapaxes(half.conj(), -1, -2))
    rho = np.linalg.svd(between, compute_uv=False)
    counts = np.broadcast_to(waves.counts[None, :, None], rho.shape)
    return np.minimum(rho.ravel(), 1.0 - 1e-12), counts.ravel()
