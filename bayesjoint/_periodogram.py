"""Tapered periodograms of a window of a lattice: the taper, and what a covariance by lag makes of one on average."""

import numpy as np
from scipy import fft

TAPER = 0.25  # share of the window over which data fade on each side: red spectra leak less


def cosine_taper(shape):
    """Weights of a window's stations, (rows, columns), that fade towards its edges."""
    places = [(np.arange(n) + 0.5) / n for n in shape]
    rows, columns = (np.sin(0.5 * np.pi * np.minimum(1.0, np.minimum(p, 1 - p) / TAPER)) ** 2 for p in places)
    return rows[:, None] * columns


def taper_overlap(one, other):
    """Σ_s g(s + u) h(s) of two tapers g and h for all lags u of their window."""
    size = tuple(fft.next_fast_len(2 * n - 1, real=True) for n in one.shape)
    wave = fft.rfft2(one, size) * fft.rfft2(other, size).conj()
    return fft.irfft2(wave, size)[np.ix_(*(np.arange(1 - n, n) % s for n, s in zip(one.shape, size, strict=True)))]


def expected_periodogram(lags, overlap):
    """E J_a J_b*, shape (modes,), of a covariance by lag: weighted by the tapers' overlap, folded onto the window."""
    window = [(n + 1) // 2 for n in lags.shape]
    folded = np.zeros(window)
    np.add.at(folded, np.ix_(*(np.arange(1 - n, n) % n for n in window)), overlap * lags)
    return fft.fft2(folded).ravel()
