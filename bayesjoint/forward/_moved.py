"""What operators would give were their stations, or their inducing field, elsewhere than stated."""

from dataclasses import replace

import numpy as np
from scipy.sparse import diags_array

from .._checks import fail
from ..quantities import coefficients_of, direction_vector
from ._direct import StationOperator
from ._processing import ComposedOperator, StationSelection, UpwardContinuation, unwrapped
from ._sampling import StationSampling
from ._toeplitz import LatticeOperator

DEGREE = np.pi / 180
STEP = 0.01  # of the distance to the ground: a difference over it is 1e-5 of itself off
NODES = 5  # heights that a field is interpolated between: to the fourth power of what the tangent keeps the first of


def can_move(forward):
    """Whether an operator can be built again for other stations or another field."""
    base, steps = unwrapped(forward)
    known = isinstance(base, LatticeOperator | StationOperator)
    return known and all(isinstance(s, StationSelection | StationSampling | UpwardContinuation) for s in steps)


def moved(forward, quantity=None, rise=0.0):
    """The same operator for another quantity, or with all its stations so many metres higher.

    Parameters
    ----------
    forward : ForwardOperator
        One that `can_move`.
    quantity : Quantity, optional
    rise : float, default 0.0

    Returns
    -------
    ForwardOperator

    Examples
    --------
    >>> from bayesjoint import GravityOperator, Mesh
    >>> mesh = Mesh.regular(shape=(1, 2, 3), spacing=(10, 10, 10))
    >>> float(moved(GravityOperator(mesh, mesh.easting, mesh.northing), rise=2.5).height[0])
    2.5
    """
    base, steps = unwrapped(forward)
    quantity = base.quantity if quantity is None else quantity
    if isinstance(base, LatticeOperator):
        height = base.height + rise
        out = LatticeOperator(base.mesh, base.easting, base.northing, height if "height" in base.data_dims else
                              float(height[0]), quantity, base.dtype.name, base.active)
    else:
        out = StationOperator(base.mesh, base.easting, base.northing, base.upward + rise, quantity, base.active)
    for step in steps:
        out = ComposedOperator(step if rise == 0 else _raised(step, out, rise), out)
    return out


def _raised(step, operator, rise):
    if isinstance(step, StationSelection):
        return StationSelection(operator, step.mask)
    if isinstance(step, UpwardContinuation):
        return UpwardContinuation(operator, step.distance)
    return StationSampling(operator, step.easting, step.northing, step.upward + rise, step.order)


def clearance(forward):
    """Height of the lowest station above the ground of the mesh under it, metres; Inf where none is over the mesh."""
    base, _ = unwrapped(forward)
    mesh = base.mesh.with_active(base.active)
    easting, northing, upward = base.coordinates()
    column, row = (np.searchsorted(edges, values, side="right") - 1 for edges, values in (
        (mesh.easting_edges, easting), (mesh.northing_edges, northing)))
    _, ny, nx = mesh.shape
    over = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    surface = mesh.surface[row[over], column[over]]
    return float(np.min(upward[over] - surface, initial=np.inf, where=np.isfinite(surface)))


class FieldDirection:
    """Data as a function of the model and of the error of the inducing field's direction, true less stated.

    Data are linear in the model for any direction and, through the six weights of the corner functions, in products of
    the components of the field's unit vector. Everything here is exact.

    Parameters
    ----------
    forward : ForwardOperator
        Of magnetics, built for the direction as stated.
    labels : tuple of str
        "inclination", "declination" or both: which of them are in θ, degrees.

    Attributes
    ----------
    labels, units : what θ is
    movable : bool
        Whether there is one operator for an error.
    """

    units, movable = "degree", True

    def __init__(self, forward, labels):
        self.forward, self.labels = forward, tuple(labels)
        self._quantity = unwrapped(forward)[0].quantity
        if not self._quantity.field:
            fail("survey", "be magnetic to have an inducing field", repr(self._quantity.component.name),
                 "Give the name of a magnetic survey.")

    def data(self, models, errors):
        """Exact data, (n_data, k), of models (n_cells, k) at errors (k, q)."""
        weights = np.stack([self._weights(error) for error in errors])
        return np.einsum("jnk,kj->nk", self._by_kernel(models), weights[:, 1:])

    def slopes(self, models, error):
        """Derivatives by θ, at an error (q,), of the part of the data that models (n_cells, k) make: (q, n_data, k)."""
        return np.einsum("jnk,qj->qnk", self._by_kernel(models), self._weight_slopes(error)[:, 1:])

    def gather(self, products):
        """Sums over the data that each value of θ moves: (q, n_data, k) to (q, k)."""
        return products.sum(axis=1)

    def columns(self, model, error):
        """Derivatives of the data of a model (n_cells,) by θ, (n_data, q), at an error (q,)."""
        return self.slopes(model[:, None], error)[:, :, 0].T

    def offset(self, error):
        """What the data have whatever the model, at an error (q,)."""
        return 0.0

    def operator(self, error):
        """The forward operator for that error."""
        angles = dict(zip(("inclination", "declination"), self._angles(error), strict=True))
        return moved(self.forward, replace(self._quantity, coefficients=self._weights(error),
                                           field=self._quantity.field | angles))

    def _by_kernel(self, models):
        """Data for a unit weight of each corner function of the tensor, (5, n_data, k)."""
        return np.stack([moved(self.forward, replace(self._quantity, coefficients=unit)).matmat(models)
                         for unit in np.eye(self._quantity.coefficients.size)[1:]])

    def _angles(self, error):
        moves = dict(zip(self.labels, np.asarray(error, dtype=float), strict=True))
        return [self._quantity.field[name] + moves.get(name, 0.0) for name in ("inclination", "declination")]

    def _weights(self, error):
        return self._weights_of(direction_vector(*self._angles(error)))

    def _weights_of(self, vector):
        return coefficients_of(self._quantity.component, vector, self._quantity.field["intensity"])

    def _weight_slopes(self, error):
        """Derivatives of the weights, (q, 6), per degree: a central difference of what is at most quadratic is one."""
        inclination, declination = self._angles(error)
        here, flat = direction_vector(inclination, declination), np.cos(inclination * DEGREE)
        ways = {"inclination": direction_vector(inclination + 90.0, declination),
                "declination": {k: flat * v for k, v in direction_vector(0.0, declination + 90.0).items()}}
        return np.stack([0.5 * DEGREE * (self._weights_of({k: v + ways[label][k] for k, v in here.items()})
                                         - self._weights_of({k: v - ways[label][k] for k, v in here.items()}))
                         for label in self.labels])


