"""Covariance of clean data as a matrix: what everything that factorises in data space starts from."""

import numpy as np

from ..priors.covariance import MixedCovariance, ScaledCovariance, StationaryCorrelation
from ..problem.view import View

COLUMNS = 64  # data carried through the operators of a mesh at once
WIDE = 256  # and through a torus
CELLS = 4096  # whitened at once
KEPT = 4  # sets of blocks kept
KEPT_BYTES = 2**28  # of each, at most: the two halves of a matrix of 8,000 data


def clean_covariance(model, gain=None):
    """Cov(d, d) of a linear-Gaussian problem, no noise in it, flat values left out.

    A field whose std times a correlation is its covariance enters as Σ M_pq f_p f_q S_ab, S_ab = A_a R A_bᵀ for a std
    of largest value one. S is kept, by the operators and the correlation: the same surveys with another std,
    cross-correlation, noise, exponent, bias or discrepancy cost no product with an operator.

    Parameters
    ----------
    model : LinearGaussian
    gain : ndarray, shape (size, n_data), optional
        Zeros, which get Cov(x, d).

    Returns
    -------
    ndarray, shape (n_data, n_data)
        Physical units of the data; of x those of the state vector.
    """
    problem = model.problem
    if model.groups or np.any(problem.known):  # on the torus, or given cells known exactly
        return _by_products(model, gain)
    out = np.zeros((model.data_size,) * 2)
    for (_, bound), names in zip(problem.prior.blocks, problem.prior.block_members, strict=True):
        views = [View(problem, k, name) for name in names for k, m in enumerate(problem.modalities)
                 if name in m.parameters]
        if not views:
            continue
        parameter, keep = problem.by_name[names[0]], _keeper(model, names, views, gain)
        few = parameter.mesh is None and parameter.size <= model.data_size
        blocks = _of_vector(bound, parameter, views, keep) if few else _of_fields(
            problem.cache, bound, names, views, keep)
        for (a, b), block in blocks.items():
            rows, columns = (model.data_slices[views[k].modality] for k in (a, b))
            out[rows, columns] += block
            if a != b:
                out[columns, rows] += block.T
    return out


def whitened_covariance(model):
    """The same of whitened clean data: W Cov(d, d) Wᵀ."""
    return _whitened(model, clean_covariance(model))


def _whitened(model, covariance):
    white = model.whiten(model.whiten(covariance).T)
    return 0.5 * (white + white.T)


def gain_and_covariance(model):
    """(Cov(x, d̃), shape (size, n_data), and Cov(d̃, d̃)) of whitened clean data d̃: one pass through the operators."""
    gain = np.zeros((model.size, model.data_size))
    covariance = clean_covariance(model, gain)
    for first in range(0, model.size, CELLS):
        gain[first : first + CELLS] = model.whiten(gain[first : first + CELLS].T).T
    return gain, _whitened(model, covariance)


def _keeper(model, names, views, gain):
    """What writes Γ Aᵀ of some data of view b into the gain; None if none is wanted."""
    if gain is None:
        return None

    def keep(b, columns, given):
        start = model.data_slices[views[b].modality].start
        for name in names:
            gain[model.problem.slices[name], start + columns.start : start + columns.stop] += given(name)

    return keep


def between(views, smooth, rows=None, keep=None):
    """A_a Γ A_bᵀ for every pair a <= b of views of one field, or of fields of one correlation.

    Parameters
    ----------
    views : list of View
    smooth : callable
        ``smooth(b, fields)`` takes fields (size, k) as view b sees them, and returns a function of a parameter's name:
        Γ times those fields, of that parameter.
    rows : list of ndarray of int, optional
        Data used of every modality; default all.
    keep : callable, optional
        ``keep(b, columns, given)``: is shown what `smooth` gave for some data, a slice, of view b.

    Returns
    -------
    dict of {(a, b): ndarray (n_a, n_b)}
    """
    used = [np.arange(v.data_count) if rows is None else rows[v.modality] for v in views]
    out = {(a, b): np.empty((used[a].size, used[b].size)) for b in range(len(views)) for a in range(b + 1)}
    for b, columns, given in _sweep(views, smooth, used):
        for a in range(b + 1):
            out[a, b][:, columns] = views[a].matmat(given(views[a].parameter))[used[a]]
        if keep is not None:
            keep(b, columns, given)
    for a in range(len(views)):
        out[a, a] = 0.5 * (out[a, a] + out[a, a].T)
    return out


