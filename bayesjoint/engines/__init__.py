"""Posterior engines behind one interface."""

from .base import Estimate, Posterior
from .loaded import LoadedPosterior, load
from .lowrank import LowRankWarning
from .protocol import PosteriorEngine
from .registry import ENGINES, answers_other_data, engine_table, methods, register_engine
from .select import choose_engine, dense_fits, needs_a_map, posterior

__all__ = ["ENGINES", "Estimate", "LoadedPosterior", "LowRankWarning", "Posterior", "PosteriorEngine",
           "answers_other_data", "choose_engine", "dense_fits", "engine_table", "load", "methods", "needs_a_map",
           "posterior", "register_engine"]
