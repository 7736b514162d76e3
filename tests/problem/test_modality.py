"""Modalities: forward operators of every kind, sizes and shapes, names, and what they refuse."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import bayesjoint as bj

from ..linear import small_mesh
from ..refusals import refused

A = np.arange(72.0).reshape(3, 24)
DATA, NOISE, NAN = [1.0, 2.0, 3.0], bj.DiagonalNoise([1.0, 2.0, 3.0]), float("nan")


def modality(**changes):
    given = {"name": "line", "forward": A, "data": DATA, "noise": NOISE, "parameter": "density"} | changes
    return bj.Modality(**given)


def lattice():
    mesh = small_mesh()
    return bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)


class Wrapped:
    """Something with products that is no LinearOperator."""

    shape, dtype = A.shape, A.dtype

    def matvec(self, x):
        return A @ x

    def rmatvec(self, y):
        return A.T @ y


FORWARDS = {"array": A, "list": A.tolist(), "integers": A.astype(int), "sparse": csr_array(A),
            "operator": aslinearoperator(A), "wrapped": Wrapped()}  # fmt: skip


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_forward_may_be(forward, rng):
    m = modality(forward=forward)
    x, y = rng.standard_normal(24), rng.standard_normal(3)
    assert isinstance(m.forward, LinearOperator) and m.size == 3
    np.testing.assert_allclose(m.forward.matvec(x), A @ x, rtol=1e-13)
    np.testing.assert_allclose(m.forward.rmatvec(y), A.T @ y, rtol=1e-13)


def test_operators_bring_units_and_dims():
    operator = lattice()
    m = modality(forward=operator, data=np.ones((3, 4)), noise=bj.DiagonalNoise(np.ones((3, 4))))
    assert (m.units, m.kind, m.data_shape, m.data_dims) == ("mGal", "gravity", (3, 4), ("northing", "easting"))
    assert m.data.shape == (12,)
    assert modality(forward=operator, data=np.ones(12), noise=bj.DiagonalNoise(np.ones(12))).data_shape == (3, 4)
    assert modality(units="nT").units == "nT" and modality().units == "1"


def test_data_do_not_follow_the_callers_array():
    data = np.ones(3)
    m = modality(data=data)
    data[:] = 9.0
    np.testing.assert_array_equal(m.data, 1.0)


def test_stationary_noise_is_placed_on_the_stations():
    operator = lattice()
    m = modality(forward=operator, data=np.ones((3, 4)),
                 noise=bj.StationaryNoise(lambda e, n: np.exp(-np.hypot(e, n) / 100.0)))  # fmt: skip
    covariance = m.noise.covariance()
    assert covariance[0, 1] == pytest.approx(np.exp(-0.8)) and covariance[0, 4] == pytest.approx(np.exp(-1.2))
    assert m.replace(data=np.zeros(12)).noise is m.noise


def test_replace_keeps_the_rest():
    m = modality(units="nT", metadata={"source": "here"}, parameter=("a", "b"))
    other = m.replace(name="again", data=[3.0, 2.0, 1.0])
    assert (other.name, other.units, other.metadata) == ("again", "nT", {"source": "here"})
    assert other.parameters == ("a", "b")
    assert other.noise is m.noise and other.forward is m.forward


BAD = {
    "name": ({"name": "my survey"}, "name", TypeError),
    "name none": ({"name": None}, "name", TypeError),
    "data nan": ({"data": [1.0, NAN, 3.0]}, "data", ValueError),
    "data inf": ({"data": [1.0, np.inf, 3.0]}, "data", ValueError),
    "data masked": ({"data": np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])}, "data", ValueError),
    "data text": ({"data": ["a", "b", "c"]}, "data", TypeError),
    "data bool": ({"data": [True, False, True]}, "data", TypeError),
    "data too many": ({"data": np.ones(4)}, "forward", ValueError),
    "no data": ({"data": [], "forward": np.empty((0, 24)), "noise": NOISE}, "data", ValueError),
    "forward vector": ({"forward": np.ones(24)}, "forward", ValueError),
    "forward nan": ({"forward": A * NAN}, "forward", ValueError),
    "forward function": ({"forward": np.sum}, "forward", TypeError),
    "forward transposed": ({"forward": A.T}, "forward", ValueError),
    "forward none": ({"forward": None}, "forward", (TypeError, ValueError)),
    "noise number": ({"noise": 0.1}, "noise", TypeError),
    "noise list": ({"noise": [1.0, 1.0, 1.0]}, "noise", TypeError),
    "noise none": ({"noise": None}, "noise", TypeError),
    "noise of another size": ({"noise": bj.DiagonalNoise([1.0, 2.0])}, "noise", ValueError),
    "noise scalar": ({"noise": bj.DiagonalNoise(1.0)}, "noise", ValueError),
    "parameter none": ({"parameter": None}, "parameter", TypeError),
    "parameter number": ({"parameter": 5}, "parameter", TypeError),
    "no parameter": ({"parameter": ()}, "parameter", ValueError),
    "parameter twice": ({"parameter": ("a", "a")}, "parameter", ValueError),
    "parameter itself": ({"parameter": bj.Parameter("density", 24)}, "parameter", TypeError),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(changes, argument, error):
    if isinstance(error, tuple):
        with pytest.raises(error, match=f"{argument} must"):
            modality(**changes)
    else:
        refused(lambda: modality(**changes), argument, error)


@pytest.mark.parametrize(("changes", "argument"), [
    ({"data": np.ones((4, 3)), "noise": bj.DiagonalNoise(np.ones(12))}, "data"),
    ({"data": np.ones((12, 1)), "noise": bj.DiagonalNoise(np.ones(12))}, "data"),
    ({"data": np.ones((3, 4)), "noise": bj.DiagonalNoise(np.ones((4, 3)))}, "noise"),
    ({"data": np.ones(12), "noise": bj.DiagonalNoise(np.ones((4, 3)))}, "noise"),
])  # fmt: skip
def test_a_transposed_grid_does_not_fit(changes, argument):
    assert "(3, 4)" in refused(lambda: modality(forward=lattice(), **changes), argument)


def test_a_transposed_std_does_not_fit_the_data_of_a_matrix():
    refused(lambda: modality(forward=np.ones((6, 24)), data=np.ones((2, 3)), noise=bj.DiagonalNoise(np.ones((3, 2)))),
            "noise")  # fmt: skip
