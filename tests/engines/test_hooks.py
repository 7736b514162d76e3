"""The linear maps every posterior offers its diagnostics, against plain matrix algebra."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._posterior import Posterior

from ..linear import make

CASES = {
    "two surveys": {},
    "exponents, dense noise": {"weights": {"survey_density": 0.3}, "dense": True},
    "known cells and coupling": {"known": (0, 5, 6, 23), "mean": True, "correlation": -0.7},
    "bias": {"bias": True},
    "a survey sees both, coupled": {"shared": True, "correlation": 0.7},
    "everything": {"names": ("density", "susceptibility", "porosity"), "dense": True, "known": (3, 17), "bias": True,
                   "vector": True, "shared": True, "layered": True, "weights": {"survey_porosity": 0.4}},
}  # fmt: skip


class Known(Posterior):
    """A posterior that knows its covariance as a matrix and nothing else."""

    def __init__(self, problem, covariance):
        super().__init__(problem)
        self._covariance = covariance

    def state_product(self, v):
        return self._covariance @ v


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request):
    problem, reference = make(**request.param)
    scale = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])
    return Known(problem, reference.covariance / np.outer(scale, scale)), reference, scale


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max(), rtol=0)


def gain_of(reference, scale):
    """d mean / d data as a matrix, in units of m̂."""
    return reference.covariance @ reference.matrix.T @ np.linalg.inv(reference.noise) / scale[:, None]


def test_the_estimate_is_the_change_of_the_mean_with_the_data(case):
    post, reference, scale = case
    data = np.random.default_rng(2).standard_normal((reference.data.size, 3))
    close(post.mean_response(data), gain_of(reference, scale) @ data)


def test_the_adjoint_of_the_estimate_is_its_transpose(case):
    post, reference, scale = case
    vectors = np.random.default_rng(3).standard_normal((scale.size, 3))
    close(post.mean_response_adjoint(vectors), gain_of(reference, scale).T @ vectors)


def test_the_sensitivity_stacks_the_operators(case):
    post, reference, scale = case
    vectors = np.random.default_rng(4).standard_normal((scale.size, 2))
    close(post.data_sensitivity(vectors), reference.matrix @ (scale[:, None] * vectors))


def test_the_prior_product_is_given_the_known_cells(case):
    post, reference, scale = case
    vectors = np.random.default_rng(5).standard_normal((scale.size, 2))
    prior, known = reference.prior, reference.known
    if known.size:
        prior = prior - prior[:, known] @ np.linalg.solve(prior[np.ix_(known, known)], prior[known])
    close(post.prior_state_product(vectors), prior @ (vectors / scale[:, None]) / scale[:, None])


def test_predictions_are_those_of_the_visible_cells(case):
    post, reference, scale = case
    post.state_mean = lambda: np.arange(scale.size) / scale
    post.state_draws = lambda rng, count: rng.standard_normal((count, scale.size)) / scale
    close(post.predicted_data(), reference.matrix @ np.arange(scale.size))
    x, data = post.joint_draws(np.random.default_rng(0), 4)
    close(data, (x * scale) @ reference.matrix.T)


@pytest.mark.parametrize(("prior", "expected"), [(None, 0.0), (bj.Focusing(1.0, depth_exponent=0), None)])
def test_the_prior_product_without_a_gaussian(prior, expected):
    mesh = bj.Mesh.regular((1, 1, 2), (1.0, 1.0, 1.0))
    line = bj.Modality("line", np.eye(2), [1.0, 2.0], bj.DiagonalNoise([1.0, 1.0]), "m")
    problem = bj.JointProblem([bj.Parameter("m", mesh, prior=prior)], [line])
    found = Known(problem, np.eye(2)).prior_state_product(np.eye(2))
    assert found is None if expected is None else np.all(found == expected)
