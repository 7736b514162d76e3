"""Moves of compact bodies and of ladders of them, compiled."""

import math
from collections import namedtuple

import numpy as np

from .._compiled import njit
from ._body_kernels import drop, factorise, set_column, set_products, set_solid

UNIFORMS, NORMALS = 10, 6  # random numbers of one move
TRANSLATE, AXES, FACE, SHAPE, ANGLES, DIFFERENCE, RELABEL, REDRAW, BIRTH, DEATH = range(10)
SHARES = np.cumsum([0.12, 0.06, 0.1, 0.06, 0.1, 0.28, 0.1, 0.06, 0.06, 0.06])  # of moves; births as many as deaths
LOCAL = DIFFERENCE  # kinds whose steps are set in the warm-up: those before it
TURN = 2.0 * math.pi
WIDE = 0.8  # std of the log of a step about its scale: bodies of one state may be known unequally well

Law = namedtuple("Law", "low high size spread decline near")
Law.__doc__ = """Prior of bodies.

`low` and `high`, (SIZE,), bounds within which centre, angles and exponent are uniform; `size` and `spread`, mean and
std of log half axes; `decline`, P(K + 1) / P(K); `near`, std of where half of births are put about a body, metres.
"""
Replicas = namedtuple("Replicas", "bodies count columns gram pull like")
Replicas.__doc__ = """States of a ladder: bodies (replica, body, SIZE), how many, columns, products, log likelihood."""
Ladder = namedtuple("Ladder", "exponents scales order heading swaps trips tried parity")
Ladder.__doc__ = """Tempering of one ladder.

`exponents`, (level,), falling from 1; `scales`, (level, kind), of steps, in what the prior spans; `order`, (level,),
which replica stands there; `heading`, (replica,), 1 after it was at the first level, 2 after the last; `swaps`,
(2, level − 1), sum of chances of exchange and how many; `trips`, (1,), from the first level to the last and back;
`tried`, (2, level, kind), sum of chances of acceptance and how many; `parity`, (1,), first level of the next exchange.
"""


@njit(cache=True, nogil=True)
def draw_body(u, g, law, out):
    """A body of the prior, from six uniform and three normal numbers."""
    for d in range(3):
        out[d] = law.low[d] + u[d] * (law.high[d] - law.low[d])
        out[3 + d] = law.size + law.spread * g[d]
        out[6 + d] = law.low[6 + d] + u[3 + d] * (law.high[6 + d] - law.low[6 + d])


@njit(cache=True, nogil=True)
def draw_all(u, g, counts, law, out):
    """Bodies of the prior, (state, body, SIZE) to `out`, as many in each state as `counts` says."""
    for s in range(counts.size):
        for b in range(counts[s]):
            draw_body(u[s, b], g[s, b], law, out[s, b])


@njit(cache=True, nogil=True)
def _crowding(body, bodies, count, left_out, law):
    """Density of births at a body's centre over the prior's: half are uniform, half near one of the others."""
    volume, others, total = 1.0, 0, 0.0
    for d in range(3):
        volume *= law.high[d] - law.low[d]
    for b in range(count):
        if b != left_out:
            square = 0.0
            for d in range(3):
                square += ((body[d] - bodies[b, d]) / law.near) ** 2
            total += math.exp(-0.5 * square)
            others += 1
    return 0.5 + 0.5 * volume * total / others / (math.sqrt(TURN) * law.near) ** 3


@njit(cache=True, nogil=True)
def _log_prior(body, law):
    """Log density of a body's half axes, without constants; −inf outside the bounds."""
    total = 0.0
    for d in range(body.size):
        if not law.low[d] <= body[d] <= law.high[d]:
            return -np.inf
    for d in range(3, 6):
        total -= 0.5 * ((body[d] - law.size) / law.spread) ** 2
    return total


