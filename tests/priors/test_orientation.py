"""Ranges along axes of their own: strike and dip, on the mesh and on the torus, in every engine that takes them."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian import linear_gaussian
from bayesjoint.priors import NeighbourCorrelation, TorusField

from ..refusals import refused

MESH = bj.Mesh(np.arange(0.0, 541.0, 90.0), np.arange(0.0, 601.0, 120.0), [-480.0, -300.0, -180.0, -90.0, 0.0])
LAWS = [((100.0, 400.0, 250.0), 30.0, 50.0), ((80.0, 300.0, 300.0), 0.0, 45.0), ((80.0, 300.0, 200.0), 200.0, 90.0),
        ((60.0, 500.0, 200.0), -70.0, 10.0)]


def field(law, std=1.0, **rest):
    ranges, strike, dip = law
    return bj.Matern(std=std, range=ranges, strike=strike, dip=dip, **rest)


def written_out(mesh, law, function=lambda r: (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)):
    """The correlation between all cells, from a plane's normal, its strike, and what is at right angles to both."""
    ranges, strike, dip = law
    strike, dip = np.radians([strike, dip])
    along = np.array([0.0, np.cos(strike), np.sin(strike)])
    level = np.array([0.0, np.cos(strike + np.pi / 2), np.sin(strike + np.pi / 2)])
    down = np.cos(dip) * level - np.sin(dip) * np.array([1.0, 0.0, 0.0])
    centres = np.stack([c.ravel() for c in np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")], 1)
    offsets = (centres[:, None] - centres) @ np.stack([np.cross(down, along), along, down]).T / ranges
    return function(np.linalg.norm(offsets, axis=-1))


def surveyed(prior, mesh, seed=0):
    shape, rng = mesh.shape[1:], np.random.default_rng(seed)
    place = mesh, mesh.easting, mesh.northing
    operators = {"gravity": bj.GravityOperator(*place, height=50.0),
                 "magnetic": bj.MagneticOperator(*place, height=50.0, inclination=60.0, declination=20.0)}
    names, sizes = {"gravity": "density", "magnetic": "susceptibility"}, {"gravity": 0.1, "magnetic": 5.0}
    parameters = [bj.Parameter("density", mesh, prior=prior(100.0)), bj.Parameter("susceptibility", mesh,
                                                                                  prior=prior(0.02))]
    surveys = [bj.Modality(kind, operator, 5 * sizes[kind] * rng.standard_normal(shape),
                           bj.DiagonalNoise(np.full(shape, sizes[kind])), names[kind])
               for kind, operator in operators.items()]
    return bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.6)])


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("smoothness", [0.5, 1.5])
def test_the_correlation_is_that_along_the_axes(law, smoothness):
    functions = {} if smoothness == 1.5 else {"function": lambda r: np.exp(-r)}
    found = field(law, smoothness=smoothness).correlation(MESH).dense()
    assert found == pytest.approx(written_out(MESH, law, **functions), abs=1e-12)


def test_a_plane_that_dips_to_the_east_is_correlated_along_itself():
    correlation = field(((50.0, 400.0, 400.0), 0.0, 45.0)).correlation(MESH)
    along, across = correlation.between(np.array([-70.0, 70.0]), 0.0, 70.0)
    assert along == pytest.approx((1 + np.sqrt(3) * 99 / 400) * np.exp(-np.sqrt(3) * 99 / 400), rel=1e-3)
    assert across < 0.15 < 0.9 < along
    strike = field(((50.0, 400.0, 50.0), 90.0, 90.0)).correlation(MESH)
    assert strike.between(0.0, 0.0, 100.0) > 0.9 and strike.between(0.0, 100.0, 0.0) < 0.15


def test_no_dip_under_no_strike_is_the_plain_field():
    plain = bj.Matern(std=1.0, range=(100.0, 400.0, 250.0)).correlation(MESH).dense()
    assert field(((100.0, 400.0, 250.0), 0.0, 0.0)).correlation(MESH).dense() == pytest.approx(plain, abs=1e-12)
    away = field(((100.0, 400.0, 250.0), 90.0, 0.0)).correlation(MESH).dense()
    swapped = bj.Matern(std=1.0, range=(100.0, 250.0, 400.0)).correlation(MESH).dense()
    assert away == pytest.approx(swapped, abs=1e-12)


