"""Parameters, modalities and the negative log posterior that ties them."""

from ._asked import check_field, check_problem, one_survey, some_surveys
from ._cache import Cache
from ._describe import add_map, layout, modality_fields, parameter_fields, versions
from ._joint_problem import JointProblem
from ._modality import Modality
from ._parameter import Parameter
from ._view import View, views_of

__all__ = ["Cache", "JointProblem", "Modality", "Parameter", "View", "add_map", "check_field", "check_problem",
           "layout", "modality_fields", "one_survey", "parameter_fields", "some_surveys", "versions", "views_of"]
