"""Fields on a periodic lattice: their covariance, samples of it, and the torus they ask for."""

import numpy as np
import pytest
from scipy import fft

import bayesjoint as bj
from bayesjoint.priors._torus import CLIP_TOLERANCE, TorusField, least_torus

from ..moments import sampling_excess
from ..refusals import refused


def field(shape=(2, 3, 4), ranges=150.0, smoothness=1.5, least=(8, 9)):
    mesh = bj.Mesh.regular(shape, (60, 120, 80))
    return TorusField(bj.Matern(std=1.0, range=ranges, smoothness=smoothness).correlation(mesh), least)


def dense(torus):
    """Covariance of the whole torus from its definition: the correlation at the shortest way round."""
    (py, px), correlation = torus.torus, torus.correlation
    z, y, x = np.meshgrid(correlation.mesh.upward, np.arange(py), np.arange(px), indexing="ij")
    offsets = [a.ravel()[:, None] - a.ravel() for a in (z, y, x)]
    for axis, period in ((1, py), (2, px)):
        offsets[axis] = np.minimum(np.abs(offsets[axis]), period - np.abs(offsets[axis]))
    scaled = [o * step / r for o, step, r in zip(offsets, (1, 120, 80), correlation.ranges, strict=True)]
    return correlation.function(np.sqrt(sum(o**2 for o in scaled)))


@pytest.mark.parametrize("least", [(8, 9), (9, 8), (7, 10)])
@pytest.mark.parametrize("smoothness", [0.5, 1.5])
def test_matrices_by_wavenumber_are_the_covariance(least, smoothness, rng):
    torus = field(smoothness=smoothness, least=least)
    x = rng.standard_normal((2, *torus.torus))
    found = fft.irfft2(torus.mix(fft.rfft2(x)), torus.torus)
    np.testing.assert_allclose(found.ravel(), dense(torus) @ x.ravel(), atol=1e-12)


@pytest.mark.parametrize("least", [(8, 9), (9, 8)])
def test_samples_have_it(least):
    torus, rng = field(least=least), np.random.default_rng(0)
    white = torus.white(rng, 4000)
    flat = np.moveaxis(fft.irfft2(white, torus.torus), 1, 0).reshape(4000, -1)
    size = flat.shape[1]
    assert min(sampling_excess(flat, np.zeros(size), np.eye(size))) > 1e-4
    draws = np.moveaxis(fft.irfft2(torus.colour(white), torus.torus), 1, 0).reshape(4000, -1)
    assert min(sampling_excess(draws, np.zeros(size), dense(torus))) > 1e-4
    assert sampling_excess(draws * 1.03, np.zeros(size), dense(torus))[1] < 1e-6


@pytest.mark.parametrize(("ranges", "smoothness", "grows"), [
    (150.0, 1.5, False), (900.0, 2.5, True), ((60.0, 1200.0, 100.0), 0.5, False)])
def test_every_matrix_is_positive_semidefinite(ranges, smoothness, grows):
    mesh = bj.Mesh.regular((2, 3, 4), (60, 120, 80))
    correlation = bj.Matern(std=1.0, range=ranges, smoothness=smoothness).correlation(mesh)
    least = least_torus(correlation, [], 0.0)
    torus = TorusField(correlation, least)
    assert (torus.torus[1] > 1.2 * least[1]) == grows  # the least torus does not always do
    py, px = torus.torus
    whole = np.moveaxis(torus.planes[torus.pair], (0, 1), (-2, -1))[
        np.minimum(np.arange(py), py - np.arange(py))[:, None], np.minimum(np.arange(px), px - np.arange(px))]
    values = np.linalg.eigvalsh(whole)
    assert values.sum() == pytest.approx(2 * py * px)  # the variance
    assert -np.minimum(values, 0).sum() <= CLIP_TOLERANCE * values.sum()
    assert torus.clipped <= CLIP_TOLERANCE


def test_a_range_that_no_torus_holds_is_refused():
    refused(lambda: field(ranges=1e6), "range")


def test_the_least_torus():
    mesh = bj.Mesh.regular((2, 10, 20), (50, 100, 100))
    correlation = bj.Matern(std=1.0, range=100.0).correlation(mesh)
    assert least_torus(correlation, [((0, 10), (0, 20))], 100.0) == (20, 40)  # true lags between mesh and stations
    assert least_torus(correlation, [((-3, 10), (5, 30))], 100.0) == (26, 70)  # and with stations beyond the mesh
    assert least_torus(correlation, [], 0.0) == (20, 40)
    assert least_torus(correlation, [((0, 10), (0, 20))], 1000.0) == (81, 81)  # the kernel's reach
    long = bj.Matern(std=1.0, range=1000.0).correlation(mesh)
    assert min(n - m for n, m in zip(least_torus(long, [], 0.0), (10, 20), strict=True)) >= 50  # the correlation's
