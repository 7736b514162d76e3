"""Several surveys: Bayes ratio, suspiciousness and tests of every pair, and of every survey against all others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import chi2, norm

from .._checks import as_share, checked
from .._typing import JointProblem, xr
from ..dataset import DatasetBuilder
from ..gaussian import data_system
from ..hyperparameters import as_measured
from ._detectability import shares
from ._likelihood_ratio import ratio_of, splits_of
from ._local_conflict import LEVEL
from ._multiple_testing import holm
from ._pair import make_pair
from ._same_tests import Probe, groups_of, statistics_of
from ._sentences import UNTESTABLE
from ._shared import add_columns, survey_names
from ._weighted_chi2 import WeightedChi2

EIGEN_DATA = 2_500  # whose eigenvalues take half a minute at most
DRAWS = 32  # simulated pairs where surveys are larger
STRONG = 3.0  # nats that count as evidence one way or the other


def suspicion(pair, spectrum, statistics, seed=0):
    """Log R and log S of a `Pair`, from its `spectrum()` and `statistics()`, and what they say together.

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
    dict
        With "_error" at the end of a name that of the number.

        - ``log_bayes_ratio``: log R = log Z_ab − log Z_a − log Z_b; NaN where a direction that both see has no prior.
        - ``log_suspiciousness``: log S = log R − log I with log I = D_a + D_b − D_ab, D the information gained (Handley
          & Lemos 2019, Phys. Rev. D 100, 043504).
        - ``dimensionality``: directions of the model that both surveys constrain, ν_a + ν_b − ν_ab, ν = tr(S K⁻¹).
        - ``suspiciousness_p_value``: of S under the stated prior predictive: weighted χ², exact with matrices.
        - ``suspiciousness_gaussian_p_value``: χ² tail of d − 2 log S with d degrees of freedom, as is customary: right
          where every direction is either well constrained by both surveys or by neither.
        - ``words``: what R and S say, and why they differ where they do.
    """
    information, doubt = spectrum.information()
    ratio = np.nan if pair.excess else information - 0.5 * float(statistics.ratio[0])
    ratio_error = np.nan if pair.excess else doubt + 0.5 * float(statistics.error[0])
    found = float(_forms(pair, pair.both.residual[:, None])[0])
    if pair.method == "dense" and pair.both.size <= EIGEN_DATA:
        weights = _weights(pair)
        dimension, error = float(np.sum(weights)), 0.0
        null = WeightedChi2(weights[np.abs(weights) > 1e-14 * np.abs(weights).max()]) if np.any(weights) else None
        p, p_error = (np.nan, np.nan) if null is None else (float(v) for v in null.tail(found))
    else:
        drawn = _forms(pair, pair.both.draw(np.random.default_rng(seed), DRAWS))
        dimension, spread = float(drawn.mean()), float(drawn.std(ddof=1))
        error = spread / np.sqrt(DRAWS)
        z = (found - dimension) / spread
        p = float(norm.sf(z))
        p_error = float(norm.pdf(z) * np.hypot(1.0, z / np.sqrt(2)) / np.sqrt(DRAWS))
    log_s = 0.5 * (dimension - found)
    gaussian = float(chi2.sf(max(found, 0.0), dimension)) if dimension > 0 else np.nan
    return {"log_bayes_ratio": ratio, "log_bayes_ratio_error": ratio_error, "log_suspiciousness": log_s,
            "log_suspiciousness_error": 0.5 * error + 0.5 * float(statistics.error[0]), "dimensionality": dimension,
            "dimensionality_error": error, "suspiciousness_p_value": p, "suspiciousness_p_value_error": p_error,
            CUSTOMARY: gaussian, "words": _words(ratio, p)}


def _forms(pair, white):
    """D of whitened residuals, shape (k,)."""
    total = np.sum(pair.both.project(white) ** 2, axis=0)
    for part, rows in pair.parts:
        total -= np.sum(part.project(white[rows]) ** 2, axis=0)
    return total


def _weights(pair):
    """Weights of D: eigenvalues of Lᵀ(P_ab² − P_a² ⊕ P_b²)L with LLᵀ = K. Their sum is the dimensionality."""
    form = pair.both.project(np.eye(pair.both.size))
    form = form @ form
    for part, rows in pair.parts:
        own = part.project(np.eye(part.size))
        form[np.ix_(rows, rows)] -= own @ own
    root = pair.both.factor
    return np.linalg.eigvalsh(root.T @ form @ root)


def _words(ratio, p):
    if np.isnan(p):
        return "nothing that both surveys constrain: neither R nor S says anything"
    together = "S finds the surveys in conflict" if p <= 0.05 else "S finds nothing unusual"
    if np.isnan(ratio):
        return f"{together}; R does not exist without a prior"
    if ratio > STRONG and p <= 0.05:
        return (f"{together}, yet R favours one model for both: under so wide a prior any two results this close count "
                "as agreement; of the two S speaks of conflict, R of the bet that the prior states")
    if ratio < -STRONG and p > 0.05:
        return (f"{together}, yet R favours a model each: the prior all but fixes what is in common, so R speaks of "
                "the prior; a wrong prior or coupling does that")
    if abs(ratio) <= STRONG:
        return f"{together}; R is indifferent: surveys share too little under this prior to tell"
    return f"{together}, and R says the same"


CUSTOMARY = "suspiciousness_gaussian_p_value"  # without an error
WORDS = {"units": "1", "long_name": "R and S in words"}
_NUMBERS = {  # of R and S: (units, words)
    "log_bayes_ratio": ("nat", "log R"),
    "log_suspiciousness": ("nat", "log S"),
    "dimensionality": ("1", "directions that both surveys constrain"),
    "suspiciousness_p_value": ("1", "p-value of S under the stated prior"),
    CUSTOMARY: ("1", "χ² tail of d − 2 log S, customary"),
}


@checked
def conflict_matrix(problem: JointProblem, *, level: float = LEVEL, method: str = "auto", seed: int = 0) -> xr.Dataset:
    """All pairs of surveys, and each against the rest: likelihood ratio, node splits, Bayes ratio and suspiciousness.

    R = Z_ab / (Z_a Z_b) is the odds of one model for both; it grows with the width of the prior. The suspiciousness S
    has the volume of the prior divided out (Handley & Lemos 2019). Where they differ, ``words`` says what that means.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, two surveys or more.
    level : float, default 0.05
        Family-wise, over all likelihood ratios and node splits of the matrix (Holm); tests that are one count once.
        Where a coupling alone ties two surveys, the likelihood ratio alone can say that they disagree, and where
        nothing does nothing can: what a node split sees there is a misfit of one survey with its own prior and noise.
    method : {"auto", "dense", "iterative"}, default "auto"
        As in `node_split`.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Over (survey, other): ``ratio_p_value``, ``log_bayes_ratio``, ``log_suspiciousness``, ``dimensionality``,
        ``suspiciousness_p_value``, ``split_p_value`` (of ``survey`` as predicted from ``other``), each with its error,
        ``ratio_log_p_value`` and ``split_log_p_value``, finite where the p-value is 0, and
        ``suspiciousness_gaussian_p_value`` (χ² with `dimensionality` degrees of freedom, customary). NaN where nothing
        can be tested. With ``rest_`` in front, over ``survey``: the same against all others together, where there are
        more than two. ``ratio_p_holm``, ``split_p_holm`` and those of the rest: adjusted. ``words`` over
        (survey, other). The attribute ``verdict`` says what was found.

    Raises
    ------
    ValueError, TypeError
        If there is but one survey or the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> h0 = bj.Parameter("H0", 1, prior=bj.GaussianPrior(70.0, 400.0))
    >>> rows = {"planck": (67.36, 0.54), "shoes": (73.04, 1.04), "trgb": (69.8, 1.7)}
    >>> surveys = [bj.Modality(k, [[1.0]], [v], bj.DiagonalNoise([s]), "H0") for k, (v, s) in rows.items()]
    >>> found = conflict_matrix(bj.JointProblem([h0], surveys))
    >>> found.log_suspiciousness.sel(survey="planck", other="shoes").item().__round__(1)
    -11.2
    >>> found.attrs["verdict"]
    'planck and shoes disagree, shoes and the rest disagree, planck and the rest disagree.'
    """
    level, names = as_share("level", level), survey_names(problem)
    problem = as_measured(problem)
    probe = Probe(data_system(problem, method))
    pairs = {(i, j): _row(make_pair(problem, (names[i], names[j]), method), seed, probe)
             for i, j in combinations(range(len(names)), 2)}
    rest = {}
    if len(names) > 2:
        rest = {i: _row(make_pair(problem, (name, tuple(n for n in names if n != name)), method), seed, probe)
                for i, name in enumerate(names)}
    # the split of the rest given one survey would see conflicts within the rest: it is no test of that survey
    every = [*((r, (True, True)) for r in pairs.values()), *((r, (True, False)) for r in rest.values())]
    # where a coupling alone ties two, or nothing, a split sees the misfit of one with its own prior and noise
    family = np.array([[r["ratio_p_value"], *(p if r["shared"] and wanted else np.nan for p, wanted in zip(
        r["split_p_value"], used, strict=True))] for r, used in every])
    same = groups_of([s if np.isfinite(p) else None for row, (r, _) in zip(family, every, strict=True)
                      for p, s in zip(row, r["statistics"], strict=True)])
    adjusted = holm(family.ravel(), same).reshape(family.shape)
    count = np.unique(same[np.isfinite(family.ravel())]).size
    for row, p in zip((*pairs.values(), *rest.values()), adjusted, strict=True):
        row |= {"ratio_p_holm": p[0], "split_p_holm": p[1:]}
    return _matrix(names, pairs, rest).assign_attrs(
        level=level, verdict=_verdict(names, pairs, rest, adjusted <= level),
        correction=f"Holm over the {count} different likelihood ratios and node splits of this matrix; "
                   "p-values of the suspiciousness are of single tests, in no family")


def _row(pair, seed, probe):
    """Every figure of one pair, by the name of its variable; of node splits, into a and into b."""
    spectrum, into = pair.spectrum(), splits_of(pair)[::-1]
    ratio = ratio_of(pair, spectrum)
    row = {"ratio_p_value": ratio.p_value, "ratio_p_value_error": ratio.p_value_error, "words": UNTESTABLE,
           "split_p_value": [t.p_value for t in into], "split_p_value_error": [t.p_value_error for t in into],
           "ratio_log_p_value": ratio.log_p, "split_log_p_value": [t.log_p for t in into]}
    known = statistics_of(pair, probe, {})
    row |= {"shared": shares(pair),
            "statistics": [known[key] for key in ("ratio", "into first", "into second")]}
    if ratio.testable:
        return row | suspicion(pair, spectrum, pair.statistics(), seed)
    known = [name for name in _NUMBERS if name != CUSTOMARY]
    return row | dict.fromkeys((CUSTOMARY, *known, *(f"{name}_error" for name in known)), np.nan)


def _matrix(names, pairs, rest):
    table, dims = DatasetBuilder(), ("survey", "other")
    table.along("survey", names, "survey")
    table.along("other", names, "the other survey")

    def square(values, empty=np.nan, kind=float):
        """Values of each pair, either one for both or one each way, laid out over (survey, other)."""
        out = np.full((len(names), len(names)), empty, dtype=kind)
        for (i, j), value in zip(pairs, values, strict=True):
            out[i, j], out[j, i] = (value, value) if np.ndim(value) == 0 else value
        return out

    add_columns(table, dims, list(pairs.values()), _described("the other"), square)
    texts = {"words": (dims, square([r["words"] for r in pairs.values()], "", object).astype(str), WORDS)}
    if rest:
        add_columns(table, ("survey",), list(rest.values()), _described("all others", ", against all others"),
                    lambda values: np.array([np.ravel(value)[0] for value in values]), "rest_")
        texts["rest_words"] = "survey", np.array([r["words"] for r in rest.values()]), WORDS
    return table.dataset().assign_coords(texts)


def _described(whom, beside=""):
    """Units and words of every figure."""
    return {"ratio_p_value": ("1", f"p-value of the likelihood ratio{beside}"),
            "ratio_log_p_value": ("1", f"natural logarithm of the p-value of the likelihood ratio{beside}"),
            "split_log_p_value": ("1", f"natural logarithm of the p-value of the survey as predicted from {whom}"),
            **{name: (units, words + beside) for name, (units, words) in _NUMBERS.items()},
            "split_p_value": ("1", f"p-value of the survey as predicted from {whom}"),
            "ratio_p_holm": ("1", f"p-value of the likelihood ratio{beside}, adjusted (Holm)"),
            "split_p_holm": ("1", f"p-value of the node split from {whom}, adjusted (Holm)")}


def _verdict(names, pairs, rest, rejected):
    """Words for what was rejected, most clearly first."""
    flagged = rejected.any(axis=1)
    said = [f"{names[i]} and {names[j]} disagree" for (i, j), bad in zip(pairs, flagged, strict=False) if bad]
    ranked = sorted(rest, key=lambda i: np.nanmin([rest[i]["ratio_p_value"], rest[i]["split_p_value"][0], 1.0]))
    said += [f"{names[i]} and the rest disagree" for i in ranked if flagged[len(pairs) + i]]
    if said:
        return f"{', '.join(said)}."
    return (f"No pair of {len(names)} surveys disagrees at a family-wise level; what could have been seen, "
            "`detectability` tells.")
