"""Hyperparameters by the evidence: what may be fitted, how, and how well it is known."""

from ._fit_hyperparameters import fit_hyperparameters
from ._result import HyperparameterFit
from ._search import covariance_of
from ._thinning import as_measured, measured_rows
from ._vector import HyperVector
