"""Damped Gauss–Newton: known answers from far starts, bounds, valleys, nonsense regions, matrix and products alike."""

from types import SimpleNamespace

import numpy as np
import pytest

from bayesjoint.solvers._gauss_newton import _remaining, gauss_newton

from ..refusals import refused


class Squares:
    """½‖r(x)‖² with its Jacobian, Hessian as a matrix."""

    def __init__(self, residual, jacobian):
        self.residual, self.jacobian = residual, jacobian

    def value(self, x):
        return 0.5 * float(np.sum(self.residual(x) ** 2))

    def gradient(self, x):
        return self.jacobian(x).T @ self.residual(x)

    def hessian(self, x):
        return self.jacobian(x).T @ self.jacobian(x)


def by_products(squares):
    """The same without a matrix."""
    return SimpleNamespace(
        value=squares.value, gradient=squares.gradient, hessian_product=lambda x, v: squares.hessian(x) @ v,
        diagonal=lambda x: np.diag(squares.hessian(x)) + 1e-12)


ROSENBROCK = Squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]),
                     lambda x: np.array([[-20 * x[0], 10.0], [-1.0, 0.0]]))  # Moré, Garbow & Hillstrom 1981, no. 1
POWELL = Squares(  # no. 13: singular Jacobian at the minimum, 0
    lambda x: np.array([x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2,
                        10**0.5 * (x[0] - x[3]) ** 2]),
    lambda x: np.array([[1, 10, 0, 0], [0, 0, 5**0.5, -(5**0.5)],
                        [0, 2 * (x[1] - 2 * x[2]), -4 * (x[1] - 2 * x[2]), 0],
                        [2 * 10**0.5 * (x[0] - x[3]), 0, 0, -2 * 10**0.5 * (x[0] - x[3])]]))


@pytest.mark.parametrize("kind", [lambda f: f, by_products], ids=["matrix", "products"])
def test_rosenbrock(kind):
    found = gauss_newton(kind(ROSENBROCK), [-1.2, 1.0], tolerance=1e-9)
    assert found.converged and "standard deviations" in found.message
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-7)
    assert np.all(np.diff(found.history["value"]) < 0)
    assert len(found.history["value"]) == found.iterations + 1


def test_a_singular_minimum_is_approached_and_its_value_found():
    found = gauss_newton(POWELL, [3.0, -1.0, 0.0, 1.0], tolerance=1e-8)
    assert found.converged
    assert found.value < 1e-14


def test_a_quadratic_takes_one_step_to_rounding(rng):
    a, d = rng.standard_normal((12, 5)), rng.standard_normal(12)
    found = gauss_newton(Squares(lambda x: a @ x - d, lambda x: a), np.zeros(5), tolerance=1e-10)
    assert found.iterations == 1
    np.testing.assert_allclose(found.x, np.linalg.lstsq(a, d)[0], rtol=1e-12)
    # the decrement at the start is the distance in standard deviations
    step = found.x
    assert found.history["decrement"][0] == pytest.approx(np.sqrt(step @ a.T @ a @ step), rel=1e-12)


@pytest.mark.parametrize("kind", [lambda f: f, by_products], ids=["matrix", "products"])
def test_bounds_are_kept_and_the_rest_is_optimal(kind, rng):
    a, d = rng.standard_normal((12, 5)), 3 * rng.standard_normal(12)
    f = Squares(lambda x: a @ x - d, lambda x: a)
    found = gauss_newton(kind(f), np.zeros(5), -0.2, 0.2, tolerance=1e-7, max_iterations=300)
    assert found.converged
    held = found.at_lower | found.at_upper
    assert 0 < held.sum() < 5
    gradient = f.gradient(found.x)
    assert np.abs(gradient[~held]).max() < 1e-5
    assert np.all(gradient[found.at_lower] > 0) and np.all(gradient[found.at_upper] < 0)
    assert np.all(np.abs(found.x) <= 0.2)


def test_equal_bounds_hold():
    found = gauss_newton(ROSENBROCK, [-1.2, 1.0], [-np.inf, 1.0], [np.inf, 1.0], tolerance=1e-9)
    assert found.converged and found.x[1] == 1.0 and found.undetermined == 0
    assert abs(found.x[0]) == pytest.approx(1.0, rel=1e-6) or found.x[0] < 0


