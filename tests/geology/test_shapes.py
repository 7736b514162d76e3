"""Geometry of single structures against closed forms."""

import numpy as np
import pytest
from scipy.special import gamma

import bayesjoint as bj
from bayesjoint.geology._canvas import Domain
from bayesjoint.geology._spectral import gentle_waves, matern_waves

from ..refusals import refused

FINE = bj.Mesh.regular((80, 80, 80), (12.5, 12.5, 12.5), west=-500.0, south=-500.0)


def body(mesh=FINE, seed=0, **numbers):
    """Where one body of contrast 1 in the middle of a fine mesh is."""
    given = {"number": 1, "size": 500.0, "elongation": 1.0, "flatness": 1.0, "depth": 500.0, "dip": 0.0, "strike": 0.0}
    world = bj.Geology([bj.Bodies(contrasts={"density": 1.0}, **given | numbers)], log_std=0).draw(mesh, seed)
    return world["density"].astype(float)


def seeds_within(count, reach=220.0):
    """Seeds whose single body lies far from the edges of the fine mesh."""
    found = []
    for seed in range(500):
        b = body(seed=seed, size=50.0)
        _, j, i = np.argwhere(b).mean(axis=0).astype(int)
        if abs(FINE.easting[i]) < reach and abs(FINE.northing[j]) < reach:
            found.append(seed)
        if len(found) == count:
            return found
    raise AssertionError


SEED = seeds_within(1)[0]


@pytest.mark.parametrize("exponent", [2.0, 3.0, 8.0])
def test_volume_of_a_superquadric(exponent):
    shape = {"size": 400.0, "elongation": 1.5, "flatness": 1.2}
    volume = body(seed=SEED, exponent=exponent, dip=35.0, strike=20.0, **shape).sum() * 12.5**3
    exact = 400.0**3 * gamma(1 + 1 / exponent) ** 3 / gamma(1 + 3 / exponent)  # 8abc is the cube of the mean full axis
    assert volume == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(("strike", "dip"), [(30.0, 0.0), (120.0, 50.0), (300.0, 80.0)])
def test_strike_and_dip_of_a_flat_body(strike, dip):
    b = body(seed=SEED, size=250.0, elongation=1.8, flatness=3.0, exponent=2.0, strike=strike, dip=dip)
    z, y, x = (c[i] for c, i in zip((FINE.upward, FINE.northing, FINE.easting), np.nonzero(b), strict=True))
    _, axes = np.linalg.eigh(np.cov([z, y, x]))
    s, d = np.deg2rad([strike, dip])
    along, down, across = axes[:, 2], axes[:, 1], axes[:, 0]
    assert abs(along @ [0, np.cos(s), np.sin(s)]) == pytest.approx(1, abs=0.01)
    # The dip is down to the right of strike: from north, to the east.
    assert abs(down @ [-np.sin(d), -np.sin(s) * np.cos(d), np.cos(s) * np.cos(d)]) == pytest.approx(1, abs=0.01)
    assert abs(across @ [np.cos(d), -np.sin(s) * np.sin(d), np.cos(s) * np.sin(d)]) == pytest.approx(1, abs=0.01)


def test_soft_edges_keep_the_volume_and_are_half_at_the_surface():
    hard, soft = (body(seed=SEED, size=400.0, exponent=2.0, soft=width) for width in (0.0, 60.0))
    assert soft.sum() == pytest.approx(hard.sum(), rel=0.03)
    assert ((soft > 0) & (soft < 1)).sum() > 0.2 * hard.sum()
    np.testing.assert_array_equal(soft > 0.5, hard > 0.5)


def test_a_dyke_is_as_thick_long_and_wide_as_it_says():
    dyke = bj.Dykes(contrasts={"density": 1.0}, number=1, thickness=60.0, length=200.0, width=300.0, strike=0.0,
                    dip=90.0, depth=100.0)
    b = bj.Geology([dyke], log_std=0).draw(FINE, SEED)["density"]
    spans = [np.ptp(c[i]) + 12.5 for c, i in zip((FINE.upward, FINE.northing, FINE.easting), np.nonzero(b),
                                                 strict=True)]
    np.testing.assert_allclose(spans, [300.0, 200.0, 60.0], atol=12.6)
    assert FINE.upward[np.nonzero(b)[0]].max() == pytest.approx(-100.0, abs=12.6)


def stack(**numbers):
    flat = {"number": 2, "thickness": 500.0, "tilt": 0.0, "fold": 0.0, "faults": 0, "wavelength": 400.0}
    return bj.Layers(contrasts={"density": 1.0}, **flat | numbers)


def interface(mesh, seed=0, **numbers):
    """Depth of the boundary between the two layers of a stack, (ny, nx), to the nearest cell."""
    unit = bj.Geology([stack(**numbers)]).draw(mesh, seed)["unit"]
    return (unit == 1).sum(axis=0) * float(mesh.thickness[0])


DEEP = bj.Mesh.regular((200, 60, 60), (5.0, 100.0, 100.0))


def test_folds_have_the_height_that_was_asked_for():
    heights = [interface(DEEP, seed, fold=60.0).std() for seed in range(60)]
    assert np.sqrt(np.mean(np.square(heights))) == pytest.approx(60.0, rel=0.1)


def test_folds_have_the_length_that_was_asked_for(rng):
    waves = gentle_waves(rng, 1000.0, 4000, (0.0, 0.0, 0.0))
    lengths = 2 * np.pi / np.linalg.norm(waves.wavenumbers, axis=1)
    assert lengths.min() > 699
    assert lengths.max() < 1501
    assert np.exp(np.log(lengths).mean()) == pytest.approx(1000 * np.sqrt(0.7 * 1.5), rel=0.02)


