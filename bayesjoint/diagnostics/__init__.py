"""What the data can and cannot tell: resolution, leakage, information, and what the joint inversion bought."""

from .candidates import expected_information
from .comparison import compare
from .identifying import identifiability
from .leaking import leakage
from .leaving_out import leave_one_hole_out
from .operator import ResolutionOperator
from .overlapping import discrepancy_overlap
from .resolving import resolution
from .selection import subset

__all__ = ["ResolutionOperator", "compare", "discrepancy_overlap", "expected_information", "identifiability", "leakage",
           "leave_one_hole_out", "resolution", "subset"]
