"""Densities that tie several parameters."""

from .coregionalization import Coregionalization
from .gramian import Gramian

__all__ = ["Coregionalization", "Gramian"]
