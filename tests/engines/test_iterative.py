"""The iterative posterior against the dense one: mean, draws, standard deviations and the errors they claim."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines.iterative import IterativePosterior

from ..linear import joined, make, split
from ..moments import sampling_excess
from ..periodic import continued_problem
from ..refusals import refused

GAPS = (np.arange(12).reshape(3, 4) % 5 > 0, np.arange(20).reshape(4, 5) % 7 > 0)
CASES = {
    "two modalities": lambda: continued_problem(),
    "independent": lambda: continued_problem(correlation=None),
    "gaps, unequal noise": lambda: continued_problem(mask=GAPS, noise=0.5),
    "bias": lambda: continued_problem(bias=True),
    "low inclination": lambda: continued_problem(inclination=0.0),
    "exponents": lambda: continued_problem(weights={"gravity": 0.3}),
    "the mesh alone": lambda: continued_problem(extent="mesh"),
    "the mesh alone, gaps, bias": lambda: continued_problem(extent="mesh", mask=GAPS, bias=True),
    "matrices, dense noise": lambda: make(correlation=0.6, dense=True)[0],
    "known cells, vector": lambda: make(known=(0, 5), vector=True, mean=True)[0],
    "a survey sees both": lambda: make(shared=True, correlation=0.5)[0],
    "flat vector": lambda: flat(make(vector=True)[0]),
    "flat bias beside a continued field": lambda: flat(continued_problem(bias=True), "gravity_bias"),
}


def flat(problem, name="datum"):
    return problem.replace(parameters=[p.replace(prior=None) if p.name == name else p for p in problem.parameters])


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def pair(request):
    problem = request.param()
    dense = bj.posterior(problem, method="dense")
    units = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])
    return problem, dense, bj.posterior(problem, method="iterative"), units * np.sqrt(dense._known_scale())


def test_mean_and_its_bound(pair):
    problem, dense, post, scale = pair
    error = np.abs(joined(problem, post.mean()) - joined(problem, dense.mean()))
    assert np.all(error[scale > 0] <= 1e-6 * scale[scale > 0])
    assert np.all(error <= joined(problem, post.mean_error()) + 1e-12 * scale)
    assert post.method == "iterative" and post.iterations >= 1


def test_log_evidence_is_the_dense_ones_within_its_error(pair):
    _, dense, post, _ = pair
    if post._flat.index.size:
        refused(post.log_evidence, "prior")
        return
    found = post.log_evidence(error=0.05)
    assert abs(found - dense.log_evidence()) <= 4 * found.error + abs(found.bias) + 1e-6
    assert 0 < found.error < 5
    few = sum(m.size for m in post.problem.modalities) < 32
    assert ("Cholesky" if post.system.scattered else "small matrices" if few else "Lanczos") in found.method


def test_products_and_estimates(pair):
    problem, dense, post, _ = pair
    held = dense._known_scale() > 0
    v = np.random.default_rng(0).standard_normal((problem.size, 2))
    v = np.where(held, 1 / np.sqrt(np.where(held, dense._known_scale(), 1.0)), 0.0)[:, None] * v
    wanted = dense.state_product(v)
    np.testing.assert_allclose(post.state_product(v), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    data = np.random.default_rng(1).standard_normal((sum(m.size for m in problem.modalities), 2))
    wanted = dense.mean_response(data)
    np.testing.assert_allclose(post.mean_response(data), wanted, rtol=1e-4, atol=1e-6 * np.abs(wanted).max())
    wanted = dense.mean_response_adjoint(v)
    np.testing.assert_allclose(post.mean_response_adjoint(v), wanted, rtol=1e-4, atol=1e-6 * np.abs(wanted).max())
    np.testing.assert_allclose(post.predicted_data(), dense.predicted_data(), rtol=1e-5, atol=1e-6)
    physical = split(problem, v[:, 0])
    for name, values in dense.covariance_product(physical).items():
        found = post.covariance_product(physical)[name]
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5 * np.abs(values).max())


def test_std_lies_within_its_errors(pair):
    problem, dense, post, _ = pair
    std, wanted, error = (joined(problem, a) for a in (post.std(), dense.std(), post.std_error()))
    free = wanted > 1e-6 * wanted.max()
    score = (std - wanted)[free] / np.maximum(error[free], 1e-6 * wanted[free])
    # few independent cells: their share of bounds is tested on a larger problem
    assert np.sqrt(np.mean(score**2)) < 1.6 and np.mean(np.abs(score) < 2) > 0.8
    assert np.median(error[free] / wanted[free]) < 0.1


def test_draws_have_mean_and_covariance(pair):
    problem, dense, post, _ = pair
    x, clean = post.joint_draws(np.random.default_rng(3), 700)
    assert post.draw_residuals.shape == (700,) and 0 < post.draw_residuals.max() <= 1e-3
    rng = np.random.default_rng(5)
    held = dense._known_scale() > 0
    pick = np.where(held, rng.standard_normal((12, problem.size)) / np.sqrt(np.where(held, dense._known_scale(), 1)), 0)
    covariance = pick @ dense.state_product(pick.T)
    assert min(sampling_excess(x @ pick.T, pick @ dense.state_mean(), covariance)) > 1e-4
    spread = np.concatenate(list(dense.prediction_std().values()))
    np.testing.assert_allclose(clean.std(axis=0) / spread, 1.0, atol=0.13)
    np.testing.assert_allclose((clean.mean(axis=0) - dense.predicted_data()) / spread, 0.0, atol=0.18)


STDS = {"density": 100.0, "susceptibility": 0.02}


@pytest.fixture(scope="module")
def survey():
    """A few hundred data over thousands of cells, where a share of cells means something."""
    mesh = bj.Mesh.regular((4, 20, 22), (100, 100, 100))
    place = mesh.easting[3:-3], mesh.northing[3:-3]
    operators = bj.GravityOperator(mesh, *place), bj.MagneticOperator(mesh, *place, height=10.0, inclination=-60.0)
    parameters, surveys = [], []
    for operator, name, std, level in zip(operators, STDS, STDS.values(), (0.02, 3.0), strict=True):
        prior = bj.Matern(std=std, range=300.0, extent="continued")
        parameters.append(bj.Parameter(name, mesh, prior=prior))
        data = np.random.default_rng(0).standard_normal(operator.shape[0])
        surveys.append(bj.Modality(operator.kind, operator, data, bj.DiagonalNoise(np.full(data.size, level)), name))
    problem = bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.7)])
    return problem, bj.posterior(problem, method="dense")


@pytest.mark.parametrize(("rank", "seed"), [(0, 0), (0, 1), (150, 0), (300, 1)])
def test_error_bars_are_neither_too_small_nor_too_large(survey, rank, seed):
    problem, dense = survey
    post = IterativePosterior(problem, rank=rank, seed=seed)
    score = (joined(problem, post.std()) - joined(problem, dense.std())) / joined(problem, post.std_error())
    assert 0.92 <= np.mean(np.abs(score) <= 2) <= 0.98
    assert 0.75 < np.sqrt(np.mean(score**2)) < 1.2
    relative = np.abs(joined(problem, post.std()) / joined(problem, dense.std()) - 1)
    assert np.sqrt(np.mean(relative**2)) < (0.06 if rank == 0 else 0.02)


def test_directions_and_controls_narrow_the_error(survey):
    problem, _ = survey
    posts = [IterativePosterior(problem, rank=rank) for rank in (0, 300)]
    errors = [np.median(joined(problem, p.std_error()) / joined(problem, p.std())) for p in posts]
    plain = np.sqrt(0.5 / 64)  # of a standard deviation from 64 draws
    assert errors[1] < 0.2 * errors[0] < 0.2 * plain
    words = posts[1].approximations[-1]
    assert words.name == "standard deviation" and words.error == pytest.approx(errors[1], rel=1e-3)


def test_the_dataset_carries_solves_and_errors():
    post = IterativePosterior(continued_problem(bias=True))
    tree = post.to_datatree(draws=4, chains=2)
    residuals = tree["sample_stats"]["relative_residual"]
    assert residuals.sizes == {"chain": 2, "draw": 4} and 0 < float(residuals.max()) <= 1e-3
    np.testing.assert_array_equal(residuals.values.ravel(), post.draw_residuals)
    assert float(tree["posterior_summary"]["density_std_error"].min()) > 0
    names = [a.name for a in post.approximations]
    assert names == ["posterior mean", "draws", "periodic lattice of the continued field", "standard deviation"]


def test_separate_posteriors(survey):
    problem, _ = survey
    for name, alone in IterativePosterior(problem).separate().items():
        wanted = bj.posterior(problem.separate()[name], method="dense")
        key = alone.problem.parameters[0].name
        scale = wanted.prior_std()[key]
        assert np.abs((alone.mean()[key] - wanted.mean()[key]) / scale).max() < 1e-6


def test_scattered_stations_are_preconditioned_by_a_sketch():
    mesh = bj.Mesh.regular((3, 10, 12), (100, 100, 100))
    lattice = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=[50.0, 150.0])
    rng = np.random.default_rng(0)
    stations = rng.uniform(100, 1100, 90), rng.uniform(100, 900, 90), rng.uniform(50, 150, 90)
    operator = bj.StationSampling(lattice, *stations) @ lattice
    prior = bj.Matern(std=100.0, range=300.0, extent="continued")
    survey = bj.Modality("g", operator, rng.standard_normal(90), bj.DiagonalNoise(np.full(90, 0.01)), "density")
    problem = bj.JointProblem([bj.Parameter("density", mesh, prior=prior)], [survey])
    post, dense = IterativePosterior(problem), bj.posterior(problem, method="dense")
    assert post.system.scattered and post.system.outliers.size > 10
    assert np.abs(joined(problem, post.mean()) - joined(problem, dense.mean())).max() < 1e-4
    plain = IterativePosterior(problem, deflation=0)
    assert post.iterations < 0.8 * plain.iterations


def test_auto_takes_it_where_matrices_would_be_large(monkeypatch):
    problem = continued_problem()
    assert bj.posterior(problem).method == "dense"
    monkeypatch.setattr("bayesjoint.engines._choice.DENSE_DATA", 10)
    post = bj.posterior(problem)
    assert post.method == "iterative" and "32 data" in post.reason


REFUSED = {
    "tolerance": (lambda p: IterativePosterior(p, tolerance=1e-2), "tolerance", ValueError),
    "tolerance zero": (lambda p: IterativePosterior(p, tolerance=0.0), "tolerance", ValueError),
    "odd solves": (lambda p: IterativePosterior(p, solves=33), "solves", ValueError),
    "few solves": (lambda p: IterativePosterior(p, solves=4), "solves", ValueError),
    "rank": (lambda p: IterativePosterior(p, rank=-1), "rank", ValueError),
    "bounds": (lambda p: IterativePosterior(make(names=("density",))[0].replace(
        parameters=[make(names=("density",))[0].parameters[0].replace(bounds=(0, 1))])), "problem", ValueError),
}


@pytest.mark.parametrize(("call", "argument", "error"), REFUSED.values(), ids=REFUSED)
def test_refusals(call, argument, error):
    refused(lambda: call(continued_problem()), argument, error)


def test_a_solve_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr("bayesjoint.gaussian._iterative.MAX_ITERATIONS", 2)
    refused(lambda: IterativePosterior(continued_problem()), "the data-space solve")


def test_a_direction_that_nothing_holds_is_refused():
    unseen = bj.Parameter("unseen", 1, prior=None)
    problem = continued_problem()
    refused(lambda: IterativePosterior(problem.replace(parameters=[*problem.parameters, unseen])), "prior")
