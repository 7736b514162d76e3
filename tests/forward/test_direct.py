import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesjoint import Mesh, forward_prisms
from bayesjoint.forward import GravityOperator, MagneticOperator
from bayesjoint.testing import assert_adjoint

FIELD = {"intensity": 52_000.0, "inclination": 63.0, "declination": -17.0}
MESH = Mesh([0, 40, 100, 130, 250], [-60, 0, 25, 90], [-400, -150, -60, -20, 0])


def build(kind, *arguments, **keywords):
    if kind == "gravity":
        return GravityOperator.at_stations(*arguments, **keywords)
    return MagneticOperator.at_stations(*arguments, **keywords, **FIELD)


def scattered(count, seed=0, mesh=MESH):
    rng = np.random.default_rng(seed)
    low, high = mesh.easting_edges[0] - 100, mesh.easting_edges[-1] + 100
    return rng.uniform(low, high, count), rng.uniform(-200, 200, count), rng.uniform(0.5, 80, count)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_agrees_with_direct_prism_sums_on_any_rectilinear_mesh(kind, direct_sums):
    stations = [np.append(a, b) for a, b in zip(scattered(40), (20.0, -30.0, 0.0), strict=True)]  # the last on the face
    operator = build(kind, MESH, *stations)
    model = np.random.default_rng(1).standard_normal(MESH.shape)
    expected = direct_sums(stations, MESH.prisms(), model, kind, **(FIELD if kind == "magnetic" else {}))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(operator.predict(model), expected, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(operator.to_dense() @ model.ravel(), expected, rtol=0, atol=1e-10 * scale)
    assert operator.data_dims == ("station",) and operator.data_shape == (41,)
    np.testing.assert_array_equal(np.stack(operator.coordinates()), np.stack(stations))


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_agrees_with_the_lattice_operator(kind):
    mesh = Mesh.regular(shape=(3, 6, 7), spacing=(50, 80, 100))
    lattice = GravityOperator(mesh, mesh.easting, mesh.northing, 0.0) if kind == "gravity" else MagneticOperator(
        mesh, mesh.easting, mesh.northing, 0.0, **FIELD)
    operator = build(kind, mesh, *lattice.coordinates())
    model = np.random.default_rng(2).standard_normal(mesh.shape)
    expected = lattice.predict(model).ravel()
    np.testing.assert_allclose(operator.predict(model), expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_products_adjoint_and_rows_agree(data):
    """Any mesh, any air, any number of stations and columns, whichever way the threads split the work."""
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    mesh = Mesh(*(np.cumsum(rng.uniform(10, 90, n + 1)) for n in shape[::-1]))
    active = rng.random(shape) < data.draw(st.sampled_from([0.3, 1.0]))
    active.flat[rng.integers(active.size)] = True
    count = data.draw(st.integers(1, 6))
    stations = rng.uniform(0, 300, count), rng.uniform(0, 300, count), mesh.upward_edges[-1] + rng.uniform(1, 50, count)
    operator = build(data.draw(st.sampled_from(["gravity", "magnetic"])), mesh, *stations, active=active)
    dense = operator.to_dense()
    assert not dense[:, ~active.ravel()].any()
    x, y = rng.standard_normal((mesh.size, 3)), rng.standard_normal((count, 3))
    np.testing.assert_allclose(operator @ x, dense @ x, rtol=1e-11, atol=1e-12 * np.abs(dense).max())
    np.testing.assert_allclose(operator.T @ y, dense.T @ y, rtol=1e-11, atol=1e-12 * np.abs(dense).max())
    np.testing.assert_allclose(operator @ x[:, 1], (operator @ x)[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(operator.rows([count - 1]), dense[-1:])
    assert_adjoint(operator)


def test_air_holds_nothing_and_may_hold_stations(direct_sums):
    """A hill: the upper layers are air but for one column; stations stand beside it and on its walls."""
    active = np.ones(MESH.shape, bool)
    active[2:] = False
    active[2:, 1, 1] = True
    east, north, west, south = MESH.easting_edges[2], MESH.northing_edges[2], *(40.0, 0.0)
    stations = [np.array(v, float) for v in ([10, east, 70, west, 70, 70], [10, 10, north, 10, south, 10],
                                             [-59.9, -30, -30, -10, -45, 0])]
    model = np.random.default_rng(3).uniform(0.01, 0.1, MESH.shape)
    for kind in ("gravity", "magnetic"):
        operator = build(kind, MESH, *stations, active=active)
        field = FIELD if kind == "magnetic" else {}
        ground = np.where(active, model, 0.0).ravel()
        expected = direct_sums(stations, MESH.prisms()[ground != 0], ground[ground != 0], kind, **field)
        np.testing.assert_allclose(operator.predict(model), expected, rtol=1e-10)
        np.testing.assert_allclose(operator.to_dense() @ model.ravel(), expected, rtol=1e-10)
        assert_adjoint(operator)
        outside = stations + 1e-6 * np.array([[0, 1, 0, -1, 0, 0], [0, 0, 1, 0, -1, 0], [0, 0, 0, 0, 0, 1]])
        np.testing.assert_allclose(build(kind, MESH, *outside, active=active).predict(model), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
@pytest.mark.parametrize(
    ("station", "message"),
    [
        ((20, 10, -10), "1 inside the ground, first number 1"),
        ((40, 10, -10), "inside the ground"),  # between two cells
        ((20, 10, -60), "inside the ground"),
        ((40, 10, 0), "on an edge of a cell"),
        ((40, 25, 0), "on an edge of a cell"),
        ((0, 10, 0), "on an edge of a cell"),
        ((250, 90, -400), "on an edge of a cell"),
        ((20, 10, -1e-9), None),  # rounding of the top
        ((0, 10, -30), None),  # the western wall of the mesh
        ((-0.001, 10, -30), None),
        ((20, 10, -400), None),
    ],
)
def test_magnetic_stations_in_the_ground_or_on_edges_are_refused(kind, station, message):
    """Gravity is finite there: the operator gives what a list of prisms gives."""
    stations = np.array([[-500.0, 0.0, 10.0], station], float).T
    if message is None or kind == "gravity":
        operator = build(kind, MESH, *stations)
        assert np.isfinite(operator.predict(0.1)).all()
        if kind == "gravity":
            np.testing.assert_allclose(operator.predict(0.1), forward_prisms(
                MESH.prisms(), np.full(MESH.size, 0.1), stations, kind), rtol=1e-10)
            assert operator.buried.tolist() == [False, message is not None and "inside" in message]
            assert_adjoint(operator)
        return
    with pytest.raises(ValueError, match=message):
        build(kind, MESH, *stations)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"easting": [np.nan, 0.0]}, "easting must hold finite"),
        ({"easting": []}, "easting must hold at least one"),
        ({"northing": [1.0]}, "northing must be a scalar or have shape"),
        ({"upward": [1.0, 2.0, 3.0]}, "upward must be a scalar or have shape"),
        ({"active": np.ones((2, 2, 2), bool)}, "active must be a boolean array"),
        ({"active": np.ones(MESH.shape)}, "active must be a boolean array"),
        ({"active": np.zeros(MESH.shape, bool)}, "active must mark at least one"),
    ],
)
def test_bad_input_is_refused_at_once(change, message):
    arguments = {"mesh": MESH, "easting": [1.0, 2.0], "northing": [0.5, 0.5], "upward": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        GravityOperator.at_stations(**arguments)
    with pytest.raises(TypeError, match="mesh must be"):
        GravityOperator.at_stations("mesh", [1.0], [1.0], 1.0)
