"""Several surveys: every pair, and every survey against all others, in one matrix with one family-wise error."""

from itertools import combinations

import numpy as np

from .._checks import fail
from ..dataset import Sheet
from .likelihood_ratio import UNTESTABLE
from .local import LEVEL, _share
from .multiple import holm
from .pair import make_pair
from .result import moved_tail
from .splitting import split_dof
from .suspicion import suspicion

WORDS = {"units": "1", "long_name": "R and S in words"}
_PAIRWISE = {
    "ratio_p_value": ("1", "p-value of the likelihood ratio"),
    "log_bayes_ratio": ("nat", "log R"),
    "log_suspiciousness": ("nat", "log S"),
    "dimensionality": ("1", "directions that both surveys constrain"),
    "suspiciousness_p_value": ("1", "p-value of S under the stated prior"),
}


def conflict_matrix(problem, *, level=LEVEL, method="auto", seed=0):
    """All pairs of surveys, and each against the rest: likelihood ratio, node splits, Bayes ratio and suspiciousness.

    R = Z_ab / (Z_a Z_b) is the odds of one model for both; it grows with the width of the prior. The suspiciousness S
    has the volume of the prior divided out (Handley & Lemos 2019). Where they differ, ``words`` says what that means.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, two surveys or more.
    level : float, default 0.05
        Family-wise, over all likelihood ratios and node splits of the matrix (Holm).
    method : {"auto", "dense", "iterative"}, default "auto"
        As in `node_split`.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Over (survey, other): ``ratio_p_value``, ``log_bayes_ratio``, ``log_suspiciousness``, ``dimensionality``,
        ``suspiciousness_p_value``, ``split_p_value`` (of ``survey`` as predicted from ``other``), each with its error,
        and ``suspiciousness_gaussian_p_value`` (χ² with `dimensionality` degrees of freedom, customary). NaN where
        nothing can be tested. With ``rest_`` in front, over ``survey``: the same against all others together, where
        there are more than two. ``ratio_p_holm``, ``split_p_holm`` and those of the rest: adjusted. ``words`` over
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
    level = _share("level", level)
    names = [m.name for m in problem.modalities]
    if len(names) < 2:
        fail("problem", "hold at least two surveys", f"{names}", "One survey has nothing to disagree with.")
    pairs = {(i, j): PairRow(make_pair(problem, (names[i], names[j]), method), seed)
             for i, j in combinations(range(len(names)), 2)}
    rest = {}
    if len(names) > 2:
        rest = {i: PairRow(make_pair(problem, (name, tuple(n for n in names if n != name)), method), seed)
                for i, name in enumerate(names)}
    return _matrix(names, pairs, rest, level)


class PairRow:
    """Every figure of one pair.

    Parameters
    ----------
    made : Pair
    seed : int, default 0

    Attributes
    ----------
    values, errors : dict of {str: float}
        By the names of the variables of `conflict_matrix`.
    into, into_errors : (float, float)
        p-values of the node splits into a and into b, and what the error of their statistics does to them.
    words : str
    """

    def __init__(self, made, seed=0):
        from scipy.stats import chi2

        spectrum, found = made.spectrum(), made.statistics()
        splits = [(float(value[0]), split_dof(made, source))
                  for value, source in ((found.into_first, 1), (found.into_second, 0))]
        self.into = tuple(float(chi2.sf(value, dof)) if dof else np.nan for value, dof in splits)
        self.into_errors = tuple(moved_tail(value, float(found.error[0]), dof) if dof else np.nan
                                 for value, dof in splits)
        self.values, self.errors = dict.fromkeys(_PAIRWISE, np.nan), dict.fromkeys(_PAIRWISE, np.nan)
        self.words, self.gaussian = UNTESTABLE, np.nan
        if not spectrum.testable:
            return
        p, error = (float(v) for v in spectrum.tail(found.ratio[0], float(found.error[0])))
        both = suspicion(made, spectrum, found, seed)
        self.gaussian, self.words = both.gaussian_p_value, both.words
        self.values = {"ratio_p_value": p, "log_bayes_ratio": both.log_ratio, "dimensionality": both.dimensionality,
                       "log_suspiciousness": both.log_suspiciousness, "suspiciousness_p_value": both.p_value}
        self.errors = {"ratio_p_value": error, "log_bayes_ratio": both.log_ratio_error,
                       "dimensionality": both.dimensionality_error, "suspiciousness_p_value": both.p_value_error,
                       "log_suspiciousness": both.log_suspiciousness_error}


def _matrix(names, pairs, rest, level):
    sheet, count = Sheet(), len(names)
    sheet.along("survey", names, "survey")
    sheet.along("other", names, "the other survey")

    def square(values):
        out = np.full((count, count), np.nan)
        for (i, j), value in values.items():
            out[i, j] = out[j, i] = value
        return out

    def directed(values):
        out = np.full((count, count), np.nan)
        for (i, j), value in values.items():
            out[i, j], out[j, i] = value
        return out

    # the split of the rest given one survey would see conflicts within the rest: it is no test of that survey
    family = np.array([[row.values["ratio_p_value"], *row.into] for row in pairs.values()]
                      + [[row.values["ratio_p_value"], row.into[0], np.nan] for row in rest.values()])
    adjusted = holm(family)
    both = ("survey", "other")
    for key, (units, words) in _PAIRWISE.items():
        sheet.add(key, both, square({k: r.values[key] for k, r in pairs.items()}), units, words,
                  square({k: r.errors[key] for k, r in pairs.items()}))
    words = "χ² tail of d − 2 log S, customary"
    sheet.add("suspiciousness_gaussian_p_value", both, square({k: r.gaussian for k, r in pairs.items()}), "1", words)
    sheet.add("split_p_value", both, directed({k: r.into for k, r in pairs.items()}), "1",
              "p-value of the survey as predicted from the other",
              directed({k: r.into_errors for k, r in pairs.items()}))
    sheet.add("ratio_p_holm", both, square(dict(zip(pairs, adjusted[: len(pairs), 0], strict=True))), "1",
              "p-value of the likelihood ratio, adjusted (Holm)")
    sheet.add("split_p_holm", both, directed(dict(zip(pairs, adjusted[: len(pairs), 1:], strict=True))), "1",
              "p-value of the node split, adjusted (Holm)")
    if rest:
        _add_rest(sheet, rest, adjusted[len(pairs) :])
    tests = int(np.isfinite(family).sum())
    found = sheet.dataset({"level": level, "verdict": _verdict(names, pairs, rest, adjusted <= level),
                           "correction": f"Holm over the {tests} likelihood ratios and node splits of this matrix; "
                           "p-values of the suspiciousness are of single tests, in no family"})
    texts = np.full((count, count), "", dtype=object)
    for (i, j), row in pairs.items():
        texts[i, j] = texts[j, i] = row.words
    found = found.assign_coords(words=(both, texts.astype(str), WORDS))
    if not rest:
        return found
    return found.assign_coords(rest_words=("survey", np.array([row.words for row in rest.values()]), WORDS))


def _add_rest(sheet, rest, adjusted):
    for key, (units, words) in _PAIRWISE.items():
        sheet.add(f"rest_{key}", ("survey",), [r.values[key] for r in rest.values()], units,
                  f"{words}, against all others", [r.errors[key] for r in rest.values()])
    sheet.add("rest_split_p_value", ("survey",), [r.into[0] for r in rest.values()], "1",
              "p-value of the survey as predicted from all others", [r.into_errors[0] for r in rest.values()])
    for k, (name, words) in enumerate((("ratio", "likelihood ratio against all others"),
                                       ("split", "survey as predicted from all others"))):
        sheet.add(f"rest_{name}_p_holm", ("survey",), adjusted[:, k], "1", f"p-value of the {words}, adjusted (Holm)")


def _verdict(names, pairs, rest, rejected):
    """Words for what was rejected, most clearly first."""
    flagged = rejected.any(axis=1)
    said = [f"{names[i]} and {names[j]} disagree" for (i, j), bad in zip(pairs, flagged, strict=False) if bad]
    ranked = sorted(rest, key=lambda i: np.nanmin([rest[i].values["ratio_p_value"], rest[i].into[0], 1.0]))
    said += [f"{names[i]} and the rest disagree" for i in ranked if flagged[len(pairs) + i]]
    if said:
        return f"{', '.join(said)}."
    return (f"No pair of {len(names)} surveys disagrees at a family-wise level; what could have been seen, "
            "`detectability` tells.")
