"""Continued fields and the lattices that see them: covariances with data, among data, and exact joint draws."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import fft

from .._checks import fail
from .._places import blocks
from ..forward import LayeredConvolution, periodic_spectra, worker_count
from ..priors import TorusSpectrum, least_torus
from ._lattice_covariance import LatticeCovariance
from ._torus_logs import GroupLogs

SINGLE_FROM = 2_000_000  # values of a field on its torus, above which draws are made in float32
DRAW_BYTES = 4e8  # of spectra of draws held at once
TORUS_BYTES = 5e8  # of spectra of a torus that is MANY_MESHES times the mesh or more: refused above it
MANY_MESHES = 16
SPECTRUM_BYTES = 16  # of one value of a layer on the torus: its transfer, and its covariance with data
LARGER = 1.5  # torus against which the truncation is measured


@dataclass(frozen=True)
class LatticeSurvey:
    """One survey of a group: where its data are, and how they arise from its lattice.

    Parameters
    ----------
    rows : slice
        Place among all data.
    member : int
        Which parameter of the group it sees.
    lattice : LatticeOperator
        F.
    steps : tuple of Processing
        H, in the order in which they act.
    scale : float
        Physical units of one m̂ of the parameter.
    """

    rows: slice
    member: int
    lattice: object
    steps: tuple
    scale: float

    @property
    def window(self):
        """((row, rows), (column, columns)) of the lattice in the mesh's columns."""
        row, column = self.lattice.window
        return (row, self.lattice.northing.size), (column, self.lattice.easting.size)

    @property
    def heights(self):
        """How many heights its lattice has."""
        return self.lattice.height.size

    @property
    def depth(self):
        """Of the mesh's bottom below the highest station, metres."""
        return float(self.lattice.height.max() - self.lattice.mesh.upward_edges[0])

    def to_data(self, lattice):
        """H y for lattice values (n_lattice, k)."""
        for step in self.steps:
            lattice = step.matmat(lattice)
        return lattice

    def to_lattice(self, data):
        """Hᵀ v for data (n_data, k)."""
        for step in reversed(self.steps):
            data = step.rmatmat(data)
        return data


def channels_of(surveys):
    """(survey, height) of every channel of surveys."""
    return [(k, h) for k, s in enumerate(surveys) for h in range(s.heights)]


def to_channels(surveys, data):
    """Lattice values of every channel, (k, rows, columns) each, of data (n_data, k)."""
    out = []
    for s in surveys:
        lattice = np.ascontiguousarray(s.to_lattice(data[s.rows]).T)
        lattice = lattice.reshape(data.shape[1], s.heights, *(count for _, count in s.window))
        out += [lattice[:, h] for h in range(s.heights)]
    return out


def add_from_channels(surveys, fields, out):
    """Add channels' lattice values, (k, rows, columns) or 0 each, to data `out`, (n_data, k)."""
    first = 0
    for s in surveys:
        mine, first = fields[first : first + s.heights], first + s.heights
        if any(np.ndim(values) for values in mine):
            lattice = mine[0] if s.heights == 1 else np.stack(np.broadcast_arrays(*mine), axis=1)
            out[s.rows] += s.to_data(lattice.reshape(out.shape[1], -1).T)


