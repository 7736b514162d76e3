"""The cross-gradient: boundaries of several properties drawn towards the same directions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .._checks import as_finite, checked, fail, frozen
from .._shown import short
from .._typing import Any, ArrayLike, Sequence
from ._structure import BoundStructure, Scaled, checked_settings, fixed_field, members_of


@checked
@short
@dataclass(frozen=True)
class CrossGradient:
    """Penalty ½ λ Σ share |∇u_p × ∇u_q|² over cells and pairs of parameters, u = m / spread, ∇ per `length`.

    It vanishes where the properties change along the same direction, whatever the law between them, or where one of
    them does not change (Gallardo & Meju 2003, Geophys. Res. Lett. 30, 1658). Each property is measured in units of its
    own spread, so that neither units nor sign count and λ means something: a cell in which both change by their spread
    over one `length`, at right angles, costs λ / 2. Differences are to the next cell along each axis, none across the
    border of air; `share` is a cell's volume over the mean, so that cells that are split cost what they did before.

    **A density factor**: exp(−S) <= 1, so it is proper with any proper prior, and repairs no improper one. Given one of
    two parameters the other is Gaussian; together they are not, and S has valleys: a MAP may be one of several.
    `posterior(method="laplace")` measures whether its Gaussian holds, "nuts" is exact for up to 500 unknowns.
    No engine gives exact draws of large problems under it, and `recalibrate` refuses its Laplace posterior.

    Parameters
    ----------
    weight : float
        λ >= 0.
    parameters : tuple of str, optional
        Members, all on one mesh. Default: every parameter on a mesh.
    spread : dict of {str: float}, optional
        How much a member varies, physical units. Default: root mean square std of its Gaussian prior over the ground;
        needed of `Focusing` and `MinimumLength`, which have none.
    length : float, optional
        Metres. Default: the geometric mean of the mesh's median cell distances.
    against : array_like, shape (nz, ny, nx), optional
        A field that is known, such as a velocity model: every member is tied to it and not to the others. Its units do
        not count, it is divided by its std over the ground. NaN in air.

    Raises
    ------
    ValueError
        If the weight is negative, a spread or the length is not positive; when a problem is built, if there are fewer
        than two members (one, with a field), they lie on several meshes, a spread is missing, or the field is flat.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import Matern, Mesh, Parameter
    >>> mesh = Mesh.regular((3, 4, 5), (100, 100, 100))
    >>> density = Parameter("density", mesh, prior=Matern(std=100.0, range=300.0))
    >>> susceptibility = Parameter("susceptibility", mesh, prior=Matern(std=0.02, range=300.0))
    >>> bound = CrossGradient(weight=1.0).bind([density, susceptibility])
    >>> field = 0.1 * np.random.default_rng(0).standard_normal(60)  # g/cm³
    >>> bound.value({"density": field, "susceptibility": 0.05 - 0.2 * field}) < 1e-20  # one structure
    True
    >>> bound.value({"density": field, "susceptibility": 0.2 * field[::-1]}) > 100.0  # two
    True
    """

    weight: float
    parameters: Sequence[str] | None = None
    spread: dict | None = None
    length: float | None = None
    against: ArrayLike | None = None

    is_density = True

    def __post_init__(self):
        """Refuse bad settings at once."""
        checked_settings(self)
        if self.against is not None:
            as_finite("against", np.nan_to_num(self.against), 3)  # in air there may be NaN
            object.__setattr__(self, "against", frozen(np.asarray(self.against, dtype=float)))

    def bind(self, parameters: Any):
        """Return the penalty over given parameters (list of Parameter)."""
        parameters = members_of(self, parameters)
        least = 2 if self.against is None else 1
        if len(parameters) < least:
            fail("parameters", f"number at least {least}", f"{[p.name for p in parameters]}",
                 "Drop the coupling, name its parameters, or give a field by against=.")
        return BoundCrossGradient(self, Scaled(parameters, self.spread or {}, self.length))


class BoundCrossGradient(BoundStructure):
    """A `CrossGradient` over named parameters; see `BoundStructure`."""

    def __init__(self, coupling, scaled):
        super().__init__(coupling, scaled)
        count = len(self.names)
        self._fixed = np.zeros((0, *scaled.mesh.shape)) if coupling.against is None else fixed_field(
            coupling.against, scaled)
        pairs = list(combinations(range(count), 2)) if coupling.against is None else [(p, count) for p in range(count)]
        self._pairs, self._layout = np.array(pairs), (scaled.shares, scaled.steps)

    def look(self, parts, out=None):
        """(value, gradient) for the cost of one; `out`, {name: array}, is overwritten by the gradient."""
        from ._structure_loops import add_cross_slopes

        u = self._fields(parts, self._fixed)
        slopes = np.zeros(u.shape)
        weight = float(self.coupling.weight)
        value = weight * add_cross_slopes(u, self._pairs, *self._layout, slopes)
        return value, self._scaled.back(weight * slopes[: len(self.names)], out)

    def hessian_product(self, parts, direction_parts, whole=True):
        """{name: Hessian times the direction}; with ``whole=False`` its Gauss–Newton part, which is never negative."""
        from ._structure_loops import add_cross_curvature

        u = self._fields(parts, self._fixed)
        out = np.zeros(u.shape)
        add_cross_curvature(u, self._fields(direction_parts, np.zeros(self._fixed.shape)), self._pairs, *self._layout,
                            whole, out)
        return self._scaled.back(float(self.coupling.weight) * out[: len(self.names)])

    def _fields(self, parts, fixed):
        return np.concatenate([self._scaled.fields(parts), fixed])
