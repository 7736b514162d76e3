"""Projected Newton-CG: a local minimum of a smooth function between bounds, found to a stated criterion."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, fail
from ._pcg import truncated_cg

ARMIJO = 1e-4  # share of the predicted decrease that a step must deliver
BINDING = 1e-3  # of the distance between the bounds: how near a bound a variable may be frozen, at most
FORCING = 0.3  # CG tolerance is FORCING * sqrt(projected-gradient ratio), 0.1 at most
ROUNDOFF = 1e-14  # relative: increases of the value below it are noise


@dataclass(frozen=True, kw_only=True)
class NewtonResult:
    """Where `projected_newton` stopped, and how good it is.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Final iterate, inside the bounds.
    value : float
        Objective there.
    ratios : dict of {str: ndarray, shape (n_groups,)}
        Norm of the projected gradient over the norm at the reference point, group by group: "plain" in the coordinates
        of x, and "scaled" (of metric * gradient) when a metric was given.
    projected_gradient_ratio : float
        The largest of them: the stopping criterion.
    converged : bool
        projected_gradient_ratio <= tolerance.
    at_lower, at_upper : ndarray of bool, shape (n,)
        Active bounds: at the bound with the gradient pointing outwards.
    iterations, products : int
        Newton steps, and Hessian products (inner iterations).
    evaluations : int
        Values and gradients together.
    message : str
        Why it stopped.
    history : dict of {str: ndarray, shape (iterations + 1,)}
        value, ratio, share_active, products, damping at each iterate.
    """

    x: np.ndarray
    value: float
    ratios: dict
    projected_gradient_ratio: float
    converged: bool
    at_lower: np.ndarray
    at_upper: np.ndarray
    iterations: int
    products: int
    evaluations: int
    message: str
    history: dict


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
    held = ((x <= lower) & (gradient > 0)) | ((x >= upper) & (gradient < 0))
    return np.where(held, 0.0, gradient)


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
    x, lower, upper = _box(start, lower, upper)
    gauge = _Gauge(objective, x if reference is None else reference, lower, upper, groups, metric)
    state = _NewtonState(objective, x, lower, upper, gauge, callback)
    message = f"stopped at the limit of {max_iterations} Newton steps"
    for _ in range(max_iterations):
        if state.ratio <= tolerance:
            break
        if not state.step(max_cg):
            message = "no further decrease could be found in double precision"
            break
    converged = state.ratio <= tolerance
    if converged:
        message = f"projected gradient at {state.ratio:.2g} of its reference (criterion {tolerance:g})"
    return state.result(converged, message)


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


class _NewtonState:
    """The iterate and what is known there."""

    def __init__(self, objective, x, lower, upper, gauge, callback):
        self.objective, self.lower, self.upper, self.gauge, self.callback = objective, lower, upper, gauge, callback
        self.span = np.where(np.isfinite(upper - lower), upper - lower, np.maximum(np.abs(x), 1.0))
        self.damping, self.products, self.evaluations, self.records = 1e-3, 0, 0, []
        self.value = self._value(x)
        if not np.isfinite(self.value):
            fail("start", "have a finite objective", f"{self.value}", "Check bounds, data and prior there.")
        self._arrive(x, self.value)

    def _value(self, x):
        self.evaluations += 1
        return float(self.objective.value(x))

    def _arrive(self, x, value):
        self.x, self.value = x, value
        self.gradient = self.objective.gradient(x)
        self.evaluations += 1
        self.ratios = self.gauge.ratios(x, self.gradient)
        self.ratio = float(max(r.max() for r in self.ratios.values()))
        active = self._held(0.0)
        self.records.append({"value": value, "ratio": self.ratio, "share_active": float(active.mean()),
                             "products": self.products, "damping": self.damping})
        if self.callback is not None:
            self.callback(x, self.records[-1])

    def _held(self, margin):
        return ((self.x <= self.lower + margin) & (self.gradient > 0)) | (
            (self.x >= self.upper - margin) & (self.gradient < 0))

    def step(self, max_cg):
        """One projected Newton step; False if the value could not be lowered."""
        diagonal = self.objective.diagonal(self.x)
        scaled = np.clip(self.x - self.gradient / diagonal, self.lower, self.upper) - self.x
        margin = BINDING * self.span * min(1.0, float(np.linalg.norm(scaled / np.where(self.span > 0, self.span, 1.0))))
        held = self._held(margin)
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

        solution = truncated_cg(product, np.where(free, -self.gradient, 0.0), precondition,
                                tolerance=min(0.1, FORCING * self.ratio**0.5), max_iterations=max_cg)
        self.products += solution.iterations
        return solution.x

    def _search(self, direction, held):
        """Armijo's rule along the projected arc; the number of halvings, or None."""
        slope = np.where(held, 0.0, direction) @ self.gradient
        length = 1.0
        for halvings in range(12):
            trial = np.clip(self.x + length * direction, self.lower, self.upper)
            expected = length * slope + np.where(held, trial - self.x, 0.0) @ self.gradient
            value = self._value(trial)
            allowed = self.value + ARMIJO * expected + ROUNDOFF * abs(self.value)
            if value <= allowed and not np.array_equal(trial, self.x):
                self._arrive(trial, value)
                return halvings
            length *= 0.5 if halvings < 3 else 0.2
        return None

    def result(self, converged, message):
        g = self.gradient
        return NewtonResult(
            x=self.x, value=self.value, ratios=self.ratios, projected_gradient_ratio=self.ratio, converged=converged,
            at_lower=(self.x <= self.lower) & (g > 0), at_upper=(self.x >= self.upper) & (g < 0),
            iterations=len(self.records) - 1, products=self.products, evaluations=self.evaluations, message=message,
            history={key: np.array([r[key] for r in self.records]) for key in self.records[0]},
        )


def _box(start, lower, upper):
    x = as_finite("start", start, 1)
    sides = []
    for name, bound in (("lower", lower), ("upper", upper)):
        bound = np.asarray(bound, dtype=float)
        if np.isnan(bound).any() or bound.shape not in ((), x.shape):
            fail(name, f"be a number or an array of shape {x.shape} without NaN", f"shape {bound.shape}", "Mend it.")
        sides.append(np.broadcast_to(bound, x.shape))
    if np.any(sides[0] > sides[1]):
        fail("lower", "be <= upper everywhere", f"{int(np.sum(sides[0] > sides[1]))} reversed pair(s)", "Swap them.")
    return np.clip(x, *sides), *sides
