"""F and H: from a model of the ground to what the instruments would read."""

from .base import ForwardOperator
from .direct import StationOperator
from .holes import IntervalOperator
from .nonlinear import ForwardModel
from .prisms import forward_prisms
from .processing import ComposedOperator, Processing, StationSelection, UpwardContinuation
from .sampling import SamplingError, StationSampling
from .toeplitz import GravityOperator, LatticeOperator, MagneticOperator, lattice_operator

__all__ = [
    "ComposedOperator",
    "ForwardModel",
    "ForwardOperator",
    "GravityOperator",
    "IntervalOperator",
    "LatticeOperator",
    "MagneticOperator",
    "Processing",
    "SamplingError",
    "StationOperator",
    "StationSampling",
    "StationSelection",
    "UpwardContinuation",
    "forward_prisms",
    "lattice_operator",
]
