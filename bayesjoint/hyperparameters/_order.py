"""Parts of a sum of Matérns that could trade places: which is which is settled by their ranges."""

from dataclasses import replace

import numpy as np
from scipy.special import gammaln

from ..priors import parts_of
from ._parts import coregionalized, matern_parameters


def alike(vector):
    """Sets of parts that give the same evidence when they change places.

    Parameters
    ----------
    vector : HyperVector

    Returns
    -------
    list of ndarray of int, shape (parts, coordinates of each)
        Indices of the free hyperparameters of every part of a set, std first, in the order of the ranges stated.
    """
    out, tied = [], {p.name for p in coregionalized(vector.problem)[1]}
    for p in matern_parameters(vector.problem):
        found = {}
        for place, part in enumerate(parts_of(p.prior)):
            angles = any(c.kind == "angle" and c.targets == (p.name,) and c.place == place for c in vector.coordinates)
            # the part that properties share is told apart by that, others by angles that are fitted
            if (place or p.name not in tied) and not angles:
                own = [i for i, c in enumerate(vector.coordinates)
                       if c.kind in ("std", "range") and c.targets == (p.name,) and c.place == place]
                found.setdefault(_shape(part), []).append((np.prod(part.ranges()), own))
        for same in found.values():
            rows = [own for _, own in sorted(same)]
            if len(rows) > 1 and all(len(own) == _most(vector) for own in rows):
                out.append(np.array(rows))
    return out


def _shape(part):
    """What two parts have in common that differ in size and in range alone."""
    std, ranges = np.asarray(part.std, dtype=float), np.array(part.ranges())
    profile = std / np.sqrt(np.mean(std**2))
    finite = np.isfinite(ranges)
    ranges[finite] /= np.exp(np.mean(np.log(ranges[finite]))) if finite.any() else 1.0
    return part.smoothness, part.orientation(), profile.shape, profile.round(9).tobytes(), ranges.round(9).tobytes()


def _most(vector):
    """How many hyperparameters a part has: its std, and what `ranges` makes of its ranges."""
    return 1 + max((len({c.axes for c in vector.known().values() if c.kind == "range" and c.targets == k.targets
                         and c.place == k.place}) for k in vector.known().values() if k.kind == "range"), default=0)


def turned(vector, theta):
    """Which hyperparameter each one's value comes from, shape (size,), for parts to keep the order of their ranges."""
    out = np.arange(vector.size)
    for rows in alike(vector):
        reach = theta[rows[:, 1:]].mean(axis=1)
        out[rows] = rows[np.argsort(reach, kind="stable")]
    return out


def in_order(vector, optimum):
    """An optimum whose parts keep the order of their ranges."""
    turn = turned(vector, optimum.theta)
    changes = {"theta": optimum.theta[turn]}
    if hasattr(optimum, "information"):
        changes |= {"information": optimum.information[np.ix_(turn, turn)], "error": optimum.error[turn]}
    return replace(optimum, **changes)


def log_orders(vector):
    """Log of how many orders parts could be in, of which one is kept."""
    return float(sum(gammaln(1 + len(rows)) for rows in alike(vector)))


def spread(vector, share):
    """Where in its bounds the range of every coordinate may start: `share`, or about it where a field has parts."""
    out = np.full(vector.size, share)
    for p in matern_parameters(vector.problem):
        reach = {place: np.prod(part.ranges()) for place, part in enumerate(parts_of(p.prior))}
        rank = {place: r for r, place in enumerate(sorted(reach, key=reach.get))}
        for i, c in enumerate(vector.coordinates):
            if c.kind == "range" and p.name in c.targets:
                out[i] = 2 * share * (1 + rank[c.place]) / (1 + len(rank))
    return out
