"""What the data can and cannot tell: resolution, leakage, information, and what the joint inversion bought."""

from ._compare import compare
from ._discrepancy_overlap import discrepancy_overlap
from ._expected_information import expected_information
from ._identifiability import identifiability
from ._leakage import leakage
from ._leave_one_hole_out import leave_one_hole_out
from ._resolution import resolution
from ._resolution_operator import ResolutionOperator
from ._scores import score_table
from ._subset import subset
