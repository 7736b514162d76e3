"""Recalibrated p-values where the exact ones are known: a scale common to prior and noise, fitted to the data."""

import numpy as np
import pytest
from scipy.stats import beta, chi2

import bayesjoint as bj
from bayesjoint.agreement._pair import make_pair
from bayesjoint.agreement._recalibration import recalibrated

from ..refusals import refused
from .pairs import scalars

PAIR = ("a", "b")


def drawn(seed, counts=(9, 7), scale=1.0):
    """Two surveys of a Gaussian vector, prior and noise of the stated size times `scale`."""
    rng = np.random.default_rng(seed)
    matrices = [rng.standard_normal((n, 4)) for n in counts]
    truth = rng.standard_normal(4)
    model = bj.Parameter("m", 4, prior=bj.GaussianPrior(0.0, np.eye(4)))
    return bj.JointProblem([model], [
        bj.Modality(k, a, scale * (a @ truth + rng.standard_normal(len(a))), bj.DiagonalNoise(np.ones(len(a))), "m")
        for k, a in zip(PAIR, matrices, strict=True)])


def rescaled(problem):
    """The scale of everything by maximum likelihood: q_ab / n."""
    made = make_pair(problem, PAIR)
    size = float(made.both.quadratic(made.both.residual[:, None])[0][0]) / made.both.size
    model = problem.parameters[0]
    noise = [m.replace(noise=m.noise.scaled(size)) for m in problem.modalities]
    prior = bj.GaussianPrior(0.0, size * model.bound_prior.covariance.dense())
    return problem.replace(parameters=[model.replace(prior=prior)], modalities=noise)


def split(problem):
    return bj.node_split(problem, PAIR)[0]


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_it_finds_the_exact_p_value(seed):
    problem = drawn(seed, scale=2.0)
    made = make_pair(problem, PAIR)
    found = made.statistics()
    whole = float(made.both.quadratic(made.both.residual[:, None])[0][0])
    exact = beta.sf(found.into_second[0] / whole, 3.5, 4.5)  # a share of χ²_16
    fitted = rescaled(problem)
    test = recalibrated(fitted, split, rescaled, draws=199, seed=1)
    assert abs(test.p_value - exact) < 4 * np.sqrt(exact * (1 - exact) / 200)
    assert abs(test.p_value_error - np.sqrt(test.p_value * (1 - test.p_value) / 200)) < 1e-9
    assert test.statistic == split(fitted).statistic
    assert f"{chi2.sf(test.statistic, 7):.3g}" in test.note


def test_without_a_fit_it_changes_nothing_but_noise():
    problem = drawn(2)
    stated = split(problem).p_value
    found = recalibrated(problem, split, lambda p: p, draws=199, seed=2)
    assert abs(found.p_value - stated) < 4 * np.sqrt(stated * (1 - stated) / 200)


def test_refusals():
    problem = drawn(0)
    refused(lambda: recalibrated(problem, split, rescaled, draws=5), "draws")
    refused(lambda: recalibrated("problem", split, rescaled), "problem", TypeError)
    refused(lambda: recalibrated(problem, lambda p: bj.node_split(p, PAIR), rescaled), "test", TypeError)
    flat = scalars({"a": (1.0, 1.0), "b": (2.0, 1.0)})
    refused(lambda: recalibrated(flat, split, lambda p: p), "prior")
