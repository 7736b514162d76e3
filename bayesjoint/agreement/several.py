"""Several surveys: every pair, and every survey against all others, in one matrix with one family-wise error."""

from itertools import combinations

import numpy as np

from ..dataset import Sheet
from .inputs import as_share, survey_names
from .likelihood_ratio import ratio_of, splits_of
from .local import LEVEL
from .multiple import holm
from .pair import make_pair
from .suspicion import suspicion
from .words import UNTESTABLE

WORDS = {"units": "1", "long_name": "R and S in words"}
_PAIRWISE = {  # variable: (field of a `PairRow`, units, words)
    "ratio_p_value": ("ratio_p_value", "1", "p-value of the likelihood ratio"),
    "log_bayes_ratio": ("log_ratio", "nat", "log R"),
    "log_suspiciousness": ("log_suspiciousness", "nat", "log S"),
    "dimensionality": ("dimensionality", "1", "directions that both surveys constrain"),
    "suspiciousness_p_value": ("p_value", "1", "p-value of S under the stated prior"),
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
    level, names = as_share("level", level), survey_names(problem)
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
    pair : Pair
    seed : int, default 0

    Attributes
    ----------
    into : (AgreementTest, AgreementTest)
        Node splits into a and into b.
    ratio_p_value, ratio_p_value_error : float
    words : str
        What R and S say. NaN, for these and the next, where nothing can be tested.
    log_ratio, log_suspiciousness, ... : float
        As in `Suspicion`.
    """

    def __init__(self, pair, seed=0):
        spectrum = pair.spectrum()
        self.into = splits_of(pair)[::-1]
        ratio = ratio_of(pair, spectrum)
        self.ratio_p_value, self.ratio_p_value_error = ratio.p_value, ratio.p_value_error
        self._found = suspicion(pair, spectrum, pair.statistics(), seed) if ratio.testable else None
        self.words = UNTESTABLE if self._found is None else self._found.words

    def __getattr__(self, name):
        return np.nan if self._found is None else getattr(self._found, name)


def _matrix(names, pairs, rest, level):
    sheet = Sheet()
    sheet.along("survey", names, "survey")
    sheet.along("other", names, "the other survey")
    # the split of the rest given one survey would see conflicts within the rest: it is no test of that survey
    family = np.array([[r.ratio_p_value, *(t.p_value for t in r.into)] for r in pairs.values()]
                      + [[r.ratio_p_value, r.into[0].p_value, np.nan] for r in rest.values()])
    adjusted = holm(family)

    def square(values, empty=np.nan, kind=float):
        """Values of each pair, either one for both or one each way, laid out over (survey, other)."""
        out = np.full((len(names), len(names)), empty, dtype=kind)
        for (i, j), value in zip(pairs, values, strict=True):
            out[i, j], out[j, i] = (value, value) if np.ndim(value) == 0 else value
        return out

    def add(name, values, units, words, errors=None):
        sheet.add(name, ("survey", "other"), square(values), units, words, None if errors is None else square(errors))

    rows = pairs.values()
    for key, (field, units, words) in _PAIRWISE.items():
        add(key, [getattr(r, field) for r in rows], units, words, [getattr(r, f"{field}_error") for r in rows])
    add("suspiciousness_gaussian_p_value", [r.gaussian_p_value for r in rows], "1", "χ² tail of d − 2 log S, customary")
    add("split_p_value", [[t.p_value for t in r.into] for r in rows], "1",
        "p-value of the survey as predicted from the other", [[t.p_value_error for t in r.into] for r in rows])
    add("ratio_p_holm", adjusted[: len(pairs), 0], "1", "p-value of the likelihood ratio, adjusted (Holm)")
    add("split_p_holm", adjusted[: len(pairs), 1:], "1", "p-value of the node split, adjusted (Holm)")
    _add_rest(sheet, rest.values(), adjusted[len(pairs) :])
    found = sheet.dataset({"level": level, "verdict": _verdict(names, pairs, rest, adjusted <= level),
                           "correction": f"Holm over the {int(np.isfinite(family).sum())} likelihood ratios and node "
                           "splits of this matrix; p-values of the suspiciousness are of single tests, in no family"})
    texts = {"words": (("survey", "other"), square([r.words for r in rows], "", object).astype(str), WORDS)}
    if rest:
        texts["rest_words"] = "survey", np.array([r.words for r in rest.values()]), WORDS
    return found.assign_coords(texts)


def _add_rest(sheet, rows, adjusted):
    """The same of each survey against all others, where there are more than two."""
    if not rows:
        return
    for key, (field, units, words) in _PAIRWISE.items():
        sheet.add(f"rest_{key}", ("survey",), [getattr(r, field) for r in rows], units,
                  f"{words}, against all others", [getattr(r, f"{field}_error") for r in rows])
    sheet.add("rest_split_p_value", ("survey",), [r.into[0].p_value for r in rows], "1",
              "p-value of the survey as predicted from all others", [r.into[0].p_value_error for r in rows])
    for k, (name, words) in enumerate((("ratio", "likelihood ratio against all others"),
                                       ("split", "survey as predicted from all others"))):
        sheet.add(f"rest_{name}_p_holm", ("survey",), adjusted[:, k], "1", f"p-value of the {words}, adjusted (Holm)")


def _verdict(names, pairs, rest, rejected):
    """Words for what was rejected, most clearly first."""
    flagged = rejected.any(axis=1)
    said = [f"{names[i]} and {names[j]} disagree" for (i, j), bad in zip(pairs, flagged, strict=False) if bad]
    ranked = sorted(rest, key=lambda i: np.nanmin([rest[i].ratio_p_value, rest[i].into[0].p_value, 1.0]))
    said += [f"{names[i]} and the rest disagree" for i in ranked if flagged[len(pairs) + i]]
    if said:
        return f"{', '.join(said)}."
    return (f"No pair of {len(names)} surveys disagrees at a family-wise level; what could have been seen, "
            "`detectability` tells.")