class StationaryGroup:
    """Fields of one correlation on one mesh, tied by a correlation matrix, as the surveys on lattices see them.

    Parameters
    ----------
    field : TorusSpectrum
        Correlation of every field on its torus.
    places : list of slice
        Where each member is in x.
    stds : list of ndarray, shape (nz,)
        Standard deviation of each member's m̂ by layer.
    mixing : ndarray, shape (P, P)
        Correlations between members.
    surveys : list of LatticeSurvey
        Those that see a member.

    Attributes
    ----------
    channels : list of (int, int)
        (survey, height) of every channel.
    covariance : LatticeCovariance or None
        Between the channels' clean lattice data; None where only logs see the fields.
    """

    stationary = True  # covariances between lattice data depend on their lag alone

    def __init__(self, field, places, stds, mixing, surveys):
        self.field, self.torus, self.mesh = field, field.torus, field.correlation.mesh
        self.places, self.stds, self.mixing, self.surveys = places, stds, mixing, surveys
        self.channels = channels_of(surveys)
        self._lay(*self._seen(), [surveys[k].window for k, _ in self.channels])

    def _seen(self):
        """(transfers of every survey, covariances of its data with unit fields)."""
        transfers = [self._transfer(survey, self.torus, self.stds) for survey in self.surveys]
        return transfers, [_mixed(self.field, transfer) for transfer in transfers]

    def _lay(self, transfers, through, windows):
        """Make the covariance between the channels."""
        self.covariance = (LatticeCovariance(self._between(transfers, through), self.torus, windows)
                           if windows else None)

    @staticmethod
    def _transfer(survey, torus, stds, keep=True):
        """Transfer of unit fields to lattice data, shape (heights, nz, rows, columns // 2 + 1)."""
        weight = survey.scale * stds[survey.member]
        return periodic_spectra(survey.lattice, torus, keep) * weight[:, None, None]

    def _between(self, transfers, through):
        """Spectra of the covariance between channels a <= b."""
        out = {}
        for b, (kb, hb) in enumerate(self.channels):
            for a, (ka, ha) in enumerate(self.channels[: b + 1]):
                tie = self.mixing[self.surveys[ka].member, self.surveys[kb].member]
                if tie != 0:
                    spectrum = tie * _summed(through[ka][ha], transfers[kb][hb])
                    out[a, b] = spectrum.real.copy() if a == b else spectrum
        return out

    def scaled(self, ties):
        """The same, its lattice data's covariance times factors, shape (P, P), on what members have in common."""
        members, out = [self.surveys[k].member for k, _ in self.channels], copy.copy(self)
        factors = {(a, b): ties[members[a], members[b]] for a, b in self.covariance.lags}
        out.covariance = self.covariance.scaled(factors, ties)
        return out

    def add_signal(self, data, out):
        """Add Cov(d, d) V to `out`, shape (n_data, k)."""
        if self.surveys:
            add_from_channels(self.surveys, self.covariance.product(to_channels(self.surveys, data)), out)

    def matrix(self, one, other):
        """Cov(d, d) between the data of two surveys, shape (n_one, n_other); not where there is air."""
        inner, outer = ([c for c, (k, _) in enumerate(self.channels) if k == survey] for survey in (one, other))
        whole = np.block([[self.covariance.matrix(a, b) for b in outer] for a in inner])
        return self.surveys[other].to_data(self.surveys[one].to_data(whole).T).T

    def truncation(self):
        """Largest relative change of a channel's variance on a torus half as large again.

        It tells what the cells beyond half the torus, which a station does not feel, would add.
        """
        wider = TorusSpectrum(self.field.correlation, tuple(int(np.ceil(LARGER * n)) for n in self.torus))
        changes = [0.0]
        for k, survey in enumerate(self.surveys):
            transfers = self._transfer(survey, wider.torus, self.stds, keep=False)
            for h, (transfer, through) in enumerate(zip(transfers, _mixed(wider, transfers), strict=True)):
                variance = fft.irfft2(_summed(through, transfer), wider.torus)[0, 0]
                changes.append(abs(variance / self.covariance.variance(self.channels.index((k, h))) - 1))
        return float(max(changes))


