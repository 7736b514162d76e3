"""Noise covariances: whitening, its inverse and adjoint, determinants, draws, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import cho_factor, cho_solve

from bayesjoint import DenseNoise, DiagonalNoise, Modality, StationaryNoise, noise_std
from bayesjoint.noise import MaternKernel, guessed_noise

from .refusals import refused

NAN = float("nan")


def spd(n, seed, decades=4.0):
    """A covariance with eigenvalues over `decades`."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    matrix = (basis * np.logspace(0, decades, n)) @ basis.T
    return 0.5 * (matrix + matrix.T)


def noises(n=6):
    return [DiagonalNoise(np.linspace(0.1, 3.0, n)), DenseNoise(spd(n, 1)), exponential(0.3).at(*lattice(n))]


def exponential(white=0.0, reach=250.0):
    return StationaryNoise(lambda e, n: 2.0 * np.exp(-np.hypot(e, n) / reach), white=white)


def lattice(n):
    return 100.0 * np.arange(n), 40.0 * (np.arange(n) % 2)


@pytest.mark.parametrize("noise", noises(), ids=["diagonal", "dense", "stationary"])
@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 1)])
def test_every_product_agrees_with_the_matrix(noise, shape, rng):
    matrix, v = noise.covariance(), rng.standard_normal(shape)
    factor = noise.colour(np.eye(6))
    np.testing.assert_allclose(factor @ factor.T, matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(noise.colour(noise.whiten(v)), v, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(noise.whiten(noise.colour(v)), v, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(noise.apply(v), matrix @ v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(noise.solve(v), cho_solve(cho_factor(matrix), v), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(noise.apply(noise.solve(v)), v, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(noise.whiten_adjoint(v), np.linalg.inv(factor).T @ v, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(noise.variance(), np.diag(matrix))


@pytest.mark.parametrize("noise", noises(), ids=["diagonal", "dense", "stationary"])
def test_determinant_scaling_and_size(noise):
    matrix = noise.covariance()
    assert noise.size == 6
    assert noise.logdet() == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12)
    np.testing.assert_allclose(noise.scaled(2.5).covariance(), 2.5 * matrix, rtol=1e-12)
    np.testing.assert_array_equal(noise.covariance(), matrix)  # the original did not change
    assert isinstance(noise.settings(), str) and "std" in noise.settings()


@given(arrays(float, (5, 5), elements=st.floats(-3, 3)), arrays(float, 5, elements=st.floats(-10, 10)),
       st.floats(0.01, 100.0))  # fmt: skip
def test_whitening_any_covariance(root, residual, white):
    matrix = root @ root.T + white * np.eye(5)
    noise = DenseNoise(matrix)
    whitened = noise.whiten(residual)
    tolerance = 1e-13 * np.linalg.cond(matrix)
    np.testing.assert_allclose(noise.colour(whitened), residual, rtol=tolerance, atol=1e-11)
    assert whitened @ whitened == pytest.approx(residual @ np.linalg.solve(matrix, residual), rel=tolerance, abs=1e-9)


@pytest.mark.parametrize("noise", noises(), ids=["diagonal", "dense", "stationary"])
def test_draws_have_the_covariance(noise):
    count = 20_000
    draws = noise.sample(np.random.default_rng(3), count)
    assert draws.shape == (count, 6)
    white = noise.whiten(draws.T)
    # of 6 means and 21 second moments none lies beyond 4.5 standard errors, while a wrong factor moves them by 100
    assert np.abs(white.mean(axis=1)).max() < 4.5 / np.sqrt(count)
    assert np.abs(white @ white.T / count - np.eye(6)).max() < 4.5 * np.sqrt(2 / count)
    np.testing.assert_array_equal(draws, noise.sample(np.random.default_rng(3), count))


def test_independence_is_declared():
    assert DiagonalNoise([1.0]).independent
    assert not DenseNoise([[1.0]]).independent


def test_stationary_noise_lies_on_the_stations():
    east, north = lattice(5)
    matrix = exponential(0.3).at(east, north).covariance()
    for i in range(5):
        for j in range(5):
            distance = np.hypot(east[i] - east[j], north[i] - north[j])
            assert matrix[i, j] == pytest.approx(2.0 * np.exp(-distance / 250.0) + 0.09 * (i == j), rel=1e-14)


def test_stationary_noise_needs_stations():
    text = refused(lambda: Modality("a", np.eye(3), np.ones(3), exponential(), "m"), "forward")
    assert "stations" in text


def test_std_does_not_follow_the_callers_array():
    std = np.ones(3)
    noise = DiagonalNoise(std)
    std[0] = 9.0
    np.testing.assert_array_equal(noise.std, 1.0)


def test_noise_std_rule():
    np.testing.assert_allclose(noise_std([[1.0, -10.0], [NAN, 0.0]], 0.02, 0.01), [[0.12, 0.3], [NAN, 0.1]])
    np.testing.assert_allclose(noise_std([3.0, -4.0], relative=0.0, floor=0.5), [2.0, 2.0])
    np.testing.assert_allclose(noise_std([3.0, -4.0], relative=0.5, floor=0), [1.5, 2.0])


@given(arrays(float, st.integers(1, 8), elements=st.floats(-1e6, 1e6)), st.floats(0, 1), st.floats(1e-3, 1))
def test_noise_std_scales_with_the_data(data, relative, floor):
    if np.abs(data).max() < 1e-3:
        data = data + 1.0
    std = noise_std(data, relative, floor)
    assert std.shape == data.shape
    assert std.min() >= floor * np.abs(data).max() * (1 - 1e-12)
    np.testing.assert_allclose(noise_std(-7 * data, relative, floor), 7 * std, rtol=1e-12)


BAD = {
    "std zero": (lambda: DiagonalNoise([1.0, 0.0]), "std", ValueError),
    "std negative": (lambda: DiagonalNoise(-1.0), "std", ValueError),
    "std nan": (lambda: DiagonalNoise([1.0, NAN]), "std", ValueError),
    "std inf": (lambda: DiagonalNoise([np.inf]), "std", ValueError),
    "std bool": (lambda: DiagonalNoise([True]), "std", TypeError),
    "std text": (lambda: DiagonalNoise("0.1"), "std", TypeError),
    "std empty": (lambda: DiagonalNoise([]), "std", ValueError),
    "std masked": (lambda: DiagonalNoise(np.ma.array([1.0, 2.0], mask=[0, 1])), "std", ValueError),
    "not square": (lambda: DenseNoise(np.ones((2, 3))), "covariance", ValueError),
    "one-dimensional": (lambda: DenseNoise(np.ones(3)), "covariance", ValueError),
    "no rows": (lambda: DenseNoise(np.ones((0, 0))), "covariance", ValueError),
    "asymmetric": (lambda: DenseNoise([[1.0, 0.1], [0.2, 1.0]]), "covariance", ValueError),
    "indefinite": (lambda: DenseNoise([[1.0, 2.0], [2.0, 1.0]]), "covariance", ValueError),
    "singular": (lambda: DenseNoise(np.zeros((2, 2))), "covariance", ValueError),
    "nan covariance": (lambda: DenseNoise([[NAN]]), "covariance", ValueError),
    "scale zero": (lambda: DiagonalNoise([1.0]).scaled(0.0), "factor", ValueError),
    "scale negative": (lambda: DenseNoise([[1.0]]).scaled(-1.0), "factor", ValueError),
    "kernel is no function": (lambda: StationaryNoise(3.0), "kernel", TypeError),
    "white negative": (lambda: exponential(-0.1), "white", ValueError),
    "white nan": (lambda: exponential(NAN), "white", ValueError),
    "white bool": (lambda: exponential(True), "white", TypeError),
    "kernel does not broadcast": (lambda: StationaryNoise(lambda e, n: 1.0).at(*lattice(3)), "kernel", ValueError),
    "kernel nan": (lambda: StationaryNoise(lambda e, n: e * NAN).at(*lattice(3)), "covariance", ValueError),
    "kernel no covariance": (lambda: StationaryNoise(np.hypot).at(*lattice(3)), "covariance", ValueError),
    "kernel asymmetric": (lambda: StationaryNoise(lambda e, n: e).at(*lattice(3)), "covariance", ValueError),
    "noise_std nothing": (lambda: noise_std([1.0], 0.0, 0.0), "relative, floor", ValueError),
    "noise_std zero datum": (lambda: noise_std([1.0, 0.0], 0.1, 0.0), "relative, floor", ValueError),
    "noise_std negative": (lambda: noise_std([1.0], -0.1, 0.2), "relative", ValueError),
    "noise_std nan floor": (lambda: noise_std([1.0], 0.1, NAN), "floor", ValueError),
    "noise_std text": (lambda: noise_std([1.0], "2 %", 0.1), "relative", TypeError),
    "noise_std bool": (lambda: noise_std([1.0], True, 0.1), "relative", TypeError),
    "noise_std array": (lambda: noise_std([1.0], [0.1, 0.2], 0.1), "relative", TypeError),
    "noise_std inf": (lambda: noise_std([np.inf], 0.1, 0.1), "data", ValueError),
    "noise_std gaps only": (lambda: noise_std([NAN, NAN], 0.1, 0.1), "data", ValueError),
    "noise_std empty": (lambda: noise_std([], 0.1, 0.1), "data", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, argument, error):
    refused(call, argument, error)


def test_a_matern_kernel_makes_noise_that_remembers_it():
    kernel = MaternKernel(std=2.0, range=300.0, smoothness=1.5)
    stationary = StationaryNoise(kernel, white=[1.0, 2.0, 3.0])
    noise = stationary.at(np.array([0.0, 100.0, 500.0]), np.zeros(3))
    s = np.sqrt(3) * np.abs(np.subtract.outer([0, 100, 500], [0, 100, 500])) / 300
    np.testing.assert_allclose(noise.covariance(), 4 * (1 + s) * np.exp(-s) + np.diag([1.0, 4.0, 9.0]))
    assert noise.stationary is stationary
    assert "MaternKernel" in noise.settings()
    assert noise.scaled(2.0).stationary is None


def test_a_function_is_recorded_as_such_and_not_by_its_place_in_memory():
    noise = StationaryNoise(lambda e, n: np.exp(-np.hypot(e, n)), white=1.0).at(*lattice(3))
    assert noise.settings() == "covariance by a given function of the offset, std 1.414"


def test_a_matern_kernel_and_unequal_white_noise_refuse_what_is_wrong():
    refused(lambda: MaternKernel(0.0, 1.0), "std")
    refused(lambda: MaternKernel(1.0, -1.0), "range")
    refused(lambda: MaternKernel(1.0, 1.0, 2.0), "smoothness")
    refused(lambda: StationaryNoise(MaternKernel(1.0, 1.0), white=[1.0, -1.0]), "white")
    refused(lambda: StationaryNoise(MaternKernel(1.0, 1.0), white=[1.0]).at(np.arange(2.0), np.arange(2.0)), "white")


def test_a_guess_is_marked_as_one_until_it_is_fitted():
    noise = guessed_noise([[0.0, 2.0], [0.0, 2.0]])
    np.testing.assert_allclose(noise.std, 0.05)
    assert noise.guessed
    assert "a guess that nothing supports" in noise.settings()
    fitted = noise.scaled(4.0)
    assert not fitted.guessed
    assert "guess" not in fitted.settings()
    refused(lambda: guessed_noise([1.0, 1.0]), "data")
