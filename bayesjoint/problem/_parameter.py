"""One unknown: a property on a mesh, or a plain vector."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, as_positive, as_shape, checked, fail, frozen
from .._shown import cut
from .._typing import Any, ArrayLike, Sequence
from ..mesh import Mesh
from ..quantities import PROPERTIES, property_of


@checked
class Parameter:
    """An unknown with its prior, its bounds and what is known of it.

    Inside, everything acts on m̂ = m / scale, flattened in C order of (upward, northing, easting). Air cells of the mesh
    (`Mesh.active`) are no unknowns: the prior of the ground cells is what it is without them, m̂ is 0 there inside, and
    NaN in physical values. What `bounds`, `fixed`, `reference` or a prior's mean say of air is passed over.

    Parameters
    ----------
    name : str
        "density" and "susceptibility" have default units (kg/m3, SI) and scales (1000, 1).
    mesh : Mesh or int
        Where it lives; an integer makes a plain vector of that length.
    prior : prior, optional
        `Matern`, `MinimumLength`, `Focusing`, `GaussianPrior`; None is a flat prior.
    bounds : (lower, upper), optional
        Physical units; scalars or arrays of the parameter's shape; None inside means no bound on that side.
    scale : float, optional
        Physical units of one m̂. Default by name, else 1.
    units : str, optional
        Default by name, else "1". "density" and "susceptibility" are refused units that are known to be others than
        theirs: nothing is converted.
    fixed : array_like, optional
        Known cells: an array of the parameter's shape with their values (physical units), NaN where unknown.
    reference : array_like, optional
        Reference model m_apr of focusing and minimum-length priors, mean of a Matérn prior that states none.
        Scalar or array, physical units. Default 0.
    labels : sequence of str, optional
        Names of the values of a plain vector, all different: they name its entries in datasets and reports.

    Attributes
    ----------
    ground : ndarray of bool, shape (size,)
        False in air cells; all True for a plain vector.
    has_air : bool
        Whether some cell is air.

    Raises
    ------
    ValueError, TypeError
        On wrong shapes, a lower bound above its upper bound, fixed values outside the bounds, units that the name's
        property does not have.

    Examples
    --------
    >>> from bayesjoint import Mesh
    >>> density = Parameter("density", Mesh.regular((2, 3, 4), (50, 100, 100)), bounds=(0, 500))
    >>> density.units, density.size, float(density.upper[0])
    ('kg/m3', 24, 0.5)
    """

    def __init__(self, name: str, mesh: Mesh | int, prior: Any = None, bounds: tuple | None = None,
                 scale: float | None = None, units: str | None = None, fixed: ArrayLike | None = None,
                 reference: ArrayLike | None = None, labels: Sequence | None = None) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            fail("name", "be an identifier (letters, digits, _)", repr(name), 'Use for example "density".', TypeError)
        self.name = name
        self.mesh, self.shape = _domain(mesh)
        self.size = int(np.prod(self.shape))
        self.ground = np.ones(self.size, dtype=bool) if self.mesh is None else self.mesh.active.ravel()
        self.has_air = not self.ground.all()
        self.labels = None if labels is None else self._named(labels)
        known = property_of(name)
        self.units = known.units if units is None else str(units)
        if name in PROPERTIES:
            self.units = known.checked_units(self.units, name)
        self.scale = float(as_positive("scale", known.scale if scale is None else scale, 0))
        self.prior = prior
        if prior is not None and not hasattr(prior, "bind"):
            fail("prior", "be one of bayesjoint's priors or None", type(prior).__name__, "Try Matern(...).", TypeError)
        self.lower, self.upper = self._bounds(bounds)
        self.fixed_mask, self.fixed_values = self._known(fixed)
        self.reference_hat = (np.broadcast_to(0.0, (self.size,)) if reference is None
                              else self.to_hat(reference, "reference"))
        self._given = {"bounds": bounds if bounds is None else tuple(map(_kept, bounds)), "fixed": _kept(fixed),
                       "reference": _kept(reference)}
        self.bound_prior = None if prior is None else prior.bind(self)

    def to_hat(self, physical: ArrayLike, argument: str | None = None):
        """Physical values (scalar or array of the parameter's shape) to flat m̂, shape (size,), 0 in air.

        `argument` is what an error calls them; default the parameter's name. Only in air may they be NaN.
        """
        return as_shape(argument or self.name, self._without_air(physical), self.shape).ravel() / self.scale

    def from_hat(self, flat: ArrayLike):
        """Flat m̂, shape (..., size), to physical values, shape (..., *shape), NaN in air."""
        if np.shape(flat)[-1:] != (self.size,):
            fail("flat", f"have shape (..., {self.size})", f"{type(flat).__name__}", "Give one number for each value.")
        physical = np.asarray(flat) * self.scale
        if self.has_air:
            physical[..., ~self.ground] = np.nan
        return physical.reshape(*physical.shape[:-1], *self.shape)

    def blank(self, values: ArrayLike):
        """Values of every cell, shape (..., *shape), with NaN in air."""
        if np.shape(values)[-len(self.shape):] != self.shape:
            fail("values", f"have shape (..., *{self.shape})", f"{np.shape(values)}", "Give one for each cell.")
        return np.where(self.ground.reshape(self.shape), values, np.nan) if self.has_air else np.asarray(values)

    def _without_air(self, values, filling=0.0):
        """Values with air filled, where they are an array of the parameter's shape."""
        if not self.has_air or np.shape(values) not in ((), self.shape):
            return values
        try:
            return np.where(self.ground.reshape(self.shape), values, filling)
        except TypeError:  # no numbers: the caller says so
            return values

    def replace(self, **changes: Any):
        """A copy with some constructor arguments changed."""
        given = {"name": self.name, "mesh": self.size if self.mesh is None else self.mesh, "prior": self.prior,
                 "scale": self.scale, "units": self.units, "labels": self.labels, **self._given}
        return Parameter(**{**given, **changes})

    def index(self):
        """What names the values of a plain vector: its labels, or their numbers."""
        return np.arange(self.size) if self.labels is None else np.array(self.labels)

    def _named(self, labels):
        names = tuple(labels) if isinstance(labels, (list, tuple)) else (labels,)
        if self.mesh is not None or len(names) != self.size or len(set(names)) != self.size or not all(
                isinstance(name, str) and name for name in names):
            fail("labels", f"be {self.size} different names of a plain vector's values", repr(labels)[:60],
                 "Give one text for each value; cells of a mesh have coordinates.")
        return names

    def _bounds(self, bounds):
        if bounds is None:
            return None, None
        if not hasattr(bounds, "__len__") or len(bounds) != 2:
            fail("bounds", "be a pair (lower, upper)", repr(bounds), "Use None for an open side.")
        sides = []
        for label, side, open_value in (("lower bound", bounds[0], -np.inf), ("upper bound", bounds[1], np.inf)):
            # an infinite value may stand for an open side, but not for a bound that nothing can meet
            array = np.asarray(open_value if side is None else self._without_air(side, open_value))
            given = as_finite(label, np.where(array == open_value, 0.0, array) if array.dtype.kind == "f" else array)
            if given.ndim and given.shape != self.shape:
                fail(label, f"be a number or an array of shape {self.shape}", f"shape {given.shape}", "Reshape it.")
            side = array.astype(float) / self.scale
            sides.append(side.ravel() if side.ndim else np.broadcast_to(side, (self.size,)))  # a number needs no array
        if np.any(sides[0] > sides[1]):
            first = int(np.argmax(sides[0] > sides[1]))
            fail("bounds", "have lower <= upper", f"{sides[0][first] * self.scale:g} above "
                 f"{sides[1][first] * self.scale:g} in cell {first}", "Swap them.")
        return sides

    def _known(self, fixed):
        if fixed is None:
            return np.zeros(self.size, dtype=bool), np.zeros(self.size)
        array = as_finite("fixed", fixed, allow_nan=True)
        if array.shape != self.shape:
            fail("fixed", f"have shape {self.shape}", f"shape {array.shape}", "Mark unknown cells with NaN.")
        flat = array.ravel() / self.scale
        mask = ~np.isnan(flat) & self.ground
        values = np.where(mask, flat, 0.0)
        if self.lower is not None and np.any(mask & ((values < self.lower) | (values > self.upper))):
            fail("fixed", "lie within the bounds", "a known cell outside them", "Widen the bounds or mend the value.")
        return mask, values

    def settings(self):
        """Description for the record of a run: strings and numbers only."""
        bounds = "none" if self._given["bounds"] is None else " to ".join(
            "open" if b is None else f"{np.min(b):g}" if np.ndim(b) == 0 else f"array[{np.min(b):g}..{np.max(b):g}]"
            for b in self._given["bounds"])
        prior = "flat" if self.prior is None else str(self.prior)
        air = {"air_cells": int((~self.ground).sum())} if self.has_air else {}
        return {"units": self.units, "scale": self.scale, "prior": prior, "bounds": bounds,
                "known_cells": int(self.fixed_mask.sum()), "unknowns": int(self.ground.sum()), **air}

    def __repr__(self):
        where = self.size if self.mesh is None else self.mesh
        return cut(f"Parameter({self.name!r}, {where!r}, units={self.units!r}, prior={self.prior!r})")


def _kept(values):
    """A number or None as it is, an array as a copy that nobody can change."""
    return values if values is None or np.ndim(values) == 0 else frozen(values)


def _domain(mesh):
    if isinstance(mesh, Mesh):
        return mesh, mesh.shape
    if isinstance(mesh, (int, np.integer)) and not isinstance(mesh, bool) and mesh >= 1:
        return None, (int(mesh),)
    fail("mesh", "be a Mesh or a positive length", repr(mesh), "Use Mesh.regular(...), or 1 for a scalar.", TypeError)
    return None
