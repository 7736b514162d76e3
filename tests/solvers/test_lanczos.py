"""Log determinants by stochastic Lanczos quadrature against dense ones: errors as stated, bias as stated."""

import numpy as np
import pytest

from bayesjoint.solvers._lanczos import lanczos_log, preconditioned_log_trace

SIZE = 200


@pytest.fixture(scope="module")
def pair():
    """K, M, a root of M, and the eigenvalues of M⁻¹K: 20 outliers, the rest near 1."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    values = np.exp(np.r_[3 * rng.standard_normal(20), 0.1 * rng.standard_normal(SIZE - 20)])
    noise = rng.standard_normal((SIZE, SIZE))
    m = noise @ noise.T / SIZE + np.eye(SIZE)
    root = np.linalg.cholesky(m)
    return root @ (turn * values) @ turn.T @ root.T, m, root, values


def estimate(pair, seed, **settings):
    k, m, root, _ = pair
    inverse = np.linalg.inv(m)
    return preconditioned_log_trace(lambda v: k @ v, lambda v: inverse @ v,
                                    lambda rng, n: root @ rng.standard_normal((SIZE, n)), SIZE,
                                    np.random.default_rng(seed), **settings)


def test_errors_are_what_is_stated(pair):
    true = np.linalg.slogdet(pair[0])[1] - np.linalg.slogdet(pair[1])[1]
    found = [estimate(pair, seed, error=0.0, most=32) for seed in range(14)]
    off = np.array([f.value for f in found]) - true
    stated = np.sqrt(np.mean([f.error**2 for f in found]))
    assert all(f.probes == 32 for f in found)
    assert 0.5 * stated < np.sqrt(np.mean(off**2)) < 1.6 * stated
    assert abs(off.mean()) < 3 * stated / np.sqrt(14)


def test_probes_grow_until_the_error_is_reached(pair):
    one, two = estimate(pair, 0, error=2.0), estimate(pair, 0, error=0.3)
    assert one.error <= 2.0
    assert two.error <= 0.3
    assert two.probes > one.probes
    assert estimate(pair, 0, error=0.0, most=16).probes == 16


def test_too_few_steps_show_in_the_bias(pair):
    true = np.log(pair[3]).sum()
    short = estimate(pair, 1, error=0.0, most=32, steps=8)
    long = estimate(pair, 1, error=0.0, most=32)
    assert abs(long.bias) < 0.15
    assert abs(short.bias) > 5 * abs(long.bias)
    assert abs(short.value - long.value) < 4 * abs(short.bias)
    assert abs(long.value - true) < 4 * long.error


def test_common_probes_cancel_in_differences(pair):
    k, m, root, values = pair
    near = (1.05 * k, m, root, 1.05 * values)
    off, stated = [], []
    for seed in range(8):
        one, two = (estimate(p, seed, error=0.0, most=16) for p in (pair, near))
        off.append(two.value - one.value - SIZE * np.log(1.05))
        stated.append(np.hypot(one.error, two.error))
    assert np.sqrt(np.mean(np.square(off))) < 0.5 * np.sqrt(np.mean(np.square(stated)))


def test_the_logarithm_acts_on_vectors(pair):
    k, m, _, _ = pair
    right = np.random.default_rng(3).standard_normal((SIZE, 3))
    inverse = np.linalg.inv(m)
    lower = np.linalg.cholesky(m)
    middle = np.linalg.solve(lower, np.linalg.solve(lower, k).T)
    values, vectors = np.linalg.eigh(middle)
    expected = np.linalg.solve(lower.T, (vectors * np.log(values)) @ vectors.T @ np.linalg.solve(lower, right))
    primal, dual, bias, steps = lanczos_log(lambda v: k @ v, lambda v: inverse @ v, right, 1e-8, 400)
    np.testing.assert_allclose(primal, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(dual, m @ expected, atol=1e-5 * np.abs(m @ expected).max())
    assert np.abs(bias).max() < 1e-5
    assert steps < 150


@pytest.mark.parametrize("size", [1, 3, 9, 31])
def test_few_values_are_exact_and_say_so(size):
    """With two probes of nine values the spread of the estimates says nothing of their error."""
    rng = np.random.default_rng(size)
    root = rng.standard_normal((size, size)) / np.sqrt(size)
    matrix, diagonal = 50.0 * root @ root.T + np.eye(size), rng.uniform(0.5, 2.0, size)[:, None]
    found = preconditioned_log_trace(lambda v: matrix @ v, lambda v: v / diagonal, None, size, rng)
    wanted = np.linalg.slogdet(matrix)[1] - np.log(diagonal).sum()
    assert abs(found.value - wanted) <= max(found.error, 1e-12) and found.error < 1e-8
