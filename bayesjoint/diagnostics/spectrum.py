"""Traces of functions of a large positive matrix, by Lanczos quadrature between bounds."""

import numpy as np
from scipy.linalg import eigh_tridiagonal

NEGLIGIBLE = 1e-12  # of the largest Ritz value: a smaller new direction ends the recursion


def quadrature(product, start, functions, steps):
    """Brackets of zᵀ f(S) z for vectors z and functions f whose even derivatives are negative on S ≥ 0.

    Gauss quadrature lies above such forms and Gauss–Radau quadrature with a node at the lower end below them (Golub &
    Meurant 2010, ch. 6): the half distance bounds what stopping after `steps` products costs, up to rounding.

    Parameters
    ----------
    product : callable
        V, shape (n, k), to S V with S symmetric positive semidefinite.
    start : ndarray, shape (n, k)
        Vectors z.
    functions : list of callable
        Applied to eigenvalues; log(1 + t) and t/(1 + t) qualify.
    steps : int
        Products.

    Returns
    -------
    low, high : ndarray, shape (functions, k)
    """
    diagonal, beside = _lanczos(product, start, steps)
    squares = np.sum(start**2, axis=0)
    out = np.empty((2, len(functions), start.shape[1]))
    for j in range(start.shape[1]):
        used = _used(diagonal[j], beside[j])
        a, b = diagonal[j, :used], beside[j, : used - 1]
        rules = [_rule(a, b)] * 2
        if used < diagonal.shape[1] or beside[j, used - 1] > NEGLIGIBLE * a.max():
            rules[0] = _radau(a, b, beside[j, used - 1])
        for i, (nodes, weights) in enumerate(rules):
            out[i, :, j] = [squares[j] * np.sum(weights * f(np.maximum(nodes, 0.0))) for f in functions]
    return out


def _lanczos(product, start, steps):
    """Diagonals (k, steps) and subdiagonals (k, steps) of the tridiagonal matrices of every start."""
    count = start.shape[1]
    diagonal, beside = np.zeros((count, steps)), np.zeros((count, steps))
    before, now = np.zeros_like(start), start / np.linalg.norm(start, axis=0)
    for step in range(steps):
        new = product(now)
        diagonal[:, step] = np.einsum("ij,ij->j", now, new)
        new -= diagonal[:, step] * now + (beside[:, step - 1] * before if step else 0.0)
        beside[:, step] = np.linalg.norm(new, axis=0)
        before, now = now, new / np.where(beside[:, step] > 0, beside[:, step], 1.0)
    return diagonal, beside


def _used(diagonal, beside):
    """Steps before the recursion ran out of directions."""
    ended = np.flatnonzero(beside <= NEGLIGIBLE * max(diagonal.max(), 1e-300))
    return int(ended[0]) + 1 if ended.size else diagonal.size


def _rule(diagonal, beside):
    if diagonal.size == 1:
        return diagonal, np.ones(1)
    nodes, vectors = eigh_tridiagonal(diagonal, beside)
    return nodes, vectors[0] ** 2


def _radau(diagonal, beside, last):
    """Rule with one more node, at the lower end of the spectrum."""
    end = -NEGLIGIBLE * diagonal.max()
    ratio = diagonal[0] - end  # last pivot of T − end·I: its inverse times last² is the node's diagonal entry
    for k in range(1, diagonal.size):
        ratio = diagonal[k] - end - beside[k - 1] ** 2 / ratio
    return _rule(np.append(diagonal, end + last**2 / ratio), np.append(beside, last))
