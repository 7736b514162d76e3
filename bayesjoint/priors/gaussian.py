"""Gaussian priors: what every one offers once bound to a parameter, and the small dense one."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, fail
from .covariance import DenseCovariance


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


@dataclass(frozen=True)
class GaussianPrior:
    """A Gaussian given by its mean and covariance matrix, for small problems.

    Parameters
    ----------
    mean : float or array_like
        Physical units; scalar or the parameter's shape.
    covariance : array_like
        Squared physical units: a variance for every value, or a matrix (size, size).

    Examples
    --------
    >>> from bayesjoint import Parameter
    >>> prior = Parameter("H0", 1, prior=GaussianPrior(70.0, 25.0), units="km/s/Mpc").bound_prior
    >>> prior.value(np.array([75.0]))
    0.5
    """

    mean: object
    covariance: object

    def bind(self, parameter):
        """Return the prior over one parameter."""
        matrix = as_finite("covariance", self.covariance, (0, 1, 2))
        if matrix.ndim < 2:
            if matrix.size and matrix.min() <= 0:
                fail("covariance", "hold variances > 0", f"minimum {matrix.min():g}", "Square the std.")
            matrix = np.diag(np.broadcast_to(matrix, (parameter.size,)).astype(float))
        if matrix.shape != (parameter.size,) * 2:
            fail("covariance", f"have shape {(parameter.size,) * 2}", f"shape {matrix.shape}", "Match the parameter.")
        if np.abs(matrix - matrix.T).max() > 1e-10 * np.abs(matrix).max():
            fail("covariance", "be symmetric", "an asymmetric matrix", "Use 0.5 * (C + C.T) if that is meant.")
        return BoundGaussian(parameter.to_hat(self.mean), DenseCovariance(matrix / parameter.scale**2))
