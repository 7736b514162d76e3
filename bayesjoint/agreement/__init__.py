"""Whether surveys agree: tests with their null distributions, and what each could have seen."""

from .likelihood_ratio import likelihood_ratio_test
from .nuisances import nuisance_test
from .result import AgreementTest
from .splitting import node_split

__all__ = ["AgreementTest", "likelihood_ratio_test", "node_split", "nuisance_test"]
