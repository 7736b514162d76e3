"""Whether a posterior keeps its promises: truths from the prior, simulated data, ranks and coverage."""

from .simulation import calibrate

__all__ = ["calibrate"]
