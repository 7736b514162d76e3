"""K of surveys on lattices under continued fields as an operator, with its cosine preconditioner, for one θ."""

import numpy as np

from ..forward.processing import StationSelection
from ..solvers.cosine import CosinePreconditioner


class LatticeSystem:
    """Σ of stationary covariances among lattice data, processed into data, plus independent noise.

    Parameters
    ----------
    signals : list of TorusSignal
    covariances : list of LatticeCovariance
        Of each, between its channels.
    noise : ndarray, shape (n_data,)
        Variances.
    runs : list of slice
        Place of each modality among the data.
    """

    def __init__(self, signals, covariances, noise, runs):
        self._signals, self.covariances, self._noise, self._runs = signals, covariances, noise, runs

    @property
    def size(self):
        """Number of data."""
        return self._noise.size

    def product(self, data):
        """K V, shape (n_data, k)."""
        out = self._noise[:, None] * data
        for signal, covariance in zip(self._signals, self.covariances, strict=True):
            self._add(signal, covariance, data, out)
        return out

    def _add(self, signal, covariance, data, out):
        count, lattices = data.shape[1], []
        for view, (lattice, steps) in zip(signal.views, signal.lattices, strict=True):
            values = data[self._runs[view.modality]]
            for step in reversed(steps):
                values = step.rmatmat(values)
            lattices.append(np.ascontiguousarray(values.T).reshape(count, *_shape(lattice)))
        products = covariance.product([lattices[v][:, h] for v, h in signal.channels])
        for v, view in enumerate(signal.views):
            mine = [p for p, (owner, _) in zip(products, signal.channels, strict=True) if owner == v]
            values = np.stack(mine, axis=1).reshape(count, -1).T
            for step in signal.lattices[v][1]:
                values = step.matmat(values)
            out[self._runs[view.modality]] += values

    # -- M -----------------------------------------------------------------------------------------------------------
    def preconditioner(self, change=None, step=0.0):
        """M of this system, or of one whose lags and noise are moved by `step` times those of another.

        Parameters
        ----------
        change : LatticeSystem, optional
            A derivative of this one.
        step : float, default 0.0

        Returns
        -------
        Plates
        """
        noise = self._noise + step * (0.0 if change is None else change._noise)
        plates, held = [], np.zeros(self.size, dtype=bool)
        for g, signal in enumerate(self._signals):
            lags = dict(self.covariances[g].lags)
            if change is not None:
                moved = change.covariances[g].lags
                lags = {key: value + step * moved[key] if key in moved else value for key, value in lags.items()}
            for index, observed, mine, stride in self._shared(signal, self.covariances[g]):
                held[index] = True
                variance = [1 / np.mean(1 / noise[part]) for part in _split(index, observed)]
                picked = _picked(lags, mine, observed.shape[1:], stride)
                plates.append((index, CosinePreconditioner(picked, np.array(variance), observed)))
        rest = np.flatnonzero(~held)
        return Plates(self.size, plates, rest, noise[rest])

    def _shared(self, signal, covariance):
        """(data, observed (C, rows, columns), channels, stride) of every window or regular part that channels share."""
        shared = {}
        for c, (v, h) in enumerate(signal.channels):
            lattice, steps = signal.lattices[v]
            mask = np.ones(_shape(lattice), dtype=bool)
            if len(steps) > 1 or (steps and not isinstance(steps[0], StationSelection)):
                continue
            if steps:
                mask = steps[0].rmatmat(np.ones((steps[0].shape[0], 1)))[:, 0].reshape(mask.shape) > 0
            first = self._runs[signal.views[v].modality].start + int(mask[:h].sum())
            corner, stride, observed = _regular(mask[h])
            key = (covariance.windows[c], corner, stride, observed.shape)
            shared.setdefault(key, []).append((c, first + np.arange(int(mask[h].sum())), observed))
        for (_, _, stride, _), members in shared.items():
            channels, index, observed = zip(*members, strict=True)
            yield np.concatenate(index), np.array(observed), list(channels), stride


class Plates:
    """M: a cosine preconditioner for every window, the noise where data lie on none.

    Parameters
    ----------
    size : int
    plates : list of (ndarray of int, CosinePreconditioner)
    rest : ndarray of int
    noise : ndarray
        Variances of the rest.
    """

    def __init__(self, size, plates, rest, noise):
        self._size, self._plates, self._rest, self._noise = size, plates, rest, noise

    def solve(self, data):
        """M⁻¹ V, shape (n_data, k)."""
        out = np.empty(data.shape)
        for index, plate in self._plates:
            out[index] = plate.solve(data[index])
        out[self._rest] = data[self._rest] / self._noise[:, None]
        return out

    def sample(self, rng, count):
        """Columns with covariance M, shape (n_data, count)."""
        out = np.empty((self._size, count))
        for index, plate in self._plates:
            out[index] = plate.colour(rng, count)
        out[self._rest] = np.sqrt(self._noise)[:, None] * rng.standard_normal((self._rest.size, count))
        return out

    def logdet(self):
        """Log det M."""
        return sum(plate.logdet() for _, plate in self._plates) + float(np.log(self._noise).sum())


def _shape(lattice):
    return (lattice.height.size, lattice.northing.size, lattice.easting.size)


def _split(index, observed):
    """The data of each channel."""
    return np.split(index, np.cumsum(observed.reshape(len(observed), -1).sum(axis=1))[:-1])


def _regular(mask):
    """(corner, stride, observed) of the regular lattice that holds a mask's stations: every k-th node, or all."""
    lines = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
    strides = tuple(int(n[1] - n[0]) if n.size > 1 else 1 for n in lines)
    even = all(n.size == 1 or np.ptp(np.diff(n)) == 0 for n in lines)
    if not even or strides == (1, 1):
        return (0, 0), (1, 1), mask
    return tuple(int(n[0]) for n in lines), strides, mask[np.ix_(*lines)]


def _picked(lags, channels, window, stride):
    """Lags between some channels, cut to their window and its stride."""
    out = {}
    for j, other in enumerate(channels):
        for i, one in enumerate(channels[: j + 1]):
            if (one, other) in lags:
                whole = lags[one, other]
                reach = [(n // 2, (size - 1) * k, k) for n, size, k in zip(whole.shape, window, stride, strict=True)]
                out[i, j] = whole[tuple(slice(middle - r, middle + r + 1, k) for middle, r, k in reach)]
    return out
