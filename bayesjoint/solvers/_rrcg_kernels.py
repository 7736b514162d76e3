"""Vector work of RRCG in single passes: in separate array operations it would cost as much as the products.

Every kernel works on one stretch of a block and returns sums over it. Arguments that may be None, and bounds that may
be a number or one for each cell, are told apart when a kernel is compiled, not in its loop. The diagonal W of the
weighted space is held as its inverse V, which leaves one division for each cell and iteration.
"""

from numba import types
from numba.extending import overload

from .._compiled import FAST, njit


def at(bound, i):
    """bound[i], or the bound itself where it is a number."""
    return bound[i] if hasattr(bound, "__len__") else bound


@overload(at, inline="always")
def _at(bound, i):
    if isinstance(bound, types.Float):
        return lambda bound, i: bound
    return lambda bound, i: bound[i]


@njit(cache=True, nogil=True, inline="always")
def pressed(x, lower, upper, slope):
    """Whether a step against `slope` would push x beyond a bound it stands at."""
    return ((x <= lower) & (slope > 0.0)) | ((x >= upper) & (slope < 0.0))


@njit(cache=True, nogil=True, fastmath=FAST)
def renew(smooth, pull, weight, reference, inverse, multipliers, x, lower, upper, free, hold, slope):
    """Renew the slope V ∇Φ + multipliers; return (slope², slope · last slope, last slope², ‖projected field‖²).

    Parameters
    ----------
    smooth, inverse, x : ndarray, shape (n,)
        ∇Φ without the block's prior, V and the point.
    pull : ndarray, shape (n,), or None
        Gradient of the prior but for `weight`; None: V⁻² (x − reference), that of its parabola.
    weight : float
        Of the prior.
    reference : ndarray, shape (n,), or None
        Vertex of the parabola; None: zero.
    multipliers : ndarray, shape (n,), or None
        Added to the slope.
    lower, upper : ndarray, shape (n,), or float
        Bounds.
    free : ndarray of bool, shape (n,), or None
        The slope is zero where False; None: all are free.
    hold : bool
        Zero the slope where it presses against a bound.
    slope : ndarray, shape (n,)
        Overwritten.
    """
    square = cross = last = projected = 0.0
    for i in range(x.size):
        v = inverse[i]
        w = 1.0 / v
        if pull is None:
            d = x[i] if reference is None else x[i] - reference[i]
            s = v * smooth[i] + weight * w * d
        else:
            s = v * (smooth[i] + weight * pull[i])
        if multipliers is not None:
            s += multipliers[i]
        if free is not None:
            s = s if free[i] else 0.0
        inside = 0.0 if pressed(x[i], at(lower, i), at(upper, i), s) else s
        projected += inside * inside * w * w
        s = inside if hold else s
        old = slope[i]
        square += s * s
        cross += s * old
        last += old * old
        slope[i] = s
    return square, cross, last, projected


@njit(cache=True, nogil=True, fastmath=FAST)
def conjugate(slope, factor, inverse, x, lower, upper, hold, direction, move):
    """Renew direction = slope + factor direction and move = V direction; return (slope · direction, direction²).

    With `hold` the direction is zero where it presses against a bound; factor 0 forgets the last direction.
    """
    descent = square = 0.0
    for i in range(x.size):
        d = slope[i] + factor * direction[i]
        d = 0.0 if hold and pressed(x[i], at(lower, i), at(upper, i), d) else d
        direction[i] = d
        move[i] = d * inverse[i]
        descent += d * slope[i]
        square += d * d
    return descent, square


@njit(cache=True, nogil=True, fastmath=FAST)
def advance(x, move, length, lower, upper):
    """Put x − length move between the bounds into x; return (cells that a bound cut, ‖x‖², ‖change‖²)."""
    cut, norm, change = 0, 0.0, 0.0
    for i in range(x.size):
        target = x[i] - length * move[i]
        value = min(max(target, at(lower, i)), at(upper, i))
        cut += value != target
        norm += value * value
        change += (value - x[i]) ** 2
        x[i] = value
    return cut, norm, change
