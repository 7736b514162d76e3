"""Vector work of RRCG in single passes: in separate array operations it would cost as much as the products."""

from numba import njit

FAST = {"contract", "nsz", "reassoc"}  # sums in any order: vector instructions


@njit(cache=True, nogil=True, inline="always")
def pressed(x, lower, upper, slope):
    """Whether a step against `slope` would push x beyond a bound it stands at."""
    return ((x <= lower) & (slope > 0.0)) | ((x >= upper) & (slope < 0.0))


@njit(cache=True, nogil=True, fastmath=FAST)
def renew(smooth, prior, weight, scaling, multipliers, x, lower, upper, hold, slope):
    """Renew the slope W⁻¹ ∇Φ + multipliers; return (slope², slope · last slope, last slope², ‖projected field‖²).

    Parameters
    ----------
    smooth, scaling, x, lower, upper : ndarray, shape (n,)
        ∇Φ without the block's prior, W, the point and its bounds.
    prior : ndarray, shape (n,) or (0,)
        Gradient of the prior at its starting weight, times `weight` added to `smooth`. Empty: none.
    weight : float
        Of the prior.
    multipliers : ndarray, shape (n,) or (0,)
        Added to the slope. Empty: none.
    hold : bool
        Zero the slope where it presses against a bound.
    slope : ndarray, shape (n,)
        Overwritten.
    """
    square = cross = last = projected = 0.0
    for i in range(x.size):
        field = smooth[i]
        if prior.size:
            field += weight * prior[i]
        if multipliers.size:
            field += scaling[i] * multipliers[i]
        inside = 0.0 if pressed(x[i], lower[i], upper[i], field) else field
        projected += inside * inside
        s = (inside if hold else field) / scaling[i]
        square += s * s
        cross += s * slope[i]
        last += slope[i] * slope[i]
        slope[i] = s
    return square, cross, last, projected


@njit(cache=True, nogil=True, fastmath=FAST)
def conjugate(slope, factor, scaling, x, lower, upper, hold, direction, move):
    """Renew direction = slope + factor direction and move = direction / W; return slope · direction.

    With `hold` the direction is zero where it presses against a bound; factor 0 forgets the last direction.
    """
    descent = 0.0
    for i in range(x.size):
        d = slope[i] + factor * direction[i]
        d = 0.0 if hold and pressed(x[i], lower[i], upper[i], d) else d
        direction[i] = d
        move[i] = d / scaling[i]
        descent += d * slope[i]
    return descent


@njit(cache=True, nogil=True, fastmath=FAST)
def advance(x, move, length, lower, upper):
    """Put x − length move between the bounds into x; return (whether a bound acted, ‖x‖², ‖change‖²)."""
    cut, norm, change = 0, 0.0, 0.0
    for i in range(x.size):
        target = x[i] - length * move[i]
        value = min(max(target, lower[i]), upper[i])
        cut += value != target
        norm += value * value
        change += (value - x[i]) ** 2
        x[i] = value
    return cut > 0, norm, change
