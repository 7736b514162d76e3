"""Whether a posterior keeps its promises, and intervals that keep them on stated kinds of ground."""

from .recalibrated import RecalibratedPosterior
from .recalibration import recalibrate
from .simulation import calibrate

__all__ = ["RecalibratedPosterior", "calibrate", "recalibrate"]
