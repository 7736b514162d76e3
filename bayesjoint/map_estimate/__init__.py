"""Models that fit: RRCG iterates, converged MAPs, and sweeps of the coupling's strength."""

from ._converged import ConvergedMap
from ._find_map import find_map
from ._nonlinear import GaussNewtonMap
from ._result import MapResult
from ._sweep import CoupleResult, couple
