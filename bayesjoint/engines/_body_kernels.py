"""Columns and likelihood of compact bodies, compiled."""

from collections import namedtuple

import numpy as np

from .._compiled import FAST, njit
from .._superquadric import set_axes, share_inside

SIZE = 9  # numbers of a body: centre (upward, northing, easting), log half axes, strike and dip in radians, exponent
Ground = namedtuple("Ground", "upward northing easting cell rows span data soft variance volume")
Ground.__doc__ = """What bodies are put into.

Cell centres by axis; `cell`, (nz, ny, nx), its row in `rows`, −1 in air; `rows`, (cells, property, data), what unit
contrast in a cell adds to the whitened data; `span`, (property, 2), which of them it reaches: those of another survey,
without a coupling, it does not; `data`, (data,); `soft`, metres; `variance`, (property,), of contrasts; `volume`,
(cells,), m³.
"""


@njit(cache=True, nogil=True, fastmath=FAST)
def _add(shares, cells, rows, p, first, last, out):
    """Add rows of one property times shares, four at a time: the sum is fetched and stored as much less often."""
    whole = cells.size - cells.size % 4
    for c in range(0, whole, 4):
        s0, s1, s2, s3 = shares[c], shares[c + 1], shares[c + 2], shares[c + 3]
        r0, r1, r2, r3 = rows[cells[c], p], rows[cells[c + 1], p], rows[cells[c + 2], p], rows[cells[c + 3], p]
        for i in range(first, last):
            out[i] += s0 * r0[i] + s1 * r1[i] + s2 * r2[i] + s3 * r3[i]
    for c in range(whole, cells.size):
        row = rows[cells[c], p]
        for i in range(first, last):
            out[i] += shares[c] * row[i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _dot(a, b, first, last):
    total = 0.0
    for i in range(first, last):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def _first(coords, value):
    """Index of the first coordinate that is at least `value`."""
    low, high = 0, coords.size
    while low < high:
        middle = (low + high) // 2
        if coords[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def set_solid(body, half, axes):
    """Half axes, metres, and directions of a body."""
    for a in range(3):
        half[a] = np.exp(body[3 + a])
    set_axes(body[6], body[7], axes)


@njit(cache=True, nogil=True)
def reach(half, axes, d):
    """How far a body with sharp edges goes from its centre along a direction at most, metres."""
    return half[0] * abs(axes[0, d]) + half[1] * abs(axes[1, d]) + half[2] * abs(axes[2, d])


@njit(cache=True, nogil=True)
def fill(body, ground, shares, cells):
    """Write rows of cells that a body fills, and by which share, to two arrays; return how many they are."""
    half, axes = np.empty(3), np.empty((3, 3))
    set_solid(body, half, axes)
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for d, coords in enumerate((ground.upward, ground.northing, ground.easting)):
        wide = reach(half, axes, d) + 0.5 * ground.soft
        low[d], high[d] = _first(coords, body[d] - wide), _first(coords, body[d] + wide)
    count = 0
    if high[2] == low[2]:
        return count
    for k in range(low[0], high[0]):
        dz = ground.upward[k] - body[0]
        for j in range(low[1], high[1]):
            dy = ground.northing[j] - body[1]
            west, east = ground.easting[low[2]] - body[2], ground.easting[high[2] - 1] - body[2]
            for a in range(3):  # what is within soft / 2 of the body lies in its own box made wider by that
                across, slope, wide = axes[a, 0] * dz + axes[a, 1] * dy, axes[a, 2], half[a] + 0.5 * ground.soft
                if abs(slope) > 1e-12:
                    one, other = (-wide - across) / slope, (wide - across) / slope
                    west, east = max(west, min(one, other)), min(east, max(one, other))
                elif abs(across) > wide:
                    east = -np.inf
            for i in range(low[2], high[2]):
                dx = ground.easting[i] - body[2]
                cell = ground.cell[k, j, i]
                if dx < west or dx > east or cell < 0:
                    continue
                share = share_inside(dz, dy, dx, half, axes, body[8], ground.soft)
                if share > 0.0:
                    shares[count], cells[count] = share, cell
                    count += 1
    return count


@njit(cache=True, nogil=True)
def set_column(body, ground, out):
    """What a body of unit contrast in each property adds to the whitened data, (property, data), to `out`."""
    shares, cells = np.empty(ground.rows.shape[0]), np.empty(ground.rows.shape[0], dtype=np.int64)
    out[:] = 0.0
    count = fill(body, ground, shares, cells)
    for p in range(out.shape[0]):
        _add(shares[:count], cells[:count], ground.rows, p, ground.span[p, 0], ground.span[p, 1], out[p])


@njit(cache=True, nogil=True)
def set_products(column, place, count, ground, columns, gram, pull):
    """Products of the column at `place` of `count` bodies with all columns and the data, in place.

    `columns` (body, property, data), of which that at `place` is not read; `gram` (body x property,) squared, `pull`
    (body x property,).
    """
    kinds, span = ground.variance.size, ground.span
    for p in range(kinds):
        own = place * kinds + p
        pull[own] = _dot(column[p], ground.data, span[p, 0], span[p, 1])
        for b in range(count):
            for q in range(kinds):
                value = _dot(column[p], column[q] if b == place else columns[b, q], max(span[p, 0], span[q, 0]),
                             min(span[p, 1], span[q, 1]))
                gram[own, b * kinds + q] = value
                gram[b * kinds + q, own] = value


@njit(cache=True, nogil=True)
def drop(place, last, kinds, gram, pull):
    """Take the body at `place` out of products, in place: the `last` one takes its place."""
    if place == last:
        return
    size = (last + 1) * kinds
    for p in range(kinds):
        own, other = place * kinds + p, last * kinds + p
        pull[own] = pull[other]
        for i in range(size):
            gram[own, i] = gram[other, i]
    for p in range(kinds):
        own, other = place * kinds + p, last * kinds + p
        for i in range(size):
            gram[i, own] = gram[i, other]


@njit(cache=True, nogil=True)
def factorise(gram, pull, count, variance, factor, half):
    """LLᵀ = I + D G D to `factor` and L⁻¹ D b to `half`, D the std of contrasts; log likelihood ratio to no body."""
    kinds = variance.size
    size, value = count * kinds, 0.0
    for i in range(size):
        si = np.sqrt(variance[i % kinds])
        total = si * pull[i]
        for j in range(i + 1):
            entry = si * gram[i, j] * np.sqrt(variance[j % kinds]) + (1.0 if i == j else 0.0)
            for m in range(j):
                entry -= factor[i, m] * factor[j, m]
            factor[i, j] = np.sqrt(max(entry, 1e-12)) if i == j else entry / factor[j, j]
        for m in range(i):
            total -= factor[i, m] * half[m]
        half[i] = total / factor[i, i]
        value += 0.5 * half[i] * half[i] - np.log(factor[i, i])
    return value


@njit(cache=True, nogil=True)
def draw_contrasts(factor, half, count, variance, normals, out):
    """Contrasts, (body, property) to `out`, from their Gaussian law given all bodies: D L⁻ᵀ (L⁻¹ D b + ε)."""
    kinds = variance.size
    size = count * kinds
    for i in range(size - 1, -1, -1):
        value = half[i] + normals[i]
        for m in range(i + 1, size):
            value -= factor[m, i] * out[m // kinds, m % kinds] / np.sqrt(variance[m % kinds])
        out[i // kinds, i % kinds] = np.sqrt(variance[i % kinds]) * value / factor[i, i]


@njit(cache=True, nogil=True)
def highest(body):
    """Upward coordinate of the highest point of a body with a sharp edge, metres."""
    half, axes = np.empty(3), np.empty((3, 3))
    set_solid(body, half, axes)
    dual = body[8] / (body[8] - 1.0)  # the support function of a unit ball is the dual norm
    total = 0.0
    for a in range(3):
        total += (half[a] * abs(axes[a, 0])) ** dual
    return body[0] + total ** (1.0 / dual)


@njit(cache=True, nogil=True)
def draw_all_contrasts(bodies, counts, ground, normals, out):
    """Contrasts of many states given their bodies and the data, (state, body, property) to `out`, units of x.

    `bodies` (state, body, SIZE), `counts` (state,), `normals` (state, body x property) standard normal numbers; zero
    beyond the number of bodies.
    """
    most, kinds = bodies.shape[1], ground.variance.size
    columns = np.empty((most, kinds, ground.data.size))
    gram, pull = np.zeros((most * kinds, most * kinds)), np.zeros(most * kinds)
    factor, half = np.empty_like(gram), np.empty_like(pull)
    out[:] = 0.0
    for s in range(counts.size):
        for b in range(counts[s]):
            set_column(bodies[s, b], ground, columns[b])
            set_products(columns[b], b, b + 1, ground, columns, gram, pull)
        factorise(gram, pull, counts[s], ground.variance, factor, half)
        draw_contrasts(factor, half, counts[s], ground.variance, normals[s], out[s])


@njit(cache=True, nogil=True)
def describe(bodies, counts, contrasts, ground, surface, figures):
    """Write what chains are judged by, of many states.

    Parameters
    ----------
    bodies : ndarray, shape (state, body, SIZE)
    counts : ndarray of int, shape (state,)
    contrasts : ndarray, shape (state, body, property)
        Units of x.
    ground : Ground
    surface : float
        Upward coordinate above which there is no ground, metres.
    figures : ndarray, shape (state, 2 + 2 x property)
        Filled: number of bodies; top of the one that stands out most (contrast in its prior std, times volume), metres,
        at most the surface; mass of all bodies in every property, contrast x m³; mean contrast inside, weighed by its
        own size.
    """
    kinds = ground.variance.size
    shares, cells = np.empty(ground.rows.shape[0]), np.empty(ground.rows.shape[0], dtype=np.int64)
    field = np.empty((kinds, ground.volume.size))
    figures[:] = 0.0
    for s in range(counts.size):
        figures[s, 0], largest = counts[s], -1.0
        field[:] = 0.0
        for b in range(counts[s]):
            weight = 0.0
            for c in range(fill(bodies[s, b], ground, shares, cells)):
                for p in range(kinds):
                    added = shares[c] * contrasts[s, b, p]
                    field[p, cells[c]] += added
                    figures[s, 2 + p] += added * ground.volume[cells[c]]
                    weight += abs(added) * ground.volume[cells[c]] / np.sqrt(ground.variance[p])
            if weight > largest:
                largest, figures[s, 1] = weight, min(highest(bodies[s, b]), surface)
        for p in range(kinds):
            first, second = 0.0, 0.0
            for c in range(ground.volume.size):
                size = abs(field[p, c]) * ground.volume[c]
                first += size
                second += field[p, c] * size
            figures[s, 2 + kinds + p] = second / first if first > 0.0 else 0.0
