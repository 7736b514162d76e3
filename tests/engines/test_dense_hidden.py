"""The dense posterior where cells are hidden and where priors are flat, against plain matrix algebra."""

import numpy as np
import pytest

import bayesjoint as bj

from ..linear import joined, make
from ..periodic import continued_problem, torus_matrices
from ..refusals import refused

HIDDEN = {
    "coupled": {},
    "independent": {"correlation": None},
    "gaps, unequal noise": {"mask": (np.arange(12).reshape(3, 4) % 5 > 0, None), "noise": 0.5},
    "bias": {"bias": True},
}


@pytest.mark.parametrize("options", HIDDEN.values(), ids=HIDDEN)
def test_continued_fields_are_conditioned_with_all_their_hidden_cells(options):
    problem = continued_problem(**options)
    matrix, prior, visible = torus_matrices(problem, options.get("correlation", 0.7))
    count = len(matrix)
    if options.get("bias"):
        basis = np.zeros((count, 3))
        basis[:12] = problem.modalities[0].terms[0].columns
        matrix, visible = np.hstack([matrix, basis]), np.concatenate([visible, len(prior) + np.arange(3)])
        prior = np.block([[prior, np.zeros((len(prior), 3))], [np.zeros((3, len(prior))), np.diag([0.25, 0.04, 0.04])]])
    noise = np.diag(np.concatenate([m.noise.variance() for m in problem.modalities]))
    gain = np.linalg.solve(matrix @ prior @ matrix.T + noise, matrix @ prior).T
    mean = gain @ np.concatenate([m.data for m in problem.modalities])
    covariance = prior - gain @ matrix @ prior
    post = bj.posterior(problem, method="dense")
    std = np.sqrt(np.diag(prior)[visible])
    assert np.abs((joined(problem, post.mean()) - mean[visible]) / std).max() < 1e-9
    assert np.abs((joined(problem, post.std()) ** 2 - np.diag(covariance)[visible]) / std**2).max() < 1e-9
    predicted = np.concatenate(list(post.prediction_std().values()))
    np.testing.assert_allclose(predicted, np.sqrt(np.diag(matrix @ covariance @ matrix.T)), rtol=1e-6)
    np.testing.assert_allclose(post.predicted_data(), matrix @ mean, rtol=1e-7, atol=1e-7)
    data = np.random.default_rng(0).standard_normal((count, 2))
    units = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])[:, None]
    change = (units * post.mean_response(data) - (gain @ data)[visible]) / std[:, None]
    assert np.abs(change).max() < 1e-9 * np.abs(gain[visible] / std[:, None]).sum(axis=1).max()
    x = np.random.default_rng(1).standard_normal((problem.size, 2))
    np.testing.assert_allclose(np.sum(post.mean_response(data) * x), np.sum(post.mean_response_adjoint(x) * data),
                               rtol=1e-9)
    for name, alone in problem.separate().items():
        fresh = bj.posterior(alone, method="dense")
        np.testing.assert_allclose(joined(alone, post.separate()[name].std()), joined(alone, fresh.std()), rtol=1e-9)


def test_continued_fields_differ_from_those_that_end_and_say_so():
    post, other = bj.posterior(continued_problem()), bj.posterior(continued_problem(extent="mesh"))
    ratio = post.std()["density"] / other.std()["density"]
    assert ratio.mean() > 1.02 and ratio.max() > 1.2  # hidden cells explain data, so that more is left to doubt
    statement = next(a for a in post.approximations if a.status == "measured")
    assert "columns" in statement.statement and 0 < statement.error < 0.05


