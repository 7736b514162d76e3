"""H: what happens between the field on a lattice and the data; composition with F, gaps, upward continuation."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.sparse.linalg import LinearOperator

from .._checks import as_positive, checked, fail
from .._places import blocks, unit_columns
from .._typing import ArrayLike, GravityOperator, MagneticOperator
from ..quantities import FIELD
from ._base import ForwardOperator

PLACES = ("easting", "northing", "upward", "height")
ROW_BLOCK = 64  # adjoint products done at once for dense rows: bounds memory, long enough to be efficient


class Processing(LinearOperator):
    """A linear map H from an operator's data to other data. ``H @ operator`` is a forward operator again.

    Parameters
    ----------
    operator : ForwardOperator
        Whose data it takes; H keeps the place of those data, not the operator.
    data_shape, data_dims : tuple
        Shape and dims of what H returns.
    """

    def __init__(self, operator, data_shape, data_dims):
        if not isinstance(operator, ForwardOperator):
            fail("operator", "be a forward operator", type(operator).__name__,
                 "Pass a GravityOperator or MagneticOperator.", TypeError)
        self.source_shape = operator.data_shape
        self.data_shape, self.data_dims = tuple(int(n) for n in data_shape), tuple(data_dims)
        self._source = operator.coordinates()
        super().__init__(np.dtype(np.float64), (int(np.prod(self.data_shape)), operator.shape[0]))

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        return self.easting, self.northing, self.upward

    def dot(self, x):
        """H x; for a forward operator `x`, the composed forward operator."""
        return ComposedOperator(self, x) if isinstance(x, ForwardOperator) else super().dot(x)

    def rows_of(self, index):
        """Dense rows of H, shape (k, n_in)."""
        return self.rmatmat(unit_columns(self.shape[0], index)).T


class ComposedOperator(ForwardOperator):
    """H∘F as one forward operator: keeps mesh, kind, units and inducing field, and the lattice as ``.lattice``.

    Parameters
    ----------
    processing : Processing
        H.
    lattice : ForwardOperator
        F, whose data H takes.

    Raises
    ------
    ValueError
        If H was made for stations elsewhere.
    """

    def __init__(self, processing, lattice):
        same = processing.source_shape == lattice.data_shape and all(
            np.array_equal(a, b) for a, b in zip(processing._source, lattice.coordinates(), strict=True)
        )
        if not same:
            fail("operator", f"have the stations {type(processing).__name__} was made for",
                 f"data of shape {lattice.data_shape}", "Make both from the same lattice.")
        super().__init__(lattice.mesh, lattice.kind, processing.data_shape, processing.data_dims, lattice.dtype,
                         lattice.active, lattice.units)
        self.processing, self.lattice = processing, lattice
        for source in (lattice, processing):  # H says where its data are, F which way the field points
            for name in (*FIELD, "spacing", *PLACES):
                if hasattr(source, name) and not (source is lattice and name in PLACES):
                    setattr(self, name, getattr(source, name))

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        return self.processing.coordinates()

    def rows(self, index):
        """Rows of H∘F, shape (k, n_cells), float64: one adjoint product each, so they are the operator's own."""
        index = self._index(index)
        out = np.empty((index.size, self.shape[1]))
        for part in blocks(index.size, ROW_BLOCK):
            out[part] = self.lattice.rmatmat(self.processing.rows_of(index[part]).T).T
        return out

    def sampling_error(self, model=None, stations=64, seed=0):
        """Error of the sampling, measured against direct prism sums; see `StationSampling.sampling_error`."""
        if not hasattr(self.processing, "sampling_error"):
            fail("operator", "be sampled at stations to have a sampling error", type(self.processing).__name__,
                 "Compare with the operator at the greater height instead.", TypeError)
        return self.processing.sampling_error(self, model, stations, seed)

    def _forward(self, columns):
        return self.processing.matmat(self.lattice._forward(columns)).astype(self.dtype, copy=False)

    def _backward(self, columns):
        return self.lattice._backward(self.lattice._columns(self.processing.rmatmat(columns), self.lattice.shape[0]))