class TorusGroup(StationaryGroup):
    """Continued fields: the same with hidden cells, covariances of data with the mesh's cells, and exact joint draws.

    Parameters
    ----------
    field : TorusField
        As for `StationaryGroup`, on a torus where samples exist; the other parameters too.
    logs : list of CellLog, default ()
        Those that see cells of a member.
    """

    def __init__(self, field, places, stds, mixing, surveys, logs=()):
        super().__init__(field, places, stds, mixing, surveys)
        self.logs = GroupLogs(self, logs)

    @property
    def cell_stds(self):
        """Standard deviation of each member's m̂ in the cells of a layer."""
        return self.stds

    def lattices_of(self, member, unit):
        """What each survey sees of a unit field of one member, (n_cells, k): list of (n_survey, k)."""
        return [self.mixing[member, s.member] * s.to_data(gain.forward(unit)) if self.mixing[member, s.member] != 0
                else np.zeros((s.rows.stop - s.rows.start, unit.shape[1]))
                for s, gain in zip(self.surveys, self._gains, strict=True)]

    @property
    def single(self):
        """Whether draws are made in float32."""
        return self.field.layers * self.torus[0] * self.torus[1] > SINGLE_FROM

    @cached_property
    def _root(self):
        return np.linalg.cholesky(self.mixing)

    def _lay(self, transfers, through, windows):
        super()._lay(transfers, through, windows)
        self._transfers = [t.astype(np.complex64) for t in transfers] if self.single else transfers
        self._gains = [self._convolution(survey, waves) for survey, waves in zip(self.surveys, through, strict=True)]

    def _convolution(self, survey, through):
        """Covariance of lattice data with unit fields of the mesh, as layered convolution."""
        (row, rows), (column, columns) = survey.window
        shift = (min(row, 0), min(column, 0))  # a window that begins before the mesh: its lags are rolled instead
        even = self.field.even and not survey.lattice.coefficients[4:].any() and shift == (0, 0)
        corner = (row - shift[0], column - shift[1])
        kernels = (np.roll(fft.irfft2(wave, self.torus, workers=worker_count()), (-shift[0], -shift[1]), axis=(0, 1))
                   for waves in through for wave in waves)
        return LayeredConvolution(kernels, through.shape[0], self.field.layers, self.torus, self.mesh.shape[1:],
                                  (rows, columns), corner, even, np.float64)

    def part(self, places):
        """The group with the surveys alone whose data begin at the keys of `places`, moved there {start: slice}."""
        out = copy.copy(self)
        surveys = [k for k, s in enumerate(self.surveys) if s.rows.start in places]
        kept = [c for c, (k, _) in enumerate(self.channels) if k in surveys]
        out.surveys = [replace(self.surveys[k], rows=places[self.surveys[k].rows.start]) for k in surveys]
        out.channels = channels_of(out.surveys)
        out._cut(surveys, kept)
        out.logs = self.logs.part(out, surveys, places)
        out.covariance = self.covariance.part(kept) if kept else None
        return out

    def _cut(self, surveys, channels):
        """Keep what belongs to some surveys, and to their channels."""
        self._transfers, self._gains = ([each[k] for k in surveys] for each in (self._transfers, self._gains))

    def spectra(self):
        """What the wavenumbers of endless data are made of.

        Returns
        -------
        signal : dict of {(int, int): ndarray, shape (rows, columns // 2 + 1)}
            Covariance between channels a <= b that are tied.
        through : list of ndarray, shape (nz, rows, columns // 2 + 1)
            Covariance of each channel with the unit field it sees.
        transfers : list of ndarray, the same shape
            What each channel sees of that field.
        """
        transfers, through = self._seen()
        return (self._between(transfers, through), [through[k][h] for k, h in self.channels],
                [transfers[k][h] for k, h in self.channels])

    # -- products with data V (n_data, k) ----------------------------------------------------------------------------
    def add_gain(self, data, out):
        """Add Cov(x, d) V to `out`, shape (size, k)."""
        for survey, convolution in zip(self.surveys, self._gains, strict=True):
            field = convolution.backward(survey.to_lattice(data[survey.rows]))
            self._spread(field, survey.member, out)
        self.logs.add_gain(data, out)

    def _spread(self, field, member, out):
        """Add to every member's part of `out` what a unit field correlated with `member` says of it."""
        field = field.reshape(self.field.layers, -1, field.shape[1])
        for p, (place, std) in enumerate(zip(self.places, self.cell_stds, strict=True)):
            if self.mixing[p, member] != 0:
                part = (self.mixing[p, member] * std)[:, None, None] * field
                out[place] += part.reshape(-1, field.shape[2])

    def add_gain_adjoint(self, x, out):
        """Add Cov(d, x) X to `out`, shape (n_data, k)."""
        for survey, convolution in zip(self.surveys, self._gains, strict=True):
            out[survey.rows] += survey.to_data(convolution.forward(self._gathered(x, survey.member)))
        self.logs.add_gain_adjoint(x, out)

    def _gathered(self, x, member):
        """The transpose of `_spread`: X (size, k) as a unit field that `member` is of, shape (n_cells, k)."""
        total = 0.0
        for p, (place, std) in enumerate(zip(self.places, self.cell_stds, strict=True)):
            weight = np.repeat(self.mixing[p, member] * std, self.mesh.shape[1] * self.mesh.shape[2])
            total = total + weight[:, None] * x[place]
        return total

    def add_signal(self, data, out):
        """Add Cov(d, d) V to `out`, shape (n_data, k)."""
        self.logs.add_signal(data, out)
        super().add_signal(data, out)

    # -- draws -------------------------------------------------------------------------------------------------------
    def draw(self, rng, x, data):
        """Add this group's fields to `x` (count, size) and its data to `data` (count, n_data).

        Returns
        -------
        ndarray of complex, shape (count, channels, rows, columns // 2 + 1)
            Spectra of the clean lattice data of every channel on all of the torus; None where air mixes wavenumbers.
        """
        nz, (py, px) = self.mesh.shape[0], self.torus
        dtype = np.float32 if self.single else np.float64
        each = np.dtype(dtype).itemsize * nz * py * (px + 2) * (1 + len(self.places))
        step = max(1, int(DRAW_BYTES // each))
        whole = []
        for block in blocks(x.shape[0], step):
            count = block.stop - block.start
            latent = [self.field.colour(self.field.white(rng, count, dtype)) for _ in self.places]
            for p in reversed(range(len(self.places))):  # the root is lower triangular: in place from the last
                latent[p] *= dtype(self._root[p, p])
                for q in range(p):
                    latent[p] += dtype(self._root[p, q]) * latent[q]
            mine = np.zeros((count, x.shape[1])) if self.logs.logs else x[block]
            whole.append(self._record(latent, mine, data[block]))
            if self.logs.logs:
                self.logs.observe(mine, data[block])
                x[block] += mine
        return np.concatenate(whole) if self.stationary else None

    def _record(self, latent, x, data):
        """Add to x (k, size) and to data (k, n_data), and return the data's spectra, for spectra of unit fields."""
        py, px = self.torus
        whole = np.empty((x.shape[0], len(self.channels), py, px // 2 + 1), latent[0].dtype)
        for c, (k, height) in enumerate(self.channels):
            waves = latent[self.surveys[k].member]
            parts = zip(self._transfers[k][height], waves, strict=True)
            whole[:, c] = sum(layer * wave for layer, wave in parts)
        for k, survey in enumerate(self.surveys):
            mine = [c for c, (owner, _) in enumerate(self.channels) if owner == k]
            lattice = self.crop(whole[:, mine], *survey.window).reshape(whole.shape[0], -1)
            data[:, survey.rows] += survey.to_data(lattice.T.astype(np.float64)).T
        for place, std, waves in zip(self.places, self.stds, latent, strict=True):
            x[:, place] += self.on_mesh(waves, std)
        return whole

    def on_mesh(self, waves, std):
        """Values in the mesh's cells, (k, n_cells), of spectra of a unit field, (nz, k, rows, columns // 2 + 1)."""
        field = self.crop(waves, *((0, n) for n in self.mesh.shape[1:])) * std[:, None, None, None]
        return np.moveaxis(field, 1, 0).reshape(field.shape[1], -1)

    def crop(self, waves, north, east):
        """Values on a window, (first, count) along each axis, of spectra (..., rows, columns // 2 + 1)."""
        py, px = self.torus
        rows, columns = (np.arange(first, first + count) for first, count in (north, east))
        waves = fft.ifft(waves, axis=-2, workers=worker_count())
        waves = waves[..., : rows[-1] + 1, :] if rows[0] == 0 else waves[..., rows % py, :]
        field = fft.irfft(waves, px, axis=-1, workers=worker_count())
        return field[..., : columns[-1] + 1] if columns[0] == 0 else field[..., columns % px]


def _mixed(field, transfers):
    """hΓ(k) of the transfer h of every height: spectra of the covariance of data with unit fields."""
    return np.stack([field.mix(transfer, transposed=True) for transfer in transfers])


def _summed(through, transfer):
    """Σ_z through_z(k) conj(transfer_z(k))."""
    total = np.zeros(transfer.shape[1:], dtype=np.complex128)
    for one, other in zip(through, transfer, strict=True):
        total += one * other.conj()
    return total


def problem_torus(groups):
    """Smallest torus for every group of a problem, (correlation, surveys) pairs; one far too large is refused."""
    sizes = [least_torus(correlation, [s.window for s in surveys], max((s.depth for s in surveys), default=0.0))
             for correlation, surveys in groups]
    torus = tuple(max(size[axis] for size in sizes) for axis in (0, 1))
    meshes = [correlation.mesh.shape for correlation, _ in groups]
    needed = SPECTRUM_BYTES * torus[0] * torus[1] * sum(
        shape[0] * max(1, len(surveys)) for shape, (_, surveys) in zip(meshes, groups, strict=True))
    cover = max(shape[1] for shape in meshes) * max(shape[2] for shape in meshes)
    if needed > TORUS_BYTES and torus[0] * torus[1] > MANY_MESHES * cover:
        fail("range", f"leave, with the stations' height, a periodic lattice of at most {TORUS_BYTES / 1e9:.1g} GB or "
             f"{MANY_MESHES} times the mesh", f"{torus[0]} x {torus[1]} columns, {needed / 1e9:.2g} GB, for ranges "
             f"{groups[0][0].ranges} m", 'Use method="dense" with extent="mesh" (up to 20,000 data), which needs no '
             "such lattice, shorten the range to some tens of mesh widths, or take stations nearer to the mesh.")
    return torus
