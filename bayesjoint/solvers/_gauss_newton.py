"""Damped Gauss–Newton (Levenberg–Marquardt) between bounds: a local minimum, found to a stated criterion."""

import math
from dataclasses import dataclass

import numpy as np

from .._checks import as_positive
from ._descent import Descent, Minimum
from ._pcg import truncated_cg

GOOD, FAIR, POOR = 0.75, 0.25, 1e-4  # shares of the predicted decrease: damp less above, more below, refuse below
FIRST = 1e-3  # damping of the first step that needs any, as a share of the diagonal
TRIES = 16  # dampings at one point
UNSEEN = 1e-12  # of the largest curvature, unit diagonal: directions below it nothing determines
ROUNDOFF = 1e-13  # relative: increases of the value below it are noise
INNER = 1e-2  # residual at which conjugate gradients stop
ENOUGH = 16  # steps from which on what the value still loses is extrapolated


@dataclass(frozen=True, kw_only=True)
class GaussNewtonResult(Minimum):
    """Where `gauss_newton` stopped, and how good it is: a `Minimum` whose evaluations are values.

    Attributes
    ----------
    decrement : float
        √(gᵀH⁻¹g) over the variables that no bound holds: how far off the minimum is, in standard deviations of the
        Gaussian with precision H, the Gauss–Newton Hessian. Half its square is what the value could still lose.
    value_error : float
        What the value may still lose, `undetermined` directions aside: half the squared decrement where converged.
        Else, after 16 steps or more, what remains if its excess goes on falling as a power of the number of steps, no
        bound: least squares may have no minimum, and a value that falls to a limit while variables run off. Inf where
        that says nothing.
    undetermined : int or None
        Directions of the free variables with curvature below 1e-12 of the largest, at unit diagonal: the minimum is no
        point but a valley. None where H was never a matrix.
    history : dict of {str: ndarray, shape (iterations + 1,)}
        value, decrement, damping at each iterate.
    """

    decrement: float
    value_error: float
    undetermined: int | None


def gauss_newton(objective, start, lower=-np.inf, upper=np.inf, *, tolerance=1e-3, max_iterations=100, callback=None):
    """Minimise a sum of squares of smooth functions, and smooth penalties, between bounds.

    Parameters
    ----------
    objective : object
        With `value(x) -> float` (NaN or Inf where x makes no sense), `gradient(x)`, and either `hessian(x) -> (n, n)`
        or `hessian_product(x, v)` and `diagonal(x)`: the Gauss–Newton Hessian. A matrix serves up to some hundred
        unknowns; products are used where there is no method `hessian`.
    start : ndarray, shape (n,)
        First iterate; clipped into the bounds.
    lower, upper : float or ndarray, shape (n,), default ∓inf
        Bounds. Equal ones hold a variable.
    tolerance : float, default 1e-3
        Largest decrement, see `GaussNewtonResult`: a thousandth of a standard deviation changes no answer.
    max_iterations : int, default 100
        Steps.
    callback : callable, optional
        Called with (x, record) at every iterate, record a dict of the history's entries.

    Returns
    -------
    GaussNewtonResult

    Raises
    ------
    ValueError
        If the value at the start is not finite, a bound pair is reversed, or sizes disagree.

    Notes
    -----
    Steps solve (H + μ diag H) s = −g with μ = 0 as long as that lowers the value (Moré, The Levenberg–Marquardt
    algorithm, Lecture Notes in Mathematics 630, 1978). Variables at a bound with the gradient pointing outwards are
    held, steps are cut off at the bounds. Directions that nothing determines are left alone. In a problem with several
    minima it ends in one of them.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> t, d = np.arange(4.0), 3 * np.exp(-0.5 * np.arange(4.0))
    >>> residual = lambda x: x[0] * np.exp(-x[1] * t) - d
    >>> slope = lambda x: np.stack([np.exp(-x[1] * t), -x[0] * t * np.exp(-x[1] * t)], axis=1)
    >>> f = SimpleNamespace(value=lambda x: 0.5 * residual(x) @ residual(x),
    ...                     gradient=lambda x: slope(x).T @ residual(x), hessian=lambda x: slope(x).T @ slope(x))
    >>> found = gauss_newton(f, np.ones(2), tolerance=1e-8)
    >>> found.x.round(6).tolist(), found.converged, found.undetermined
    ([3.0, 0.5], True, 0)
    """
    as_positive("tolerance", tolerance, 0)
    state = _GaussNewtonDescent(objective, start, lower, upper, callback)
    found = state.run(tolerance, max_iterations, "steps", "{:.2g} standard deviations from the minimum, linearised")
    error = 0.5 * state.criterion**2 if found["converged"] else _remaining(found["history"]["value"])
    if not found["converged"] and np.isfinite(error):
        found["message"] += f"; the value would lose another {error:.1g}, extrapolated: there may be no minimum"
    return GaussNewtonResult(decrement=state.criterion, value_error=error, undetermined=state.model.undetermined,
                             **found)


