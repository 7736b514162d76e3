"""Fields of one correlation as surveys see them: what a std, a tie between fields or a noise only scales.

With f_p = t_p u_p, t_p the largest std of field p and u_p its profile, Cov(x_p, d_a) = M_pq t_p t_q diag(u_p) U_a for
a survey a that sees field q, U_a = R diag(u_q) A_aᵀ, and Cov(d_a, d_b) = M_pq t_p t_q S_ab, S_ab = A_a diag(u_p) U_b.
U and S are kept, by the operators and the correlation: the same surveys with another std, cross-correlation, noise,
exponent, bias or discrepancy cost no product with an operator.
"""

from functools import cached_property

import numpy as np

from .._places import blocks, unit_columns
from ..forward import StationSelection, lattice_and_processing, run_side_by_side
from ..priors import StationaryCorrelation
from ..problem import Cache

COLUMNS = 64  # data carried through the operators at once
KEPT = 24  # S of as many pairs of surveys
KEPT_BYTES = 2**28  # of each, at most: 5,800 data a survey
KEPT_GAINS = 4  # U of as many surveys
GAIN_BYTES = 5e8  # of each, at most
ALL = 10_000  # surveys: those who ask for U keep it as long as they last


class UnitFields:
    """U and S of the views of fields of one correlation.

    Parameters
    ----------
    cache : Cache
        Of the problem.
    views : list of View
        One for each pair of survey and field that it sees.
    correlation : Correlation
    stds : dict of {str: ndarray}
        Standard deviation of every field's m̂.
    rows : list of ndarray of int, optional
        Data used of every modality; default all. With some, the cache must be of their own.
    stored : list of View, optional
        The views with prism sums kept as matrices, where they are at hand.
    gains : Cache, optional
        Where every U is kept, whatever its size, for those that share it.
    """

    def __init__(self, cache, views, correlation, stds, rows=None, stored=None, gains=None):
        self.views, self._cache, self._correlation, self._given = views, cache, correlation, stored
        self._used = [np.arange(v.data_count) if rows is None else rows[v.modality] for v in views]
        self.tops = {name: float(std.max()) or 1.0 for name, std in stds.items()}
        self.profiles = {name: std / self.tops[name] for name, std in stds.items()}
        self._gains = Cache() if gains is None else gains

    def _kept_as(self, *which, forwards=None):
        """(parts, key) that U or S is looked up by."""
        r = self._correlation
        parts = (r.mesh, r.function) if type(r) is StationaryCorrelation else (r,)
        views, law = [self.views[k] for k in which], (getattr(r, "ranges", None), getattr(r, "axes", None))
        return (*parts, *(forwards or [v.forward for v in views])), (*law, tuple(
            (v.inside.start, v.scale, self.profiles[v.parameter].tobytes()) for v in views))

    def _known_signal(self, a, b):
        """S of two views, or rows of that of the lattices whose stations they are some of; None if it is not kept."""
        found = self._cache.find("signal", *self._kept_as(a, b))
        if found is not None:
            return found
        (first, rows), (second, columns) = (_chosen(self.views[k].forward) for k in (a, b))
        whole = self._cache.find("signal", *self._kept_as(a, b, forwards=[first, second]))
        return None if whole is None else whole[rows][:, columns]

    @cached_property
    def _stored(self):
        return [v.stored() for v in self.views] if self._given is None else self._given

    def gain(self, b):
        """U_b, shape (cells, n_b)."""
        size, kept = 8 * self._used[b].size * self.profiles[self.views[b].parameter].size, self._kept_as(b)
        return self._gains.get("gain", *kept, lambda: self._cache.get(
            "gain", *kept, lambda: self._formed(b), KEPT_GAINS if size <= GAIN_BYTES else 0), ALL)

    def _known_gain(self, b):
        kept = self._kept_as(b)
        own = self._gains.find("gain", *kept)
        return self._cache.find("gain", *kept) if own is None else own

    def _formed(self, b):
        out = np.empty((self.profiles[self.views[b].parameter].size, self._used[b].size))
        for where, smoothed in self._sweep(b):
            out[:, where] = smoothed
        return out

    def _sweep(self, b):
        """(slice, U_b of its data), some data at a time."""
        view, used = self._stored[b], self._used[b]
        known, profile = self._known_gain(b), self.profiles[view.parameter][:, None]
        for where in blocks(used.size, COLUMNS):
            if known is not None:
                yield where, known[:, where]
                continue
            unit = unit_columns(view.data_count, used[where])
            yield where, self._correlation.matmat(profile * view.rmatmat(unit))

    def signals(self):
        """S, {(a, b): ndarray (n_a, n_b)} for views a <= b."""
        count = len(self.views)
        out = {(a, b): self._known_signal(a, b) for b in range(count) for a in range(b + 1)}
        missing = [[a for a in range(b + 1) if out[a, b] is None] for b in range(count)]
        made = run_side_by_side([lambda b=b: self._between(missing[b], b) for b in range(count)])
        for b, found in enumerate(made):
            for a, block in found.items():
                out[a, b] = block
                if block.nbytes <= KEPT_BYTES:
                    self._cache.keep("signal", *self._kept_as(a, b), block, KEPT)
        return out

    def _between(self, which, b):
        """S of some views with view b, by their operators."""
        out = {a: np.empty((self._used[a].size, self._used[b].size)) for a in which}
        for where, smoothed in self._sweep(b) if which else ():
            for a, block in out.items():
                view = self._stored[a]
                block[:, where] = view.matmat(self.profiles[view.parameter][:, None] * smoothed)[self._used[a]]
        if b in out:
            out[b] = 0.5 * (out[b] + out[b].T)
        return out

    def scale(self, a, name):
        """t_p t_q of a view and of another field."""
        return self.tops[self.views[a].parameter] * self.tops[name]


def _chosen(forward):
    """(the lattice whose stations an operator sees some of, which), or the operator itself and all."""
    lattice, steps = lattice_and_processing(forward) or (forward, ())
    if len(steps) == 1 and isinstance(steps[0], StationSelection):
        return lattice, steps[0].index
    return forward, slice(None)
