"""What every test of agreement hands back."""

from dataclasses import dataclass
from html import escape

import numpy as np
from scipy.special import betaln, gammaln, ndtri_exp
from scipy.stats import chi2, norm, t

from .._checks import fail
from ._sentences import chi2_null, largest, name_of, one_line

SLACK = 1e-9  # beyond [0, 1], or below 0 for an error, by which a number may be off by rounding
LEAST = 1e-300  # p-value below which its logarithm is computed by itself
TERMS = 400  # of the continued fraction of a tail


@dataclass(frozen=True, kw_only=True)
class AgreementTest:
    """One test of whether surveys agree: statistic, p-value with its error, effect, and what it would have seen.

    Parameters
    ----------
    name : str, optional
        "likelihood ratio", "node split gravity -> magnetic", "offset of airborne", ...; default from form and target.
    surveys : tuple of str
        Modalities compared.
    statistic : float
        Larger means more conflict.
    p_value : float
        One-sided: how often surveys that agree would give a statistic as large. NaN where nothing can be tested, and
        `note` says why. What rounding puts beyond 0 or 1 is set to 0 or 1.
    p_value_error : float
        Numerical error of the p-value, one standard error or a bound; 0 only where it is exact up to rounding. NaN
        with the p-value.
    null : str
        Which distribution of the statistic was used, and whether it is exact.
    dof : float, optional
        Degrees of freedom, where it is a χ².
    weights : ndarray, optional
        Of a signed weighted sum of χ²₁, where it is one.
    effect : dict, optional
        ``{"what", "value", "std", "units"}``, always in the units of the data.
    detectable : dict, optional
        ``{"what", "size", "units", "power", "level", "error"}``: the smallest effect that this test by itself would
        have found at that level with that power. Of a std it is percent larger than stated, and ``"stated"``,
        ``"stated_units"`` go with it.
    note : str, default ""
        What to heed.
    statistic_error : float, default 0.0
        Numerical error of the statistic, one standard error or a bound.
    form : str, default ""
        What was looked for: "likelihood ratio", "node split", "offset", "tilt", "gain", "row levels", "column levels",
        "line levels", "nuisance", "places", "wavelengths", "prior" or "noise".
    target : str, optional
        Survey, or group of surveys, that the test is about; None where it is about all alike.
    direction : {"", "too small", "too large"}
        Of a std that a survey objects to, and of a gain.
    size : float
        Signed size of the effect: of a std 100 (factor − 1) percent, else its value in its units, of several the
        largest: always that of `effect`. NaN without.
    log_p : float
        Natural logarithm of the p-value: of a p-value of 0 as given here, at most the smallest positive number's.
    spread_dof : float, default inf
        Degrees of freedom of the spread of the statistic under agreement, where that comes from simulations.
    p_adjusted, log_p_adjusted : float, default NaN
        p-value adjusted for all tests of a suite, which sets it, and its natural logarithm.

    Raises
    ------
    ValueError
        If the p-value lies outside [0, 1], an error is negative, or the p-value is NaN and no note says why.

    Examples
    --------
    >>> found = AgreementTest(form="likelihood ratio", surveys=("planck", "shoes"), statistic=23.5, p_value=1.25e-6,
    ...                       p_value_error=0.0, null="χ² with 1 degree of freedom, exact", dof=1)
    >>> round(found.sigma, 2)
    4.85
    >>> found
    likelihood ratio, planck against shoes: statistic 23.5, p = 1.3e-06 (4.85 σ; χ² with 1 degree of freedom, exact)
    """

    name: str = ""
    surveys: tuple
    statistic: float
    p_value: float
    p_value_error: float
    null: str
    dof: float | None = None
    weights: np.ndarray | None = None
    effect: dict | None = None
    detectable: dict | None = None
    note: str = ""
    statistic_error: float = 0.0
    form: str = ""
    target: str | None = None
    direction: str = ""
    size: float = np.nan
    log_p: float = np.nan
    spread_dof: float = np.inf
    p_adjusted: float = np.nan
    log_p_adjusted: float = np.nan

    def __post_init__(self):
        for key in ("statistic_error", "p_value_error"):
            self._set(key, 0.0 if -SLACK <= getattr(self, key) < 0 else getattr(self, key))
        if not self.statistic_error >= 0:
            fail("statistic_error", "be >= 0", repr(self.statistic_error), "Mend the computation.")
        if np.isnan(self.p_value):
            if not self.note:
                fail("note", "say why nothing can be tested", "a p-value of NaN and no note", "State the reason.")
        elif not -SLACK <= self.p_value <= 1 + SLACK or not self.p_value_error >= 0:
            fail("p_value", "lie in [0, 1] with an error >= 0", f"{self.p_value!r} ± {self.p_value_error!r}",
                 "Mend the computation.")
        p = float(np.clip(self.p_value, 0.0, 1.0))
        self._set("p_value", p)
        self._set("log_p", _log(p, self.log_p))
        if np.isnan(self.log_p_adjusted) and self.p_adjusted >= 0:
            self._set("log_p_adjusted", _log(self.p_adjusted, self.log_p))
        self._set("name", self.name or name_of(self.form, self.target))
        if self.effect:
            own = self.effect
            self._set("size", 100.0 * (own["factor"] - 1.0) if "factor" in own else float(largest(own)[0]))

    def _set(self, key, value):
        object.__setattr__(self, key, value)

    @property
    def sigma(self):
        """Two-sided Gaussian equivalent of the p-value, norm.isf(p/2); NaN where nothing can be tested."""
        return float(norm.isf(0.5 * self.p_value) if not self.p_value < LEAST else -ndtri_exp(self.log_p - np.log(2)))

    @property
    def testable(self):
        """Whether there is a p-value."""
        return not np.isnan(self.p_value)

    def __repr__(self):
        return one_line(self)

    def _repr_html_(self):
        return f"<p>{escape(repr(self))}</p>"


