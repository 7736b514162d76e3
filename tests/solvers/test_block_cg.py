"""Block conjugate gradients against direct solves."""

import numpy as np
import pytest

from bayesjoint.solvers._block_cg import block_cg


@pytest.fixture
def system():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((60, 60))
    matrix = root @ root.T + 0.3 * np.eye(60)
    return matrix, rng.standard_normal((60, 7)) * 10.0 ** np.arange(7)


def test_solves_every_column_to_its_own_tolerance(system):
    matrix, right = system
    found = block_cg(lambda v: matrix @ v, right, lambda r: r, tolerance=1e-9)
    assert found.converged.all() and found.relative.max() <= 1e-9
    np.testing.assert_allclose(found.residual, right - matrix @ found.x)
    np.testing.assert_allclose(found.x, np.linalg.solve(matrix, right), rtol=1e-5)
    assert found.iterations.min() > 10


def test_columns_are_independent_of_their_company(system):
    matrix, right = system
    diagonal = np.diag(matrix)[:, None]
    together = block_cg(lambda v: matrix @ v, right, lambda r: r / diagonal, tolerance=1e-6)
    for k in range(7):
        alone = block_cg(lambda v: matrix @ v, right[:, k : k + 1], lambda r: r / diagonal, tolerance=1e-6)
        np.testing.assert_allclose(together.x[:, k], alone.x[:, 0], rtol=0, atol=1e-7 * np.abs(alone.x).max())
        assert abs(together.iterations[k] - alone.iterations[0]) <= 1  # sums are taken in another order


def test_products_are_shared_and_finished_columns_leave(system):
    matrix, right = system
    right = np.hstack([np.linalg.eigh(matrix)[1][:, :1], right])  # an eigenvector is done in one step
    widths = []

    def product(v):
        widths.append(v.shape[1])
        return matrix @ v

    found = block_cg(product, right, lambda r: r, tolerance=1e-8)
    assert found.iterations[0] == 1
    assert widths[0] == 8 and widths[1] == 7
    assert len(widths) <= found.iterations.max() + 5


def test_a_good_preconditioner_needs_fewer_products(system):
    matrix, right = system
    plain = block_cg(lambda v: matrix @ v, right, lambda r: r, tolerance=1e-8)
    exact = block_cg(lambda v: matrix @ v, right, lambda r: np.linalg.solve(matrix, r), tolerance=1e-8)
    assert exact.iterations.max() <= 3 < plain.iterations.min()


def test_says_when_it_did_not_converge(system):
    matrix, right = system
    found = block_cg(lambda v: matrix @ v, right, lambda r: r, tolerance=1e-12, max_iterations=4)
    assert not found.converged.any() and np.all(found.iterations == 4) and np.all(found.relative > 1e-12)


def test_a_column_of_zeros():
    found = block_cg(lambda v: 2 * v, np.zeros((3, 2)), lambda r: r, tolerance=1e-8)
    assert found.converged.all() and not found.x.any() and not found.iterations.any()


def test_a_tolerance_below_rounding_is_no_failure(rng):
    turn = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    matrix = (turn * np.geomspace(1.0, 1e8, 60)) @ turn.T
    right = matrix @ rng.standard_normal((60, 3))
    found = block_cg(lambda v: matrix @ v, right, lambda r: r, tolerance=1e-16, max_iterations=5000)
    assert found.converged.all() and (found.relative > 1e-16).all()
    np.testing.assert_allclose(found.residual, right - matrix @ found.x, atol=1e-9 * np.abs(right).max())
