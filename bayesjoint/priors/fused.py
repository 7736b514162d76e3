"""A focusing prior and its majoriser in one pass. Imported when first used, so that priors alone need no Numba."""

import math

from numba import njit


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"})
def majorise(flat, reference, factor, p, square, alpha, gradient, weights, scaling):
    """Fill ∇R, the majoriser's Hessian and W; return R.

    Parameters
    ----------
    flat, factor : ndarray, shape (n,)
        m̂ and α w².
    reference : ndarray, shape (n,) or (0,)
        m̂_ref; empty: zero.
    p : {0, 1}
        Which φ.
    square, alpha : float
        ε² and α.
    gradient, weights, scaling : ndarray, shape (n,)
        Overwritten.
    """
    value = 0.0
    for j in range(flat.size):
        x = flat[j] - reference[j] if reference.size else flat[j]
        size = x * x + square
        if p == 1:
            size = math.sqrt(size)
            value += factor[j] * size
        else:
            value += 0.5 * factor[j] * math.log(size / square)
        weight = factor[j] / size
        weights[j] = weight
        gradient[j] = weight * x
        scaling[j] = math.sqrt(weight / alpha)
    return value
