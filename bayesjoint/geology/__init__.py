"""Rocks and simulators of ground: what real ground may look like, stated by a person and drawn as worlds."""

from ._default import geology_default
from ._distributions import Centred, LogNormal, LogUniform, Normal, Poisson, Signed, Uniform
from ._family import Geology
from ._mixture import Mixture, describe, draw_world, name_of
from ._rock_unit import RockUnit
from ._rocks import RockTable
from ._solids import Bodies, Dykes
from ._strata import Cover, Layers, Plurigaussian
from ._texture import GaussianField
