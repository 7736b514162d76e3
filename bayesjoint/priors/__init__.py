"""Prior densities over one parameter each."""

from ._bias import BiasPrior, TangentPrior
from ._covariance import (
    DENSE_LIMIT,
    BlockCovariance,
    ConditionedCovariance,
    Covariance,
    DiagonalCovariance,
    MixedCovariance,
    ScaledCovariance,
    StationaryCorrelation,
    prior_factor,
)
from ._damped import DampedCorrelation, DampedMatern, NoTorus
from ._differences import MeshGradient
from ._discrepancy import DISCREPANCIES, MatrixDiscrepancy, StationDiscrepancy
from ._focusing import Focusing, MinimumLength
from ._gaussian import BoundGaussian, GaussianPrior
from ._matern import Matern, SumOfMaterns, parts_of, with_parts
from ._mixture import ScaleMixture, typical_precision
from ._neighbours import NEIGHBOURS, NeighbourCorrelation, SparsePrecision
from ._orientation import DIP, STRIKE, along_axes, axes_by_dip, axes_by_strike, axes_of
from ._stations import scaled_distance
from ._summed import SumCovariance
from ._torus import KERNEL_REACH, CellwiseCorrelation, TorusField, TorusSpectrum, least_torus
