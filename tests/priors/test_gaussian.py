"""The small dense Gaussian prior: units, forms of covariance, density, refusals."""

import numpy as np
import pytest

from bayesjoint import GaussianPrior, Parameter
from bayesjoint.testing import check_gradient

from ..linear import small_mesh
from ..refusals import refused

NAN = float("nan")
MATRIX = np.array([[4.0, 1.0], [1.0, 9.0]])


def bound(mean=0.0, covariance=1.0, mesh=2, scale=10.0):
    return Parameter("speed", mesh, prior=GaussianPrior(mean, covariance), scale=scale).bound_prior


def test_mean_and_covariance_are_in_physical_units():
    prior = bound([20.0, -10.0], MATRIX)
    np.testing.assert_allclose(prior.mean, [2.0, -1.0])
    np.testing.assert_allclose(prior.covariance.dense(), MATRIX / 100)
    assert prior.gaussian


@pytest.mark.parametrize(("covariance", "wanted"), [
    (4.0, np.diag([4.0, 4.0])), ([4.0, 9.0], np.diag([4.0, 9.0])), (MATRIX, MATRIX), (MATRIX.tolist(), MATRIX)])
def test_a_variance_several_or_a_matrix(covariance, wanted, rng):
    prior = bound(covariance=covariance)
    np.testing.assert_allclose(prior.covariance.dense(), wanted / 100)
    v = rng.standard_normal(2)
    np.testing.assert_allclose(prior.covariance.solve(v), np.linalg.solve(wanted / 100, v))


def test_variances_take_the_shape_of_the_cells():
    variance = np.arange(1.0, 25.0).reshape(2, 3, 4)
    np.testing.assert_allclose(bound(0.0, variance, small_mesh()).covariance.diagonal(), variance.ravel() / 100)


def test_a_variance_on_many_cells_forms_no_matrix():
    prior = bound(0.0, 4.0, 1_000_000)
    assert prior.value(np.ones(1_000_000)) == pytest.approx(0.5e6 / 0.04)


def test_density(rng):
    prior, x = bound([5.0, 3.0], MATRIX), rng.standard_normal(2)
    deviation = x - np.array([0.5, 0.3])
    assert prior.value(x) == pytest.approx(0.5 * deviation @ np.linalg.solve(MATRIX / 100, deviation))
    assert prior.value(prior.mean) == 0.0
    check_gradient(prior.value, prior.gradient, x)
    np.testing.assert_allclose(prior.hessian_product(x, deviation), prior.gradient(x), rtol=1e-12)


BAD = {
    "variance zero": ({"covariance": 0.0}, "covariance", ValueError),
    "variance negative": ({"covariance": [1.0, -1.0]}, "covariance", ValueError),
    "variance nan": ({"covariance": NAN}, "covariance", ValueError),
    "variance bool": ({"covariance": True}, "covariance", TypeError),
    "three variances": ({"covariance": [1.0, 2.0, 3.0]}, "covariance", ValueError),
    "one variance in a list": ({"covariance": [1.0]}, "covariance", ValueError),
    "not square": ({"covariance": np.ones((2, 3))}, "covariance", ValueError),
    "of another size": ({"covariance": np.eye(3)}, "covariance", ValueError),
    "asymmetric": ({"covariance": [[1.0, 0.2], [0.1, 1.0]]}, "covariance", ValueError),
    "indefinite": ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance", ValueError),
    "singular": ({"covariance": np.zeros((2, 2))}, "covariance", ValueError),
    "mean nan": ({"mean": NAN}, "mean", ValueError),
    "mean shape": ({"mean": [1.0, 2.0, 3.0]}, "mean", ValueError),
    "mean text": ({"mean": "70"}, "mean", TypeError),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(settings, argument, error):
    refused(lambda: bound(**settings), argument, error)