class StationHeights:
    """Data as a function of the model and of errors of the stations' heights, true less stated.

    Parameters
    ----------
    forward : ForwardOperator
        At the heights as stated.
    member : ndarray of int, shape (n_data,)
        Which value of θ, metres, raises a datum.
    labels : tuple of str or None
        Names of the values; None where each datum has one of its own.
    reduction : float
        What the reduction of the data has added for every metre of the stated heights, units of the data.
    reach : float
        How far down stations may be looked for, metres.

    Attributes
    ----------
    labels, units : what θ is
    movable : bool
        Whether there is one operator for an error: where all stations move together, and stay above the ground.
    """

    units = "m"

    def __init__(self, forward, member, labels, reduction, reach=0.0):
        self.forward, self.member, self.labels, self.reduction = forward, member, labels, reduction
        self.count = int(member.max()) + 1
        self._above = clearance(forward)
        self.movable = self.count == 1 and self._above >= reach
        if not self._above >= 0:
            fail("survey", "have its stations above the ground of the mesh", f"one {-self._above:g} m inside it",
                 "Raise it, or mark the air with mesh.with_topography.")

    def data(self, models, errors):
        """Data, (n_data, k), of models (n_cells, k) at errors (k, q): a polynomial of degree 4 in height.

        Its nodes are on both sides where the stations stay above the ground there, else above alone: below, the field
        is then what it would be were there no ground.
        """
        rises = errors[:, self.member].T
        reach = float(np.abs(rises).max(initial=0.0))
        if reach == 0:
            return self.forward.matmat(models)
        places = np.arange(NODES) - (NODES // 2 if reach <= self._above else 0.0)
        places = places / (NODES // 2 if reach <= self._above else 1.0)
        out, share = -self.reduction * rises, rises / reach
        for j, place in enumerate(places):
            weights = np.ones_like(rises)
            for other in np.delete(places, j):
                weights *= (share - other) / (place - other)
            out += weights * moved(self.forward, rise=reach * place).matmat(models)
        return out

    def slopes(self, models, error):
        """Derivative by height of the part of the data that models (n_cells, k) make: (1, n_data, k)."""
        start = float(error[0]) if self.movable else 0.0
        mesh = unwrapped(self.forward)[0].mesh
        edge = min(float(np.diff(e).min()) for e in (mesh.easting_edges, mesh.northing_edges, mesh.upward_edges))
        step = STEP * max(0.5 * edge, self._above if np.isfinite(self._above) else 0.0)
        # upwards alone, where there is always air: the third-order difference (Fornberg 1988)
        fields = [weight * moved(self.forward, rise=start + k * step).matmat(models)
                  for k, weight in enumerate((-11.0, 18.0, -9.0, 2.0))]
        return (sum(fields[1:], fields[0]) / (6 * step))[None]

    def gather(self, products):
        """Sums over the data that each value of θ moves: (1, n_data, k) to (q, k)."""
        out = np.zeros((self.count, products.shape[2]))
        np.add.at(out, self.member, products[0])
        return out

    def columns(self, model, error):
        """Derivatives of the data of a model (n_cells,) by θ at an error (q,), (n_data, q), sparse if each has one."""
        slope = self.slopes(model[:, None], error)[0, :, 0] - self.reduction
        if self.labels is None:
            return diags_array(slope).tocsr()
        columns = np.zeros((slope.size, self.count))
        columns[np.arange(slope.size), self.member] = slope
        return columns

    def offset(self, error):
        """What the data have whatever the model, at an error (q,)."""
        return -self.reduction * np.asarray(error)[self.member]

    def operator(self, error):
        """The forward operator for that error; refused where a station would then be in the ground."""
        if -float(error[0]) > self._above:
            fail("std", f"leave the stations above the ground, {self._above:g} m below them",
                 f"data that put them {-float(error[0]):.3g} m lower", "Give a smaller std, or one error a station.")
        return moved(self.forward, rise=float(error[0]))
