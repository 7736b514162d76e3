"""The mode of a Gaussian between bounds, from products with its covariance alone."""

from dataclasses import dataclass

import numpy as np

from ._pcg import truncated_cg

FIRST = 10.0  # weight of a bound's penalty, in units of 1 / scale²
GROWTH = 10.0  # factor to its next value: larger ones cost more products, smaller ones more rounds
LARGEST = 1e4  # beyond it conjugate gradients feel rounding
SOLVED = 0.01  # share of the tolerance left by conjugate gradients: what they leave stirs the active set
HALVINGS = 20


@dataclass(frozen=True, kw_only=True)
class BoundedMode:
    """Where `bounded_gaussian` stopped.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Between the bounds.
    multipliers : ndarray, shape (n,)
        Σ⁻¹ (x − mean) before clipping: positive at lower bounds that hold, negative at upper ones, 0 elsewhere.
    gap : ndarray, shape (n,)
        Distance from its bound of every value that a multiplier holds or that was clipped, over `scale`.
    converged : bool
        Whether the root mean square of `gap` is at most the tolerance.
    iterations, products : int
        Newton steps, and products with Σ.
    """

    x: np.ndarray
    multipliers: np.ndarray
    gap: np.ndarray
    converged: bool
    iterations: int
    products: int


def bounded_gaussian(mean, product, lower, upper, scale, *, start=None, tolerance=1e-3, max_iterations=200,
                     callback=None):
    """Minimise ½ (x − mean)ᵀ Σ⁻¹ (x − mean) between bounds.

    Parameters
    ----------
    mean : ndarray, shape (n,)
        Of the Gaussian without bounds.
    product : callable
        v, shape (n,), to Σ v.
    lower, upper : ndarray, shape (n,)
        Bounds, ±inf where there is none.
    scale : ndarray, shape (n,)
        Standard deviations in which distances count; positive where there is a bound.
    start : ndarray, shape (n,), optional
        Multipliers to begin with; default none.
    tolerance : float, default 1e-3
        Largest root mean square of `gap` over values with a bound.
    max_iterations : int, default 200
        Newton steps.
    callback : callable, optional
        Called with (x, multipliers, gap, products) after every Newton step.

    Returns
    -------
    BoundedMode

    Notes
    -----
    The method of multipliers with semismooth Newton steps (Bertsekas, Constrained Optimization and Lagrange Multiplier
    Methods, 1982, ch. 3). With x = mean + Σ w the inverse of Σ never appears: a step solves
    (Σ_AA + 1/ρ) w = λ/ρ + bound − mean on the active values A, by conjugate gradients. Rough directions, which bounds
    determine badly, hardly move x; so the distance to the bounds is the criterion.

    Examples
    --------
    >>> sigma = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> found = bounded_gaussian(np.array([-1.0, 1.0]), lambda v: sigma @ v, np.zeros(2), np.full(2, np.inf),
    ...                          np.ones(2), tolerance=1e-6)
    >>> found.x.round(4).tolist(), found.multipliers.round(4).tolist()
    ([0.0, 1.5], [1.0, 0.0])
    """
    rounds = _Rounds(mean, product, lower, upper, scale, start, tolerance, callback)
    rounds.run(max_iterations)
    return BoundedMode(x=np.clip(rounds.x, lower, upper), multipliers=rounds.w, gap=rounds.gap(),
                       converged=rounds.size(rounds.gap()) <= tolerance, iterations=rounds.iterations,
                       products=rounds.products)


def distances_to_bounds(x, multipliers, lower, upper):
    """Distance from its bound of every value that is beyond it, or that a multiplier holds there; 0 elsewhere."""
    bound = np.where(multipliers > 0, lower, np.where(multipliers < 0, upper, np.clip(x, lower, upper)))
    return np.where(np.isfinite(bound), x - bound, 0.0)


class _Rounds:
    """x = mean + Σ w, with the multipliers λ of the last round."""

    def __init__(self, mean, product, lower, upper, scale, start, tolerance, callback):
        self.mean, self._product, self.lower, self.upper = mean, product, lower, upper
        self.scale = np.where(scale > 0, scale, 1.0)
        self.bounded = np.isfinite(lower) | np.isfinite(upper)
        self.tolerance, self.callback = tolerance, callback
        self.weight, self.iterations, self.products = FIRST / self.scale**2, 0, 0
        self.x, self.w = mean.copy(), np.zeros_like(mean)
        if start is not None:
            self.x, self.w = mean + self.product(start), start.copy()
        self.held = self.w.copy()

    def run(self, max_iterations):
        """Rounds of Newton steps, each with the multipliers that the last one found and a larger weight."""
        while self.size(self.gap()) > self.tolerance and self.iterations < max_iterations:
            while self.iterations < max_iterations and not self.step():
                pass
            self.held = self.w.copy()
            self.weight = np.minimum(self.weight * GROWTH, LARGEST / self.scale**2)

    def product(self, v):
        self.products += 1
        return self._product(v)

    def size(self, distances):
        """Root mean square over values with a bound."""
        return float(np.sqrt(np.mean(distances[self.bounded] ** 2))) if self.bounded.any() else 0.0

    def gap(self):
        return distances_to_bounds(self.x, self.w, self.lower, self.upper) / self.scale

    def asked(self, x):
        """The multiplier that x asks for: ρ times the way back between the bounds, from where λ has moved them."""
        moved = x - self.held / self.weight
        return self.weight * (np.clip(moved, self.lower, self.upper) - moved)

    def value(self, x, w):
        """The augmented Lagrangian, up to a constant."""
        return 0.5 * (x - self.mean) @ w + 0.5 * np.sum(self.asked(x) ** 2 / self.weight)

    def step(self):
        """One Newton step; whether the round is settled."""
        asked = self.asked(self.x)
        active = asked != 0
        start = np.where(active, self.w, 0.0)

        def matrix(v):
            return np.where(active, self.product(v) + v / self.weight, 0.0)

        # asked = λ + ρ (bound − x), so λ/ρ + bound = x + asked/ρ
        rhs = np.where(active, self.x + asked / self.weight - self.mean, 0.0)
        left = rhs - matrix(start)
        size = self.size(left / self.scale)
        if size > 0:
            start += truncated_cg(matrix, left, lambda r: r / self.scale**2, max_iterations=500,
                                  tolerance=SOLVED * min(1.0, self.tolerance / size))[0]
        settled = self.move(self.mean + self.product(start) - self.x, start - self.w, active)
        self.iterations += 1
        if self.callback is not None:
            self.callback(self.x, self.w, self.gap(), self.products)
        return settled

    def move(self, along, change, active):
        """Go as far as lowers the value; whether x now asks for the multipliers that it has."""
        before, length = self.value(self.x, self.w), 1.0
        for _ in range(HALVINGS):
            if self.value(self.x + length * along, self.w + length * change) <= before + 1e-12 * abs(before):
                break
            length /= 2
        else:
            return True
        self.x, self.w = self.x + length * along, self.w + length * change
        asked = self.asked(self.x)
        return length == 1.0 and (np.array_equal(active, asked != 0)
                                  or self.size((asked - self.w) / self.weight / self.scale) <= self.tolerance)
