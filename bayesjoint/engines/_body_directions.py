"""Fewer data for compact bodies: the directions of whitened data in which bodies show at all."""

import numpy as np

from ._body_family import draw_bodies
from ._body_kernels import set_columns

LEARNED, CHECKED = 3_000, 1_000  # bodies of the prior: directions are learned on some and checked on others
SHOWS = 0.03  # noise stds: the most that a body of contrast one std may show in all that is left out


def lean(ground, family, mesh, rng):
    """(ground, shown): a `Ground` of fewer data, and the most that a body of the prior shows in what is left out.

    Whitened data turn into few directions in which bodies show, and many in which noise and texture alone do: these say
    nothing of bodies, whatever the data. Directions are principal ones of bodies drawn from the prior; how many, other
    bodies decide, of which none may show by more than 0.03 noise stds at a contrast of one prior std. A log likelihood
    is then off by as little.
    """
    kinds, size = ground.variance.size, ground.data.size
    columns = np.zeros((LEARNED + CHECKED, kinds, size))
    set_columns(draw_bodies(family, mesh, rng, LEARNED + CHECKED)[0][:, 0], ground, columns)
    columns *= np.sqrt(ground.variance)[:, None]
    rows, span, data, start = np.zeros((len(ground.rows), kinds, size)), np.zeros_like(ground.span), [], 0
    largest = 0.0
    for members, part in _apart(ground.span):
        basis, shown = _directions(columns[:, members, part])
        largest, stop = max(largest, shown), start + basis.shape[1]
        for p in members:
            rows[:, p, start:stop] = ground.rows[:, p, part] @ basis
            span[p] = start, stop
        data.append(ground.data[part] @ basis)
        start = stop
    return ground._replace(rows=np.ascontiguousarray(rows[:, :, :start]), span=span,
                           data=np.concatenate(data) if data else ground.data[:0]), largest


def _apart(span):
    """Pairs (properties, slice of data): properties of one pair see the same data, those of different ones none."""
    groups = []
    for p in np.argsort(span[:, 0], kind="stable"):
        if groups and span[p, 0] < groups[-1][1].stop:
            members, part = groups.pop()
            groups.append(([*members, p], slice(part.start, max(part.stop, int(span[p, 1])))))
        elif span[p, 1] > span[p, 0]:
            groups.append(([p], slice(int(span[p, 0]), int(span[p, 1]))))
    return groups


def _directions(columns):
    """(basis (data, few), most that a checked body shows outside it) of columns (body, property, data)."""
    learned, checked = columns[:LEARNED].reshape(-1, columns.shape[2]), columns[LEARNED:]
    _, vectors = np.linalg.eigh(learned.T @ learned)
    vectors = vectors[:, ::-1]
    along = (checked @ vectors) ** 2
    left = np.sqrt(np.cumsum(along[..., ::-1], axis=2)[..., ::-1].max(axis=(0, 1)))  # without those from each on
    few = int(np.argmax(left <= SHOWS)) if left[-1] <= SHOWS else left.size
    few = max(few, 1)
    return np.ascontiguousarray(vectors[:, :few]), float(left[few]) if few < left.size else 0.0
