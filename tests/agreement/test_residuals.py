"""Predictive residuals against conditioning by plain matrices, and iterative ones against exact ones."""

import numpy as np
import pytest
from scipy import sparse

import bayesjoint as bj
from bayesjoint.agreement._residuals import residual_of

from ..linear import make
from ..refusals import refused
from .overlapping import overlapping

CASES = {"two properties": {"correlation": 0.6}, "exponents": {"correlation": 0.5, "weights": {"survey_density": 0.4}},
         "correlated noise": {"shared": True, "dense": True}, "a bias": {"correlation": 0.3, "bias": True}}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("given", [None, ()])
def test_residuals_are_conditional(case, given):
    problem, reference = make(mean=True, **case)
    name = problem.modalities[1].name
    found = residual_of(problem, name, given)
    whole = reference.matrix @ reference.prior @ reference.matrix.T + reference.noise
    off = reference.data - reference.matrix @ reference.prior_mean
    a, b = np.split(np.arange(off.size), [problem.modalities[0].size])
    gain = np.linalg.solve(whole[np.ix_(a, a)], whole[np.ix_(a, b)]).T if given is None else np.zeros((b.size, a.size))
    value, covariance = off[b] - gain @ off[a], whole[np.ix_(b, b)] - gain @ whole[np.ix_(a, b)]
    np.testing.assert_allclose(found.value, value, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.root @ found.root.T, covariance, rtol=1e-9, atol=1e-10)
    precision = np.linalg.inv(covariance)
    np.testing.assert_allclose(found.weighted, precision @ value, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.weighted_root @ found.weighted_root.T, precision, rtol=1e-8, atol=1e-10)
    columns = np.random.default_rng(1).standard_normal((b.size, 3))
    for rows in (columns.T, sparse.csr_matrix(columns.T)):
        for project, matrix, center in ((found.project, covariance, value),
                                        (found.project_weighted, precision, precision @ value)):
            got, std = project(rows)
            np.testing.assert_allclose(got, columns.T @ center, rtol=1e-8)
            np.testing.assert_allclose(std, np.sqrt(np.diag(columns.T @ matrix @ columns)), rtol=1e-8)


@pytest.mark.parametrize("given", [None, ()])
def test_iterative_residuals_are_the_exact_ones_and_their_draws_have_the_covariance(given):
    problem = overlapping(two=True)
    exact = residual_of(problem, "air", given)
    found = residual_of(problem, "air", given, draws=400, seed=1, method="iterative")
    np.testing.assert_allclose(found.value, exact.value, atol=1e-3 * np.abs(exact.value).max())
    np.testing.assert_allclose(found.weighted, exact.weighted, atol=1e-3 * np.abs(exact.weighted).max())
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((30, exact.value.size))
    for name in ("project", "project_weighted"):
        ratio = getattr(found, name)(rows)[1] / getattr(exact, name)(rows)[1]
        assert abs(ratio.mean() - 1) < 0.03 and np.all(np.abs(ratio - 1) < 0.2)


def test_refusals():
    problem = overlapping()
    refused(lambda: residual_of(problem, "sea"), "survey")
    refused(lambda: residual_of(problem, "air", ("air",)), "given")
    refused(lambda: residual_of(problem, "air", draws=5), "draws")
    refused(lambda: residual_of(problem, "air", method="fast"), "method")
    flat = bj.Parameter("slope", 1)
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    refused(lambda: residual_of(bj.JointProblem([flat], [line]), "line"), "prior")
