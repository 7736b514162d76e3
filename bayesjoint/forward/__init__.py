"""F and H: from a model of the ground to what the instruments would read."""

from ._base import ForwardOperator
from ._convolution import LayeredConvolution
from ._direct import StationOperator
from ._intervals import IntervalOperator, intervals_of
from ._lattice import ALIGNMENT_TOLERANCE, top_of_ground
from ._moved import FieldDirection, StationHeights, can_move
from ._nonlinear import ForwardModel
from ._periodic import lattice_and_processing, periodic_spectra
from ._prisms import forward_prisms
from ._processing import ComposedOperator, Processing, StationSelection, UpwardContinuation
from ._refined import refined, refined_mesh
from ._sampling import SamplingError, StationSampling
from ._threads import run_ranges, run_side_by_side, run_tasks, stretches, worker_count
from ._toeplitz import GravityOperator, LatticeOperator, MagneticOperator, lattice_operator
