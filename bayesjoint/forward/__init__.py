"""F and H: from a model of the ground to what the instruments would read."""

from .base import ForwardOperator
from .direct import StationOperator
from .prisms import forward_prisms
from .toeplitz import GravityOperator, MagneticOperator

__all__ = ["ForwardOperator", "GravityOperator", "MagneticOperator", "StationOperator", "forward_prisms"]
