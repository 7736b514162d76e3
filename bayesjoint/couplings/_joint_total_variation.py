"""Joint total variation: boundaries of several properties drawn to the same places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, checked, fail
from .._shown import short
from .._typing import Any, Sequence
from ._structure import BoundStructure, Scaled, checked_settings, members_of


@checked
@short
@dataclass(frozen=True)
class JointTotalVariation:
    """Penalty λ Σ share (√(Σ_p |∇u_p|² + ε²) − ε) over cells, u = m / spread, ∇ per `length`.

    A boundary that is one property's already costs less in the others, whatever its direction and their signs
    (Haber & Holtzman Gazit 2013, Surv. Geophys. 34, 675). Convex. Spread, length, share and differences are as of
    `CrossGradient`: a cell in which one property alone changes by its spread over one `length` costs λ, less ε.

    **A density factor** of every parameter's boundaries: exp(−S) <= 1, proper with any proper prior; alone it is
    improper, as it says nothing of levels. `posterior(method="laplace")` measures whether its Gaussian holds: at the
    mode most cells sit where the penalty has its kink, which no curvature describes unless ε is large; "nuts" is exact
    for up to 500 unknowns. No engine gives exact draws of large problems under it, and `recalibrate` refuses its
    Laplace posterior.

    Parameters
    ----------
    weight : float
        λ >= 0.
    epsilon : float, default 0.01
        ε > 0, of the same units as ∇u: changes by less than so many spreads a length are penalised by their square.
    parameters : tuple of str, optional
        Members, all on one mesh; one is plain total variation. Default: every parameter on a mesh.
    spread : dict of {str: float}, optional
        As of `CrossGradient`.
    length : float, optional
        As of `CrossGradient`.

    Raises
    ------
    ValueError
        If the weight is negative, ε, a spread or the length is not positive; when a problem is built, if members lie on
        several meshes, or a spread is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import Matern, Mesh, Parameter
    >>> mesh = Mesh.regular((1, 1, 6), (100, 100, 100))
    >>> both = [Parameter(name, mesh, prior=Matern(std=1.0, range=300.0), scale=1.0) for name in ("a", "b")]
    >>> bound = JointTotalVariation(weight=1.0, epsilon=1e-6).bind(both)
    >>> step, later = np.repeat([0.0, 1.0], 3), np.repeat([0.0, 1.0], [5, 1])
    >>> round(bound.value({"a": step, "b": -step}), 3), round(bound.value({"a": step, "b": later}), 3)
    (1.414, 2.0)
    """

    weight: float
    epsilon: float = 0.01
    parameters: Sequence[str] | None = None
    spread: dict | None = None
    length: float | None = None

    is_density = True

    def __post_init__(self):
        """Refuse bad settings at once."""
        checked_settings(self)
        as_positive("epsilon", self.epsilon, 0)

    def bind(self, parameters: Any):
        """Return the penalty over given parameters (list of Parameter)."""
        parameters = members_of(self, parameters)
        if not parameters:
            fail("parameters", "number at least one", "none on a mesh", "Drop the coupling.")
        return BoundJointTotalVariation(self, Scaled(parameters, self.spread or {}, self.length))


class BoundJointTotalVariation(BoundStructure):
    """A `JointTotalVariation` over named parameters; see `BoundStructure`."""

    def __init__(self, coupling, scaled):
        super().__init__(coupling, scaled)
        self._layout = float(coupling.epsilon), scaled.shares, scaled.steps

    def look(self, parts, out=None):
        """(value, gradient) for the cost of one; `out`, {name: array}, is overwritten by the gradient."""
        from ._structure_loops import add_size_slopes

        u = self._scaled.fields(parts)
        slopes, weight = np.zeros(u.shape), float(self.coupling.weight)
        value = weight * add_size_slopes(u, *self._layout, slopes)
        return value, self._scaled.back(weight * slopes, out)

    def hessian_product(self, parts, direction_parts, whole=True):
        """{name: Hessian times the direction}; with ``whole=False`` that of lagged diffusivity (Vogel & Oman 1996)."""
        from ._structure_loops import add_size_curvature

        u = self._scaled.fields(parts)
        out = np.zeros(u.shape)
        add_size_curvature(u, self._scaled.fields(direction_parts), *self._layout, whole, out)
        return self._scaled.back(float(self.coupling.weight) * out)
