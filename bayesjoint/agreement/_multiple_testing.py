"""Many tests at once: family-wise error by Holm, false discoveries by Benjamini with Hochberg or with Yekutieli."""

import numpy as np
from scipy.stats import false_discovery_control

from .._checks import as_finite, one_of

CONTROLS = ("hochberg", "yekutieli")


def holm(p_values, groups=None):
    """p-values adjusted for the chance of one false alarm or more in all of them (Holm 1979, Scand. J. Stat. 6, 65).

    Valid whatever the tests have to do with one another.

    Parameters
    ----------
    p_values : array_like
        Of any shape; NaN, a test that could not be made, stays NaN and does not count.
    groups : array_like of int, optional
        For each the place, among the values flattened, of the first test that is the same: that one stands for them
        all and they count once. None of the others is adjusted to less than its own p-value.

    Returns
    -------
    ndarray
        The same shape: reject where it is at most the level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    >>> holm([0.01, 0.01, 0.03], groups=[0, 0, 2])
    array([0.02, 0.02, 0.03])
    """
    return _grouped(p_values, groups, lambda p: _step_down(p, lambda p, left: p * left, 1.0))


def log_holm(log_p, groups=None):
    """Logarithms of `holm`, also of p-values that are 0 to rounding.

    Examples
    --------
    >>> log_holm([-1500.0, -2000.0, np.nan]).round(3)
    array([-1500.   , -1999.307,       nan])
    """
    return _grouped(log_p, groups, lambda p: _step_down(p, lambda p, left: p + np.log(left), 0.0))


def _step_down(values, grown, most):
    """Values, each grown by how many are left from it on in ascending order, that do not fall and reach `most`."""
    order = np.argsort(values)
    out = np.empty(values.size)
    out[order] = np.minimum(np.maximum.accumulate(grown(values[order], np.arange(values.size, 0, -1))), most)
    return out


def false_discovery(p_values, control="hochberg"):
    """p-values adjusted for the expected share of false ones among those rejected.

    Parameters
    ----------
    p_values : array_like
        Of any shape; NaN stays NaN and does not count.
    control : {"hochberg", "yekutieli"}, default "hochberg"
        Benjamini & Hochberg (1995, JRSS B 57, 289) is proved for independent tests and those of positive regression
        dependence; for two-sided tests of correlated Gaussians it is not proved but holds in simulations. Benjamini &
        Yekutieli (2001, Ann. Stat. 29, 1165) holds whatever the dependence and costs a factor Σ 1/i, 11.7 at 67,938.

    Returns
    -------
    ndarray
        The same shape: reject where it is at most the level.

    Examples
    --------
    >>> false_discovery([0.01, 0.04, 0.03]), false_discovery([0.01, 0.04, 0.03], "yekutieli").round(3)
    (array([0.03, 0.04, 0.04]), array([0.055, 0.073, 0.073]))
    """
    one_of("control", control, CONTROLS)
    return _adjusted(p_values, lambda p: false_discovery_control(p, method="bh" if control == "hochberg" else "by"))


def log_simes(log_p):
    """Logarithm of the p-value of all tests together by the inequality of Simes (1986, Biometrika 73, 751).

    Examples
    --------
    >>> round(float(np.exp(log_simes(np.log([0.01, 0.04, 0.03])))), 12)
    0.03
    """
    log_p = np.sort(np.ravel(log_p))
    return float(np.min(log_p + np.log(log_p.size / np.arange(1, log_p.size + 1))))


def _grouped(values, groups, rule):
    """Apply a rule to the first of each group of tests that are the same; the others get its answer, or their own."""
    if groups is None:
        return _adjusted(values, rule)
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    out = _adjusted(np.where(groups == np.arange(values.size), values, np.nan), rule)
    return np.maximum(out[groups], values)


def _adjusted(p_values, rule):
    """Apply a rule for p-values, shape (n,), to those that are there."""
    p_values = as_finite("p_values", p_values, allow_nan=True)
    out, there = np.full(p_values.shape, np.nan), np.isfinite(p_values)
    out[there] = rule(p_values[there])
    return out
