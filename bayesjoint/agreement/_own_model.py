"""Whether one survey suits its own prior and noise: what alarms here is no conflict between surveys."""

from functools import partial

import numpy as np
from scipy.linalg import eigh
from scipy.stats import norm, t

from ..gaussian import DenseSystem
from ..problem import one_survey
from ._likelihood_ratio_null import complement
from ._local_conflict import smallest
from ._result import AgreementTest, t_log_tail, untestable
from ._sentences import ALIKE, ALONE, misfit
from ._shared import crossing, in_blocks
from ._weighted_chi2 import WeightedChi2

POWER_DRAWS, POWER_VALUES, POWER_SEED = 4_000, 2e6, 0  # data sets behind a power, and numbers held at once
EIGEN_DATA = 3_000  # whose eigenvalues take a minute at most
DRAWS = 64  # simulated data sets where surveys are larger
STEPS, FARTHEST = 50, 12.0  # of Fisher scoring, and logarithms of variances that it may reach
LEAST = 1e-3  # share of a variance below which a first-order estimate means nothing
SEEN = 0.05  # p-value above which no misfit is seen
NO_CHANGE = 1e-9  # of a log variance
VALUES = 1e-12  # eigenvalue of the signal below which a direction holds noise alone


def own_model_fits(data, survey, draws=DRAWS, seed=0):
    """Test the prior std behind a survey and its noise std, each by the survey alone.

    Whitened data are N(X β, τ² S + ν² 1) with S the signal's covariance and τ = ν = 1 as stated. The scores of log τ²
    and log ν² are quadratic forms of the data; each is taken less what the other explains of it (efficient score: Cox &
    Hinkley 1974, section 9.3), so that a wrong noise std is not taken for a wrong prior. Under the stated model they
    are weighted χ² exactly. Two-sided: too large and too small alike.

    Parameters
    ----------
    data : System
        Of this survey alone.
    survey : str
        Its name.
    draws : int, default 64
        Simulated data sets above 3,000 data; the score is then held against Student's t.
    seed : int, default 0

    Returns
    -------
    ((AgreementTest, callable), (AgreementTest, callable))
        Of the prior, and of the noise; the callable gives ``(level, power) -> percent`` by which the std must be larger
        than stated to be seen with that power. ``effect``: by how many percent the std seems too small or too large,
        which ``what`` says, with "no misfit seen" where p > 5 %. ``factor`` is the std that the survey asks for over
        that as stated, of maximum likelihood of both, or where it comes from draws to first order in the variance;
        ``log_std`` is the standard deviation of its logarithm, from the information at the estimate or from the score
        of draws, and ``std`` the same share of ``value``. ``stated`` and ``asked`` are the std themselves (their
        median) in ``stated_units``, of the parameter or survey ``of``.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from bayesjoint.gaussian import data_system
    >>> rng, gains = np.random.default_rng(1), np.diag(np.linspace(0.0, 1.0, 50))
    >>> field = bj.Parameter("field", 50, prior=bj.GaussianPrior(0.0, np.eye(50)))
    >>> values = gains @ (3.0 * rng.standard_normal(50)) + 0.1 * rng.standard_normal(50)
    >>> line = bj.Modality("line", gains, values, bj.DiagonalNoise(np.full(50, 0.1)), "field")
    >>> (prior, _), (noise, _) = own_model_fits(data_system(bj.JointProblem([field], [line])), "line")
    >>> prior.p_value < 1e-6, prior.p_value < noise.p_value
    (True, True)
    """
    if isinstance(data, DenseSystem) and data.size <= EIGEN_DATA:
        return _by_eigenvalues(data, survey)
    return _by_draws(data, survey, draws, seed)


