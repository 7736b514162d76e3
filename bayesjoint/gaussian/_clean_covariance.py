"""Covariance of clean data, and of the model with them, as matrices: what everything that factorises starts from."""

import copy

import numpy as np

from .._places import blocks, unit_columns
from ..forward import run_side_by_side
from ..problem import Cache, views_of
from ._unit_fields import UnitFields

WIDE = 256  # data carried through a torus at once


class CleanCovariance:
    """Cov(d, d), and on demand Cov(x, d), of a linear-Gaussian problem: no noise in it, flat values left out.

    Physical units of the data; of x those of the state vector.

    Parameters
    ----------
    model : LinearGaussian
    with_gain : bool, default False
        Whether Cov(x, d) will be asked for.
    before : CleanCovariance, optional
        The covariance of the first surveys, with gain and on the same torus, if it is known already: its blocks are
        copied. Where fields end with the mesh it may be of any surveys.

    Attributes
    ----------
    matrix : ndarray, shape (n_data, n_data)
        Cov(d, d).
    """

    def __init__(self, model, with_gain=False, before=None):
        self.model, self.matrix = model, np.zeros((model.data_size,) * 2)
        self._pieces, self._gain = [], None
        self._gains = Cache() if before is None else before._gains
        if model.groups or np.any(model.problem.known):  # on the torus, or given cells known exactly
            self._by_products(with_gain, before)
            return
        problem = model.problem
        for (_, bound), names in zip(problem.prior.blocks, problem.prior.block_members, strict=True):
            views = views_of(problem, names)
            if not views:
                continue
            kind = _Others if not hasattr(bound.covariance, "terms") else (
                _Fields if len(bound.covariance.terms) == 1 else _Sums)
            piece = kind(problem, names, bound.covariance, views, self._gains)
            for (a, b), block in piece.signals(with_gain).items():
                rows, columns = (model.data_slices[views[k].modality] for k in (a, b))
                self.matrix[rows, columns] += block
                if a != b:
                    self.matrix[columns, rows] += block.T
            self._pieces.append(piece)

    def whitened(self):
        """W Cov(d, d) Wᵀ."""
        white = self.model.whiten(self.model.whiten(self.matrix).T)
        white += white.T.copy()
        white *= 0.5
        return white

    def part(self, model):
        """The same of some surveys and the parameters that they see, under the same marginal priors.

        A continued field alone may live on another torus than beside its fellows: then it is formed anew.
        """
        if self._gain is None:
            return CleanCovariance(model, with_gain=True, before=self)
        if {g.torus for g in model.groups} != {g.torus for g in self.model.groups}:
            return CleanCovariance(model, with_gain=True)
        mine, theirs = self.model.problem, model.problem
        data = np.concatenate([np.arange(self.model.data_size)[mine.data_slices[name]] for name in theirs.data_slices])
        x = np.concatenate([np.arange(mine.size)[mine.slices[name]] for name in theirs.slices])
        out = copy.copy(self)
        out.model, out.matrix, out._gain = model, self.matrix[np.ix_(data, data)], self._gain[np.ix_(x, data)]
        return out

    # -- Cov(x, d) -----------------------------------------------------------------------------------------------------
    def gain(self, data):
        """Cov(x, d) V, shape (size, k), for V of shape (n_data, k)."""
        return self._gain @ data if self._gain is not None else self._summed(
            "add_gain", data, (self.model.size, data.shape[1]))

    def gain_adjoint(self, x):
        """Cov(d, x) X, shape (n_data, k), for X of shape (size, k)."""
        return self._gain.T @ x if self._gain is not None else self._summed(
            "add_gain_adjoint", x, (self.model.data_size, x.shape[1]))

    def gain_rows(self, where):
        """Cov(x, d) of a slice of x, shape (k, n_data)."""
        return self._gain[where] if self._gain is not None else self._summed(
            "add_rows", where, (where.stop - where.start, self.model.data_size))

    def _summed(self, method, given, shape):
        """What a method of every piece adds to zeros."""
        out = np.zeros(shape)
        for piece in self._pieces:
            getattr(piece, method)(given, out, self.model.data_slices)
        return out

    def shared_rows(self, step):
        """W Cov(d, x) of some values of x at a time, fields that are seen through the same matrices together.

        Yields
        ------
        members : list of (slice, list of ndarray)
            Places in x, and one factor a part, shape (k,) or a number: W Cov(d, x) is the sum of factor · part.
        parts : list of (int, ndarray of shape (n_data − first, k))
            First datum that a part is not 0 on, and the part from there, columns contiguous.
        """
        if self._gain is not None:
            for where in blocks(self.model.size, step):
                yield [(where, [1.0])], [(0, np.asfortranarray(self.model.whiten(self._gain[where].T)))]
        for piece in self._pieces:
            yield from piece.shared_rows(step, self.model)

    def _by_products(self, with_gain, before):
        """A product of the whole covariance with every datum."""
        model, first = self.model, 0
        self._gain = np.empty((model.size, model.data_size)) if with_gain else None
        if before is not None:
            first = before.model.data_size
            self._gain[:, :first], self.matrix[:first, :first] = before.gain_rows(slice(0, model.size)), before.matrix
        for columns in blocks(model.data_size, WIDE, first):
            unit = unit_columns(model.data_size, columns)
            if with_gain:
                self._gain[:, columns], seen = model.gain_and_signal(unit)
            else:
                seen = model.signal(unit)
            self.matrix[: columns.stop, columns] = seen[: columns.stop]
            self.matrix[columns, : columns.start] = seen[: columns.start].T
        self.matrix = 0.5 * (self.matrix + self.matrix.T)


