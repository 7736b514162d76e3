"""Covariances between a few data of large lattices, without the matrix of all of them."""

import numpy as np
import pytest

from bayesjoint.gaussian import TorusMatrices
from bayesjoint.gaussian import _torus_signal as torus_signal
from bayesjoint.gaussian._torus import StationaryGroup
from tests.periodic import continued_problem


@pytest.mark.parametrize("axes", [(), (1,)])
def test_a_few_data_have_the_covariance_that_the_whole_matrix_gives_them(axes, monkeypatch):
    problem = continued_problem()
    rows = [np.array([0, 3, 7]), np.array([1, 2, 5, 9])]
    made = TorusMatrices(problem, problem.parameters, rows)
    ranges = (300.0, 250.0, 200.0)
    whole = made._between(ranges, axes)
    assert set(whole) == {(0, 0), (0, 1), (1, 1)}
    monkeypatch.setattr(torus_signal, "WHOLE", 0)
    monkeypatch.setattr(StationaryGroup, "matrix", lambda *given: pytest.fail("the whole matrix was made"))
    for pair, block in made._between(ranges, axes).items():
        assert np.any(block) and block == pytest.approx(whole[pair], rel=1e-9, abs=1e-12 * np.abs(whole[pair]).max())
