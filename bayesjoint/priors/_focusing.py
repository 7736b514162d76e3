"""Minimum-length and focusing priors with depth weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._checks import as_finite, as_positive, checked, fail, one_of
from .._shown import short
from .._typing import Parameter
from ..quantities import PROPERTIES, property_of
from ._covariance import DiagonalCovariance
from ._differences import MeshGradient

PAPER_EPSILON = 1e-9**0.5


def _phi(p, x, epsilon):
    if p == 2:
        return 0.5 * x**2
    return np.sqrt(x**2 + epsilon**2) if p == 1 else 0.5 * np.log1p((x / epsilon) ** 2)


def _majoriser(p, x, epsilon):
    """φ'(x)/x: curvature of the parabola that touches φ at ±x and lies above it elsewhere."""
    if p == 2:
        return np.ones_like(x)
    square = x * x
    square += epsilon**2
    if p == 1:
        np.sqrt(square, out=square)
    return np.divide(1.0, square, out=square)


def _curvature(p, x, epsilon):
    """φ''(x)."""
    if p == 2:
        return np.ones_like(x)
    square = x * x + epsilon**2
    return epsilon**2 / (square * np.sqrt(square)) if p == 1 else (epsilon**2 - x**2) / square**2


class BoundFocusing:
    """A focusing prior over one parameter's m̂.

    Parameters
    ----------
    alpha : float
        α.
    p : {0, 1, 2}
        Which φ.
    epsilon : float
        ε, in m̂ (in m̂ per kilometre for the gradient).
    layer_weights : ndarray, shape (layers,)
        w of the cells of each layer; a plain vector is one layer.
    reference : ndarray, shape (size,)
        m̂_ref.
    gradient_operator : MeshGradient, optional
        Given when φ acts on the gradient.
    ground : ndarray of bool, shape (size,), optional
        Cells that are no air; default all. Air cells stay at the reference, where they add a constant to R.

    Attributes
    ----------
    gaussian : bool
        True for p = 2 of the model; then `mean` and `covariance` (diagonal, 1 / (α w²)) exist too.
    depth_weights : ndarray, shape (size,)
        w, one for each cell.
    vertex : ndarray, shape (size,), or None
        m̂_ref, None where it is zero.
    """

    def __init__(self, alpha, p, epsilon, layer_weights, reference, gradient_operator=None, ground=None):
        self.alpha, self.p, self.epsilon, self._ground = alpha, p, epsilon, ground
        self.reference, self.gradient_operator = reference, gradient_operator
        self.vertex = np.ascontiguousarray(reference) if reference.any() else None
        self._layers, self._cells = np.ascontiguousarray(layer_weights), reference.size // len(layer_weights)
        self.gaussian = p == 2 and gradient_operator is None
        if self.gaussian:
            self.mean = reference

    @cached_property
    def depth_weights(self):
        """w, one for each cell, shape (size,)."""
        return np.repeat(self._layers, self._cells)

    @cached_property
    def rate(self):
        """A = α w² of every cell or face, shape (n,)."""
        weights = self.depth_weights
        return self.alpha * (weights if self.gradient_operator is None else self.gradient_operator.at_faces(weights))**2

    @cached_property
    def covariance(self):
        """Prior covariance of the Gaussian case."""
        return DiagonalCovariance(1.0 / self.rate if self._ground is None else
                                  np.where(self._ground, 1.0 / self.rate, 0.0))

    def value(self, flat):
        """R = α Σ w² φ(m̂ − m̂_ref), or of its gradient."""
        return float(self.rate @ _phi(self.p, self._argument(flat - self.reference), self.epsilon))

    def gradient(self, flat):
        """∇R, shape (size,)."""
        x = self._argument(flat - self.reference)
        return self._adjoint(self.rate * _majoriser(self.p, x, self.epsilon) * x)

    def hessian_product(self, flat, direction):
        """Exact Hessian of R at `flat` times a direction, shape (size,); indefinite for p = 0."""
        x = self._argument(flat - self.reference)
        return self._adjoint(self.rate * _curvature(self.p, x, self.epsilon) * self._argument(direction))

    def weights(self, flat):
        """Diagonal of the majoriser's Hessian at `flat` (iteratively reweighted least squares).

        Returns
        -------
        ndarray
            α w² φ'(x)/x, shape (size,); for the gradient one value for each face, the Hessian being Dᵀ diag(·) D.
        """
        return self.rate * _majoriser(self.p, self._argument(flat - self.reference), self.epsilon)

    def scaling(self, flat):
        """W at `flat`, shape (size,): w √(φ'(x)/x) of the model; w alone for the gradient (no diagonal majoriser)."""
        if self.gradient_operator is not None:
            return self.depth_weights
        return self.depth_weights * np.sqrt(_majoriser(self.p, flat - self.reference, self.epsilon))

    def look(self, flat):
        """(value, gradient, direction -> curvature of the majoriser, W) at `flat`."""
        weights = self.weights(flat)

        def curvature(direction):
            slope = self._argument(direction)
            return float(np.einsum("i,i,i->", weights, slope, slope))

        return self.value(flat), self.gradient(flat), curvature, self.scaling(flat)

    def touch(self, flat, start, stop, inverse):
        """Fill V = W⁻¹ from start to stop and return R over those cells; φ must act on the model.

        α V⁻² is then the whole Hessian of the majoriser, a parabola about `vertex`, and nothing else need be stored.
        """
        from ._majorise import majorise

        return self.alpha * majorise(flat, self.vertex, self._layers, self._cells, self.p, self.epsilon**2, start, stop,
                                     inverse)

    def _argument(self, flat):
        return flat if self.gradient_operator is None else self.gradient_operator.matvec(flat)

    def _adjoint(self, vector):
        return vector if self.gradient_operator is None else self.gradient_operator.rmatvec(vector)