class _GaussNewtonDescent(Descent):
    """The iterate and the quadratic model there."""

    damping = 0.0

    def arrive(self):
        """Make the quadratic model."""
        free = ~(self.at_lower | self.at_upper | (self.lower == self.upper))
        kind = _Matrix if hasattr(self.objective, "hessian") else _Products
        self.model = kind(self.objective, self.x, self.gradient, free)
        self.criterion = self.model.decrement
        self.keep(decrement=self.criterion, damping=self.damping)

    def step(self):
        """One step that lowers the value; False if none could be found."""
        for _ in range(TRIES):
            trial = np.clip(self.x + self.model.step(self.damping), self.lower, self.upper)
            moved = trial - self.x
            predicted = -(self.gradient @ moved + 0.5 * moved @ self.model.product(moved))
            value = self.look(trial)
            noise = ROUNDOFF * abs(self.value)
            if np.isfinite(value) and predicted > 0 and self.value - value >= POOR * predicted - noise and moved.any():
                if self.value - value >= GOOD * predicted:
                    self.damping = 0.0 if self.damping < FIRST else 0.1 * self.damping
                elif self.value - value < FAIR * predicted:
                    self.damping = max(10 * self.damping, FIRST)
                self.move(trial, value)
                return True
            self.damping = max(10 * self.damping, FIRST)
        return False


def _remaining(values):
    """What a falling sequence still loses: exact for powers of its index, too much where it falls faster."""
    last = len(values) - 1
    if last < ENOUGH:
        return np.inf
    before, after = values[last // 4] - values[last // 2], values[last // 2] - values[last]
    return float(after**2 / (before - after)) if before > after else np.inf


class _Matrix:
    """The Hessian of the free variables, decomposed once: steps at any damping are two products."""

    def __init__(self, objective, x, gradient, free):
        self.size, self.index = x.size, np.flatnonzero(free)
        self.matrix = objective.hessian(x)
        part = self.matrix[self.index[:, None], self.index]
        diagonal = part.diagonal()
        self.scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        values, self.vectors = np.linalg.eigh(part * self.scale * self.scale[:, None])
        values = np.abs(values)  # a penalty may bend downwards: its size, not its sign, sets the length of the step
        seen = values > UNSEEN * values.max(initial=0.0)
        self.values = np.where(seen, values, np.inf)
        self.undetermined = seen.size - int(np.count_nonzero(seen))
        self.pull = -self.vectors.T @ (self.scale * gradient[self.index])
        self.decrement = math.sqrt((self.pull**2 / self.values).sum())

    def step(self, damping):
        out = np.zeros(self.size)
        out[self.index] = self.scale * (self.vectors @ (self.pull / (self.values + damping)))
        return out

    def product(self, v):
        return self.matrix @ v


class _Products:
    """The Hessian by products: steps by conjugate gradients, which leave alone what nothing determines."""

    undetermined = None

    def __init__(self, objective, x, gradient, free):
        self.objective, self.x, self.free = objective, x, free
        self.rhs = np.where(free, -gradient, 0.0)
        self.diagonal = objective.diagonal(x)
        self.undamped = self._solve(0.0)
        self.decrement = float(np.sqrt(max(self.rhs @ self.undamped, 0.0)))

    def step(self, damping):
        return self.undamped if damping == 0 else self._solve(damping)

    def product(self, v):
        return self.objective.hessian_product(self.x, v)

    def _solve(self, damping):
        def damped(v):
            return np.where(self.free, self.product(v) + damping * self.diagonal * v, 0.0)

        return truncated_cg(damped, self.rhs, lambda r: r / self.diagonal, tolerance=INNER)[0]
