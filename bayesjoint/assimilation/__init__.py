"""One survey after another: Kalman updates, ensembles, time-lapse surveys, and unknown parameters beside the state."""

from ._assimilate import assimilate
from ._nuisances import contamination, damping
from ._state_model import StateModel
from ._steps import History, Step

__all__ = ["History", "StateModel", "Step", "assimilate", "contamination", "damping"]
