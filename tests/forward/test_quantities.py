"""Components of gravity and of the magnetic field: against choclo, by differences, Laplace's equation, and inverted."""

import choclo.prism
import numpy as np
import pytest
from choclo.constants import GRAVITATIONAL_CONST

import bayesjoint as bj
from bayesjoint.forward.quantities import NAMES, gravity_quantity, magnetic_quantity, quantity_named
from bayesjoint.testing import assert_adjoint

MESH = bj.Mesh.regular((3, 7, 8), (40.0, 50.0, 60.0))
MODEL = np.random.default_rng(0).uniform(-1, 1, MESH.shape)
FIELD = {"intensity": 48_000.0, "inclination": -55.0, "declination": 12.0}
GRADIENTS = {"gee": (1, "gravity_ee"), "gnn": (1, "gravity_nn"), "gzz": (1, "gravity_uu"), "gen": (1, "gravity_en"),
             "gez": (-1, "gravity_eu"), "gnz": (-1, "gravity_nu")}  # fmt: skip
STATIONS = (np.array([100.0, 215.0, 600.0]), np.array([30.0, 180.0, -50.0]), np.array([20.0, 5.0, 60.0]))


def prisms(kind, **field):
    """Field of the mesh's cells at the stations."""
    return bj.forward_prisms(MESH.prisms(), MODEL.ravel(), STATIONS, kind, **field)


@pytest.mark.parametrize("component", GRADIENTS)
def test_gradients_are_choclos(component):
    sign, name = GRADIENTS[component]
    kernel = getattr(choclo.prism, name)
    expected = [sign * 1e9 * sum(kernel(e, n, u, *p, rho) for p, rho in zip(MESH.prisms(), MODEL.ravel(), strict=True))
                for e, n, u in zip(*STATIONS, strict=True)]
    found = bj.GravityOperator.at_stations(MESH, *STATIONS, component=component)
    np.testing.assert_allclose(found.predict(MODEL), expected, rtol=1e-9)
    np.testing.assert_allclose(prisms(component), expected, rtol=1e-9)
    assert (found.units, found.kind) == ("E", "gravity")


def test_gradients_are_slopes_of_g_z():
    step = np.array([0.05, 0.0, 0.0])
    for component, axis in (("gez", 0), ("gnz", 1), ("gzz", 2)):
        ends = [bj.forward_prisms(MESH.prisms(), MODEL.ravel(), tuple(
            x + s * np.roll(step, axis)[k] for k, x in enumerate(STATIONS)), "gravity") for s in (1, -1)]
        slope = (ends[0] - ends[1]) / 0.1 * 1e4 * (-1 if axis == 2 else 1)  # mGal/m to Eötvös; z is down
        np.testing.assert_allclose(prisms(component), slope, rtol=1e-5)


def test_laplace_and_the_total_field():
    parts = {c: prisms(c) for c in ("gee", "gnn", "gzz")}
    np.testing.assert_allclose(sum(parts.values()), 0.0, atol=1e-12 * np.abs(parts["gzz"]).max())
    parts = {c: prisms(c, **FIELD) for c in ("b_e", "b_n", "b_u")}
    dip, azimuth = np.radians([FIELD["inclination"], FIELD["declination"]])
    along = (np.cos(dip) * np.sin(azimuth), np.cos(dip) * np.cos(azimuth), -np.sin(dip))
    total = prisms("magnetic", **FIELD)
    np.testing.assert_allclose(sum(a * b for a, b in zip(along, parts.values(), strict=True)), total, rtol=1e-10)
    magnetization = 1e-9 * FIELD["intensity"] / (4e-7 * np.pi) * np.array(along)
    place = [c[0] for c in STATIONS]
    field = np.sum([choclo.prism.magnetic_field(*place, *p, *(k * magnetization))
                    for p, k in zip(MESH.prisms(), MODEL.ravel(), strict=True)], axis=0)
    np.testing.assert_allclose([b[0] for b in parts.values()], 1e9 * field, rtol=1e-6)


@pytest.mark.parametrize(("kind", "component"), [(k, c) for k, names in NAMES.items() for c in names])
@pytest.mark.parametrize("height", [0.0, 15.0])
def test_every_component_on_a_lattice_is_its_prism_sums(kind, component, height):
    """On the mesh's face too, where a gradient is the limit from above."""
    build = bj.GravityOperator if kind == "gravity" else bj.MagneticOperator
    field = {} if kind == "gravity" else FIELD
    lattice = build(MESH, MESH.easting[1:6], MESH.northing[2:], height=height, component=component, **field)
    above = tuple(c + (1e-6 if k == 2 and height == 0 else 0) for k, c in enumerate(lattice.coordinates()))
    expected = bj.forward_prisms(MESH.prisms(), MODEL.ravel(), above, component, **field)
    np.testing.assert_allclose(lattice.predict(MODEL).ravel(), expected, atol=2e-7 * np.abs(expected).max())
    assert_adjoint(lattice)
    assert_adjoint(build.at_stations(MESH, *STATIONS, component=component, **field))


def test_a_gradient_is_inverted_beside_gravity():
    """A deep and a shallow block: the gradient sharpens the shallow one."""
    ground = np.zeros(MESH.shape)
    ground[2, 2:4, 2:4], ground[:2, 4:6, 5:7] = 300.0, -200.0
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=120.0))
    modalities = {}
    for name, component, noise in (("gravity", "gz", 0.01), ("gradient", "gzz", 0.5)):
        operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=10.0, component=component)
        data = operator.predict(ground) + noise * np.random.default_rng(1).standard_normal(operator.data_shape)
        modalities[name] = bj.Modality(name, operator, data, bj.DiagonalNoise(np.full(data.shape, noise)), "density")
    assert modalities["gradient"].units == "E"
    alone, both = (bj.posterior(bj.JointProblem([density], m)) for m in (
        [modalities["gravity"]], list(modalities.values())))
    assert np.all(both.std()["density"] <= alone.std()["density"] * (1 + 1e-9))
    assert np.mean(both.std()["density"][2]) < 0.9 * np.mean(alone.std()["density"][2])
    error = [np.sqrt(np.mean((p.mean()["density"] - ground)[2] ** 2)) for p in (alone, both)]
    assert error[1] < error[0]


def test_unknown_ones_fail_with_the_list():
    for call, words in ((lambda: bj.GravityOperator(MESH, MESH.easting, MESH.northing, component="g_zz"), "'gzz'"),
                        (lambda: bj.MagneticOperator.at_stations(MESH, *STATIONS, component="gz"), "'b_u'"),
                        (lambda: bj.forward_prisms(MESH.prisms(), MODEL.ravel(), STATIONS, "gravty"), "'gravity'")):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(ValueError, match="inside the ground"):
        bj.GravityOperator.at_stations(MESH, [100.0], [100.0], [-30.0], component="gzz")
    assert quantity_named("gz").units == gravity_quantity().units == "mGal"
    assert magnetic_quantity().singular and not gravity_quantity().singular
    assert gravity_quantity().coefficients[0] == pytest.approx(-1e5 * GRAVITATIONAL_CONST)
