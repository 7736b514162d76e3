"""What is done to surveys before an inversion, with what it leaves unknown."""

from ._equivalent_sources import Gridded, equivalent_sources
from ._noise_estimate import NoiseEstimate, noise_estimate
from ._regional import RegionalSplit, regional_split
from ._terrain import TerrainEffect, terrain_effect
