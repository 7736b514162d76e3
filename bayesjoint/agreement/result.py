"""What every test of agreement hands back."""

from dataclasses import dataclass
from html import escape

import numpy as np
from scipy.stats import chi2, norm

from .._checks import fail


@dataclass(frozen=True, kw_only=True)
class AgreementTest:
    """One test of whether surveys agree: statistic, p-value with its error, effect, and what it would have seen.

    Parameters
    ----------
    name : str
        "likelihood ratio", "node split gravity -> magnetic", "offset of airborne", ...
    surveys : tuple of str
        Modalities compared.
    statistic : float
        Larger means more conflict.
    p_value : float
        One-sided: how often surveys that agree would give a statistic as large. NaN where nothing can be tested, and
        `note` says why.
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
        ``{"what", "size", "units", "power", "level", "error"}``: the smallest effect that the test would have found.
    note : str, default ""
        What to heed.
    statistic_error : float, default 0.0
        Numerical error of the statistic, one standard error or a bound.

    Raises
    ------
    ValueError
        If the p-value lies outside [0, 1], an error is negative, or the p-value is NaN and no note says why.

    Examples
    --------
    >>> found = AgreementTest(name="likelihood ratio", surveys=("planck", "shoes"), statistic=23.5, p_value=1.25e-6,
    ...                       p_value_error=0.0, null="χ² with 1 degree of freedom, exact", dof=1)
    >>> round(found.sigma, 2)
    4.85
    >>> found
    likelihood ratio, planck against shoes: statistic 23.5, p = 1.3e-06 (4.85 σ; χ² with 1 degree of freedom, exact)
    """

    name: str
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

    def __post_init__(self):
        if not self.statistic_error >= 0:
            fail("statistic_error", "be >= 0", repr(self.statistic_error), "Mend the computation.")
        if np.isnan(self.p_value):
            if not self.note:
                fail("note", "say why nothing can be tested", "a p-value of NaN and no note", "State the reason.")
        elif not 0 <= self.p_value <= 1 or not self.p_value_error >= 0:
            fail("p_value", "lie in [0, 1] with an error >= 0", f"{self.p_value!r} ± {self.p_value_error!r}",
                 "Mend the computation.")

    @property
    def sigma(self):
        """Two-sided Gaussian equivalent of the p-value, norm.isf(p/2); NaN where nothing can be tested."""
        return float(norm.isf(0.5 * self.p_value))

    def __repr__(self):
        who = f"{self.surveys[0]} against {', '.join(self.surveys[1:])}" if len(self.surveys) > 1 else self.surveys[0]
        head = f"{self.name}, {who}: "
        if np.isnan(self.p_value):
            return f"{head}no p-value ({self.note})"
        error = f" ± {self.p_value_error:.1g}" if self.p_value_error else ""
        known = f" ± {self.statistic_error:.1g}" if self.statistic_error > 1e-4 * abs(self.statistic) else ""
        text = (f"{head}statistic {self.statistic:.4g}{known}, p = {self.p_value:.2g}{error} ({self.sigma:.2f} σ; "
                f"{self.null})")
        return text + "".join(f"; {part}" for part in (_effect(self.effect), _detectable(self.detectable)) if part)

    def _repr_html_(self):
        return f"<p>{escape(repr(self))}</p>"


def moved_tail(statistic, error, dof):
    """Bound on what an error of a χ² statistic does to its p-value, with the rounding of the p-value itself."""
    low, high = chi2.sf(statistic + error, dof), chi2.sf(max(statistic - error, 0.0), dof)
    # the tail falls with the statistic, but as computed it may rise by a rounding
    return float(0.5 * max(high - low, 0.0) + 4 * np.finfo(float).eps * chi2.sf(statistic, dof))


def _effect(effect):
    if not effect:
        return ""
    value, std = np.ravel(effect["value"]), np.ravel(effect["std"])
    if value.size > 1:
        if not np.isfinite(value).any():
            return f"{effect['what']}: {value.size} values, none of which can be told"
        k = int(np.nanargmax(np.abs(value)))
        return f"{effect['what']}: {value.size} values, largest {value[k]:.3g} ± {std[k]:.2g} {effect['units']}"
    return f"{effect['what']} {value[0]:.3g} ± {std[0]:.2g} {effect['units']}"


def _detectable(found):
    if not found:
        return ""
    return (f"would have seen {found['what']} of {found['size']:.3g} {found['units']} in {found['power']:.0%} of cases "
            f"at level {found['level']:.0%}")