def test_draws_with_hidden_cells_fit_the_data():
    post = bj.posterior(continued_problem())
    x, clean = post.joint_draws(np.random.default_rng(0), 3000)
    spread = np.concatenate(list(post.prediction_std().values()))
    np.testing.assert_allclose(clean.std(axis=0) / spread, 1.0, atol=0.08)
    np.testing.assert_allclose((clean.mean(axis=0) - post.predicted_data()) / spread, 0.0, atol=0.1)
    np.testing.assert_allclose(x.std(axis=0) / np.sqrt(post.state_variance()), 1.0, atol=0.08)
    tree = post.to_datatree(draws=5, chains=2, separate=post.separate())
    fit = [m.noise.whiten(m.data - post.predicted_data()[where]) for m, where in zip(
        post.problem.modalities, post.problem.data_slices.values(), strict=True)]
    found = [float(tree["predictive_summary"][f"{m.name}_chi2"]) for m in post.problem.modalities]
    np.testing.assert_allclose(found, [np.sum(f**2) for f in fit])


def flat_problem(**options):
    """A problem with a datum of flat prior, and the same with priors so broad that they say nothing."""
    problem, _ = make(vector=True, **options)

    def datum(prior):
        return problem.replace(parameters=[p.replace(prior=prior) if p.name == "datum" else p
                                           for p in problem.parameters])  # fmt: skip

    return datum(None), datum(bj.GaussianPrior(0.0, 1e12))


@pytest.mark.parametrize("options", [{}, {"correlation": 0.7, "dense": True}, {"bias": True, "weights": {
    "survey_susceptibility": 0.3}}])
def test_a_flat_prior_is_the_limit_of_a_broad_one(options):
    problem, broad = flat_problem(**options)
    post, near = bj.posterior(problem, method="dense"), bj.posterior(broad, method="dense")
    for key in ("mean", "std"):
        for name, values in getattr(near, key)().items():
            np.testing.assert_allclose(getattr(post, key)()[name], values, rtol=2e-4, atol=1e-6)
    v = {p.name: np.random.default_rng(0).standard_normal(p.shape) for p in problem.parameters}
    for name, values in near.covariance_product(v).items():
        found = post.covariance_product(v)[name]
        np.testing.assert_allclose(found, values, rtol=2e-3, atol=1e-3 * np.abs(values).max())
    spread, wanted = post.prediction_std(), near.prediction_std()
    for name, values in wanted.items():
        np.testing.assert_allclose(spread[name], values, rtol=1e-3)
    assert np.all(np.isinf(post.prior_std()["datum"]))
    draws = post.sample(2000, 1, seed=2)["datum"][0]
    np.testing.assert_allclose(draws.std(axis=0) / post.std()["datum"], 1.0, atol=0.08)
    np.testing.assert_allclose((draws.mean(axis=0) - post.mean()["datum"]) / post.std()["datum"], 0.0, atol=0.1)
    assert post.to_datatree(draws=3, chains=1)["posterior_summary"]["datum_std"].size == 2
    refused(post.log_evidence, "prior")


def test_generalised_least_squares_in_closed_form():
    """One flat offset and nothing else: the weighted mean and its standard error."""
    offset = bj.Parameter("offset", 1, prior=None)
    line = bj.Modality("line", np.ones((3, 1)), [1.0, 2.0, 6.0], bj.DiagonalNoise([1.0, 1.0, 2.0]), "offset")
    post = bj.posterior(bj.JointProblem([offset], [line]), method="dense")
    assert post.mean()["offset"][0] == pytest.approx(4.5 / 2.25)
    assert post.std()["offset"][0] == pytest.approx(2.25**-0.5)


def test_a_direction_that_nothing_holds_is_named():
    pair = bj.Parameter("pair", 2, prior=None)
    line = bj.Modality("line", [[1.0, 1.0], [2.0, 2.0]], [1.0, 2.0], bj.DiagonalNoise([1.0, 1.0]), "pair")
    text = refused(lambda: bj.posterior(bj.JointProblem([pair], [line]), method="dense"), "prior")
    assert "pair[0]" in text and "pair[1]" in text
    unseen = bj.Parameter("unseen", 1, prior=None)
    seen = bj.Parameter("seen", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "seen")
    text = refused(lambda: bj.posterior(bj.JointProblem([seen, unseen], [line]), method="dense"), "prior")
    assert "unseen[0]" in text
