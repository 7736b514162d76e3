"""One survey after another: Kalman updates, ensembles, time-lapse surveys, and unknown parameters beside the state."""

from .door import assimilate
from .steps import History, Step

__all__ = ["History", "Step", "assimilate"]
