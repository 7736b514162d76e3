"""Debiased Whittle likelihood of lattice surveys with gaps: milliseconds a call, to start a search and nothing else.

The periodogram of a window is compared with its own expectation, window, taper and gaps included, rather than with the
spectral density (Sykulski et al. 2019, Biometrika 106, 251; in two dimensions Guillaumin et al. 2022, JRSS B 84, 1526).
Periodic evidence on data that are not periodic is off by large factors: leakage looks like noise.
"""

import numpy as np
from scipy import fft

from .._periodogram import cosine_taper, expected_periodogram, taper_overlap
from ..forward import StationSelection, lattice_and_processing, periodic_spectra
from ..gaussian import unit_correlation
from ..priors import KERNEL_REACH, STRIKE, TorusSpectrum
from ..problem import Cache
from ._pair_factors import PairFactors
from ._parts import field_groups, innovations, matern_parameters, other_parameters

WINDOW = 48  # stations along an axis: a start needs no more, and a range then costs a twentieth of a second
KEPT = 9  # expected periodograms, by ranges
STEP = 1e-3  # of the differences by log range


class WhittleEvidence:
    """Debiased Whittle log likelihood of a vector of hyperparameters, with its gradient.

    Fields are taken to go on beyond the mesh, noise to be white, biases to be gone with the wavenumbers next to zero:
    good to some 20 %, which is what a start needs.

    Parameters
    ----------
    vector : HyperVector
    window : int, default 48
        Stations along an axis that are used, from the middle of the surveys.

    Raises
    ------
    LookupError
        If a survey is not on a lattice at one height, or sees more than one Matérn field: see `whittle_suits`.
    """

    def __init__(self, vector, window=WINDOW):
        self.vector, self._pair_factors, problem = vector, PairFactors(vector), vector.problem
        fields = {p.name for p in matern_parameters(problem)}
        self._seen = [next(n for n in m.parameters if n in fields) for m in problem.modalities]
        self._lattices = [lattice_of(problem, k) for k in range(len(problem.modalities))]
        grids = _grids(problem, self._lattices)
        rows, columns = _frame([w for w, _, _ in grids], window)
        tapers, waves = [], []
        for k, (place, data, mask) in enumerate(grids):
            taper = cosine_taper((rows[1], columns[1])) * _laid(mask.astype(float), place, rows, columns)
            values = _laid(data, place, rows, columns)
            if any(p.name in problem.modalities[k].parameters for p in other_parameters(problem)):
                values = _detrended(values, taper)
            tapers.append(taper / np.sqrt(np.sum(taper**2)))
            waves.append(fft.fft2(tapers[-1] * values).ravel())
        self._shape, self._tapers = (rows[1], columns[1]), tapers
        ring = [np.minimum(np.arange(n), n - np.arange(n)) for n in self._shape]
        self._kept = (np.maximum(ring[0][:, None], ring[1]) > 1).ravel()  # what a plane may have touched
        # as many terms as there are data, and half of the plane repeats the other
        self._weight = 0.5 * np.mean([np.mean(t > 0) for t in tapers])
        # surveys of tied or summed fields, and the fields that they see
        self._groups, self._fields = _joined(field_groups(problem), self._seen)
        waves = np.array(waves)[:, self._kept]
        self._periodograms = [np.einsum("kf,lf->fkl", waves[g], waves[g].conj()) for g in self._groups]
        self._white = [float(m.noise.variance().mean() / problem.weights[m.name]) for m in problem.modalities]
        self._torus = self._laid_out()
        self._cache = Cache()

    def evaluate(self, theta, gradient=True):
        """Debiased Whittle log likelihood and its gradient by the search's coordinates."""
        values = self.vector.values(theta)
        total, slope = 0.0, np.zeros(self.vector.size)
        for g in range(len(self._groups)):
            model = sum(self._model(g, fields, values) for fields in self._fields[g]) + self._noises(g, values)
            inverse = np.linalg.inv(model)
            product = inverse @ self._periodograms[g]
            logdet = np.linalg.slogdet(model)[1]
            total -= self._weight * float(np.sum(logdet + np.trace(product, axis1=1, axis2=2).real))
            # −½ tr[(Ī⁻¹ − Ī⁻¹ I Ī⁻¹) ∂Ī]
            force = np.swapaxes(inverse - product @ inverse, 1, 2)
            for i, c in enumerate(self.vector.coordinates):
                change = self._change(g, c, values) if gradient else None
                if change is not None:
                    slope[i] -= self._weight * float(np.sum(force * change).real)
        return total, slope

    # -- expected periodograms ---------------------------------------------------------------------------------------
    def _model(self, g, fields, values, by=None, longer=()):
        """Share of fields in Ī of a group, (frequencies, surveys, surveys), or its slope by a std or a correlation.

        Ranges along `longer` axes are stretched, or that angle is turned.
        """
        group, law = self._groups[g], np.array(self._pair_factors.law(fields, values))
        for axis in longer:
            law[axis] = law[axis] * np.exp(STEP) if axis < STRIKE else law[axis] + np.degrees(STEP)
        unit = self._unit(g, fields, tuple(law))
        out = np.zeros((self._kept.sum(), len(group), len(group)), dtype=complex)
        for i, j in unit:
            names = self._seen[group[i]], self._seen[group[j]]
            out[:, i, j] = unit[i, j] * self._pair_factors.factor(fields, *names, values, by)
        return out

    def _noises(self, g, values):
        """Noise in Ī of a group, shape (1, surveys, surveys)."""
        return np.diag([self._noise(k, values) for k in self._groups[g]])[None]

    def _noise(self, k, values):
        name = self.vector.problem.modalities[k].name
        whole = self.vector.known().get(f"{name}_noise")
        return self._white[k] * (values[whole.name] / whole.value) ** 2

    def _change(self, g, coordinate, values):
        """∂Ī by one coordinate, None where it does not touch the group."""
        if coordinate.kind == "noise":
            mine = [self.vector.problem.modalities[k].name in coordinate.targets for k in self._groups[g]]
            return 2 * self._noises(g, values) * np.diag(mine) if any(mine) else None
        touched = [fields for fields in self._fields[g] if fields.touched(coordinate)]
        if not touched:
            return None
        if coordinate.kind not in ("range", "angle"):
            return self._model(g, touched[0], values, coordinate)
        return (self._model(g, touched[0], values, longer=coordinate.axes) - self._model(g, touched[0], values)) / STEP

    def _unit(self, g, fields, law):
        """E of the periodograms for the stated stds and correlation 1, {(i, j): (frequencies,)}."""
        key = g, tuple(fields.names), fields.place, law
        return self._cache.get("unit", (), key, lambda: self._expectation(g, fields, law),
                               KEPT * len(self._fields[g]))

    def _expectation(self, g, fields, law):
        spectrum = TorusSpectrum(unit_correlation(fields.members[0], law), self._torus)
        members, out = {p.name: p for p in fields.members}, {}
        mine = [i for i, k in enumerate(self._groups[g]) if self._seen[k] in members]
        transfers = {i: self._transfer(self._groups[g][i], members) for i in mine}
        through = {i: spectrum.mix(t, transposed=True) for i, t in transfers.items()}
        for n, i in enumerate(mine):
            for j in mine[: n + 1]:
                lags = fft.irfft2(np.einsum("zab,zab->ab", through[i], transfers[j].conj()), self._torus)
                out[i, j] = self._windowed(lags, self._groups[g][i], self._groups[g][j])
                out[j, i] = out[i, j].conj()
        return out

    def _windowed(self, lags, k, other):
        """E J_k J_other* at the wavenumbers that are kept, of a covariance by lag on the torus."""
        overlap = self._cache.get("overlap", (), (k, other), lambda: taper_overlap(
            self._tapers[k], self._tapers[other]), len(self._seen) ** 2)
        seen = np.ix_(*(np.arange(1 - n, n) % period for n, period in zip(self._shape, self._torus, strict=True)))
        return expected_periodogram(lags[seen], overlap)[self._kept]

    def _transfer(self, k, members):
        """Transfer of unit fields to data by layer, shape (nz, rows, columns // 2 + 1)."""
        p = members[self._seen[k]]
        std = np.sqrt(np.mean(p.prior.std_hat(p).reshape(p.shape[0], -1) ** 2, axis=1))
        return periodic_spectra(self._lattices[k][0], self._torus)[0] * (p.scale * std)[:, None, None]

    def _laid_out(self):
        lattice = [a for a, _ in self._lattices]
        depth = max(float(a.height[0] - a.mesh.upward_edges[0]) for a in lattice)
        steps = lattice[0].mesh.horizontal_spacing()
        return tuple(fft.next_fast_len(max(2 * n, 2 * int(np.ceil(KERNEL_REACH * depth / step)) + 1), real=True)
                     for n, step in zip(self._shape, steps, strict=True))


