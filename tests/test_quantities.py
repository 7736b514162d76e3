"""Components of gravity and of the magnetic field: against choclo, by differences, Laplace's equation, and inverted."""

import ast
from pathlib import Path

import choclo.prism
import numpy as np
import pytest
from choclo.constants import GRAVITATIONAL_CONST
from scipy.stats import chi2

import bayesjoint as bj
from bayesjoint import quantities
from bayesjoint.quantities import COMPONENTS, Component, component_of, known_names, quantity
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


@pytest.mark.parametrize(("kind", "component"), [(c.kind.name, c.name) for c in COMPONENTS.values()])
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
    assert quantity("gz").units == quantity("gravity").units == "mGal"
    assert quantity("tfa").singular and not quantity("gz").singular
    assert quantity("gz").coefficients[0] == pytest.approx(-1e5 * GRAVITATIONAL_CONST)


def test_the_constant_is_choclos():
    assert quantities.GRAVITATIONAL_CONST == GRAVITATIONAL_CONST


def test_names_are_told_apart():
    names = known_names()
    assert len(names) == len(set(names)) and not set(names) & set(quantities.PROPERTIES)
    assert names[:3] == ("gravity", "magnetic", "gz")
    spoken = [word for c in COMPONENTS.values() for word in c.spoken]
    assert len(spoken) == len(set(spoken))


def is_named(node):
    """Whether an expression holds the name of a kind as a constant."""
    return any(isinstance(n, ast.Constant) and n.value in ("gravity", "magnetic") for n in ast.walk(node))


