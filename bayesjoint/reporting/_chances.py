"""Chances that a cell lies beyond a threshold, each with what it rests on."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .. import plot
from ._facts import GAUSSIAN
from ._words import percent

NORMAL, WORLDS, DRAWS = "Gaussian, stated prior", "simulated worlds", "posterior draws"  # what a probability rests on


@dataclass(frozen=True, kw_only=True)
class Chance:
    """P(m beyond the threshold) of every cell: a value with its error, or the limits that an interval sets.

    Parameters
    ----------
    value, error : ndarray
        Per cell; the error is NaN where it is not known, and 0 where `value` is a lower limit.
    most : ndarray
        The most it can be.
    least : bool
        Whether `value` is a lower limit.
    basis : str
        What it rests on.
    """

    value: np.ndarray
    error: np.ndarray
    most: np.ndarray
    least: bool
    basis: str

    def words(self, cell):
        """The chance of a cell, by its flat number, with its error and what it rests on."""
        value, error, most = (float(a.flat[cell]) for a in (self.value, self.error, self.most))
        if self.least:
            told = f"{percent(value)} or more" if value > 0 else f"{percent(most)} or less" if most < 0.5 else (
                f"{100 * (1 - most):.0f} to {percent(most)}")
        else:
            told = "over 99 %" if value > 0.99 else percent(value)
            told += " (error not known)" if np.isnan(error) else f" ± {percent(error)}" if error > 0.001 else ""
        return f"{told} ({self.basis})"


def basis_of(kind):
    """What an interval rests on, by the words of its kind."""
    return NORMAL if kind.startswith(GAUSSIAN) else WORLDS if kind.startswith("recalibrated") else DRAWS


def chance_of(tree, name, sign, factor=1.0):
    """`Chance` of m − prior mean beyond `factor` prior standard deviations on the side of `sign`, or None if unknown.

    Recalibrated intervals and those of draws tell only on which side of their ends a threshold lies; a Gaussian
    marginal tells the chance itself.
    """
    lower = plot.held(tree, "posterior_summary", f"{name}_lower")
    if lower is None:
        return None
    kind, probability = str(lower.attrs["kind"]), float(lower.attrs["probability"])
    if kind.startswith(GAUSSIAN):
        return gaussian_chance(tree, name, sign, factor)
    threshold = thresholds(tree, name, sign, factor)
    least = 0.5 + probability / 2 if "equal-tailed" in kind else probability
    upper = tree["posterior_summary"][f"{name}_upper"].values
    near, far = (lower.values, upper) if sign > 0 else (upper, lower.values)
    return Chance(value=np.where(sign * (near - threshold) > 0, least, 0.0), error=np.zeros(near.shape), least=True,
                  most=np.where(sign * (far - threshold) < 0, 1 - least, np.where(
                      sign * (near - threshold) > 0, 1.0, least)), basis=basis_of(kind))


def gaussian_chance(tree, name, sign, factor=1.0):
    """The same by mean and standard deviation of a Gaussian marginal, None where the engine's is none or has bounds."""
    ends = [plot.held(tree, "posterior_summary", f"{name}_{label}lower") for label in ("", "gaussian_")]
    if not any(end is not None and str(end.attrs["kind"]).startswith(GAUSSIAN) for end in ends) or any(
            plot.has(tree, "constant_data", f"{name}_bound_{side}") for side in ("lower", "upper")):
        return None
    threshold = thresholds(tree, name, sign, factor)
    mean, std = plot.model_values(tree, name, "mean").values, plot.model_values(tree, name, "std").values
    known = np.isfinite(mean) & (std > 0)
    score = sign * np.divide(mean - threshold, std, out=np.full_like(mean, -np.inf), where=known)
    errors = [plot.held(tree, "posterior_summary", f"{name}_{key}_error") for key in ("mean", "std")]
    wrong = [np.full_like(mean, np.nan) if e is None else e.values for e in errors]
    finite = np.where(known, score, 0.0)
    error = norm.pdf(finite) * (wrong[0] + np.abs(finite) * wrong[1]) / np.where(known, std, 1.0)
    value = norm.cdf(score)
    return Chance(value=value, error=error, most=value + np.nan_to_num(error), least=False, basis=NORMAL)


def thresholds(tree, name, sign, factor):
    """Prior mean and `factor` prior standard deviations on one side, a cell each."""
    return plot.prior_mean(tree, name) + sign * factor * tree["prior_summary"][f"{name}_std"].values
