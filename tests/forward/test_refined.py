"""Finer cells under the same stations, against direct prism sums."""

import numpy as np
import pytest

from bayesjoint import GravityOperator, MagneticOperator, Mesh, StationSampling, UpwardContinuation
from bayesjoint.forward import StationOperator
from bayesjoint.forward._refined import RefinedLattice, refined, refined_mesh
from bayesjoint.testing import assert_adjoint

from ..refusals import refused

MESH = Mesh(100.0 * np.arange(7), 80.0 * np.arange(6) - 40.0, [-300.0, -120.0, -40.0, 0.0])
FIELD = {"intensity": 56_000.0, "inclination": -63.0, "declination": 20.0}


def lattices():
    window = MESH.easting[1:5], MESH.northing[2:] + 160.0  # reaches beyond the mesh
    yield GravityOperator(MESH, MESH.easting, MESH.northing, height=0.0)
    yield GravityOperator(MESH, *window, height=[10.0, 60.0])
    yield MagneticOperator(MESH, *window, height=30.0, **FIELD)
    yield MagneticOperator(MESH, MESH.easting, MESH.northing, height=0.0, **FIELD)


@pytest.mark.parametrize("lattice", list(lattices()), ids=["face", "heights", "magnetic", "magnetic face"])
@pytest.mark.parametrize("beyond", [(0, 0), (1, 2)])
@pytest.mark.parametrize("factor", [3, 1])
def test_it_is_the_sum_over_the_fine_prisms(lattice, factor, beyond):
    fine = refined_mesh(MESH, factor, 2, beyond)
    model = np.random.default_rng(0).standard_normal(fine.shape)
    found = RefinedLattice(lattice, fine, factor, "float64").predict(model)
    direct = StationOperator(fine, *lattice.coordinates(), lattice.quantity).predict(model)
    np.testing.assert_allclose(found.ravel(), direct, atol=1e-9 * np.abs(direct).max())


def test_an_even_factor_serves_where_stations_are_off_the_face():
    lattice = MagneticOperator(MESH, MESH.easting, MESH.northing, height=20.0, **FIELD)
    fine = refined_mesh(MESH, 2, 2)
    model = np.random.default_rng(0).standard_normal(fine.shape)
    direct = StationOperator(fine, *lattice.coordinates(), lattice.quantity).predict(model)
    found = RefinedLattice(lattice, fine, 2).predict(model).ravel()
    np.testing.assert_allclose(found, direct, atol=2e-5 * np.abs(direct).max())


def test_it_has_an_adjoint():
    lattice = GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    assert_adjoint(RefinedLattice(lattice, refined_mesh(MESH, 3, 2), 3, "float64"))


def test_a_refined_mesh_holds_the_cells_it_splits():
    hill = MESH.with_topography(([0.0, 600.0], [100.0, 100.0], [-60.0, 0.0]))
    fine = refined_mesh(hill, 3, 2, beyond=(1, 2))
    assert fine.shape == (6, 21, 30)
    np.testing.assert_array_equal(fine.upward_edges[::2], hill.upward_edges)
    np.testing.assert_array_equal(fine.active[::2, 3:-3:3, 6:-6:3], hill.active)
    np.testing.assert_array_equal(fine.active[:, :3], fine.active[:, 3:6])
    np.testing.assert_allclose(fine.easting_edges[6:-6:3], hill.easting_edges)


def test_what_is_composed_stays_composed_and_what_is_foreign_is_none():
    lattice = GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    fine = refined_mesh(MESH, 3, 2)
    model = np.random.default_rng(0).standard_normal(MESH.shape)
    split = model.repeat(2, 0).repeat(3, 1).repeat(3, 2)
    for operator in (UpwardContinuation(lattice, 50.0) @ lattice,
                     StationSampling(lattice, [250.0, 300.0], [200.0, 170.0], 5.0) @ lattice,
                     GravityOperator.at_stations(MESH, [110.0, 333.0], [50.0, 210.0], [5.0, 8.0])):
        np.testing.assert_allclose(refined(operator, fine, 3).predict(split), operator.predict(model), rtol=1e-4,
                                   atol=1e-5 * np.abs(operator.predict(model)).max())
    assert refined(np.eye(3), fine, 3) is None


def test_a_mesh_that_splits_other_columns_is_refused():
    lattice = GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    refused(lambda: RefinedLattice(lattice, refined_mesh(MESH, 2, 2), 3), "mesh")
