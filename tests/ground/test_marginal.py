"""Ground cells have their marginal prior: answers are those of a problem that has no air cells at all."""

import numpy as np
import pytest

import bayesjoint as bj

from ..refusals import refused
from .hill import STD, brute_force, gaussian, hill, matern, operators, restricted_matern, same, surveys


@pytest.fixture(scope="module")
def coupled():
    mesh = hill()
    return bj.JointProblem([bj.Parameter(n, mesh, prior=matern(n)) for n in STD], surveys(mesh),
                           [bj.Coregionalization(0.6)])


def test_dense_posterior_is_that_of_the_ground_cells_alone(coupled):
    mesh = hill()
    mean, std, evidence = brute_force(mesh, 0.6)
    post = bj.posterior(coupled, "dense")
    for found, expected in ((post.mean(), mean), (post.std(), std)):
        joined = np.concatenate([found[n][mesh.active] / STD[n] for n in STD])
        np.testing.assert_allclose(joined, expected, atol=1e-10)
    assert float(post.log_evidence()) == pytest.approx(evidence, rel=1e-10)


def test_iterative_equals_dense(coupled):
    dense, iterative = (bj.posterior(coupled, method) for method in ("dense", "iterative"))
    active = hill().active
    for name, size in STD.items():
        np.testing.assert_allclose(iterative.mean()[name][active] / size, dense.mean()[name][active] / size, atol=1e-6)
        off = np.abs(iterative.std()[name] - dense.std()[name])[active]
        assert np.all(off <= 6 * iterative.std_error()[name][active] + 1e-6 * size)
    assert float(iterative.log_evidence()) == pytest.approx(float(dense.log_evidence()), abs=1e-3)


def test_every_answer_is_nan_in_air_and_nowhere_else(coupled):
    post, air = bj.posterior(coupled, "dense"), ~hill().active
    answers = {"mean": post.mean(), "std": post.std(), "mean_error": post.mean_error(), "std_error": post.std_error(),
               "prior_std": post.prior_std(), "draws": post.sample(3, chains=2),
               "product": post.covariance_product({n: np.full(air.shape, 1.0) for n in STD})}
    for answer in answers.values():
        for values in answer.values():
            np.testing.assert_array_equal(np.isnan(values), np.broadcast_to(air, values.shape))


def test_air_is_never_fixed_and_what_is_said_of_it_is_passed_over():
    mesh = hill()
    fixed = np.where(mesh.active, np.nan, 0.0)
    bounds = (np.where(mesh.active, -1e4, np.nan), None)
    reference = np.where(mesh.active, 10.0, np.nan)
    p = bj.Parameter("density", mesh, prior=matern("density"), fixed=fixed, bounds=bounds, reference=reference)
    assert not p.fixed_mask.any()
    assert np.isinf(p.lower[~p.ground]).all()
    assert np.all(p.lower[p.ground] == -10.0)
    np.testing.assert_array_equal(p.from_hat(p.reference_hat)[mesh.active], 10.0)
    assert not p.reference_hat[~p.ground].any()
    assert p.settings()["air_cells"] == 7
    refused(lambda: p.to_hat(np.where(mesh.active, np.nan, 1.0)), "density")


def test_flat_priors_hold_ground_alone():
    mesh, rng = hill((2, 1, 4)), np.random.default_rng(0)
    ground = mesh.active.ravel()
    rows = rng.standard_normal((12, mesh.size))
    data = rng.standard_normal(12)
    survey = bj.Modality("d", rows, data, bj.DiagonalNoise(np.ones(12)), "m")
    post = bj.posterior(bj.JointProblem([bj.Parameter("m", mesh)], [survey]))
    expected = np.linalg.lstsq(rows[:, ground], data, rcond=None)[0]
    np.testing.assert_allclose(post.mean()["m"][mesh.active], expected, atol=1e-10)
    assert np.isnan(post.mean()["m"][~mesh.active]).all()


def test_air_columns_of_any_operator_act_on_nothing():
    mesh, rng = hill(), np.random.default_rng(0)
    rows = rng.standard_normal((5, mesh.size))
    survey = bj.Modality("d", rows, np.zeros(5), bj.DiagonalNoise(np.ones(5)), "density")
    operator = bj.JointProblem([bj.Parameter("density", mesh, prior=matern("density"))], [survey]).operator("d")
    ground = mesh.active.ravel()
    x, y = rng.standard_normal(mesh.size), rng.standard_normal(5)
    np.testing.assert_allclose(operator.matvec(x), 1000.0 * rows[:, ground] @ x[ground])
    np.testing.assert_allclose(operator.rmatvec(y)[ground], 1000.0 * rows[:, ground].T @ y)
    assert not operator.rmatvec(y)[~ground].any()
    assert not operator.rmatmat(y[:, None])[~ground].any()