class _Fields:
    """Fields on a mesh whose covariance is a std times a correlation."""

    def __init__(self, problem, names, covariance, views, gains):
        stds = dict(zip(names, covariance.stds, strict=True))
        self._mixing, self._places = covariance.mixing, {n: k for k, n in enumerate(names)}
        self._slices, self._views = {name: problem.slices[name] for name in names}, views
        self._unit = UnitFields(problem.cache, views, covariance.correlation, stds, gains=gains)
        self._profiles = self._unit.profiles

    def _through(self, b):
        """What Cov(x, d_b) is of, up to the ties and profiles of the fields, shape (cells, n_b)."""
        return self._unit.gain(b)

    def _tie(self, b, name):
        """M_pq t_p t_q of the field that a view sees and another one."""
        return self._mixing[self._places[self._views[b].parameter], self._places[name]] * self._unit.scale(b, name)

    def signals(self, with_gain):
        if with_gain:
            run_side_by_side([lambda b=b: self._unit.gain(b) for b in range(len(self._views))])
        return {(a, b): self._tie(a, self._views[b].parameter) * block
                for (a, b), block in self._unit.signals().items()}

    def add_gain(self, data, out, runs):
        for b, view in enumerate(self._views):
            through = self._through(b) @ data[runs[view.modality]]
            for name, where in self._slices.items():
                if tie := self._tie(b, name):
                    out[where] += (tie * self._profiles[name])[:, None] * through

    def add_gain_adjoint(self, x, out, runs):
        for b, view in enumerate(self._views):
            seen = sum((self._tie(b, name) * self._profiles[name])[:, None] * x[where]
                       for name, where in self._slices.items())
            out[runs[view.modality]] += self._through(b).T @ seen

    def shared_rows(self, step, model):
        surveys = [view.modality for view in self._views]
        for cells in blocks(next(iter(self._profiles.values())).size, step):
            parts = []
            for b, k in enumerate(surveys):
                first, count = model.data_slices[k].start, self._views[b].data_count
                part = np.zeros((model.data_size - first, cells.stop - cells.start), order="F")
                part[:count] = model.whiten_survey(k, self._through(b)[cells].T)
                parts.append((first, part))
            yield [(slice(where.start + cells.start, where.start + cells.stop),
                    [self._tie(b, name) * self._profiles[name][cells] for b in range(len(surveys))])
                   for name, where in self._slices.items()], parts

    def add_rows(self, where, out, runs):
        for name, place in self._slices.items():
            first, last = max(where.start, place.start), min(where.stop, place.stop)
            if first >= last:
                continue
            cells = slice(first - place.start, last - place.start)
            for b, view in enumerate(self._views):
                weight = (self._tie(b, name) * self._profiles[name][cells])[:, None]
                out[first - where.start : last - where.start, runs[view.modality]] += weight * self._through(b)[cells]


class _Sums:
    """Fields that are sums of such fields: what each of these gives, together."""

    def __init__(self, problem, names, covariance, views, gains):
        self._terms = []
        for members, term in covariance.terms:
            own = [names[k] for k in members]
            seen = [b for b, view in enumerate(views) if view.parameter in own]
            if seen:
                self._terms.append((seen, _Fields(problem, own, term, [views[b] for b in seen], gains)))

    def signals(self, with_gain):
        out = {}
        for seen, term in self._terms:
            for (a, b), block in term.signals(with_gain).items():
                key = seen[a], seen[b]
                out[key] = out[key] + block if key in out else block
        return out

    def add_gain(self, data, out, runs):
        for _, term in self._terms:
            term.add_gain(data, out, runs)

    def add_gain_adjoint(self, x, out, runs):
        for _, term in self._terms:
            term.add_gain_adjoint(x, out, runs)

    def add_rows(self, where, out, runs):
        for _, term in self._terms:
            term.add_rows(where, out, runs)

    def shared_rows(self, step, model):
        for found in zip(*(term.shared_rows(step, model) for _, term in self._terms), strict=True):
            factors, parts = {}, []
            for members, own in found:  # a value of x is what all terms say of it: 0 of those it is no part of
                for where, mine in members:
                    before = factors.setdefault((where.start, where.stop), [])
                    before += [0.0] * (len(parts) - len(before)) + mine
                parts += own
            yield [(slice(*where), mine + [0.0] * (len(parts) - len(mine))) for where, mine in factors.items()], parts


class _Others(_Fields):
    """Parameters with another covariance: plain vectors, or fields without a correlation of their own."""

    def __init__(self, problem, names, covariance, views, _):
        self._slices, self._covariance = {names[0]: problem.slices[names[0]]}, covariance
        self._views, self._columns = [v.stored() for v in views], {}
        self._profiles = {names[0]: np.ones(covariance.size)}

    def _tie(self, b, name):
        return 1.0

    def _through(self, b):
        """Γ A_bᵀ, shape (size, n_b)."""
        if b not in self._columns:
            self._columns[b] = self._covariance.matmat(self._views[b].matrix().T)
        return self._columns[b]

    def signals(self, with_gain):
        out = {(a, b): self._views[a].matmat(self._through(b)) for b in range(len(self._views)) for a in range(b + 1)}
        return {(a, b): 0.5 * (block + block.T) if a == b else block for (a, b), block in out.items()}
