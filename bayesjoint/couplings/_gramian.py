"""The Gramian coupling: parameters drawn towards linear dependence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, checked, fail, one_of
from .._shown import short
from .._typing import Any, Sequence
from ..forward import run_tasks, stretches
from ..priors import MeshGradient

NO_DENSITY = (
    "Gramian(weights=(λ1, λ2, ...)) is a set of multipliers, one for each parameter, and the gradient of no function: "
    "there is no density to sample. Use Gramian(weight=λ) for a posterior; find_map takes both"
)



@checked
@short
@dataclass(frozen=True)
class Gramian:
    """Penalty ½ λ S_G with S_G the Gram determinant of two or more parameters' m̂ = m / scale.

    S_G = det[⟨g_p, g_q⟩] vanishes where one g_p is a linear combination of the others and never exceeds Π ‖g_p‖²
    (Zhdanov et al. 2012; Vatankhah et al. 2022, arXiv 2112.15562, eqs 13–17).

    Parameters
    ----------
    weight : float, optional
        λ >= 0 of the proper form, a density factor exp(−½ λ S_G). Give either this or `weights`.
    weights : tuple of float, optional
        λ_p >= 0 for each parameter, in order: the paper's form, for `find_map` alone. RRCG adds λ_p ∂(½ S_G)/∂m̂_p to
        the gradient in the weighted space, without W⁻¹, as the paper prints it.
    space : {"model", "weighted", "gradient"}, default "model"
        g = m̂; g = W m̂; or g = the gradient of m̂ per kilometre (`MeshGradient`). W is the diagonal of the depth weights
        of the parameter's `Focusing` or `MinimumLength` prior, divided by their root mean square over the mesh, so
        that λ has one meaning with and without it; norm weights of p < 2 are no part of it: they change with m̂.
    parameters : tuple of str, optional
        Members. Default: every parameter on a mesh, in the problem's order.

    Attributes
    ----------
    is_density : bool
        False for `weights`; a posterior then refuses with `no_density`.

    Raises
    ------
    ValueError
        If neither or both of `weight` and `weights` are given, one is negative, or the space is unknown.

    Examples
    --------
    >>> Gramian(weight=2.0).is_density, Gramian(weights=(50, 1500)).is_density
    (True, False)
    """

    weight: float | None = None
    weights: tuple | None = None
    space: str = "model"
    parameters: Sequence[str] | None = None

    no_density = NO_DENSITY

    def __post_init__(self):
        """Refuse bad settings at once."""
        if (self.weight is None) == (self.weights is None):
            fail("weight, weights", "be given one or the other", f"{self.weight!r}, {self.weights!r}",
                 "weight=λ is the density, weights=(λ1, λ2) the paper's multipliers.")
        values = as_finite("weight" if self.weights is None else "weights",
                           self.weight if self.weights is None else self.weights, 0 if self.weights is None else 1)
        if values.min() < 0:
            fail("weight", "be >= 0", f"{values.min():g}", "0 switches the coupling off.")
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(float(v) for v in values))
        one_of("space", self.space, ("model", "weighted", "gradient"))
        if self.parameters is not None:
            object.__setattr__(self, "parameters", tuple(self.parameters))

    @property
    def is_density(self):
        """Whether the coupling is a factor of a posterior density."""
        return self.weights is None

    def bind(self, parameters: Any):
        """Return the penalty over given parameters (list of Parameter)."""
        if self.parameters is not None:
            parameters = sorted(parameters, key=lambda p: self.parameters.index(p.name))
        names = [p.name for p in parameters]
        if len(parameters) < 2:
            fail("parameters", "number at least two", f"{names}", "Drop the coupling, or name its parameters.")
        if len({p.size for p in parameters}) > 1 or any(p.mesh != parameters[0].mesh for p in parameters):
            fail("parameters", "share one mesh, air included", f"{names} on different ones",
                 "Use one mesh for all of them; mark air in the mesh (mesh.with_active), not in one operator.")
        if self.weights is not None and len(self.weights) != len(parameters):
            fail("weights", f"hold one λ for each of {names}", f"{len(self.weights)}", "Or name `parameters`.")
        return BoundGramian(self, names, [_map(self.space, p) for p in parameters])


class BoundGramian:
    """A `Gramian` over named parameters; `parts` are {name: flat m̂}.

    Parameters
    ----------
    coupling : Gramian
        Settings.
    names : list of str
        Members, in order.
    maps : list
        One for each: None for the identity, a vector for a diagonal W, or a linear operator.
    """

    def __init__(self, coupling, names, maps):
        self.coupling, self.names, self.maps = coupling, names, maps
        self.is_density = coupling.is_density
        self.lambdas = np.full(len(names), coupling.weight) if self.is_density else np.array(coupling.weights)

    def gram(self, parts):
        """Matrix of ⟨g_p, g_q⟩, shape (P, P)."""
        return _products(self._mapped(parts))

    def self_product(self, name, flat):
        """LᵀL m̂ for the map g = L m̂ of one member, shape (size,)."""
        linear = self.maps[self.names.index(name)]
        return _apply(linear, _apply(linear, flat), "rmatvec")

    def value(self, parts):
        """½ λ S_G; for `weights` ½ S_G times their geometric mean, a figure for the record and no potential."""
        return self._value(_cofactors(self.gram(parts))[1])

    def gradient(self, parts):
        """{name: λ_p ∂(½ S_G)/∂m̂_p}, from the cofactors: ∂S_G/∂g_p = 2 Σ_q cof_pq g_q."""
        return self.look(parts)[1]

    def look(self, parts, out=None):
        """(value, gradient) for the cost of one; `out`, {name: array}, is overwritten by the gradient."""
        g = self._mapped(parts)
        gram = _products(g)
        slopes = None if out is None or any(m is not None for m in self.maps) else [out[name] for name in self.names]
        cofactors, determinant = _cofactors(gram)
        slopes = _combined(self.lambdas[:, None] * cofactors, g, slopes)
        return self._value(determinant), {
            name: _apply(m, s, "rmatvec") for name, m, s in zip(self.names, self.maps, slopes, strict=True)}

    def _value(self, determinant):
        mean = float(self.coupling.weight) if self.is_density else float(np.prod(self.lambdas) ** (1 / len(self.names)))
        return 0.5 * mean * determinant

    def hessian_product(self, parts, direction_parts):
        """{name: Hessian of ½ λ S_G times the direction}; ValueError for the form that has none."""
        if not self.is_density:
            raise ValueError(NO_DENSITY + ".")
        g, v = self._mapped(parts), self._mapped(direction_parts)
        cross = _products(v, g)
        cofactors, change = _cofactors(_products(g), cross + cross.T)
        weight = float(self.coupling.weight)
        products = _combined(weight * np.hstack([cofactors, change]), [*v, *g])
        return {name: _apply(m, s, "rmatvec") for name, m, s in zip(self.names, self.maps, products, strict=True)}

    def _mapped(self, parts):
        return [_apply(m, parts[name]) for name, m in zip(self.names, self.maps, strict=True)]


def _map(space, parameter):
    if space == "model":
        return None
    if space == "gradient":
        if parameter.mesh is None:
            fail("space", "be 'model' for plain vectors", "'gradient'", "Only a mesh has neighbours.")
        return MeshGradient(parameter.mesh)
    if not hasattr(parameter.bound_prior, "depth_weights"):
        fail(f"prior of {parameter.name}", "have depth weights in the weighted space", repr(parameter.prior),
             "Use Focusing or MinimumLength, or space='model'.")
    weights = parameter.bound_prior.depth_weights
    return weights / np.sqrt(np.mean(weights[parameter.ground] ** 2))


def _apply(linear, flat, method="matvec"):
    """What a map (None: the identity; an array: a diagonal) or, by "rmatvec", its adjoint makes of a vector."""
    if linear is None:
        return flat
    return linear * flat if isinstance(linear, np.ndarray) else getattr(linear, method)(flat)


def _products(left, right=None):
    """Inner products of two lists of vectors, or Gram matrix of one."""
    from ._long_vectors import add_products

    left, right = tuple(left), tuple(left if right is None else right)
    parts = [(stretch, np.zeros((len(left), len(right)))) for stretch in stretches(left[0].size)]
    run_tasks([lambda p=p, gram=gram: add_products(left, right, *p, gram) for p, gram in parts])
    return sum(gram for _, gram in parts)


def _combined(matrix, g, out=None):
    """Σ_q matrix_pq g_q for every p: a list of vectors, in `out` if that is given."""
    from ._long_vectors import combine

    out = [np.empty(v.size) for v in g[: len(matrix)]] if out is None else out
    given = np.ascontiguousarray(matrix), tuple(g)
    run_tasks([lambda p=p: combine(*given, *p, tuple(out)) for p in stretches(g[0].size)])
    return out


def _cofactors(gram, change=None):
    """Cofactor matrix of a symmetric matrix and its determinant or, given `change`, the cofactors' derivative that way.

    Both through eigenvectors and products of the other eigenvalues, without dividing: Gram matrices are singular
    exactly where the coupling wants to go.
    """
    values, vectors = np.linalg.eigh(gram)
    count = values.size
    others = np.where(np.eye(count, dtype=bool), 1.0, values).prod(axis=1)
    cofactors = (vectors * others) @ vectors.T
    if change is None:
        return cofactors, float(values.clip(0.0).prod())
    pairs = np.array([[np.prod(np.delete(values, [i, k])) if i != k else 0.0 for k in range(count)]
                      for i in range(count)])
    turned = vectors.T @ change @ vectors
    slope = -turned * pairs
    np.fill_diagonal(slope, pairs @ np.diag(turned))
    return cofactors, vectors @ slope @ vectors.T
