"""Lattice operators on a torus against products with a mesh that covers it."""

import numpy as np
import pytest
from scipy import fft

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.forward._periodic import lattice_and_processing, periodic_spectra

KINDS = {
    "gravity": lambda mesh: bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=[5.0, 30.0]),
    "magnetic": lambda mesh: bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=10.0, inclination=-20.0,
                                                 declination=70.0),
}  # fmt: skip


def mesh_of(rows, columns):
    return bj.Mesh([100.0 * k for k in range(columns + 1)], [80.0 * k for k in range(rows + 1)], [-90.0, -30.0, 0.0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("torus", [(9, 11), (8, 12), (9, 12)])
def test_a_model_in_the_middle_is_seen_as_on_the_plane(kind, torus, rng):
    """Away from the seam every lag is shorter than half the torus, so that nothing tells the torus from the plane."""
    lattice = KINDS[kind](mesh_of(*torus))
    model = np.zeros((2, *torus))
    low = [n // 2 - 1 for n in torus]
    model[:, low[0] : low[0] + 2, low[1] : low[1] + 2] = rng.standard_normal((2, 2, 2))
    waves = np.einsum("hzyx,zyx->hyx", periodic_spectra(lattice, torus), fft.rfft2(model))
    found = fft.irfft2(waves, torus)
    wanted = lattice.predict(model).reshape(found.shape)
    near = np.s_[:, low[0] - 1 : low[0] + 3, low[1] - 1 : low[1] + 3]
    np.testing.assert_allclose(found[near], wanted[near], rtol=1e-10, atol=1e-10 * np.abs(wanted).max())


def test_it_closes_on_itself():
    torus = (8, 10)
    lattice = KINDS["magnetic"](mesh_of(*torus))
    kernel = fft.irfft2(periodic_spectra(lattice, torus), torus)[0, 0]
    away = kernel[:, 5]  # half the torus east is half the torus west: the mean of both
    lags = next(lattice.by_lag((-4, 9), (-5, 11)))
    mean = 0.5 * (lags[:, 0] + lags[:, -1])
    np.testing.assert_allclose(away, np.roll(np.r_[0.5 * (mean[0] + mean[8]), mean[1:8]], -4), atol=1e-12)


def test_the_last_kernels_are_kept_and_others_not():
    lattice = KINDS["gravity"](mesh_of(5, 6))
    first = periodic_spectra(lattice, (10, 12))
    assert periodic_spectra(lattice, (10, 12)) is first
    periodic_spectra(lattice, (12, 15), keep=False)
    assert periodic_spectra(lattice, (10, 12)) is first
    assert periodic_spectra(lattice, (12, 15)).shape == (2, 2, 12, 8)


def test_what_is_done_to_a_lattice_comes_in_order():
    lattice = bj.GravityOperator(mesh_of(6, 7), *(100.0 * np.arange(0.5, 7), 80.0 * np.arange(0.5, 6)))
    up = bj.UpwardContinuation(lattice, 50.0)
    processed = up @ lattice
    some = StationSelection(processed, np.arange(42).reshape(6, 7) % 2 == 0)
    assert lattice_and_processing(lattice) == (lattice, ())
    assert lattice_and_processing(some @ processed) == (lattice, (up, some))
    assert lattice_and_processing(bj.GravityOperator.at_stations(lattice.mesh, [5.0], [5.0], 5.0)) is None
