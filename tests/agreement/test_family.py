"""Family-wise p-values where hyperparameters came from the same data."""

import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint.agreement._conflict import conflict
from bayesjoint.agreement._recalibration import refitted_family

from ..refusals import refused

COUNT = 6


def surveys(shift, prior=True, seed=1):
    rng = np.random.default_rng(seed)
    level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 9.0) if prior else None)
    return bj.JointProblem([level], [
        bj.Modality(k, [[1.0]] * COUNT, d + rng.standard_normal(COUNT), bj.DiagonalNoise([1.0] * COUNT), "level")
        for k, d in (("ground", 0.0), ("air", shift))])


def unchanged(problem):
    return problem


def scaled(problem):
    """Noise of each survey as large as its misfit to the joint mean: a fit that swallows conflicts."""
    mean = bj.posterior(problem).mean()["level"][0]
    return problem.replace(modalities=[m.replace(noise=bj.DiagonalNoise(np.full(m.size, np.sqrt(np.mean(
        (m.data - mean) ** 2))))) for m in problem.modalities])


def two_tails(problem):
    a, b = (m.data.mean() for m in problem.modalities)
    z = (a - b) / np.sqrt(sum(m.noise.std[0] ** 2 / m.size for m in problem.modalities))
    return [2 * norm.sf(abs(z)), norm.sf(z), np.nan]


def test_without_a_fit_it_is_the_smallest_of_the_family():
    problem, p = surveys(0.0), np.array([0.2, 0.03, np.nan])
    found = refitted_family(problem, p, two_tails, unchanged, draws=999)
    # z alone drives both tails: the smaller is below u where |z| or z is far out
    wanted = [norm.sf(norm.isf(u)) + norm.sf(norm.isf(u / 2)) for u in p[:2]]
    np.testing.assert_allclose(found[:2], wanted, atol=0.04)
    assert np.isnan(found[2]) and found[1] < found[0]


def test_a_fit_that_swallows_conflicts_is_seen_through():
    fitted = scaled(surveys(3.0))
    stated = two_tails(fitted)
    found = refitted_family(fitted, stated, two_tails, scaled, draws=199)
    assert found[0] <= 0.02
    calm = scaled(surveys(0.0, seed=4))
    assert refitted_family(calm, two_tails(calm), two_tails, scaled, draws=199)[0] > 0.05


def test_the_suite_takes_it():
    fitted = scaled(surveys(4.0))
    plain, found = conflict(fitted), conflict(fitted, refit=scaled, draws=39)
    assert found.table.attrs["correction"].startswith("smallest p-value of all tests, 39 data sets")
    assert plain.table.attrs["correction"].startswith("Holm over")
    steps = found.p_adjusted[np.isfinite(found.p_adjusted)] * 40
    np.testing.assert_allclose(steps, np.round(steps))
    assert found.kind == "disagree" and found.p_adjusted[~np.isnan(found.p_adjusted)].min() == pytest.approx(1 / 40)


def test_refusals():
    refused(lambda: refitted_family(surveys(0.0), [0.5], two_tails, unchanged, draws=10), "draws")
    refused(lambda: refitted_family(surveys(0.0, prior=False), [0.5], two_tails, unchanged), "prior")
