"""Nyström deflation: outliers go, solves stay what they are."""

import numpy as np

from bayesjoint.solvers._block_cg import block_cg
from bayesjoint.solvers._nystrom import NystromPreconditioner


def problem(seed=0, size=150, outliers=12):
    """K = M^{1/2} (I + outliers) M^{1/2} with a known M."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((size, size)))[0]
    values = np.r_[np.geomspace(1e5, 30, outliers), rng.uniform(0.7, 1.3, size - outliers)]
    scale = np.exp(rng.standard_normal(size))
    k = scale[:, None] * ((turn * values) @ turn.T) * scale
    return k, scale**2, values


def deflated(k, m, rank=20, seed=1):
    def sample(rng, count):
        return np.sqrt(m)[:, None] * rng.standard_normal((m.size, count))

    rng = np.random.default_rng(seed)
    return NystromPreconditioner(lambda v: k @ v, lambda r: r / m[:, None], sample, m.size, rank, rng)


def test_finds_the_outliers_and_brings_them_down():
    k, m, values = problem()
    found = deflated(k, m)
    np.testing.assert_allclose(found.values[:8], values[:8], rtol=0.1)
    np.testing.assert_allclose(found.vectors.T @ (m[:, None] * found.vectors), np.eye(found.values.size), atol=1e-6)
    spectrum = np.linalg.eigvals(found.solve(k)).real
    assert spectrum.max() < 20 < 1e-3 * values.max()
    assert spectrum.min() > 0


def test_it_is_symmetric_positive_definite():
    k, m, _ = problem()
    matrix = deflated(k, m).solve(np.eye(m.size))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10 * np.abs(matrix).max())
    assert np.linalg.eigvalsh(0.5 * (matrix + matrix.T)).min() > 0


def test_solves_agree_and_take_fewer_products():
    k, m, _ = problem()
    right = np.random.default_rng(2).standard_normal((m.size, 2))
    plain = block_cg(lambda v: k @ v, right, lambda r: r / m[:, None], tolerance=1e-8)
    fast = block_cg(lambda v: k @ v, right, deflated(k, m).solve, tolerance=1e-8)
    np.testing.assert_allclose(fast.x, np.linalg.solve(k, right), rtol=1e-4, atol=1e-8)
    assert fast.iterations.max() < 0.75 * plain.iterations.min()


def test_no_outliers_no_change():
    found = NystromPreconditioner(lambda v: v, lambda r: r, lambda rng, k: rng.standard_normal((40, k)), 40, 5,
                                  np.random.default_rng(0))  # fmt: skip
    assert found.values.size == 0
    np.testing.assert_array_equal(found.solve(np.eye(40)), np.eye(40))
