"""Logs and samples beside fields of either extent: dense and iterative against every cell of the torus written out."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint.forward import IntervalOperator
from bayesjoint.gaussian import linear_gaussian
from bayesjoint.gaussian._clean_covariance import CleanCovariance

from ..linear import joined
from ..periodic import continued_problem, torus_matrices
from ..refusals import refused

PATHS = {
    "density": ([[250.0, 130.0, 0.0], [250.0, 130.0, -30.0], [420.0, 300.0, -10.0]],
                [[250.0, 130.0, -30.0], [260.0, 150.0, -85.0], [420.0, 300.0, -10.0]]),
    "susceptibility": ([[90.0, 400.0, -5.0], [320.0, 60.0, -20.0]], [[120.0, 380.0, -70.0], [320.0, 60.0, -88.0]]),
}
SPREAD = {"density": 20.0, "susceptibility": 0.004}


def with_logs(problem, properties=("density", "susceptibility"), offset=None):
    rng, surveys = np.random.default_rng(7), []
    for name in properties:
        op = IntervalOperator(problem.by_name[name].mesh, *PATHS[name], kind=name)
        data = SPREAD[name] * rng.standard_normal(op.shape[0]) * 3
        surveys.append(bj.Modality(f"{name}_log", op, data, bj.DiagonalNoise(np.full(data.size, SPREAD[name])), name))
    problem = problem.replace(modalities=[*problem.modalities, *surveys])
    return problem if offset is None else bj.add_bias(problem, f"{properties[0]}_log", "constant", std=offset)


def brute(problem, base, correlation):
    """(A, Γ, visible places of x, noise) of a problem with logs: hidden cells, then offsets."""
    matrix, prior, visible = torus_matrices(base, correlation)
    whole = [matrix]
    for m in problem.modalities[len(base.modalities):]:
        rows, op = np.zeros((m.size, len(prior))), getattr(m.forward, "forward", m.forward)
        first = base.slices[m.parameters[0]].start
        rows[:, visible[first:first + op.shape[1]]] = op.to_dense()
        whole.append(rows)
    matrix = np.vstack(whole)
    for p in problem.parameters[len(base.parameters):]:
        column = np.concatenate([np.ones(m.size) * (p.name in m.parameters) for m in problem.modalities])[:, None]
        matrix = np.hstack([matrix, column])
        visible = np.append(visible, len(prior))
        prior = np.block([[prior, np.zeros((len(prior), 1))],
                          [np.zeros((1, len(prior))), np.array([[p.prior.std[0] ** 2]])]])
    return matrix, prior, visible, np.diag(np.concatenate([m.noise.variance() for m in problem.modalities]))


CASES = {
    "coupled": (0.7, ("density", "susceptibility"), None),
    "independent": (None, ("density", "susceptibility"), None),
    "one log with an offset": (0.7, ("density",), 30.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_logs_beside_continued_fields_are_conditioned_as_with_every_hidden_cell_written_out(case):
    correlation, properties, offset = case
    base = continued_problem(correlation)
    problem = with_logs(base, properties, offset)
    matrix, prior, visible, noise = brute(problem, base, correlation)
    data = np.concatenate([m.data for m in problem.modalities])
    gain = np.linalg.solve(matrix @ prior @ matrix.T + noise, matrix @ prior).T
    mean, covariance = gain @ data, prior - gain @ matrix @ prior
    std, scale = np.sqrt(np.diag(covariance)[visible]), np.sqrt(np.diag(prior)[visible])
    dense, iterative = (bj.posterior(problem, method=m) for m in ("dense", "iterative"))
    for post, within in ((dense, 1e-9), (iterative, 1e-6)):
        assert np.abs((joined(problem, post.mean()) - mean[visible]) / scale).max() < within
        np.testing.assert_allclose(post.predicted_data(), matrix @ mean, rtol=1e-5, atol=1e-6)
    assert np.abs((joined(problem, dense.std()) - std) / scale).max() < 1e-8
    np.testing.assert_allclose(np.concatenate(list(dense.prediction_std().values())),
                               np.sqrt(np.diag(matrix @ covariance @ matrix.T)), rtol=1e-6)
    found = joined(problem, iterative.std())
    error = joined(problem, iterative.std_error())
    assert np.abs(found - std).max() < 1e-6 * scale.max() + 6 * error.max()


def test_products_and_draws_of_logs_are_those_of_one_covariance():
    base = continued_problem()
    problem = with_logs(base)
    matrix, prior, visible, _ = brute(problem, base, 0.7)
    model = linear_gaussian(problem)
    units = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])[:, None]
    signal = matrix @ prior @ matrix.T
    size = np.sqrt(np.diag(signal))
    assert np.abs((CleanCovariance(model).matrix - signal) / np.outer(size, size)).max() < 1e-9
    eye = np.eye(model.data_size)
    gain = model.gain(eye) * units
    scale = np.sqrt(np.diag(prior)[visible])[:, None]
    assert np.abs((gain - (prior @ matrix.T)[visible]) / (scale * size)).max() < 1e-9
    np.testing.assert_allclose(model.gain_adjoint(np.eye(model.size)), model.gain(eye).T, rtol=0,
                               atol=1e-10 * np.abs(model.gain(eye)).max())
    x, data = model.draw(np.random.default_rng(0), 4000)
    logs = np.concatenate([problem.operator(k).matmat(x.T) for k in (2, 3)])
    np.testing.assert_allclose(data[:, model.data_slices[2].start:].T, logs, rtol=1e-12)
    assert np.abs(np.cov(data.T / size[:, None]) - signal / np.outer(size, size)).max() < 0.08


def test_a_part_of_the_surveys_keeps_the_blocks_of_the_whole():
    model = linear_gaussian(with_logs(continued_problem()))
    whole = CleanCovariance(model).matrix
    for names in (("gravity", "susceptibility_log"), ("density_log",), ("magnetic", "gravity"),
                  ("density_log", "susceptibility_log")):
        part, rows = model.part(names)
        np.testing.assert_allclose(CleanCovariance(part).matrix, whole[np.ix_(rows, rows)], rtol=1e-12, atol=1e-12)
        both = np.random.default_rng(1).standard_normal((part.data_size, 2))
        wide = np.zeros((model.data_size, 2))
        wide[rows] = both
        np.testing.assert_allclose(part.gain(both), model.gain(wide), rtol=1e-10, atol=1e-12)


def test_a_log_alone_is_a_problem_of_its_own():
    problem = with_logs(continued_problem())
    alone = bj.posterior(problem).separate()["density_log"]
    ends = problem.separate()["density_log"]
    p = ends.parameters[0]
    mesh = ends.replace(parameters=[p.replace(prior=bj.Matern(std=p.prior.std, range=p.prior.range,
                                                              smoothness=1.5))])
    for a, b in ((alone.mean(), bj.posterior(mesh).mean()), (alone.std(), bj.posterior(mesh).std())):
        np.testing.assert_allclose(a["density"], b["density"], rtol=1e-8, atol=1e-8)
    iterative = bj.posterior(ends, method="iterative")
    np.testing.assert_allclose(iterative.mean()["density"], alone.mean()["density"], rtol=1e-6, atol=1e-6)


def test_what_wants_lattices_refuses_logs():
    problem = with_logs(continued_problem(), ("density",))
    refused(lambda: bj.posterior(problem, method="spectral"), "problem must be seen by lattices only")
    refused(lambda: bj.fit_hyperparameters(problem, method="lanczos"), "problem must be seen by lattices only")


@pytest.mark.parametrize("extent", ["continued", "mesh"])
def test_what_shows_results_takes_logs(extent):
    problem = with_logs(continued_problem(extent=extent), ("density",), 20.0)
    post = bj.posterior(problem)
    tree = post.to_datatree(draws=10, chains=2, separate=post.separate(),
                            diagnostics={"holes": bj.leave_one_hole_out(problem)})
    assert tree["observed_data"]["density_log"].dims == ("density_log_station",)
    assert tree["observed_data"]["density_log"].attrs["units"] == "kg/m3"
    np.testing.assert_allclose(tree["constant_data"]["density_log_upward"], [-15.0, -57.5, -10.0])
    assert bj.plot.data(tree, "density_log", "residual", ax=Figure().add_subplot()).get_title()
    assert set(bj.temper(problem).weights) == {"gravity", "magnetic", "density_log"}
    assert bj.calibrate(problem, n=20).ranks.sizes["simulation"] == 20


def test_logs_under_topography_see_the_ground_that_lattices_see():
    """Beside continued fields with air: Cov(d_log, d) = S Cov(x, d), and what lattices share is as without logs."""
    mesh = bj.Mesh.regular((3, 6, 5), (30.0, 60.0, 50.0)).with_topography(
        ([25.0, 225.0, 25.0, 225.0], [30.0, 30.0, 330.0, 330.0], [-30.0, 0.0, -30.0, 0.0]))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=120.0, extent="continued"))
    op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    log = IntervalOperator(mesh, [[210.0, 200.0, -1.0], [210.0, 200.0, -35.0]], [[210.0, 200.0, -35.0],
                                                                              [205.0, 190.0, -80.0]])
    gravity = bj.Modality("gravity", op, np.zeros((6, 5)), bj.DiagonalNoise(np.full((6, 5), 0.1)), "density")
    hole = bj.Modality("hole", log, [10.0, 20.0], bj.DiagonalNoise([5.0, 5.0]), "density")
    problem = bj.JointProblem([density], [gravity, hole])
    model, unit = linear_gaussian(problem), np.eye(32)
    signal, gain = model.signal(unit), model.gain(unit)
    scale = np.abs(signal).max()
    np.testing.assert_allclose(signal, signal.T, atol=1e-9 * scale)
    np.testing.assert_allclose(signal[30:], 1000.0 * log.to_dense() @ gain, atol=1e-8 * scale)
    alone = linear_gaussian(bj.JointProblem([density], [gravity])).signal(np.eye(30))
    np.testing.assert_allclose(signal[:30, :30], alone, atol=1e-9 * scale)
    np.testing.assert_allclose(model.gain_adjoint(np.eye(problem.size)), gain.T, atol=1e-9 * np.abs(gain).max())
    part, rows = model.part(["hole"])
    np.testing.assert_allclose(part.signal(np.eye(2)), signal[np.ix_(rows, rows)], atol=1e-8 * scale)
    for method in ("dense", "iterative"):
        mean = bj.posterior(problem, method=method).mean()["density"]
        assert np.array_equal(np.isnan(mean), ~mesh.active)
        if method == "dense":
            dense = mean
    np.testing.assert_allclose(mean[mesh.active], dense[mesh.active], atol=1e-4)
