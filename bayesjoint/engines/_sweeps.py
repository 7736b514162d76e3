"""Gibbs sweeps over single unknowns, compiled."""

from collections import namedtuple

import numpy as np

from .._compiled import FAST, njit
from ._truncated_normal import EDGE, draw, draw_tilted, left_share, mirror, quantile_of_tilted

Columns = namedtuple("Columns", "values first span root row start")
Columns.__doc__ = """Columns of F = [noise-whitened operators; root of the prior's precision], by unknown.

`values[first[i] : ...]` are those of the operators over data span[i, 0] to span[i, 1]; `root[start[i] : start[i + 1]]`
those of the prior's root, in rows `row`.
"""
Laws = namedtuple("Laws", "lower upper curvature rate center epsilon")
Laws.__doc__ = """By unknown: bounds, squared norm of its column, a factor exp(−rate √((x − center)² + epsilon²))."""
Tie = namedtuple("Tie", "mate weight member strength")
Tie.__doc__ = """A Gramian of two members: the other's unknown at the same cell (−1: none), W, which member, and λ."""


@njit(cache=True, nogil=True, fastmath=FAST)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, fastmath=FAST)
def _weighted(a, weights, left):
    """(Σ w a left, Σ (w − 1) a²)."""
    pull, more = 0.0, 0.0
    for i in range(a.size):
        pull += a[i] * weights[i] * left[i]
        more += a[i] * (weights[i] - 1.0) * a[i]
    return pull, more


@njit(cache=True, nogil=True, fastmath=FAST)
def _add(scale, a, out):
    for i in range(a.size):
        out[i] += scale * a[i]


@njit(cache=True, nogil=True)
def _focused(old, mean, scale, low, high, rate, center, epsilon, u, accept, mirrored):
    """New value under exp(−rate √((x − c)² + ε²)) times a Gaussian: of the law with ε = 0, accepted by the ratio."""
    tilt, peak = rate * scale, (center - mean) / scale
    left = left_share(tilt, peak, low, high)
    if mirrored:
        share = quantile_of_tilted((old - mean) / scale, tilt, peak, low, high, left)
        u = 1.0 - share if EDGE < share < 1.0 - EDGE else u
    new = mean + scale * draw_tilted(u, tilt, peak, low, high, left)
    gap_new, gap_old = abs(new - center), abs(old - center)
    loss = np.sqrt(gap_new * gap_new + epsilon * epsilon) - gap_new
    loss -= np.sqrt(gap_old * gap_old + epsilon * epsilon) - gap_old
    return new if np.log(max(accept, 1e-300)) < -rate * loss else old


@njit(cache=True, nogil=True)
def sweep(x, left, prior, gram, u, accept, mirrored, cells, columns, laws, tie, weights):
    """One sweep over `cells`, in place.

    Kept up to date beside x: left = d − A x, prior = P (x − μ), and the Gram matrix's entries (first, second, cross).
    `weights` are those of the data, none where all are 1.
    """
    for k in range(cells.size):
        i = cells[k]
        start, stop = columns.span[i, 0], columns.span[i, 1]
        a = columns.values[columns.first[i] : columns.first[i] + stop - start]
        curvature = laws.curvature[i]
        if weights.size:
            pull, more = _weighted(a, weights[start:stop], left[start:stop])
            curvature += more
        else:
            pull = _dot(a, left[start:stop])
        for j in range(columns.start[i], columns.start[i + 1]):
            pull -= columns.root[j] * prior[columns.row[j]]
        mate, weight = tie.mate[i], tie.weight[i]
        if mate >= 0:
            member = tie.member[i]
            partner, size = tie.weight[mate] * x[mate], gram[1 - member]
            curvature += tie.strength * weight * weight * max(size - partner * partner, 0.0)
            pull -= tie.strength * weight * (size * weight * x[i] - gram[2] * partner)
        scale, mean = 1.0 / np.sqrt(curvature), x[i] + pull / curvature
        low, high = (laws.lower[i] - mean) / scale, (laws.upper[i] - mean) / scale
        if laws.rate[i] > 0.0:
            new = _focused(x[i], mean, scale, low, high, laws.rate[i], laws.center[i], laws.epsilon[i], u[k], accept[k],
                           mirrored)
        elif mirrored:
            new = mean + scale * mirror((x[i] - mean) / scale, low, high, u[k])
        else:
            new = mean + scale * draw(u[k], low, high)
        new = min(max(new, laws.lower[i]), laws.upper[i])
        change = new - x[i]
        if mate >= 0:
            gram[tie.member[i]] += weight * weight * (new + x[i]) * change
            gram[2] += weight * change * partner
        x[i] = new
        _add(-change, a, left[start:stop])
        for j in range(columns.start[i], columns.start[i + 1]):
            prior[columns.row[j]] += columns.root[j] * change