def _by_eigenvalues(data, survey):
    contrasts = complement(data.basis) if data.rank else np.eye(data.size)
    values, vectors = eigh(contrasts.T @ data.covariance @ contrasts)
    signal, z = np.maximum(values - 1.0, 0.0), (vectors.T @ (contrasts.T @ data.residual)) ** 2 / values
    shares, out = (signal / (1.0 + signal), 1.0 / (1.0 + signal)), []
    best, spread = _likeliest(signal, z * values)
    for one, other, form in ((0, 1, "prior"), (1, 0, "noise")):
        mixed = shares[one] @ shares[other] / max(shares[other] @ shares[other], VALUES)
        weights = shares[one] - mixed * shares[other]
        information = 0.5 * float(weights @ weights)
        if information <= VALUES * data.size:
            out.append((untestable(form, (survey,), ALIKE, target=survey), lambda *_: np.nan))
            continue
        statistic, std = float(weights @ z), np.sqrt(2.0 * weights @ weights)
        # either tail by itself: 1 less the other would lose its digits
        sides = [(WeightedChi2(sign * weights), sign * statistic) for sign in (1.0, -1.0)]
        tails = [side.tail(x) for side, x in sides]
        k = int(tails[1][0] < tails[0][0])
        test = _answer(data, survey, form, (statistic - weights.sum()) / std, min(2 * float(tails[k][0]), 1.0),
                       2 * float(tails[k][1]), best[one], spread[one], "weighted χ² of the efficient score, exact",
                       log_p=np.log(2) + sides[k][0].log_tail(sides[k][1]))
        out.append((test, _Power(weights, shares[one])))
    return tuple(out)


