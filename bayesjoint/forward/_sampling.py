"""From a lattice to scattered stations: interpolation with an error that is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import stdtrit

from .._checks import as_count, as_finite, as_shape, checked, fail
from .._places import blocks
from .._typing import Any, ArrayLike, GravityOperator, MagneticOperator, Seed
from ._direct import StationOperator
from ._processing import Processing
from ._toeplitz import LatticeOperator

HULL_TOLERANCE = 1e-6  # of a step: rounding of coordinates must not put a station outside
PROBABILITY = 0.95
QUANTILE = 0.99  # of t behind it: squared errors are skewed, and 0.95 covered only 0.83 to 0.93 of repeated draws
INDICATOR_MODELS = 8  # random models that rank stations by their rows' errors
ROW_BLOCK = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class SamplingError:
    """How far sampled data are from direct prism sums, measured at some of the stations.

    Attributes
    ----------
    rms : float
        With a model: rms of the error over all stations, estimated from those measured, mGal or nT. Without: the same
        of the standard deviation of the error per unit standard deviation of an independent property in every cell
        (the 2-norms of the rows' errors).
    max : float
        Largest absolute error met; stations where it was to be expected were measured first of all.
    rms_upper : float
        The rms over all stations lies below this with the probability stated: one-sided, from the spread and skewness
        of the weighted squares (Edgeworth-corrected t), with a margin for tails the draw missed: 97 % of repeated draws
        covered the true rms on the Flin Flon survey. It equals `rms` when every station was measured.
    relative_rms, relative_rms_upper, relative_max : float
        The same over the rms of the field itself (without a model: of the rows' 2-norms).
    index : ndarray of int
        Stations measured.
    errors : ndarray
        Error at each of them: sampled less direct; without a model the 2-norms.
    bounds : ndarray or None
        Without a model: the largest error possible at each if no |property| exceeds 1 (1-norms of the rows' errors).
    total : int
        Number of stations of the survey.
    probability : float
        Of `rms_upper`: 0.95.
    units : str
        mGal or nT, per kg/m³ or per SI without a model.
    """

    rms: float
    max: float
    rms_upper: float
    relative_rms: float
    relative_rms_upper: float
    relative_max: float
    index: np.ndarray
    errors: np.ndarray
    bounds: np.ndarray | None
    total: int
    probability: float
    units: str


@checked
class StationSampling(Processing):
    """Interpolation from an operator's lattice to scattered stations, H of a survey off the lattice.

    A tensor product of Lagrange polynomials through the nearest lattice points along each axis, sparse: (order+1)²
    entries a row, times the heights used. Its error depends on how smooth the field is between lattice points: small
    when stations fly at least a cell above the mesh, some per cent of the field's range right on top of it. So it is
    measured: ``(H @ operator).sampling_error()``.

    Parameters
    ----------
    operator : GravityOperator or MagneticOperator
        On a lattice; give it several heights that bracket the stations when they are not all at one height.
    easting, northing, upward : array_like, shape (n,)
        Stations, metres; `upward` may be a scalar.
    order : int, default 5
        Degree of the polynomials, lowered where an axis has too few points. Higher degrees help only well above
        the mesh.

    Raises
    ------
    ValueError
        NaN, lengths that disagree, stations outside the lattice's hull (for a lattice of one height: at another
        height), or on the edges of the mesh's cells.

    Examples
    --------
    >>> from bayesjoint import GravityOperator, Mesh
    >>> mesh = Mesh.regular(shape=(4, 20, 20), spacing=(100, 100, 100), top=-100.0)
    >>> lattice = GravityOperator(mesh, mesh.easting, mesh.northing, height=[0.0, 20.0, 40.0])
    >>> stations = [812.0, 1030.0], [640.0, 955.0], [13.0, 32.0]
    >>> op = StationSampling(lattice, *stations) @ lattice
    >>> op.data_shape, op.mesh is mesh
    ((2,), True)
    >>> model = np.random.default_rng(0).standard_normal(mesh.shape)
    >>> op.sampling_error(model).relative_rms < 0.1
    True
    """

    def __init__(self, operator: GravityOperator | MagneticOperator, easting: ArrayLike, northing: ArrayLike,
                 upward: ArrayLike, order: int = 5) -> None:
        if not all(hasattr(operator, name) for name in ("easting", "northing", "height", "spacing")):
            fail("operator", "be on a lattice", type(operator).__name__, "Use GravityOperator or MagneticOperator.",
                 TypeError)
        easting = as_finite("easting", easting, 1).copy()
        northing, upward = (as_shape(k, v, easting.shape).copy()
                            for k, v in (("northing", northing), ("upward", upward)))
        self.order = as_count("order", order, 1, "3 and 5 are good choices.")
        super().__init__(operator, easting.shape, ("station",))
        self.easting, self.northing, self.upward = easting, northing, upward
        self._axes = (("upward", operator.height, upward, operator.spacing[0]),
                      ("northing", operator.northing, northing, operator.spacing[0]),
                      ("easting", operator.easting, easting, operator.spacing[1]))
        self.matrix = self._interpolation(self.order)
        self._transposed = self.matrix.T.tocsr()

    def _interpolation(self, order):
        """Sparse matrix (n, n_lattice) of the tensor product of polynomials of degree `order`."""
        (layer, wz), (row, wy), (column, wx) = (_lagrange(*axis, order + 1) for axis in self._axes)
        shape = tuple(nodes.size for _, nodes, _, _ in self._axes)
        index = np.ravel_multi_index((layer[:, :, None, None], row[:, None, :, None], column[:, None, None, :]), shape)
        weights = wz[:, :, None, None] * wy[:, None, :, None] * wx[:, None, None, :]
        pointer = np.arange(0, weights.size + 1, weights[0].size)
        return sparse.csr_array((weights.ravel(), index.ravel(), pointer), shape=self.shape)

    def rows_of(self, index: ArrayLike):
        """Dense rows of H, shape (k, n_in)."""
        return self.matrix[index].toarray()

    def sampling_error(self, operator: Any, model: ArrayLike | None = None, stations: int = 64, seed: Seed = 0):
        """Measure the error of ``H @ lattice`` against direct prism sums at random stations.

        Errors of interpolation are large at few stations, so a uniform draw would understate them. Half of the draw is
        uniform, half goes where polynomials two degrees lower give another answer (a cheap indicator known at every
        station), and the squares are weighted accordingly (Hansen & Hurwitz 1943).

        Parameters
        ----------
        operator : ComposedOperator
            ``H @ lattice``; call it as ``operator.sampling_error(model, stations, seed)``.
        model : array_like, shape (nz, ny, nx), optional
            Model whose data are compared. Without it the rows themselves are compared, per unit of property.
        stations : int, default 64
            How many to draw, with replacement; all are measured if there are no more. 64 give the rms to some 15 %.
        seed : int or numpy.random.Generator, default 0
            Draws the stations, and the models for the indicator when none is given.

        Returns
        -------
        SamplingError
        """
        if not isinstance(getattr(operator, "lattice", None), LatticeOperator):
            fail("operator", "sample a lattice operator directly", type(operator).__name__,
                 "The field of processed data has no direct prism sums to compare with.", TypeError)
        stations = as_count("stations", stations, 2, "64 is a good choice.")
        draws, chance = self._draw(operator, model, stations, np.random.default_rng(seed))
        index, count = np.unique(draws, return_counts=True)
        exact = StationOperator(operator.mesh, *(c[index] for c in self.coordinates()), operator.lattice.quantity,
                                operator.active)
        units, bounds = operator.units, None
        if model is None:
            errors, field, bounds = _row_errors(operator, exact, index)
            units += f" per {operator.lattice.quantity.component.kind.property.units}"
        else:
            field = exact.predict(model)
            errors = operator.predict(model)[index] - field
        weights = None if chance is None else 1.0 / (self.shape[0] * chance[index])
        return _summary(errors, field, bounds, index, count, weights, self.shape[0], units)

    def _draw(self, operator, model, stations, rng):
        """Stations to measure and the chance of each in one draw (None: all are measured)."""
        total = self.shape[0]
        if stations >= total:
            return np.arange(total), None
        if model is None:
            fields = operator.lattice.matmat(rng.standard_normal((operator.shape[1], INDICATOR_MODELS)))
        else:
            fields = operator.lattice.predict(model).reshape(-1, 1)
        other = self.order - 2 if self.order > 2 else self.order + 2
        indicator = np.sqrt(np.mean((self.matrix @ fields - self._interpolation(other) @ fields) ** 2, axis=1))
        chance = np.full(total, 1.0 / total)
        if indicator.sum() > 0:
            chance = 0.5 * chance + 0.5 * indicator / indicator.sum()
        return rng.choice(total, stations, p=chance), chance

    def _matmat(self, X):
        return self.matrix @ X

    def _rmatmat(self, Y):
        return self._transposed @ Y


def _row_errors(operator, exact, index):
    """2-norms of the rows' errors and of the rows, and 1-norms of the errors."""
    errors, field, bounds = (np.empty(index.size) for _ in range(3))
    for part in blocks(index.size, ROW_BLOCK):
        rows = exact.rows(np.arange(part.start, part.stop))
        field[part] = np.linalg.norm(rows, axis=1)
        rows -= operator.rows(index[part])
        errors[part], bounds[part] = np.linalg.norm(rows, axis=1), np.abs(rows).sum(axis=1)
    return errors, field, bounds


def _summary(errors, field, bounds, index, count, weights, total, units):
    """SamplingError from errors at stations `index`, drawn `count` times each, whose squares count `weights` fold."""
    mean, scale = np.mean(errors**2), np.mean(field**2)
    upper = mean
    if weights is not None:
        squares = np.repeat(weights * errors**2, count)
        mean, scale = squares.mean(), np.mean(np.repeat(weights * field**2, count))
        spread = squares.std(ddof=1)
        skewness = np.mean((squares - mean) ** 3) / spread**3 if spread > 0 else 0.0
        t = stdtrit(squares.size - 1, QUANTILE)
        reach = t + max(skewness, 0.0) * (2 * t**2 + 1) / (6 * np.sqrt(squares.size))
        upper = mean + reach * spread / np.sqrt(squares.size)
    rms, rms_upper, largest = float(np.sqrt(mean)), float(np.sqrt(upper)), float(np.abs(errors).max())
    relative = [value / float(np.sqrt(scale)) if scale > 0 else float("nan") for value in (rms, rms_upper, largest)]
    return SamplingError(
        rms=rms, max=largest, rms_upper=rms_upper, relative_rms=relative[0], relative_rms_upper=relative[1],
        relative_max=relative[2], index=index, errors=errors, bounds=bounds, total=total, probability=PROBABILITY,
        units=units,
    )


def _lagrange(name, nodes, values, step, points):
    """Indices (n, m) of the nearest `points` nodes and their Lagrange weights (n, m) for each value."""
    slack, low, high = HULL_TOLERANCE * step, nodes.min(), nodes.max()
    outside = (values < low - slack) | (values > high + slack)
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        remedy = "Widen the lattice, or drop those stations."
        if name == "upward":
            remedy = "Give the operator a sequence of heights that bracket the stations, or use at_stations."
        fail(name, f"lie within the lattice's hull, {low:.10g} to {high:.10g} m",
             f"{int(outside.sum())} stations outside, first number {k} at {values[k]:.10g} m", remedy)
    order = np.argsort(nodes)
    nodes, points = nodes[order], min(points, nodes.size)
    first = np.searchsorted(nodes, values, side="right") - 1 - (points - 1) // 2
    index = np.clip(first, 0, nodes.size - points)[:, None] + np.arange(points)
    near = nodes[index]
    weights = np.ones(index.shape)
    for j in range(points):
        for k in range(points):
            if k != j:
                weights[:, j] *= (values - near[:, k]) / (near[:, j] - near[:, k])
    return order[index], weights
