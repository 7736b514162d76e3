"""Fields at stations by wavenumber: cosine modes of a lattice, with or without gaps, or of scattered stations."""

import numpy as np
from scipy import fft

from .._checks import fail
from ..problem.describe import layout

KILOMETRE = 1000.0
WRITTEN = 6_000  # stations whose cosines are written out where they are no full lattice: 0.3 GB
WIDER = 1.0 + 1e-9


class CosineModes:
    """Orthonormal cosine modes (DCT-II) of a survey's stations.

    A mode (p, q) of n × m stations has p / (2 n Δ) cycles a metre north and q / (2 m Δ) east. On a full lattice modes
    are a basis of all data, so that a disturbance of one band of wavelengths touches no other. With gaps, and at
    scattered stations, they are made one, from the longest on, each less what longer ones say of it: long wavelengths
    never leak into short ones. Above 6,000 stations with gaps this is too much: then they leak.

    Parameters
    ----------
    modality : Modality
        A survey that knows its stations.

    Attributes
    ----------
    wavenumber : ndarray, shape (modes,)
        Cycles per kilometre.
    extent : float
        Larger side of the survey, kilometres.

    Raises
    ------
    ValueError
        If the survey does not know its stations, or more than 6,000 are off a lattice.
    """

    def __init__(self, modality):
        if not hasattr(modality.forward, "coordinates"):
            fail(f"forward of modality {modality.name!r}", "know its stations to have wavelengths",
                 type(modality.forward).__name__, "Use an operator of bayesjoint.")
        dims, coords, mask, _ = layout(modality)
        axes = [np.asarray(coords[d][1], dtype=float) for d in dims]
        steps = [_step(axis) for axis in axes]
        lattice = len(dims) == 2 and None not in steps
        self._shape, self._mask, self._basis, rows = tuple(a.size for a in axes), mask, None, None
        if not lattice:
            steps, rows = self._scatter(modality)
        side = [n * step / KILOMETRE for n, step in zip(self._shape, steps, strict=True)]
        self.extent = max(side)
        north, east = (np.arange(n) / (2 * s) for n, s in zip(self._shape, side, strict=True))
        self.wavenumber = np.hypot(north[:, None], east).ravel()
        if lattice and mask is not None and modality.size <= WRITTEN:
            rows = self._by_fft(np.eye(modality.size))
        if rows is not None:
            order = np.argsort(self.wavenumber, kind="stable")[: modality.size]
            self._basis, self.wavenumber = np.linalg.qr(rows[order].T)[0], self.wavenumber[order]

    def _scatter(self, modality):
        if modality.size > WRITTEN:
            fail(f"modality {modality.name!r}", f"have at most {WRITTEN} stations off a lattice", f"{modality.size}",
                 "Thin the survey, or bring it onto a lattice.")
        easting, northing, _ = modality.forward.coordinates()
        spans = [float(np.ptp(v)) for v in (northing, easting)]
        count = modality.size
        line = min(spans) <= 1e-6 * max(spans)
        step = max(spans) / max(count - 1, 1) if line else np.sqrt(spans[0] * spans[1] / count)
        step = step if step > 0 else 1.0
        self._shape = tuple(int(np.ceil(span / step)) + 1 for span in spans)
        factors = []
        for values, n, span in zip((northing, easting), self._shape, spans, strict=True):
            place = (values - values.min()) * ((n - 1) / span if span > 0 else 0.0) + 0.5
            factors.append(np.cos(np.pi * np.arange(n)[:, None] * place / n))
        rows = np.einsum("ps,qs->pqs", *factors).reshape(-1, count)
        return [max(span / max(n - 1, 1), step) for span, n in zip(spans, self._shape, strict=True)], rows

    def analyse(self, values):
        """Coefficients of every mode, shape (modes, k), of values at the stations, shape (n, k)."""
        return self._by_fft(values) if self._basis is None else self._basis.T @ values

    def _by_fft(self, values):
        grid = np.zeros((int(np.prod(self._shape)), values.shape[1]))
        grid[slice(None) if self._mask is None else self._mask.ravel()] = values
        grid = grid.reshape(*self._shape, -1)
        return fft.dctn(grid, axes=(0, 1), norm="ortho", overwrite_x=True).reshape(-1, values.shape[1])


def band_edges(wavenumber, extent, count):
    """Edges of bands, cycles per kilometre: first what is longer than the survey, then logarithmic, none empty.

    Parameters
    ----------
    wavenumber : ndarray
        Of every mode.
    extent : float
        Larger side of the survey, kilometres.
    count : int
        Bands asked for; fewer come back where some would be empty.

    Returns
    -------
    ndarray, shape (bands + 1,)
    """
    first, last = 1.0 / extent, wavenumber.max()
    if count == 1 or last <= first * WIDER:
        return np.array([0.0, max(last, first) * WIDER])
    edges = np.concatenate([[0.0], np.geomspace(first * WIDER, last * WIDER, count)])
    held = np.histogram(wavenumber, edges)[0] > 0
    return np.concatenate([edges[:-1][held], edges[-1:]])


def _step(axis):
    """Spacing of an axis, None where it is uneven."""
    if axis.size < 2:
        return None
    steps = np.diff(axis)
    return float(steps[0]) if np.ptp(steps) <= 1e-6 * abs(steps[0]) else None
