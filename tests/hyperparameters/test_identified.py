"""What is called identified: not a field that is not there, nor noise under ground that is unlike a Gaussian field."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._doubts import evidence_without
from tests.hyperparameters.fields import gravity_problem, joint_problem
from tests.hyperparameters.test_large import continued


def survey(seed, std, noise=0.1, side=7):
    """Gravity over a field of some std, 0 for none; (parameter, modality)."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((2, side, side), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=60.0, range=250.0))
    forward = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    data = noise * rng.standard_normal(side**2)
    data = data + std / 60.0 * (forward @ (density.bound_prior.covariance.sample(rng, 1)[0] * density.scale))
    return density, bj.Modality("gravity", forward, data, bj.DiagonalNoise(np.full(side**2, 0.3)), "density")


@pytest.mark.parametrize("curve", [False, True])
def test_a_field_that_is_not_there_is_not_identified_and_one_that_is_there_is(curve):
    runs, hits = 12, dict.fromkeys((0.0, 60.0), 0)
    for std in hits:
        for seed in range(runs):
            density, data = survey(seed, std)
            fit = bj.fit_hyperparameters(bj.JointProblem([density], [data]), curve=curve)
            hits[std] += fit.table["verdict"][0].startswith("identified")
            assert fit.table["verdict"][0].startswith("identified") == fit.table["identified"][0]
            if std == 0.0:
                assert float(fit.log_evidence) - fit.table["no_field"][0] < 6
    assert hits[0.0] <= 2 and hits[60.0] >= 11, hits


def test_the_evidence_of_no_field_is_that_of_the_best_white_noise():
    fit = bj.fit_hyperparameters(gravity_problem(3), curve=False)
    data = gravity_problem(3).modalities[0].data
    best = -0.5 * data.size * (np.log(2 * np.pi * np.mean(data**2)) + 1)
    assert fit.table["no_field"][0] == pytest.approx(best, abs=1e-6)
    assert np.isnan(fit.table["no_field"][1:]).all()


def test_without_one_of_two_fields_the_other_is_refitted_where_that_is_close():
    # susceptibility of noise alone: what is left without it is gravity's own fit
    density, data = survey(1, 60.0)
    k = bj.Parameter("susceptibility", density.mesh, prior=bj.Matern(std=0.01, range=250.0))
    forward = bj.MagneticOperator(density.mesh, density.mesh.easting, density.mesh.northing, height=5.0)
    noise = 5.0 * np.random.default_rng(7).standard_normal(49)
    other = bj.Modality("magnetic", forward, noise, bj.DiagonalNoise(np.full(49, 5.0)), "susceptibility")
    fit = bj.fit_hyperparameters(bj.JointProblem([density, k], [data, other], [bj.Coregionalization(0.3)]), curve=False)
    alone = bj.fit_hyperparameters(bj.JointProblem([density], [data]), prior="flat", curve=False)
    white = -0.5 * 49 * (np.log(2 * np.pi * np.mean(noise**2)) + 1)
    names = fit.vector.names
    assert fit.table["no_field"][names.index("susceptibility_std")] == pytest.approx(
        float(alone.log_evidence) + white, abs=0.05)
    for name in ("susceptibility_std", "correlation"):
        assert not fit.table["identified"][names.index(name)]
    assert fit.table["identified"][names.index("density_std")]


def test_two_real_fields_and_their_correlation_are_identified():
    fit = bj.fit_hyperparameters(joint_problem(5, 0.7), curve=False)
    gains = float(fit.log_evidence) - fit.table["no_field"]
    assert np.isfinite(gains).sum() == 2 and np.nanmin(gains) > 20
    for name in ("density_std", "susceptibility_std", "correlation"):
        assert fit.table["identified"][fit.vector.names.index(name)], fit.table["verdict"]


def test_at_survey_size_no_field_is_told_from_one():
    with_one = bj.fit_hyperparameters(continued(gravity_problem(5, (2, 12, 12))), method="lanczos")
    assert with_one.table["identified"][0] and np.isfinite(with_one.table["gaussian_p"][2])
    exact = bj.fit_hyperparameters(continued(gravity_problem(5, (2, 12, 12))), method="dense", curve=False)
    assert with_one.table["no_field"][0] == pytest.approx(exact.table["no_field"][0], abs=1.0)
    problem = continued(gravity_problem(5, (2, 12, 12)))
    white = problem.modalities[0].replace(data=0.5 * np.random.default_rng(2).standard_normal(144))
    without = bj.fit_hyperparameters(problem.replace(modalities=[white]), method="lanczos")
    assert not without.table["identified"][0], without.table["verdict"]


def test_a_held_std_has_no_evidence_without_its_field():
    fit = bj.fit_hyperparameters(gravity_problem(3), free=["density_range", "gravity_noise"], curve=False)
    assert np.isnan(evidence_without(fit.objective, fit.theta, "density", 0.0))
    assert np.isnan(fit.table["no_field"]).all()


def blocks(seed, shape=(6, 14, 14), two=True):
    """1 nT over sharp bodies."""
    mesh = bj.Mesh.regular(shape, (50.0, 50.0, 50.0))
    forward = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=20.0, intensity=60000.0, inclination=84.0)
    k = np.zeros(shape)
    if two:
        k[2:5, 3:7, 3:7], k[2:5, 7:10, 6:10] = 0.005, 0.02
    else:
        k[1:4, 5:9, 5:9] = 0.02
    data = forward.predict(k) + np.random.default_rng(seed).standard_normal(shape[1:])
    prior = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.002, 150.0))
    survey = bj.Modality("m", forward, data, bj.DiagonalNoise(np.ones(data.size)), "susceptibility")
    return bj.JointProblem([prior], [survey])


@pytest.mark.parametrize("two", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_under_sharp_bodies_is_not_identified(seed, two):
    fit = bj.fit_hyperparameters(blocks(seed, two=two), curve=False)
    assert fit.table["gaussian_p"][2] < 0.01 and not fit.table["identified"][2]
    assert not fit.table["verdict"][2].startswith("identified")
    assert "not like a Gaussian field" in fit.table["verdict"][2] and "sharp bodies" in fit.table["verdict"][2]


def test_noise_of_data_drawn_from_the_model_is_seldom_doubted():
    runs = [bj.fit_hyperparameters(gravity_problem(50 + seed, (1, 9, 9)), curve=False).table for seed in range(25)]
    assert sum(t["gaussian_p"][2] < 0.01 for t in runs) <= 2  # 1 % each: three of 25 in 2 of 1,000
    assert sum(t["identified"][2] for t in runs) >= 20


def test_a_few_wild_data_are_heavy_tails():
    problem = gravity_problem(3)
    m = problem.modalities[0]
    wild = m.data + 0.0
    wild[[17, 56]] += [1.0, -1.0]  # 20 standard deviations of the noise
    fit = bj.fit_hyperparameters(problem.replace(modalities=[m.replace(data=wild)]), curve=False)
    assert fit.table["gaussian_p"][2] < 0.01 and not fit.table["identified"][2]
