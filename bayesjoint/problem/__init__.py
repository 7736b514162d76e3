"""Parameters, modalities and the negative log posterior that ties them."""

from .augment import add_bias
from .borehole import Borehole, add_boreholes
from .borehole_table import read_boreholes
from .discrepancy import add_discrepancy
from .joint import JointProblem
from .modality import Modality
from .parameter import Parameter
from .surface import outcrops

__all__ = ["Borehole", "JointProblem", "Modality", "Parameter", "add_bias", "add_boreholes", "add_discrepancy",
           "outcrops", "read_boreholes"]