def spread(draws, right):
    """Root mean square of what a sample covariance is off by, over what a sample of that size is."""
    off = draws.T @ draws / len(draws) - right
    return np.sqrt(np.mean(off**2)) / np.sqrt(np.mean(1 + right**2) / len(draws))


@pytest.mark.parametrize("law", LAWS[:2])
def test_draws_have_the_correlation_on_the_mesh_and_on_the_torus(law, rng):
    mesh = bj.Mesh.regular((3, 5, 6), (100, 120, 90))
    correlation, right = field(law).correlation(mesh), written_out(mesh, law)
    assert spread(correlation.sample(rng, 5_000), right) < 1.2
    torus = TorusField(correlation, (12, 14))
    waves = torus.colour(torus.white(rng, 5_000))
    drawn = np.moveaxis(np.fft.irfft2(waves, torus.torus)[..., :5, :6], 0, 1).reshape(5_000, -1)
    assert spread(drawn, right) < 1.2


@pytest.mark.parametrize("air", [False, True])
@pytest.mark.parametrize("extent", ["mesh", "continued"])
def test_engines_agree(extent, air, rng):
    mesh = bj.Mesh.regular((3, 9, 10), (100, 100, 100))
    if air:
        active = np.ones(mesh.shape, dtype=bool)
        active[-1, :4, :5] = False
        mesh = mesh.with_active(active)
    problem = surveyed(lambda std: field(((80.0, 400.0, 250.0), 30.0, 50.0), std, extent=extent), mesh)
    dense, iterative = (bj.posterior(problem, method=method) for method in ("dense", "iterative"))
    drawn = dense.sample(draws=500, chains=2, seed=1)
    for name in dense.mean():
        std = dense.std()[name]
        assert np.nanmax(np.abs(dense.mean()[name] - iterative.mean()[name]) / std) < 1e-5
        z = (iterative.std()[name] - std) / iterative.std_error()[name]
        assert np.sqrt(np.nanmean(z**2)) < 1.5
        ratio = drawn[name].reshape(1000, -1).std(axis=0)[np.isfinite(std).ravel()] / std[np.isfinite(std)]
        assert np.abs(np.mean(ratio) - 1) < 0.01  # of a thousand draws: 0.02 a cell, and many cells


def test_on_the_torus_data_and_cells_are_correlated_the_way_the_layers_dip(rng):
    """What a wrong sign of the phase leaves alone, variances, and what it does not."""
    mesh = bj.Mesh.regular((3, 7, 8), (100, 100, 100))
    problem = surveyed(lambda std: field(LAWS[0], std, extent="continued"), mesh)
    model = linear_gaussian(problem)
    x, data = model.draw(rng, 4_000)[:2]
    gain = np.zeros((problem.size, problem.data_size))
    model.groups[0].add_gain(np.eye(problem.data_size), gain)
    signal = np.zeros((problem.data_size,) * 2)
    model.groups[0].add_signal(np.eye(problem.data_size), signal)
    scale = np.sqrt(np.outer(model.prior_variance(), np.diag(signal)))
    error = np.sqrt((1 + (gain / scale) ** 2) / 4_000)
    assert np.sqrt(np.mean(((x.T @ data / 4_000 - gain) / scale / error) ** 2)) < 1.2


def test_the_spectral_engine_takes_it_and_says_how_far_off_it_is():
    problem = surveyed(lambda std: field(((80.0, 400.0, 250.0), 30.0, 50.0), std, extent="continued"),
                       bj.Mesh.regular((3, 14, 15), (100, 100, 100)))
    dense, spectral = (bj.posterior(problem, method=method) for method in ("dense", "spectral"))
    for name in dense.mean():
        assert np.max(np.abs(dense.mean()[name] - spectral.mean()[name]) / dense.std()[name]) < 1e-5
        off = np.abs(spectral.std()[name] - dense.std()[name])
        assert np.mean(off <= 2 * spectral.std_error()[name]) > 0.93


