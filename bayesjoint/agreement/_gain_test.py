"""Whether the signal of one survey is too large or too small by a factor: a score test with its null by simulation."""

from functools import partial

import numpy as np
from scipy.stats import norm, t

from .._checks import as_count
from ..gaussian import DenseSystem, data_system
from ..hyperparameters import as_measured
from ..problem import one_survey
from ._result import AgreementTest, untestable
from ._sentences import NO_GAIN, gain_note
from ._shared import crossing, in_blocks

FEWEST = 39  # simulations: with fewer no p-value reaches 5 %
DENSE_DRAWS, ITERATIVE_DRAWS = 999, 99
REPEATS = 499  # data sets, at most, with a gain in them: a power of 80 % is known to 2 % then
FEW_GROUNDS = 12  # of them where each is two solves
CLOSE = 1e-3  # relative, of a gain that is searched for
ROUNDING = 1e-9  # of a level times draws
BLOCK = 64  # simulated data sets carried at once
SOLVE = 1e-4  # relative residual of iterative solves: the simulations are solved as loosely


def gain_test(problem, survey, method="auto", draws=None, seed=0):
    """Test whether one survey's signal carries a gain, d = (1 + g) A m + e, the model marginalised.

    A gain multiplies the model, so no column stands for it. The score at g = 0 is U = wᵀ(d̂ − E d̂) over the survey's
    data, w = P(d − Aμ) the weighted residuals and d̂ = d − C w the signal that the posterior mean predicts: do
    residuals go with the signal? Its mean and variance under agreement, and the p-value, come from data simulated from
    the problem itself (parametric bootstrap; Davison & Hinkley 1997, section 4.2), two-sided. Beyond all simulated
    scores p is the tail of a distribution fitted to them (`null` says so), with an error from their number.

    A single survey cannot tell a gain from a wrong prior standard deviation; another one of the same property can.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; all its surveys take part.
    survey : str
        Modality under suspicion.
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data, or conjugate gradients; auto: matrices up to 6,000 data.
    draws : int, optional
        Simulated data sets, at least 39: p-values below 1/(draws + 1) are extrapolated. Default 999, or 99 for
        "iterative", each one solve.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    AgreementTest
        ``statistic`` is the squared standardised score; ``effect`` is g in percent, U over its variance: first order,
        and with the standard deviation that it has over data sets simulated with that gain, which grows with g.

    Raises
    ------
    ValueError, TypeError
        If the survey is unknown, draws are too few, or the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> rng, profile = np.random.default_rng(1), np.eye(40)
    >>> level = bj.Parameter("level", 40, prior=bj.GaussianPrior(0.0, 100.0 * np.eye(40)))
    >>> truth = 10.0 * rng.standard_normal(40)
    >>> surveys = [bj.Modality(name, profile, gain * truth + rng.standard_normal(40), bj.DiagonalNoise(np.ones(40)),
    ...            "level") for name, gain in (("ground", 1.0), ("air", 1.3))]
    >>> found = gain_test(bj.JointProblem([level], surveys), "air")
    >>> bool(abs(found.effect["value"] - 30) < 3 * found.effect["std"]), found.p_value < 0.001
    (True, True)
    """
    one_survey(problem, survey)
    data = data_system(as_measured(problem), method)
    if draws is None:
        draws = DENSE_DRAWS if isinstance(data, DenseSystem) else ITERATIVE_DRAWS
    draws = as_count("draws", draws, FEWEST, "999 resolve p-values of 1 %.")
    return GainScore(data, survey).fit(draws, np.random.default_rng(seed)).test()


