"""Models that fit: RRCG iterates, converged MAPs, and sweeps of the coupling's strength."""

from .find import find_map
from .result import MapResult
from .sweep import CoupleResult, couple

__all__ = ["CoupleResult", "MapResult", "couple", "find_map"]
