"""Names for annotations; what lives in a room, or is heavy, is imported by type checkers alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

Seed = int | np.random.Generator
Prior = Any  # what has a `bind`

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from scipy.sparse.linalg import LinearOperator

    from .agreement import AgreementTest
    from .engines import Posterior
    from .forward import ForwardModel, GravityOperator, MagneticOperator
    from .geology import Geology, Mixture, RockTable
    from .hyperparameters import HyperparameterFit
    from .map_estimate import MapResult
    from .mesh import Mesh
    from .problem import JointProblem, Modality, Parameter
    from .survey import Survey
else:
    xr = LinearOperator = Axes = Any
    AgreementTest = ForwardModel = Geology = GravityOperator = HyperparameterFit = JointProblem = Any
    MagneticOperator = MapResult = Mesh = Mixture = Modality = Parameter = Posterior = RockTable = Survey = Any

__all__ = ["AgreementTest", "Any", "ArrayLike", "Axes", "Callable", "Executor", "ForwardModel", "Geology",
           "GravityOperator", "HyperparameterFit", "JointProblem", "LinearOperator", "MagneticOperator", "MapResult",
           "Mesh", "Mixture", "Modality", "Parameter", "Path", "Posterior", "Prior", "RockTable", "Seed", "Sequence",
           "Survey", "xr"]
