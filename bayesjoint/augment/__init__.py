"""Problems made from problems: biases, discrepancies, unknowns of the measurement, logs and outcrops."""

from ._bias import add_bias, biases_of, held_by_biases
from ._bias_basis import bias_basis
from ._bias_evidence import DROP, PROBABILITY
from ._borehole import Borehole, add_boreholes
from ._borehole_table import read_boreholes
from ._discrepancy import NAME, add_discrepancy, discrepancy_of, without_discrepancy
from ._law_as_data import law_as_data
from ._outcrops import outcrops
from ._scaled import scaled
from ._tangent import evidence_lacking, refuse_tangents, relinearised, standing_in, stated_stds, tangents_of
from ._unknown import add_direction_error, add_height_error
