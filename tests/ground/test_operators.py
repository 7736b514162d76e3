"""Operators over topography: air columns vanish, and lattices among the hills are direct sums."""

import numpy as np
import pytest

import bayesjoint as bj

from ..refusals import refused


@pytest.fixture(scope="module")
def mesh():
    """Ground at −50 m under the lattice, a hill up to 50 m beside it, top of the mesh at 100 m."""
    whole = bj.Mesh.regular((5, 8, 9), (50, 100, 100), top=100.0)
    active = np.broadcast_to((whole.upward < -50.0)[:, None, None], whole.shape).copy()
    active[:4, :2, :2] = True
    return whole.with_active(active)


@pytest.mark.parametrize("height", [-50.0, 0.0, 33.0, 100.0, 120.0])
@pytest.mark.parametrize("kind", [bj.GravityOperator, bj.MagneticOperator])
def test_a_lattice_above_its_own_ground_is_exact(mesh, height, kind):
    east, north = mesh.easting[4:], mesh.northing[3:]
    lattice = kind(mesh, east, north, height)
    stations = [a.ravel() for a in np.meshgrid(east, north)]
    direct = kind.at_stations(mesh, *stations, height)
    model = np.where(mesh.active, np.random.default_rng(0).standard_normal(mesh.shape), np.nan)
    field = direct.predict(model)
    np.testing.assert_allclose(lattice.predict(model).ravel(), field, atol=1e-9 * np.abs(field).max())
    np.testing.assert_allclose(lattice.to_dense(), direct.to_dense(), atol=1e-9 * np.abs(direct.to_dense()).max())
    bj.testing.assert_adjoint(lattice)
    assert not lattice.rmatvec(np.ones(lattice.shape[0]))[~mesh.active.ravel()].any()


def test_a_lattice_in_the_ground_is_refused(mesh):
    refused(lambda: bj.GravityOperator(mesh, mesh.easting, mesh.northing, 0.0), "height")
    refused(lambda: bj.GravityOperator(mesh, mesh.easting[4:], mesh.northing[3:], -60.0), "height")


def test_composition_and_storage_keep_the_ground(mesh):
    lattice = bj.GravityOperator(mesh, mesh.easting, mesh.northing, [110.0, 130.0])
    sampled = bj.StationSampling(lattice, [333.0, 512.0], [420.0, 555.0], 120.0) @ lattice
    np.testing.assert_array_equal(sampled.active, mesh.active)
    assert sampled.sampling_error(np.where(mesh.active, 100.0, np.nan)).relative_rms < 0.05
    direct = bj.GravityOperator.at_stations(mesh, [333.0, 512.0], [420.0, 555.0], 120.0)
    x, y = np.random.default_rng(0).standard_normal((mesh.size, 3)), np.eye(2)
    np.testing.assert_allclose(direct.stored().matmat(x), direct.matmat(x), rtol=1e-12)
    np.testing.assert_allclose(direct.stored().rmatmat(y), direct.rmatmat(y), rtol=1e-12)


def test_modality_takes_lattices_where_it_can_and_direct_sums_elsewhere(mesh):
    density, rng = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 200.0)), np.random.default_rng(0)

    def how(survey, **options):
        return survey.modality(density, **options).metadata["forward"]

    def survey(east, north, upward):
        return bj.Survey("gravity", rng.standard_normal((north.size, east.size)), east, north, upward=upward, std=0.1)

    window, whole = (mesh.easting[4:], mesh.northing[3:]), (mesh.easting, mesh.northing)
    assert how(survey(*window, 0.0)) == "lattice operator (FFT)"
    assert how(survey(*whole, 60.0)) == "lattice operator (FFT)"
    draped = np.where(np.arange(9) < 4, 60.0, 5.0) * np.ones((8, 1))
    assert "prism sums" in how(survey(*whole, draped))
    refused(lambda: survey(*whole, 0.0).modality(density, forward="fft"), "forward")
    east, north = (a.ravel() for a in np.meshgrid(mesh.easting + 7.0, mesh.northing))
    scattered = bj.Survey("gravity", np.zeros(east.size), east, north, 60.0, std=0.1)
    assert "prism sums" in how(scattered)
    assert "sampled" in how(scattered, forward="sampling")


def test_a_draped_survey_and_its_mesh_go_together():
    rng = np.random.default_rng(0)
    east, north = rng.uniform(0, 900, (2, 40))
    survey = bj.Survey("gravity", rng.standard_normal(40), east, north, 30 * np.sin(east / 200) + 1, std=0.1)
    grid = [a.ravel() for a in np.meshgrid(np.arange(-500.0, 1500, 50), np.arange(-500.0, 1500, 50))]
    mesh = bj.Mesh.from_surveys([survey], depth=400.0, layers=6, padding=2, spacing=100.0,
                                topography=(*grid, 30 * np.sin(grid[0] / 200)))
    assert mesh.has_air
    post = bj.posterior(bj.JointProblem([d := bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0))],
                                        [survey.modality(d)]))
    np.testing.assert_array_equal(np.isfinite(post.mean()["density"]), mesh.active)
    plain = bj.Mesh(mesh.easting_edges, mesh.northing_edges, mesh.upward_edges)
    surface = mesh.with_topography((*grid, 30 * np.sin(grid[0] / 200)), [survey])
    assert surface == mesh
    assert surface != plain.with_topography((*grid, 30 * np.sin(grid[0] / 200)))


def test_stations_on_an_edge_make_air_of_both_sides():
    mesh = bj.Mesh.regular((2, 1, 3), (100, 100, 100), top=0.0)
    survey = bj.Survey("gravity", [0.0], [100.0], [50.0], -40.0, std=1.0)
    found = mesh.with_topography(([150.0], [50.0], [0.0]), [survey])
    assert found.active[:, 0].tolist() == [[True] * 3, [False, False, True]]
