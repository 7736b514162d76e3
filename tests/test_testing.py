import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from bayesjoint.testing import assert_adjoint, check_gradient

A = np.random.default_rng(0).standard_normal((7, 5))


def operator(transpose):
    return LinearOperator(A.shape, matvec=lambda x: A @ x, rmatvec=lambda y: transpose @ y, dtype=float)


def test_assert_adjoint_passes_and_fails():
    assert_adjoint(operator(A.T))
    with pytest.raises(AssertionError, match="differ by"):
        assert_adjoint(operator(A.T * (1 + 1e-6)))
    with pytest.raises(AssertionError, match="differ by"):
        assert_adjoint(operator(A.T * np.nan))


def test_check_gradient_passes_and_fails():
    x = np.random.default_rng(1).standard_normal(6)
    assert check_gradient(lambda v: float(np.sum(np.sin(v))), np.cos, x) < 1e-8
    with pytest.raises(AssertionError, match="central differences"):
        check_gradient(lambda v: float(np.sum(np.sin(v))), lambda v: 1.001 * np.cos(v), x)
    with pytest.raises(AssertionError, match="shape"):
        check_gradient(lambda v: float(np.sum(v)), lambda v: np.ones(3), x)
