from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayesjoint import Mesh
from bayesjoint.forward import ComposedOperator, GravityOperator, MagneticOperator, StationSampling, UpwardContinuation
from bayesjoint.testing import assert_adjoint

DATA = Path(__file__).parents[2] / "case_studies" / "flin_flon" / "data"
MESH = Mesh.regular(shape=(5, 24, 28), spacing=(50, 80, 100), top=-50.0)
HEIGHTS = [60.0, 0.0, 30.0, 90.0]
RNG = np.random.default_rng(0)
STATIONS = RNG.uniform(60, 2740, 200), RNG.uniform(45, 1875, 200), RNG.uniform(0, 90, 200)


def build(kind):
    if kind == "gravity":
        return GravityOperator(MESH, MESH.easting, MESH.northing, HEIGHTS)
    return MagneticOperator(MESH, MESH.easting, MESH.northing, HEIGHTS, 55_000.0, 70.0, 5.0)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_stated_error_holds_for_a_model_and_for_the_rows(kind):
    lattice = build(kind)
    operator = StationSampling(lattice, *STATIONS) @ lattice
    model = np.random.default_rng(1).standard_normal(MESH.shape)
    if kind == "gravity":
        exact = GravityOperator.at_stations(MESH, *STATIONS)
    else:
        exact = MagneticOperator.at_stations(MESH, *STATIONS, None, 55_000.0, 70.0, 5.0)
    errors = operator.predict(model) - exact.predict(model)
    stated = operator.sampling_error(model, stations=50, seed=2)
    assert 0 < np.sqrt(np.mean(errors**2)) < stated.rms_upper < 3 * stated.rms
    np.testing.assert_allclose(stated.errors, errors[stated.index], rtol=1e-8, atol=1e-12 * np.abs(errors).max())
    assert stated.total == 200 and stated.probability == 0.95 and stated.units == operator.units
    assert 0.005 < stated.relative_rms < stated.relative_rms_upper < (0.1 if kind == "gravity" else 0.5)
    assert stated.bounds is None and stated.max == np.abs(stated.errors).max() > stated.rms

    every = operator.sampling_error(model, stations=200)
    assert every.rms == every.rms_upper == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert every.relative_rms == pytest.approx(every.rms / np.sqrt(np.mean(exact.predict(model) ** 2)))

    rows = operator.to_dense() - exact.to_dense()
    stated = operator.sampling_error(stations=50, seed=2)
    assert np.sqrt(np.mean(np.sum(rows**2, axis=1))) < stated.rms_upper
    np.testing.assert_allclose(stated.errors, np.linalg.norm(rows[stated.index], axis=1), rtol=1e-7)
    np.testing.assert_allclose(stated.bounds, np.abs(rows[stated.index]).sum(axis=1), rtol=1e-7)
    assert (np.abs(errors[stated.index]) <= stated.bounds * np.abs(model).max()).all()
    assert stated.units == operator.units + (" per kg/m3" if kind == "gravity" else " per SI")
    again = operator.sampling_error(stations=50, seed=2)
    assert again.rms == stated.rms and (again.index == stated.index).all()


def test_composition_keeps_mesh_lattice_and_field():
    lattice = build("magnetic")
    sampling = StationSampling(lattice, *STATIONS, order=3)
    operator = sampling @ lattice
    assert isinstance(operator, ComposedOperator) and isinstance(sampling * lattice, ComposedOperator)
    assert operator.mesh is MESH and operator.lattice is lattice and operator.processing is sampling
    assert (operator.kind, operator.units, operator.intensity, operator.inclination) == ("magnetic", "nT", 55e3, 70.0)
    assert operator.data_dims == ("station",) and operator.data_shape == (200,)
    np.testing.assert_array_equal(np.stack(operator.coordinates()), np.stack(STATIONS))
    assert_adjoint(operator)
    assert_adjoint(sampling)
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((MESH.size, 5)), rng.standard_normal((200, 5))
    dense = operator.to_dense()
    np.testing.assert_allclose(operator @ x, dense @ x, atol=1e-11 * np.abs(dense).sum(axis=1).max())
    np.testing.assert_allclose(operator.T @ y, dense.T @ y, atol=1e-11 * np.abs(dense).sum(axis=0).max())
    np.testing.assert_allclose(sampling @ (lattice @ x[:, 0]), operator @ x[:, 0], rtol=1e-12)
    np.testing.assert_allclose(operator.rows([7, 3]), dense[[7, 3]], rtol=1e-9, atol=1e-12 * np.abs(dense).max())


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_polynomials_of_the_order_are_exact(order):
    lattice = build("gravity")
    easting, northing, upward = (c / 1000 for c in lattice.coordinates())
    power = min(order, 3)  # four heights carry a cubic
    field = easting**order - 2 * northing**order * upward + upward**power + 0.3 * easting
    expected = [c / 1000 for c in STATIONS]
    expected = (expected[0] ** order - 2 * expected[1] ** order * expected[2] + expected[2] ** power
                + 0.3 * expected[0])
    np.testing.assert_allclose(StationSampling(lattice, *STATIONS, order=order) @ field, expected, rtol=1e-10)


