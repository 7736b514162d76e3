"""Surveys one after another against the posterior of all at once, and each step against plain matrix algebra."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chi2, multivariate_normal

import bayesjoint as bj
from bayesjoint.gaussian._unit_fields import UnitFields

from ..linear import joined, make, split
from ..moments import sampling_excess
from ..refusals import refused

CASES = {
    "coupled, biased": {"correlation": 0.6, "bias": True, "mean": True},
    "three surveys, dense noise, exponents": {"names": ("density", "susceptibility", "porosity"), "dense": True,
                                                  "counts": (5, 6, 7), "weights": {"survey_density": 0.5}},
    "shared survey, vector, known cells": {"shared": True, "vector": True, "known": (0, 5, 7), "layered": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_order_gives_the_posterior_of_all_surveys_at_once(case):
    problem, ref = make(**case)
    rng = np.random.default_rng(0)
    names = [m.name for m in problem.modalities]
    v = rng.standard_normal(problem.size)
    for order in permutations(names):
        post = bj.assimilate(problem, list(order))
        np.testing.assert_allclose(joined(problem, post.mean()), ref.mean, rtol=0, atol=1e-8 * ref.scale.max())
        free = ref.free
        np.testing.assert_allclose(joined(problem, post.std())[free], ref.std[free], rtol=1e-8)
        scales = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])
        product = joined(problem, post.covariance_product(split(problem, v / scales)))
        np.testing.assert_allclose(product / scales, ref.covariance @ (v / scales) / scales, rtol=0, atol=1e-8)
        assert float(post.log_evidence()) == pytest.approx(ref.evidence, abs=1e-8)
        assert sum(float(step.log_evidence) for step in post.history) == pytest.approx(ref.evidence, abs=1e-8)
        assert [m.name for m in post.problem.modalities] == list(order)


def test_draws_have_the_batch_moments():
    problem, ref = make(correlation=0.6, vector=True)
    post = bj.assimilate(problem, ["survey_susceptibility", "survey_density"])
    draws = post.sample(draws=3000, chains=1, seed=3)
    flat = np.concatenate([draws[p.name].reshape(3000, -1) for p in problem.parameters], axis=1)
    # the last two principal directions of a survey's null space are hardly smaller than the prior: test all of them
    assert min(sampling_excess(flat / ref.scale, ref.mean / ref.scale,
                               ref.covariance / np.outer(ref.scale, ref.scale))) > 1e-3


def test_each_step_is_the_forecast_of_the_new_data_from_the_old():
    problem, ref = make(names=("density", "susceptibility"), correlation=0.7, shared=True)
    post = bj.assimilate(problem)
    first, second = post.history
    n = problem.modalities[0].size
    covariance = ref.matrix @ ref.prior @ ref.matrix.T + ref.noise
    centre = ref.matrix @ ref.prior_mean
    gain = covariance[n:, :n] @ np.linalg.inv(covariance[:n, :n])
    forecast = centre[n:] + gain @ (ref.data[:n] - centre[:n])
    spread = covariance[n:, n:] - gain @ covariance[:n, n:]
    miss = ref.data[n:] - forecast
    fit = miss @ np.linalg.solve(spread, miss)
    assert float(second.chi2) == pytest.approx(fit, rel=1e-10)
    assert float(second.p_value) == pytest.approx(chi2.sf(fit, miss.size), rel=1e-9)
    assert second.dof == second.data == miss.size
    assert float(second.log_evidence) == pytest.approx(multivariate_normal(forecast, spread).logpdf(ref.data[n:]),
                                                       rel=1e-10)
    bits = 0.5 * np.log2(np.linalg.det(spread) / np.linalg.det(ref.noise[n:, n:]))
    assert float(second.information) == pytest.approx(bits, rel=1e-9)
    total = 0.5 * np.log2(np.linalg.det(covariance) / np.linalg.det(ref.noise))
    assert float(first.information) + float(second.information) == pytest.approx(total, rel=1e-9)
    where = problem.slices["density"]
    left = np.sqrt(np.mean(ref.std[where] ** 2) / np.mean(ref.scale[where] ** 2))
    assert second.std_left["density"] == pytest.approx(left, rel=1e-9)


def test_after_and_then_give_the_posteriors_along_the_way():
    problem, _ = make(names=("density", "susceptibility", "porosity"), correlation=0.4, counts=(5, 6, 7))
    whole = bj.assimilate(problem)
    part = whole.after(2)
    alone = bj.posterior(problem.replace(modalities=problem.modalities[:2]), method="dense")
    again = part.then(problem.modalities[2])
    for name in part.mean():
        np.testing.assert_allclose(part.mean()[name], alone.mean()[name], atol=1e-10 * alone.std()[name].max())
        np.testing.assert_allclose(part.std()[name], alone.std()[name], rtol=1e-10)
        np.testing.assert_array_equal(again.mean()[name], whole.mean()[name])
        np.testing.assert_array_equal(again.std()[name], whole.std()[name])
    assert again.steps == whole.steps
    assert whole.after(3) is whole
    refused(lambda: whole.after(4), "steps")
    refused(lambda: whole.after(0), "steps")


def test_nothing_of_the_old_surveys_is_computed_again(monkeypatch):
    problem, _ = make(names=("density", "susceptibility"), correlation=0.4)
    post = bj.assimilate(problem.replace(modalities=problem.modalities[:1]))
    formed, form = [], UnitFields._formed
    monkeypatch.setattr(UnitFields, "_formed", lambda self, b: formed.append(self.views[b].data_count) or form(self, b))
    monkeypatch.setattr("bayesjoint.gaussian._unit_fields.GAIN_BYTES", 0.0)  # nothing is left to the problem's cache
    whole = post.then(problem.modalities[1])
    assert formed == [6]
    whole.after(1)
    assert formed == [6]


def test_surveys_in_a_tuple_are_one_step():
    problem, ref = make(names=("density", "susceptibility", "porosity"), counts=(5, 6, 7))
    names = [m.name for m in problem.modalities]
    post = bj.assimilate(problem, [names[1], (names[2], names[0])])
    assert [step.data for step in post.history] == [6, 12]
    assert [step.surveys for step in post.history] == [(names[1],), (names[2], names[0])]
    np.testing.assert_allclose(joined(problem, post.mean()), ref.mean, atol=1e-8 * ref.scale.max())


def test_innovations_of_a_right_model_are_chi_squared():
    level = bj.Parameter("level", 3, prior=bj.GaussianPrior(0.0, 4.0))
    rng = np.random.default_rng(20261122)
    rows = [rng.standard_normal((4, 3)), rng.standard_normal((5, 3))]
    values = []
    for _ in range(300):
        truth = 2 * rng.standard_normal(3)
        surveys = [bj.Modality(f"s{k}", a, a @ truth + rng.standard_normal(len(a)), bj.DiagonalNoise(np.ones(len(a))),
                               "level") for k, a in enumerate(rows)]
        values.append([float(step.p_value) for step in bj.assimilate(bj.JointProblem([level], surveys)).history])
    values = np.array(values)
    from scipy.stats import kstest
    assert min(kstest(values[:, k], "uniform").pvalue for k in (0, 1)) > 1e-3
    assert abs(np.corrcoef(values.T)[0, 1]) < 4 / np.sqrt(300)


def flat_problem():
    mesh = bj.Mesh.regular((1, 3, 3), (50, 100, 100))
    field = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    datum = bj.Parameter("datum", 2)
    rng = np.random.default_rng(5)
    one = bj.Modality("one", rng.standard_normal((6, 11)) / 30, rng.standard_normal(6), bj.DiagonalNoise(np.ones(6)),
                      ("density", "datum"))
    two = bj.Modality("two", rng.standard_normal((4, 11)) / 30, rng.standard_normal(4), bj.DiagonalNoise(np.ones(4)),
                      ("density", "datum"))
    three = bj.Modality("three", rng.standard_normal((3, 9)) / 30, rng.standard_normal(3), bj.DiagonalNoise(np.ones(3)),
                        "density")
    return bj.JointProblem([field, datum], [one, two, three])


@pytest.mark.parametrize("order", [("one", "two", "three"), ("two", "three", "one")])
def test_flat_priors_that_the_first_survey_determines(order):
    problem = flat_problem()
    batch, post = bj.posterior(problem, method="dense"), bj.assimilate(problem, list(order))
    for name in ("density", "datum"):
        np.testing.assert_allclose(post.mean()[name], batch.mean()[name], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(post.std()[name], batch.std()[name], rtol=1e-8)
    first, second, third = post.history
    assert first.dof == first.data - 2
    assert np.isinf(float(first.information))
    assert np.isnan(float(first.log_evidence))
    assert np.isnan(first.std_left["datum"])
    # the later steps are those of a prior so broad that it says nothing
    broad = [problem.by_name["density"], bj.Parameter("datum", 2, prior=bj.GaussianPrior(0.0, 1e10))]
    near = bj.assimilate(problem.replace(parameters=broad), list(order)).history
    for a, b in ((second, near[1]), (third, near[2])):
        assert float(a.chi2) == pytest.approx(float(b.chi2), rel=1e-5)
        assert float(a.information) == pytest.approx(float(b.information), rel=1e-5)
        assert float(a.log_evidence) == pytest.approx(float(b.log_evidence), rel=1e-5)
        assert a.std_left["density"] == pytest.approx(b.std_left["density"], rel=1e-5)
    assert float(first.chi2) == pytest.approx(float(near[0].chi2), rel=1e-5)


@pytest.mark.parametrize("method", ["exact", "ensemble"])
def test_what_is_printed_under_a_flat_prior_has_no_infinities(method):
    """Two numbers, one unknown: nothing was known before, so that no bits were gained, and the std is one in km."""
    surveys = [bj.Modality(name, [[1.0]], [1.0], bj.DiagonalNoise([s]), "h") for name, s in (("a", 3.0), ("b", 4.0))]
    settings = {"members": 4000} if method == "ensemble" else {}
    post = bj.assimilate(bj.JointProblem([bj.Parameter("h", 1, units="km")], surveys), method=method, **settings)
    first, second = str(post.history).split("\n")
    assert not any(word in str(post.history) for word in ("inf ", "nan"))
    assert "flat prior: no bits" in first and "nothing to test" in first and "flat prior" not in second
    for step, wanted in zip(post.history, (3.0, 2.4), strict=True):  # 2.4 = (1/9 + 1/16)^−½
        value, units = step.std["h"]
        assert units == "km" and value == pytest.approx(wanted, rel=4 * step.std_left_error + 1e-12)
        assert f"std: h {value:.3g} km" in str(step)
    assert repr(post).startswith(f"{type(post).__name__} of h (1 value) after a then b (2 data)")


def test_flat_priors_that_the_first_survey_leaves_open_are_refused():
    text = refused(lambda: bj.assimilate(flat_problem(), ["three", "one", "two"]), "order")
    assert "three, which do not determine datum" in text


def test_errors_correlated_across_surveys_are_carried_in_the_state():
    """Noise R + Σ with Σ between the surveys too: its part that is common to both is one more unknown."""
    rng = np.random.default_rng(7)
    level = bj.Parameter("level", 3, prior=bj.GaussianPrior(0.0, 4.0))
    rows = [rng.standard_normal((4, 3)), rng.standard_normal((5, 3))]
    surveys = [bj.Modality(f"s{k}", a, 3 * rng.standard_normal(len(a)), bj.DiagonalNoise(np.full(len(a), 0.5)), "level")
               for k, a in enumerate(rows)]
    root = rng.standard_normal((9, 9))
    common = root @ root.T / 9 + 0.1 * np.eye(9)
    problem = bj.add_discrepancy(bj.JointProblem([level], surveys), common)
    a, d = np.vstack(rows), np.concatenate([m.data for m in surveys])
    covariance = 4 * a @ a.T + common + 0.25 * np.eye(9)
    gain = np.linalg.solve(covariance, 4 * a).T
    spread = 4 * np.eye(3) - gain @ (4 * a)
    for order in (["s0", "s1"], ["s1", "s0"], [("s1", "s0")]):
        post = bj.assimilate(problem, order)
        np.testing.assert_allclose(post.mean()["level"], gain @ d, atol=1e-8)
        np.testing.assert_allclose(post.std()["level"], np.sqrt(np.diag(spread)), rtol=1e-8)
        assert float(post.log_evidence()) == pytest.approx(multivariate_normal(np.zeros(9), covariance).logpdf(d),
                                                           abs=1e-8)


def test_bad_orders_are_refused():
    problem, _ = make()
    for order in (["survey_density"], ["survey_density", "survey_density"], ["survey_density", "x"],
                  [("survey_density", "survey_susceptibility"), ()]):
        refused(lambda order=order: bj.assimilate(problem, order), "order")
    refused(lambda: bj.assimilate(problem, "survey_density"), "order", TypeError)
    refused(lambda: bj.assimilate([1], None), "problem", TypeError)
    bounded = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1.0), bounds=(0, None))
    line = bj.Modality("line", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "level")
    refused(lambda: bj.assimilate(bj.JointProblem([bounded], [line])), "problem")


def test_the_history_goes_into_the_dataset():
    problem, _ = make()
    post = bj.assimilate(problem)
    group = post.to_datatree(draws=3, chains=1)["assimilation"]
    assert list(group["step"].values) == ["survey_density", "survey_susceptibility"]
    assert group["information"].values == pytest.approx([float(s.information) for s in post.history])
    assert group["chi2_error"].max() < 1e-9
    assert any("one after another" in a.statement for a in post.approximations)


def test_continued_fields_share_one_torus():
    mesh = bj.Mesh.regular((2, 4, 5), (100, 100, 100))
    rng = np.random.default_rng(2)
    field = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0, extent="continued"))
    surveys = []
    for name, height in (("ground", 0.0), ("air", 150.0)):
        operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        surveys.append(bj.Modality(name, operator, rng.standard_normal((4, 5)), bj.DiagonalNoise(np.full((4, 5), 0.3)),
                                   "density"))
    problem = bj.JointProblem([field], surveys)
    batch, post = bj.posterior(problem, method="dense"), bj.assimilate(problem, ["air", "ground"])
    np.testing.assert_allclose(post.mean()["density"], batch.mean()["density"], atol=1e-8 * 100)
    np.testing.assert_allclose(post.std()["density"], batch.std()["density"], rtol=1e-8)
    assert float(post.log_evidence()) == pytest.approx(float(batch.log_evidence()), abs=1e-8)
