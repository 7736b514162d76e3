"""Preconditioned conjugate gradients that stop early, and at negative curvature: the inner solver of Newton methods."""

import numpy as np


def truncated_cg(product, rhs, precondition, *, tolerance=0.1, max_iterations=200):
    """Solve H x = rhs by preconditioned conjugate gradients, until good enough or until H shows negative curvature.

    Parameters
    ----------
    product : callable
        v, shape (n,), to H v. H symmetric; it need not be definite.
    rhs : ndarray, shape (n,)
        Right-hand side b.
    precondition : callable
        r to M⁻¹ r with M symmetric positive definite (on the subspace that holds b and the range of H).
    tolerance : float, default 0.1
        Stop at √(rᵀM⁻¹r) <= tolerance · √(bᵀM⁻¹b): Newton steps far from the solution deserve no more.
    max_iterations : int, default 200
        Limit on products with H.

    Returns
    -------
    x : ndarray, shape (n,)
        Approximate solution; a direction of descent for ½xᵀHx − bᵀx in every case. Where a direction d with
        dᵀHd <= 0 was met it is the iterate before that, or the first direction where there is none.
    iterations : int
        Products with H.

    Notes
    -----
    Steihaug, The conjugate gradient method and trust regions in large scale optimization, SIAM J. Numer. Anal. 20
    (1983), without the trust region: every iterate decreases the quadratic model.

    Examples
    --------
    >>> diagonal = np.array([1.0, 4.0])
    >>> truncated_cg(lambda v: diagonal * v, np.ones(2), lambda r: r / diagonal, tolerance=1e-12)[0].tolist()
    [1.0, 0.25]
    >>> truncated_cg(lambda v: -v, np.ones(2), lambda r: r)
    (array([1., 1.]), 1)
    """
    x, residual = np.zeros_like(rhs), rhs.copy()
    y = precondition(residual)
    direction, ry = y, residual @ y
    start, iteration = ry, 0
    while iteration < max_iterations and ry > tolerance**2 * start:
        h = product(direction)
        iteration += 1
        curvature = direction @ h
        if curvature <= 0:
            return direction if iteration == 1 else x, iteration
        step = ry / curvature
        x = x + step * direction
        residual = residual - step * h
        y = precondition(residual)
        previous, ry = ry, residual @ y
        direction = y + (ry / previous) * direction
    return x, iteration