def test_the_throw_of_a_fault_is_the_step_in_the_interface():
    depth = interface(DEEP, 3, faults=1, throw=130.0, dip=90.0, strike=0.0)
    assert set(np.unique(depth)) == {500.0, 630.0}
    east = depth[0]
    assert (np.diff(east) >= 0).all()  # a fault that strikes north drops its eastern side


def test_a_tilted_stack_dips_as_it_says():
    depth = interface(DEEP, 1, tilt=3.0)
    north, east = np.gradient(depth, 100.0)
    assert np.degrees(np.arctan(np.hypot(north.mean(), east.mean()))) == pytest.approx(3.0, abs=0.1)


def test_cover_follows_the_ground():
    mesh = bj.Mesh.regular((40, 30, 30), (10.0, 100.0, 100.0))
    north, east = (a.ravel() for a in np.meshgrid(mesh.northing, mesh.easting, indexing="ij"))
    hilly = mesh.with_topography((east, north, -80 + 80 * np.sin(east / 400)))
    cover = bj.Cover(contrasts={"density": -1.0}, thickness=50.0, variation=0.0)
    world = bj.Geology([cover], log_std=0).draw(hilly)
    np.testing.assert_array_equal(np.nansum(world["density"], axis=0), -5)
    varied = bj.Cover(contrasts={"density": -1.0}, thickness=100.0, variation=0.4, range=200.0)
    thick = np.array([-np.nansum(bj.Geology([varied], log_std=0).draw(hilly, s)["density"], axis=0) * 10.0
                      for s in range(40)])
    assert np.median(thick) == pytest.approx(100.0, rel=0.06)
    assert np.log(thick).std() == pytest.approx(0.4, rel=0.08)


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
def test_a_gaussian_field_has_the_std_and_correlation_of_its_matern(smoothness):
    mesh = bj.Mesh.regular((4, 9, 9), (100.0, 100.0, 100.0))
    field = bj.GaussianField(std={"density": 50.0}, range=300.0, flattening=0.5, smoothness=smoothness, waves=128)
    family = bj.Geology([field], log_std=0)
    worlds = np.array([family.draw(mesh, s)["density"].ravel() for s in range(1500)]) / 50.0
    prior = bj.Matern(std=1.0, range=(150.0, 300.0, 300.0), smoothness=smoothness)
    exact = prior.correlation(mesh).matmat(np.eye(mesh.size)[:, :1])[:, 0]
    found = worlds[:, 0] @ worlds / len(worlds)
    assert np.abs(found - exact).max() < 4.5 * np.sqrt(2 / len(worlds))
    assert np.mean(np.square(worlds)) == pytest.approx(1.0, abs=0.02)
    kurtosis = np.mean(worlds**4) / np.mean(worlds**2) ** 2
    assert kurtosis == pytest.approx(3.0, abs=0.1)


def test_a_gaussian_field_far_from_the_origin_is_the_same(rng):
    seeds = [np.random.default_rng(5) for _ in range(2)]
    here, there = (matern_waves(r, (100.0,) * 3, 1.5, 64, (0.0, y, x)) for r, y, x in zip(
        seeds, (0.0, 6e6), (0.0, 5e5), strict=True))
    c = np.arange(10) * 30.0
    np.testing.assert_allclose(here.on(c, c, c), there.on(c, c + 6e6, c + 5e5), atol=1e-5)


def test_units_of_a_plurigaussian_have_their_shares():
    mesh = bj.Mesh.regular((6, 20, 20), (100.0, 100.0, 100.0))
    even = bj.Plurigaussian(contrasts={"density": 1.0}, number=4, range=150.0, evenness=1e6)
    found = np.zeros(5)
    for seed in range(40):
        found += np.bincount(bj.Geology([even]).draw(mesh, seed)["unit"].ravel(), minlength=5)
    np.testing.assert_allclose(found[1:] / found.sum(), 0.25, atol=0.02)


def test_places_cover_the_extent_and_depths_count_from_the_ground(rng):
    mesh = bj.Mesh.regular((4, 10, 10), (50.0, 100.0, 100.0), west=2000.0)
    north, east = Domain.of(mesh).places(rng, 4000)
    np.testing.assert_allclose(np.histogram(east, 10, (2000, 3000))[0] / 4000, 0.1, atol=0.03)
    np.testing.assert_allclose(np.histogram(north, 10, (0, 1000))[0] / 4000, 0.1, atol=0.03)
    step = mesh.with_topography((east, north, np.where(east > 2500, -100.0, 0.0)))
    np.testing.assert_array_equal(Domain.of(step).ground_at(np.full(2, 50.0), np.array([2050.0, 2950.0])), [0, -100])


def test_bad_numbers_are_refused():
    refused(lambda: bj.Uniform(3, 1), "low")
    refused(lambda: bj.LogUniform(0, 1), "low")
    refused(lambda: bj.LogNormal(-1), "median")
    refused(lambda: bj.Normal(0, -1), "std")
    refused(lambda: bj.Poisson(-1), "mean")
    refused(lambda: bj.Signed(1.0, positive=2), "positive")
    refused(lambda: bj.Bodies(size="large"), "size", TypeError)
    refused(lambda: bj.Bodies(size=(1, 2, 3)), "size")
    refused(lambda: bj.Bodies(contrasts=3.0), "contrasts", TypeError)
    refused(lambda: bj.GaussianField(std=3.0), "std", TypeError)
    refused(lambda: bj.GaussianField(std={"density": 1}, smoothness=1), "smoothness")
    refused(lambda: bj.GaussianField(std={"density": 1}, waves=0), "waves")
    refused(lambda: bj.GaussianField(std={"density": 1}, contrasts={"density": 1}), "contrasts")
