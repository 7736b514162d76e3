import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesjoint import Mesh
from bayesjoint.forward import GravityOperator, MagneticOperator
from bayesjoint.testing import assert_adjoint

FIELD = {"intensity": 52_000.0, "inclination": 63.0, "declination": -17.0}
TOLERANCE = 1e-10  # of the largest datum


def build(kind, mesh, easting, northing, height=0.0, **settings):
    if kind == "gravity":
        return GravityOperator(mesh, easting, northing, height, **settings)
    return MagneticOperator(mesh, easting, northing, height, **{**FIELD, **settings})


def uneven(shape=(4, 9, 12), seed=0):
    """A mesh whose three spacings all differ, its layers too, away from the origin."""
    nz, ny, nx = shape
    upward = -np.cumsum(np.concatenate([[0.0], 60.0 * 1.3 ** np.arange(nz)]))[::-1]
    return Mesh(1000 + 100 * np.arange(nx + 1), -500 + 80 * np.arange(ny + 1), upward)


def error(operator, model, direct_sums, **field):
    expected = direct_sums(operator.coordinates(), operator.mesh.prisms(), model, operator.kind, **field)
    return np.abs(operator.predict(model).ravel() - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
@pytest.mark.parametrize("height", [0.0, 35.0, [0.0, 10.0, 400.0]])
@pytest.mark.parametrize("window", [(slice(None), slice(None)), (slice(2, 7), slice(3, 12)), (slice(2, 7), slice(3, 9)),
                                    (slice(8, 9),) * 2])
def test_agrees_with_direct_prism_sums_the_top_face_included(kind, height, window, direct_sums):
    mesh = uneven()
    operator = build(kind, mesh, mesh.easting[window[1]], mesh.northing[window[0]], height)
    model = np.random.default_rng(1).standard_normal(mesh.shape)
    field = FIELD if kind == "magnetic" else {}
    assert error(operator, model, direct_sums, **field) < TOLERANCE


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_stations_may_reach_beyond_the_mesh_and_below_it(kind, direct_sums):
    mesh = uneven()
    easting = mesh.easting[0] + 100 * np.arange(-4, 20)
    northing = mesh.northing[0] + 80 * np.arange(-30, -2)
    model = np.random.default_rng(2).standard_normal(mesh.shape)
    field = FIELD if kind == "magnetic" else {}
    assert error(build(kind, mesh, easting, northing, 5.0), model, direct_sums, **field) < TOLERANCE
    assert error(build(kind, mesh, easting, northing, -100.0), model, direct_sums, **field) < TOLERANCE
    below = build(kind, mesh, mesh.easting, mesh.northing, mesh.upward_edges[0])
    just_below = build(kind, mesh, mesh.easting, mesh.northing, mesh.upward_edges[0] - 1e-6)
    np.testing.assert_allclose(below.predict(model), just_below.predict(model), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("inclination", [90.0, 45.0, 10.0, 0.0, -64.0])
def test_total_field_on_the_face_is_the_limit_from_just_above(inclination, direct_sums):
    mesh = Mesh.regular(shape=(3, 5, 6), spacing=(40, 90, 70))
    field = {"intensity": 48_000.0, "inclination": inclination, "declination": 30.0}
    operator = MagneticOperator(mesh, mesh.easting, mesh.northing, 0.0, **field)
    model = np.random.default_rng(3).uniform(0, 0.1, mesh.shape)
    assert error(operator, model, direct_sums, **field) < TOLERANCE
    easting, northing, upward = operator.coordinates()
    above = direct_sums((easting, northing, upward + 1e-6), mesh.prisms(), model, "magnetic", **field)
    np.testing.assert_allclose(operator.predict(model).ravel(), above, atol=1e-6 * np.abs(above).max())


def test_signs_far_away():
    """A distant body is a point mass or a dipole: its field follows from one line of textbook physics."""
    mesh = Mesh.regular(shape=(1, 1, 1), spacing=(10, 10, 10), west=-5, south=-5, top=5)
    volume, distance = 1000.0, 1000.0
    gravity = GravityOperator(mesh, [0.0], [0.0], distance).predict(1.0)
    assert gravity.item() == pytest.approx(1e5 * 6.6743e-11 * volume / distance**2, rel=1e-4)
    dipole = 50_000.0 * volume / (4 * np.pi * distance**3)
    pole = MagneticOperator(mesh, [0.0], [0.0], distance, inclination=90).predict(1.0)
    assert pole.item() == pytest.approx(2 * dipole, rel=1e-4)
    equator = MagneticOperator(mesh, [0.0], [0.0], distance, inclination=0).predict(1.0)
    assert equator.item() == pytest.approx(-dipole, rel=1e-4)
    # In a field that dips north, the anomaly's low lies north of the body; declination turns it clockwise.
    line = 10.0 * np.arange(-200, 201)
    wide = Mesh.regular(shape=(1, 1, 1), spacing=(10, 10, 10), west=-5, south=-5, top=5)
    north = MagneticOperator(wide, [0.0], line, 300.0, inclination=45, declination=0).predict(1.0)[:, 0]
    assert line[north.argmin()] > 0 > line[north.argmax()]
    east = MagneticOperator(wide, line, [0.0], 300.0, inclination=45, declination=90).predict(1.0)[0]
    np.testing.assert_allclose(east, north, rtol=1e-4, atol=1e-6 * np.abs(north).max())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_window_of_any_mesh(data):
    """Product, adjoint and block products agree with the dense matrix for every shape, parity, window and height."""
    nz, ny, nx = (data.draw(st.integers(1, most), label=name) for name, most in (("nz", 3), ("ny", 7), ("nx", 7)))
    mesh = uneven((nz, ny, nx))
    row, column = (data.draw(st.integers(-3, 5)) for _ in "yx")
    rows, columns = (data.draw(st.integers(1, 9)) for _ in "yx")
    heights = data.draw(st.one_of(st.floats(0, 500), st.lists(st.floats(0, 500), min_size=1, max_size=3)))
    kind = data.draw(st.sampled_from(["gravity", "magnetic"]))
    operator = build(kind, mesh, mesh.easting[0] + 100 * (column + np.arange(columns)),
                     mesh.northing[0] + 80 * (row + np.arange(rows)), heights)
    dense = operator.to_dense()
    scale = np.abs(dense).max()
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((mesh.size, 11)), rng.standard_normal((operator.shape[0], 11))
    np.testing.assert_allclose(operator @ x, dense @ x, rtol=0, atol=1e-11 * scale * np.sqrt(mesh.size))
    np.testing.assert_allclose(operator.T @ y, dense.T @ y, rtol=0, atol=1e-11 * scale * np.sqrt(y.shape[0]))
    np.testing.assert_allclose(operator @ x[:, 3], (operator @ x)[:, 3], rtol=0, atol=1e-12 * scale * mesh.size)
    np.testing.assert_allclose(operator.T @ y[:, 3], (operator.T @ y)[:, 3], rtol=0, atol=1e-12 * scale * y.shape[0])
    assert_adjoint(operator)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
@pytest.mark.parametrize("height", [0.0, [0.0, 50.0]])
def test_adjoint_and_block_products_at_survey_size(kind, height):
    """Large enough that layers are split over threads and done in several blocks."""
    mesh = Mesh.regular(shape=(12, 60, 90), spacing=(100, 100, 100))
    operator = build(kind, mesh, mesh.easting[5:-5], mesh.northing[7:-7], height)
    assert_adjoint(operator)
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((mesh.size, 19)), rng.standard_normal((operator.shape[0], 19))
    image, back = operator @ x, operator.T @ y
    assert image.shape == (operator.shape[0], 19)
    for k in (0, 8, 18):
        np.testing.assert_allclose(image[:, k], operator @ x[:, k], rtol=0, atol=1e-13 * np.abs(image).max())
        np.testing.assert_allclose(back[:, k], operator.T @ y[:, k], rtol=0, atol=1e-13 * np.abs(back).max())
    np.testing.assert_array_equal(operator @ x[:, 0], operator @ x[:, 0])


@pytest.mark.parametrize(("easting", "northing"), [(slice(None), slice(None)), (slice(2, -2), slice(1, -1))])
def test_even_kernels_take_half_the_memory(easting, northing, direct_sums):
    """Gravity, and a vertical field: symmetric about the station, so spectra are real if the window is centred."""
    mesh = uneven()
    gravity = build("gravity", mesh, mesh.easting[easting], mesh.northing[northing])
    slanted = build("magnetic", mesh, mesh.easting[easting], mesh.northing[northing])
    shifted = build("gravity", mesh, mesh.easting[easting] + 100, mesh.northing[northing])
    assert 2 * gravity.nbytes == slanted.nbytes == shifted.nbytes
    model = np.random.default_rng(8).standard_normal(mesh.shape)
    assert error(gravity, model, direct_sums) < TOLERANCE > error(shifted, model, direct_sums)
    assert_adjoint(gravity)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_float32_is_harmless(kind):
    mesh = Mesh.regular(shape=(6, 40, 50), spacing=(100, 100, 100))
    double, single = (build(kind, mesh, mesh.easting, mesh.northing, 0.0, dtype=d) for d in ("float64", "float32"))
    model = np.random.default_rng(6).uniform(0, 1, mesh.shape)
    expected, found = double.predict(model), single.predict(model)
    assert found.dtype == np.float32 and single.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()
    assert_adjoint(single, rtol=1e-6)


def test_rows_are_rows_of_the_matrix():
    mesh = uneven()
    operator = build("magnetic", mesh, mesh.easting[1:6], mesh.northing[2:5], [0.0, 20.0])
    unit = np.zeros(operator.shape[0])
    unit[[4, 17]] = 1.0
    np.testing.assert_allclose(operator.rows([4, 17]).sum(axis=0), operator.T @ unit, rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match="index must lie"):
        operator.rows([operator.shape[0]])
    with pytest.raises(ValueError, match="index must be"):
        operator.rows(np.ones(operator.shape[0], bool))


def test_attributes_coordinates_and_flattening():
    mesh = uneven()
    operator = build("gravity", mesh, mesh.easting[2:5], mesh.northing[1:3], [10.0, 30.0])
    assert operator.data_shape == (2, 2, 3) and operator.data_dims == ("height", "northing", "easting")
    assert (operator.kind, operator.units, operator.mesh) == ("gravity", "mGal", mesh)
    easting, northing, upward = operator.coordinates()
    np.testing.assert_array_equal(easting, np.tile(mesh.easting[2:5], 4))
    np.testing.assert_array_equal(northing, np.tile(np.repeat(mesh.northing[1:3], 3), 2))
    np.testing.assert_array_equal(upward, np.repeat([10.0, 30.0], 6))
    magnetic = MagneticOperator(mesh, mesh.easting, mesh.northing)
    assert (magnetic.units, magnetic.intensity, magnetic.inclination, magnetic.declination) == ("nT", 5e4, 45.0, 45.0)
    assert magnetic.data_dims == ("northing", "easting")


def test_height_within_rounding_of_the_top_counts_as_the_top():
    mesh = uneven()
    model = np.random.default_rng(7).standard_normal(mesh.shape)
    on, nearly = (build("magnetic", mesh, mesh.easting, mesh.northing, h).predict(model) for h in (0.0, -1e-9))
    np.testing.assert_array_equal(on, nearly)


MESH = Mesh.regular(shape=(2, 4, 5), spacing=(100, 100, 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"easting": MESH.easting[::-1]}, "easting must ascend"),
        ({"easting": MESH.easting[[0, 1, 3]]}, "easting must ascend"),
        ({"easting": MESH.easting + 20}, "easting must lie at the centres"),
        ({"northing": MESH.northing * np.nan}, "northing must hold finite"),
        ({"northing": MESH.northing[:, None]}, "northing must have 1 dimension"),
        ({"northing": []}, "northing must hold at least one"),
        ({"height": -50.0}, "height must not lie inside the mesh"),
        ({"height": [10.0, -100.0]}, "height must not lie inside the mesh"),
        ({"height": np.inf}, "height must hold finite"),
        ({"height": []}, "height must hold at least one"),
        ({"height": np.zeros((4, 5))}, "height must have"),
        ({"dtype": "float16"}, "dtype must be one of"),
        ({"mesh": Mesh([0, 100, 250], [0, 100], [-100, 0])}, "easting_edges must be equally spaced"),
        ({"intensity": 0.0}, "intensity must be > 0"),
        ({"inclination": 91.0}, "inclination must lie within"),
        ({"declination": np.nan}, "declination must be a number, and finite"),
    ],
)
def test_bad_input_is_refused_at_once(change, message):
    arguments = {"mesh": MESH, "easting": MESH.easting, "northing": MESH.northing, **change}
    with pytest.raises(ValueError, match=message):
        MagneticOperator(**arguments)


def test_bad_models_and_types_are_refused():
    operator = GravityOperator(MESH, MESH.easting, MESH.northing)
    with pytest.raises(ValueError, match="model must be a scalar or have shape"):
        operator.predict(np.zeros((5, 4, 2)))
    with pytest.raises(ValueError, match="model must hold finite"):
        operator.predict(np.full(MESH.shape, np.nan))
    with pytest.raises(TypeError, match="mesh must be"):
        GravityOperator("mesh", MESH.easting, MESH.northing)
    with pytest.raises(TypeError, match="vector must be real"):
        operator @ np.ones(MESH.size, complex)
