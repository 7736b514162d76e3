"""What every forward operator offers, whatever computes it."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._checks import KINDS, as_shape, check_kind, fail
from ..quantities import property_of


class ForwardOperator(LinearOperator):
    """A linear map from a model on a mesh to data: a SciPy `LinearOperator` that knows its mesh and its data.

    Parameters
    ----------
    mesh : Mesh
        Mesh of the model; vectors are its cells in C order of (upward, northing, easting).
    kind : str
        What is measured: "gravity", "magnetic", or a property.
    data_shape : tuple of int
        Shape of the data.
    data_dims : tuple of str
        ``("northing", "easting")``, ``("height", "northing", "easting")``, ``("station",)`` or ``("sample",)``.
    dtype : dtype, default float64
        Type of the products.
    units : str, optional
        Units of the data. Default for a property its own, kg/m3 or SI, else "1".
    active : array_like of bool, shape (nz, ny, nx), optional
        False marks air, which acts on no datum whatever the model says there. Default: the mesh's own.

    Attributes
    ----------
    active : ndarray of bool, shape (nz, ny, nx)
        Cells that act on the data.
    air : ndarray of bool, shape (n_cells,), or None
        The others; None where there are none.
    """

    def __init__(self, mesh, kind, data_shape, data_dims, dtype=np.float64, active=None, units=None):
        self.mesh = mesh
        self.active = mesh.active if active is None else mesh.with_active(active).active
        self.air = None if self.active.all() else ~self.active.ravel()
        self.kind = kind
        self.units = property_of(kind).units if units is None else units
        self.data_shape = tuple(int(n) for n in data_shape)
        self.data_dims = tuple(data_dims)
        super().__init__(np.dtype(dtype), (int(np.prod(self.data_shape)), mesh.size))

    def predict(self, model):
        """Data of a model.

        Parameters
        ----------
        model : array_like, shape (nz, ny, nx)
            Property of every cell, kg/m³ or SI; in air anything, NaN too. A scalar means the same everywhere.

        Returns
        -------
        ndarray, shape `data_shape`
            mGal or nT.

        Raises
        ------
        ValueError
            If the shape is not the mesh's or a value is not finite.
        """
        if self.air is not None and np.shape(model) == self.mesh.shape:
            model = np.where(self.active, model, 0.0)
        model = as_shape("model", model, self.mesh.shape)
        return self.matvec(model.ravel()).reshape(self.data_shape)

    def _set_quantity(self, quantity):
        """Keep what is computed, its coefficients, and the inducing field as attributes."""
        self.quantity, self.coefficients = quantity, quantity.coefficients
        for name, value in quantity.field.items():
            setattr(self, name, value)

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        return self.easting, self.northing, self.upward

    def add_adjoint(self, vector, out):
        """Add Aᵀ y to `out`: y of shape (n_data,), out float64 of shape (n_cells,)."""
        out += self.rmatvec(vector)

    def rows(self, index):
        """Dense sensitivities of some data.

        Parameters
        ----------
        index : array_like of int, shape (k,)
            Data wanted, in flattening order.

        Returns
        -------
        ndarray of float64, shape (k, n_cells)
            Field per unit of property, from direct prism sums.
        """
        raise NotImplementedError

    def to_dense(self):
        """The whole matrix, shape (n_data, n_cells), float64: 8·n_data·n_cells bytes, for small problems."""
        return self.rows(np.arange(self.shape[0]))

    def _index(self, index):
        check_kind("index", index, [KINDS["ArrayLike"]])
        index = np.atleast_1d(np.asarray(index))
        if index.dtype == bool or not np.issubdtype(index.dtype, np.integer) or index.ndim != 1:
            fail("index", "be a one-dimensional array of integers", f"{index.dtype} of shape {index.shape}",
                 "Use np.flatnonzero(mask) for a mask.")
        if index.size and not (-self.shape[0] <= index.min() and index.max() < self.shape[0]):
            fail("index", f"lie below the {self.shape[0]} data", f"{index.min()} to {index.max()}",
                 "Count data in flattening order, from 0.")
        return index % self.shape[0]

    def _columns(self, block, size):
        """Check a (size,) or (size, k) block and return it as (size, k) of the operator's type."""
        block = np.asarray(block)
        if np.iscomplexobj(block):
            fail("vector", "be real", f"dtype {block.dtype}", "Multiply real and imaginary parts apart.", TypeError)
        return np.asarray(block, dtype=self.dtype).reshape(size, -1)

    def _without_air(self, columns):
        """Models (n_cells, k) with 0 in air."""
        return columns if self.air is None else np.where(self.air[:, None], columns.dtype.type(0), columns)

    # SciPy calls these with checked shapes, for single vectors too.
    def _matmat(self, X):
        return self._forward(self._without_air(self._columns(X, self.shape[1])))

    def _rmatmat(self, Y):
        out = self._backward(self._columns(Y, self.shape[0]))
        if self.air is not None:
            out[self.air] = 0.0
        return out
