"""Leakage between properties: blocks of the resolution matrix written out, and none where nothing ties them."""

import numpy as np
import pytest

import bayesjoint as bj

from ..engines.test_hooks import Known
from ..linear import make
from .test_resolution import conditional_prior, conditional_std, matrix_of

CASES = {
    "coupled": {"correlation": 0.7, "layered": True},
    "coupled, known cells": {"correlation": -0.5, "known": (0, 5)},
    "a survey sees both, a vector": {"shared": True, "vector": True, "dense": True},
}  # fmt: skip


def truth_of(problem, reference, p, q):
    """(map, norm) of one block by its definition."""
    R, standard = matrix_of(reference)
    to, by, std = problem.slices[p], problem.slices[q], conditional_std(reference)
    caused = np.diag(R[to, by] @ conditional_prior(reference)[by, by] @ R[to, by].T).clip(0)
    share = np.sqrt(np.divide(caused, std[to] ** 2, out=np.zeros_like(caused), where=std[to] > 0))
    return share, np.linalg.norm(standard[to, by])


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_exact_blocks_are_those_of_the_matrix(options):
    problem, reference = make(**options)
    found = bj.leakage(bj.posterior(problem))
    for p in problem.parameters:
        for q in problem.parameters:
            share, norm = truth_of(problem, reference, p.name, q.name)
            np.testing.assert_allclose(found[f"{p.name}_from_{q.name}"].values.ravel(), share, atol=1e-8)
            table = found.sel(estimated=p.name, true=q.name)
            assert float(table.norm) == pytest.approx(norm, rel=1e-7, abs=1e-9)
            assert float(table.rms) == pytest.approx(np.sqrt(np.mean(share**2)), rel=1e-7, abs=1e-9)
            assert float(table.norm_error) == float(table.rms_error) == 0


def test_independent_properties_do_not_leak():
    found = bj.leakage(bj.posterior(make()[0]))
    for pair in (("density", "susceptibility"), ("susceptibility", "density")):
        assert float(found.norm.sel(estimated=pair[0], true=pair[1])) < 1e-12
    assert float(found.norm.sel(estimated="density", true="density")) > 0.1


def test_a_coupling_leaks():
    found = bj.leakage(bj.posterior(make(correlation=0.7)[0]))
    assert float(found.rms.sel(estimated="susceptibility", true="density")) > 0.05


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_draws_are_right_within_their_errors(options):
    problem, _ = make(**options)
    post = bj.posterior(problem)
    exact, found = bj.leakage(post), [bj.leakage(post, "stochastic", 64, seed) for seed in range(40)]
    for name in ("norm", "rms", "susceptibility_from_density"):
        values, errors = (np.array([f[name + end].values for f in found]) for end in ("", "_error"))
        scatter = values.std(0)
        seen = scatter > 1e-9
        # a root of a mean is biased by its variance over twice the value: 1/(4 · 64) of it for a normal draw
        bound = 4.5 * scatter / np.sqrt(40) + 0.012 * values.mean(0)
        assert np.all(np.abs(values.mean(0) - exact[name].values) <= bound)
        assert np.median(scatter[seen] / errors.mean(0)[seen]) == pytest.approx(1, abs=0.2)


def test_without_a_gaussian_prior_the_truth_is_white():
    A = np.array([[1.0, 1.0], [0.0, 2.0]])
    line = bj.Modality("line", A, [1.0, 1.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    problem = bj.JointProblem([bj.Parameter("slope", 2, prior=bj.GaussianPrior(0.0, 1.0))], [line])
    post = Known(problem, np.linalg.inv(A.T @ A + np.eye(2)))
    R = np.linalg.solve(A.T @ A + np.eye(2), A.T @ A)
    for found, error in ((bj.leakage(post), 1e-9), (bj.leakage(post, "stochastic", 4000), 0.05)):
        np.testing.assert_allclose(found.slope_from_slope, np.sqrt(np.sum(R**2, axis=1)), rtol=error)
        assert found.truth == "unit variance"


def test_a_flat_parameter_leaks_by_its_posterior_std():
    problem = make(names=("density",))[0]
    survey = problem.modalities[0]
    both = survey.replace(forward=np.hstack([survey.forward @ np.eye(24), np.ones((5, 1))]),
                          parameter=("density", "datum"))
    post = bj.posterior(bj.JointProblem([*problem.parameters, bj.Parameter("datum", 1)], [both]), "dense")
    for found in (bj.leakage(post), bj.leakage(post, "stochastic", 200)):
        assert np.isfinite(found.norm).all()
        # a shift of all data is taken for the datum, and no more
        assert float(found.rms.sel(estimated="datum", true="datum")) == pytest.approx(1.0, abs=0.25)
        assert float(found.rms.sel(estimated="density", true="datum")) < 1e-6
