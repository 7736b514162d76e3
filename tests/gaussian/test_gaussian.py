"""Covariances of continued fields against the matrices of their torus; those of the mesh against A Γ Aᵀ; refusals."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian import linear_gaussian

from ..linear import make, small_mesh
from ..moments import sampling_excess
from ..periodic import continued_problem, torus_matrices
from ..refusals import refused

GAPS = (np.array([[1, 1, 0, 1], [1, 1, 1, 1], [0, 1, 1, 1]], bool), None)
CASES = {
    "coupled": {},
    "independent": {"correlation": None},
    "rough": {"smoothness": 0.5},
    "gaps": {"mask": GAPS},
    "exponents": {"weights": {"gravity": 0.4}},
}


def units_of(problem):
    return np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    problem = continued_problem(**request.param)
    keys = {k: v for k, v in request.param.items() if k in ("correlation", "smoothness")}
    return problem, linear_gaussian(problem), torus_matrices(problem, **keys)


def test_covariances_are_those_of_the_torus(case, rng):
    problem, model, (matrix, prior, visible) = case
    signal, gain = matrix @ prior @ matrix.T, prior[visible] @ matrix.T
    spread, std = np.sqrt(np.diag(signal)), np.sqrt(np.diag(prior)[visible])
    units = units_of(problem)[:, None]
    eye = np.eye(model.data_size)
    np.testing.assert_allclose(model.signal(eye) / np.outer(spread, spread), signal / np.outer(spread, spread),
                               atol=1e-10)  # fmt: skip
    found = units * model.gain(eye) / np.outer(std, spread)
    np.testing.assert_allclose(found, gain / np.outer(std, spread), atol=1e-10)
    v, x = rng.standard_normal((model.data_size, 2)), rng.standard_normal((model.size, 2))
    np.testing.assert_allclose(np.sum(model.gain(v) * x), np.sum(model.gain_adjoint(x) * v), rtol=1e-11)
    np.testing.assert_allclose(model.gain_and_signal(v)[1], model.signal(v), rtol=1e-12)
    np.testing.assert_allclose(units[:, 0] * np.sqrt(model.prior_variance()), std, rtol=1e-12)


def test_draws_are_joint(case):
    problem, model, (matrix, prior, visible) = case
    x, data = model.draw(np.random.default_rng(1), 3000)
    rows = np.vstack([np.eye(len(prior))[visible], matrix])
    wanted = rows @ prior @ rows.T
    # independent combinations, enough to see every part: all cells and data together are too many for one test
    pick = np.random.default_rng(2).standard_normal((25, len(rows))) / np.sqrt(np.diag(wanted))
    joint = np.hstack([x * units_of(problem), data]) @ pick.T
    wanted = pick @ wanted @ pick.T
    assert min(sampling_excess(joint, np.zeros(25), wanted)) > 1e-4
    assert sampling_excess(1.05 * joint, np.zeros(25), wanted)[1] < 1e-6


def test_a_single_precision_draw_is_as_good(monkeypatch):
    problem = continued_problem()
    draws = []
    for limit in (1e9, 1):
        monkeypatch.setattr("bayesjoint.gaussian._torus.SINGLE_FROM", limit)
        draws.append(linear_gaussian(problem).draw(np.random.default_rng(1), 400))
    model = linear_gaussian(problem)
    signal = model.signal(np.eye(model.data_size))
    for _, data in draws:
        assert sampling_excess(data, np.zeros(model.data_size), signal)[1] > 1e-4


def test_the_torus_holds_every_true_lag_and_is_the_problems():
    problem = continued_problem()
    group = linear_gaussian(problem).groups[0]
    assert group.torus[0] >= 2 * 4 and group.torus[1] >= 2 * 6
    assert group.field.clipped <= 1e-9
    # noise, data and the magnetic latitude do not move it
    other = continued_problem(noise=0.5, inclination=80.0, correlation=None)
    assert [g.torus for g in linear_gaussian(other).groups] == [group.torus] * 2
    # cells on the mesh act on data as through the operators of the mesh: what is hidden comes on top
    x = np.random.default_rng(0).standard_normal((problem.size, 1))
    model = linear_gaussian(problem)
    assert model.signal(np.eye(model.data_size)).trace() > linear_gaussian(
        continued_problem(extent="mesh")).signal(np.eye(model.data_size)).trace()
    np.testing.assert_allclose(model.predict(x), linear_gaussian(continued_problem(extent="mesh")).predict(x))


def test_what_the_torus_leaves_out_is_measured():
    group = linear_gaussian(continued_problem()).groups[0]
    assert 0 < group.truncation() < 2e-2


def test_vectors_beside_a_field():
    """A bias adds B Γ Bᵀ to the signal and its own rows to the gain."""
    plain, biased = linear_gaussian(continued_problem()), linear_gaussian(continued_problem(bias=True))
    problem, count = biased.problem, biased.data_size
    basis = np.zeros((count, 3))
    basis[:12] = problem.modalities[0].terms[0].columns
    spread = np.diag([0.25, 0.04, 0.04])
    eye = np.eye(count)
    np.testing.assert_allclose(biased.signal(eye), plain.signal(eye) + basis @ spread @ basis.T, atol=1e-12)
    gain = biased.gain(eye)
    np.testing.assert_allclose(gain[-3:], spread @ basis.T, atol=1e-14)
    np.testing.assert_allclose(gain[:-3], plain.gain(eye), atol=1e-14)
    x = np.random.default_rng(0).standard_normal((biased.size, 2))
    np.testing.assert_allclose(biased.gain_adjoint(x), gain.T @ x, rtol=1e-9)
    x, data = biased.draw(np.random.default_rng(0), 2000)
    assert sampling_excess(data, np.zeros(count), biased.signal(eye))[1] > 1e-4
    assert np.corrcoef(x[:, -3], data[:, :12].mean(axis=1))[0, 1] > 0.5


@pytest.mark.parametrize("options", [{"correlation": 0.6}, {"known": (0, 5), "mean": True},
                                     {"bias": True, "dense": True}])
def test_the_mesh_is_plain_matrix_algebra(options):
    problem, _ = make(**options)
    model = linear_gaussian(problem)
    matrix = np.vstack([problem.operator(k).matmat(np.eye(problem.size)) for k in range(2)])
    prior, eye = model.prior_product(np.eye(problem.size)), np.eye(model.data_size)
    np.testing.assert_allclose(model.signal(eye), matrix @ prior @ matrix.T, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.gain(eye), prior @ matrix.T, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.gain_adjoint(np.eye(problem.size)), (prior @ matrix.T).T, rtol=1e-10, atol=1e-12)
    white = model.whiten(eye)
    noise = np.linalg.inv(white.T @ white)
    np.testing.assert_allclose(np.linalg.slogdet(noise)[1], model.noise_logdet(), rtol=1e-9)
    np.testing.assert_allclose(np.diag(noise), model.noise_variance(), rtol=1e-9)
    np.testing.assert_allclose(model.whiten_adjoint(eye), white.T, atol=1e-12)
    np.testing.assert_allclose(model.colour(white), eye, atol=1e-10)


def test_a_flat_parameter_is_columns_alone():
    problem, _ = make(vector=True)
    flat = problem.replace(parameters=[p if p.name != "datum" else p.replace(prior=None) for p in problem.parameters])
    model = linear_gaussian(flat)
    assert model.flat_index.tolist() == [48, 49]
    np.testing.assert_allclose(model.flat_columns, model.predict(np.eye(50)[:, 48:]))
    assert np.all(np.isinf(model.prior_variance()[48:])) and np.all(np.isfinite(model.prior_variance()[:48]))
    assert not model.gain(np.eye(model.data_size))[48:].any()


def on_stations():
    mesh = small_mesh()
    operator = bj.GravityOperator.at_stations(mesh, [10.0], [20.0], 5.0)
    prior = bj.Matern(std=1.0, range=100.0, extent="continued")
    survey = bj.Modality("g", operator, [1.0], bj.DiagonalNoise([1.0]), "density")
    return bj.JointProblem([bj.Parameter("density", mesh, prior=prior)], [survey])


def mixed_extents():
    problem = continued_problem(correlation=None)
    return problem.replace(parameters=[problem.parameters[0].replace(prior=bj.Matern(std=1.0, range=100.0)),
                                       problem.parameters[1]])


REFUSED = {
    "stations": (on_stations, "forward"),
    "two extents": (mixed_extents, "prior of density"),
    "bounds": (lambda: make()[0].replace(parameters=[p.replace(bounds=(0, 1)) for p in make()[0].parameters]),
               "problem"),
    "penalty": (lambda: make()[0].replace(couplings=[bj.Gramian(weight=1.0)]), "problem"),
}


@pytest.mark.parametrize(("problem", "argument"), REFUSED.values(), ids=REFUSED)
def test_refusals(problem, argument):
    refused(lambda: linear_gaussian(problem()), argument)


def test_a_continued_field_has_no_density_on_the_mesh_alone():
    problem = continued_problem()
    for call in (problem.value, problem.gradient, lambda x: problem.hessian_product(x, x)):
        refused(lambda call=call: call(problem.start()), "extent")
    np.testing.assert_allclose(bj.find_map(problem).x, bj.posterior(problem).state_mean(), atol=1e-6)  # needs none


def test_processing_after_the_lattice():
    """Sampling and continuation act on both sides of the lattice's covariance."""
    mesh = bj.Mesh.regular((2, 6, 8), (60, 100, 100))
    lattice = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=[10.0, 40.0])
    prior = bj.Matern(std=100.0, range=250.0, extent="continued")
    density = bj.Parameter("density", mesh, prior=prior)

    def model(forward):
        count = forward.shape[0]
        survey = bj.Modality("g", forward, np.zeros(count), bj.DiagonalNoise(np.ones(count)), "density")
        return linear_gaussian(bj.JointProblem([density], [survey]))

    whole = model(lattice)
    sampling = bj.StationSampling(lattice, [210.0, 333.0, 480.0], [250.0, 199.0, 320.0], [15.0, 20.0, 33.0])
    h = sampling.matmat(np.eye(lattice.shape[0]))
    sampled, eye = model(sampling @ lattice), np.eye(lattice.shape[0])
    np.testing.assert_allclose(sampled.signal(np.eye(3)), h @ whole.signal(eye) @ h.T, rtol=1e-10)
    np.testing.assert_allclose(sampled.gain(np.eye(3)), whole.gain(eye) @ h.T, rtol=1e-9, atol=1e-12)
    up = bj.UpwardContinuation(lattice, 50.0)
    twice = StationSelection(up @ lattice, np.arange(96).reshape(2, 6, 8) % 3 > 0) @ (up @ lattice)
    h = twice.processing.matmat(up.matmat(eye))
    np.testing.assert_allclose(model(twice).signal(np.eye(64)), h @ whole.signal(eye) @ h.T, rtol=1e-9, atol=1e-14)
