"""The spectrum of a pair's canonical correlations, exact or estimated, and the null distribution that it makes."""

from dataclasses import dataclass

import numpy as np

from .._checks import fail
from ..engines.spectral import _channel_noise, _check_noise, _only_group
from .quadratic_forms import WeightedChi2

PROBES, LANCZOS = 4, 10  # random vectors, and steps each: tr f(ρ²) to about √(2/(4 n_eff)), n_eff the informative rank
LOOSE = 1e-4  # relative residual of solves behind the spectrum: random vectors leave more open
SMALL = 1e-12  # ρ² below it counts as none
BINS = 1000  # of ρ, for spectra by wavenumber


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
        Independent estimates (correlations, counts) whose average this is.
    systematic : tuple of (ndarray, ndarray), default ()
        Another estimate, whose difference from this one is an error too.
    """

    correlations: np.ndarray
    counts: np.ndarray
    excess: int
    words: str
    replicas: tuple = ()
    systematic: tuple = ()

    @property
    def testable(self):
        """Whether the surveys have anything to disagree on."""
        return self.excess > 0 or bool(np.any(self.correlations**2 > SMALL))

    def information(self):
        """(I(d_a; d_b) in nats, its error): −½ Σ log(1 − ρ²)."""
        def nats(rho, counts):
            return -0.5 * float(counts @ np.log1p(-(rho**2)))

        value = nats(self.correlations, self.counts)
        spread = [nats(*r) for r in self.replicas]
        error = np.std(spread, ddof=1) / np.sqrt(len(spread)) if len(spread) > 1 else 0.0
        return value, float(error + sum(abs(nats(*s) - value) for s in self.systematic))

    def null(self):
        """`WeightedChi2` of q_ab − q_a − q_b under agreement."""
        return self._null(self.correlations, self.counts)

    def _null(self, rho, counts):
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
            The error adds up that of the integral, of the statistic, over replicas (jackknife) and what is systematic.
        """
        statistic = np.asarray(statistic, dtype=float)
        null = self.null()
        value, total = null.tail(statistic)
        if np.any(np.asarray(error) > 0):
            total = total + np.abs(null.tail(statistic - error)[0] - null.tail(statistic + error)[0]) / 2
        if len(self.replicas) > 1:
            total = total + self._jackknife(statistic)
        for other in self.systematic:
            total = total + np.abs(self._null(*other).tail(statistic)[0] - value)
        return value, total

    def _jackknife(self, statistic):
        count, values = len(self.replicas), []
        for k in range(count):
            rest = [r for j, r in enumerate(self.replicas) if j != k]
            values.append(self._null(*_average(rest)).tail(statistic)[0])
        return np.sqrt((count - 1) / count * np.sum((values - np.mean(values, axis=0)) ** 2, axis=0))


def _average(parts):
    return np.concatenate([rho for rho, _ in parts]), np.concatenate([c for _, c in parts]) / len(parts)


def lanczos_spectrum(pair, probes=PROBES, steps=LANCZOS, seed=0):
    """Spectrum of M = P_a K_ab P_b K_ba, whose eigenvalues are ρ², by stochastic Lanczos quadrature.

    M is self-adjoint in the inner product of K_a. A draw y of a's data makes a probe P_a y, of unit covariance in that
    inner product; Lanczos then gives a Gauss quadrature of Σ f(ρ²) for every f at once (Ubaru, Chen & Saad
    2017, SIAM J. Matrix Anal. Appl. 38, 1075), so for the cumulant function at every argument.

    Parameters
    ----------
    pair : Pair
    probes, steps : int, default 4 and 10
        Random vectors, and steps for each: two solves a step.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    CanonicalSpectrum
    """
    _check_probes(probes)
    one, two = (pair.first, pair.second) if pair.first.dof <= pair.second.dof else (pair.second, pair.first)
    if not one.dof:
        none = np.zeros(0)
        return CanonicalSpectrum(correlations=none, counts=none, excess=pair.excess, words="exact: no prior ties data")
    rows = pair.rows if one is pair.first else pair.rows[::-1]
    steps, dual = max(1, min(steps, one.dof)), one.draw(np.random.default_rng(seed), probes)
    vector = _projected(one, dual)
    size = np.einsum("ij,ij->j", vector, dual)
    vector, dual = vector / np.sqrt(size), dual / np.sqrt(size)
    old = np.zeros_like(vector), np.zeros_like(dual)
    alphas, betas, beta = [], [], np.zeros(probes)
    for _ in range(steps):
        image = _across(pair.both, rows, two, vector)
        alpha = np.einsum("ij,ij->j", vector, image)
        moved = _projected(one, image)
        new = moved - alpha * vector - beta * old[0], image - alpha * dual - beta * old[1]
        alphas.append(alpha)
        old = vector, dual
        beta = np.sqrt(np.maximum(np.einsum("ij,ij->j", *new), 0.0))
        betas.append(beta)
        safe = np.where(beta > 0, beta, 1.0)
        vector, dual = new[0] / safe, new[1] / safe
    replicas = [_quadrature(np.array(alphas)[:, k], np.array(betas)[:-1, k], one.dof) for k in range(probes)]
    short = max(1, steps - 2)
    shorter = [_quadrature(np.array(alphas)[:short, k], np.array(betas)[: short - 1, k], one.dof)
               for k in range(probes)]
    rho, counts = _average(replicas)
    return CanonicalSpectrum(
        correlations=rho, counts=counts, excess=pair.excess, replicas=tuple(replicas), systematic=(_average(shorter),),
        words=f"from the spectrum of canonical correlations by {probes} random vectors and {steps} Lanczos steps each")


