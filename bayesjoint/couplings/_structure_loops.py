"""Cross products and joint sizes of differences to the next cells, row by row of a mesh. Imported when first used.

Fields u are (P, nz, ny, nx); steps, (3, nz, ny, nx), are one over the distance to the next cell along each axis, 0 at
the last one and beside air. Forces, derivatives by those differences, are put back on both cells.
"""

import numpy as np

from .._compiled import FAST, njit


@njit(cache=True, nogil=True, fastmath=FAST)
def differences(u, p, z, y, steps, d):
    """Put the three differences of the cells of a row into d, (3, nx)."""
    here, above, beyond = u[p, z, y], u[p, min(z + 1, u.shape[1] - 1), y], u[p, z, min(y + 1, u.shape[2] - 1)]
    up, north, east = steps[0, z, y], steps[1, z, y], steps[2, z, y]
    for x in range(here.size):
        d[0, x] = (above[x] - here[x]) * up[x]
        d[1, x] = (beyond[x] - here[x]) * north[x]
    for x in range(here.size - 1):
        d[2, x] = (here[x + 1] - here[x]) * east[x]
    d[2, here.size - 1] = 0.0


@njit(cache=True, nogil=True, fastmath=FAST)
def put_back(force, p, z, y, steps, out):
    """Add forces on the differences of a row, (3, nx), to the cells that they are between."""
    here, above, beyond = out[p, z, y], out[p, min(z + 1, out.shape[1] - 1), y], out[p, z, min(y + 1, out.shape[2] - 1)]
    up, north, east = steps[0, z, y], steps[1, z, y], steps[2, z, y]
    for x in range(here.size):
        here[x] -= force[0, x] * up[x] + force[1, x] * north[x] + force[2, x] * east[x]
    for x in range(here.size):
        above[x] += force[0, x] * up[x]
    for x in range(here.size):
        beyond[x] += force[1, x] * north[x]
    for x in range(here.size - 1):
        here[x + 1] += force[2, x] * east[x]


@njit(cache=True, nogil=True, fastmath=FAST)
def add_cross(a, b, share, out):
    """Add share a × b to out, all (3, nx)."""
    for x in range(share.size):
        out[0, x] += share[x] * (a[1, x] * b[2, x] - a[2, x] * b[1, x])
        out[1, x] += share[x] * (a[2, x] * b[0, x] - a[0, x] * b[2, x])
        out[2, x] += share[x] * (a[0, x] * b[1, x] - a[1, x] * b[0, x])


@njit(cache=True, nogil=True, fastmath=FAST)
def weighted_square(a, share):
    """Σ share |a|² over a row."""
    total = 0.0
    for x in range(share.size):
        total += share[x] * (a[0, x] * a[0, x] + a[1, x] * a[1, x] + a[2, x] * a[2, x])
    return total


@njit(cache=True, nogil=True)
def add_cross_slopes(u, pairs, shares, steps, out):
    """Σ ½ share |d_p × d_q|² over cells and pairs; its derivatives by u are added to out."""
    total, (count, nz, ny, nx) = 0.0, u.shape
    d, force, c, one = np.zeros((count, 3, nx)), np.zeros((count, 3, nx)), np.zeros((3, nx)), np.ones(nx)
    for z in range(nz):
        for y in range(ny):
            force[:] = 0.0
            for p in range(count):
                differences(u, p, z, y, steps, d[p])
            for k in range(len(pairs)):
                p, q = pairs[k]
                c[:] = 0.0
                add_cross(d[p], d[q], one, c)
                total += 0.5 * weighted_square(c, shares[z, y])
                add_cross(d[q], c, shares[z, y], force[p])
                add_cross(c, d[p], shares[z, y], force[q])
            for p in range(count):
                put_back(force[p], p, z, y, steps, out)
    return total


@njit(cache=True, nogil=True)
def add_cross_curvature(u, v, pairs, shares, steps, whole, out):
    """Add the Hessian of `add_cross_slopes` times v to out; without what vanishes with d_p × d_q unless `whole`."""
    count, nz, ny, nx = u.shape
    d, e, force = np.zeros((count, 3, nx)), np.zeros((count, 3, nx)), np.zeros((count, 3, nx))
    c, change, one = np.zeros((3, nx)), np.zeros((3, nx)), np.ones(nx)
    for z in range(nz):
        for y in range(ny):
            force[:] = 0.0
            for p in range(count):
                differences(u, p, z, y, steps, d[p])
                differences(v, p, z, y, steps, e[p])
            for k in range(len(pairs)):
                p, q = pairs[k]
                change[:] = 0.0
                add_cross(e[p], d[q], one, change)
                add_cross(d[p], e[q], one, change)
                add_cross(d[q], change, shares[z, y], force[p])
                add_cross(change, d[p], shares[z, y], force[q])
                if whole:
                    c[:] = 0.0
                    add_cross(d[p], d[q], one, c)
                    add_cross(e[q], c, shares[z, y], force[p])
                    add_cross(c, e[p], shares[z, y], force[q])
            for p in range(count):
                put_back(force[p], p, z, y, steps, out)


@njit(cache=True, nogil=True, fastmath=FAST)
def add_size_slopes(u, epsilon, shares, steps, out):
    """Σ share (√(Σ_p |d_p|² + ε²) − ε) over cells; its derivatives by u are added to out."""
    total, (count, nz, ny, nx) = 0.0, u.shape
    d, size = np.zeros((count, 3, nx)), np.zeros(nx)
    for z in range(nz):
        for y in range(ny):
            size[:] = epsilon * epsilon
            for p in range(count):
                differences(u, p, z, y, steps, d[p])
                for x in range(nx):
                    size[x] += d[p, 0, x] * d[p, 0, x] + d[p, 1, x] * d[p, 1, x] + d[p, 2, x] * d[p, 2, x]
            for x in range(nx):
                size[x] = np.sqrt(size[x])
                total += shares[z, y, x] * (size[x] - epsilon)
                size[x] = shares[z, y, x] / size[x]
            for p in range(count):
                for i in range(3):
                    for x in range(nx):
                        d[p, i, x] *= size[x]
                put_back(d[p], p, z, y, steps, out)
    return total


@njit(cache=True, nogil=True, fastmath=FAST)
def add_size_curvature(u, v, epsilon, shares, steps, whole, out):
    """Add the Hessian of `add_size_slopes` times v to out; with sizes held as they are unless `whole`."""
    count, nz, ny, nx = u.shape
    d, e, size, along = np.zeros((count, 3, nx)), np.zeros((count, 3, nx)), np.zeros(nx), np.zeros(nx)
    for z in range(nz):
        for y in range(ny):
            size[:] = epsilon * epsilon
            along[:] = 0.0
            for p in range(count):
                differences(u, p, z, y, steps, d[p])
                differences(v, p, z, y, steps, e[p])
                for i in range(3):
                    for x in range(nx):
                        size[x] += d[p, i, x] * d[p, i, x]
                        along[x] += d[p, i, x] * e[p, i, x]
            for x in range(nx):
                along[x] = along[x] / size[x] if whole else 0.0
                size[x] = shares[z, y, x] / np.sqrt(size[x])
            for p in range(count):
                for i in range(3):
                    for x in range(nx):
                        e[p, i, x] = size[x] * (e[p, i, x] - along[x] * d[p, i, x])
                put_back(e[p], p, z, y, steps, out)
