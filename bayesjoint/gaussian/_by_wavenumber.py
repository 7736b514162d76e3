"""Endless data on a torus: their covariance and what they take from the prior, wavenumber by wavenumber."""

from functools import cached_property

import numpy as np

from .._checks import fail
from .._places import half_counts
from ..forward import StationSelection
from ..noise import DiagonalNoise
from ..priors import parts_of


class WaveSystem:
    """Q(k) = h Γ h* + σ² of the channels of a group, and Γ − Γh* Q⁻¹ hΓ of its fields.

    Γ(k) is the covariance over depth, h(k) a channel's row. With data on all of the torus and equal noise wavenumbers
    are independent, so that every one is a small problem of its own.

    Parameters
    ----------
    group : TorusGroup
        Fields, and the surveys that see them.
    noise : sequence of float
        Noise variance of each channel.

    Attributes
    ----------
    signal : dict of {(int, int): ndarray, shape (rows, half)}
        Covariance between channels a <= b that are tied.
    through : list of ndarray, shape (nz, rows, half)
        Covariance of each channel with the unit field that it sees.
    rows : list of ndarray, the same shape
        What each channel sees of that field.
    ties : ndarray, shape (P, channels)
        Correlation of each parameter with what each channel sees.
    counts : ndarray, shape (half,)
        How many wavenumbers each stored one stands for.
    """

    def __init__(self, group, noise):
        self.group, self.noise = group, np.asarray(noise, dtype=float)
        self.signal, self.through, self.rows = group.spectra()
        self.ties = np.array([[group.mixing[p, group.surveys[k].member] for k, _ in group.channels]
                              for p in range(len(group.places))])
        self.counts = half_counts(group.torus[1])

    @cached_property
    def spectrum(self):
        """Q(k), shape (rows, half, channels, channels)."""
        channels = self.noise.size
        out = np.zeros((*self.through[0].shape[1:], channels, channels), dtype=complex)
        for (a, b), wave in self.signal.items():
            out[..., a, b] = wave
            out[..., b, a] = np.conj(wave)
        out[..., range(channels), range(channels)] += self.noise
        return out

    @cached_property
    def inverse(self):
        """Q(k)⁻¹, the same shape."""
        return np.linalg.inv(self.spectrum)

    def share(self, p, z):
        """Share of the prior variance of a parameter's layer that every stored wavenumber takes, shape (rows, half)."""
        tie, reach, total = self.ties[p], [wave[z] for wave in self.through], 0.0
        for a, wave in enumerate(reach):
            total = total + tie[a] ** 2 * self.inverse[..., a, a].real * (wave.real**2 + wave.imag**2)
            for b in range(a):
                total = total + 2.0 * tie[a] * tie[b] * (wave.conj() * self.inverse[..., a, b] * reach[b]).real
        return total * (self.counts / (self.group.torus[0] * self.group.torus[1]))


def only_group(model):
    """The one group of continued fields that there is, seen by lattices of one height, with nothing beside it."""
    problem = model.problem
    air = [p.name for p in problem.parameters if p.has_air]
    if air:
        fail("mesh", "be all ground for the spectral engine: air breaks the symmetry that wavenumbers rest on",
             f"air in {', '.join(air)}", 'Use method="iterative" (or "dense"), which are exact with air, or end the '
             "mesh below the lowest ground.")
    if several := [p.name for p in problem.parameters if len(parts_of(p.prior)) > 1]:
        fail("prior", "be Matern of one range for the spectral engine, which holds one covariance over depth for each "
             "wavenumber", f"sums for {', '.join(several)}", 'Use method="iterative" or "dense", which are exact.')
    if len(model.groups) != 1 or sum(p.size for p in problem.parameters if p.mesh is None):
        fail("problem", "hold continued Matern fields of one correlation, and nothing else, for the spectral engine",
             f"{len(model.groups)} groups of continued fields, parameters {list(problem.by_name)}",
             'Use extent="continued" and Coregionalization; bias terms and other fields need method="iterative".')
    group = model.groups[0]
    if group.logs.logs or not group.surveys:
        fail("problem", "be seen by lattices only for the spectral engine", "a log, or no survey on a lattice",
             'Use method="dense" or "iterative".')
    for survey in group.surveys:
        if not all(isinstance(step, StationSelection) for step in survey.steps):
            fail("forward", "be a lattice operator, with gaps at most, for the spectral engine",
                 type(survey.steps[-1]).__name__, 'Use method="iterative".')
        if survey.heights > 1:
            fail("forward", "have one height for the spectral engine", f"{survey.heights}", 'Use method="iterative".')
    return group


def channel_noise(problem, group):
    """Noise variance of each channel: the harmonic mean, as it is precisions that add up; refused if correlated."""
    for m in problem.modalities:
        if not isinstance(m.noise, DiagonalNoise):
            fail(f"noise of {m.name}", "be independent for the spectral engine", type(m.noise).__name__,
                 'Use DiagonalNoise, or method="dense".')
    seen = [problem.modalities[k] for k, _ in group.channels]  # every survey sees a field: there is nothing else
    return [1.0 / np.mean(problem.weights[m.name] / m.noise.variance()) for m in seen]
