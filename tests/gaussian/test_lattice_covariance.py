"""Block-Toeplitz covariances by FFT against their matrices."""

import numpy as np
import pytest
from scipy import fft

from bayesjoint.gaussian import _lattice_covariance as lattice_covariance
from bayesjoint.gaussian._lattice_covariance import LatticeCovariance

TORUS = (14, 18)
WINDOWS = [((2, 4), (-1, 5)), ((0, 6), (1, 6)), ((2, 4), (-1, 5))]


@pytest.fixture
def made(rng):
    """Random lags on the torus for three channels, the third independent of the first."""
    lags = {key: rng.standard_normal(TORUS) for key in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2))}
    for a in range(3):  # a channel's own covariance is even
        lags[a, a] = lags[a, a] + np.roll(lags[a, a][::-1, ::-1], (1, 1), (0, 1))
    spectra = {key: fft.rfft2(value) for key, value in lags.items()}
    return lags, LatticeCovariance(spectra, TORUS, WINDOWS)


def matrix(lags, a, b):
    places = []
    for (row, rows), (column, columns) in (WINDOWS[a], WINDOWS[b]):
        i, j = np.meshgrid(row + np.arange(rows), column + np.arange(columns), indexing="ij")
        places.append((i.ravel(), j.ravel()))
    if (min(a, b), max(a, b)) not in lags:
        return np.zeros((places[0][0].size, places[1][0].size))
    sign = 1 if a <= b else -1
    north, east = (sign * np.subtract.outer(p, q) for p, q in zip(*places, strict=True))
    return lags[min(a, b), max(a, b)][north % TORUS[0], east % TORUS[1]]


def test_products(made, rng, monkeypatch):
    lags, covariance = made
    fields = [rng.standard_normal((3, w[0][1], w[1][1])) for w in WINDOWS]
    found = covariance.product(fields)
    for a in range(3):
        wanted = sum(fields[b].reshape(3, -1) @ matrix(lags, a, b).T for b in range(3))
        np.testing.assert_allclose(found[a].reshape(3, -1), wanted, atol=1e-10)
    monkeypatch.setattr(lattice_covariance, "BLOCK_BYTES", 1.0)  # one field at a time
    for one, other in zip(covariance.product(fields), found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_the_frame_holds_every_window(made):
    lags, covariance = made
    assert covariance.frame == (6, 8)
    assert covariance.windows == [((2, 4), (0, 5)), ((0, 6), (2, 6)), ((2, 4), (0, 5))]
    assert covariance.lags[0, 1].shape == (11, 15)
    assert covariance.lags[0, 1][5, 7] == pytest.approx(lags[0, 1][0, 0])
    assert covariance.variance(1) == pytest.approx(lags[1, 1][0, 0])
