"""One survey after another: Kalman updates, ensembles, time-lapse surveys, and unknown parameters beside the state."""

from .door import assimilate
from .nuisances import contamination, damping
from .state_model import StateModel
from .steps import History, Step

__all__ = ["History", "StateModel", "Step", "assimilate", "contamination", "damping"]
