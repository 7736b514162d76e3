"""What the data can and cannot tell: resolution, leakage, information, and what the joint inversion bought."""

from .candidates import expected_information
from .identifying import identifiability
from .leaking import leakage
from .operator import ResolutionOperator
from .resolving import resolution

__all__ = ["ResolutionOperator", "expected_information", "identifiability", "leakage", "resolution"]
