"""Prior densities over one parameter each."""

from .focusing import Focusing, MinimumLength
from .gaussian import GaussianPrior
from .matern import Matern

__all__ = ["Focusing", "GaussianPrior", "Matern", "MinimumLength"]