def test_stations_on_the_lattice_get_the_lattice():
    lattice = build("gravity")
    operator = StationSampling(lattice, *lattice.coordinates()) @ lattice
    model = np.random.default_rng(4).standard_normal(MESH.shape)
    np.testing.assert_allclose(operator.predict(model), lattice.predict(model).ravel(), rtol=1e-12)


def test_one_height_and_small_lattices():
    """A profile of three stations at one height: the order falls to what the axes carry."""
    lattice = GravityOperator(MESH, MESH.easting[:3], MESH.northing[4:5], 10.0)
    operator = StationSampling(lattice, [60.0, 190.0], MESH.northing[4], 10.0) @ lattice
    assert operator.processing.matrix.nnz == 6
    assert operator.sampling_error(np.ones(MESH.shape)).relative_rms < 0.01
    with pytest.raises(ValueError, match=r"upward must lie within the lattice's hull.*sequence of heights"):
        StationSampling(lattice, [60.0], [MESH.northing[4]], 12.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"easting": [49.0, 100.0]}, "easting must lie within the lattice's hull"),
        ({"northing": [100.0, 1900.0]}, "northing must lie within the lattice's hull"),
        ({"upward": [-0.1, 10.0]}, "upward must lie within the lattice's hull"),
        ({"upward": 90.1}, "upward must lie within the lattice's hull"),
        ({"easting": [np.nan, 100.0]}, "easting must hold finite"),
        ({"northing": [100.0, 100.0, 100.0]}, "northing must be a scalar or have shape"),
        ({"order": 0}, "order must be an integer"),
        ({"order": 2.5}, "order must be an integer"),
    ],
)
def test_bad_input_is_refused_at_once(change, message):
    arguments = {"easting": [100.0, 200.0], "northing": [100.0, 100.0], "upward": 10.0, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        StationSampling(build("gravity"), **arguments)


def test_wrong_partners_are_refused():
    lattice = build("gravity")
    scattered = GravityOperator.at_stations(MESH, *STATIONS)
    sampling = StationSampling(lattice, *STATIONS)
    with pytest.raises(TypeError, match="operator must be on a lattice"):
        StationSampling(scattered, *STATIONS)
    with pytest.raises(ValueError, match="operator must have the stations StationSampling was made for"):
        sampling @ GravityOperator(MESH, MESH.easting, MESH.northing, [0.0, 30.0, 60.0, 95.0])
    with pytest.raises(ValueError, match="stations must be an integer >= 2"):
        (sampling @ lattice).sampling_error(stations=1)
    continued = UpwardContinuation(lattice, 50.0) @ lattice
    assert continued.height.tolist() == [110.0, 50.0, 80.0, 140.0]
    twice = StationSampling(continued, [700.0], [700.0], 115.0) @ continued
    assert twice.predict(1.0).shape == (1,)
    with pytest.raises(TypeError, match="operator must sample a lattice operator directly"):
        twice.sampling_error()
    with pytest.raises(TypeError, match="operator must be sampled at stations"):
        continued.sampling_error()


@pytest.mark.parametrize(("kind", "name", "scale"), [("gravity", "density_contrast", 1e3),
                                                     ("magnetic", "susceptibility", 1.0)])
def test_flin_flon_stations(kind, name, scale):
    """Ground and airborne stations over the real geology: the error at every station lies within what is stated."""
    with xr.open_dataset(DATA / "truth_40m.nc", engine="scipy") as truth:
        truth = truth.isel(height=slice(14, 30), easting=slice(10, 65), northing=slice(8, 65)).load()
    edges = [np.append(truth[d].values - 20, truth[d].values[-1] + 20) for d in ("easting", "northing", "height")]
    mesh = Mesh(*edges)  # its top, 300 m, lies below every station
    survey = np.genfromtxt(DATA / f"{kind}.csv", delimiter=",", names=True)[:: 1 if kind == "gravity" else 8]
    stations = [survey[k] for k in ("easting_m", "northing_m", "height_m")]
    heights = np.linspace(stations[2].min(), stations[2].max(), 4)
    if kind == "gravity":
        lattice = GravityOperator(mesh, mesh.easting, mesh.northing, heights)
    else:
        lattice = MagneticOperator(mesh, mesh.easting, mesh.northing, heights, 60_000.0, 79.0, 11.0)
    operator = StationSampling(lattice, *stations) @ lattice
    model = scale * truth[name].values.astype(float)
    stated, true = operator.sampling_error(model), operator.sampling_error(model, stations=10_000)
    assert true.rms <= stated.rms_upper < 2 * true.rms
    assert true.max < 3 * stated.max
    assert true.relative_rms < 0.002
