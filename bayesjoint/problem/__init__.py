"""Parameters, modalities and the negative log posterior that ties them."""

from ._asked import (
    check_density,
    check_field,
    check_gaussian_noise,
    check_problem,
    one_survey,
    some_surveys,
    unweighted,
)
from ._cache import Cache
from ._describe import add_map, layout, modality_fields, parameter_fields, placed, versions
from ._joint_problem import JointProblem
from ._modality import Modality
from ._parameter import Parameter
from ._view import View, views_of