@checked
class StationSelection(Processing):
    """The observed stations of a lattice: H for a survey with gaps.

    Parameters
    ----------
    operator : ForwardOperator
        Predicts all stations.
    mask : array_like of bool, shape `operator.data_shape`
        True where there is a datum.

    Raises
    ------
    ValueError
        If the mask is not boolean, has another shape, or keeps nothing.

    Examples
    --------
    >>> from bayesjoint import GravityOperator, Mesh
    >>> mesh = Mesh.regular(shape=(1, 2, 3), spacing=(10, 10, 10))
    >>> lattice = GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> op = StationSelection(lattice, [[True, True, False], [True, False, True]]) @ lattice
    >>> op.shape, op.data_dims
    ((4, 6), ('station',))
    """

    def __init__(self, operator: GravityOperator | MagneticOperator, mask: ArrayLike) -> None:
        mask = np.asarray(mask)
        shape = getattr(operator, "data_shape", mask.shape)
        if mask.dtype != bool or mask.shape != shape:
            fail("mask", f"be a boolean array of shape {shape}", f"{mask.dtype} of shape {mask.shape}",
                 "Use Survey.observed or ~np.isnan(data).")
        if not mask.any():
            fail("mask", "keep at least one station", "none", "True marks a datum.")
        self.mask, self.index = mask.copy(), np.flatnonzero(mask)
        super().__init__(operator, (self.index.size,), ("station",))
        self.easting, self.northing, self.upward = (c[self.index] for c in self._source)

    def _matmat(self, X):
        return X[self.index]

    def _rmatmat(self, Y):
        out = np.zeros((self.shape[1], Y.shape[1]), dtype=Y.dtype)
        out[self.index] = Y
        return out


@checked
class UpwardContinuation(Processing):
    """Continuation of lattice data upward, by the wavenumber filter exp(−|k|·distance): H for a survey so processed.

    Outside the lattice the field counts as zero: padding to twice the size, which for anomalies was closer to the truth
    than reflecting, repeating or tapering the edge values. The filter is symmetric, its own adjoint. In trials, 400 m
    up on a lattice of 100 m, it was off by 0.1 % of the field's range twelve cells inside and by 0.5 % at the edges
    where the bodies lay well inside; and by 1 % and 11–20 % where the ground varied out to the edges and beyond a
    filter's knowledge. A constant level is not kept near the edges: remove it first, as one does. So it describes **how
    data were processed**. For the field at a greater height, give the operator that height.

    Parameters
    ----------
    operator : GravityOperator or MagneticOperator
        On a lattice.
    distance : float
        Metres upward, > 0.

    Raises
    ------
    ValueError, TypeError
        If the operator is on no lattice, or the distance is not positive.

    References
    ----------
    Blakely, R. J. (1995), Potential theory in gravity and magnetic applications, section 12.1.

    Examples
    --------
    >>> from bayesjoint import GravityOperator, Mesh
    >>> mesh = Mesh.regular(shape=(2, 30, 40), spacing=(100, 100, 100))
    >>> lattice = GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> op = UpwardContinuation(lattice, 400.0) @ lattice
    >>> op.data_shape, float(op.height[0])
    ((30, 40), 400.0)
    """

    def __init__(self, operator: GravityOperator | MagneticOperator, distance: float) -> None:
        self.distance = float(as_positive("distance", distance, 0))
        super().__init__(operator, getattr(operator, "data_shape", ()), getattr(operator, "data_dims", ()))
        if not hasattr(operator, "height") or not hasattr(operator, "spacing"):
            fail("operator", "be on a lattice", type(operator).__name__, "Use GravityOperator or MagneticOperator.",
                 TypeError)
        self.easting, self.northing, self.spacing = operator.easting, operator.northing, operator.spacing
        self.height = operator.height + self.distance
        self._window = (self.northing.size, self.easting.size)
        self._padded = tuple(fft.next_fast_len(2 * n, real=True) for n in self._window)
        north = 2 * np.pi * fft.fftfreq(self._padded[0], self.spacing[0])
        east = 2 * np.pi * fft.rfftfreq(self._padded[1], self.spacing[1])
        self._filter = np.exp(-self.distance * np.hypot(north[:, None], east))

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        easting, northing, upward = self._source
        return easting, northing, upward + self.distance

    def _matmat(self, X):
        lattice = X.T.reshape(X.shape[1], -1, *self._window)
        waves = fft.rfft2(lattice, self._padded)
        waves *= self._filter
        continued = fft.irfft2(waves, self._padded, overwrite_x=True)[..., : self._window[0], : self._window[1]]
        return continued.reshape(X.shape[1], -1).T

    _rmatmat = _matmat  # the filter is symmetric


def unwrapped(forward):
    """(what predicts the field, the steps from that to the data, in the order they are taken)."""
    steps = []
    while isinstance(forward, ComposedOperator):
        steps.append(forward.processing)
        forward = forward.lattice
    return forward, tuple(reversed(steps))
