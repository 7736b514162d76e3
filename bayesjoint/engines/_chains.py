"""What every posterior made of Markov chains shares: summaries with Monte Carlo errors, and whether chains mixed."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_count, fail
from .._places import blocks
from ..dataset import Approximation, DatasetBuilder
from ..noise import standardised
from ._datum_weights import weight_table
from ._draw_blocks import COLUMNS, quantiles, thinned
from ._posterior import SummarisedPosterior

BATCHES = 16  # per chain: 64 of four chains give an error that is itself known to 9 %
FEWEST = 100  # draws per chain, so that a batch holds six
WORST_RHAT, LEAST_ESS = 1.01, 400  # Vehtari et al. (2021)
CELLS, DIRECTIONS = 64, 8  # on which mixing is checked
LARGEST_BYTES = 6e9


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """R-hat and effective sample sizes of the functionals on which mixing was checked.

    Parameters
    ----------
    names : tuple of str
        Functionals: cells, leading directions, sums of squares and χ².
    rhat, ess_bulk, ess_tail : ndarray, shape (functionals,)
        Rank-normalised split R-hat, bulk and tail effective sample sizes (Vehtari et al. 2021).
    rhat_limit : float, default 1.01
        Largest R-hat that passes.
    ess_limit : float, default 400
        Least effective sample size that passes.
    """

    names: tuple
    rhat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    rhat_limit: float = WORST_RHAT
    ess_limit: float = LEAST_ESS

    @property
    def worst(self):
        """(largest R-hat, its functional, smallest effective sample size, its functional)."""
        ess = np.minimum(self.ess_bulk, self.ess_tail)
        return (float(self.rhat.max()), self.names[int(self.rhat.argmax())],
                float(ess.min()), self.names[int(ess.argmin())])

    @property
    def passed(self):
        """Whether every R-hat and every effective sample size keep to their limits."""
        rhat, _, ess, _ = self.worst
        return rhat <= self.rhat_limit and ess >= self.ess_limit


class ChainPosterior(SummarisedPosterior):
    """A posterior known by correlated draws.

    Means and standard deviations are those of the draws, their errors Monte Carlo standard errors by batch means (16
    batches a chain). `sample` hands out the chains' own draws, evenly thinned: it can give no more than were drawn,
    and its seed changes nothing.

    Attributes
    ----------
    chains : ndarray, shape (chain, draw, size)
        State vectors.
    mixing : Mixing
        R-hat and effective sample sizes.
    """

    markov = True

    def _keep(self, chains, sampler, remedy):
        """Store chains; say how wrong their summaries are."""
        self.chains = chains
        self._summarise()
        self.mixing = check_mixing(self.problem, chains, self._moments[0], np.sqrt(self._moments[1]))
        self.approximations = [self._statement(sampler, remedy)]

    def _summarise(self):
        """Mean, variance and what they are off by."""
        count, draws, size = self.chains.shape
        self._moments = np.zeros((4, size))
        length = draws // BATCHES
        for part in blocks(size, COLUMNS):
            x = self.chains[:, :, part].reshape(count * draws, -1)
            mean = x.mean(axis=0)
            squares = (self.chains[:, :, part] - mean) ** 2
            variance = squares.sum(axis=(0, 1)) / (count * draws - 1)
            batched = [values[:, draws - length * BATCHES :].reshape(count * BATCHES, length, -1).mean(axis=1)
                       for values in (self.chains[:, :, part], squares)]
            errors = [b.std(axis=0, ddof=1) / np.sqrt(count * BATCHES) for b in batched]
            still = np.all(x == x[0], axis=0)  # known cells: exact, though their mean may round
            self._moments[:, part] = np.where(still, [x[0], *np.zeros((3, x.shape[1]))], [mean, variance, *errors])
        twice = 2 * np.sqrt(self._moments[1])
        self._moments[3] = np.divide(self._moments[3], twice, out=np.zeros_like(twice), where=twice > 0)

    def _statement(self, sampler, remedy):
        count, draws, _ = self.chains.shape
        rhat, slowest, ess, rarest = self.mixing.worst
        figures = (f"{count} chains of {draws} draws by {sampler}; largest R-hat {rhat:.4f} ({slowest}), smallest "
                   f"effective sample size {ess:.0f} ({rarest}), on {len(self.mixing.names)} functionals: cells chosen "
                   "at random, leading directions, sums of squares and misfits.")
        if not self.mixing.passed:
            return Approximation(
                name="posterior draws", status="not validated",
                statement=f"The sampler did not mix: R-hat should be at most {self.mixing.rhat_limit} and the "
                f"effective sample size at least {self.mixing.ess_limit}. Do not use these numbers, nor their stated "
                f"errors. {remedy} {figures}")
        spread = np.sqrt(self._moments[1])
        free = spread > 0
        error = float((self._moments[2][free] / spread[free]).max(initial=0.0))
        return Approximation(
            name="posterior draws", status="measured", error=error,
            statement="The sampler leaves the posterior of the stated prior invariant, which was not checked against "
            "ground; what is left is Monte Carlo error, given for every cell of mean and standard deviation and at "
            f"most {error:.2g} posterior standard deviations in the mean. {figures}")

    def interval_words(self, parameter):
        """What the interval of a parameter is, in words."""
        return "equal-tailed, of all draws, for the stated prior"

    def state_quantiles(self, levels):
        """Quantiles of x, (levels, size)."""
        return quantiles(self.chains.reshape(-1, self.chains.shape[2]), levels)

    def state_product(self, v):
        """Posterior covariance of x times V."""
        x = self.chains.reshape(-1, self.chains.shape[2])
        along = x @ v
        return x.T @ (along - along.mean(axis=0)) / (x.shape[0] - 1)

    def state_draws(self, rng, count):
        """Evenly thinned draws in the chains' order, so that (chain, draw) follows by reshaping."""
        chains, draws, _ = self.chains.shape
        if count > chains * draws:
            fail("draws * chains", f"be at most the {chains * draws} that were drawn", f"{count}",
                 f"Ask posterior(problem, method={self.method!r}, draws=...) for more.")
        return thinned(self.chains, count)

    def extra_groups(self):
        """Groups of the dataset that this engine adds."""
        table = DatasetBuilder()
        table.along("functional", list(self.mixing.names), "checked functional")
        for name, words in (("rhat", "rank-normalised split R-hat"), ("ess_bulk", "bulk effective sample size"),
                            ("ess_tail", "tail effective sample size")):
            table.add(name, ("functional",), getattr(self.mixing, name), "1", words)
        for name, words in (("rhat_limit", "largest R-hat that passes"),
                            ("ess_limit", "least effective sample size that passes")):
            table.add(name, (), getattr(self.mixing, name), "1", words)
        weights = self.datum_weights()
        return {"mixing": table.dataset()} | ({} if weights is None else {"datum_weights": weights})

    def datum_weights(self):
        """Weights of data with Student-t noise; see `Posterior.datum_weights`."""
        if not hasattr(self, "_datum_weights"):
            self._datum_weights = weight_table(self.problem, self.chains, BATCHES)
        return self._datum_weights


