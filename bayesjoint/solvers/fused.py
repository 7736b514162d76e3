"""Vector work of RRCG in single passes: in separate array operations it would cost as much as the products."""

from numba import njit


@njit(cache=True, nogil=True)
def pressed(x, lower, upper, slope):
    """Whether a step against `slope` would push x beyond a bound it stands at."""
    return (x <= lower and slope > 0.0) or (x >= upper and slope < 0.0)


@njit(cache=True, nogil=True)
def conjugate(gradient, scaling, multipliers, x, lower, upper, remembers, hold, fletcher_reeves, slope, direction,
              move):
    """Renew slope and conjugate direction (in the weighted space), fill move = direction / W; return slope · direction.

    Parameters
    ----------
    gradient, scaling, x, lower, upper : ndarray, shape (n,)
        ∇Φ, W, the point and its bounds.
    multipliers : ndarray, shape (n,) or (0,)
        Added to the slope. Empty: none.
    remembers : bool
        Whether slope and direction hold those of the last iteration.
    hold : bool
        Zero slope and direction where they press against a bound.
    fletcher_reeves : bool
        Conjugacy factor: true Fletcher-Reeves, false Polak-Ribière cut off at zero.
    slope, direction, move : ndarray, shape (n,)
        Overwritten.
    """
    pushed = multipliers.size > 0
    square = cross = old_square = 0.0
    for i in range(x.size):
        s = gradient[i] / scaling[i]
        if pushed:
            s += multipliers[i]
        if hold and pressed(x[i], lower[i], upper[i], s):
            s = 0.0
        square += s * s
        cross += s * slope[i]
        old_square += slope[i] * slope[i]
        slope[i] = s
    factor = 0.0
    if remembers and old_square > 0.0:
        factor = square / old_square if fletcher_reeves else max(0.0, (square - cross) / old_square)
    descent = 0.0
    for i in range(x.size):
        d = slope[i] + factor * direction[i]
        if hold and pressed(x[i], lower[i], upper[i], d):
            d = 0.0
        direction[i] = d
        move[i] = d / scaling[i]
        descent += d * slope[i]
    if descent > 0.0 or square == 0.0:
        return max(descent, 0.0)
    for i in range(x.size):  # no descent that way: start anew from the slope
        direction[i] = slope[i]
        move[i] = slope[i] / scaling[i]
    return square


@njit(cache=True, nogil=True)
def advance(x, move, length, lower, upper):
    """Put x − length move between the bounds into x; return (whether a bound acted, ‖x‖², ‖change‖²)."""
    cut = False
    norm = change = 0.0
    for i in range(x.size):
        target = x[i] - length * move[i]
        value = min(max(target, lower[i]), upper[i])
        cut = cut or value != target
        norm += value * value
        change += (value - x[i]) ** 2
        x[i] = value
    return cut, norm, change


@njit(cache=True, nogil=True)
def projected_norm(gradient, scaling, multipliers, x, lower, upper):
    """Norm of ∇Φ + W multipliers without what presses against a bound; multipliers of shape (n,) or (0,)."""
    total = 0.0
    pushed = multipliers.size > 0
    for i in range(x.size):
        g = gradient[i]
        if pushed:
            g += scaling[i] * multipliers[i]
        if not pressed(x[i], lower[i], upper[i], g):
            total += g * g
    return total**0.5
