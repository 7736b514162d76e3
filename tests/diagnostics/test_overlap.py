"""What of a discrepancy the model explains away: against plain matrices, at both ends, and at survey size."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.diagnostics import discrepancy_overlap
from tests.augment.test_discrepancy import KERNEL, STD, sigma, two_surveys
from tests.hyperparameters.test_discrepancy import simulated
from tests.refusals import refused


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_share_and_gain_are_those_of_matrices(correlation):
    plain = two_surveys()
    problem = bj.add_discrepancy(plain, KERNEL, std=STD, correlation=correlation)
    found = discrepancy_overlap(problem)
    a = np.vstack([plain.operator(k).matmat(np.eye(plain.size)) for k in range(2)])
    w = np.diag(1 / np.concatenate([m.noise.std for m in plain.modalities]))
    s = w @ a @ plain.prior.gaussian_moments()[1].dense() @ a.T @ w
    h, extra = s @ np.linalg.inv(s + np.eye(24)), w @ sigma(plain, correlation) @ w
    both = np.diag(h @ extra @ h.T), np.diag(extra)
    for k, rows in enumerate((slice(12), slice(12, 24))):
        assert found.share.values[k] == pytest.approx(both[0][rows].sum() / both[1][rows].sum(), rel=1e-5)
    assert float(found.share_all) == pytest.approx(both[0].sum() / both[1].sum(), rel=1e-5)
    gain = float(bj.posterior(problem).log_evidence()) - float(bj.posterior(plain).log_evidence())
    assert float(found.evidence_gain) == pytest.approx(gain, abs=1e-8)


def test_draws_agree_with_the_whole_covariance_within_their_error(monkeypatch):
    problem = bj.add_discrepancy(two_surveys(), KERNEL, std=STD)
    exact = discrepancy_overlap(problem)
    monkeypatch.setattr("bayesjoint.diagnostics._discrepancy_overlap.EXACT", 1)
    drawn = discrepancy_overlap(problem, draws=400)
    assert 0 < float(drawn.share_all_error) < 0.1
    assert abs(float(drawn.share_all) - float(exact.share_all)) < 4 * float(drawn.share_all_error)


def test_the_verdict_says_whether_the_data_ask_for_it():
    assert "the data ask for it" in discrepancy_overlap(simulated(0.5, 800.0)).verdict
    assert "the data do not ask for it" in discrepancy_overlap(simulated(1e-4, 100.0)).verdict


def test_a_flat_parameter_that_looks_like_it_takes_it_all():
    m = bj.Parameter("m", 1)
    line = bj.Modality("line", np.ones((4, 1)), np.arange(4.0), bj.DiagonalNoise(np.ones(4)), "m")
    found = discrepancy_overlap(bj.add_discrepancy(bj.JointProblem([m], [line]), np.ones((4, 4)) + 1e-9 * np.eye(4)))
    assert float(found.share_all) == pytest.approx(1.0, abs=1e-6) and np.isnan(found.evidence_gain)
    assert found.verdict.startswith("hardly identifiable: the model would explain 100 %")


def test_without_a_discrepancy_there_is_nothing_to_ask():
    refused(lambda: discrepancy_overlap(two_surveys()), "problem")


def test_at_survey_size_the_preconditioner_knows_of_it():
    """4,800 stations, a rough discrepancy ten times the signal: fewer steps than without one; unknown to it, 112."""
    mesh, rng = bj.Mesh.regular((3, 60, 80), (100, 100, 100)), np.random.default_rng(0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0, extent="continued"))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=20.0)
    survey = bj.Modality("gravity", gravity, rng.standard_normal((60, 80)), bj.DiagonalNoise(np.full((60, 80), 0.05)),
                         "density")
    plain = bj.JointProblem([density], [survey])
    steps = [bj.posterior(p, method="iterative").iterations for p in (
        plain, bj.add_discrepancy(plain, bj.Matern(5.0, 300.0, smoothness=0.5)))]
    assert steps[1] < steps[0], steps
