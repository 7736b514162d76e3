"""A damped field is the field given one measurement of every value on its torus."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.priors import DampedCorrelation, NoTorus, TorusSpectrum

MESH = bj.Mesh.regular((2, 3, 4), (100.0, 100.0, 100.0))


@pytest.fixture
def damped():
    return DampedCorrelation(bj.Matern(1.0, 150.0).correlation(MESH), 3.0)


def everywhere(damped):
    """Its matrix over the whole torus."""
    size = int(np.prod(damped.shape))
    return damped.everywhere(np.eye(size).reshape(*damped.shape, size)).reshape(size, size)


def test_it_is_the_posterior_of_a_measurement_of_every_value(damped):
    whole = DampedCorrelation(bj.Matern(1.0, 150.0).correlation(MESH), 1e-12)
    assert whole.torus == damped.torus
    exact = np.linalg.inv(np.linalg.inv(everywhere(whole)) + 3.0 * np.eye(int(np.prod(damped.shape))))
    np.testing.assert_allclose(everywhere(damped), exact, atol=1e-9)


def test_its_part_between_the_cells(damped):
    _, ny, nx = MESH.shape
    cells = np.zeros(damped.shape, dtype=bool)
    cells[:, :ny, :nx] = True
    part = everywhere(damped)[np.ix_(cells.ravel(), cells.ravel())]
    np.testing.assert_allclose(damped.dense(), part, atol=1e-12)
    np.testing.assert_allclose(damped.diagonal(), np.diag(part), atol=1e-12)
    undamped = DampedCorrelation(bj.Matern(1.0, 150.0).correlation(MESH), 1e-12)
    np.testing.assert_allclose(undamped.dense(), bj.Matern(1.0, 150.0).correlation(MESH).dense(), atol=1e-9)


def test_its_lag_planes_are_its_spectrum(damped):
    spectrum = TorusSpectrum(damped, damped.torus)
    fields = np.random.default_rng(0).standard_normal((*damped.shape, 1))
    waves = np.moveaxis(np.fft.rfft2(fields, axes=(1, 2)), -1, 1)
    mixed = np.fft.irfft2(spectrum.mix(waves), damped.torus)
    np.testing.assert_allclose(mixed[:, 0], damped.everywhere(fields)[..., 0], atol=1e-12)


def test_a_range_too_long_for_a_torus_is_told():
    with pytest.raises(NoTorus):
        DampedCorrelation(bj.Matern(1.0, 20_000.0).correlation(MESH), 1.0)