def decisions(source):
    """Lines of a module that compare with a kind's name, or look something up by it."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        held = {ast.Compare: lambda n: [n.left, *n.comparators], ast.MatchValue: lambda n: [n.value],
                ast.Dict: lambda n: [k for k in n.keys if k], ast.Subscript: lambda n: [n.slice],
                ast.Call: lambda n: [k.value for k in n.keywords if k.arg == "choices"]}.get(type(node), lambda n: [])
        lines += [node.lineno for part in held(node) if is_named(part)]
    return lines


@pytest.mark.parametrize("source", [
    'kind == "gravity"', '"magnetic" != kind', 'kind in ("gravity", "magnetic")', 'UNITS = {"gravity": "mGal"}',
    'UNITS["magnetic"]', 'match kind:\n    case "gravity":\n        pass', 'key("kind", choices=("gravity",))',
])  # fmt: skip
def test_a_decision_by_name_is_seen(source):
    assert len(decisions(source)) == 1


def test_nothing_else_compares_with_the_name_of_a_kind():
    package = Path(bj.__file__).parent
    found = {str(p.relative_to(package)): decisions(p.read_text(encoding="utf-8")) for p in package.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines and name != "quantities.py"} == {}
    assert not any(found.values())  # nor does the table itself


NEW = Component(name="gxy", kind=quantities.GRAVITY, unit=quantities.EOTVOS, long_name="a mixture of gradients",
                kernels=lambda inducing: {"uu": 0.5, "en": -2.0})


@pytest.fixture(params=["gzz", "gxy", "b_along"])
def component(request, monkeypatch):
    """A component as the package ships it, and two that are one new entry of the table each."""
    monkeypatch.setitem(quantities.COMPONENTS, "gxy", NEW)
    monkeypatch.setitem(quantities.COMPONENTS, "b_along", Component(
        name="b_along", kind=quantities.MAGNETIC, unit=quantities.NANOTESLA, long_name="field towards north-east",
        kernels=lambda f: {k: (quantities.along("e")(f).get(k, 0) + quantities.along("n")(f).get(k, 0)) / 2**0.5
                           for k in ("ee", "nn", "en", "eu", "nu")}))
    return request.param


def direct(component, stations, field):
    """What a new one must be, from those that are shipped."""
    parts = {"gzz": {"gee": -1.0, "gnn": -1.0}, "gxy": {"gzz": 0.5, "gen": -2.0},
             "b_along": {"b_e": 2**-0.5, "b_n": 2**-0.5}}[component]
    return sum(w * bj.forward_prisms(MESH.prisms(), MODEL.ravel(), stations, c, **field) for c, w in parts.items())


def test_a_component_is_one_entry(component, tmp_path):
    """Operators, their adjoints, prism sums, a survey, a file, an inversion: all by public names, nothing else said."""
    entry = component_of(component)
    field = FIELD if entry.kind.needs_field else {}
    build = bj.MagneticOperator if field else bj.GravityOperator
    lattice = build(MESH, MESH.easting, MESH.northing, height=10.0, component=component, **field)
    assert_adjoint(lattice)
    assert_adjoint(build.at_stations(MESH, *STATIONS, component=component, **field))
    expected = direct(component, lattice.coordinates(), field)
    np.testing.assert_allclose(lattice.predict(MODEL).ravel(), expected, atol=1e-9 * np.abs(expected).max())
    prisms = bj.forward_prisms(MESH.prisms(), MODEL.ravel(), lattice.coordinates(), component, **field)
    np.testing.assert_allclose(prisms, expected, atol=1e-9 * np.abs(expected).max())

    what = entry.kind.property
    size = 0.01 if what.name == "susceptibility" else 100.0
    parameter = bj.Parameter(what.name, MESH, prior=bj.Matern(std=size, range=150.0))
    assert (parameter.units, parameter.scale) == (what.units, what.scale)
    blind = bj.Modality("none", lattice, np.zeros(lattice.data_shape), bj.DiagonalNoise(
        np.full(lattice.data_shape, 1e9)), what.name)
    ground = bj.posterior(bj.JointProblem([parameter], [blind])).sample(draws=1, chains=1, seed=3)[what.name][0, 0]
    exact = lattice.predict(ground)
    std = 0.02 * float(np.std(exact))
    data = exact + std * np.random.default_rng(2).standard_normal(exact.shape)

    survey = bj.Survey(component, data, MESH.easting, MESH.northing, upward=10.0, std=std, name="flight", **field)
    dataset = survey.to_dataset()
    assert (survey.units, dataset.flight.attrs["long_name"]) == (entry.unit.symbol, entry.long_name)
    dataset.to_netcdf(tmp_path / "flight.nc")
    gridded = bj.read_survey(tmp_path / "flight.nc", component)
    np.testing.assert_array_equal(gridded.data, survey.data)
    table = np.stack([*survey.coordinates(), data.ravel() * 1e-9], axis=1)
    np.savetxt(tmp_path / "flight.csv", table, delimiter=",", header=f"east,north,height,{component}", comments="")
    scattered = bj.read_survey(tmp_path / "flight.csv", component, std=std, units="T" if field else "1/s2", **field)
    np.testing.assert_allclose(scattered.data, data.ravel(), rtol=1e-12)

    posteriors = []
    for given, forward, how in ((gridded, "auto", "FFT"), (scattered, "direct", "prism sums")):
        modality = given.modality(parameter, forward=forward)
        assert how in modality.metadata["forward"] and modality.units == entry.unit.symbol
        posteriors.append(bj.posterior(bj.JointProblem([parameter], [modality])))
    means = [post.mean()[what.name] for post in posteriors]
    np.testing.assert_allclose(means[1], means[0], atol=1e-6 * size)
    off = ((means[0] - ground) / parameter.scale).ravel()
    covariance = posteriors[0].state_product(np.eye(off.size))
    assert 1e-3 < chi2.sf(off @ np.linalg.solve(covariance, off), off.size) < 1 - 1e-3
    assert np.sqrt(np.mean((means[0] - ground)[2] ** 2)) < 0.7 * np.std(ground[2])


def test_a_survey_wants_an_operator_of_its_component():
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=60.0))
    place = {"easting": MESH.easting, "northing": MESH.northing, "upward": 10.0, "std": 1.0}
    other = bj.GravityOperator(MESH, MESH.easting, MESH.northing, 10.0, component="gee")
    survey = bj.Survey("gravity", np.ones(other.data_shape), **place)
    with pytest.raises(ValueError, match="units of the survey, 'mGal'"):
        survey.modality(density, forward=other)
    with pytest.raises(ValueError, match=r"gravity, magnetic, gz.*gzz"):
        bj.Survey("heat", np.ones(other.data_shape), units="W", **place).modality(density)
