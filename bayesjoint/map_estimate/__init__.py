"""Models that fit: RRCG iterates, converged MAPs, and sweeps of the coupling's strength."""

from .converged import ConvergedMap
from .find import find_map
from .result import MapResult
from .sweep import CoupleResult, couple

__all__ = ["ConvergedMap", "CoupleResult", "MapResult", "couple", "find_map"]
