"""The data's prior covariance under continued fields: spectra on one torus whatever the ranges, and their matrices."""

from collections import OrderedDict

import numpy as np
from scipy import fft

from .._checks import fail
from .._correlation import SLOPES
from ..forward.holes import intervals_of
from ..forward.periodic import lattice_and_processing, periodic_spectra
from ..priors.torus import TorusSpectrum
from ..problem.view import View
from ._lattice_covariance import LatticeCovariance
from ._log_signal import LogSignal
from ._masked_torus import MaskedCovariance, MaskedTorus, torus_ground
from ._mesh_signal import unit_correlation
from ._torus import LatticeSurvey, channels_of, problem_torus

KEPT = 4  # ranges whose spectra are kept
MARGIN = 1.5  # the torus is laid out for ranges this factor longer than those the problem states


class SlopeSpectrum(TorusSpectrum):
    """Derivative of a Matérn correlation on a torus by the logarithm of the ranges along `axes`.

    Parameters
    ----------
    correlation : StationaryCorrelation
    smoothness : float
    torus : tuple of int
    axes : tuple of int
        Which of (upward, northing, easting) grow together.
    """

    def __init__(self, correlation, smoothness, torus, axes):
        self.correlation, self.layers, self.torus = correlation, correlation.mesh.shape[0], tuple(torus)
        up, north, east = correlation.ranges
        (dy, dx), centres = correlation.mesh.horizontal_spacing(), correlation.mesh.upward
        rings = [np.minimum(np.arange(n), n - np.arange(n)) for n in self.torus]
        squares = (dy * rings[0][:, None] / north) ** 2, (dx * rings[1] / east) ** 2
        level = sum(squares[i - 1] for i in axes if i) if any(axes) else 0.0
        rise = np.abs(centres[:, None] - centres) / up
        _, first, pair = np.unique(rise.round(12), return_index=True, return_inverse=True)
        half = self.torus[0] // 2 + 1
        self.planes = np.empty((first.size, half, self.torus[1] // 2 + 1))
        for n, lag in enumerate(rise.ravel()[first]):
            weight = level + (lag**2 if 0 in axes else 0.0)
            distance = np.sqrt(squares[0] + squares[1] + lag**2)
            self.planes[n] = fft.rfft2(weight * SLOPES[smoothness](distance)).real[:half]
        self.pair = pair.reshape(rise.shape)


class TorusSignal:
    """Fields of one correlation, continued, with the lattices that see them, on a torus that does not change.

    Parameters
    ----------
    problem : JointProblem
    members : list of Parameter
        With a continued Matérn prior.

    Attributes
    ----------
    views : list of View
        One for each survey that sees a member.
    logs : LogSignal
        Logs that see cells of a member, and their covariances with the channels.
    surveys : list of LatticeSurvey
        Of each view.
    channels : list of (view, height)
        What spectra are between; `windows` of each.
    torus : tuple of int
    """

    def __init__(self, problem, members):
        self.members, self._smoothness = members, members[0].prior.smoothness
        names = [p.name for p in members]
        views = [View(problem, k, name) for k, m in enumerate(problem.modalities) for name in m.parameters
                 if name in names]
        logs = [v for v in views if intervals_of(problem.modalities[v.modality].forward) is not None]
        self.views = [v for v in views if v not in logs]
        self.surveys = [_survey(problem, v, names) for v in self.views]
        longer = tuple(MARGIN * r for r in members[0].prior.ranges())
        least = problem_torus([(unit_correlation(members[0], longer), self.surveys)])
        self.torus = tuple(fft.next_fast_len(int(n), real=True) for n in least)
        self.channels = channels_of(self.surveys)
        self.windows = [self.surveys[k].window for k, _ in self.channels]
        self.logs = LogSignal(members, logs, self.torus)
        self._kept, self._fields = OrderedDict(), OrderedDict()
        if members[0].has_air and logs:
            fail("mesh", "be all ground for the evidence of logs beside continued fields", "air in it",
                 'Use extent="mesh", or leave the logs out of the fit.')
        self.masked = self._mask() if members[0].has_air else None

    def _mask(self):
        """The torus with its air, which mixes wavenumbers."""
        return MaskedTorus(torus_ground(self.members[0].mesh, self.torus), self.windows,
                           [self.surveys[v].member for v, _ in self.channels],
                           [self._transfer(v, np.max)[h] for v, h in self.channels], len(self.members))

    def field(self, ranges, axes=()):
        """The correlation by wavenumber, or its derivative by the logarithm of the ranges along `axes`."""
        key = (tuple(ranges), tuple(axes))
        if key not in self._fields:
            correlation = unit_correlation(self.members[0], ranges)
            while len(self._fields) >= KEPT:
                self._fields.popitem(last=False)
            self._fields[key] = (SlopeSpectrum(correlation, self._smoothness, self.torus, axes) if axes
                                 else TorusSpectrum(correlation, self.torus))
        return self._fields[key]

    def covariance(self, spectra, ranges, axes, factor):
        """Covariance between the channels, with air left out of products where there is some.

        Parameters
        ----------
        spectra : dict
            As from `spectra`, with their factors.
        ranges, axes : tuple
            Of those.
        factor : callable
            ``factor(name, other)``: what two members' covariance is multiplied by.
        """
        if self.masked is None:
            return LatticeCovariance(spectra, self.torus, self.windows)
        ties = np.array([[factor(p.name, q.name) for q in self.members] for p in self.members])
        return MaskedCovariance(spectra, self.torus, self.windows, self.masked, self.field(ranges, axes).mix, ties)

    def masked_blocks(self, ranges, axes, rows):
        """Covariances of the data used of views a <= b for unit mixing, {(a, b): (n_a, n_b)}, air left out."""
        field, ones = self.field(ranges, axes), np.ones((len(self.members),) * 2)
        used, out = [rows[view.modality] for view in self.views], {}
        for b, view in enumerate(self.views):
            blocks = [np.empty((used[a].size, used[b].size)) for a in range(b + 1)]
            for first in range(0, used[b].size, self.masked.step):
                part = used[b][first : first + self.masked.step]
                unit = np.zeros((view.data_count, part.size))
                unit[part, np.arange(part.size)] = 1.0
                seen = self.masked.observe(self.masked.smooth(field.mix, ones, self.masked.spread(
                    self._lattice_values(b, unit))))
                for a, block in enumerate(blocks):
                    lattice = np.stack([seen[c] for c in self._of(a)], axis=1).reshape(part.size, -1).T
                    block[:, first : first + part.size] = self.surveys[a].to_data(lattice)[used[a]]
            out |= {(a, b): block for a, block in enumerate(blocks)}
        return out

    def _lattice_values(self, view, data):
        """Lattice values (k, rows, columns) of one view's channels for data (n, k); None for those of the others."""
        survey = self.surveys[view]
        values = survey.to_lattice(data).T.reshape(
            data.shape[1], survey.heights, *(count for _, count in survey.window))
        return [values[:, h] if v == view else None for v, h in self.channels]

    def spectra(self, ranges, axes=()):
        """Cross-spectra of the channels' data for unit mixing and the stated stds, or their derivative by log ℓ.

        Parameters
        ----------
        ranges : tuple of float
            (upward, northing, easting), metres.
        axes : tuple of int, default ()
            Derivative by the logarithm of these ranges together; none for the spectra themselves.

        Returns
        -------
        dict of {(int, int): ndarray (rows, columns // 2 + 1)}
            For channels a <= b.
        """
        return self._at(ranges, axes)[0]

    def _at(self, ranges, axes):
        """(spectra, what logs see of every channel)."""
        key = (tuple(ranges), tuple(axes))
        if key not in self._kept:
            field = self.field(ranges, axes)
            transfers = [self._transfer(v)[h] for v, h in self.channels]
            through, out = [field.mix(t) for t in transfers], {}
            for b, right in enumerate(transfers):
                for a in range(b + 1):
                    total = np.zeros(right.shape[1:], dtype=complex)
                    for one, other in zip(through[a], right, strict=True):
                        total += one * other.conj()
                    out[a, b] = total.real.copy() if a == b else total
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            stations = [self._stations(c) for c in range(len(self.channels))]
            self._kept[key] = out, self.logs.across(through, stations)
        return self._kept[key]

    def log_matrix(self, ranges, axes, view, log):
        """Covariance of the data of a view with those of a log, shape (n_view, n_log), or its derivative."""
        seen = self._at(ranges, axes)[1]
        return self.surveys[view].to_data(np.vstack([seen[c, log] for c in self._of(view)]))

    def _stations(self, channel):
        """Rows and columns of a channel's stations among those of the mesh."""
        return [first + np.arange(count) for first, count in self.windows[channel]]

    def matrix(self, spectra, a, b):
        """Covariance of the data of views a <= b, shape (n_a, n_b)."""
        blocks = [[self._lattice_matrix(spectra, i, j) for j in self._of(b)] for i in self._of(a)]
        return self.surveys[b].to_data(self.surveys[a].to_data(np.block(blocks)).T).T

    def _lattice_matrix(self, spectra, i, j):
        spectrum = spectra[i, j] if i <= j else spectra[j, i].conj()
        lags = fft.irfft2(spectrum, self.torus)
        index = []
        for axis in (0, 1):
            (first, n), (other, m) = (self.windows[c][axis] for c in (i, j))
            index.append(np.subtract.outer(first + np.arange(n), other + np.arange(m)) % self.torus[axis])
        # (row, column, row', column')
        whole = lags[index[0][:, None, :, None], index[1][None, :, None, :]]
        return whole.reshape(index[0].shape[0] * index[1].shape[0], -1)

    def _of(self, view):
        return [c for c, (v, _) in enumerate(self.channels) if v == view]

    def _transfer(self, view, of_layer=lambda std, axis: np.sqrt(np.mean(std**2, axis=axis))):
        """Transfer of unit fields, shape (heights, nz, rows, columns // 2 + 1); air counts as a std of 0 in a layer."""
        p = next(p for p in self.members if p.name == self.views[view].parameter)
        std = of_layer(p.prior.std_hat(p).reshape(p.shape[0], -1), axis=1)
        return periodic_spectra(self.surveys[view].lattice, self.torus) * (p.scale * std)[:, None, None]


class TorusGroup:
    """A `TorusSignal` with the dense matrices that `FieldGroup` has for fields that end with the mesh.

    Parameters
    ----------
    problem : JointProblem
    members : list of Parameter
    rows : list of ndarray of int
        Data used of every modality.
    """

    def __init__(self, problem, members, rows):
        self._signal, self._rows, self.members = TorusSignal(problem, members), rows, members
        self._lattices = len(self._signal.views)
        self.views = [*self._signal.views, *self._signal.logs.views]
        self.pairs = [(a, b) for a in range(len(self.views)) for b in range(a, len(self.views))]
        self._kept = OrderedDict()

    def matrices(self, ranges, axes=()):
        """S for every pair, or its derivative by log ℓ of `axes`; see `FieldGroup.matrices`."""
        key = (tuple(ranges), tuple(axes))
        if key not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            self._kept[key] = self._blocks(ranges, axes)
        return self._kept[key]

    def _blocks(self, ranges, axes):
        if self._signal.masked is not None:
            return self._signal.masked_blocks(ranges, axes, self._rows)
        return {(a, b): self._matrix(ranges, axes, a, b)[np.ix_(self._rows[self.views[a].modality],
                                                                self._rows[self.views[b].modality])]
                for a, b in self.pairs}

    def _matrix(self, ranges, axes, a, b):
        """Covariance of the data of views a <= b: lattices come first, then logs."""
        logs = [v - self._lattices for v in (a, b)]
        if logs[0] >= 0:
            return self._signal.logs.own(ranges, axes, *logs)
        if logs[1] >= 0:
            return self._signal.log_matrix(ranges, axes, a, logs[1])
        return self._signal.matrix(self._signal.spectra(ranges, axes), a, b)


def _survey(problem, view, names):
    """The lattice that a view looks through."""
    modality = problem.modalities[view.modality]
    found = lattice_and_processing(modality.forward)
    if found is None:
        fail(f"forward of modality {modality.name!r}", "be a lattice operator, or H @ one, under a continued field",
             type(modality.forward).__name__, 'Use an operator on a lattice, or extent="mesh".')
    return LatticeSurvey(problem.data_slices[modality.name], names.index(view.parameter), *found, view.scale)
