"""What tempering hands back."""

from dataclasses import dataclass, field

import numpy as np

from .._shown import cut, named
from ..dataset import Approximation

VAGUE = 3.0  # standard error of log w above which nothing is known: a factor of 20 either way
FEW = 4  # data of a survey below which it cannot tell its own noise: with one unknown w has an error of a factor e


@dataclass(frozen=True, kw_only=True)
class Tempering:
    """Likelihood exponents, how well they are known, and the problem with them.

    Attributes
    ----------
    problem : JointProblem
        With the exponents as its `weights`: noise covariances are C / w.
    weights : dict of {str: float}
        w of every survey; 1 believes the stated noise, and is the most unless `temper` was let to sharpen.
    log_error : dict of {str: float}
        Standard error of log w of those that were sought; NaN where w ran to a bound or is not identified. Surveys of
        fewer than 4 data, unless they share one exponent, and those whose standard error exceeds 3 are not: they keep
        the problem's exponent. Where 1 holds w back, the error is that of `beyond`.
    beyond : dict of {str: float}
        What w would be of those that 1 holds back: their data look better than their noise.
    curve : dict of {str: dict of ndarray}
        By survey: ``weight``, and every criterion's own figure over it, the others held: ``log_evidence`` (nats),
        ``log_density`` of the other surveys' data (nats; the top is wanted), ``mismatch`` |log of Fisher information
        over its match| (0 is wanted), ``chi2_ratio`` w χ² / n (1 is wanted). Criteria that do not apply are left out.
    criterion : str
        Which of them decided.
    verdict : dict of {str: str}
        In words.
    message : str
        How it was done.
    """

    problem: object
    weights: dict
    log_error: dict
    curve: dict
    criterion: str
    verdict: dict
    message: str
    beyond: dict = field(default_factory=dict)

    def __repr__(self):
        told = named(f"{name} {self.weights[name]:.3g} ± {100 * self.log_error[name]:.2g} %" for name in self.log_error)
        return cut(f"Tempering(exponents by {self.criterion}: {told})")

    @property
    def scale_factors(self):
        """{survey: w^−½}, what each stated standard deviation is multiplied by: for one unknown, Birge's factor."""
        return {name: float(w**-0.5) for name, w in self.weights.items()}

    def approximation(self):
        """What a posterior with these exponents leaves out, as an `Approximation` for its list and the report."""
        words = "; ".join(f"{name} {text}" for name, text in self.verdict.items())
        known = [e for e in self.log_error.values() if np.isfinite(e)]
        return Approximation(
            name="likelihood exponents", status="not validated", error=max(known, default=None),
            statement=f"Chosen from the same data by {self.criterion} and then held: {words}. What their own "
            "uncertainty would add is not in the standard deviations, and a tempered posterior promises no coverage "
            f"where surveys are biased rather than noisy. {self.message}")

    def __str__(self):
        rows = [f"{name:<20}w = {w:<10.4g} std × {w**-0.5:<8.3g} {self.verdict.get(name, 'held')}"
                for name, w in self.weights.items()]
        return "\n".join([*rows, self.message])


def words_of(weight, error, bounds, count, common=False, beyond=None):
    """A verdict on one exponent, found from `count` data: their own, or with `common` those of all that share it.

    `beyond` is what it would be where 1 holds it back.
    """
    if beyond is not None:
        return f"{weight:.3g}, the most that is taken; if it were free, {_beyond_words(beyond, error, bounds, count)}"
    shared = "" if common else "; common=True shares one factor"
    if count < FEW:
        return (f"{weight:.3g}, from {count} data in all: a scale factor, no noise that is known" if common
                else f"not identified: too few data to tell its noise{shared}")
    if not error <= VAGUE:
        side = "lower" if weight <= 2 * bounds[0] else "upper" if weight >= 0.5 * bounds[1] else None
        said = f"{weight:.3g}, at its {side} bound" if side else f"{weight:.3g}, error not known"
        return f"{said}: not identified, the data do not tell its noise{shared}"
    said, low, high = _interval(weight, error)
    if high < 1:
        return f"{said}: noise larger than stated, or a conflict"
    return f"{said}: noise smaller than stated" if low > 1 else f"{said}: the stated noise will do"


def _interval(weight, error):
    """(an exponent with its interval in words, low, high)."""
    low, high = weight * np.exp(-1.96 * error), weight * np.exp(1.96 * error)
    return f"{weight:.3g} (95 % interval {low:.3g} to {high:.3g})", low, high


def _beyond_words(weight, error, bounds, count):
    if count < FEW or not error <= VAGUE:
        known = f"{weight:.3g}" if weight < 0.5 * bounds[1] else "without bound"
        return f"{known}, from {count} data that do not tell their noise"
    said, low, _ = _interval(weight, error)
    return f"{said}: {'noise smaller than stated, which sharpen=True takes' if low > 1 else 'the stated noise will do'}"