class _Power:
    """By how much a std must be larger than stated for its efficient score to be seen.

    A variance f² times as large makes the independent z² into (1 + (f² − 1) s) χ²₁, s its share of the variance along
    each: of a simulated data set the score is then A + (f² − 1) B.
    """

    def __init__(self, weights, shares):
        self._weights, rng = weights, np.random.default_rng(POWER_SEED)
        wide = np.stack([weights, weights * shares])
        count = max(1, int(POWER_VALUES // max(weights.size, 1)))
        sums = [wide @ rng.standard_normal((weights.size, min(count, POWER_DRAWS - k))) ** 2
                for k in range(0, POWER_DRAWS, count)]
        self._constant, self._slope = np.concatenate(sums, axis=1)

    def __call__(self, level, power):
        low, high = self._thresholds(level)
        grown = crossing(lambda more: float(np.mean((self._constant + more * self._slope > high)
                                                    | (self._constant + more * self._slope < low))) - power,
                         0.1, 1e-4, 1e-4)
        return 100.0 * (np.sqrt(1.0 + grown) - 1.0)

    def _thresholds(self, level):
        """Ends between which the score stays but for half the level each."""
        mean, spread, out = float(self._weights.sum()), float(np.sqrt(2 * self._weights @ self._weights)), []
        for sign in (-1.0, 1.0):
            tail = WeightedChi2(sign * self._weights).tail
            off = crossing(lambda x, sign=sign, tail=tail: 0.5 * level - float(tail(sign * mean + x)[0]), spread, 1e-4,
                           nowhere=np.inf)
            out.append(mean + sign * off)
        return out


def _likeliest(signal, squares):
    """(log τ², log ν²) of largest likelihood of independent N(0, τ² signal + ν²), and their std; by Fisher scoring."""
    theta, information = np.zeros(2), np.eye(2)
    for _ in range(STEPS):
        variance = np.exp(theta[0]) * signal + np.exp(theta[1])
        slopes = np.stack([np.exp(theta[0]) * signal, np.full(signal.size, np.exp(theta[1]))]) / variance
        information = 0.5 * slopes @ slopes.T
        step = np.linalg.lstsq(information, 0.5 * slopes @ (squares / variance - 1.0), rcond=1e-10)[0]
        theta = np.clip(theta + np.clip(step, -1.0, 1.0), -FARTHEST, FARTHEST)
        if np.abs(step).max() < 1e-6:
            break
    left = np.diag(information) - information[0, 1] ** 2 / np.maximum(np.diag(information)[::-1], VALUES)
    most = np.where(theta <= 1.0 - FARTHEST, np.exp(FARTHEST), FARTHEST)
    return theta, np.minimum(np.maximum(left, VALUES**2) ** -0.5, most)


def _by_draws(data, survey, draws, seed):
    white = np.column_stack([data.residual, data.draw(np.random.default_rng(seed), draws)])
    forms = in_blocks(data, white, lambda block: _forms(data, block))
    off = forms - forms[:, 1:].mean(axis=1, keepdims=True)
    spread = off[:, 1:] @ off[:, 1:].T / (draws - 1)
    out = []
    for one, other, form in ((0, 1, "prior"), (1, 0, "noise")):
        score = off[one] - spread[one, other] / spread[other, other] * off[other]
        std = float(np.sqrt(np.sum(score[1:] ** 2) / (draws - 2)))
        ratio = float(score[0]) / (std * np.sqrt(1 + 1 / draws))
        p = 2 * float(t.sf(abs(ratio), draws - 2))
        information = 0.25 * std**2  # the score of log τ² is half the form
        change = np.log(max(1.0 + 0.5 * float(score[0]) / information, LEAST))
        change_std = change / ratio if abs(ratio) > NO_CHANGE else information**-0.5
        test = _answer(data, survey, form, ratio, p, p / np.sqrt(draws), change, change_std,
                       f"Student's t of the efficient score, spread of {draws} simulations", spread_dof=draws - 2,
                       log_p=np.log(2) + t_log_tail(abs(ratio), draws - 2))
        out.append((test, partial(_seen_by_draws, draws - 2, information**-0.5)))
    return tuple(out)


def _seen_by_draws(dof, spread, level, power):
    """Percent by which a std must be larger than stated, where a log variance is estimated to `spread`."""
    return 100.0 * (np.sqrt(1.0 + smallest(dof, level, power) * spread) - 1.0)


def _forms(data, white):
    """(yᵀPSPy, yᵀP²y), shape (2, k)."""
    weighted = data.project(white)
    noise = np.einsum("ij,ij->j", weighted, weighted)
    return np.stack([np.einsum("ij,ij->j", weighted, white) - noise, noise])


def _stated(data, survey, form):
    """{"stated", "stated_units", "of"}: the median std as stated, of the noise or of the first proper prior."""
    problem = data.model.problem
    modality = one_survey(problem, survey)
    if form == "noise":
        return {"stated": float(np.sqrt(np.median(modality.noise.variance()) / problem.weights[survey])),
                "stated_units": modality.units, "of": survey}
    for p in (problem.by_name[name] for name in modality.seen):
        if p.name not in problem.prior.flat:
            variance = p.bound_prior.covariance.diagonal()
            return {"stated": float(p.scale * np.sqrt(np.median(variance[variance > 0]))), "stated_units": p.units,
                    "of": p.name}
    return {}


def _answer(data, survey, form, ratio, p, error, change, spread, null, **fields):
    """`change` is of the log variance, `spread` its standard deviation."""
    if p > SEEN:  # the likelihood of few data is no parabola: what the test does not see is no effect
        spread = max(spread, abs(change) / norm.isf(0.5 * SEEN))
    factor = float(np.exp(0.5 * change))
    value = 100.0 * abs(factor - 1.0)
    std = value * spread / abs(change) if abs(change) > NO_CHANGE else 50.0 * spread
    if change <= 1.0 - FARTHEST:  # none is left: what a variance of one spread would still be
        std = 100.0 * min(np.sqrt(factor**2 * (1.0 + spread)) - factor, 1.0)
    direction, stated = "too small" if change > 0 else "too large", _stated(data, survey, form)
    return AgreementTest(
        form=form, target=survey, surveys=(survey,), statistic=ratio**2, p_value=p, p_value_error=error, null=null,
        direction=direction, **fields, note=ALONE,
        effect={"what": misfit(form, survey, direction, p <= SEEN), "value": value, "std": float(std), "units": "%",
                "factor": factor, "log_std": 0.5 * float(spread), **stated,
                **({"asked": factor * stated["stated"]} if stated else {})})
