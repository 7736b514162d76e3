"""Gaussian priors: what every one offers once bound to a parameter, and the small dense one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, checked, fail, frozen
from .._shown import short
from .._typing import ArrayLike, Parameter
from ._covariance import BlockCovariance, DenseCovariance, DiagonalCovariance


class BoundGaussian:
    """Gaussian density of one parameter's m̂: ½ (m̂ − μ)ᵀ Γ⁻¹ (m̂ − μ).

    Parameters
    ----------
    mean : ndarray, shape (size,)
        μ.
    covariance : Covariance
        Γ.
    """

    gaussian = True

    def __init__(self, mean, covariance):
        self.mean, self.covariance = mean, covariance

    def value(self, flat):
        """Negative log density up to its constant."""
        deviation = flat - self.mean
        return 0.5 * float(deviation @ self.covariance.solve(deviation))

    def gradient(self, flat):
        """Γ⁻¹ (m̂ − μ), shape (size,)."""
        return self.covariance.solve(flat - self.mean)

    def hessian_product(self, flat, direction):
        """Γ⁻¹ v, shape (size,)."""
        return self.covariance.solve(direction)


@checked
@short
@dataclass(frozen=True)
class GaussianPrior:
    """A Gaussian given by its mean and covariance matrix, for small problems.

    Parameters
    ----------
    mean : float or array_like
        Physical units; scalar or the parameter's shape.
    covariance : array_like
        Squared physical units: a variance, one for every value in the parameter's shape, or a matrix (size, size).

    Raises
    ------
    ValueError
        When a parameter is built with it: wrong shapes, variances <= 0, a matrix that is not symmetric to 1e-10 of its
        largest entry and positive definite.

    Examples
    --------
    >>> from bayesjoint import Parameter
    >>> prior = Parameter("H0", 1, prior=GaussianPrior(70.0, 25.0), units="km/s/Mpc").bound_prior
    >>> prior.value(np.array([75.0]))
    0.5
    """

    mean: ArrayLike
    covariance: ArrayLike

    def __post_init__(self):
        """Keep copies of arrays: what was computed from them must stay true."""
        for name in ("mean", "covariance"):
            value = getattr(self, name)
            if np.ndim(value):
                object.__setattr__(self, name, frozen(value))
            else:
                as_finite(name, value)

    def bind(self, parameter: Parameter):
        """Return the prior over one parameter."""
        mean = parameter.to_hat(self.mean, "mean")
        values = as_finite("covariance", self.covariance)
        if values.ndim == 0 or values.shape == parameter.shape:
            variance = np.broadcast_to(as_positive("covariance", values), parameter.shape).ravel()
            return BoundGaussian(mean, DiagonalCovariance(np.where(parameter.ground, variance / parameter.scale**2, 0)))
        if values.shape != (parameter.size,) * 2:
            fail("covariance", f"be a number or have shape {parameter.shape} or {(parameter.size,) * 2}",
                 f"shape {values.shape}", "Match the parameter.")
        if np.abs(values - values.T).max() > 1e-10 * np.abs(values).max():
            fail("covariance", "be symmetric", "an asymmetric matrix", "Use 0.5 * (C + C.T) if that is meant.")
        covariance = DenseCovariance(values / parameter.scale**2)
        if parameter.has_air:
            ground = np.flatnonzero(parameter.ground)
            inside = DenseCovariance(covariance.dense()[np.ix_(ground, ground)])
            covariance = BlockCovariance(parameter.size, [(ground, inside)])
        return BoundGaussian(mean, covariance)