@njit(cache=True, nogil=True)
def _turn(kind, step, u, g, law, out):
    """Turn a body a little, or by a quarter with two axes exchanged, in place."""
    if kind == ANGLES:
        for d in range(3):
            if u[1] < 0.4 or int(3.0 * u[2]) == d:
                out[6 + d] += 0.5 * step * (law.high[6 + d] - law.low[6 + d]) * g[d]
    else:  # upright or lying, a quarter of a turn and two axes exchanged is nearly the same solid
        other = 1 if u[1] < 0.5 else 2
        out[3], out[3 + other] = out[3 + other], out[3]
        out[6] += (0.25 if u[2] < 0.5 else -0.25) * TURN + 0.5 * step * g[0]
        out[7] += step * g[1]
        for d in range(3):
            out[3 + d] += 0.5 * step * law.spread * g[2 + d]
    out[7] %= 0.5 * TURN  # a dip of −d or 180° − d is one of d, seen from the other side
    if out[7] > 0.25 * TURN:
        out[6], out[7] = out[6] + 0.5 * TURN, 0.5 * TURN - out[7]


@njit(cache=True, nogil=True)
def propose(kind, scale, bodies, count, place, u, g, law, differences, out):
    """Write a new body to `out`; return the log of prior ratio times proposal ratio of the move, −inf if impossible.

    `scale` is the median step of the local kinds.
    """
    if kind == REDRAW:
        draw_body(u, g, law, out)
        return 0.0
    if kind == BIRTH:
        if count == bodies.shape[0]:
            return -np.inf
        draw_body(u, g, law, out)
        if u[6] < 0.5:
            for d in range(3):
                out[d] = bodies[place, d] + law.near * g[3 + d]
                if not law.low[d] <= out[d] <= law.high[d]:
                    return -np.inf
        return math.log(law.decline) - math.log(_crowding(out, bodies, count, -1, law))
    if kind == DEATH:
        if count == 1:
            return -np.inf
        return math.log(_crowding(bodies[place], bodies, count, place, law)) - math.log(law.decline)
    out[:] = bodies[place]
    step = scale * math.exp(WIDE * g[5])
    if kind == TRANSLATE:
        for d in range(3):
            if u[1] < 0.5 or int(3.0 * u[2]) == d:  # half along one axis alone
                out[d] += 2.0 * step * math.exp(law.size) * g[d]
    elif kind == AXES:
        for d in range(3):
            if u[1] < 0.5 or int(3.0 * u[2]) == d:
                out[3 + d] += step * law.spread * g[d]
    elif kind == FACE:
        half, axes = np.empty(3), np.empty((3, 3))
        set_solid(out, half, axes)
        a, side = int(3.0 * u[1]), 1.0 if u[2] < 0.5 else -1.0
        out[3 + a] += step * law.spread * g[0]
        for d in range(3):  # the opposite face stays; the map (centre, log axis) has determinant 1
            out[d] += side * (math.exp(out[3 + a]) - half[a]) * axes[a, d]
    elif kind == SHAPE:
        mean = (g[0] + g[1] + g[2]) / 3.0
        for d in range(3):
            out[3 + d] += step * law.spread * (g[d] - mean)
    elif kind in (ANGLES, RELABEL):
        _turn(kind, step, u, g, law, out)
    else:
        scale = step * (1.0 if u[1] < 0.5 else -1.0)
        row = differences[int(u[2] * differences.shape[0])]
        for d in range(out.size):
            out[d] += scale * row[d]
    out[6] %= TURN
    return _log_prior(out, law) - _log_prior(bodies[place], law)


