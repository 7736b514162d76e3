"""A modality's forward operator on the state vector: scales, places, and air that acts on nothing."""

import copy

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from .._checks import fail
from ._view import Streamed


def _columns_of(term, parameter):
    """Columns of a term, 0 for air; an error where they are not one for each value of the parameter."""
    columns = term.columns
    if columns.shape[1] != parameter.size:
        fail(f"columns of the term of {term.parameter}", "have one column for each value of the parameter",
             f"{columns.shape[1]} for {parameter.size}", "Check the shapes.")
    if not parameter.has_air:
        return columns
    ground = np.ravel(parameter.ground).astype(float)
    return columns.multiply(ground).tocsr() if issparse(columns) else columns * ground


class ModalityOperator(Streamed, LinearOperator):
    """A modality's forward operator acting on the state vector x: physical data = operator @ x.

    Of a nonlinear forward model it offers `predict`, and `at(x)`, the linear operator that is its derivative there.

    Parameters
    ----------
    modality : Modality
        The survey.
    parameters : dict of {str: Parameter}
        By name.
    slices : dict of {str: slice}
        Places in x.
    size : int
        Length of x.
    """

    def __init__(self, modality, parameters, slices, size):
        super().__init__(np.dtype(np.float64), (modality.size, size))
        self.forward, self.linear = modality.forward, modality.linear
        self._tangent = (None, None)
        self._parts, self._air, start = [], [], 0
        self._terms = [(slices[t.parameter], parameters[t.parameter].scale, _columns_of(t, parameters[t.parameter]))
                       for t in modality.terms]
        for name in modality.seen:
            p = parameters[name]
            self._parts.append((slices[name], slice(start, start + p.size), p.scale))
            if p.has_air:
                self._air.append(start + np.flatnonzero(~p.ground))
            start += p.size
        if self.forward.shape[1] != start:
            names = " and ".join(modality.seen)
            fail(f"forward of modality {modality.name!r}", f"have {start} columns, the size of {names}",
                 f"{self.forward.shape[1]}", "Use the same mesh for both.")
        self._air = np.concatenate(self._air) if self._air else None  # of the columns of `forward`

    def __getstate__(self):  # a tangent may hold functions that no other process can be given
        return {**super().__getstate__(), "_tangent": (None, None)}

    def physical(self, x):
        """Physical values of what the forward model sees, joined in the modality's order, shape (n,), 0 in air."""
        return self._without_air(np.concatenate([scale * x[where] for where, _, scale in self._parts]))

    def predict(self, x):
        """Clean data of a state vector, shape (n_data,), physical units."""
        return self.matvec(x) if self.linear else self._added(self.forward.predict(self.physical(x)), x)

    def at(self, x):
        """Derivative of `predict` at a state vector; of a linear operator the operator itself."""
        if self.linear:
            return self
        place = self.physical(x)
        if self._tangent[0] is None or not np.array_equal(self._tangent[0], place):  # asked again at one x, mostly
            twin = copy.copy(self)
            twin.forward, twin.linear = self.forward.linearise(place), True
            self._tangent = (place, twin)
        return self._tangent[1]

    def _added(self, data, x):
        """Data with what the terms add at x."""
        for where, scale, columns in self._terms:
            data = data + columns @ (scale * x[where])
        return data

    def _without_air(self, columns, copied=True):
        """Columns of `forward`, (n,) or (n, k), with 0 in air."""
        if self._air is not None:
            columns = columns if copied else columns.copy()
            columns[self._air] = 0.0
        return columns

    # With one parameter the scale is taken on the side of the data, of which there are fewer.
    def _matmat(self, x):
        return self._applied(x, self.forward.matmat)

    def _matvec(self, x):
        return self._applied(np.asarray(x).ravel(), self.forward.matvec)

    def _applied(self, x, product):
        if len(self._parts) == 1:
            where, _, scale = self._parts[0]
            return self._added(scale * product(self._without_air(x[where], copied=False)), x)
        return self._added(product(self.physical(x)), x)

    def _rmatvec(self, y):
        out = np.zeros(self.shape[1])
        self.add_adjoint(y, out)
        return out

    def _rmatmat(self, y):
        out = np.zeros((self.shape[1], y.shape[1]))
        self._add(y, out, self.forward.rmatmat)
        return out

    def add_adjoint(self, y, out):
        """Add Aᵀ y to `out`, shape (n,), touching only the parameters the modality sees."""
        self._add(np.asarray(y).ravel(), out, self.forward.rmatvec)

    def _add(self, y, out, product):
        for where, scale, columns in self._terms:
            out[where] += scale * (columns.T @ y)
        if len(self._parts) == 1:
            where, _, scale = self._parts[0]
            if y.ndim == 1 and hasattr(self.forward, "add_adjoint") and self._air is None:
                self.forward.add_adjoint(scale * y, out[where])
            else:
                out[where] += self._without_air(product(scale * y), copied=False)
            return
        physical = self._without_air(product(y), copied=False)
        for where, inside, scale in self._parts:
            out[where] += scale * physical[inside]
