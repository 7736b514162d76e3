"""Independent Student-t noise: Gaussian given a weight of each datum, which outliers lose."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

from .._checks import as_finite, checked, fail, frozen
from .._typing import Any, ArrayLike
from ._gaussian import DiagonalNoise

LEAST_DOF = 2.0  # at which the standard deviation of the law becomes infinite
DOFS = 2.5 * 2.0 ** (0.5 * np.arange(13))  # of an unknown one, equally likely: from very heavy tails to hardly any
UNKNOWN = "unknown"


def is_gaussian(noise):
    """Whether a modality's noise is Gaussian, so that its covariance says all of it."""
    return getattr(noise, "gaussian", True)


def standardised(noise, residual):
    """Residuals, (size,) or (size, k), whose sum of squares is the χ² of a fit: its mean is the number of data.

    Gaussian ones whitened; Student-t ones over the scale, each times the root of its datum's expected weight.
    """
    if is_gaussian(noise):
        return noise.whiten(residual)
    return np.sqrt(noise.expected_weights(residual)) * noise.unweighted.whiten(residual)


class _Refused:
    """What Gaussian noise does by its covariance."""

    def __call__(self, *arguments):
        fail("noise", "be Gaussian for what was asked", "StudentNoise, which no covariance says all of",
             'Use DiagonalNoise(std) for it, without the data that are light in post.datum_weights().')


