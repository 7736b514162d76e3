"""From ranks to coverage, p-values and a verdict."""

import numpy as np
from scipy.special import ndtri

from ..dataset import DatasetBuilder
from ._uniformity import LEVEL, coverage_band, coverage_tail, ecdf_band, p_values


def summarise(asked, ranks, scores, draws, probabilities, attributes, faults=()):
    """The dataset of `calibrate`.

    Parameters
    ----------
    asked : dict of Functional
    ranks : ndarray of int, shape (functionals, n)
    scores : ndarray, shape (functionals, n)
        (truth − mean) / std in closed form, NaN where there is none.
    draws : int
        Behind every rank.
    probabilities : tuple of float
        Of the intervals.
    attributes : dict
        Where it comes from.
    faults : list of str
        What is wrong with the engine whatever its ranks are.

    Returns
    -------
    xarray.Dataset
    """
    n = ranks.shape[1]
    table = DatasetBuilder()
    table.along("functional", list(asked), "scalar question")
    table.along("simulation", np.arange(n), "number of the simulation")
    table.along("probability", np.array(probabilities), "nominal probability of the interval")
    table.add("ranks", ("functional", "simulation"), ranks, "1", f"rank of the truth among {draws} posterior draws")
    held = np.stack([_in_the_middle(ranks, draws, p) for p in probabilities], axis=1)
    closed = np.stack([np.abs(scores) <= ndtri((1 + p) / 2) for p in probabilities], axis=1)
    known = np.isfinite(scores).all(axis=1)
    nominal = [np.mean(_in_the_middle(np.arange(draws + 1), draws, p)) for p in probabilities]
    tests = _tests(held, closed, known, nominal, probabilities)
    values = p_values(ranks, draws)
    _write_coverage(table, held, closed, known, probabilities)
    points, low, high = ecdf_band(n, draws)
    table.along("point", points, "share of the possible ranks")
    table.add("ecdf", ("functional", "point"), np.mean(ranks[:, :, None] < np.arange(1, draws + 1), axis=1), "1",
              "share of ranks below the point")
    for side, band in (("lower", low), ("upper", high)):
        table.add(f"ecdf_{side}", ("point",), band, "1", f"{side} end of the simultaneous band of uniform ranks",
                  level=LEVEL)
    table.add("p_value", ("functional",), values, "1", "p-value of uniform ranks, over all points at once")
    worst = np.minimum(values, tests)
    limit = (1 - LEVEL) / (len(asked) * (1 + 2 * len(probabilities)))
    flagged = worst < limit
    table.add("flagged", ("functional",), flagged.astype("i1"), "1",
              f"1 where a p-value is below {limit:.1e}, 1 % shared out over all tests")
    wrong = [*faults, *(name for name, bad in zip(asked, flagged, strict=True) if bad)]
    verdict = "calibrated" if not wrong else f"not calibrated: {', '.join(wrong)}"
    return table.dataset({"verdict": verdict, "draws": draws, "simulations": n, "band_level": LEVEL,
                          "kind": "equal-tailed", **attributes})


def _in_the_middle(ranks, draws, probability):
    """Whether ranks lie in the central interval: about that share of the draws + 1 possible ones."""
    return np.abs(ranks - draws / 2) < probability * (draws + 1) / 2


def _tests(held, closed, known, nominal, probabilities):
    """Smallest p-value of coverage, over probabilities and kinds, one a functional."""
    n = held.shape[2]
    found = [coverage_tail(held.sum(axis=2), n, np.asarray(nominal)),
             np.where(known[:, None], coverage_tail(closed.sum(axis=2), n, np.asarray(probabilities)), 1.0)]
    return np.concatenate(found, axis=1).min(axis=1)


def _write_coverage(table, held, closed, known, probabilities):
    n, dims = held.shape[2], ("functional", "probability")
    share = held.mean(axis=2)
    table.add("coverage", dims, share, "1", "share of equal-tailed intervals from draws that hold the truth",
              np.sqrt(share * (1 - share) / n))
    exact = np.where(known[:, None], closed.mean(axis=2), np.nan)
    table.add("coverage_closed_form", dims, exact, "1", "share of intervals mean ± z std that hold the truth",
              np.sqrt(exact * (1 - exact) / n))
    low, high = np.transpose([coverage_band(n, p) for p in probabilities])
    for side, band in (("lower", low), ("upper", high)):
        table.add(f"coverage_{side}", ("probability",), band, "1", f"{side} end of the exact binomial band of coverage",
                  level=LEVEL)
    inside = (share >= low) & (share <= high)
    inside &= ~known[:, None] | ((np.nan_to_num(exact) >= low) & (np.nan_to_num(exact) <= high))
    table.add("inside", dims, inside.astype("i1"), "1", "1 where coverage lies in its band")
