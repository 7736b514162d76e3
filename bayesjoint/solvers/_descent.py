"""What minimisers between bounds share: the box, the iterate with its record, and why it stopped."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, fail


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """Where a minimiser stopped.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Final iterate, inside the bounds.
    value : float
        Objective there.
    converged : bool
        The criterion is met.
    at_lower, at_upper : ndarray of bool, shape (n,)
        Active bounds: at the bound with the gradient pointing outwards.
    iterations, evaluations : int
        Accepted steps, and what was computed to find them.
    message : str
        Why it stopped.
    history : dict of {str: ndarray, shape (iterations + 1,)}
        What was recorded at each iterate.
    """

    x: np.ndarray
    value: float
    converged: bool
    at_lower: np.ndarray
    at_upper: np.ndarray
    iterations: int
    evaluations: int
    message: str
    history: dict


class Descent:
    """The iterate, what is known there, and the record of how it was reached.

    A minimiser sets `criterion` and calls `keep` in ``arrive()``, and gives ``step(**options)``, one step that lowers
    the value, False if none could be found.
    """

    def __init__(self, objective, start, lower, upper, callback):
        x, self.lower, self.upper = box(start, lower, upper)
        self.objective, self.callback, self.evaluations, self.records = objective, callback, 0, []
        value = self.look(x)
        if not np.isfinite(value):
            fail("start", "have a finite objective", f"{value}", "Give start=, or reference values, where data and "
                 "prior make sense.")
        self.move(x, value)

    def look(self, x):
        """Value at a point."""
        self.evaluations += 1
        return float(self.objective.value(x))

    def move(self, x, value):
        """Take a point for the iterate."""
        self.x, self.value, self.gradient = x, value, self.objective.gradient(x)
        self.at_lower, self.at_upper = self.held(0.0)
        self.arrive()

    def held(self, margin):
        """Variables within a margin of a lower and of an upper bound, the gradient pointing outwards."""
        return pressed(self.x, self.gradient, self.lower + margin, self.upper - margin)

    def keep(self, **record):
        """Record the iterate."""
        self.records.append({"value": self.value, **record})
        if self.callback is not None:
            self.callback(self.x, self.records[-1])

    def run(self, tolerance, most, steps, reached, **options):
        """Step until the criterion is met; return the fields of `Minimum`, `reached` saying what then was."""
        message = f"stopped at the limit of {most} {steps}"
        for _ in range(most):
            if self.criterion <= tolerance:
                break
            if not self.step(**options):
                message = "no further decrease could be found in double precision"
                break
        converged = self.criterion <= tolerance
        if converged:
            message = f"{reached.format(self.criterion)} (criterion {tolerance:g})"
        history = {key: np.array([r[key] for r in self.records]) for key in self.records[0]}
        return {"x": self.x, "value": self.value, "converged": converged, "at_lower": self.at_lower,
                "at_upper": self.at_upper, "iterations": len(self.records) - 1, "evaluations": self.evaluations,
                "message": message, "history": history}


def pressed(x, gradient, lower, upper):
    """Where x stands at a lower and at an upper bound with the gradient pointing outwards."""
    return (x <= lower) & (gradient > 0), (x >= upper) & (gradient < 0)


def box(start, lower, upper):
    """(start inside the bounds, both bounds of its shape)."""
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