@checked
class StudentNoise:
    """Independent noise with outliers in it: Student-t about zero.

    A datum's error is e_i = std_i t_i with t_i of the Student law with `dof` degrees of freedom; the same is
    e_i ~ N(0, std_i² / w_i) with a weight w_i of its own, w_i ~ Gamma(dof/2, rate dof/2) (West 1984, J. R. Stat. Soc. B
    46; Lange, Little & Taylor 1989, J. Am. Stat. Assoc. 84). A datum far off gets a small weight and hardly moves the
    model. ``posterior(problem)`` then takes the "gibbs" engine, and `Posterior.datum_weights` tells the weights. What
    rests on a covariance of the noise (evidence, tests of agreement, tempering, leave-one-out) is refused.

    Parameters
    ----------
    std : array_like, shape (n_data,) or the data's grid shape
        **Scale** of the law, physical units of the data, > 0: what an ordinary datum is off by, such as the standard
        deviation that a survey quotes. The standard deviation of the law itself is larger, std √(dof / (dof − 2)),
        for outliers are part of it.
    dof : float or "unknown", default "unknown"
        Degrees of freedom ν > 2. Small: outliers are frequent and large; above 100: next to Gaussian. "unknown": found
        with the model, one for the survey, among 13 values from 2.5 to 160 that are even in the logarithm and equally
        likely beforehand. That costs less where there are no outliers: of 784 cells none grew by more than 4 % in std,
        with a fixed 4 some by 17 % (case_studies/engines/outliers.json).

    Attributes
    ----------
    unweighted : DiagonalNoise
        The noise given that every weight is 1.
    dofs : ndarray
        Degrees of freedom that are possible.

    Raises
    ------
    ValueError, TypeError
        If a std is not positive, or dof is neither a number above 2 nor "unknown".

    Examples
    --------
    >>> noise = StudentNoise([0.5, 0.5], dof=4.0)
    >>> noise.expected_weights(np.array([0.5, 5.0])).round(3)
    array([1.   , 0.048])
    """

    gaussian = False
    whiten = whiten_adjoint = colour = apply = solve = covariance = logdet = _Refused()

    def __init__(self, std: ArrayLike, dof: float | str = UNKNOWN) -> None:
        self.unweighted = DiagonalNoise(std)
        self.std, self.size, self.shape = self.unweighted.std, self.unweighted.size, self.unweighted.shape
        self.dof = _checked_dof(dof)
        self.dofs = frozen(DOFS if dof == UNKNOWN else [self.dof])

    @property
    def independent(self):
        """Whether data tell nothing of one another's errors: not where they tell dof."""
        return self.dof != UNKNOWN

    # -- the law ------------------------------------------------------------------------------------------------------
    def _squares(self, residual):
        """t² of residuals, (size,) or (size, k), as (size, k)."""
        squares = self.unweighted.whiten(residual) ** 2
        return squares[:, None] if squares.ndim == 1 else squares

    def _log_by_dof(self, squares):
        """Log density of all t, (dofs, k), for each dof."""
        return np.stack([_log_student(squares, dof).sum(axis=0) for dof in self.dofs])

    def dof_probability(self, residual: Any):
        """Probability of each of `dofs` given residuals (size,) or (size, k), units of the data: (dofs, k)."""
        return self._dof_given(self._squares(residual))

    def _dof_given(self, squares):
        if self.dofs.size == 1:
            return np.ones((1, squares.shape[1]))
        log = self._log_by_dof(squares)
        return np.exp(log - logsumexp(log, axis=0))

    def log_density(self, residual: Any):
        """Log density of residuals (size, k), units of the data: (size, k); of all together, (k,), with unknown dof."""
        squares = self._squares(residual)
        if self.independent:
            return _log_student(squares, self.dof) - np.log(self.std)[:, None]
        return logsumexp(self._log_by_dof(squares) - np.log(self.dofs.size), axis=0) - np.sum(np.log(self.std))

    def penalty(self, residual: Any):
        """−log density of residuals, (size,), constants dropped, and its gradient, (size,)."""
        squares = self._squares(residual)
        value = -logsumexp(self._log_by_dof(squares) - np.log(self.dofs.size), axis=0)[0]
        return float(value), self.expected_weights(residual) * residual / self.std**2

    def expected_weights(self, residual: Any):
        """Mean of every weight given the residuals, (size,) or (size, k), units of the data: (ν + 1) / (ν + t²)."""
        squares = self._squares(residual)
        out = np.zeros(squares.shape)
        for dof, share in zip(self.dofs, self._dof_given(squares), strict=True):
            out += share * (dof + 1) / (dof + squares)
        return out.reshape(np.shape(residual))

    # -- draws --------------------------------------------------------------------------------------------------------
    def draw_weights(self, rng: np.random.Generator, residual: Any):
        """One draw of all weights given residuals, (size, k), units of the data, an unknown dof drawn before them."""
        squares = self._squares(residual)
        dof = self._pick(self._dof_given(squares), rng.random(squares.shape[1]))
        return 2.0 * rng.standard_gamma(np.broadcast_to((dof + 1) / 2, squares.shape)) / (dof + squares)

    def sample(self, rng: np.random.Generator, count: int):
        """`count` draws of the noise, shape (count, size); an unknown dof is drawn from its prior for each."""
        return self._errors(rng, count, np.full((self.dofs.size, count), 1.0 / self.dofs.size))

    def sample_given(self, rng: np.random.Generator, residual: Any, count: int):
        """Errors of further data of the survey, (k, size), given residuals (size, k) of these, k <= count.

        `count` is how many numbers are drawn beforehand: the first rows are then the same whatever k.
        """
        return self._errors(rng, count, self._dof_given(self._squares(residual)))

    def _errors(self, rng, count, shares):
        kept = shares.shape[1]
        normal, uniform = rng.standard_normal((count, self.size))[:kept], rng.random(count)[:kept]
        half = self._pick(shares, uniform)[:, None] / 2
        weights = rng.standard_gamma(np.broadcast_to(half, (kept, self.size))) / half
        return normal / np.sqrt(weights) * self.std

    def _pick(self, shares, uniform):
        """A dof for each column of probabilities (dofs, k)."""
        place = np.sum(np.cumsum(shares, axis=0) < uniform, axis=0)
        return self.dofs[np.minimum(place, self.dofs.size - 1)]

    # -- figures ------------------------------------------------------------------------------------------------------
    def variance(self):
        """Variance of every error, shape (size,), outliers in it; over the prior of an unknown dof."""
        return self.std**2 * float(np.mean(self.dofs / (self.dofs - LEAST_DOF)))

    def settings(self):
        """Description for the record of a run."""
        low, high = self.std.min(), self.std.max()
        size = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        return f"independent Student-t, scale {size}, dof {self.dof if self.dof == UNKNOWN else f'{self.dof:g}'}"

    def __repr__(self):
        return f"StudentNoise({self.size} data, {self.settings()})"


def _checked_dof(dof):
    if isinstance(dof, str):
        if dof != UNKNOWN:
            fail("dof", f'be a number above {LEAST_DOF:g}, or "unknown"', repr(dof), "Give for example 4.")
        return dof
    value = float(as_finite("dof", dof, 0))
    if not value > LEAST_DOF:
        fail("dof", f'be above {LEAST_DOF:g}, or "unknown"', f"{value:g}",
             "The law has no standard deviation otherwise. Give for example 4.")
    return value


def _log_student(squares, dof):
    """Log density of t from its square."""
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof * np.pi)
    return constant - 0.5 * (dof + 1) * np.log1p(squares / dof)
