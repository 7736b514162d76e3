"""Whether surveys agree: tests with their null distributions, and what each could have seen."""

from ._compare_remedies import compare_remedies
from ._conflict import conflict
from ._conflict_matrix import conflict_matrix
from ._detectability import detectability
from ._likelihood_ratio import likelihood_ratio_test, node_split
from ._local_conflict import local_conflict
from ._nuisance_test import nuisance_test
from ._recalibration import recalibrated
from ._result import AgreementTest
from ._spectral_conflict import spectral_conflict
