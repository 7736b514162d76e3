"""Whether surveys agree: tests with their null distributions, and what each could have seen."""

from .bands import spectral_conflict
from .detectable import detectability
from .likelihood_ratio import likelihood_ratio_test, node_split
from .local import local_conflict
from .nuisances import nuisance_test
from .recalibration import recalibrated
from .remedies import compare_remedies
from .result import AgreementTest
from .several import conflict_matrix
from .suite import conflict

__all__ = ["AgreementTest", "compare_remedies", "conflict", "conflict_matrix", "detectability", "likelihood_ratio_test",
           "local_conflict", "node_split", "nuisance_test", "recalibrated", "spectral_conflict"]