def test_a_valley_is_counted_and_left_alone():
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    found = gauss_newton(Squares(lambda x: a @ x - [1.0, 3.0], lambda x: a), [5.0, 5.0], tolerance=1e-9)
    assert found.converged and found.undetermined == 1
    assert found.value == pytest.approx(0.1, rel=1e-10)
    # along the valley, (2, −1), nothing moved, in coordinates of equal curvature
    assert (found.x - 5.0) @ np.diag([5.0, 20.0]) @ [2.0, -1.0] == pytest.approx(0.0, abs=1e-6)


def test_it_steps_back_from_nonsense():
    # the full step from 3 lands at a negative value, where the logarithm is none
    def residual(x):
        with np.errstate(invalid="ignore"):
            return np.log(x) + 2.0

    found = gauss_newton(Squares(residual, lambda x: np.diag(1 / x)), [3.0], tolerance=1e-10)
    assert found.converged and found.evaluations > found.iterations + 1
    assert found.x[0] == pytest.approx(np.exp(-2.0), rel=1e-9)


def test_it_says_when_it_gave_up():
    found = gauss_newton(ROSENBROCK, [-1.2, 1.0], tolerance=1e-9, max_iterations=2)
    assert not found.converged and "limit of 2" in found.message
    lying = Squares(ROSENBROCK.residual, lambda x: -ROSENBROCK.jacobian(x))
    found = gauss_newton(lying, [-1.2, 1.0])
    assert not found.converged and "no further decrease" in found.message


def decay(times, data, std=0.15):
    """a exp(−r t) on data."""
    shape = lambda x: np.exp(-x[1] * times)  # noqa: E731
    return Squares(lambda x: (x[0] * shape(x) - data) / std,
                   lambda x: np.stack([shape(x), -x[0] * times * shape(x)], axis=1) / std)


def test_what_the_value_still_loses(rng):
    a, d = rng.standard_normal((12, 5)), rng.standard_normal(12)
    f = Squares(lambda x: a @ x - d, lambda x: a)
    early, late = gauss_newton(f, np.zeros(5), tolerance=100.0), gauss_newton(f, np.zeros(5), tolerance=1e-9)
    assert early.iterations == 0 and early.converged
    assert early.value - late.value == pytest.approx(early.value_error, rel=1e-10)
    k = np.arange(101)
    for power in (0.5, 1, 4):
        assert _remaining(3 + (k[1:] + 0.0) ** -power) == pytest.approx(100.0**-power, rel=0.1)
    assert 0.9**100 < _remaining(3 + 0.9**k) < 1e-2
    assert _remaining(np.full(40, 3.0)) == np.inf  # it never fell: nothing to extrapolate
    assert _remaining(100.0 - k) == _remaining(1.0 / k[1:9]) == np.inf


@pytest.mark.parametrize("data", [[0.9, -0.1, -0.2], [0.3, -0.02, 0.0]])
def test_a_value_without_a_minimum_is_known_to_a_stated_error(data):
    # negative data pull the rate to infinity, where the first datum is met and the others are not
    data = np.array(data)
    found = gauss_newton(decay(np.array([0.2, 1.5, 2.5]), data), [1.0, 0.7])
    limit = 0.5 * np.sum(data[1:] ** 2) / 0.15**2
    assert not found.converged and found.x[1] > 5 and "there may be no minimum" in found.message
    assert 0 < found.value - limit < 3 * found.value_error < 1e-2


def test_a_value_without_a_minimum_may_end_where_nothing_determines_the_rest():
    # as above, but the steps reach rates so high that only the first datum sees either variable
    data = np.array([0.45, -0.25, 0.1])
    found = gauss_newton(decay(np.array([0.2, 1.5, 2.5]), data), [1.0, 0.7])
    assert found.converged and found.undetermined == 1
    assert found.value == pytest.approx(0.5 * np.sum(data[1:] ** 2) / 0.15**2, rel=1e-5)


def test_poor_steps_are_damped():
    # residuals as large as the data: undamped steps overshoot to either side, and there are 56 of them
    found = gauss_newton(decay(np.array([0.5, 1.0, 2.0, 3.0]), np.array([0.519, 0.503, 0.198, -0.296])), [1.0, 0.7],
                         tolerance=1e-4)
    assert found.converged and found.iterations < 20


def test_it_refuses():
    refused(lambda: gauss_newton(ROSENBROCK, [np.nan, 1.0]), "start")
    refused(lambda: gauss_newton(ROSENBROCK, [1.0, 1.0], 2.0, 1.0), "lower")
    refused(lambda: gauss_newton(ROSENBROCK, [1.0, 1.0], tolerance=0.0), "tolerance")
    nowhere = Squares(lambda x: np.array([np.inf]), lambda x: np.eye(1))
    refused(lambda: gauss_newton(nowhere, [1.0]), "start must have a finite objective")
