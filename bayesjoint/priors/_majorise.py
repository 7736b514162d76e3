"""A focusing prior and its majoriser in one pass. Imported when first used, so that priors alone need no Numba."""

import math

from .._compiled import FAST, njit


@njit(cache=True, nogil=True, fastmath=FAST)
def majorise(flat, reference, weights, cells, p, square, start, stop, inverse):
    """Fill V = 1/(w √(φ'(x)/x)) over a stretch of cells; return Σ w² φ(x) there.

    α V⁻² is the Hessian of the parabola that touches α Σ w² φ at x and lies above it.

    Parameters
    ----------
    flat : ndarray, shape (n,)
        m̂.
    reference : ndarray, shape (n,), or None
        m̂_ref, x = m̂ − m̂_ref; None: zero.
    weights : ndarray, shape (layers,)
        w of every layer of `cells` cells.
    p : {0, 1, 2}
        Which φ.
    square : float
        ε².
    start, stop : int
        The stretch.
    inverse : ndarray, shape (n,)
        V, overwritten from start to stop.
    """
    value = 0.0
    for layer in range(start // cells, (stop - 1) // cells + 1):
        root, total = 1.0 / weights[layer], 0.0
        first, last = max(start, layer * cells), min(stop, (layer + 1) * cells)
        if p == 1:
            for j in range(first, last):
                x = flat[j] if reference is None else flat[j] - reference[j]
                size = math.sqrt(x * x + square)
                total += size
                inverse[j] = root * math.sqrt(size)
        elif p == 0:
            for j in range(first, last):
                x = flat[j] if reference is None else flat[j] - reference[j]
                size = x * x + square
                total += 0.5 * math.log(size / square)
                inverse[j] = root * math.sqrt(size)
        else:
            for j in range(first, last):
                x = flat[j] if reference is None else flat[j] - reference[j]
                total += 0.5 * x * x
                inverse[j] = root
        value += total * weights[layer] ** 2
    return value