def test_an_operator_sets_its_parameters_ground():
    mesh = hill()
    plain = bj.Mesh(mesh.easting_edges, mesh.northing_edges, mesh.upward_edges)
    east, north = (a.ravel() for a in np.meshgrid(mesh.easting, mesh.northing))
    operator = bj.GravityOperator.at_stations(plain, east, north, 110.0, active=mesh.active)
    survey = bj.Modality("d", operator, np.zeros(east.size), bj.DiagonalNoise(np.ones(east.size)), "density")
    density = bj.Parameter("density", plain, prior=matern("density"))
    problem = bj.add_bias(bj.JointProblem([density], [survey]), "d", std=1.0)
    assert not density.has_air
    for found in (problem, problem.replace(parameters=[density, problem.parameters[1]]), problem.separate()["d"]):
        np.testing.assert_array_equal(found.by_name["density"].mesh.active, mesh.active)
        np.testing.assert_array_equal(found.ground, [*mesh.active.ravel(), True])


def test_masks_that_differ_are_refused_by_name():
    mesh = hill()
    other = mesh.active.copy()
    other[0, 0, 0] = False
    one, two = operators(mesh)["density"], operators(mesh.with_active(other))["density"]
    noise = bj.DiagonalNoise(np.ones(one.shape[0]))
    pair = [bj.Modality(name, op, np.zeros(one.shape[0]), noise, "density") for name, op in (("a", one), ("b", two))]
    plain = bj.Mesh(mesh.easting_edges, mesh.northing_edges, mesh.upward_edges)
    density = bj.Parameter("density", plain, prior=matern("density"))
    text = refused(lambda: bj.JointProblem([density], pair), "active of the operator of b")
    assert "the operator of a" in text
    text = refused(lambda: bj.JointProblem([density.replace(mesh=mesh)], pair[1:]), "active of the operator of b")
    assert "the mesh of density" in text


def test_conflict_and_information_are_those_of_the_ground_cells():
    whole, restricted = gaussian(hill())
    found, expected = (bj.conflict(p, seed=0).table for p in (whole, restricted))
    for k, words in enumerate(expected.test.values):
        match = np.flatnonzero(found.test.values == words)
        assert any(np.isclose(found.p_value.values[j], expected.p_value.values[k], rtol=1e-6, equal_nan=True)
                   for j in match), words
    found, expected = (bj.identifiability(p) for p in (whole, restricted))
    np.testing.assert_allclose(found.information, expected.information, rtol=1e-9)
    np.testing.assert_array_equal(found.null_space, expected.null_space)


def test_assimilation_is_that_of_the_ground_cells():
    whole, restricted = gaussian(hill())
    found, expected = bj.assimilate(whole), bj.assimilate(restricted)
    same(found.mean(), expected.mean(), hill().active, atol=1e-8)
    same(found.std(), expected.std(), hill().active, atol=1e-8)
    found, expected = (post.to_datatree(draws=2)["assimilation"] for post in (found, expected))
    for name in STD:
        np.testing.assert_allclose(found[f"std_left_{name}"], expected[f"std_left_{name}"], rtol=1e-8)


def test_evidence_gradient_sees_the_ground_alone():
    from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
    from bayesjoint.hyperparameters._vector import HyperVector

    problem = gaussian(hill())[0]
    evidence = DenseEvidence(HyperVector(problem))
    theta = evidence.vector.start
    value, gradient = evidence.evaluate(theta)
    assert value == pytest.approx(float(bj.posterior(problem, "dense").log_evidence()), abs=1e-7)
    step = 1e-4
    ends = [[evidence.evaluate(theta + side * step * unit, False)[0] for side in (1, -1)]
            for unit in np.eye(theta.size)]
    np.testing.assert_allclose(gradient, (np.array(ends) @ [1, -1]) / (2 * step), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["factor", "matrix", "operator"])
def test_time_lapse_over_air_is_that_of_the_ground(kind):
    from scipy.sparse.linalg import aslinearoperator

    mesh, rng = hill((2, 2, 4)), np.random.default_rng(0)
    ground = mesh.active.ravel()
    whole = 0.3 * rng.standard_normal((mesh.size,) * 2)
    moves = {"factor": (0.8, 0.8), "matrix": (whole, whole[np.ix_(ground, ground)]),
             "operator": tuple(aslinearoperator(m) for m in (whole, whole[np.ix_(ground, ground)]))}[kind]
    posts = []
    for restricted, move in zip((False, True), moves, strict=True):
        prior = restricted_matern(mesh, "density") if restricted else matern("density")
        p = bj.Parameter("density", int(ground.sum()) if restricted else mesh, prior=prior)
        first = surveys(mesh, restricted)[0]
        pair = [bj.Modality(n, first.forward, k * first.data, first.noise, "density") for n, k in (("a", 1), ("b", 2))]
        state = bj.StateModel(transition={"density": move}, noise={"density": prior})
        posts.append(bj.assimilate(bj.JointProblem([p], pair), order=["a", "b"], state=state))
    found, expected = posts
    same(found.mean(), expected.mean(), mesh.active, atol=1e-8)
    same(found.std(), expected.std(), mesh.active, atol=1e-8)
