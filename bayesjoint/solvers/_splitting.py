"""Minimising between bounds by splitting: one step knows the function, the other the bounds."""

import numpy as np

RELAXATION = 1.7  # of a step: below 2; the usual choice
MEMORY = 5  # steps that Anderson acceleration combines
TOLERATED = 2.0  # an accelerated residual this much above the best is given up
ROUNDING = 1e-10  # of the residuals' Gram matrix
LOOKS = 20  # steps between looks
SWEEPS = 50  # of coordinate descent in the metric


def split(resolvent, project, start, watch, max_iterations):
    """Minimise a convex Φ(x) over a convex set by Douglas–Rachford steps with Anderson acceleration.

    Parameters
    ----------
    resolvent : callable
        v to argmin Φ(x) + ½ ‖x − v‖², in the norm of `project`.
    project : callable
        v to the nearest point of the set.
    start : ndarray
        Where z + u begins.
    watch : callable
        Called with (z, u) every twentieth step, z in the set and u normal to it there; true stops.
    max_iterations : int
        Steps at most.

    Returns
    -------
    int
        Steps taken.

    Notes
    -----
    y ← y + r (R(2z − y) − z) with z the projection of y and r = 1.7 (Eckstein & Bertsekas 1992). Anderson's type II
    extrapolation over five steps is given up where the residual doubles (Walker & Ni 2011).

    Examples
    --------
    >>> found = []
    >>> split(lambda v: (v - 3.0) / 2, lambda v: v.clip(0.0), np.zeros(1), lambda z, u: found.append((z, u)), 50)
    50
    >>> z, u = found[-1]  # of ½ (x + 3)² between 0 and infinity
    >>> z.round(6).tolist(), u.round(6).tolist()
    ([0.0], [-3.0])
    """
    steps = _Steps(start)
    for step in range(max_iterations):
        y = steps.y
        z = project(y)
        if step % LOOKS == LOOKS - 1 and watch(z, y - z):
            return step
        steps.take(RELAXATION * (resolvent(2 * z - y) - z))
    z = project(steps.y)
    watch(z, steps.y - z)
    return max_iterations


class _Steps:
    """Where y is, and the last differences of y and of its residual."""

    def __init__(self, start):
        self.y, self.moves, self.changes = start, [], []
        self.plain, self.last, self.best = None, None, np.inf

    def take(self, residual):
        """Go on from y, whose step is `residual`."""
        size = float(np.linalg.norm(residual))
        if self.plain is not None and size > TOLERATED * self.best:
            self.y, self.plain, self.last, self.moves, self.changes = self.plain, None, None, [], []
            return
        self.best = min(self.best, size)
        if self.last is not None:
            self.moves = [*self.moves, self.y - self.last[0]][-MEMORY:]
            self.changes = [*self.changes, residual - self.last[1]][-MEMORY:]
        self.last, plain = (self.y, residual), self.y + residual
        weights = self._weights(residual)
        self.plain = plain if weights.any() else None
        self.y = plain - sum(w * (move + change) for w, move, change in
                             zip(weights, self.moves, self.changes, strict=True))

    def _weights(self, residual):
        """Least squares fit of the residual by its last changes."""
        gram = np.array([[np.vdot(a, b) for b in self.changes] for a in self.changes])
        if not gram.any():
            return np.zeros(len(self.changes))
        gram += ROUNDING * np.trace(gram) * np.eye(len(gram))
        return np.linalg.solve(gram, [np.vdot(change, residual) for change in self.changes])


def project_in_metric(point, lower, upper, metric):
    """Nearest point between bounds in the norm of a matrix over the first axis, by coordinate descent.

    Parameters
    ----------
    point, lower, upper : ndarray, shape (P, n)
    metric : ndarray, shape (P, P)
        Positive definite.

    Returns
    -------
    ndarray, shape (P, n)

    Examples
    --------
    >>> metric = np.linalg.inv([[1.0, 0.5], [0.5, 1.0]])
    >>> point, wall = np.array([[-1.0], [2.0]]), np.array([[0.0], [-np.inf]])
    >>> project_in_metric(point, wall, np.full((2, 1), np.inf), metric).round(6).ravel().tolist()
    [0.0, 2.5]
    """
    out = np.clip(point, lower, upper)
    if len(metric) == 1:
        return out
    for _ in range(SWEEPS):
        before = out.copy()
        for p, row in enumerate(metric):
            others = row @ (out - point) - row[p] * (out[p] - point[p])
            out[p] = np.clip(point[p] - others / row[p], lower[p], upper[p])
        if np.abs(out - before).max(initial=0.0) <= 1e-12:
            break
    return out