def _joined(every, seen):
    """(surveys, fields) of every set of surveys that common fields tie; `seen` is the parameter of each survey."""
    sets = []
    for fields in every:
        mine = {k for k, name in enumerate(seen) if name in fields.names}
        if not mine:
            continue
        touched = [each for each in sets if each[0] & mine]
        sets = [each for each in sets if not each[0] & mine]
        sets.append((mine.union(*(k for k, _ in touched)), [*(f for _, found in touched for f in found), fields]))
    return [sorted(surveys) for surveys, _ in sets], [found for _, found in sets]


def whittle_suits(problem):
    """Whether every survey is on a lattice at one height, with or without gaps, and sees exactly one Matérn field."""
    fields = {p.name for p in matern_parameters(problem)}
    return all(lattice_of(problem, k) is not None and len(fields.intersection(m.parameters)) == 1
               and m.noise.independent for k, m in enumerate(problem.modalities))


def lattice_of(problem, k):
    """(lattice operator, mask of its stations) of a survey, or None."""
    found = lattice_and_processing(problem.modalities[k].forward)
    if found is None or found[0].height.size > 1 or not all(isinstance(s, StationSelection) for s in found[1]):
        return None
    mask = np.ones(found[0].data_shape, dtype=bool)
    for step in found[1]:
        chosen = np.zeros(mask.size, dtype=bool)
        chosen[step.rmatmat(np.ones((step.shape[0], 1)))[:, 0] > 0] = True
        mask &= chosen.reshape(mask.shape)
    return found[0], mask


