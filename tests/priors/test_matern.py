"""The Matérn prior against the general formula, its settings, and what it refuses."""

import numpy as np
import pytest

from bayesjoint import Matern, Mesh, Parameter
from bayesjoint.testing import check_gradient

from ..linear import matern_matrix, small_mesh
from ..moments import sampling_excess
from ..refusals import refused

MESH = small_mesh()
NAN = float("nan")


def bound(mesh=MESH, name="density", **settings):
    settings = {"std": 100.0, "range": (150.0, 300.0, 200.0)} | settings
    reference = settings.pop("reference", None)
    return Parameter(name, mesh, prior=Matern(**settings), reference=reference).bound_prior


def regular(shape):
    return Mesh.regular(shape, (70, 110, 90))


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("mesh", [MESH, regular((1, 5, 8)), regular((3, 4, 7)), regular((2, 1, 1)), regular((1, 1, 6))],
                         ids=repr)  # fmt: skip
def test_covariance_is_the_kernel(mesh, smoothness):
    for ranges in ((400.0,) * 3, (60.0, 500.0, 90.0)):
        prior = bound(mesh, range=ranges, smoothness=smoothness)
        wanted = 0.1**2 * matern_matrix(mesh, ranges, smoothness)  # density is in g/cm³ inside
        np.testing.assert_allclose(prior.covariance.dense(), wanted, rtol=0, atol=1e-14)


def test_one_range_serves_all_axes():
    same = [bound(range=r).covariance.dense() for r in (200.0, (200.0,) * 3, [200.0], np.full(3, 200))]
    for other in same[1:]:
        np.testing.assert_array_equal(same[0], other)


def test_axes_are_upward_northing_easting():
    mesh, far = regular((2, 2, 2)), 1e9
    for axis, neighbour in enumerate((4, 2, 1)):  # cell 0's neighbour along each axis, C order
        ranges = [far] * 3
        ranges[axis] = (70, 110, 90)[axis]
        row = bound(mesh, std=1000.0, range=tuple(ranges), smoothness=0.5).covariance.dense()[0]
        assert row[neighbour] == pytest.approx(np.exp(-1), rel=1e-6)
        assert np.delete(row, [neighbour, *[k for k in range(8) if k & neighbour]]).min() > 1 - 1e-6


def test_std_by_layer_and_by_cell():
    layers, cells = np.array([40.0, 160.0]), np.linspace(10, 90, 24).reshape(2, 3, 4)
    np.testing.assert_allclose(bound(std=layers).covariance.diagonal(), np.repeat([0.04, 0.16], 12) ** 2)
    np.testing.assert_allclose(bound(std=cells).covariance.diagonal(), (cells.ravel() / 1000) ** 2)
    std = np.repeat([0.04, 0.16], 12)
    wanted = np.outer(std, std) * matern_matrix(MESH, (150.0, 300.0, 200.0), 1.5)
    np.testing.assert_allclose(bound(std=layers).covariance.dense(), wanted, rtol=0, atol=1e-15)


def test_mean_falls_back_on_the_reference():
    np.testing.assert_array_equal(bound().mean, 0.0)
    np.testing.assert_allclose(bound(reference=50.0).mean, 0.05)
    np.testing.assert_allclose(bound(reference=50.0, mean=20.0).mean, 0.02)
    np.testing.assert_allclose(bound(mean=0.0, reference=50.0).mean, 0.0)
    field = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_allclose(bound(mean=field).mean, field.ravel() / 1000)


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
def test_draws_have_the_kernel(smoothness):
    prior = bound(smoothness=smoothness, range=120.0, std=np.array([50.0, 150.0]))
    draws = prior.covariance.sample(np.random.default_rng(9), 2500) * 1000
    std = np.repeat([50.0, 150.0], 12)
    wanted = np.outer(std, std) * matern_matrix(MESH, (120.0,) * 3, smoothness)
    assert min(sampling_excess(draws, np.zeros(24), wanted)) > 1e-4
    other = np.outer(std, std) * matern_matrix(MESH, (100.0,) * 3, smoothness)
    assert sampling_excess(draws, np.zeros(24), other)[1] < 1e-6  # a range off by a fifth would be seen


def test_density(rng):
    prior = bound(mean=30.0)
    x = rng.standard_normal(24) * 0.1
    deviation, precision = x - 0.03, np.linalg.inv(prior.covariance.dense())
    assert prior.gaussian
    assert prior.value(x) == pytest.approx(0.5 * deviation @ precision @ deviation, rel=1e-9)
    check_gradient(prior.value, prior.gradient, x)
    np.testing.assert_allclose(prior.hessian_product(x, deviation), precision @ deviation, rtol=1e-8)


def test_unequal_layers_are_welcome_and_unequal_columns_are_not():
    assert bound(Mesh([0, 1, 2], [0, 1, 2], [-9, -3, -1, 0]), range=2.0).covariance.size == 12
    refused(lambda: bound(Mesh([0, 1, 3], [0, 1, 2], [-1, 0])), "easting_edges")
    refused(lambda: bound(Mesh([0, 1, 2], [0, 1, 3], [-1, 0])), "northing_edges")


BAD = {
    "std zero": ({"std": 0.0}, "std", ValueError),
    "std negative": ({"std": -1.0}, "std", ValueError),
    "std nan": ({"std": NAN}, "std", ValueError),
    "std bool": ({"std": True}, "std", TypeError),
    "std text": ({"std": "100"}, "std", TypeError),
    "std none": ({"std": None}, "std", ValueError),
    "a layer's std zero": ({"std": [1.0, 0.0], "extent": "continued"}, "std", ValueError),
    "no std anywhere": ({"std": [0.0, 0.0]}, "std", ValueError),
    "std of three layers": ({"std": [1.0, 2.0, 3.0]}, "std", ValueError),
    "std transposed": ({"std": np.ones((4, 3, 2))}, "std", ValueError),
    "range zero": ({"range": 0.0}, "range", ValueError),
    "range inf": ({"range": np.inf, "extent": "continued"}, "range", ValueError),
    "range -inf": ({"range": -np.inf}, "range", ValueError),
    "range negative": ({"range": (1.0, 1.0, -1.0)}, "range", ValueError),
    "two ranges": ({"range": (1.0, 2.0)}, "range", ValueError),
    "range bool": ({"range": True}, "range", TypeError),
    "smoothness": ({"smoothness": 1.0}, "smoothness", ValueError),
    "smoothness text": ({"smoothness": "1.5"}, "smoothness", TypeError),
    "extent": ({"extent": "everywhere"}, "extent", ValueError),
    "continued, std by cell": ({"extent": "continued", "std": np.arange(1.0, 25).reshape(2, 3, 4)}, "std", ValueError),
    "mean nan": ({"mean": NAN}, "mean", ValueError),
    "mean shape": ({"mean": np.zeros(24)}, "mean", ValueError),
    "mean bool": ({"mean": False}, "mean", TypeError),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(settings, argument, error):
    refused(lambda: bound(**settings), argument, error)


def test_a_vector_has_no_field():
    refused(lambda: Parameter("H0", 3, prior=Matern(std=1.0, range=1.0)), "prior", TypeError)
