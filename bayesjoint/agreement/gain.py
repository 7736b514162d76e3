"""Whether the signal of one survey is too large or too small by a factor: a score test with its null by simulation."""

import numpy as np

from .._checks import fail
from .marginal import DenseMarginal, marginal, one_survey
from .result import AgreementTest

FEWEST = 39  # simulations: with fewer no p-value reaches 5 %
DENSE_DRAWS, ITERATIVE_DRAWS = 999, 99
REPEATS = 199  # data sets, at most, behind the standard deviation of the gain: known to 5 % then
BLOCK = 64  # simulated data sets carried at once
SOLVE = 1e-4  # relative residual of iterative solves: the simulations are solved as loosely


def gain_test(problem, survey, method="auto", draws=None, seed=0):
    """Test whether one survey's signal carries a gain, d = (1 + g) A m + e, the model marginalised.

    A gain multiplies the model, so no column stands for it. The score at g = 0 is U = wᵀ(d̂ − E d̂) over the survey's
    data, w = P(d − Aμ) the weighted residuals and d̂ = d − C w the signal that the posterior mean predicts: do
    residuals go with the signal? Its mean and variance under agreement, and the p-value, come from data simulated from
    the problem itself (parametric bootstrap; Davison & Hinkley 1997, section 4.2), two-sided.

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
        Simulated data sets, at least 39: the p-value cannot fall below 1/(draws + 1). Default 999, or 99 for
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
    >>> bool(abs(found.effect["value"] - 30) < 3 * found.effect["std"]), found.p_value
    (True, 0.001)
    """
    one_survey(problem, survey)
    data = marginal(problem, method, SOLVE)
    draws = _draws(draws, isinstance(data, DenseMarginal))
    score = GainScore(data, survey)
    return score.test(draws, np.random.default_rng(seed))


class GainScore:
    """Score of a gain of one survey, for any data sets of a problem.

    Parameters
    ----------
    data : Marginal
        Of all surveys.
    survey : str
    """

    def __init__(self, data, survey):
        self._data, self._survey = data, survey
        model = data.model
        k = [m.name for m in model.problem.modalities].index(survey)
        self._rows = model.data_slices[k]
        self._mean = model.whiten(model.data_mean)[self._rows]

    def score(self, white):
        """U up to its mean, shape (k,), for whitened residuals (n_data, k)."""
        weights = self._data.project(white)
        # whitened, C is the identity: what is left of the data is the signal, prior mean and flat values included
        signal = (white - weights)[self._rows] + self._mean[:, None]
        return np.einsum("ij,ij->j", weights[self._rows], signal)

    def null(self, draws, rng):
        """Scores of `draws` data sets simulated from the problem, flat values at their estimate, shape (draws,)."""
        flat = self._data.flat_estimate(self._data.residual[:, None])
        return np.concatenate([self.score(flat + self._data.draw(rng, count)) for count in _blocks(draws)])

    def stretched(self, gain, draws, rng):
        """Scores of data sets whose signal in this survey is larger by `gain`, shape (draws,)."""
        flat, model, scores = self._data.flat_estimate(self._data.residual[:, None]), self._data.model, []
        for count in _blocks(draws):
            clean = flat + model.whiten(model.draw(rng, count)[1].T)
            clean[self._rows] += gain * (clean[self._rows] + self._mean[:, None])
            scores.append(self.score(clean + rng.standard_normal(clean.shape)))
        return np.concatenate(scores)

    def test(self, draws, rng):
        """`AgreementTest` of the observed data."""
        null = self.null(draws, rng)
        mean, std = float(null.mean()), float(null.std(ddof=1))
        others = tuple(m.name for m in self._data.model.problem.modalities if m.name != self._survey)
        common = {"name": f"gain of {self._survey}", "surveys": (self._survey, *others)}
        if not std > 0:
            return AgreementTest(**common, statistic=0.0, p_value=np.nan, p_value_error=np.nan, null="none",
                                 note="untestable: the data tell nothing of a gain")
        off = float(self.score(self._data.residual[:, None])[0]) - mean
        beyond = int(np.sum(np.abs(null - mean) >= abs(off)))
        p = (1 + beyond) / (draws + 1)
        spread = self.stretched(off / std**2, min(draws, REPEATS), rng).std(ddof=1) / std**2
        alone = "" if others else "one survey alone: a gain looks like a wrong prior std. "
        floor = f"p can be no smaller than {1 / (draws + 1):.2g}: raise draws" if beyond == 0 else ""
        return AgreementTest(
            **common, statistic=(off / std) ** 2, p_value=p,
            p_value_error=float(np.sqrt(p * (1 - p) / (draws + 1))),
            null=f"parametric bootstrap of the score, {draws} simulated data sets",
            effect={"what": "gain", "value": 100.0 * off / std**2, "std": 100.0 * spread, "units": "%"},
            note=f"{alone}{floor}")


def _blocks(draws):
    return [min(BLOCK, draws - first) for first in range(0, draws, BLOCK)]


def _draws(draws, dense):
    if draws is None:
        return DENSE_DRAWS if dense else ITERATIVE_DRAWS
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < FEWEST:
        fail("draws", f"be an integer of at least {FEWEST}", repr(draws), "999 resolve p-values of 1 %.")
    return int(draws)
