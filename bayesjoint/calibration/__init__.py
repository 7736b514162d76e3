"""Whether a posterior keeps its promises, and intervals that keep them on stated kinds of ground."""

from ._calibrate import calibrate
from ._cost import station_seconds
from ._discretisation import DiscretisationNoise, discretisation_noise
from ._recalibrate import recalibrate
from ._recalibrated_posterior import RecalibratedPosterior
from ._truths import simulate
