"""Parameters, modalities and the negative log posterior that ties them."""

from ._asked import check_field, check_problem, one_survey, some_surveys
from ._cache import Cache
from .joint import JointProblem
from .modality import Modality
from .parameter import Parameter

__all__ = ["Cache", "JointProblem", "Modality", "Parameter", "check_field", "check_problem",
           "one_survey", "some_surveys"]