def _grids(problem, lattices):
    """(window, data grid, mask) of every survey."""
    out = []
    for (lattice, mask), data in zip(lattices, innovations(problem), strict=True):
        grid = np.zeros(mask.shape)
        grid[mask] = data
        (row, column), (ny, nx) = lattice.window, mask.shape
        out.append((((row, ny), (column, nx)), grid, mask))
    return out


def _frame(windows, most):
    """The middle of what all windows cover together: ((row, rows), (column, columns))."""
    out = []
    for axis in (0, 1):
        first = min(w[axis][0] for w in windows)
        count = max(sum(w[axis]) for w in windows) - first
        kept = min(count, most)
        out.append((first + (count - kept) // 2, kept))
    return out


def _laid(values, place, rows, columns):
    """A survey's grid on the frame, zero where it has no station."""
    out = np.zeros((rows[1], columns[1]))
    (row, ny), (column, nx) = place
    top, left = max(row, rows[0]), max(column, columns[0])
    bottom, right = min(row + ny, sum(rows)), min(column + nx, sum(columns))
    if bottom > top and right > left:
        out[top - rows[0] : bottom - rows[0], left - columns[0] : right - columns[0]] = values[
            top - row : bottom - row, left - column : right - column]
    return out


def _detrended(values, weight):
    """Values less the plane that fits them under weights."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in values.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y], axis=-1).reshape(-1, 3)
    w = np.sqrt(weight.ravel())
    return values - (basis @ np.linalg.lstsq(basis * w[:, None], values.ravel() * w, rcond=None)[0]).reshape(x.shape)