class GainScore:
    """Score of a gain of one survey, for any data sets of a problem.

    Parameters
    ----------
    data : System
        Of all surveys.
    survey : str

    Attributes
    ----------
    surveys : tuple of str
        The survey, and all others.
    """

    def __init__(self, data, survey):
        self._data, self._rows = data, data.rows[survey]
        self.surveys = (survey, *(name for name in data.rows if name != survey))
        self._mean = data.model.whiten(data.model.data_mean)[self._rows]

    def score(self, white, weights=None):
        """U up to its mean, shape (k,), for whitened residuals (n_data, k), and P times them where it is there."""
        weights = self._data.project(white, SOLVE) if weights is None else weights
        # whitened, C is the identity: what is left of the data is the signal, prior mean and flat values included
        signal = (white - weights)[self._rows] + self._mean[:, None]
        return np.einsum("ij,ij->j", weights[self._rows], signal)

    def null(self, draws, rng):
        """Scores of `draws` data sets simulated from the problem, flat values at their estimate, shape (draws,)."""
        flat = self._data.flat_estimate(self._data.residual[:, None])
        return np.concatenate([self.score(flat + self._data.draw(rng, count)) for count in _blocks(draws)])

    def paths(self, draws, rng, energy=True):
        """(constant, slope, square) of scores, and of `energy` if wanted, in the gain: (6, draws), simulated."""
        flat, out = self._data.flat_estimate(self._data.residual[:, None]), []
        for count in _blocks(draws):
            clean = flat + self._data.draw_clean(rng, count)
            noisy, added = clean + rng.standard_normal(clean.shape), np.zeros_like(clean)
            added[self._rows] = clean[self._rows] + self._mean[:, None]
            out.append(self.parts(noisy, added, energy))
        return np.concatenate(out, axis=1)

    def parts(self, noisy, added, energy=True):
        """(3, k) of given data sets, to which `added` is added for a gain of 1; and as many of their `energy`."""
        first, second = (self._data.project(v, SOLVE) for v in (noisy, added))
        signals = (noisy - first)[self._rows] + self._mean[:, None], (added - second)[self._rows]
        first, second = first[self._rows], second[self._rows]
        dot = partial(np.einsum, "ij,ij->j")
        scores = [dot(first, signals[0]), dot(second, signals[0]) + dot(first, signals[1]), dot(second, signals[1])]
        if not energy:
            return np.stack(scores)
        seen = [self._seen(v) for v in signals]
        return np.stack([*scores, dot(signals[0], seen[0]), 2 * dot(signals[0], seen[1]), dot(signals[1], seen[1])])

    def _seen(self, signal):
        """What of a signal of the survey the model does not explain: P times it, (n_data of the survey, k)."""
        wide = np.zeros((self._data.size, signal.shape[1]))
        wide[self._rows] = signal
        return self._data.project(wide, SOLVE)[self._rows]

    def energy(self, white):
        """Precision with which a gain of the predicted signal could be told, (k,): that of this ground, not of all."""
        signal = (white - self._data.project(white, SOLVE))[self._rows] + self._mean[:, None]
        return np.einsum("ij,ij->j", signal, self._seen(signal))

    def fit(self, draws, rng):
        """`GainFit` of the observed data, from `draws` simulated data sets."""
        null = self.null(draws, rng)
        seen = self._data.residual[:, None]
        return GainFit(self, float(self.score(seen)[0]), null, rng, energy=float(self.energy(seen)[0]))