@checked
@short
@dataclass(frozen=True)
class Focusing:
    """Prior that favours compact bodies or sharp edges: R = α Σ_j w_j² φ_p(m̂_j − m̂_ref,j).

    φ₂(x) = x²/2, φ₁(x) = √(x² + ε²), φ₀(x) = ½ log(1 + x²/ε²); w = depth^{−β}, depth in metres from the mesh top to
    the cell centre (Vatankhah et al. 2022, arXiv 2112.15562, eqs 5–9). R is a negative log density; p = 0 makes a
    proper one only with two-sided bounds or α w² > 1.

    Parameters
    ----------
    alpha : float
        α > 0, on m̂ = m / scale. `find_map` moves it unless told otherwise; 20,000 is where the paper starts.
    p : {0, 1, 2}, default 1
        1 is sparse yet convex; 0 is more compact and not convex; 2 is smooth.
    epsilon : float, default 3.16e-5
        ε > 0 in m̂ (per kilometre for the gradient); ε² = 1e-9 is the paper's. Larger values converge faster.
    depth_exponent : float, optional
        β >= 0. Default 0.8 for "density", 1.4 for "susceptibility"; required under any other name.
    of : {"model", "gradient"}, default "model"
        What φ acts on. The gradient is cell differences over centre distances in kilometres, the weight at a face the
        mean of its two cells'. It leaves the model's mean to the data and the bounds.

    Raises
    ------
    ValueError
        If a number is not positive, `p` or `of` is another one, or no depth exponent is known for the name.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter
    >>> mesh = Mesh.regular((1, 1, 2), (100, 100, 100))
    >>> prior = Parameter("density", mesh, prior=Focusing(2.0, depth_exponent=0, epsilon=1e-9)).bound_prior
    >>> round(prior.value(np.array([0.25, -0.5])), 6)
    1.5
    """

    alpha: float
    p: int = 1
    epsilon: float = PAPER_EPSILON
    depth_exponent: float | None = None
    of: str = "model"

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("alpha", self.alpha, 0)
        as_positive("epsilon", self.epsilon, 0)
        one_of("p", self.p, (0, 1, 2))
        one_of("of", self.of, ("model", "gradient"))
        _check_exponent(self.depth_exponent)

    def bind(self, parameter: Parameter):
        """Return the prior over one parameter."""
        if self.of == "gradient" and parameter.mesh is None:
            fail("of", "be 'model' for a plain vector", "'gradient'", "Only a mesh has neighbours.")
        operator = MeshGradient(parameter.mesh) if self.of == "gradient" else None
        weights = _depth_weights(parameter, self.depth_exponent)
        return BoundFocusing(float(self.alpha), self.p, float(self.epsilon), weights, parameter.reference_hat, operator,
                             parameter.ground)


@checked
@short
@dataclass(frozen=True)
class MinimumLength:
    """Gaussian prior of independent cells: R = ½ α Σ_j w_j² (m̂_j − m̂_ref,j)², `Focusing` with p = 2.

    The standard deviation of m̂ is depth^β / √α, so cells are freer at depth.

    Parameters
    ----------
    alpha : float
        α > 0, on m̂ = m / scale.
    depth_exponent : float, optional
        β >= 0 of w = depth^{−β}. Default 0.8 for "density", 1.4 for "susceptibility"; required under any other name.

    Raises
    ------
    ValueError
        If alpha is not positive or no depth exponent is known for the name.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter
    >>> mesh = Mesh.regular((1, 1, 1), (200, 100, 100))
    >>> prior = Parameter("density", mesh, prior=MinimumLength(4.0, depth_exponent=0.5)).bound_prior
    >>> prior.covariance.diagonal()
    array([25.])
    """

    alpha: float
    depth_exponent: float | None = None

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("alpha", self.alpha, 0)
        _check_exponent(self.depth_exponent)

    def bind(self, parameter: Parameter):
        """Return the prior over one parameter."""
        return Focusing(self.alpha, 2, depth_exponent=self.depth_exponent).bind(parameter)


def _check_exponent(exponent):
    if exponent is not None and as_finite("depth_exponent", exponent, 0) < 0:
        fail("depth_exponent", "be >= 0", repr(exponent), "Weights must not grow with depth.")


def _depth_weights(parameter, exponent):
    """Return w = depth^{−β} of every layer, shape (layers,)."""
    if parameter.mesh is None:
        if exponent:
            fail("depth_exponent", "be 0 or left out for a plain vector", repr(exponent), "It has no depth.")
        return np.ones(1)
    if exponent is None:
        exponent = property_of(parameter.name).depth_exponent
    if exponent is None:
        fail("depth_exponent", f"be given for the parameter {parameter.name!r}", "None",
             f"Defaults exist for {', '.join(PROPERTIES)}; 0 means no depth weighting.")
    return parameter.mesh.depth ** -float(exponent)
