"""Truncated standard normal laws, compiled: draws by inversion, and the mirror that overrelaxes a Gibbs step."""

import math

from .._compiled import njit

TAIL = 30.0  # standard deviations up to which tail probabilities are ordinary numbers
FRACTIONS = 8  # terms of the continued fraction of Mills' ratio: 1e-15 of it at TAIL
NEWTON = 3
EDGE = 1e-9  # of quantiles: nearer to 0 or 1 they are not mirrored
SQRT_HALF = math.sqrt(0.5)
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@njit(cache=True, nogil=True)
def _quantile(p):
    """Inverse of the normal distribution function; Wichura (1988), algorithm AS 241, 1e-16 of the result."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                  + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
               + 133.14166789178437745) * r + 3.387132872796366608
        low = ((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                  + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
               + 42.313330701600911252) * r + 1.0
        return q * top / low
    r = math.sqrt(-math.log(max(min(p, 1.0 - p), 1e-300)))
    if r <= 5.0:
        r -= 1.6
        top = ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                  + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
               + 4.6303378461565452959) * r + 1.42343711074968357734
        low = ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                  + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
               + 2.05319162663775882187) * r + 1.0
    else:
        r -= 5.0
        top = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                  + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
               + 5.4637849111641143699) * r + 6.6579046435011037772
        low = ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                  + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
               + 0.59983220655588793769) * r + 1.0
    return top / low if q > 0 else -top / low


@njit(cache=True, nogil=True)
def _below(z):
    """The normal distribution function."""
    return 0.5 * math.erfc(-z * SQRT_HALF)


@njit(cache=True, nogil=True)
def _log_mills(z):
    """Logarithm of Mills' ratio (1 − Φ(z)) / φ(z) for z >= TAIL, by its continued fraction."""
    below = z
    for k in range(FRACTIONS, 0, -1):
        below = z + k / below
    return -math.log(below)


@njit(cache=True, nogil=True)
def _log_share(z, low):
    """Logarithm of (1 − Φ(z)) / (1 − Φ(low)) for z >= low >= TAIL."""
    return -0.5 * (z - low) * (z + low) + _log_mills(z) - _log_mills(low)


@njit(cache=True, nogil=True)
def _at_share(log_share, low):
    """Inverse of `_log_share`, by Newton's steps on a function that is concave and nearly a parabola."""
    z = math.sqrt(low * low - 2.0 * log_share)
    for _ in range(NEWTON):
        z += (_log_share(z, low) - log_share) * math.exp(_log_mills(z))
        z = max(z, low)
    return z


@njit(cache=True, nogil=True)
def _flipped(low, high):
    """(sign, low, high) of the interval or its mirror image, whichever has no part of the upper tail alone."""
    return (-1.0, -high, -low) if low > 0.0 else (1.0, low, high)


@njit(cache=True, nogil=True)
def _least(low, high):
    """Share of what lies below `high` that lies below `low`, both far below zero."""
    return math.exp(_log_share(-low, -high)) if low > -math.inf else 0.0


@njit(cache=True, nogil=True)
def draw(u, low, high):
    """Quantile u of the standard normal law cut to [low, high]."""
    sign, first, last = _flipped(low, high)
    u = 1.0 - u if sign < 0.0 else u
    if last <= -TAIL:
        least = _least(first, last)
        z = -_at_share(math.log(max(least + u * (1.0 - least), 1e-300)), -last)
    else:
        start = _below(first)
        z = _quantile(start + u * (_below(last) - start))
    return max(low, min(high, sign * z))


@njit(cache=True, nogil=True)
def _share_below(z, low, high):
    """Share below z of the normal law cut to [low, high]."""
    sign, first, last = _flipped(low, high)
    z = sign * z
    if last <= -TAIL:
        least = _least(first, last)
        share = (math.exp(_log_share(max(-z, -last), -last)) - least) / (1.0 - least)
    else:
        start = _below(first)
        share = (_below(z) - start) / (_below(last) - start)
    return 1.0 - share if sign < 0.0 else share


@njit(cache=True, nogil=True)
def mirror(z, low, high, u):
    """The value whose quantile is one minus that of z: the law stays, and its own mirror image gives z back.

    Quantiles within EDGE of 0 or 1 have lost their digits: the value is drawn anew there, by u. Without that a cell
    that another's move has left far out jumps to and fro between its bound and 37 standard deviations.
    """
    if low == -math.inf and high == math.inf:
        return -z
    share = _share_below(z, low, high)
    return draw(1.0 - share if EDGE < share < 1.0 - EDGE else u, low, high)


@njit(cache=True, nogil=True)
def _log_mass(low, high):
    """Logarithm of the normal law's mass between two points, however far out."""
    _, low, high = _flipped(low, high)
    if high <= -TAIL:
        least = _least(low, high)
        upper = -0.5 * high * high - HALF_LOG_2PI + _log_mills(-high)
        return upper + math.log1p(-least) if least < 1.0 else -math.inf
    mass = _below(high) - _below(low)
    return math.log(mass) if mass > 0.0 else -math.inf


@njit(cache=True, nogil=True)
def left_share(tilt, peak, low, high):
    """Share of the law ∝ exp(−z²/2 − tilt |z − peak|) on [low, high] that lies below its peak."""
    if peak <= low:
        return 0.0
    if peak >= high:
        return 1.0
    less = _log_mass(low - tilt, peak - tilt) - tilt * peak
    more = _log_mass(peak + tilt, high + tilt) + tilt * peak
    return 1.0 / (1.0 + math.exp(min(more - less, 700.0)))


@njit(cache=True, nogil=True)
def draw_tilted(u, tilt, peak, low, high, left):
    """Quantile u of that law, `left` its share below the peak."""
    if u < left:
        return tilt + draw(u / left, low - tilt, min(peak, high) - tilt)
    return -tilt + draw((u - left) / (1.0 - left), max(peak, low) + tilt, high + tilt)


@njit(cache=True, nogil=True)
def quantile_of_tilted(z, tilt, peak, low, high, left):
    """The share of that law below z."""
    if z < peak:
        return left * _share_below(z - tilt, low - tilt, min(peak, high) - tilt)
    return left + (1.0 - left) * _share_below(z + tilt, max(peak, low) + tilt, high + tilt)
