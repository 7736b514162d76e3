"""Models that fit: RRCG iterates, converged MAPs, and sweeps of the coupling's strength."""

from .converged import ConvergedMap
from .find import find_map
from .nonlinear import GaussNewtonMap
from .result import MapResult
from .sweep import CoupleResult, couple

__all__ = ["ConvergedMap", "CoupleResult", "GaussNewtonMap", "MapResult", "couple", "find_map"]