def test_neighbours_are_the_nearest_along_the_axes():
    exact = field(LAWS[0]).correlation(MESH)
    whole = NeighbourCorrelation(exact, np.arange(MESH.size), neighbours=MESH.size)
    assert whole.dense() == pytest.approx(exact.dense(), abs=1e-9)
    plain = bj.Matern(std=1.0, range=LAWS[0][0]).correlation(MESH)
    turned, aligned = (np.abs(NeighbourCorrelation(c, np.arange(MESH.size), 12).dense() - c.dense()).max()
                       for c in (exact, plain))
    assert turned < 3 * aligned


def test_between_bounds(rng):
    """Means of a posterior above 0 against rejection of the unbounded one's draws."""
    mesh = bj.Mesh.regular((2, 2, 2), (100, 100, 100))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=50.0)
    noise = bj.DiagonalNoise(np.full((2, 2), 0.5))
    free = bj.Parameter("density", mesh, prior=field(((60.0, 400.0, 300.0), 20.0, 60.0), 100.0))

    def problem(parameter):
        return bj.JointProblem([parameter], [bj.Modality("g", gravity, np.full((2, 2), 0.3), noise, "density")])

    drawn = bj.posterior(problem(free)).sample(draws=60_000, chains=1, seed=0)["density"].reshape(-1, 8)
    kept = drawn[(drawn > 0).all(axis=1)]
    post = bj.posterior(problem(free.replace(bounds=(0.0, None))), draws=4000, seed=0)
    error = np.hypot(kept.std(axis=0) / np.sqrt(len(kept)), post.mean_error()["density"].ravel())
    assert len(kept) > 2_000
    assert np.abs((post.mean()["density"].ravel() - kept.mean(axis=0)) / error).max() < 4.0


def test_a_map_between_bounds_is_found_without_a_torus():
    prior = field(((60.0, 400.0, 300.0), 20.0, 60.0), 100.0)
    mesh = bj.Mesh.regular((3, 6, 6), (100, 100, 100))
    problem = surveyed(lambda std: bj.Matern(std=std, range=(60.0, 400.0, 300.0), strike=20.0, dip=60.0), mesh)
    problem = problem.replace(parameters=[p.replace(bounds=(0.0, None)) for p in problem.parameters])
    found = bj.find_map(problem)
    assert found.converged and prior.orientation() == (20.0, 60.0)
    assert all(model.min() >= 0 for model in found.model.values())


def test_what_cannot_be_is_refused():
    three = (60.0, 400.0, 300.0)
    assert "between 0 and 90 degrees" in refused(lambda: bj.Matern(1.0, three, dip=95.0), "dip")
    refused(lambda: bj.Matern(1.0, three, dip=5.0, strike=400.0), "strike")
    refused(lambda: bj.Matern(1.0, three, strike=40.0), "strike")
    refused(lambda: bj.Matern(1.0, 300.0, dip=40.0), "dip")
    refused(lambda: bj.Matern(1.0, three, dip=np.nan), "dip")
    mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    tied = [bj.Parameter(name, mesh, prior=bj.Matern(1.0, three, dip=dip))
            for name, dip in (("density", 40.0), ("susceptibility", 41.0))]
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    survey = bj.Modality("g", gravity, np.zeros((3, 4)), bj.DiagonalNoise(np.ones((3, 4))), "density")
    assert "strike and dip (0.0, 41.0)" in refused(
        lambda: bj.JointProblem(tied, [survey], [bj.Coregionalization(0.5)]), "range and smoothness of susceptibility")
    same = [tied[0].replace(prior=bj.Matern(1.0, three, dip=0.0, strike=360.0)),
            tied[1].replace(prior=bj.Matern(1.0, three))]
    assert bj.JointProblem(same, [survey], [bj.Coregionalization(0.5)]).size == 48
