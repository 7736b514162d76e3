"""What a problem keeps stays true: arrays that answers rest on cannot be written to, and copies are the user's own."""

import numpy as np
import pytest
from scipy import sparse

import bayesjoint as bj


def line(matrix):
    field = bj.Parameter("m", 3, prior=bj.GaussianPrior(0.0, 1.0))
    survey = bj.Modality("line", matrix, [1.0, 2.0], bj.DiagonalNoise([0.5, 0.5]), "m")
    return bj.JointProblem([field], [survey])


@pytest.mark.parametrize("form", [np.array, sparse.csr_array], ids=["dense", "sparse"])
def test_a_matrix_that_the_user_changes_is_not_the_problems(form):
    matrix = form([[1.0, 0.5, 0.0], [0.0, 1.0, 2.0]])
    problem = line(matrix)
    before = bj.posterior(problem).mean()["m"], float(bj.posterior(problem).log_evidence())
    matrix *= 3.0
    after = bj.posterior(problem).mean()["m"], float(bj.posterior(problem).log_evidence())
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1] == after[1]


@pytest.mark.parametrize("array", [
    lambda: line(np.ones((2, 3))).modalities[0].noise.std,
    lambda: line(np.ones((2, 3))).modalities[0].forward.A,
    lambda: bj.Matern(std=np.full(8, 2.0), range=100.0).std,
    lambda: bj.Mesh.regular((2, 2, 2), (1, 1, 1)).active,
], ids=["noise", "matrix", "std", "ground"])
def test_what_answers_rest_on_cannot_be_written_to(array):
    with pytest.raises(ValueError, match="read-only"):
        array()[0] = 0


def test_an_array_of_stds_is_copied():
    std = np.full(8, 100.0)
    prior = bj.Matern(std=std, range=100.0)
    std *= 3.0
    assert prior.std.max() == 100.0
