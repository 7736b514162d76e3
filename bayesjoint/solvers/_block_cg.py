"""Preconditioned conjugate gradients on many right-hand sides at once."""

from dataclasses import dataclass

import numpy as np

RESTARTS = 3  # fresh starts from a true residual that the recurrence had lost sight of
ROUNDED = 1e-6  # relative residual up to which a column that fresh starts no longer help counts as solved to rounding


@dataclass(frozen=True, kw_only=True)
class BlockSolution:
    """Solutions of K X = B, column by column.

    Attributes
    ----------
    x : ndarray, shape (n, k)
        Solutions.
    residual : ndarray, shape (n, k)
        B − K X, computed anew at the end.
    relative : ndarray, shape (k,)
        ‖b − K x‖ / ‖b‖ from it; 0 where b is 0.
    iterations : ndarray of int, shape (k,)
        Products with K that each column took.
    converged : ndarray of bool, shape (k,)
        Whether `relative` is within the tolerance, or rounding alone keeps it from that: it is 1e-6 at most then.
    """

    x: np.ndarray
    residual: np.ndarray
    relative: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray


def block_cg(product, right, precondition, *, tolerance, max_iterations=1000):
    """Solve K X = B by preconditioned conjugate gradients, one recurrence a column, products shared.

    Columns that have converged leave the block. The residual that stops a column is not the preconditioned one; it is
    computed afresh at the end, and a column whose recurrence drifted is taken up again from there.

    Parameters
    ----------
    product : callable
        V, shape (n, k), to K V, K symmetric positive definite.
    right : ndarray, shape (n, k)
        B.
    precondition : callable
        R to M⁻¹ R, M symmetric positive definite.
    tolerance : float
        Stop at ‖b − K x‖ <= tolerance ‖b‖.
    max_iterations : int, default 1000
        Limit on products for each column.

    Returns
    -------
    BlockSolution

    Examples
    --------
    >>> diagonal = np.array([[1.0], [4.0], [9.0]])
    >>> found = block_cg(lambda v: diagonal * v, np.ones((3, 2)), lambda r: r, tolerance=1e-10)
    >>> found.x[:, 0].round(6).tolist(), found.iterations.tolist()
    ([1.0, 0.25, 0.111111], [3, 3])
    """
    right = np.asfortranarray(right)  # every column contiguous: the recurrences are columnwise
    x, iterations = np.zeros_like(right), np.zeros(right.shape[1], dtype=int)
    limit = tolerance * np.linalg.norm(right, axis=0)
    residual = right.copy(order="F")
    for _ in range(RESTARTS):
        size = np.linalg.norm(residual, axis=0)
        active = np.flatnonzero((size > limit) & (iterations < max_iterations))
        if not active.size:
            break
        _advance(product, precondition, x, residual, active, limit, iterations, max_iterations)
        residual[:, active] = right[:, active] - product(np.asfortranarray(x[:, active]))
    size, norm = np.linalg.norm(residual, axis=0), np.linalg.norm(right, axis=0)
    relative = np.divide(size, norm, out=np.zeros_like(size), where=norm > 0)
    rounded = (relative <= ROUNDED) & (iterations < max_iterations)
    return BlockSolution(x=x, residual=residual, relative=relative, iterations=iterations,
                         converged=(size <= limit * (1 + 1e-12)) | rounded)


def _advance(product, precondition, x, residual, active, limit, iterations, max_iterations):
    """Conjugate gradients on the active columns of x until their recurred residuals are within the limit."""
    r = np.asfortranarray(residual[:, active])
    direction = np.array(precondition(r), order="F")  # a copy: it is updated in place
    energy = _dots(r, direction)
    while active.size:
        image = product(direction)
        step = energy / _dots(direction, image)
        x[:, active] += step * direction
        r -= step * image
        iterations[active] += 1
        going = (np.sqrt(_dots(r, r)) > limit[active]) & (iterations[active] < max_iterations)
        if not going.all():
            active, energy = active[going], energy[going]
            r, direction = (np.asfortranarray(a[:, going]) for a in (r, direction))
            if not active.size:
                return
        y = precondition(r)
        previous, energy = energy, _dots(r, y)
        direction *= energy / previous
        direction += y


def _dots(a, b):
    """Inner products of the columns."""
    return np.einsum("ij,ij->j", a, b)