class GainFit:
    """Estimate of a gain by its score, what the score's simulated null says of it, and which gains are excluded.

    Parameters
    ----------
    score : GainScore
    observed : float
        Score of the data.
    null : ndarray, shape (draws,)
        Scores of data sets simulated under agreement.
    rng : numpy.random.Generator, optional
        For data sets with a gain. Without it estimate and p-value are those of a Gaussian score.
    paths : ndarray, shape (6, k), optional
        Of `GainScore.paths`, for the power; default simulated by `rng`.
    energy : float, optional
        `GainScore.energy` of the data: gains are then excluded by the score over it, which differs less from ground to
        ground than the score over its variance.

    Attributes
    ----------
    testable : bool
    resolution, doubt : float
        Standard deviation of the estimate where there is no gain, percent, and its relative error: as far as the
        simulations tell it. NaN where data tell nothing of a gain.
    value, std : float
        Estimate, and its standard deviation over data sets with that gain, percent.
    p_value, p_value_error : float
    """

    worst, least_seen, places = 0, 0, 1  # as of `SinglePlaces`

    def __init__(self, score, observed, null, rng=None, paths=None, energy=None):
        self.score, self._null, self._rng, self._energy = score, null, rng, energy
        self._mean, self._spread = float(null.mean()), float(null.std(ddof=1))
        self.testable = self._spread > 0
        self.resolution = self.value = self.std = self.p_value = self.p_value_error = self.log_p = np.nan
        self.doubt = 1.0 / np.sqrt(2 * (null.size - 1))
        if not self.testable:
            return
        off = observed - self._mean
        self.z, self.resolution = off / self._spread, 100.0 / self._spread
        self.value = self.z * self.resolution
        self.beyond = int(np.sum(np.abs(null - self._mean) >= abs(off)))
        self.p_value, self.p_value_error = self._tail()
        self._paths = paths if rng is None else self.score.paths(min(null.size, REPEATS), rng)
        self.std = self.resolution if rng is None else float(self._estimates(self.value).std(ddof=1))

    def _estimates(self, gain):
        """Estimates from data sets with a gain, all in percent."""
        return 100.0 * (_at(self._paths, 0.01 * gain) - self._mean) / self._spread**2

    def _own_estimates(self, gain):
        """The same by each ground's own energy, where that of the data is known."""
        if self._energy is None:
            return self._estimates(gain)
        return 100.0 * (_at(self._paths, 0.01 * gain) - self._mean) / _at(self._paths[3:], 0.01 * gain)

    def _tail(self):
        """(p-value, its error)."""
        draws = self._null.size
        if self._rng is None:  # Gaussian, standardised by mean and spread of simulated ones
            p = 2 * float(t.sf(abs(self.z) / np.sqrt(1 + 1 / draws), draws - 1))
            return p, p / np.sqrt(draws)
        p = (1 + self.beyond) / (draws + 1)
        if self.beyond:
            return p, float(np.sqrt(p * (1 - p) / (draws + 1)))
        p, error, self.log_p = beyond_all(abs(self.z) * self._spread, self._null)
        return p, error

    def equivalence(self, margin):
        """(p-value of "the gain is `margin` percent or more, of either sign", its standard error).

        Two one-sided tests, simulated there; the error is from the number of simulations.
        """
        if not self.testable:
            return np.nan, np.nan
        draws = self._null.size
        if self._rng is None:
            off = (abs(self.value) - margin) / self.resolution
            # few scores leave their mean open by 1/√n of their spread, and that by 1/√(2n): value and margin go with it
            doubt = np.hypot(1.0, (abs(self.value) + margin) / self.resolution / np.sqrt(2)) / np.sqrt(draws)
            return float(t.cdf(off, draws - 1)), float(t.pdf(off, draws - 1) * doubt)
        # at the margin, and not at the estimate: the spread grows with the gain, and is skewed
        value = self.value if self._energy is None else 100.0 * self.z * self._spread / self._energy
        ends = (self._own_estimates(margin) <= value, self._own_estimates(-margin) >= value)
        p = max((1 + int(e.sum())) / (1 + e.size) for e in ends)
        return p, float(np.sqrt(p * (1 - p) / (1 + ends[0].size)))

    def bound(self, level):
        """Gain above which all are excluded at a level, percent, by a Gaussian estimate."""
        return abs(self.value) + norm.isf(level) * self.std

    def reach(self, level, share):
        """Gain that is excluded but for a `share` of agreeing pairs, percent; NaN where none is."""
        if not self.testable:
            return np.nan
        edge = norm.isf(0.5 * share) * self.resolution
        if self._rng is None:
            return edge + t.isf(level, self._null.size - 1) * self.resolution
        edge = norm.isf(0.5 * share) * float(self._own_estimates(0.0).std(ddof=1))

        def kept(gain):
            return max(np.mean(self._own_estimates(gain) <= edge), np.mean(self._own_estimates(-gain) >= -edge))

        return crossing(lambda gain: level - kept(gain), self.resolution, CLOSE, CLOSE)

    def detectable(self, level, power):
        """Gain that the test sees with a power over grounds as the prior has them, either sign alike, percent.

        How much signal there is differs from ground to ground, so that a ground alone does not tell it. NaN where no
        gain is seen as often: a larger one is then taken for more ground. Relative error some 1/√(2 draws).
        """
        if not self.testable:
            return np.nan
        return crossing(lambda gain: self._power(gain, level) - power, self.resolution, CLOSE, CLOSE)

    def _power(self, gain, level):
        """How often a gain, percent, is seen."""
        if self._rng is not None:
            threshold = self._threshold(level)
            return float(np.mean([np.abs(_at(self._paths, sign * 0.01 * gain) - self._mean) >= threshold
                                  for sign in (1, -1)]))
        # few grounds: what they add to the score, and a score that is Student's t about it
        dof, end = self._null.size - 1, t.isf(level / 2, self._null.size - 1)
        off = np.array([_at(self._paths, sign * 0.01 * gain) - self._paths[0] for sign in (1, -1)]) / self._spread
        return float(np.mean(t.sf(end - off, dof) + t.cdf(-end - off, dof)))

    def _threshold(self, level):
        """Size of a score less its mean from which its p-value is at most `level`."""
        sizes = np.sort(np.abs(self._null - self._mean))[::-1]
        beyond = int(np.floor(level * (sizes.size + 1) + ROUNDING)) - 1  # that many may be as large
        if beyond >= 0:
            return float(np.nextafter(sizes[beyond], np.inf))
        k, start, excess = _tail_of(sizes[::-1])
        return max(float(sizes[0]), start + excess * float(np.log(k / sizes.size / level)))

    def test(self):
        """`AgreementTest`."""
        surveys = self.score.surveys
        if not self.testable:
            return untestable("gain", surveys, NO_GAIN, target=surveys[0])
        count, gaussian = self._null.size, self._rng is None
        extrapolated = not gaussian and not self.beyond
        null = ("Student's t of the score," if gaussian else "exponential tail fitted to the score, beyond all"
                if extrapolated else "parametric bootstrap of the score,")
        return AgreementTest(
            form="gain", surveys=surveys, target=surveys[0], statistic=self.z**2, p_value=self.p_value,
            p_value_error=self.p_value_error, log_p=self.log_p,
            null=f"{null} {count} simulated data sets", spread_dof=count - 1 if gaussian else np.inf,
            direction="too large" if self.value > 0 else "too small",
            effect={"what": "gain", "value": self.value, "std": self.std, "units": "%"},
            note=gain_note(not surveys[1:], gaussian, 1 / (count + 1) if extrapolated else 0.0))


