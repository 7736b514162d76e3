import numpy as np
import pytest

from bayesjoint import Mesh
from bayesjoint.forward import GravityOperator, MagneticOperator, StationSelection, UpwardContinuation
from bayesjoint.testing import assert_adjoint

MESH = Mesh.regular(shape=(3, 6, 7), spacing=(50, 80, 100))


@pytest.mark.parametrize("height", [0.0, [0.0, 40.0]])
def test_selection_picks_observed_stations(height):
    lattice = MagneticOperator(MESH, MESH.easting, MESH.northing, height, inclination=70.0)
    mask = np.random.default_rng(0).random(lattice.data_shape) < 0.6
    operator = StationSelection(lattice, mask) @ lattice
    model = np.random.default_rng(1).standard_normal(MESH.shape)
    np.testing.assert_array_equal(operator.predict(model), lattice.predict(model)[mask])
    assert operator.data_dims == ("station",) and operator.inclination == 70.0 and operator.lattice is lattice
    for selected, full in zip(operator.coordinates(), lattice.coordinates(), strict=True):
        np.testing.assert_array_equal(selected, full[mask.ravel()])
    assert_adjoint(operator)
    dense = lattice.to_dense()[mask.ravel()]
    np.testing.assert_allclose(operator.to_dense(), dense, rtol=0, atol=1e-12 * np.abs(dense).max())
    y = np.random.default_rng(2).standard_normal((operator.shape[0], 4))
    np.testing.assert_allclose(operator.T @ y, dense.T @ y, rtol=0, atol=1e-10 * np.abs(dense).max())


@pytest.mark.parametrize(
    ("mask", "message"),
    [(np.ones((6, 7)), "mask must be a boolean"), (np.ones((7, 6), bool), "mask must be a boolean"),
     (np.zeros((6, 7), bool), "mask must keep at least one")],
)
def test_bad_masks_are_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        StationSelection(GravityOperator(MESH, MESH.easting, MESH.northing), mask)
    with pytest.raises(TypeError, match="operator must be a forward operator"):
        StationSelection(np.eye(3), np.ones(3, bool))


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_continuation_is_the_field_higher_up_away_from_the_edges(kind):
    mesh = Mesh.regular(shape=(3, 60, 70), spacing=(100, 100, 100))
    low, high = (
        GravityOperator(mesh, mesh.easting, mesh.northing, h) if kind == "gravity"
        else MagneticOperator(mesh, mesh.easting, mesh.northing, h, 58_000.0, -62.0, 2.0)
        for h in (100.0, 500.0)
    )
    operator = UpwardContinuation(low, 400.0) @ low
    model = np.zeros(mesh.shape)
    model[0, 25:35, 30:38] = model[1, 15:20, 40:45] = 1.0
    found, expected = operator.predict(model), high.predict(model)
    scale = np.ptp(expected)
    error = np.abs(found - expected) / scale
    assert error[12:-12, 12:-12].max() < 0.002 and error.max() < 0.01
    assert np.abs(low.predict(model) - expected)[12:-12, 12:-12].max() > 0.5 * scale  # it did something
    assert operator.height.tolist() == [500.0] and operator.data_dims == ("northing", "easting")
    np.testing.assert_array_equal(np.stack(operator.coordinates()), np.stack(high.coordinates()))


def test_continuation_is_symmetric_and_keeps_its_input():
    lattice = GravityOperator(MESH, MESH.easting, MESH.northing, [0.0, 30.0])
    once = UpwardContinuation(lattice, 250.0)
    assert_adjoint(once)
    assert_adjoint(once @ lattice)
    data = np.random.default_rng(3).standard_normal((84, 3))
    before = data.copy()
    np.testing.assert_allclose((once @ data)[:, 1], once @ data[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(data, before)
    assert 0 < np.linalg.norm(once @ data) < np.linalg.norm(data)
    matrix = (once @ lattice).to_dense()
    np.testing.assert_allclose(matrix, (once @ lattice) @ np.eye(MESH.size), atol=1e-12 * np.abs(matrix).max())
    with pytest.raises(ValueError, match="distance must be > 0"):
        UpwardContinuation(lattice, 0.0)
    with pytest.raises(TypeError, match="operator must be on a lattice"):
        UpwardContinuation(GravityOperator.at_stations(MESH, [1.0], [2.0], 3.0), 10.0)
