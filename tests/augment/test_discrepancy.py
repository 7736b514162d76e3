"""A discrepancy as noise with a structure: within and across surveys, on lattices and off, beside continued fields."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import bayesjoint as bj
from bayesjoint.augment._discrepancy import discrepancy_of, without_discrepancy
from bayesjoint.priors._stations import SelectedCovariance
from bayesjoint.testing import assert_adjoint

from ..linear import make, matern_matrix, small_mesh
from ..moments import sampling_excess
from ..periodic import continued_problem, torus_matrices
from ..refusals import refused

KERNEL = bj.Matern(std=0.3, range=(1.0, 150.0, 220.0))
STD = {"gravity": 0.3, "magnetic": 12.0}


def two_surveys(mask=None, offset=0.0):
    """Gravity and magnetics on one lattice of 3 x 4 stations; `offset` takes the second off it."""
    mesh, rng = small_mesh(), np.random.default_rng(2)
    fields = [bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0)),
              bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=200.0))]
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    magnetic = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=20.0)
    if offset:
        place = magnetic.coordinates()
        magnetic = bj.MagneticOperator.at_stations(mesh, place[0] + offset * rng.standard_normal(12), *place[1:])
    surveys = [bj.Modality(name, op, level * rng.standard_normal(op.data_shape),
                           bj.DiagonalNoise(np.full(op.data_shape, 0.1 * level)), p.name)
               for name, op, level, p in zip(STD, (gravity, magnetic), STD.values(), fields, strict=True)]
    return bj.JointProblem(fields, surveys)


def sigma(problem, correlation):
    """Σ over all data from distances, by the general Matérn formula, horizontally."""
    place = np.hstack([np.stack(m.forward.coordinates()[:2]) for m in problem.modalities])
    size = np.concatenate([np.full(m.size, STD[m.name]) for m in problem.modalities])
    member = np.repeat([0, 1], [m.size for m in problem.modalities])
    r = np.hypot((place[0][:, None] - place[0]) / 220.0, (place[1][:, None] - place[1]) / 150.0)
    mixing = np.array([[1, correlation], [correlation, 1]])[np.ix_(member, member)]
    return np.outer(size, size) * mixing * (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)


def marginal(problem, extra):
    """(mean, std, log evidence) of the model by plain algebra with the noise R + Σ."""
    n = [m.size for m in problem.modalities]
    a = np.vstack([problem.operator(k).matmat(np.eye(problem.size)) for k in range(len(n))])
    noise = np.diag(np.concatenate([m.noise.variance() / problem.weights[m.name] for m in problem.modalities])) + extra
    data = np.concatenate([m.data for m in problem.modalities])
    prior = problem.prior.gaussian_moments()[1].dense()
    k = a @ prior @ a.T + noise
    gain = np.linalg.solve(k, a @ prior).T
    evidence = multivariate_normal(np.zeros(sum(n)), k).logpdf(data)
    return gain @ data, np.sqrt(np.diag(prior - gain @ a @ prior)), evidence


@pytest.mark.parametrize("method", ["dense", "iterative"])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_it_is_noise_with_a_structure_within_and_across_surveys(method, offset):
    plain = two_surveys(offset=offset)
    problem = bj.add_discrepancy(plain, KERNEL, std=STD, correlation=-0.6)
    covariance = problem.by_name["discrepancy"].bound_prior.covariance
    assert isinstance(covariance, SelectedCovariance) == (offset == 0)
    np.testing.assert_allclose(covariance.dense(), sigma(plain, -0.6), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(covariance.diagonal(), np.diag(sigma(plain, -0.6)), rtol=1e-8)
    mean, std, evidence = marginal(plain, sigma(plain, -0.6))
    post = bj.posterior(problem, method=method)
    found = post.state_mean()[: plain.size]
    np.testing.assert_allclose(found, mean, atol=1e-6 * np.abs(mean).max())
    if method == "dense":
        np.testing.assert_allclose(np.sqrt(post.state_variance())[: plain.size], std, rtol=1e-6)
        assert float(post.log_evidence()) == pytest.approx(evidence, abs=1e-6)


def test_it_says_where_it_is():
    """δ | d by conditioning: Σ K⁻¹ (d − A μ)."""
    plain = two_surveys()
    post = bj.posterior(bj.add_discrepancy(plain, KERNEL, std=STD, correlation=0.4))
    a = np.vstack([plain.operator(k).matmat(np.eye(plain.size)) for k in range(2)])
    extra, noise = sigma(plain, 0.4), np.diag(np.concatenate([m.noise.variance() for m in plain.modalities]))
    k = a @ plain.prior.gaussian_moments()[1].dense() @ a.T + extra + noise
    wanted = extra @ np.linalg.solve(k, np.concatenate([m.data for m in plain.modalities]))
    np.testing.assert_allclose(post.mean()["discrepancy"], wanted, atol=1e-6 * np.abs(wanted).max())
    tree = post.to_datatree(draws=10, chains=2)
    where = tree["posterior"]["discrepancy"]
    assert where.discrepancy_survey.values.tolist() == ["gravity"] * 12 + ["magnetic"] * 12
    np.testing.assert_allclose(where.discrepancy_easting[:12], plain.modalities[0].forward.coordinates()[0])
    assert "correlation between surveys 0.4" in where.attrs["prior"] and where.attrs["units"] == "of the data"


def test_its_draws_have_its_covariance():
    covariance = bj.add_discrepancy(two_surveys(), KERNEL, std=STD, correlation=0.8).by_name[
        "discrepancy"].bound_prior.covariance
    draws = covariance.sample(np.random.default_rng(0), 4000)
    for p in sampling_excess(draws, np.zeros(24), sigma(two_surveys(), 0.8)):
        assert p > 1e-3


@pytest.mark.parametrize("mask", [None, True])
def test_beside_continued_fields(mask):
    """The marginal noise of a field that goes on beyond the mesh, against every cell of its torus."""
    gaps = None if mask is None else (np.arange(12).reshape(3, 4) != 5, None)
    plain = continued_problem(mask=gaps)
    stds = {"gravity": 0.2, "magnetic": 9.0}
    problem = bj.add_discrepancy(plain, bj.Matern(1.0, 250.0, 0.5), std=stds, correlation=0.5)
    a, prior, visible = torus_matrices(plain)
    place = np.hstack([np.stack(m.forward.coordinates()[:2]) for m in plain.modalities])
    member = np.repeat([0, 1], [m.size for m in plain.modalities])
    size = np.array(list(stds.values()))[member]
    distance = np.hypot(place[0][:, None] - place[0], place[1][:, None] - place[1])
    extra = np.outer(size, size) * np.array([[1, 0.5], [0.5, 1]])[np.ix_(member, member)] * np.exp(-distance / 250.0)
    noise = np.diag(np.concatenate([m.noise.variance() for m in plain.modalities]))
    k, data = a @ prior @ a.T + extra + noise, np.concatenate([m.data for m in plain.modalities])
    mean = (prior @ a.T @ np.linalg.solve(k, data))[visible]
    scale = np.concatenate([np.full(p.size, p.scale) for p in plain.parameters])
    post = bj.posterior(problem, method="dense")
    np.testing.assert_allclose(post.state_mean()[: plain.size] * scale, mean, atol=1e-6 * np.abs(mean).max())
    assert float(post.log_evidence()) == pytest.approx(multivariate_normal(np.zeros(len(k)), k).logpdf(data), abs=1e-5)
    large = bj.posterior(problem, method="iterative")
    np.testing.assert_allclose(large.state_mean(), post.state_mean(), atol=1e-6)
    np.testing.assert_allclose(large.std()["discrepancy"], post.std()["discrepancy"], rtol=0.2)


def test_a_lattice_of_many_stations_needs_no_matrix():
    """60,000 stations beside a continued field: a matrix of Σ would take 29 GB."""
    mesh = bj.Mesh.regular((1, 240, 250), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0, extent="continued"))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=50.0)
    noise = bj.DiagonalNoise(np.full((240, 250), 0.1))
    survey = bj.Modality("gravity", gravity, np.zeros((240, 250)), noise, "density")
    problem = bj.add_discrepancy(bj.JointProblem([density], [survey]), bj.Matern(0.5, 900.0))
    covariance = problem.by_name["discrepancy"].bound_prior.covariance
    unit = np.zeros((60_000, 1))
    unit[30_125] = 1.0
    row = covariance.matmat(unit)[:, 0].reshape(240, 250)
    assert row[120, 125] == pytest.approx(0.25) and row[120, 134] == pytest.approx(
        0.25 * (1 + np.sqrt(3)) * np.exp(-np.sqrt(3)))
    assert_adjoint(problem.operator("gravity"))


ALIGNED = {"aligned": (1.0, 1.0), "opposed": (1.0, -1.0), "unequal": (1.0, 0.3)}


@pytest.mark.parametrize("sensitivities", ALIGNED.values(), ids=ALIGNED)
@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.95])
def test_correlated_errors_of_two_data_in_closed_form(sensitivities, rho):
    s, noise = 0.8, 0.3
    m = bj.Parameter("m", 1)
    surveys = [bj.Modality(name, [[a]], [1.0], bj.DiagonalNoise([noise]), "m")
               for name, a in zip("ab", sensitivities, strict=True)]
    problem = bj.add_discrepancy(bj.JointProblem([m], surveys), s**2 * np.array([[1, rho], [rho, 1]]))
    a, total, shared = sensitivities, s**2 + noise**2, rho * s**2
    wanted = (total**2 - shared**2) / ((a[0] ** 2 + a[1] ** 2) * total - 2 * a[0] * a[1] * shared)
    assert bj.posterior(problem).std()["m"][0] ** 2 == pytest.approx(wanted, rel=1e-10)
    if sensitivities == (1.0, -1.0):
        assert wanted == pytest.approx((s**2 * (1 - rho) + noise**2) / 2)


def test_it_can_be_taken_away_again():
    plain = bj.add_bias(two_surveys(), "gravity", "linear", std=1.0)
    problem = bj.add_discrepancy(plain, KERNEL, std=STD)
    assert discrepancy_of(problem).size == 24
    again = without_discrepancy(problem)
    assert [m.forward for m in again.modalities] == [m.forward for m in plain.modalities]
    assert [p.name for p in again.parameters] == [p.name for p in plain.parameters]
    refused(lambda: without_discrepancy(plain), "problem")
    late = bj.add_bias(problem, "magnetic", "constant", std=1.0)
    assert [m.parameters for m in without_discrepancy(late).modalities] == [
        ("density", "gravity_bias"), ("susceptibility", "magnetic_bias")]


BAD = {
    "unknown survey": ({"surveys": "gravty"}, "surveys", ValueError),
    "twice": ({"surveys": ["gravity", "gravity"]}, "surveys", ValueError),
    "units differ": ({"std": None}, "std", ValueError), "std of one": ({"std": {"gravity": 1.0}}, "std", TypeError),
    "std zero": ({"std": {"gravity": 1.0, "magnetic": 0.0}}, r"std\['magnetic'\]", ValueError),
    "correlation": ({"correlation": 1.4}, "correlation", ValueError),
    "matrix": ({"kernel": np.eye(3), "std": None}, "kernel", ValueError),
    "asymmetric": ({"kernel": np.eye(24) + np.eye(24, k=1), "std": None}, "kernel", ValueError),
    "matrix and std": ({"kernel": np.eye(24)}, "std, correlation", ValueError),
    "not positive": ({"kernel": -np.eye(24), "std": None}, "covariance", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(changes, argument, error):
    given = {"kernel": KERNEL, "std": STD} | changes
    refused(lambda: bj.add_discrepancy(two_surveys(), **given), argument, error)


def test_what_does_not_fit_is_refused():
    problem = bj.add_discrepancy(two_surveys(), KERNEL, surveys="gravity")
    assert problem.modalities[1].parameters == ("susceptibility",)
    refused(lambda: bj.add_discrepancy(problem, KERNEL, surveys="magnetic"), "problem")
    refused(lambda: bj.add_discrepancy(make()[0], KERNEL, std={"survey_density": 1.0, "survey_susceptibility": 1.0}),
            "surveys")


def test_scattered_stations_beyond_a_matrix_are_refused():
    mesh, rng = small_mesh(), np.random.default_rng(0)
    place = rng.uniform(0, 300, (2, 6001))
    operator = bj.GravityOperator.at_stations(mesh, *place, np.full(6001, 20.0))
    survey = bj.Modality("gravity", operator, np.zeros(6001), bj.DiagonalNoise(np.ones(6001)), "density")
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    assert "lattice" in refused(lambda: bj.add_discrepancy(bj.JointProblem([density], [survey]), KERNEL), "surveys")


def test_the_reference_is_a_reference():
    """The brute-force Σ above agrees with the general formula of a mesh of one layer."""
    mesh = bj.Mesh([0.0, 80.0, 160.0, 240.0, 320.0], [-50.0, 70.0, 190.0, 310.0], [-1.0, 0.0])
    np.testing.assert_allclose(sigma(two_surveys(), 0.0)[:12, :12],
                               0.09 * matern_matrix(mesh, (1.0, 150.0, 220.0), 1.5), rtol=1e-9)