def gain_fits(data, surveys, seed=0):
    """{(survey, "gain"): `GainFit`}: by bootstrap with matrices, by Student's t of few simulations with solves.

    Where every simulation is a solve, few are afforded; with the thousands of data that need solves the score is
    Gaussian, and few simulations tell its mean and spread.
    """
    scores = {survey: GainScore(data, survey) for survey in surveys}
    if not scores:
        return {}
    if isinstance(data, DenseSystem):
        return {(survey, "gain"): score.fit(DENSE_DRAWS, np.random.default_rng(seed))
                for survey, score in scores.items()}
    flat = data.flat_estimate(data.residual[:, None])
    white = np.column_stack([data.residual, flat + data.draw(np.random.default_rng(seed), FEWEST)])
    weights = in_blocks(data, white, lambda block: data.project(block, SOLVE))
    values = {survey: score.score(white, weights) for survey, score in scores.items()}
    grounds = {survey: score.paths(FEW_GROUNDS, np.random.default_rng(seed + 1), energy=False)
               for survey, score in scores.items()}
    return {(survey, "gain"): GainFit(scores[survey], float(v[0]), v[1:], paths=grounds[survey])
            for survey, v in values.items()}


def beyond_all(off, null):
    """(p-value, its error, its logarithm) of a score |U − mean| beyond every simulated one, shape (draws,).

    The score is a quadratic form of Gaussians, whose tails are exponential: the exponential of the largest tenth of the
    simulated ones, at least ten (peaks over threshold; Davison & Smith 1990, JRSS B 52, 393), never above
    1/(draws + 1). A Gaussian tail would be too small by orders. The error is that of the mean excess, 1/√k.
    """
    sizes = np.sort(np.abs(null - null.mean()))
    k, start, excess = _tail_of(sizes)
    above = (off - start) / excess
    floor = 1.0 / (sizes.size + 1)
    p, more = (min(floor, k / sizes.size * np.exp(-above / (1 + grown / np.sqrt(k)))) for grown in (0, 1))
    return float(p), float(max(more - p, p / np.sqrt(k))), float(np.log(k / sizes.size) - above)


def _tail_of(sizes):
    """(number, start, mean excess) of the largest tenth of ascending sizes, at least ten."""
    k = max(sizes.size // 10, 10)
    return k, float(sizes[-k - 1]), float(np.mean(sizes[-k:] - sizes[-k - 1]))


def _at(paths, gain):
    """Scores at a gain."""
    constant, slope, square = paths[:3]
    return constant + gain * slope + gain**2 * square


def _blocks(draws):
    return [min(BLOCK, draws - first) for first in range(0, draws, BLOCK)]

