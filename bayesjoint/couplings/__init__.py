"""Densities that tie several parameters."""

from ._coregionalization import Coregionalization
from ._cross_gradient import BoundCrossGradient, CrossGradient
from ._gramian import BoundGramian, Gramian
from ._joint_total_variation import BoundJointTotalVariation, JointTotalVariation
from ._petrophysical import Petrophysical
from ._rock_mixture import RockMixture
