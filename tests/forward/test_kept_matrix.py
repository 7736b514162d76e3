"""Station operators keep their matrix within a stated limit."""

import pickle

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.forward import _direct

MESH = bj.Mesh.regular((3, 8, 9), (100.0, 100.0, 100.0))


def operator(count=40):
    rng = np.random.default_rng(0)
    east, north = rng.uniform(0.0, 800.0, (2, count))
    return bj.GravityOperator.at_stations(MESH, east, north, 30.0 + rng.uniform(0.0, 50.0, count))


def entries(monkeypatch):
    """Counts how often prism sums are evaluated."""
    calls, sums = [], _direct.run_ranges
    monkeypatch.setattr(_direct, "run_ranges", lambda *a: (calls.append(1), sums(*a))[1])
    return calls


def test_recurring_products_do_not_stream(monkeypatch):
    forward, calls = operator(), entries(monkeypatch)
    v, w = np.ones(MESH.size), np.ones(40)
    streamed = forward @ v, forward.T @ w
    np.testing.assert_allclose(forward @ v, streamed[0], rtol=1e-10)
    many = len(calls)
    for _ in range(20):
        np.testing.assert_allclose(forward.T @ w, streamed[1], rtol=1e-10)
    assert len(calls) == many == 3
    np.testing.assert_allclose(pickle.loads(pickle.dumps(forward)) @ v, streamed[0], rtol=1e-10)
    assert len(pickle.dumps(forward)) < 8 * 40 * MESH.size  # the matrix stays at home


def test_above_the_limit_every_product_streams(monkeypatch):
    monkeypatch.setattr(_direct, "KEPT_BYTES", 8 * 40 * MESH.size - 1)
    forward, calls = operator(), entries(monkeypatch)
    for _ in range(5):
        forward @ np.ones(MESH.size)
    assert len(calls) == 5


def test_find_map_does_not_stream(monkeypatch):
    forward = operator()
    density = bj.Parameter("density", MESH, prior=bj.Focusing(1e4), bounds=(0.0, 1000.0))
    data = forward @ (500.0 * (np.arange(MESH.size) == 100))
    survey = bj.Modality("g", forward, data, bj.DiagonalNoise(np.full(40, 0.01)), "density")
    problem = bj.JointProblem([density], [survey])
    calls = entries(monkeypatch)
    result = bj.find_map(problem, discrepancy=False)
    assert result.products > 10
    assert len(calls) < 5
    left = (forward @ result.model["density"].ravel() - data) / 0.01
    assert result.chi2["g"] == pytest.approx(float(left @ left))
