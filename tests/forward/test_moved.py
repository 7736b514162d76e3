"""What operators would give elsewhere: derivatives against differences of the exact operators."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.forward import FieldDirection, StationHeights, can_move
from bayesjoint.forward._moved import clearance, moved

from ..refusals import refused
from ..unsure import magnetic, mesh


def scattered(ground, rng, count=9):
    return rng.uniform(50, 550, count), rng.uniform(50, 550, count), rng.uniform(30, 80, count)


def at_stations(inclination=55.0, declination=8.0, stations=None):
    return bj.MagneticOperator.at_stations(mesh(), *stations, intensity=5e4, inclination=inclination,
                                           declination=declination)


def sampled(ground, stations, inclination=55.0, declination=8.0):
    axis = ground.easting[0] + 100.0 * np.arange(-3, 9)
    lattice = bj.MagneticOperator(ground, axis, axis, [30.0, 50.0, 80.0], 5e4, inclination, declination)
    return bj.StationSampling(lattice, *stations) @ lattice


@pytest.fixture
def model():
    return 0.02 * np.random.default_rng(3).standard_normal(mesh().size)


def builders():
    rng = np.random.default_rng(1)
    stations, mask = scattered(mesh(), rng), rng.random((6, 6)) < 0.7

    def gaps(**direction):
        lattice = magnetic(**direction)
        return bj.StationSelection(lattice, mask) @ lattice

    def continued(**direction):
        lattice = magnetic(**direction)
        return bj.UpwardContinuation(lattice, 50.0) @ lattice

    return {"lattice": magnetic, "on the face": lambda **d: magnetic(height=0.0, **d), "gaps": gaps,
            "continued": continued, "stations": lambda **d: at_stations(stations=stations, **d),
            "sampled": lambda **d: sampled(mesh(), stations, **d),
            **{c: (lambda c=c, **d: magnetic(component=c, **d)) for c in ("b_e", "b_n", "b_u")}}


@pytest.mark.parametrize("name", builders())
def test_the_direction_is_exact(name, model):
    build = builders()[name]
    base = build()
    assert can_move(base)
    direction = FieldDirection(base, ("inclination", "declination"))
    errors = np.array([[0.0, 0.0], [3.0, -7.0], [-20.0, 40.0]])
    wanted = np.stack([build(inclination=55 + i, declination=8 + d).matvec(model) for i, d in errors], axis=1)
    size = np.abs(wanted).max()
    np.testing.assert_allclose(direction.data(np.tile(model[:, None], 3), errors), wanted, atol=1e-9 * size)
    np.testing.assert_allclose(direction.operator(errors[1]).matvec(model), wanted[:, 1], atol=1e-9 * size)
    step = 0.01
    for at in errors:
        differences = [(build(inclination=55 + at[0] + i, declination=8 + at[1] + d).matvec(model)
                        - build(inclination=55 + at[0] - i, declination=8 + at[1] - d).matvec(model)) / (2 * step)
                       for i, d in ((step, 0.0), (0.0, step))]
        np.testing.assert_allclose(direction.columns(model, at), np.stack(differences, axis=1), atol=1e-7 * size)
    assert (direction.operator([1.0, 2.0]).inclination, direction.operator([1.0, 2.0]).declination) == (56.0, 10.0)


def test_one_angle_alone(model):
    both = FieldDirection(magnetic(), ("inclination", "declination"))
    for k, label in enumerate(both.labels):
        one = FieldDirection(magnetic(), (label,))
        np.testing.assert_allclose(one.columns(model, [2.0])[:, 0], both.columns(model, np.eye(2)[k] * 2.0)[:, k])


def gravity(height=60.0, component="gz"):
    ground = mesh()
    return bj.GravityOperator(ground, ground.easting, ground.northing, height, component=component)


def stations(height=60.0):
    ground = mesh()
    north, east = (c.ravel() for c in np.meshgrid(ground.northing, ground.easting, indexing="ij"))
    return bj.GravityOperator.at_stations(ground, east, north, height)


@pytest.mark.parametrize("build", [gravity, stations, magnetic, lambda height: gravity(height, "gzz"),
                                   lambda height: magnetic(height, component="b_n")])
@pytest.mark.parametrize("height", [60.0, 0.0])
def test_the_slope_in_height(build, height, model):
    base = build(height=height)
    heights = StationHeights(base, np.zeros(36, dtype=int), ("height",), 0.0)
    slope, step = heights.columns(model, np.zeros(1))[:, 0], 0.05
    if height > 0:
        wanted = (build(height=height + step).matvec(model) - build(height=height - step).matvec(model)) / (2 * step)
    else:  # from above alone
        fields = [build(height=k * step).matvec(model) for k in range(3)]
        wanted = (-1.5 * fields[0] + 2 * fields[1] - 0.5 * fields[2]) / step
    np.testing.assert_allclose(slope, wanted, atol=2e-4 * np.abs(wanted).max())


def test_the_slope_of_gravity_is_its_gradient(model):
    """∂g_z/∂u = −g_zz: 1 E is 1e-4 mGal/m."""
    heights = StationHeights(gravity(), np.arange(36), None, 0.3086)
    found = heights.columns(model, np.zeros(36))
    assert found.nnz == 36
    wanted = -1e-4 * gravity(component="gzz").matvec(model) - 0.3086
    np.testing.assert_allclose(found.diagonal(), wanted, rtol=1e-5)


def test_data_at_other_heights(model):
    """Every station at a height of its own, against prism sums there."""
    rng, ground = np.random.default_rng(0), mesh()
    member = np.arange(36) % 4
    errors = rng.uniform(-12, 12, (2, 4))
    east, north, up = magnetic().coordinates()
    found = StationHeights(magnetic(), member, tuple("abcd"), 0.5).data(np.tile(model[:, None], 2), errors)
    for k, error in enumerate(errors):
        exact = bj.MagneticOperator.at_stations(ground, east, north, up + error[member], intensity=5e4,
                                                inclination=55.0, declination=8.0).matvec(model)
        linear = magnetic().matvec(model) + StationHeights(magnetic(), member, tuple("abcd"), 0.5).columns(
            model, np.zeros(4)) @ error
        wanted = exact - 0.5 * error[member]
        assert np.abs(found[:, k] - wanted).max() < 0.02 * np.abs(linear - wanted).max()


def test_a_raised_operator_keeps_what_it_is():
    rng = np.random.default_rng(2)
    stations = scattered(mesh(), rng)
    base = sampled(mesh(), stations)
    up = moved(base, rise=5.0)
    np.testing.assert_allclose(up.coordinates()[2], stations[2] + 5.0)
    assert (up.kind, up.units, up.shape) == (base.kind, base.units, base.shape)
    assert clearance(base) == pytest.approx(30.0)
    assert clearance(bj.GravityOperator.at_stations(mesh(), [5e4], [5e4], -20.0)) == np.inf


def test_what_is_refused():
    refused(lambda: FieldDirection(gravity(), ("inclination",)), "survey")
    inside = bj.GravityOperator.at_stations(mesh(), [310.0], [320.0], -20.0)
    refused(lambda: StationHeights(inside, np.zeros(1, dtype=int), ("height",), 0.0), "survey")
    heights = StationHeights(gravity(5.0), np.zeros(36, dtype=int), ("height",), 0.0, reach=4.0)
    assert heights.movable and heights.operator([-4.0]).height[0] == 1.0
    refused(lambda: heights.operator([-6.0]), "std")
    assert not StationHeights(gravity(5.0), np.zeros(36, dtype=int), ("height",), 0.0, reach=6.0).movable
    assert not StationHeights(gravity(5.0), np.arange(36), None, 0.0).movable
