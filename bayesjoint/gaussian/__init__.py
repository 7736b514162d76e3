"""Whitened data with covariance K: what every exact answer to a linear-Gaussian problem is made of."""

from ._by_wavenumber import WaveSystem, channel_noise, only_group
from ._choice import DENSE_DATA, METHODS, data_system, fits_stored
from ._clean_covariance import CleanCovariance
from ._dense import DenseSystem, factorised
from ._flat import FlatColumns
from ._iterative import SCATTERED_RANK, IterativeSystem
from ._lattice_system import LatticeSystem
from ._mesh_signal import FieldGroup, unit_correlation
from ._model import check_linear_gaussian, is_linear_gaussian, joined_columns, linear_gaussian
from ._system import RANK, LogDet, System, refuse_infinite
from ._torus_signal import TorusMatrices, TorusSignal