def _projected(part, white):
    """P V, solved as loosely as random vectors allow."""
    if hasattr(part, "system"):
        return part.eliminate(part.solve(white, LOOSE)[0], white)
    return part.project(white)


def _across(both, rows, two, vector):
    """K_ab P_b K_ba V."""
    wide = np.zeros((both.size, vector.shape[1]))
    wide[rows[0]] = vector
    back = np.zeros_like(wide)
    back[rows[1]] = _projected(two, both.product(wide)[rows[1]])
    return both.product(back)[rows[0]]


def _quadrature(alpha, beta, size):
    """(ρ, counts) of the Gauss rule of a Jacobi matrix."""
    from scipy.linalg import eigh_tridiagonal

    values, vectors = eigh_tridiagonal(alpha, beta)
    return np.sqrt(np.clip(values, 0.0, 1.0 - 1e-12)), size * vectors[0] ** 2


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
    _check_probes(probes)
    rho, counts = _binned(*torus_correlations(pair))
    share = _share(pair)
    counts = counts * share
    exact = lanczos_spectrum(pair, probes=probes, steps=1, seed=seed)
    ratios = [float(c @ r**2) / float(counts @ rho**2) for r, c in exact.replicas]
    return CanonicalSpectrum(
        correlations=rho, counts=counts, excess=pair.excess, systematic=((rho, counts * np.mean(ratios)),),
        replicas=tuple((rho, counts * ratio) for ratio in ratios),
        words=f"by wavenumber, approximate: the window counts as {share:.1%} of a torus and its edges are left out")


def _binned(rho, counts):
    """The spectrum on a few hundred values, Σ ρ² kept: hundreds of thousands of wavenumbers differ by little."""
    place = np.minimum((rho / max(rho.max(), SMALL) * BINS).astype(int), BINS - 1)
    held, squares = np.bincount(place, counts, BINS), np.bincount(place, counts * rho**2, BINS)
    return np.sqrt(squares[held > 0] / held[held > 0]), held[held > 0]


def _check_probes(probes):
    if isinstance(probes, bool) or not isinstance(probes, (int, np.integer)) or probes < 2:
        fail("probes", "be an integer of at least 2", repr(probes), "Their spread tells the error: 4 or more.")


def torus_correlations(pair):
    """(ρ, counts) of data on all of the torus: exact there, real degrees of freedom of every wavenumber counted."""
    group = _only_group(pair.both.model)
    _check_noise(pair.problem)
    if pair.both.rank:
        fail("problem", "have no flat columns for the spectrum by wavenumber", f"{pair.both.rank}",
             'Use null="iterative".')
    spectrum = wave_covariance(group, _channel_noise(pair.problem, group))
    sides = [[c for c, (k, _) in enumerate(group.channels) if pair.problem.modalities[k].name in names]
             for names in pair.groups]
    blocks = [spectrum[..., side, :][..., side] for side in sides]
    roots = [np.linalg.cholesky(block) for block in blocks]
    cross = spectrum[..., sides[0], :][..., sides[1]]
    half = np.linalg.solve(roots[0], cross)
    between = np.linalg.solve(roots[1], np.swapaxes(half.conj(), -1, -2))
    rho = np.linalg.svd(between, compute_uv=False)
    columns = np.arange(group.torus[1] // 2 + 1)
    standing = np.where(columns * 2 % group.torus[1] == 0, 1.0, 2.0)[None, :, None]
    counts = np.broadcast_to(standing, rho.shape)
    return np.minimum(rho.ravel(), 1.0 - 1e-12), counts.ravel()


def wave_covariance(group, noise):
    """Q(k), shape (rows, columns // 2 + 1, channels, channels): of endless data with white noise."""
    signal = group.spectra()[0]
    shape = next(iter(signal.values())).shape
    out = np.zeros((*shape, len(noise), len(noise)), dtype=complex)
    for (a, b), wave in signal.items():
        out[..., a, b] = wave
        out[..., b, a] = np.conj(wave)
    out[..., range(len(noise)), range(len(noise))] += noise
    return out


def _share(pair):
    """Stations of the smaller group as a share of the columns of the torus."""
    group = pair.both.model.groups[0]
    sizes = [sum(pair.problem.modalities[k].size for k, s in enumerate(group.surveys)
                 if pair.problem.modalities[k].name in names) /
             sum(1 for k, _ in group.channels if pair.problem.modalities[k].name in names)
             for names in pair.groups]
    return min(sizes) / (group.torus[0] * group.torus[1])
