"""Prior densities over one parameter each."""

from .gaussian import GaussianPrior
from .matern import Matern

__all__ = ["GaussianPrior", "Matern"]
