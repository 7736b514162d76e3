"""Whether a posterior keeps its promises, and intervals that keep them on stated kinds of ground."""

from .discretisation import DiscretisationNoise, discretisation_noise
from .recalibrated import RecalibratedPosterior
from .recalibration import recalibrate
from .simulation import calibrate

__all__ = ["DiscretisationNoise", "RecalibratedPosterior", "calibrate", "discretisation_noise", "recalibrate"]