def check_lengths(draws, warmup, chains, size):
    """Refuse chains too short to summarise or too long to hold; return (draws, warmup, chains)."""
    remedy = "R-hat and errors need that many."
    draws = as_count("draws", draws, FEWEST, remedy, TypeError)
    warmup = as_count("warmup", draws // 2 if warmup is None else warmup, 0, remedy, TypeError)
    chains = as_count("chains", chains, 2, remedy, TypeError)
    if 8.0 * draws * chains * size > LARGEST_BYTES:
        fail("draws * chains", f"fit {LARGEST_BYTES / 1e9:g} GB in float64", f"{8e-9 * draws * chains * size:.3g} GB",
             "Ask for fewer draws or use a coarser mesh.")
    return draws, warmup, chains


def check_mixing(problem, chains, mean, std):
    """R-hat and effective sample sizes of scalar functionals of chains.

    Parameters
    ----------
    problem : JointProblem
    chains : ndarray, shape (chain, draw, size)
    mean, std : ndarray, shape (size,)
        Of all draws.

    Returns
    -------
    Mixing
    """
    return mixing_of(*_functionals(problem, chains, mean, std, np.random.default_rng(0)))


def mixing_of(names, values, make=Mixing, **further):
    """`Mixing`, or a subclass with `further` fields, of scalar functionals, (functionals, chain, draw)."""
    from arviz_stats.base import array_stats

    kinds = {"ess_bulk": {"method": "bulk"}, "ess_tail": {"method": "tail", "prob": (0.05, 0.95)}}
    still = np.ptp(values, axis=(1, 2)) == 0.0  # what never varies agrees
    rhat = np.ones(len(values))
    rhat[~still] = array_stats.rhat(values[~still], chain_axis=1, draw_axis=2)
    return make(names=tuple(names), rhat=rhat, **{
        key: np.asarray(array_stats.ess(values, chain_axis=1, draw_axis=2, **kind))
        for key, kind in kinds.items()}, **further)


def _functionals(problem, chains, mean, std, rng):
    """(names, values (functionals, chain, draw))."""
    count, draws, size = chains.shape
    free = np.flatnonzero(std > 0)
    if free.size == 0:
        fail("problem", "have an unknown that varies", "chains that never moved", "Free a cell.")
    cells = np.sort(rng.choice(free, min(CELLS, free.size), replace=False))
    names = [f"unknown {i}" for i in cells]
    values = list(np.moveaxis(chains[:, :, cells], -1, 0))
    scaled = ((chains - mean)[:, :, free] / std[free]).reshape(-1, free.size)
    leading = scaled @ _leading(scaled, min(DIRECTIONS, free.size), rng)
    names += [f"leading direction {k}" for k in range(leading.shape[1])]
    values += list(leading.T.reshape(-1, count, draws))
    flat = chains.reshape(-1, size)
    for name, where in problem.slices.items():
        if std[where].any():
            names.append(f"sum of squares of {name}")
            values.append(np.einsum("cdi,cdi->cd", chains[:, :, where], chains[:, :, where]))
    for k, m in enumerate(problem.modalities):
        white = standardised(m.noise, problem.operator(k).matmat(flat.T) - m.data[:, None])
        names.append(f"chi2 of {m.name}")
        values.append(np.einsum("ij,ij->j", white, white).reshape(count, draws))
    return names, np.stack(values)


def _leading(scaled, count, rng):
    """Orthonormal leading directions of draws, (free, count), by a randomised range finder with one power."""
    probes = rng.standard_normal((scaled.shape[1], min(2 * count, scaled.shape[1])))
    for _ in range(2):
        probes, _ = np.linalg.qr(scaled.T @ (scaled @ probes))
    _, vectors = np.linalg.eigh((scaled @ probes).T @ (scaled @ probes))
    return probes @ vectors[:, ::-1][:, :count]
