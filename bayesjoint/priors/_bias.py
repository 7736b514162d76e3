"""The prior of a bias's coefficients: independent, about zero, of a size that is stated or comes from the evidence."""

from dataclasses import dataclass, replace

import numpy as np

from .._checks import as_positive, fail
from .._shown import short
from ._covariance import DenseCovariance, DiagonalCovariance
from ._gaussian import BoundGaussian


@short
@dataclass(frozen=True)
class BiasPrior:
    """b_j ~ N(0, σ_j²), independent.

    A `GaussianPrior` that keeps its standard deviations as such, so that `fit_hyperparameters` can scale them by one
    factor.

    Parameters
    ----------
    std : tuple of float
        σ_j, units of the data.
    evidence : StdEvidence, optional
        Where σ came from, if the data chose it.

    Raises
    ------
    ValueError
        If a σ is not positive; when a parameter of another length is built with it.

    Examples
    --------
    >>> from bayesjoint import Parameter
    >>> float(Parameter("ground_bias", 2, prior=BiasPrior((3.0, 1.0))).bound_prior.value(np.array([3.0, 2.0])))
    2.5
    """

    std: tuple
    evidence: object = None

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("std", self.std, 1)

    def __str__(self):
        """In words, for the record of a run."""
        low, high = min(self.std), max(self.std)
        size = f"std {low:.4g}" if low == high else f"std {low:.4g} to {high:.4g}"
        return f"independent, {size}" + ("" if self.evidence is None else f"; {self.evidence.verdict}")

    def size(self):
        """Root mean square of the standard deviations: what a fit scales."""
        return float(np.sqrt(np.mean(np.square(self.std))))

    def scaled(self, factor):
        """The same with all standard deviations times `factor`; what the data said of the old ones is dropped."""
        return replace(self, std=tuple(float(s) * float(factor) for s in self.std), evidence=None)

    def bind(self, parameter):
        """Return the prior over one parameter."""
        if len(self.std) != parameter.size:
            fail("std", f"have {parameter.size} values", f"{len(self.std)}", "One for each coefficient.")
        variance = np.square(np.asarray(self.std, dtype=float) / parameter.scale)
        return BoundGaussian(np.zeros(parameter.size), DiagonalCovariance(variance))


@short
@dataclass(frozen=True, kw_only=True)
class TangentPrior:
    """θ_j ~ N(0, σ_j²), independent, of an unknown that data are no linear function of: its columns are a tangent.

    Parameters
    ----------
    std : tuple of float
        σ_j, units of the parameter.
    tangent : Tangent
        Where it touches, and what the data exactly are, so that a posterior can measure its error. (`augment` makes
        it; the prior keeps it through whatever problems are made from the problem.)
    center, covariance : ndarray of shape (q,), (q, q), optional
        The Gaussian that stands in for the prior where a posterior is asked for: with it the linear problem gives θ its
        place and width by the exact evidence.
    turn : ndarray, shape (q, q), optional
        What columns are multiplied by there, where no prior is wide enough for that width.
    standing : bool, default False
        Whether the stand-in is in the prior's place.
    """

    std: tuple
    tangent: object
    center: object = None
    covariance: object = None
    turn: object = None
    standing: bool = False

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("std", self.std, 1)

    def __str__(self):
        """In words, for the record of a run."""
        low, high = min(self.std), max(self.std)
        return f"independent, std {low:.4g}" + ("" if low == high else f" to {high:.4g}") + f"; {self.tangent.words()}"

    def bind(self, parameter):
        """Return the prior over one parameter, or what stands in for it."""
        if len(self.std) != parameter.size:
            fail("std", f"have {parameter.size} values", f"{len(self.std)}", "One for each value.")
        variance = np.square(np.asarray(self.std) / parameter.scale)
        if not self.standing:
            return BoundGaussian(np.zeros(parameter.size), DiagonalCovariance(variance))
        covariance = DiagonalCovariance(variance) if self.covariance is None else DenseCovariance(
            self.covariance / parameter.scale**2)
        return BoundGaussian(np.asarray(self.center) / parameter.scale, covariance)
