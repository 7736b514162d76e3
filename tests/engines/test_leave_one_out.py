"""Exact leave-one-out against brute force: the datum conditioned on all others, and refits without it."""

import inspect

import arviz as az
import arviz_stats
import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj

from ..linear import covariance_of, make


def left_out(mean, covariance, data):
    """(mean, std) of every datum given all others by conditioning, one solve a datum."""
    out = []
    for i in range(data.size):
        rest = np.delete(np.arange(data.size), i)
        weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, i])
        out.append((mean[i] + weights @ (data - mean)[rest], covariance[i, i] - weights @ covariance[rest, i]))
    means, variances = np.array(out).T
    return means, np.sqrt(variances)


# Data here are made up, and not like their priors.
pytestmark = pytest.mark.filterwarnings("ignore:.* data stand out")

CASES = {
    "independent": {}, "correlated noise": {"dense": True}, "coregionalization": {"correlation": 0.6},
    "exponents": {"weights": {"survey_density": 0.5, "survey_susceptibility": 2.0}},
    "correlated noise, exponents": {"dense": True, "weights": {"survey_density": 0.25}},
    "a bias, a vector, known cells": {"bias": True, "vector": True, "known": (0, 5), "mean": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_datum_is_predicted_as_by_conditioning(case):
    problem, ref = make(**case)
    pick = np.eye(ref.prior_mean.size)[ref.known]
    rows = np.vstack([pick, ref.matrix])
    covariance = rows @ ref.prior @ rows.T
    covariance[ref.known.size:, ref.known.size:] += ref.noise
    mean, std = left_out(rows @ ref.prior_mean, covariance, np.concatenate([ref.known_values, ref.data]))
    mean, std = mean[ref.known.size:], std[ref.known.size:]
    found = bj.posterior(problem).loo()
    np.testing.assert_allclose(found["loo_mean"], mean, rtol=0, atol=1e-9 * std.max())
    np.testing.assert_allclose(found["loo_std"], std, rtol=1e-9)
    np.testing.assert_allclose(found["loo_i"], norm.logpdf(ref.data, mean, std), rtol=1e-9)
    assert found["elpd_loo"] == pytest.approx(norm.logpdf(ref.data, mean, std).sum(), rel=1e-10)
    assert found["loo_i"]["survey"].values.tolist() == [m.name for m in problem.modalities for _ in range(m.size)]


def test_refits_without_a_datum_and_flat_values():
    """A straight line with a flat prior on both coefficients beside a proper one, refitted without each datum."""
    rng = np.random.default_rng(3)
    x = np.linspace(-1, 1, 7)
    rows = np.column_stack([np.ones(7), x, np.sin(4 * x)])
    data, std = rng.standard_normal(7), rng.uniform(0.5, 1.5, 7)
    line, wave = bj.Parameter("line", 2, prior=None), bj.Parameter("wave", 1, prior=bj.GaussianPrior(0.0, 4.0))

    def fit(kept):
        noise = bj.DiagonalNoise(std[kept])
        survey = bj.Modality("s", rows[kept], data[kept], noise, ("line", "wave"))
        return bj.posterior(bj.JointProblem([line, wave], [survey]))

    expected = []
    for i in range(7):
        post = fit(np.arange(7) != i)
        mean = np.concatenate([post.mean()["line"], post.mean()["wave"]])
        moved = post.covariance_product({"line": rows[i, :2], "wave": rows[i, 2:]})
        variance = rows[i] @ np.concatenate([moved["line"], moved["wave"]]) + std[i] ** 2
        expected.append(norm.logpdf(data[i], rows[i] @ mean, np.sqrt(variance)))
    np.testing.assert_allclose(fit(np.arange(7)).loo()["loo_i"], expected, rtol=1e-9)


def test_engines_that_are_not_dense_give_the_same():
    problem, _ = make(correlation=0.6)
    expected = bj.posterior(problem, method="dense").loo()["loo_i"]
    for method in ("iterative", "lowrank"):
        np.testing.assert_allclose(bj.posterior(problem, method=method).loo()["loo_i"], expected, rtol=1e-10)


def test_continued_fields_by_any_engine_and_survey_after_survey():
    rng = np.random.default_rng(0)
    mesh = bj.Mesh.regular((2, 5, 5), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0, extent="continued"))
    surveys = [bj.Survey("gravity", rng.standard_normal((5, 5)), mesh.easting, mesh.northing, h, std=0.1, name=name)
               for name, h in (("low", 20.0), ("high", 90.0))]
    problem = bj.JointProblem([density], [s.modality(density) for s in surveys])
    expected = bj.posterior(problem, method="dense").loo()["loo_i"].values
    for post in (bj.posterior(problem, method="spectral"), bj.posterior(problem, method="iterative"),
                 bj.assimilate(problem), bj.assimilate(problem, order=["high", "low"])):
        found = post.loo(["low", "high"])["loo_i"]
        assert found["survey"].values.tolist() == ["high"] * 25 + ["low"] * 25
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_some_surveys_are_scored_given_all():
    post = bj.posterior(make(correlation=0.6, dense=True)[0])
    whole, names = post.loo(), [m.name for m in post.problem.modalities]
    parts = [post.loo(name)["loo_i"] for name in names]
    np.testing.assert_array_equal(np.concatenate(parts), whole["loo_i"])
    np.testing.assert_array_equal(bj.loo(post, names[::-1])["loo_i"], whole["loo_i"])
    assert parts[1]["survey"].values.tolist() == [names[1]] * 6
    assert parts[1]["station"].values.tolist() == list(range(6))


def test_two_orders_of_the_surveys_are_compared_datum_by_datum():
    problem, _ = make(correlation=0.6)
    turned = bj.JointProblem(problem.parameters, problem.modalities[::-1], problem.couplings)
    one, other = (bj.posterior(p).loo()["loo_i"] for p in (problem, turned))
    assert one["survey"].values.tolist() == other["survey"].values.tolist()
    np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, used by ArviZ 0.23
def test_arviz_compares_joint_with_separate():
    problem, _ = make(correlation=0.9)
    joint, alone = bj.posterior(problem), bj.posterior(problem.separate()["survey_density"])
    found = {"joint": joint.loo("survey_density"), "separate": alone.loo("survey_density")}
    whole = {"round_to": "none"}  # where tables are rounded, as they are since version 1
    table = az.compare(found, **(whole if "round_to" in inspect.signature(az.compare).parameters else {}))
    for name, one in found.items():
        column = "elpd_loo" if "elpd_loo" in table else "elpd"  # before ArviZ 1, and since
        assert table.loc[name, column] == pytest.approx(one["elpd_loo"], abs=1e-12)
    assert table["weight"].sum() == pytest.approx(1)
    modern = arviz_stats.compare({"joint": joint.loo("survey_density", library="arviz_stats"),
                                  "separate": alone.loo("survey_density", library="arviz_stats")},
                                 **(whole if "round_to" in inspect.signature(arviz_stats.compare).parameters else {}))
    assert modern.loc["joint", "elpd"] == pytest.approx(found["joint"]["elpd_loo"], abs=1e-12)


def test_it_is_what_importance_sampling_tends_to():
    """On a regression with far more data than unknowns, PSIS of many draws, its effective parameters included."""
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((60, 4))
    data = rows @ rng.standard_normal(4) + 1.5 * rng.standard_normal(60)
    p = bj.Parameter("m", 4, prior=bj.GaussianPrior(0.0, 4.0))
    post = bj.posterior(bj.JointProblem([p], [bj.Modality("line", rows, data, bj.DiagonalNoise([1.5] * 60), "m")]))
    sampled = arviz_stats.loo(post.to_datatree(draws=2000, chains=4), var_name="line", pointwise=True)
    exact = post.loo(library="arviz_stats")
    assert exact.elpd == pytest.approx(sampled.elpd, abs=0.3)
    assert exact.p == pytest.approx(sampled.p, abs=0.3)
    assert exact.se == pytest.approx(sampled.se, abs=0.2)
    np.testing.assert_allclose(exact.elpd_i, sampled.elpd_i, atol=0.1)


def test_effective_parameters_of_correlated_noise():
    """Of p(d_i | model, other data), whose noise is conditional: against many draws of the model."""
    problem, ref = make(dense=True)
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(ref.mean, ref.covariance + 1e-12 * np.eye(ref.mean.size), 200_000)
    residual = ref.data - draws @ ref.matrix.T
    precision = np.linalg.inv(ref.noise)
    log_p = norm.logpdf(residual @ precision / np.diag(precision), 0, np.diag(precision) ** -0.5)
    seen = np.log(np.mean(np.exp(log_p), axis=0)).sum()
    found = bj.posterior(problem).loo()
    assert found["p_loo"] + found["elpd_loo"] == pytest.approx(seen, abs=0.02)


def test_what_it_says():
    text = str(bj.posterior(make()[0]).loo())
    assert text.startswith("Exact leave-one-out of 11 data of survey_density, survey_susceptibility, no draws.")
    assert "elpd_loo" in text
    assert str(bj.posterior(make()[0]).loo(library="arviz_stats")) == text


def test_refusals(tmp_path):
    problem, _ = make()
    post = bj.posterior(problem)
    with pytest.raises(ValueError, match=r"surveys must be one of 'survey_density', .*; found 'x'"):
        post.loo("x")
    with pytest.raises(ValueError, match="surveys must name each survey once"):
        post.loo([])
    with pytest.raises(ValueError, match="library must be one of 'arviz', 'arviz_stats'"):
        post.loo(library="pymc")
    with pytest.raises(ValueError, match="dataset must hold the covariance of the data"):
        bj.load(post.to_datatree(draws=10, chains=2)).loo()
    laplace = bj.posterior(problem, method="laplace", at=bj.find_map(problem))
    with pytest.raises(ValueError, match="Gaussian posterior for an exact leave-one-out; found 'laplace'"):
        laplace.loo()


def test_a_datum_that_alone_holds_a_flat_value():
    offset = bj.Parameter("offset", 2, prior=None)
    survey = bj.Modality("s", [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 2.0, 3.0], bj.DiagonalNoise([1.0] * 3),
                         "offset")
    with pytest.raises(ValueError, match="found datum 2 of 's', which alone holds one"):
        bj.posterior(bj.JointProblem([offset], [survey])).loo()


def test_continued_fields_and_a_recalibrated_posterior():
    """Cells beyond the mesh are in the covariance of the data: against the inverse of the dense engine's own."""
    rng = np.random.default_rng(0)
    mesh = bj.Mesh.regular((2, 5, 5), (100.0, 100.0, 100.0))
    survey = bj.Survey("gravity", rng.standard_normal((5, 5)), mesh.easting, mesh.northing, 20.0, std=0.1)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0, extent="continued"))
    post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]), method="dense")
    precision = np.linalg.inv(post.system.covariance * 0.01)
    variance = 1 / np.diag(precision)
    expected = norm.logpdf(precision @ survey.data.ravel() * variance, 0, np.sqrt(variance))
    np.testing.assert_allclose(post.loo()["loo_i"], expected, rtol=1e-8)
    family = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(200.0)}, number=2, size=200.0)])
    sound = bj.recalibrate(post, family, worlds=60, sensitivity=None)
    np.testing.assert_array_equal(sound.loo()["loo_i"], post.loo()["loo_i"])


def test_correlated_noise_is_not_the_same_as_whitened_rows():
    """A score of whitened rows would be of no datum: with strong correlation the two differ."""
    rng = np.random.default_rng(1)
    covariance = covariance_of(6, rng, 1.0)
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 1.0))
    rows, data = rng.standard_normal((6, 1)), rng.standard_normal(6)
    post = bj.posterior(bj.JointProblem([m], [bj.Modality("s", rows, data, bj.DenseNoise(covariance), "m")]))
    _, std = left_out(np.zeros(6), rows @ rows.T + covariance, data)
    white = 1 / np.sqrt(post.system.precision_diagonal())
    np.testing.assert_allclose(post.loo()["loo_std"], std, rtol=1e-10)
    assert np.abs(white / std - 1).max() > 0.05
