"""A modality's view of one parameter at a time."""

import copy

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from .._places import blocks, unit_columns

COLUMNS = 64  # carried through an operator at once


class Streamed:
    """An operator of some `shape` whose `forward` may stream prism sums."""

    def stored(self):
        """Return the same operator with the prism sums that its `forward` streams kept as a matrix, float64."""
        if not hasattr(self.forward, "stored"):
            return self
        twin = copy.copy(self)
        twin.forward = self.forward.stored()
        return twin

    def matrix(self):
        """The operator as a matrix, shape (n_data, n), by products with the smaller identity."""
        operator, (count, size) = self.stored(), self.shape
        out = np.empty((count, size))
        for part in blocks(min(count, size), COLUMNS):
            unit = unit_columns(min(count, size), part)
            if count < size:
                out[part] = operator.rmatmat(unit).T
            else:
                out[:, part] = operator.matmat(unit)
        return out


class View(Streamed):
    """Operator of one modality on one parameter alone: m̂ of that parameter to physical data.

    Terms of a bias or a discrepancy stand beside the forward operator, and cost it nothing.

    Parameters
    ----------
    problem : JointProblem
    modality : int
        Index.
    parameter : str
        One that the modality sees.

    Attributes
    ----------
    forward : LinearOperator
        The map that sees the parameter, physical.
    inside : slice
        Its place among the columns of `forward`.
    """

    def __init__(self, problem, modality, parameter):
        self.modality, self.parameter = modality, parameter
        m, self.scale = problem.modalities[modality], problem.by_name[parameter].scale
        self.data_count = m.size
        self.forward, self.inside = _alone(m, parameter, problem)
        self._whole = self.inside == slice(0, self.forward.shape[1])
        self.shape = m.size, self.inside.stop - self.inside.start

    def matmat(self, fields):
        """Data of m̂ columns, (size, k) to (n_data, k)."""
        if self._whole:
            return self.scale * self.forward.matmat(fields)
        full = np.zeros((self.forward.shape[1], fields.shape[1]))
        full[self.inside] = fields
        return self.scale * self.forward.matmat(full)

    def rmatmat(self, data):
        """The transpose, (n_data, k) to (size, k)."""
        return self.forward.rmatmat(self.scale * data)[self.inside]


def views_of(problem, names):
    """Every `View` of some parameters, parameter by parameter."""
    return [View(problem, k, name) for name in names for k, m in enumerate(problem.modalities) if name in m.parameters]


def _alone(modality, parameter, problem):
    """(map that sees a parameter, its place among the columns)."""
    term = modality.term(parameter)
    if term is not None:
        return aslinearoperator(term.columns), slice(0, term.columns.shape[1])
    start = sum(problem.by_name[name].size for name in modality.seen[: modality.seen.index(parameter)])
    return modality.forward, slice(start, start + problem.by_name[parameter].size)