def chi2_test(form, surveys, statistic, error, dof, *, how="exact", **fields):
    """`AgreementTest` of a χ² with `dof` degrees of freedom, whose statistic is known to an error."""
    statistic = float(statistic)
    return AgreementTest(form=form, surveys=surveys, statistic=statistic, p_value=float(chi2.sf(statistic, dof)),
                         p_value_error=moved_tail(statistic, error, dof), log_p=chi2_log_tail(statistic, dof), dof=dof,
                         null=chi2_null(dof, how), **fields)


def untestable(form, surveys, note, *, statistic=0.0, **fields):
    """`AgreementTest` where nothing can be tested, for the reason in `note`."""
    return AgreementTest(form=form, surveys=surveys, statistic=statistic, p_value=np.nan, p_value_error=np.nan,
                         null="none", note=note, **fields)


def moved_tail(statistic, error, dof):
    """Bound on what an error of a χ² statistic does to its p-value, with the rounding of the p-value itself."""
    low, high = chi2.sf(statistic + error, dof), chi2.sf(max(statistic - error, 0.0), dof)
    # the tail falls with the statistic, but as computed it may rise by a rounding
    return float(0.5 * max(high - low, 0.0) + 4 * np.finfo(float).eps * chi2.sf(statistic, dof))


def chi2_log_tail(statistic, dof):
    """Logarithm of P(χ² >= statistic), also where the probability is 0 to rounding.

    There it is that of Γ(a, x)/Γ(a), a = dof/2, x = statistic/2, by the continued fraction of the incomplete gamma
    function (Abramowitz & Stegun 1964, 6.5.31, in its contracted form).

    Examples
    --------
    >>> round(chi2_log_tail(3000.0, 2), 9)
    -1500.0
    """
    p = float(chi2.sf(statistic, dof))
    if not p < LEAST:
        return float(np.log(p))
    a, x, rest = 0.5 * dof, 0.5 * statistic, 0.0
    for k in range(TERMS, 0, -1):
        rest = k * (k - a) / (x + 2 * k + 1 - a - rest)
    return float(a * np.log(x) - x - gammaln(a) - np.log(x + 1 - a - rest))


def t_log_tail(x, dof):
    """Logarithm of P(t >= x), x > 0, of Student's t, also where the probability is 0 to rounding.

    Examples
    --------
    >>> round(t_log_tail(2.0, 10), 6) == round(float(np.log(t.sf(2.0, 10))), 6), round(t_log_tail(1e200, 10), 1)
    (True, -4595.8)
    """
    p = float(t.sf(x, dof))
    if not p < LEAST:
        return float(np.log(p))
    # half of the incomplete beta function I_y(ν/2, 1/2), y = ν/(ν + x²), of which the first term of the series is left
    a = 0.5 * dof
    return float(a * (np.log(dof) - 2 * np.log(x)) - np.log(2 * a) - betaln(a, 0.5))


def _log(p, known):
    """Logarithm of a p-value; of one that is 0 to rounding as known, or at most the smallest number's."""
    if not p < LEAST:
        return float(np.log(p))
    return min(known, float(np.log(LEAST))) if np.isfinite(known) else float(np.log(max(p, np.finfo(float).tiny)))
