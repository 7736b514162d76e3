"""One body cut in two, and two put together (Green 1995), compiled."""

import math

import numpy as np

from .._compiled import njit
from ._body_kernels import set_solid

TURN = 2.0 * math.pi
GAP, UNEVEN, ASIDE = 0.15, 0.3, 0.3  # stds: gap between halves and shift across, of half axes; log of half axes across
TURNED, SQUARED = 0.2, 1.0  # stds of angles, radians, and exponents of a second half about those of the first
WAYS = math.log(6.0)  # three axes, two sides


@njit(cache=True, nogil=True)
def _log_normal(value, std):
    return -0.5 * (value / std) ** 2 - math.log(std) - 0.5 * math.log(TURN)


@njit(cache=True, nogil=True)
def log_density(body, law):
    """Log density of a body of the prior, with every constant; −inf outside the bounds."""
    total = 0.0
    for d in range(body.size):
        if not law.low[d] <= body[d] <= law.high[d]:
            return -np.inf
        if 3 <= d < 6:
            total += _log_normal(body[d] - law.size, law.spread)
        else:
            total -= math.log(law.high[d] - law.low[d])
    return total


@njit(cache=True, nogil=True)
def _log_second(first, second, law):
    """Log density of angles and exponent of a second half: half are near those of the first, half of the prior."""
    near, prior = 0.0, 0.0
    for d in range(6, 9):
        away = second[d] - first[d]
        if d == 6:
            away -= TURN * round(away / TURN)
        near += _log_normal(away, SQUARED if d == 8 else TURNED)
        prior -= math.log(law.high[d] - law.low[d])
    most = max(near, prior)
    return most + math.log(0.5 * math.exp(near - most) + 0.5 * math.exp(prior - most))


@njit(cache=True, nogil=True)
def _log_cut(whole, first, second, cut, gap, uneven, aside, along, law):
    """Log of the ratio of a state cut in two to the whole one, times that of proposals, times the Jacobian.

    `cut` is where, along half axis number `along`, metres from the centre; `gap`, half of what is left out; `uneven`
    and `aside`, (2,), half of what logs of the half axes across, and centres across, differ by.
    """
    half = math.exp(whole[3 + along])
    drawn = _log_second(first, second, law) - math.log(2.0 * half) + _log_normal(gap, GAP * half)
    for k in range(2):
        across = math.exp(whole[3 + (along + 1 + k) % 3])
        drawn += _log_normal(uneven[k], UNEVEN) + _log_normal(aside[k], ASIDE * across)
    jacobian = math.log(16.0) + whole[3 + along] - first[3 + along] - second[3 + along]
    prior = log_density(first, law) + log_density(second, law) - log_density(whole, law)
    return math.log(law.decline) + WAYS + prior - drawn + jacobian


@njit(cache=True, nogil=True)
def split(whole, u, g, law, first, second):
    """Cut a body in two, `first` and `second`, which are filled; return the log ratio as of other moves, or −inf.

    The plane is across one of its half axes. The first half keeps angles and exponent; each of the nine numbers that
    the second adds is a random one, so that merging undoes it.
    """
    half, axes = np.empty(3), np.empty((3, 3))
    set_solid(whole, half, axes)
    along, side = int(3.0 * u[1]), 1.0 if u[2] < 0.5 else -1.0
    cut, gap = (2.0 * u[3] - 1.0) * half[along], GAP * half[along] * g[0]
    one, other = 0.5 * (half[along] + cut - gap), 0.5 * (half[along] - cut - gap)  # half axes of the halves
    if one <= 0.0 or other <= 0.0:
        return -np.inf
    uneven, aside = np.empty(2), np.empty(2)
    first[:], second[:] = whole, whole
    first[3 + along], second[3 + along] = math.log(one), math.log(other)
    for d in range(3):
        first[d] -= side * (half[along] - one) * axes[along, d]
        second[d] += side * (half[along] - other) * axes[along, d]
    apart = 2.0 * half[along] - one - other
    for k in range(2):
        a = (along + 1 + k) % 3
        uneven[k], aside[k] = UNEVEN * g[1 + k], ASIDE * half[a] * g[3 + k]
        if 2.0 * abs(aside[k]) >= apart:
            return -np.inf  # putting them together would take another axis
        first[3 + a] -= uneven[k]
        second[3 + a] += uneven[k]
        for d in range(3):
            first[d] -= aside[k] * axes[a, d]
            second[d] += aside[k] * axes[a, d]
    for d in range(3):
        if u[0] < 0.5:
            second[6 + d] += (SQUARED if d == 2 else TURNED) * g[5 + d]
        else:
            second[6 + d] = law.low[6 + d] + u[4 + d] * (law.high[6 + d] - law.low[6 + d])
    second[6] %= TURN
    return _log_cut(whole, first, second, cut, gap, uneven, aside, along, law)


@njit(cache=True, nogil=True)
def merge(first, second, law, whole):
    """Put two bodies together, to `whole`; return the log ratio as of other moves, or −inf."""
    half, axes = np.empty(3), np.empty((3, 3))
    set_solid(first, half, axes)
    away = np.zeros(3)
    for a in range(3):
        for d in range(3):
            away[a] += (second[d] - first[d]) * axes[a, d]
    along = int(np.argmax(np.abs(away)))
    side, one, other = 1.0 if away[along] > 0.0 else -1.0, half[along], math.exp(second[3 + along])
    apart = abs(away[along])
    length = 0.5 * (one + apart + other)
    if length <= 0.5 * (one + other):
        return -np.inf
    gap = length - one - other  # negative where they overlap
    cut = one - other
    uneven, aside = np.empty(2), np.empty(2)
    whole[:] = first
    whole[3 + along] = math.log(length)
    for d in range(3):
        whole[d] += side * (length - one) * axes[along, d]
    for k in range(2):
        a = (along + 1 + k) % 3
        uneven[k], aside[k] = 0.5 * (second[3 + a] - first[3 + a]), 0.5 * away[a]
        whole[3 + a] += uneven[k]
        for d in range(3):
            whole[d] += aside[k] * axes[a, d]
    if abs(cut) > length:
        return -np.inf
    return -_log_cut(whole, first, second, cut, gap, uneven, aside, along, law)
