"""The exact posterior against plain matrix algebra, in physical units, and against what must hold of any posterior."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from scipy.stats import chi2

import bayesjoint as bj

from ..linear import joined, make, matern_matrix, split
from ..moments import sampling_excess
from ..refusals import refused

CORRELATIONS = [[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]]
THREE = ("density", "susceptibility", "porosity")
CASES = {
    "two surveys": {},
    "one survey": {"names": ("density",)},
    "dense noise": {"dense": True},
    "exponents": {"weights": {"survey_density": 0.3, "survey_susceptibility": 2.5}},
    "exponents, dense noise": {"weights": {"survey_density": 0.3}, "dense": True},
    "prior mean": {"mean": True},
    "std by layer": {"layered": True, "smoothness": 2.5},
    "known cells": {"known": (0, 5, 6, 23), "mean": True},
    "known cells and coupling": {"known": (0, 5, 6, 23), "mean": True, "correlation": -0.7},
    "bias": {"bias": True},
    "vector": {"vector": True},
    "coupled": {"correlation": 0.7},
    "three coupled": {"names": THREE, "correlation": CORRELATIONS},
    "three coupled, in another order": {
        "names": THREE, "correlation": CORRELATIONS, "members": ("porosity", "density", "susceptibility")},
    "two of three coupled": {"names": THREE, "correlation": [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], "smoothness": 0.5},
    "a survey sees both": {"shared": True},
    "a survey sees both, coupled": {"shared": True, "correlation": 0.7},
    "everything": {"names": THREE, "correlation": CORRELATIONS, "dense": True, "known": (3, 17), "bias": True,
                   "vector": True, "shared": True, "mean": True, "layered": True, "seed": 7,
                   "weights": {"survey_porosity": 0.4}},
}  # fmt: skip
TOLERANCE = 1e-10


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    problem, reference = make(**request.param)
    return problem, reference, bj.posterior(problem)


def test_mean_and_std(case):
    problem, reference, post = case
    assert post.method == "dense"
    assert {k: v.shape for k, v in post.mean().items()} == {p.name: p.shape for p in problem.parameters}
    assert np.abs((joined(problem, post.mean()) - reference.mean) / reference.scale).max() < TOLERANCE
    variance = joined(problem, post.std()) ** 2
    assert np.abs((variance - np.diag(reference.covariance)) / reference.scale**2).max() < TOLERANCE


def test_errors_are_stated_and_small(case):
    problem, reference, post = case
    for error in (post.mean_error(), post.std_error()):
        stated = joined(problem, error) / reference.scale
        assert np.all((stated >= 0) & (stated < 1e-11))
        assert np.all(stated[reference.free] > 0)


def test_covariance(case, rng):
    problem, reference, post = case
    for _ in range(3):
        v = rng.standard_normal(reference.mean.size) / reference.scale
        product = joined(problem, post.covariance_product(split(problem, v)))
        wanted = reference.covariance @ v
        assert np.abs((product - wanted) / reference.scale).max() < TOLERANCE * np.sqrt(v.size)


def test_evidence(case):
    problem, reference, post = case
    evidence = post.log_evidence()
    assert evidence == pytest.approx(reference.evidence, abs=1e-9)
    assert abs(evidence - reference.evidence) <= evidence.error + 1e-9
    assert 0 <= evidence.error < 1e-6
    assert ("C/w" in evidence.method) == any(w != 1 for w in problem.weights.values())


def test_prediction_std(case):
    problem, reference, post = case
    stds = post.prediction_std()
    assert [stds[m.name].shape for m in problem.modalities] == [(m.size,) for m in problem.modalities]
    found = np.concatenate([stds[m.name] for m in problem.modalities])
    np.testing.assert_allclose(found, reference.prediction_std, rtol=1e-9)


def test_prior_std(case):
    problem, reference, post = case
    prior = reference.prior.copy()
    if reference.known.size:
        columns = prior[:, reference.known]
        prior -= columns @ np.linalg.solve(columns[reference.known], columns.T)
    np.testing.assert_allclose(joined(problem, post.prior_std()), np.sqrt(np.diag(prior).clip(0)), rtol=1e-7,
                               atol=1e-7 * reference.scale.max())  # fmt: skip


def test_the_order_of_the_surveys_does_not_matter(case):
    problem, reference, post = case
    turned = bj.posterior(problem.replace(modalities=problem.modalities[::-1]))
    difference = joined(problem, turned.mean()) - joined(problem, post.mean())
    assert np.abs(difference / reference.scale).max() < 1e-11
    difference = joined(problem, turned.std()) ** 2 - joined(problem, post.std()) ** 2
    assert np.abs(difference / reference.scale**2).max() < 1e-11
    assert turned.log_evidence() == pytest.approx(post.log_evidence(), abs=1e-10)


def test_separate_posteriors_are_those_of_the_separate_problems(case):
    problem, _, post = case
    alone = problem.separate()
    shared = post.separate()
    assert list(shared) == list(alone) == [m.name for m in problem.modalities]
    for name, other in shared.items():
        fresh = bj.posterior(alone[name])
        assert [p.name for p in other.problem.parameters] == [p.name for p in alone[name].parameters]
        scale = joined(alone[name], {p.name: np.full(p.shape, fresh.prior_std()[p.name].max())
                                     for p in alone[name].parameters})  # fmt: skip
        assert np.abs((joined(alone[name], other.mean()) - joined(alone[name], fresh.mean())) / scale).max() < 1e-12
        variances = [joined(alone[name], p.std()) ** 2 for p in (other, fresh)]
        assert np.abs((variances[0] - variances[1]) / scale**2).max() < 1e-12
        assert other.log_evidence() == pytest.approx(fresh.log_evidence(), abs=1e-11)
        np.testing.assert_allclose(other.prediction_std()[name], fresh.prediction_std()[name], rtol=1e-11)


def test_more_data_never_widen(case):
    problem, _, post = case
    if problem.couplings and any(len(m.parameters) > 1 for m in problem.modalities):
        pytest.skip("the separate problem of a survey that sees coupled parameters has another prior")
    for name, other in post.separate().items():
        for key, alone in other.std().items():
            joint = post.std()[key]
            assert np.all(joint <= alone * (1 + 1e-9) + 1e-9 * other.prior_std()[key]), name


def test_joint_precision_is_the_sum_of_precisions():
    problem, reference = make(shared=True, dense=True, counts=(7, 9))
    post, units = bj.posterior(problem), reference.scale
    rows = [joined(problem, post.covariance_product(split(problem, e / units))) / units for e in np.eye(units.size)]
    found = np.linalg.inv(np.array(rows))
    wanted, start = np.linalg.inv(reference.prior / np.outer(units, units)), 0
    for m in problem.modalities:
        where = slice(start, start + m.size)
        whitened = reference.matrix[where] * units
        wanted = wanted + whitened.T @ np.linalg.solve(reference.noise[where, where], whitened)
        start += m.size
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())


def test_precisions_of_separate_posteriors_add_up():
    """Two surveys of one property: joint precision = Σ separate precisions − prior precision, cell by cell."""
    problem, reference = make(names=("density",), counts=(7,))
    first = problem.modalities[0]
    rng = np.random.default_rng(5)
    second = bj.Modality("second", rng.standard_normal((9, 24)) / 100, rng.standard_normal(9) * 3,
                         bj.DenseNoise(np.eye(9) + 0.5), "density")  # fmt: skip
    problem = problem.replace(modalities=[first, second])
    post = bj.posterior(problem)

    def precision(p):
        columns = [p.covariance_product({"density": e.reshape(2, 3, 4) / 100})["density"].ravel() for e in np.eye(24)]
        return np.linalg.inv(np.array(columns) / 100)

    wanted = sum(precision(p) for p in post.separate().values()) - np.linalg.inv(reference.prior / 1e4)
    np.testing.assert_allclose(precision(post), wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())


@pytest.fixture(scope="module")
def field():
    """Gravity and magnetics by FFT operators over one mesh."""
    mesh = bj.Mesh.regular((3, 6, 7), (150, 100, 100), top=0)
    gravity = bj.GravityOperator(mesh, mesh.easting[1:-1], mesh.northing, height=20.0)
    magnetic = bj.MagneticOperator(mesh, mesh.easting, mesh.northing[1:], height=40.0,
                                   intensity=55e3, inclination=-50.0, declination=12.0)  # fmt: skip
    rng = np.random.default_rng(2)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=150.0, range=250.0))
    susceptibility = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.03, range=250.0))
    surveys = [
        bj.Modality("gravity", gravity, rng.normal(0, 1, gravity.data_shape),
                    bj.DiagonalNoise(np.full(gravity.data_shape, 0.05)), "density"),
        bj.Modality("magnetic", magnetic, rng.normal(0, 100, magnetic.data_shape),
                    bj.StationaryNoise(lambda e, n: 9.0 * np.exp(-np.hypot(e, n) / 300), white=4.0), "susceptibility"),
    ]
    return bj.JointProblem([density, susceptibility], surveys, [bj.Coregionalization(0.7)])


def test_field_operators_give_the_posterior_of_their_matrices(field):
    mesh = field.parameters[0].mesh
    kernel = matern_matrix(mesh, (250.0,) * 3, 1.5)
    std = np.repeat([150.0, 0.03], mesh.size)
    prior = np.kron([[1, 0.7], [0.7, 1]], kernel) * np.outer(std, std)
    gravity, magnetic = (m.forward.to_dense() for m in field.modalities)
    matrix = np.block([[gravity, np.zeros_like(gravity)], [np.zeros_like(magnetic), magnetic]])
    noise = np.diag(np.full(len(matrix), 0.05**2))
    count = len(gravity)
    east, north, _ = field.modalities[1].forward.coordinates()
    distance = np.hypot(east[:, None] - east, north[:, None] - north)
    noise[count:, count:] = 9.0 * np.exp(-distance / 300) + 16.0 * np.eye(len(magnetic))
    gain = np.linalg.solve(matrix @ prior @ matrix.T + noise, matrix @ prior).T
    post = bj.posterior(field)
    mean = gain @ np.concatenate([m.data for m in field.modalities])
    assert np.abs((joined(field, post.mean()) - mean) / std).max() < 1e-8
    variance = np.diag(prior - gain @ matrix @ prior)
    assert np.abs((joined(field, post.std()) ** 2 - variance) / std**2).max() < 1e-9


def test_joint_std_is_below_every_separate_std(field):
    post = bj.posterior(field)
    for other in post.separate().values():
        for name, alone in other.std().items():
            joint = post.std()[name]
            assert np.all(joint <= alone * (1 + 1e-10))
            assert np.min(joint / alone) < 0.98  # correlation 0.7 must help


@pytest.mark.parametrize("options", [CASES["coupled"], CASES["known cells and coupling"], CASES["everything"]])
def test_draws_have_mean_and_covariance(options):
    problem, reference = make(**options)
    draws = bj.posterior(problem).sample(draws=1500, chains=2, seed=4)
    shapes = {p.name: (2, 1500, *p.shape) for p in problem.parameters}
    assert {name: array.shape for name, array in draws.items()} == shapes
    flat = np.concatenate([draws[p.name].reshape(3000, -1) for p in problem.parameters], axis=1)
    np.testing.assert_allclose(flat[:, reference.known], np.tile(reference.known_values, (3000, 1)), rtol=1e-12)
    free = reference.free
    mean, covariance = reference.mean[free], reference.covariance[np.ix_(free, free)]
    units = reference.scale[free]
    mean, covariance, flat = mean / units, covariance / np.outer(units, units), flat[:, free] / units
    assert min(sampling_excess(flat, mean, covariance)) > 1e-4
    # and the check sees draws that are 5 % too wide or shifted by a tenth of a std
    assert sampling_excess(mean + 1.05 * (flat - mean), mean, covariance)[1] < 1e-6
    assert sampling_excess(flat + 0.1 * np.sqrt(np.diag(covariance)), mean, covariance)[0] < 1e-6


def test_seeds():
    post = bj.posterior(make()[0])
    first, again = post.sample(5, 2, seed=3), post.sample(5, 2, seed=3)
    other, two = post.sample(5, 2, seed=4), [post.sample(5, 2, seed=np.random.default_rng(3)) for _ in range(2)]
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(two[0][name], two[1][name])
        assert not np.any(first[name] == other[name])
        assert not np.any(first[name][0] == first[name][1])  # chains differ


def ranks(posterior_of, simulations=250, draws=31, seed=8):
    """Ranks of simulated truths among posterior draws (Talts et al. 2018) for three functionals."""
    problem, reference = make(names=("density",), counts=(4,), seed=3)
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(reference.prior)
    functionals = np.vstack([np.eye(24)[5], np.full(24, 1 / 24), reference.matrix[0] * 100])
    found = np.empty((simulations, 3), int)
    survey = problem.modalities[0]
    for s in range(simulations):
        truth = reference.prior_mean + root @ rng.standard_normal(24)
        data = reference.matrix @ truth + np.sqrt(np.diag(reference.noise)) * rng.standard_normal(4)
        post = posterior_of(problem.replace(modalities=[survey.replace(data=data)]))
        sample = post.sample(draws, 1, seed=rng)["density"].reshape(draws, -1)
        found[s] = np.sum(sample @ functionals.T < functionals @ truth, axis=0)
    return found


def uniformity(found, draws=31, bins=8):
    """Smallest p-value of χ² tests that ranks 0..draws are uniform."""
    counts = np.stack([np.bincount(column * bins // (draws + 1), minlength=bins) for column in found.T])
    expected = len(found) / bins
    return chi2.sf(np.sum((counts - expected) ** 2 / expected, axis=1), bins - 1).min()


class _TooSure:
    """A wrong engine: spreads draws by 0.7 of what is right."""

    def __init__(self, problem):
        self.right = bj.posterior(problem)

    def sample(self, draws, chains, seed):
        mean = self.right.mean()
        return {k: mean[k] + 0.7 * (v - mean[k]) for k, v in self.right.sample(draws, chains, seed).items()}


def test_calibration_by_simulation():
    assert uniformity(ranks(bj.posterior)) > 1e-3


def test_calibration_catches_wrong_engines():
    assert uniformity(ranks(_TooSure, simulations=400)) < 1e-6
    # or one that believes in half the noise and half the prior std
    assert uniformity(ranks(lambda p: bj.posterior(p.replace(
        parameters=[p.parameters[0].replace(prior=bj.Matern(std=50.0, range=(150.0, 300.0, 200.0)))])))) < 1e-6


def test_an_exponent_is_a_scaled_noise():
    problem, _ = make(weights={"survey_density": 0.25})
    survey = problem.modalities[0]
    scaled = problem.replace(weights=None, modalities=[survey.replace(noise=survey.noise.scaled(4.0)),
                                                       problem.modalities[1]])  # fmt: skip
    a, b = bj.posterior(problem), bj.posterior(scaled)
    for key in ("mean", "std"):
        np.testing.assert_allclose(joined(problem, getattr(a, key)()), joined(problem, getattr(b, key)()), rtol=1e-10)
    assert a.log_evidence() == pytest.approx(b.log_evidence(), abs=1e-10)


def test_evidence_prefers_the_truth():
    """Averaged over data of a known noise, the evidence peaks there."""
    problem, reference = make(names=("density",), counts=(30,), seed=3)
    rng, survey = np.random.default_rng(0), problem.modalities[0]
    totals = np.zeros(3)
    for _ in range(12):
        truth = np.linalg.cholesky(reference.prior) @ rng.standard_normal(24)
        data = reference.matrix @ truth + np.sqrt(np.diag(reference.noise)) * rng.standard_normal(30)
        for i, factor in enumerate((0.3, 1.0, 3.0)):
            trial = survey.replace(data=data, noise=survey.noise.scaled(factor))
            totals[i] += bj.posterior(problem.replace(modalities=[trial])).log_evidence()
    assert totals[1] > totals[0] + 3 and totals[1] > totals[2] + 3


def nan_operator(problem):
    survey = problem.modalities[0]
    size = survey.forward.shape
    broken = LinearOperator(size, matvec=lambda x: np.full(size[0], np.nan), rmatvec=lambda y: np.full(size[1], np.nan),
                            dtype=float)  # fmt: skip
    return problem.replace(modalities=[survey.replace(forward=broken)])


def with_parameter(**changes):
    problem, _ = make(names=("density",))
    return problem.replace(parameters=[problem.parameters[0].replace(**changes)])


def large():
    scalar = bj.Parameter("datum", 1, prior=bj.GaussianPrior(0.0, 1.0))
    count = 20_001
    survey = bj.Modality("line", np.ones((count, 1)), np.zeros(count), bj.DiagonalNoise(np.ones(count)), "datum")
    return bj.JointProblem([scalar], [survey])


REFUSED = {
    "bounds": (lambda: with_parameter(bounds=(0.0, 1.0)), "problem"),
    "one bound": (lambda: with_parameter(bounds=(None, 1.0)), "problem"),
    "flat prior": (lambda: with_parameter(prior=None), "prior"),
    "penalty": (lambda: make()[0].replace(couplings=[bj.Gramian(weight=1.0)]), "problem"),
    "not a Gaussian": (lambda: with_parameter(prior=bj.Focusing(alpha=1.0)), "problem"),
    "too many data": (large, "problem"),
    "operator gives NaN": (lambda: nan_operator(make(names=("density",))[0]), "the data's covariance"),
}


@pytest.mark.parametrize(("problem", "argument"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_it_cannot_do(problem, argument):
    refused(lambda: bj.posterior(problem(), method="dense"), argument)


BAD = {
    "method": (lambda p: bj.posterior(p.problem, method="denes"), "method", ValueError),
    "draws zero": (lambda p: p.sample(draws=0), "draws", ValueError),
    "draws half": (lambda p: p.sample(draws=2.5), "draws", TypeError),
    "draws bool": (lambda p: p.sample(draws=True), "draws", TypeError),
    "draws text": (lambda p: p.sample(draws="many"), "draws", TypeError),
    "draws nan": (lambda p: p.sample(draws=float("nan")), "draws", TypeError),
    "chains negative": (lambda p: p.sample(chains=-1), "chains", ValueError),
    "v keys": (lambda p: p.covariance_product({"density": 0.0}), "v", ValueError),
    "v shape": (lambda p: p.covariance_product({"density": np.ones(3), "susceptibility": 0.0}), "density", ValueError),
    "v nan": (lambda p: p.covariance_product({"density": np.nan, "susceptibility": 0.0}), "density", ValueError),
    "v array": (lambda p: p.covariance_product(np.ones(48)), "v", TypeError),
    "not a problem": (lambda p: bj.posterior("problem"), "problem", TypeError),
}


@pytest.mark.parametrize(("call", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, argument, error):
    post = bj.posterior(make()[0])
    refused(lambda: call(post), argument, error)


def test_streaming_operators_are_computed_once_and_answer_the_same():
    mesh = bj.Mesh.regular((2, 4, 5), (50, 100, 100))
    east, north = np.meshgrid(mesh.easting, mesh.northing)
    stations = east.ravel(), north.ravel(), np.full(20, 30.0)
    rng = np.random.default_rng(5)
    data, density = rng.standard_normal(20), bj.Parameter("density", mesh, prior=bj.Matern(std=50.0, range=200.0))
    posts = []
    for forward in (bj.GravityOperator.at_stations(mesh, *stations),
                    bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=30.0)):
        survey = bj.Modality("gravity", forward, data, bj.DiagonalNoise(np.full(20, 0.1)), "density")
        problem = bj.add_bias(bj.JointProblem([density], [survey]), "gravity", "linear", std=1.0)
        posts.append(bj.posterior(problem))
    assert posts[0].problem.operator(0).stored() is not posts[0].problem.operator(0)
    for key in ("mean", "std"):
        direct, lattice = (getattr(p, key)()["density"] for p in posts)
        np.testing.assert_allclose(direct, lattice, rtol=1e-9, atol=1e-9)


def test_a_bias_does_not_make_the_separate_posteriors_propagate_again(monkeypatch):
    problem, _ = make(correlation=0.6, bias=True)
    post = bj.posterior(problem)
    assert any(len(m.parameters) > 1 for m in post.problem.modalities)  # else this test shows nothing
    monkeypatch.setattr("bayesjoint.gaussian._unit_fields.UnitFields._formed", None)
    monkeypatch.setattr("bayesjoint.gaussian._unit_fields.GAIN_BYTES", 0.0)
    problem.cache = bj.problem.Cache()
    assert set(post.separate()) == {m.name for m in problem.modalities}
