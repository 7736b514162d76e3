"""Members against the exact posterior of every step, by tests that a plain ensemble Kalman filter fails."""

import numpy as np
import pytest
from scipy.stats import chi2

import bayesjoint as bj

from ..linear import joined, make
from ..refusals import refused


def survey_problem(seed=0):
    """Gravity on the ground and in the air over one field, data of the right model."""
    rng = np.random.default_rng(seed)
    mesh = bj.Mesh.regular((3, 6, 7), (100.0, 100.0, 100.0))
    field = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=250.0))
    truth, parts = field.from_hat(field.bound_prior.covariance.sample(rng, 1)[0]), []
    for name, height in (("ground", 0.0), ("air", 120.0)):
        operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        clean = operator.predict(truth)
        std = np.full(clean.shape, 0.05)
        parts.append(bj.Modality(name, operator, clean + std * rng.standard_normal(clean.shape), bj.DiagonalNoise(std),
                                 "density"))
    return bj.JointProblem([field], parts)


@pytest.fixture(scope="module")
def both():
    problem = survey_problem()
    return (bj.assimilate(problem, ["air", "ground"], method="exact"),
            bj.assimilate(problem, ["air", "ground"], method="ensemble", members=200, seed=20261122))


def excess(x, mean, covariance):
    """p-values that members (count, n) have the mean, and along `n` principal directions the variance, two-sided."""
    values, vectors = np.linalg.eigh(covariance)
    keep = values > 1e-6 * values[-1]
    white = (x - mean) @ vectors[:, keep] / np.sqrt(values[keep])
    total, count = np.sum(white**2), white.size
    shift = len(x) * np.sum(white.mean(axis=0) ** 2)
    return chi2.sf(shift, keep.sum()), 2 * min(chi2.sf(total, count), chi2.cdf(total, count))


def test_members_are_draws_of_the_exact_posterior(both):
    exact, ensemble = both
    members = ensemble.members["density"].reshape(200, -1) / 1000
    covariance = exact.state_product(np.eye(exact.problem.size))
    assert min(excess(members, exact.state_mean(), covariance)) > 1e-3


def test_an_ensemble_kalman_filter_fails_the_same_test(both):
    """Perturbed observations and a gain from the sample covariance of 60 members: mean off, variance too small."""
    exact, _ = both
    rng, problem = np.random.default_rng(20261122), exact.problem
    x = problem.prior.gaussian_moments()[1].sample(rng, 60)
    for m in problem.modalities:
        seen = problem.operator(m.name).matmat(x.T)
        a, b = x.T - x.mean(axis=0)[:, None], seen - seen.mean(axis=1)[:, None]
        gain = a @ b.T @ np.linalg.inv(b @ b.T + 59 * m.noise.covariance())
        x = x + (gain @ (m.data[:, None] + m.noise.sample(rng, 60).T - seen)).T
    covariance = exact.state_product(np.eye(problem.size))
    assert min(excess(x, exact.state_mean(), covariance)) < 1e-6
    assert np.mean(x.var(axis=0, ddof=1)) < 0.8 * np.mean(exact.state_variance())  # of exact draws 1 ± 0.04


def test_stds_of_every_step_lie_within_their_stated_error(both):
    exact, ensemble = both
    for k in range(2):
        truth = exact.after(k + 1).std()["density"].ravel()
        z = (ensemble.member_std(k)["density"].ravel() / truth - 1) / ensemble.member_error
        assert 0.7 < np.sqrt(np.mean(z**2)) < 1.4
        assert np.abs(z).max() < 5
        step = ensemble.history[k]
        left = exact.history[k].std_left["density"]
        assert step.std_left["density"] == pytest.approx(left, rel=3 * step.std_left_error)


