"""Posterior engines behind one interface."""

from .base import Estimate, Posterior
from .lowrank import LowRankWarning
from .select import posterior

__all__ = ["Estimate", "LowRankWarning", "Posterior", "posterior"]
