"""Questions that people ask of a posterior: where, how much, how deep; each answered from draws, with its error."""

from .exceeding import depth_to_top, exceedance
from .integrals import excess_mass, magnetic_moment
from .windows import Window

__all__ = ["Window", "depth_to_top", "exceedance", "excess_mass", "magnetic_moment"]
