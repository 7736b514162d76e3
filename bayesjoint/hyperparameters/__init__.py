"""Hyperparameters by the evidence: what may be fitted, how, and how well it is known."""

from .fit import fit_hyperparameters

__all__ = ["fit_hyperparameters"]
