"""Evidence of continued fields with logs: the engine's number at any hyperparameters, and its gradient."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian import _torus_signal as torus_signal
from bayesjoint.hyperparameters.dense import DenseEvidence
from bayesjoint.hyperparameters.vector import HyperVector
from tests.gaussian.test_logs import with_logs
from tests.periodic import continued_problem

from ..hyperparameters.test_dense import away, difference


@pytest.mark.parametrize("smoothness", [0.5, 1.5])
@pytest.mark.parametrize("ranges", ["common", "axes"])
def test_it_is_the_engines_evidence_and_its_gradient_that_of_differences(ranges, smoothness, monkeypatch):
    problem = with_logs(continued_problem(smoothness=smoothness), offset=20.0)
    vector = HyperVector(problem, ranges=ranges)
    assert "density_log_noise" in vector.names
    theta = away(vector)
    post = bj.posterior(vector.rebuild(theta), "dense")
    torus = post._model.groups[0].torus  # laid out for the ranges at theta: the evidence's own holds longer ones too
    monkeypatch.setattr(torus_signal, "problem_torus", lambda *given: torus)
    evidence = DenseEvidence(vector)
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(post.log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), rel=1e-6, abs=1e-5)


def test_a_fit_goes_through_and_finds_what_the_log_says():
    problem = with_logs(continued_problem(), ("density",))
    fit = bj.fit_hyperparameters(problem, free=["density_std", "density_log_noise"], curve=False)
    assert set(fit.estimate) == {"density_std", "density_log_noise"}
    rebuilt = bj.posterior(fit.problem, method="dense").log_evidence()
    assert float(rebuilt) > float(bj.posterior(problem, method="dense").log_evidence())
    assert np.isfinite(list(fit.estimate.values())).all()


def test_a_log_below_topography_has_the_engines_evidence_too(monkeypatch):
    mesh = bj.Mesh.regular((4, 8, 8), (50, 100, 100))
    ground = np.ones(mesh.shape, dtype=bool)
    ground[-1, :, :4] = False
    mesh = mesh.with_active(ground)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=250.0, extent="continued"))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=60.0)
    data = np.random.default_rng(0).standard_normal((8, 8))
    survey = bj.Modality("gravity", gravity, data, bj.DiagonalNoise(np.full((8, 8), 0.3)), "density")
    hole = bj.Borehole("DH1", [40.0, 60.0], 30.0, easting=650.0, northing=250.0, top=[-5, -60], bottom=[-60, -120])
    vector = HyperVector(bj.add_boreholes(bj.JointProblem([density], [survey]), [hole]))
    theta = away(vector)
    post = bj.posterior(vector.rebuild(theta), "dense")
    torus = post._model.groups[0].torus
    monkeypatch.setattr(torus_signal, "problem_torus", lambda *given: torus)
    evidence = DenseEvidence(vector)
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(post.log_evidence()), abs=1e-8)
    assert gradient == pytest.approx(difference(evidence, theta), rel=1e-6, abs=1e-5)
