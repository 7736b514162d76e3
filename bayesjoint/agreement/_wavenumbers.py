"""Surveys by wavenumber: cosine modes of any stations, and tapered Fourier coefficients of lattices with draws."""

import numpy as np
from scipy import fft

from .._checks import fail
from .._periodogram import cosine_taper, expected_periodogram, taper_overlap
from ..forward import StationSelection, worker_count
from ..gaussian import WaveSystem, linear_gaussian
from ..problem import layout, one_survey
from ._pair import restricted

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
        side = [n * step / 1000.0 for n, step in zip(self._shape, steps, strict=True)]
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


SMALLEST = 8  # stations along an axis of the overlap
MOST = 64  # values of a plain vector, such as a bias
FLOOR = 1e-10  # of a wavenumber's largest variance: below it a channel adds nothing to another
BLOCK_BYTES = 2e8  # of draws on the torus held at once


class CrossPeriodogram:
    """What a survey's tapered Fourier coefficients say beyond those of others, wavenumber by wavenumber.

    J_k(q) = Σ_s g(s) d_k(s) exp(−iqs) over the lattice that the surveys share, g a cosine taper with Σ g² = 1. E J J*
    is known from the covariance by lag; e = J_b − E[J_b J_a*] E[J_a J_a*]⁻¹ J_a has variance v, exactly, and only the
    correlation of neighbouring wavenumbers is left to simulation, or to products with the covariance of the data.
    Gaps would let long wavelengths leak into short ones, far above what is left there: they are refused.

    Parameters
    ----------
    problem : JointProblem
        Fields of `Matern(extent="continued")`.
    survey : str
        b.
    given : tuple of str
        a; those that are tied to b by no field are left out, as they say nothing of it.

    Attributes
    ----------
    wavenumber : ndarray, shape (modes,)
        Cycles per kilometre, all of the plane.
    variance : ndarray, shape (modes,)
        v, squared units of the data.
    coefficients : ndarray of complex, shape (modes,)
        e of the observed data.
    extent : float
        Larger side of the overlap, kilometres.
    """

    def __init__(self, problem, survey, given):
        self._model = model = linear_gaussian(restricted(problem, (survey, *given)))
        self._group, self._order = _channels(model, survey, given)
        self.modality, lattices = one_survey(problem, survey), self._group.surveys
        self._frame = [_overlap([lattices[c].window[axis] for c in self._order]) for axis in (0, 1)]
        spacing = self._group.mesh.horizontal_spacing()
        shape = tuple(count for _, count in self._frame)
        self.extent = max(n * step for n, step in zip(shape, spacing, strict=True)) / 1000.0
        axes = [fft.fftfreq(n, step / 1000.0) for n, step in zip(shape, spacing, strict=True)]
        self.wavenumber = np.hypot(axes[0][:, None], axes[1]).ravel()
        for c in self._order:
            whole = self._grid(c, np.ones((1, lattices[c].rows.stop - lattices[c].rows.start))).all()
            _must("surveys", "overlap without gaps", whole, "stations left out")
        taper = cosine_taper(shape)
        self._taper = taper / np.sqrt(np.sum(taper**2))
        self._overlap = taper_overlap(self._taper, self._taper)
        self._expect()
        self.observe(model.data)

    def observe(self, data):
        """Take other data, (n_data,), of the same surveys in the problem's order."""
        off = (data - self._model.data_mean)[None]
        self.coefficients = self._beyond([self._grid(c, off[:, self._group.surveys[c].rows]) for c in self._order])[0]

    def simulate(self, count, seed):
        """Coefficients e of `count` data sets simulated from the joint prior predictive, one after the other."""
        rng, model = np.random.default_rng(seed), self._model
        py, px = self._group.torus
        step = max(1, int(BLOCK_BYTES // (8 * 4 * len(self._order) * py * px)))
        root = self._root()
        noise = np.sqrt(model.noise_variance())
        for first in range(0, count, step):
            k = min(step, count - first)
            clean = self._draw(rng, k, root)
            extra = noise * rng.standard_normal((k, model.data_size))
            for _, columns, covariance in model.vectors:
                extra += (columns @ covariance.sample(rng, k).T).T
            grids = [clean[position] + self._grid(c, extra[:, self._group.surveys[c].rows])
                     for position, c in enumerate(self._order)]
            yield from self._beyond(grids)

    def band(self, index):
        """(modes whose conjugates are left out, exact covariance of the real and imaginary parts of their e).

        Each is a functional of the data: products with the covariance of the data tell how they vary together.
        """
        shape = self._taper.shape
        rows, columns = np.unravel_index(index, shape)
        partner = np.ravel_multi_index((-rows % shape[0], -columns % shape[1]), shape)
        index = index[index <= partner]
        rows, columns = np.unravel_index(index, shape)
        phase = np.exp(-2j * np.pi * (np.arange(shape[0])[:, None, None] * rows / shape[0]
                                      + np.arange(shape[1])[:, None] * columns / shape[1])) * self._taper[..., None]
        functionals = np.zeros((self._model.data_size, 2 * index.size))
        for position, c in enumerate(self._order):
            survey = self._group.surveys[c]
            weight = 1.0 if position == len(self._order) - 1 else -self._regression[index, position]
            lattice = np.zeros((*survey.lattice.data_shape[-2:], 2 * index.size))
            values = phase * weight
            lattice[self._where(survey)] = np.concatenate([values.real, values.imag], axis=-1)
            functionals[survey.rows] = survey.to_data(lattice.reshape(-1, 2 * index.size))
        spread = self._model.signal(functionals) + self._model.noise_variance()[:, None] * functionals
        return index, functionals.T @ spread

    # -- laying out ----------------------------------------------------------------------------------------------------
    def _grid(self, c, values):
        """Data (k, n) of a channel's survey on the overlap, (k, rows, columns)."""
        survey = self._group.surveys[c]
        lattice = survey.to_lattice(values.T).T.reshape(-1, *survey.lattice.data_shape[-2:])
        return lattice[(slice(None), *self._where(survey))]

    def _where(self, survey):
        return tuple(slice(first - start, first - start + count) for (first, count), (start, _) in
                     zip(self._frame, survey.window, strict=True))

    def _transform(self, grids):
        """J, shape (k, channels, modes)."""
        return np.stack([fft.fft2(self._taper * grid, workers=worker_count()).reshape(len(grid), -1) for grid in grids],
                        axis=1)

    def _beyond(self, grids):
        """e, shape (k, modes); the survey is the last channel."""
        waves = self._transform(grids)
        return waves[:, -1] - np.einsum("ma,kam->km", self._regression, waves[:, :-1])

    # -- expectations --------------------------------------------------------------------------------------------------
    def _expect(self):
        count = len(self._order)
        expected = np.empty((self.wavenumber.size, count, count), dtype=complex)
        variance = self._model.noise_variance()
        for i, a in enumerate(self._order):
            for j, b in enumerate(self._order[: i + 1]):
                expected[:, i, j] = self._windowed(a, b)
                expected[:, j, i] = expected[:, i, j].conj()
            noise = self._grid(a, variance[self._group.surveys[a].rows][None])[0]
            expected[:, i, i] += np.sum(self._taper**2 * noise)
        for _, columns, covariance in self._model.vectors:
            grids = [self._grid(c, columns[self._group.surveys[c].rows].T) for c in self._order]
            waves = self._transform(grids)  # (q, channels, modes)
            expected += np.einsum("qam,qr,rbm->mab", waves, covariance.matmat(np.eye(len(waves))), waves.conj())
        scale = np.sqrt(np.einsum("mii->mi", expected).real)
        unit = expected[:, :-1, :-1] / (scale[:, :-1, None] * scale[:, None, :-1])
        unit += FLOOR * np.eye(count - 1)
        cross = expected[:, -1, :-1] / (scale[:, -1:] * scale[:, :-1])
        solved = np.linalg.solve(np.swapaxes(unit, 1, 2), cross[..., None])[..., 0]  # x E_aa = E_ba
        self._regression = solved * scale[:, -1:] / scale[:, :-1]
        left = expected[:, -1, -1].real - 2 * np.einsum("ma,ma->m", self._regression, expected[:, -1, :-1].conj()).real
        left += np.einsum("ma,mab,mb->m", self._regression, expected[:, :-1, :-1], self._regression.conj()).real
        self.variance = left

    def _windowed(self, a, b):
        """E J_a J_b*, shape (modes,)."""
        lags, shape = self._group.covariance.lags, self._taper.shape
        if (min(a, b), max(a, b)) not in lags:  # nothing ties them
            return np.zeros(self.wavenumber.size)
        lags = lags[min(a, b), max(a, b)]
        skip = [(whole + 1) // 2 - count for whole, count in zip(lags.shape, shape, strict=True)]
        lags = lags[tuple(slice(s, n - s) for s, n in zip(skip, lags.shape, strict=True))]
        return expected_periodogram(lags if a <= b else lags[::-1, ::-1], self._overlap)

    # -- draws ---------------------------------------------------------------------------------------------------------
    def _root(self):
        """Cholesky factors of the spectral matrix of the clean data on the torus, (rows, columns // 2 + 1, C, C)."""
        matrix = WaveSystem(self._group, np.zeros(len(self._group.surveys))).spectrum
        matrix = matrix[..., self._order, :][..., self._order]
        power = np.einsum("...ii->...i", matrix).real
        scale = np.sqrt(np.maximum(power, np.finfo(float).tiny + FLOOR * power.max(axis=(0, 1))))
        unit = matrix / (scale[..., :, None] * scale[..., None, :]) + FLOOR * np.eye(len(self._order))
        return np.linalg.cholesky(unit) * scale[..., :, None]

    def _draw(self, rng, k, root):
        """Clean data of every channel on the overlap, shape (C, k, rows, columns), exact draws."""
        torus = self._group.torus
        white = fft.rfft2(rng.standard_normal((len(self._order), k, *torus)), workers=worker_count())
        rows, columns = (np.arange(first, first + count) % period
                         for (first, count), period in zip(self._frame, torus, strict=True))
        waves = np.einsum("rcij,jkrc->ikrc", root, white)
        return fft.irfft2(waves, torus, workers=worker_count())[..., rows[:, None], columns]


def _channels(model, survey, given):
    """(group that holds the survey, its channels in the order of `given`, the survey last)."""
    places = dict(zip((m.name for m in model.problem.modalities), model.data_slices, strict=True))
    group = next((g for g in model.groups if any(s.rows == places[survey] for s in g.surveys)), None)
    if group is None:
        fail("problem", "hold continued fields seen by lattices for the spectral method", "other fields",
             'Use Matern(extent="continued"), or method="dense" or "iterative".')
    _must("surveys", "be on lattices", not group.logs.logs, "a log among them")
    _must("mesh", "be all ground", group.stationary, "air in it")
    seen = [s.rows.start for g in model.groups for s in g.surveys]
    _must("prior", "be one Matern for each survey", len(set(seen)) == len(seen), "a sum of several")
    _must("problem", f"have at most {MOST} plain values beside the fields",
          all(index.size <= MOST for index, *_ in model.vectors), "more")
    owners = {}
    for m in model.problem.modalities:
        for c, one in enumerate(group.surveys):
            if one.rows == places[m.name]:
                owners[m.name] = c
                plain = one.lattice.height.size == 1 and all(isinstance(s, StationSelection) for s in one.steps)
                _must(f"forward of modality {m.name!r}", "be a lattice operator at one height, with gaps at most,",
                      plain, "another")
                _must(f"noise of {m.name}", "be independent", m.noise.independent, "correlated noise")
    return group, [owners[name] for name in (*given, survey) if name in owners]


def _must(argument, requirement, met, found):
    """Refuse what the spectral method does not take."""
    if not met:
        fail(argument, f"{requirement} for the spectral method", found, 'Use method="dense" or "iterative".')


def _overlap(windows):
    """(first, count) of what all windows along an axis share."""
    first = max(start for start, _ in windows)
    count = min(start + n for start, n in windows) - first
    _must("surveys", f"overlap by at least {SMALLEST} stations along each axis", count >= SMALLEST, f"{max(count, 0)}")
    return first, count
