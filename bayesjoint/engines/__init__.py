"""Posterior engines behind one interface."""

from .base import Estimate, Posterior
from .select import posterior

__all__ = ["Estimate", "Posterior", "posterior"]