def _sweep(views, smooth, used):
    """(view, slice of its used data, what `smooth` gives for them), some data at a time."""
    for b, view in enumerate(views):
        for first in range(0, used[b].size, COLUMNS):
            part = used[b][first : first + COLUMNS]
            unit = np.zeros((view.data_count, part.size))
            unit[part, np.arange(part.size)] = 1.0
            yield b, slice(first, first + part.size), smooth(b, view.rmatmat(unit))


def by_correlation(views, correlation, stds):
    """`smooth` of `between` for fields of one correlation; `stds` {parameter: std of m̂, (size,)}."""
    def smooth(b, fields):
        smoothed = correlation.matmat(stds[views[b].parameter][:, None] * fields)
        return lambda name: stds[name][:, None] * smoothed

    return smooth


def _of_fields(cache, bound, names, views, keep):
    """Blocks of fields on a mesh."""
    covariance = bound.covariance
    if not isinstance(covariance, (ScaledCovariance, MixedCovariance)):
        return between([v.stored() for v in views], lambda b, fields: _same(covariance.matmat(fields)), keep=keep)
    mixed = isinstance(covariance, MixedCovariance)
    stds = dict(zip(names, covariance.stds if mixed else [covariance.std], strict=True))
    mixing = covariance.mixing if mixed else np.eye(1)
    place = {name: k for k, name in enumerate(names)}

    def factor(one, other):
        return mixing[place[one], place[other]]

    def keep_mixed(b, columns, given):
        keep(b, columns, lambda name: factor(name, views[b].parameter) * given(name))

    blocks = kept_blocks(cache, views, covariance.correlation, stds, None if keep is None else keep_mixed)
    return {(a, b): factor(views[a].parameter, views[b].parameter) * block for (a, b), block in blocks.items()}


def _same(fields):
    return lambda name: fields


def kept_blocks(cache, views, correlation, stds, keep=None):
    """`between` of fields of one correlation, {(a, b): ndarray}; what a std of another size needs no product for."""
    tops = {name: float(std.max()) for name, std in stds.items()}
    profiles = {name: std / tops[name] for name, std in stds.items()}
    parts = (correlation.mesh, correlation.function) if type(correlation) is StationaryCorrelation else (correlation,)
    key = getattr(correlation, "ranges", None), tuple(
        (v.inside.start, v.scale, profiles[v.parameter].tobytes()) for v in views)
    shown = None if keep is None else lambda b, columns, given: keep(
        b, columns, lambda name: tops[views[b].parameter] * tops[name] * given(name))
    smooth, formed = by_correlation(views, correlation, profiles), []

    def make():
        formed.append(True)
        return between([v.stored() for v in views], smooth, keep=shown)

    small = 8 * sum(v.data_count for v in views) ** 2 <= 2 * KEPT_BYTES
    found = cache.get("blocks", parts + tuple(v.forward for v in views), key, make, KEPT) if small else make()
    if keep is not None and not formed:  # known already: only what `keep` wants is made
        for each in _sweep([v.stored() for v in views], smooth, [np.arange(v.data_count) for v in views]):
            shown(*each)
    return {(a, b): tops[views[a].parameter] * tops[views[b].parameter] * block for (a, b), block in found.items()}


def _of_vector(bound, parameter, views, keep):
    """Blocks of a plain vector of few values, such as a bias."""
    columns = [v.matmat(np.eye(parameter.size)) for v in views]
    smoothed = [bound.covariance.matmat(c.T) for c in columns]
    for b, each in enumerate(smoothed if keep else ()):
        keep(b, slice(0, each.shape[1]), lambda name, each=each: each)
    return {(a, b): columns[a] @ smoothed[b] for b in range(len(views)) for a in range(b + 1)}


def _by_products(model, gain=None):
    """The same, a product of the whole covariance with every datum."""
    out = np.empty((model.data_size,) * 2)
    for first in range(0, model.data_size, WIDE):
        width = min(WIDE, model.data_size - first)
        unit = np.zeros((model.data_size, width))
        unit[first + np.arange(width), np.arange(width)] = 1.0
        columns = slice(first, first + width)
        if gain is None:
            out[:, columns] = model.signal(unit)
        else:
            gain[:, columns], out[:, columns] = model.gain_and_signal(unit)
    return 0.5 * (out + out.T)
