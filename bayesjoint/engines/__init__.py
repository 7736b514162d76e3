"""Posterior engines behind one interface."""

from .base import Estimate, Posterior
from .lowrank import LowRankWarning
from .select import needs_a_map, posterior

__all__ = ["Estimate", "LowRankWarning", "Posterior", "needs_a_map", "posterior"]
