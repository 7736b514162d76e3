"""Rocks and simulators of ground: what real ground may look like, stated by a person and drawn as worlds."""

from .default import geology_default
from .distributions import Centred, LogNormal, LogUniform, Normal, Poisson, Signed, Uniform
from .family import Geology
from .mixture import Mixture, describe, draw_world, name_of
from .rock_unit import RockUnit
from .rocks import RockTable
from .solids import Bodies, Dykes
from .strata import Cover, Layers, Plurigaussian
from .texture import GaussianField

__all__ = ["Bodies", "Centred", "Cover", "Dykes", "GaussianField", "Geology", "Layers", "LogNormal", "LogUniform",
           "Mixture", "Normal", "Plurigaussian", "Poisson", "RockTable", "RockUnit", "Signed", "Uniform", "describe",
           "draw_world", "geology_default", "name_of"]
