"""Parameters, modalities and the negative log posterior that ties them."""

from ._asked import check_problem, one_survey
from ._cache import Cache
from .joint import JointProblem
from .modality import Modality
from .parameter import Parameter

__all__ = ["Cache", "JointProblem", "Modality", "Parameter", "check_problem", "one_survey"]