@njit(cache=True, nogil=True)
def move(kind, r, exponent, scale, replicas, u, g, ground, law, differences, scratch):
    """One move of a replica, accepted or not; return the chance that it was.

    `scratch` holds a body, a column, products and a factor.
    """
    body, column, gram, pull, factor, half = scratch
    bodies, count, columns = replicas.bodies[r], replicas.count[r], replicas.columns[r]
    place, after = int(u[8] * count), count
    log_ratio = propose(kind, scale, bodies, count, place, u, g, law, differences, body)
    if log_ratio == -np.inf:
        return 0.0
    gram[:], pull[:] = replicas.gram[r], replicas.pull[r]
    if kind == DEATH:
        after = count - 1
        drop(place, after, ground.variance.size, gram, pull)
    else:
        if kind == BIRTH:
            place, after = count, count + 1
        set_column(body, ground, column)
        set_products(column, place, after, ground, columns, gram, pull)
    like = factorise(gram, pull, after, ground.variance, factor, half)
    chance = math.exp(min(log_ratio + exponent * (like - replicas.like[r]), 0.0))
    if u[9] >= chance:
        return chance
    if kind == DEATH:  # the last one takes its place
        bodies[place], columns[place] = bodies[after], columns[after]
    else:
        bodies[place], columns[place] = body, column
    replicas.gram[r], replicas.pull[r] = gram, pull
    replicas.count[r], replicas.like[r] = after, like
    return chance


@njit(cache=True, nogil=True)
def exchange(ladder, replicas, swap):
    """Exchange every other pair of levels, or not, the other ones at the next call; count round trips."""
    levels = ladder.exponents.size
    for level in range(ladder.parity[0], levels - 1, 2):
        one, other = ladder.order[level], ladder.order[level + 1]
        log = (ladder.exponents[level] - ladder.exponents[level + 1]) * (replicas.like[other] - replicas.like[one])
        chance = math.exp(min(log, 0.0))
        ladder.swaps[0, level] += chance
        ladder.swaps[1, level] += 1.0
        if swap[level] < chance:
            ladder.order[level], ladder.order[level + 1] = other, one
    ladder.parity[0] = 1 - ladder.parity[0]
    first, last = ladder.order[0], ladder.order[levels - 1]
    if ladder.heading[first] == 2:
        ladder.trips[0] += 1
    ladder.heading[first] = 1
    if ladder.heading[last] == 1:
        ladder.heading[last] = 2


@njit(cache=True, nogil=True)
def refresh(r, replicas, ground, scratch):
    """Columns, products and log likelihood of a replica anew from its bodies."""
    for b in range(replicas.count[r]):
        set_column(replicas.bodies[r, b], ground, replicas.columns[r, b])
        set_products(replicas.columns[r, b], b, b + 1, ground, replicas.columns[r], replicas.gram[r], replicas.pull[r])
    replicas.like[r] = factorise(replicas.gram[r], replicas.pull[r], replicas.count[r], ground.variance, scratch[4],
                                 scratch[5])


@njit(cache=True, nogil=True)
def run(replicas, ladder, u, g, swap, bodies, counts, ground, law, differences, scratch):
    """Rounds of moves of every replica, each followed by exchanges between every other pair of levels.

    `u` (round, level − 1, move, UNIFORMS), `g` (round, level − 1, move, NORMALS), `swap` (round, level) random numbers;
    `bodies` (round, body, SIZE) and `counts` (round,), states of the prior that the last level gets, each round another
    one; `differences`, (level, n, SIZE), of bodies of an archive. Pairs alternate (Syed et al. 2022): replicas then
    wander along the ladder with a direction.
    """
    last = ladder.exponents.size - 1
    for t in range(u.shape[0]):
        for level in range(last):
            for m in range(u.shape[2]):
                kind = 0
                while kind < DEATH and u[t, level, m, 7] > SHARES[kind]:
                    kind += 1
                if kind == DIFFERENCE and differences.shape[1] == 0:
                    kind = TRANSLATE
                ladder.tried[0, level, kind] += move(
                    kind, ladder.order[level], ladder.exponents[level], ladder.scales[level, kind], replicas,
                    u[t, level, m], g[t, level, m], ground, law, differences[level], scratch)
                ladder.tried[1, level, kind] += 1.0
        r = ladder.order[last]
        replicas.bodies[r], replicas.count[r] = bodies[t], counts[t]
        refresh(r, replicas, ground, scratch)
        exchange(ladder, replicas, swap[t])
