"""The petrophysical coupling: a law between properties, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, checked, fail
from .._shown import short
from .._typing import Any, ArrayLike, Callable, Sequence
from ._hard_law import HardRounds
from ._law import GivenLaw, LinearLaw, derivative_error
from ._members import in_order, spread_of

PLACES = 64  # at which derivatives are checked

NO_DENSITY = (
    "Petrophysical(hard=True) is a constraint: all mass lies on a surface, and there is no density over the cells. "
    "find_map meets it; for a posterior give Petrophysical(std=...), small where the law is trusted"
)


@checked
@short
@dataclass(frozen=True)
class Petrophysical:
    """A law g(m_1, m_2, θ) = 0 between properties, cell by cell, in physical units.

    Soft: g ~ N(0, std²) in each cell, independently, a density factor exp(−½ Σ g² / std²) beside the priors. Hard: g is
    0 in each cell, for `find_map` alone (an augmented Lagrangian; Nocedal & Wright 2006, ch. 17.3). A law as
    a density beside the data: Bosch 1999.

    Parameters
    ----------
    relation : "linear" or callable
        "linear": m_2 = a + b m_1, θ = (a, b), so that g has the units of m_2. A callable ``g(m_1, m_2, theta)`` takes
        arrays (n,) of physical values and θ (k values, or k arrays) to an array (n,), element by element.
    theta : array_like or str
        θ where it is known. A name: that of a plain-vector `Parameter` that holds it and is estimated jointly, with its
        own prior.
    std : float, optional
        Standard deviation of g in one cell, units of g: the scatter of rocks of the cell's size about the law. λ, the
        `weight` of the penalty ½ λ Σ g², is 1 / std². Required unless `hard`.
    hard : bool, default False
        Ask g = 0.
    tolerance : float, optional
        Hard: largest |g| allowed in any cell, units of g. Default: a ten-thousandth of the standard deviation of g that
        the priors give (or, of priors without a std, a change by the parameter's scale).
    derivatives : callable, optional
        The arguments of a callable `relation` to a tuple ∂g/∂m_1, ∂g/∂m_2, ∂g/∂θ_1, …. Default: complex steps, exact to
        rounding where the relation is analytic. Either is compared with central differences when the problem is built,
        and refused beyond 1e-4.
    parameters : tuple of str, default ("density", "susceptibility")
        The m_p, in the relation's order.

    Attributes
    ----------
    is_density : bool
        False for `hard`; a posterior then refuses with `no_density`.

    Raises
    ------
    ValueError, TypeError
        If the relation is unknown, neither or both of `std` and `hard` are given, θ has the wrong size, members do not
        share a mesh, or derivatives are wrong.

    Notes
    -----
    The density is the product of priors and law, not normalised. Its constant depends on std and θ: the evidence of
    different laws cannot be compared without it, and where θ is estimated the marginal prior of θ is no longer the one
    stated, except where one property has a flat prior (``prior=None``), which the law then replaces: m_2 given m_1. One
    factor a cell: on finer cells the same std ties more tightly.

    With Gaussian priors and noise a linear law with known θ leaves the posterior Gaussian: "laplace" is then exact, and
    `law_as_data` makes the law a survey, so that "dense", the evidence and tests of agreement take it.

    Examples
    --------
    >>> law = Petrophysical("linear", (0.0, 2e-4), std=0.005)
    >>> round(law.weight), law.is_density
    (40000, True)
    >>> law.misfit({"density": np.array([0.0, 100.0]), "susceptibility": np.array([0.0, 0.05])})
    array([0.  , 0.03])
    """

    relation: str | Callable
    theta: ArrayLike | str
    std: float | None = None
    hard: bool = False
    tolerance: float | None = None
    derivatives: Callable | None = None
    parameters: Sequence[str] = ("density", "susceptibility")

    no_density = NO_DENSITY

    def __post_init__(self):
        """Refuse bad settings at once."""
        if self.relation != "linear" and not callable(self.relation):
            fail("relation", 'be "linear", or a callable of m_1, m_2 and theta', repr(self.relation), 'Try "linear".')
        if self.relation == "linear" and self.derivatives is not None:
            fail("derivatives", "be left out for the linear law", "a callable", "It knows its own.")
        if self.hard == (self.std is not None):
            fail("std, hard", "be given one or the other", f"{self.std!r}, {self.hard!r}",
                 "std is the scatter about the law; hard=True allows none.")
        if self.tolerance is not None and not self.hard:
            fail("tolerance", "be left out for a soft law", repr(self.tolerance), "Its scatter is std.")
        for key in ("std", "tolerance"):
            if getattr(self, key) is not None:
                as_positive(key, getattr(self, key), 0)
        names = tuple(self.parameters)
        if not isinstance(self.theta, str):
            values = as_finite("theta", self.theta, 1)
            if self.relation == "linear" and values.size != LinearLaw.needs:
                fail("theta", "be (a, b) of m_2 = a + b m_1", f"{values.size} value(s)", "Give two numbers.")
            object.__setattr__(self, "theta", tuple(float(v) for v in values))
        elif self.theta not in names:  # the problem hands a coupling the parameters it names
            names = (*names, self.theta)
        object.__setattr__(self, "parameters", names)
        if len(set(names)) < len(names) or len(self.members) < 2 or (
                self.relation == "linear" and len(self.members) != 2):
            fail("parameters", "name two different properties, or more for a relation of more", f"{names}",
                 "Name them in the relation's order.")

    def __str__(self):
        """In words, for the record of a run."""
        names, tied = self.members, "exactly" if self.hard else f"with a std of {self.std:g}"
        estimated = isinstance(self.theta, str)
        numbers = f"{self.theta} (estimated)" if estimated else ", ".join(f"{t:g}" for t in self.theta)
        what = f"{names[1]} = a + b {names[0]}" if self.relation == "linear" else (
            f"{getattr(self.relation, '__name__', 'a relation')} of {', '.join(names)}")
        return f"Petrophysical, {what}, theta {numbers}, {tied}"

    @property
    def members(self):
        """Names of the m_p."""
        return tuple(name for name in self.parameters if name != self.theta)

    @property
    def is_density(self):
        """Whether the coupling is a factor of a posterior density."""
        return not self.hard

    @property
    def weight(self):
        """λ of ½ λ Σ g², 1 / std², per (unit of g)²; infinite for a hard law."""
        return np.inf if self.hard else 1.0 / self.std**2

    def law(self):
        """The relation with its derivatives."""
        return LinearLaw() if self.relation == "linear" else GivenLaw(self.relation, self.derivatives)

    def misfit(self, model: dict):
        """How far each cell is off the law.

        Parameters
        ----------
        model : dict of array_like
            {parameter: physical values}, θ's too where it is estimated, as `MapResult.model`.

        Returns
        -------
        ndarray
            g, of the members' shape, units of g; NaN in air.
        """
        needed = set(self.parameters) - set(model)
        if needed:
            fail("model", f"hold {sorted(self.parameters)}", f"no {sorted(needed)}", "Pass result.model.")
        values = [as_finite(f"model[{name!r}]", model[name], allow_nan=True) for name in self.members]
        if len({v.shape for v in values}) > 1:
            fail("model", "hold properties of one shape", f"{[v.shape for v in values]}", "Pass result.model.")
        theta = np.array(model[self.theta] if isinstance(self.theta, str) else self.theta, dtype=float)
        return self.law().value([v.ravel() for v in values], theta).reshape(values[0].shape)

    def bind(self, parameters: Any):
        """Return the penalty over given parameters (list of Parameter)."""
        weight = 0.0 if self.hard else self.weight
        return BoundPetrophysical(self, in_order(parameters, self.parameters), weight)

    def begin_rounds(self, parameters: Any):
        """How `find_map` meets a hard law (`HardRounds`), None for a soft one."""
        return HardRounds(self, in_order(parameters, self.parameters)) if self.hard else None


class BoundPetrophysical:
    """½ λ Σ [(g + s)² − s²] over named parameters; `parts` are {name: flat m̂}.

    Parameters
    ----------
    coupling : Petrophysical
        Settings.
    parameters : list of Parameter
        Members in order, then θ's where it is estimated.
    weight : float
        λ, per (unit of g)²; 0 for a hard law, which is no penalty.
    shift : ndarray, shape (ground cells,), optional
        s, of a hard law's multipliers λ s. Default 0.

    Attributes
    ----------
    quadratic : bool
        Whether this is a quadratic form in m̂, so that Gaussians stay Gaussian.
    derivative_error : float
        Of the law's slopes against central differences, as a share of the largest.
    """

    def __init__(self, coupling, parameters, weight, shift=0.0):
        self.coupling, self.weight, self.shift = coupling, weight, shift
        self.names = [p.name for p in parameters]
        self.is_density = coupling.is_density
        self._law = coupling.law()
        self._fields = parameters[:len(coupling.members)]
        self._unknown = parameters[-1] if isinstance(coupling.theta, str) else None
        self._check()
        self._ground = np.flatnonzero(self._fields[0].ground)
        self.quadratic = self._law.quadratic and self._unknown is None
        self._sizes = self._typical()
        self.derivative_error = self._checked_derivatives()

    def _check(self):
        first, unknown = self._fields[0], self._unknown
        if any(p.size != first.size or p.mesh != first.mesh for p in self._fields):
            fail("parameters", "share one mesh, air included", f"{[p.name for p in self._fields]} on different ones",
                 "Use one mesh for all of them; mark air in the mesh (mesh.with_active), not in one operator.")
        if unknown is not None and (unknown.mesh is not None or self._law.needs not in (None, unknown.size)):
            fail(f"parameter {unknown.name!r}", f"be a plain vector of {self._law.needs or 'the numbers of theta'}",
                 f"{unknown.shape}", "Use Parameter(name, 2, prior=GaussianPrior(...)).")

    def _typical(self):
        """What each m_p, (ground,), and each number of θ varies by, physical units."""
        sizes = [spread_of(p)[self._ground] * p.scale for p in self._fields]
        if self._unknown is None:
            return sizes + [max(abs(t), 1.0) for t in self.coupling.theta]
        return sizes + list(spread_of(self._unknown) * self._unknown.scale)

    def _checked_derivatives(self):
        rng = np.random.default_rng(0)
        places = rng.integers(0, self._ground.size, PLACES)
        cells, values = self._ground[places], []
        for p in self._fields:
            flat = p.reference_hat[cells] + spread_of(p)[cells] * rng.standard_normal(PLACES)
            low, high = (-np.inf if p.lower is None else p.lower[cells], np.inf if p.upper is None else p.upper[cells])
            values.append(np.clip(flat, low, high) * p.scale)
        theta = np.array(self.coupling.theta) if self._unknown is None else (
            self._unknown.reference_hat * self._unknown.scale)
        return derivative_error(self._law, values, theta, [
            s[places] if k < len(values) else s for k, s in enumerate(self._sizes)])

    # -- the law ---------------------------------------------------------------------------------------------------
    def _values(self, parts):
        return [parts[p.name][self._ground] * p.scale for p in self._fields]

    def _theta(self, parts):
        if self._unknown is None:
            return np.array(self.coupling.theta)
        return parts[self._unknown.name] * self._unknown.scale

    def misfit(self, parts):
        """What ground cells are off the law by, (ground,), units of g."""
        return self._law.value(self._values(parts), self._theta(parts))

    def spread(self, parts):
        """Root mean square of what g varies by under the priors, to first order at `parts`, units of g."""
        slopes, _ = self._law.slopes(self._values(parts), self._theta(parts))
        moves = np.stack([spread_of(p)[self._ground] * p.scale for p in self._fields])
        return float(np.sqrt(np.mean(np.sum((slopes * moves) ** 2, axis=0))))

    def free_cells(self):
        """Which ground cells have a member that is not known, (ground,)."""
        return ~np.all([p.fixed_mask[self._ground] for p in self._fields], axis=0)

    # -- the penalty -----------------------------------------------------------------------------------------------
    def value(self, parts):
        """½ λ Σ [(g + s)² − s²]; of a hard law nothing."""
        g = self.misfit(parts)
        return 0.5 * self.weight * float(g @ (g + 2 * self.shift))

    def gradient(self, parts):
        """{name: its derivative}."""
        return self.look(parts)[1]

    def look(self, parts, out=None):
        """(value, gradient) for the cost of one; `out`, which other couplings fill, is left alone."""
        values, theta = self._values(parts), self._theta(parts)
        g = self._law.value(values, theta)
        slopes, by_theta = self._law.slopes(values, theta)
        pull = self.weight * (g + self.shift)
        return 0.5 * self.weight * float(g @ (g + 2 * self.shift)), self._spread_out(slopes * pull, by_theta @ pull)

    def hessian_product(self, parts, direction_parts):
        """{name: exact Hessian times the direction}: λ (∇g ∇gᵀ + (g + s) ∇²g)."""
        values, theta = self._values(parts), self._theta(parts)
        along = self._values(direction_parts)
        theta_along = np.zeros_like(theta) if self._unknown is None else self._theta(direction_parts)
        slopes, by_theta = self._law.slopes(values, theta)
        change = sum(s * d for s, d in zip(slopes, along, strict=True)) + theta_along @ by_theta
        turned, theta_turned = self._law.turned(values, theta, along, theta_along, self._sizes)
        pull = self._law.value(values, theta) + self.shift
        return self._spread_out(self.weight * (slopes * change + turned * pull),
                                self.weight * (by_theta @ change + theta_turned @ pull))

    def cellwise(self, parts):
        """Members and λ ∇g ∇gᵀ between them in every cell, (P, P, size), m̂ units: positive semidefinite."""
        slopes, _ = self._law.slopes(self._values(parts), self._theta(parts))
        whole = np.zeros((len(self._fields), self._fields[0].size))
        whole[:, self._ground] = slopes * np.array([p.scale for p in self._fields])[:, None]
        return [p.name for p in self._fields], self.weight * whole[:, None] * whole

    def _spread_out(self, fields, theta):
        found = {}
        for p, row in zip(self._fields, fields, strict=True):
            found[p.name] = np.zeros(p.size)
            found[p.name][self._ground] = p.scale * row
        if self._unknown is not None:
            found[self._unknown.name] = self._unknown.scale * theta
        return found
