"""The Bayes ratio of two surveys and their suspiciousness: evidence with the volume of the prior in it, and without."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from .quadratic_forms import WeightedChi2

EIGEN_DATA = 2_500  # whose eigenvalues take half a minute at most
DRAWS = 32  # simulated pairs where surveys are larger
STRONG = 3.0  # nats that count as evidence one way or the other


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """log R and log S of a pair, with errors, and what they say together.

    Attributes
    ----------
    log_ratio, log_ratio_error : float
        log R = log Z_ab − log Z_a − log Z_b; NaN where a direction that both see has no prior.
    log_suspiciousness, log_suspiciousness_error : float
        log S = log R − log I with log I = D_a + D_b − D_ab, D the information gained (Handley & Lemos 2019, Phys. Rev.
        D 100, 043504).
    dimensionality, dimensionality_error : float
        Directions of the model that both surveys constrain, ν_a + ν_b − ν_ab with ν = tr(S K⁻¹).
    p_value, p_value_error : float
        Of S under the stated prior predictive: weighted χ², exact with matrices.
    gaussian_p_value : float
        χ² tail of d − 2 log S with d degrees of freedom, as is customary: right where every direction is either well
        constrained by both surveys or by neither.
    words : str
        What R and S say, and why they differ where they do.
    """

    log_ratio: float
    log_ratio_error: float
    log_suspiciousness: float
    log_suspiciousness_error: float
    dimensionality: float
    dimensionality_error: float
    p_value: float
    p_value_error: float
    gaussian_p_value: float
    words: str


def suspicion(pair, spectrum, statistics, seed=0):
    """`Suspicion` of a `Pair`, from its `spectrum()` and `statistics()`.

    With P the inverse covariance of whitened data, flat values eliminated, the mean log likelihood of a posterior is
    −½ (|P y|² + n − tr P) up to constants; hence d − 2 log S = |P_ab y|² − |P_a y_a|² − |P_b y_b|² =: D, whose mean
    under agreement is d. No evidence is needed, and no prior volume enters.

    Parameters
    ----------
    pair : Pair
    spectrum : CanonicalSpectrum
    statistics : PairStatistics
    seed : int, default 0
        Of the simulated pairs above 2,500 data.

    Returns
    -------
    Suspicion
    """
    information, doubt = spectrum.information()
    ratio = np.nan if pair.excess else information - 0.5 * float(statistics.ratio[0])
    ratio_error = np.nan if pair.excess else doubt + 0.5 * float(statistics.error[0])
    found = float(_forms(pair, pair.both.residual[:, None])[0])
    if pair.method == "dense" and pair.both.size <= EIGEN_DATA:
        weights = _weights(pair)
        dimension, dimension_error, error = float(np.sum(weights)), 0.0, 0.0
        null = WeightedChi2(weights[np.abs(weights) > 1e-14 * np.abs(weights).max()]) if np.any(weights) else None
        p, p_error = (np.nan, np.nan) if null is None else (float(v) for v in null.tail(found))
    else:
        drawn = _forms(pair, pair.both.draw(np.random.default_rng(seed), DRAWS))
        dimension, spread = float(drawn.mean()), float(drawn.std(ddof=1))
        dimension_error = error = spread / np.sqrt(DRAWS)
        z = (found - dimension) / spread
        p = float(norm.sf(z))
        p_error = float(norm.pdf(z) * np.hypot(1.0, z / np.sqrt(2)) / np.sqrt(DRAWS))
    log_s = 0.5 * (dimension - found)
    gaussian = float(chi2.sf(max(found, 0.0), dimension)) if dimension > 0 else np.nan
    return Suspicion(
        log_ratio=ratio, log_ratio_error=ratio_error, log_suspiciousness=log_s,
        log_suspiciousness_error=0.5 * error + 0.5 * float(statistics.error[0]), dimensionality=dimension,
        dimensionality_error=dimension_error, p_value=p, p_value_error=p_error, gaussian_p_value=gaussian,
        words=_words(ratio, log_s, p))


def _forms(pair, white):
    """D of whitened residuals, shape (k,)."""
    total = np.sum(pair.both.project(white) ** 2, axis=0)
    for part, rows in zip((pair.first, pair.second), pair.rows, strict=True):
        total -= np.sum(part.project(white[rows]) ** 2, axis=0)
    return total


def _weights(pair):
    """Weights of D: eigenvalues of Lᵀ(P_ab² − P_a² ⊕ P_b²)L with LLᵀ = K. Their sum is the dimensionality."""
    form = pair.both.project(np.eye(pair.both.size))
    form = form @ form
    for part, rows in zip((pair.first, pair.second), pair.rows, strict=True):
        own = part.project(np.eye(part.size))
        form[np.ix_(rows, rows)] -= own @ own
    root = pair.both.factor
    return np.linalg.eigvalsh(root.T @ form @ root)


def _words(ratio, log_s, p):
    if np.isnan(p):
        return "nothing that both surveys constrain: neither R nor S says anything"
    together = "S finds the surveys in conflict" if p <= 0.05 else "S finds nothing unusual"
    if np.isnan(ratio):
        return f"{together}; R does not exist without a prior"
    if ratio > STRONG and p <= 0.05:
        return (f"{together}, yet R favours one model for both: under so wide a prior any two results this close count "
                "as agreement; believe S about conflict, R about the bet that the prior states")
    if ratio < -STRONG and p > 0.05:
        return (f"{together}, yet R favours a model each: the prior all but fixes what is in common, so R speaks of "
                "the prior; a wrong prior or coupling does that")
    if abs(ratio) <= STRONG:
        return f"{together}; R is indifferent: surveys share too little under this prior to tell"
    return f"{together}, and R says the same"
