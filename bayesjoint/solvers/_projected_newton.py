"""Projected Newton-CG: a local minimum of a smooth function between bounds, found to a stated criterion."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive
from ._descent import Descent, Minimum, box, pressed
from ._pcg import truncated_cg

ARMIJO = 1e-4  # share of the predicted decrease that a step must deliver
BINDING = 1e-3  # of the distance between the bounds: how near a bound a variable may be frozen, at most
FORCING = 0.3  # CG tolerance is FORCING * sqrt(projected-gradient ratio), 0.1 at most
ROUNDOFF = 1e-14  # relative: increases of the value below it are noise


@dataclass(frozen=True, kw_only=True)
class NewtonResult(Minimum):
    """Where `projected_newton` stopped, and how good it is: a `Minimum` whose evaluations are values and gradients.

    Attributes
    ----------
    ratios : dict of {str: ndarray, shape (n_groups,)}
        Norm of the projected gradient over the norm at the reference point, group by group: "plain" in the coordinates
        of x, and "scaled" (of metric * gradient) when a metric was given.
    projected_gradient_ratio : float
        The largest of them: the stopping criterion.
    products : int
        Hessian products (inner iterations).
    history : dict of {str: ndarray, shape (iterations + 1,)}
        value, ratio, share_active, products, damping at each iterate.
    """

    ratios: dict
    projected_gradient_ratio: float
    products: int


def projected_gradient(x, gradient, lower, upper):
    """Gradient without the parts that push against a bound reached: zero exactly at a first-order (KKT) point.

    Parameters
    ----------
    x, gradient, lower, upper : ndarray, shape (n,)
        Point, gradient there, bounds (±inf where none).

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> projected_gradient(np.array([0.0, 0.5, 1.0]), np.array([2.0, 3.0, 4.0]), np.zeros(3), np.ones(3)).tolist()
    [0.0, 3.0, 4.0]
    """
    return np.where(np.logical_or(*pressed(x, gradient, lower, upper)), 0.0, gradient)


def projected_newton(objective, start, lower=-np.inf, upper=np.inf, *, reference=None, groups=None, metric=None,
                     tolerance=1e-3, max_iterations=200, max_cg=200, callback=None):
    """Minimise a smooth function, convex or not, between bounds.

    Parameters
    ----------
    objective : object
        With `value(x) -> float`, `gradient(x)`, `hessian_product(x, v)` and `diagonal(x)`, a positive array of the
        size of the Hessian's diagonal; optionally `preconditioner(x, free, damping)`, returning a positive definite
        map on vectors that vanish outside the mask `free`. Default: division by the damped diagonal.
    start : ndarray, shape (n,)
        First iterate; clipped into the bounds.
    lower, upper : float or ndarray, shape (n,), default ∓inf
        Bounds.
    reference : ndarray, shape (n,), optional
        Where the projected gradient's size is taken for the criterion; default `start`. State one point for all
        warm starts, or the criterion would mean something else each time.
    groups : list of slices, optional
        Each group must meet the criterion by itself; default one group of everything.
    metric : ndarray, shape (n,), optional
        Positive. A second norm, of metric * gradient (the gradient in the coordinates x / metric), which has to meet
        the criterion too.
    tolerance : float, default 1e-3
        Largest allowed ratio of projected gradients.
    max_iterations : int, default 200
        Newton steps.
    max_cg : int, default 200
        Hessian products a step.
    callback : callable, optional
        Called with (x, record) at every iterate, record a dict of the history's entries.

    Returns
    -------
    NewtonResult

    Raises
    ------
    ValueError
        If a bound pair is reversed, sizes disagree, or the value at the start is not finite.

    Notes
    -----
    Two-metric projection (Bertsekas, Projected Newton methods for optimization problems with simple constraints, SIAM
    J. Control Optim. 20, 1982): variables near a bound with the gradient pointing outwards take a scaled gradient
    step, the rest a truncated Newton-CG step with the exact, adaptively damped Hessian; Armijo's rule along the
    projected arc. In a nonconvex problem it ends at a first-order point, CG being cut off at negative curvature.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> h, b = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0])
    >>> f = SimpleNamespace(value=lambda x: x @ h @ x / 2 - b @ x, gradient=lambda x: h @ x - b,
    ...                     hessian_product=lambda x, v: h @ v, diagonal=lambda x: np.diag(h))
    >>> projected_newton(f, np.ones(2), lower=0.0, tolerance=1e-8).x.round(6).tolist()
    [0.5, 0.0]
    """
    x, lower, upper = box(start, lower, upper)
    gauge = _Gauge(objective, x if reference is None else reference, lower, upper, groups, metric)
    state = _NewtonDescent(objective, x, lower, upper, gauge, callback)
    found = state.run(tolerance, max_iterations, "Newton steps", "projected gradient at {:.2g} of its reference",
                      max_cg=max_cg)
    return NewtonResult(ratios=state.ratios, projected_gradient_ratio=state.criterion, products=state.products, **found)


class _Gauge:
    """Projected-gradient norms of every group over their values at the reference point."""

    def __init__(self, objective, reference, lower, upper, groups, metric):
        self.lower, self.upper = lower, upper
        self.groups = groups or [slice(None)]
        self.metric = None if metric is None else as_positive("metric", metric, 1)
        point = np.clip(as_finite("reference", reference, 1), lower, upper)
        norms = self._norms(projected_gradient(point, objective.gradient(point), lower, upper))
        # a group at rest at the reference point is judged against the whole
        self.scale = {key: np.where(n > 0, n, np.linalg.norm(n) or 1.0) for key, n in norms.items()}

    def _norms(self, gradient):
        scaled = {} if self.metric is None else {"scaled": gradient * self.metric}
        return {key: np.array([np.linalg.norm(g[where]) for where in self.groups])
                for key, g in ({"plain": gradient} | scaled).items()}

    def ratios(self, x, gradient):
        norms = self._norms(projected_gradient(x, gradient, self.lower, self.upper))
        return {key: n / self.scale[key] for key, n in norms.items()}


class _NewtonDescent(Descent):
    """The iterate and what is known there."""

    def __init__(self, objective, x, lower, upper, gauge, callback):
        self.gauge, self.damping, self.products = gauge, 1e-3, 0
        self.span = np.where(np.isfinite(upper - lower), upper - lower, np.maximum(np.abs(x), 1.0))
        super().__init__(objective, x, lower, upper, callback)

    def arrive(self):
        """Judge the point."""
        self.evaluations += 1  # of the gradient
        self.ratios = self.gauge.ratios(self.x, self.gradient)
        self.criterion = float(max(r.max() for r in self.ratios.values()))
        self.keep(ratio=self.criterion, share_active=float((self.at_lower | self.at_upper).mean()),
                  products=self.products, damping=self.damping)

    def step(self, max_cg):
        """One projected Newton step; False if the value could not be lowered."""
        diagonal = self.objective.diagonal(self.x)
        scaled = np.clip(self.x - self.gradient / diagonal, self.lower, self.upper) - self.x
        margin = BINDING * self.span * min(1.0, float(np.linalg.norm(scaled / np.where(self.span > 0, self.span, 1.0))))
        held = np.logical_or(*self.held(margin))
        for _ in range(8):
            direction = np.where(held, -self.gradient / diagonal, self._newton(~held, diagonal, max_cg))
            halvings = self._search(direction, held)
            if halvings is not None:
                self.damping *= 0.3 if halvings == 0 else 3.0 if halvings > 2 else 1.0
                return True
            self.damping = max(self.damping, 1e-6) * 100
        return False

    def _newton(self, free, diagonal, max_cg):
        damping, objective = self.damping, self.objective
        if hasattr(objective, "preconditioner"):
            precondition = objective.preconditioner(self.x, free, damping)
        else:
            inverse = free / ((1 + damping) * diagonal)

            def precondition(r):
                return inverse * r

        def product(v):
            return np.where(free, objective.hessian_product(self.x, v) + damping * diagonal * v, 0.0)

        found, products = truncated_cg(product, np.where(free, -self.gradient, 0.0), precondition,
                                       tolerance=min(0.1, FORCING * self.criterion**0.5), max_iterations=max_cg)
        self.products += products
        return found

    def _search(self, direction, held):
        """Armijo's rule along the projected arc; the number of halvings, or None."""
        slope = np.where(held, 0.0, direction) @ self.gradient
        length = 1.0
        for halvings in range(12):
            trial = np.clip(self.x + length * direction, self.lower, self.upper)
            expected = length * slope + np.where(held, trial - self.x, 0.0) @ self.gradient
            value = self.look(trial)
            allowed = self.value + ARMIJO * expected + ROUNDOFF * abs(self.value)
            if value <= allowed and not np.array_equal(trial, self.x):
                self.move(trial, value)
                return halvings
            length *= 0.5 if halvings < 3 else 0.2
        return None
