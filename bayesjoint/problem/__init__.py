"""Parameters, modalities and the negative log posterior that ties them."""

from .augment import add_bias
from .discrepancy import add_discrepancy
from .joint import JointProblem
from .modality import Modality
from .parameter import Parameter

__all__ = ["JointProblem", "Modality", "Parameter", "add_bias", "add_discrepancy"]
