"""Cosine preconditioners of data on windows of lattices: M, near K, whose inverse and log determinant are known."""

import numpy as np

from .._places import as_slice
from ..forward import StationSelection
from ..solvers import CosinePreconditioner
from ._torus import channels_of


class LatticePreconditioner:
    """M: a cosine preconditioner for every window, the noise where data lie on none.

    Parameters
    ----------
    noise : ndarray, shape (n_data,)
        Variances.
    blocks : list of (ndarray of int, CosinePreconditioner)
        Data of every window, in the preconditioner's order.

    Attributes
    ----------
    rest : ndarray of int
        Data on no window.
    """

    def __init__(self, noise, blocks):
        self.blocks, held = blocks, np.zeros(noise.size, dtype=bool)
        for index, _ in blocks:
            held[index] = True
        self.rest = np.flatnonzero(~held)
        self._size, self._noise = noise.size, noise[self.rest]

    def solve(self, data):
        """M⁻¹ V, shape (n_data, k)."""
        out = np.empty(data.shape)
        for index, block in self.blocks:
            where = as_slice(index)
            out[where] = block.solve(data[where])
        out[self.rest] = data[self.rest] / self._noise[:, None]
        return out

    def sample(self, rng, count):
        """Columns with covariance M, shape (n_data, count)."""
        out = np.empty((self._size, count))
        for index, block in self.blocks:
            out[index] = block.colour(rng, count)
        out[self.rest] = np.sqrt(self._noise)[:, None] * rng.standard_normal((self.rest.size, count))
        return out

    def logdet(self):
        """Log det M."""
        return sum(block.logdet() for _, block in self.blocks) + float(np.log(self._noise).sum())


def channel_sets(groups, lags=None):
    """What lattices see of fields, one set for each set of data that covariances by lag tie.

    Fields that add up are seen by the same data: there the lags of their groups add.

    Parameters
    ----------
    groups : list of StationaryGroup
    lags : list of dict, optional
        Covariances by lag of each, in place of their own.

    Returns
    -------
    list of (surveys, channels, lags)
        As `blocks_of_windows` takes them.
    """
    sets = []
    for k, group in enumerate(groups):
        if group.covariance is None:  # logs alone
            continue
        own = group, group.covariance.lags if lags is None else lags[k]
        data = {survey.rows.start for survey in group.surveys}
        touched = [each for each in sets if each[0] & data]
        sets = [each for each in sets if not each[0] & data]
        sets.append((data.union(*(d for d, _ in touched)), [*(g for _, found in touched for g in found), own]))
    return [(found[0][0].surveys, found[0][0].channels, found[0][1]) if len(found) == 1 else _added(found)
            for _, found in sets]


def _added(found):
    """(surveys, channels, lags) of (group, its lags) that share data."""
    surveys = list({survey.rows.start: survey for group, _ in found for survey in group.surveys}.values())
    channels, lags = channels_of(surveys), {}
    place = {(surveys[k].rows.start, height): c for c, (k, height) in enumerate(channels)}
    for group, own in found:
        at = [place[group.surveys[k].rows.start, height] for k, height in group.channels]
        for (a, b), values in own.items():
            key, values = ((at[a], at[b]), values) if at[a] <= at[b] else ((at[b], at[a]), values[::-1, ::-1])
            lags[key] = _sum_of(lags[key], values) if key in lags else values
    return surveys, channels, lags


def _sum_of(one, other):
    """The sum of two arrays by lag as far as both go, lag 0 in the middle."""
    shape = tuple(min(n) for n in zip(one.shape, other.shape, strict=True))
    return sum(values[tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(values.shape, shape, strict=True))]
               for values in (one, other))


def blocks_of_windows(surveys, channels, lags, noise, extra=None, single_from=np.inf):
    """(data, CosinePreconditioner) of every window, or regular part of one, that channels share.

    Surveys whose data are not stations of their lattice are left out.

    Parameters
    ----------
    surveys : list of LatticeSurvey
    channels : list of (int, int)
        (survey, height) of every channel.
    lags : dict of {(int, int): ndarray}
        Covariance between channels a <= b by lag.
    noise : ndarray, shape (n_data,)
        Variances; those of a channel enter by their harmonic mean.
    extra : callable, optional
        ``extra(one, other, shape, stride)``: covariance by lag that something else adds to two surveys, or None.
    single_from : float, default infinite
        Data on a block above which its cosines are in float32.
    """
    for stride, members in _shared(surveys, channels):
        index = [part for _, part, _ in members]
        observed = np.array([seen for _, _, seen in members])
        picked, shape = {}, observed.shape[1:]
        for j, (b, *_) in enumerate(members):
            for i, (a, *_) in enumerate(members[: j + 1]):
                found = [_picked(lags[a, b], shape, stride)] if (a, b) in lags else []
                added = extra(surveys[channels[a][0]], surveys[channels[b][0]], shape, stride) if extra else None
                if found or added is not None:
                    picked[i, j] = sum(found, 0.0 if added is None else added)
        variance = np.array([1 / np.mean(1 / noise[part]) if part.size else 1.0 for part in index])
        dtype = np.float32 if observed.sum() > single_from else np.float64
        yield np.concatenate(index), CosinePreconditioner(picked, variance, observed, dtype)


def _shared(surveys, channels):
    """(stride, [(channel, data, observed)]) of every window or regular part of one that channels share."""
    shared = {}
    for c, (k, height) in enumerate(channels):
        survey = surveys[k]
        if len(survey.steps) > 1 or (survey.steps and not isinstance(survey.steps[0], StationSelection)):
            continue
        shape = survey.heights, *(count for _, count in survey.window)
        mask = survey.steps[0].mask.reshape(shape) if survey.steps else np.ones(shape, dtype=bool)
        first = survey.rows.start + int(mask[:height].sum())
        corner, stride, observed = _regular(mask[height])
        key = survey.window, corner, stride, observed.shape
        shared.setdefault(key, []).append((c, first + np.arange(int(mask[height].sum())), observed))
    return [(stride, members) for (_, _, stride, _), members in shared.items()]


def _regular(mask):
    """(corner, stride, observed) of the regular lattice that holds a mask's stations: every k-th node, or all."""
    lines = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
    strides = tuple(int(n[1] - n[0]) if n.size > 1 else 1 for n in lines)
    even = all(n.size < 2 or np.ptp(np.diff(n)) == 0 for n in lines)
    if not even or strides == (1, 1):
        return (0, 0), (1, 1), mask
    return tuple(int(n[0]) for n in lines), strides, mask[np.ix_(*lines)]


def _picked(lags, window, stride):
    """Lags cut to a window and its stride."""
    reach = [(n // 2, (size - 1) * k, k) for n, size, k in zip(lags.shape, window, stride, strict=True)]
    return lags[tuple(slice(middle - r, middle + r + 1, k) for middle, r, k in reach)]
