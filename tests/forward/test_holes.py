"""Averages along intervals: lengths by geometry, linear fields, samples, air, and what is refused."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.forward import IntervalOperator
from bayesjoint.testing import assert_adjoint

from ..refusals import refused


@pytest.fixture
def mesh():
    return bj.Mesh([0, 10, 25, 45, 60], [0, 20, 30, 60], [-70, -40, -20, -5, 0])


def paths(mesh, count, seed=0):
    rng = np.random.default_rng(seed)
    low, high = (np.array([e[k] for e in (mesh.easting_edges, mesh.northing_edges, mesh.upward_edges)])
                 for k in (0, -1))
    return [low + (high - low) * rng.random((count, 3)) for _ in range(2)]


def test_vertical_intervals_have_the_lengths_that_layers_leave_them(mesh):
    op = IntervalOperator(mesh, [[12.0, 25.0, -2.0], [50.0, 5.0, -10.0]], [[12.0, 25.0, -30.0], [50.0, 5.0, -12.0]])
    rows = op.to_dense().reshape(2, *mesh.shape)
    np.testing.assert_allclose(rows[0, :, 1, 1], np.array([0.0, 10.0, 15.0, 3.0]) / 28)
    np.testing.assert_allclose(rows[1, 2, 0, 3], 1.0)
    np.testing.assert_allclose(rows.sum(axis=(1, 2, 3)), 1.0, rtol=1e-14)


def test_inclined_intervals_have_the_lengths_that_clipping_to_every_cell_gives(mesh):
    start, end = paths(mesh, 40)
    west, east, south, north, bottom, top = mesh.prisms().T
    low, high = (np.stack(a, axis=1)[None] for a in ((west, south, bottom), (east, north, top)))
    slope = (end - start)[:, None]
    with np.errstate(divide="ignore"):
        sides = np.sort(np.stack([(low - start[:, None]) / slope, (high - start[:, None]) / slope]), axis=0)
    share = (np.minimum(sides[1].min(axis=2), 1) - np.maximum(sides[0].max(axis=2), 0)).clip(0)
    op = IntervalOperator(mesh, start, end)
    np.testing.assert_allclose(op.to_dense(), share, atol=1e-13)
    np.testing.assert_allclose(op.length, np.linalg.norm(end - start, axis=1))
    assert_adjoint(op)
    np.testing.assert_array_equal(IntervalOperator(mesh, end, start).to_dense().argmax(1), op.to_dense().argmax(1))


def test_a_linear_field_averages_to_its_value_at_the_middle_as_cells_grow_small():
    mesh = bj.Mesh.regular((50, 40, 40), (1.0, 2.0, 1.5))
    start, end = paths(mesh, 30, seed=1)
    up, north, east = np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")
    slopes = 3.0, -2.0, 5.0
    op = IntervalOperator(mesh, start, end)
    found = op.predict(slopes[0] * east + slopes[1] * north + slopes[2] * up)
    easting, northing, upward = op.coordinates()
    within = 0.5 * (3 * 1.5 + 2 * 2.0 + 5 * 1.0)  # no point is further than that from its cell's centre
    expected = slopes[0] * easting + slopes[1] * northing + slopes[2] * upward
    assert np.abs(found - expected).max() < within
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.2 * within


def test_samples_and_faces_belong_to_one_cell(mesh):
    points = [[12.0, 25.0, 0.0], [25.0, 30.0, -40.0], [60.0, 60.0, -70.0], [0.0, 0.0, -20.0]]
    cells = [(3, 1, 1), (0, 2, 2), (0, 2, 3), (1, 0, 0)]  # the lower, more northern, more eastern one of two
    op = IntervalOperator(mesh, points, kind="susceptibility")
    expected = np.zeros(op.shape)
    expected[range(4), [np.ravel_multi_index(c, mesh.shape) for c in cells]] = 1
    np.testing.assert_array_equal(op.to_dense(), expected)
    assert (op.units, op.kind, op.data_dims, op.data_shape) == ("SI", "susceptibility", ("sample",), (4,))


def test_an_interval_partly_in_air_averages_what_is_ground(mesh):
    hill = mesh.with_topography(([5.0, 50.0], [10.0, 50.0], [-5.0, 0.0]))
    assert not hill.active[3, 0, 0]
    op = IntervalOperator(hill, [[5.0, 10.0, 0.0]], [[5.0, 10.0, -30.0]])
    np.testing.assert_allclose(op.to_dense().reshape(mesh.shape)[:, 0, 0], [0.0, 0.4, 0.6, 0.0])
    refused(lambda: IntervalOperator(hill, [[50.0, 50.0, -1.0], [5.0, 10.0, -1.0]]),
            r"intervals must lie in the ground; found 1 in air, first number 1 from \(5, 10, -1\)")


def test_bad_intervals_are_refused(mesh):
    inside = [[5.0, 5.0, -5.0]]
    refused(lambda: IntervalOperator(mesh, inside, [[5.0, 5.0, -71.0]]), "intervals must lie inside the mesh; found 1")
    refused(lambda: IntervalOperator(mesh, [[5.0, 5.0, 40.0]]), "intervals must lie inside the mesh")
    refused(lambda: IntervalOperator(mesh, inside, [[5.0, 5.0, -6.0]] * 2), "end must have the shape")
    refused(lambda: IntervalOperator(mesh, [5.0, 5.0, -6.0]), "start must have 2 dimension")
    refused(lambda: IntervalOperator(mesh, [[5.0, 5.0]]), "start must have shape")