def test_mean_chi2_bits_and_evidence_of_every_step(both):
    exact, ensemble = both
    np.testing.assert_allclose(ensemble.mean()["density"], exact.mean()["density"], atol=1e-4)
    for ours, truth in zip(ensemble.history, exact.history, strict=True):
        assert abs(float(ours.chi2) - float(truth.chi2)) <= ours.chi2.error + 1e-9
        assert ours.chi2.error < 1e-3
        for key in ("information", "log_evidence"):
            found, right = getattr(ours, key), float(getattr(truth, key))
            assert abs(float(found) - right) < 4 * found.error + 1e-6
            assert found.error < 3


def test_members_are_carried_along(both):
    """The same member before and after the second survey differs by less than two draws that know nothing of it."""
    exact, ensemble = both
    air = bj.assimilate(exact.problem.replace(modalities=exact.problem.modalities[:1]), method="ensemble", members=200,
                        seed=20261122)
    assert np.corrcoef(air._variances[0], ensemble._variances[0])[0, 1] > 0.9
    x = ensemble._moved(ensemble._leading(0), 42)
    y = ensemble.members["density"].reshape(200, -1) / 1000
    together = np.mean(((y - y.mean(0)) * (x - x.mean(0))).sum(1)) / np.mean(((y - y.mean(0)) ** 2).sum(1))
    # Cov(later, earlier) of members that are carried along is the later covariance plus what noise and prior share
    assert together > 0.5


def test_statements_name_the_biases(both):
    _, ensemble = both
    said = {a.name: a for a in ensemble.approximations}["ensemble"]
    assert said.error == pytest.approx(1 / np.sqrt(400))
    for words in ("rank 200", "too small by 0.12%", "variance too small, inflation", "standard error of 5.0%"):
        assert words in said.statement
    ensemble.std()
    assert {a.name for a in ensemble.approximations} >= {"ensemble", "standard deviation", "draws"}
    tree = ensemble.to_datatree(draws=2, chains=1)
    assert tree["assimilation"]["std_left_density_error"].values == pytest.approx(
        [s.std_left["density"] / np.sqrt(400) for s in ensemble.history])


def test_flat_priors_of_the_ensemble():
    problem, _ = make(names=("density",), counts=(80,))
    one = problem.modalities[0]
    column = np.ones((80, 1))
    datum = bj.Parameter("datum", 1)
    first = one.replace(forward=np.hstack([one.forward.matmat(np.eye(24)), column]), parameter=("density", "datum"))
    second = first.replace(name="second", data=first.data + 0.3)
    problem = bj.JointProblem([problem.parameters[0], datum], [first, second])
    exact, ours = bj.assimilate(problem), bj.assimilate(problem, method="ensemble", members=16)
    np.testing.assert_allclose(joined(problem, ours.mean()), joined(problem, exact.mean()), atol=1e-5)
    for a, b in zip(ours.history, exact.history, strict=True):
        assert a.dof == b.dof
        assert float(a.chi2) == pytest.approx(float(b.chi2), abs=1e-5)
    assert np.isinf(float(ours.history[0].information))
    bits = ours.history[1].information
    assert abs(float(bits) - float(exact.history[1].information)) < 4 * bits.error < 3
    third = one.replace(name="third")
    refused(lambda: bj.assimilate(problem.replace(modalities=[third, first]), method="ensemble"), "order")


def test_which_form_is_taken_and_refusals(monkeypatch):
    problem = survey_problem()
    assert bj.assimilate(problem).method == "assimilated"
    monkeypatch.setattr("bayesjoint.engines._choice.DENSE_DATA", 50)
    large = bj.assimilate(problem, evidence=False, members=8)
    assert large.method == "ensemble"
    assert np.isnan(float(large.history[0].information))
    refused(lambda: bj.assimilate(problem, method="ensemble", members=4), "members")
    refused(lambda: bj.assimilate(problem, method="ensemble", particles=4), "options", TypeError)
    refused(lambda: bj.assimilate(problem, method="exact", members=64), "options", TypeError)
    refused(lambda: bj.assimilate(problem, method="smart"), "method")
    refused(lambda: bj.assimilate(problem, method="ensemble", state=bj.StateModel()), "method")
    refused(lambda: large.member_std(2), "step")
