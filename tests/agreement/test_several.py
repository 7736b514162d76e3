"""Conflict matrices, Bayes ratios and suspiciousness against closed forms, evidences and simulation."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2, kstest

import bayesjoint as bj
from bayesjoint.agreement._conflict_matrix import _forms, conflict_matrix, suspicion
from bayesjoint.agreement._multiple_testing import holm
from bayesjoint.agreement._pair import make_pair

from ..refusals import refused
from .overlapping import overlapping
from .pairs import scalars

PAIR = ("ground", "air")


def of(made, seed=0):
    return SimpleNamespace(**suspicion(made, made.spectrum(), made.statistics(), seed))


def evidence(problem, *names):
    kept = [m for m in problem.modalities if m.name in names]
    return float(bj.posterior(problem.replace(modalities=kept), method="dense").log_evidence())


def information(problem, *names):
    """Kullback–Leibler divergence of the posterior from the prior, from their moments."""
    post = bj.posterior(problem.replace(modalities=[m for m in problem.modalities if m.name in names]), method="dense")
    n = problem.size
    prior = post.prior_state_product(np.eye(n))
    covariance = post.state_product(np.eye(n))
    off = post.state_mean() - post.prior_state_mean()
    inverse = np.linalg.inv(prior)
    logdet = np.linalg.slogdet(prior)[1] - np.linalg.slogdet(covariance)[1]
    return 0.5 * (np.trace(inverse @ covariance) - n + off @ inverse @ off + logdet)


@pytest.mark.parametrize("two", [False, True])
def test_both_are_made_of_evidences_and_information(two):
    problem = overlapping(two, shape=(2, 6, 7), gaps=False, extent="mesh", disturb=lambda m: 0.2)
    found = of(make_pair(problem, PAIR))
    both, one, other = (evidence(problem, *names) for names in (PAIR, PAIR[:1], PAIR[1:]))
    np.testing.assert_allclose(found.log_bayes_ratio, both - one - other, rtol=1e-7, atol=1e-6)
    gained = [information(problem, *names) for names in (PAIR[:1], PAIR[1:], PAIR)]
    np.testing.assert_allclose(found.log_suspiciousness, found.log_bayes_ratio - (gained[0] + gained[1] - gained[2]),
                               rtol=1e-5, atol=1e-4)


def test_suspiciousness_knows_no_prior_volume_and_has_the_closed_form_of_scalars():
    rows = {"a": (1.0, 0.5), "b": (3.0, 1.0)}
    flat = of(make_pair(scalars(rows), ("a", "b")))
    squared = 4.0 / 1.25
    assert np.isnan(flat.log_bayes_ratio)
    np.testing.assert_allclose([flat.dimensionality, flat.log_suspiciousness], [1.0, 0.5 - 0.5 * squared])
    found = [flat.suspiciousness_p_value, flat.suspiciousness_gaussian_p_value]
    np.testing.assert_allclose(found, chi2.sf(squared, 1), rtol=1e-9)
    ratios, suspicions = [], []
    for width in (1e2, 1e4):
        found = of(make_pair(scalars(rows, bj.GaussianPrior(2.0, width**2)), ("a", "b")))
        ratios.append(found.log_bayes_ratio)
        suspicions.append(found.log_suspiciousness)
    np.testing.assert_allclose(ratios[1] - ratios[0], np.log(100), rtol=1e-3)
    np.testing.assert_allclose(suspicions, flat.log_suspiciousness, rtol=1e-3)


def test_words_say_when_they_differ():
    rows = {"a": (0.0, 1.0), "b": (4.0, 1.0)}
    wide = of(make_pair(scalars(rows, bj.GaussianPrior(0.0, 1e8)), ("a", "b")))
    assert wide.log_bayes_ratio > 3 and wide.suspiciousness_p_value < 0.01 and "yet R favours one model" in wide.words
    same = of(make_pair(scalars({"a": (0.0, 1.0), "b": (0.1, 1.0)}, bj.GaussianPrior(0.0, 1e8)), ("a", "b")))
    assert same.words == "S finds nothing unusual, and R says the same"
    narrow = of(make_pair(scalars({"a": (0.0, 1.0), "b": (0.1, 1.0)}, bj.GaussianPrior(0.0, 1e-2)), ("a", "b")))
    assert "R is indifferent" in narrow.words


@pytest.mark.parametrize("two", [False, True])
def test_the_null_of_suspiciousness_is_uniform(two):
    made = make_pair(overlapping(two, shape=(2, 7, 8)), PAIR)
    from bayesjoint.agreement._conflict_matrix import _weights
    from bayesjoint.agreement._weighted_chi2 import WeightedChi2

    null, drawn = WeightedChi2(_weights(made)), _forms(made, made.both.draw(np.random.default_rng(5), 400))
    p = null.tail(drawn)[0]
    assert kstest(p, "uniform").pvalue > 5e-3
    assert kstest(null.tail(1.3 * drawn)[0], "uniform").pvalue < 5e-3
    assert null.mean == pytest.approx(of(made).dimensionality)


def test_iterative_figures_are_the_dense_ones_within_their_errors():
    problem = overlapping(shape=(2, 9, 10), gaps=False)
    dense, found = of(make_pair(problem, PAIR)), of(make_pair(problem, PAIR, "iterative"), 3)
    assert abs(found.log_suspiciousness - dense.log_suspiciousness) < 4 * found.log_suspiciousness_error
    assert abs(found.dimensionality - dense.dimensionality) < 4 * found.dimensionality_error
    off = abs(found.suspiciousness_p_value - dense.suspiciousness_p_value)
    assert off < 4 * found.suspiciousness_p_value_error + 0.05
    assert found.dimensionality_error > 0 and dense.dimensionality_error == 0


def test_a_matrix_holds_what_the_tests_of_each_pair_say():
    problem = scalars({"a": (0.0, 1.0), "b": (0.5, 1.0), "c": (9.0, 1.0)}, bj.GaussianPrior(0.0, 100.0))
    found = conflict_matrix(problem)
    family = []
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
        test, splits = bj.likelihood_ratio_test(problem, (one, other)), bj.node_split(problem, (one, other))
        cell = {"survey": other, "other": one}
        np.testing.assert_allclose(found.ratio_p_value.sel(cell), test.p_value, rtol=1e-9)
        np.testing.assert_allclose(found.split_p_value.sel(cell), splits[0].p_value, rtol=1e-9)
        np.testing.assert_allclose(found.split_p_value.sel(survey=one, other=other), splits[1].p_value, rtol=1e-9)
        family += [test.p_value, splits[1].p_value, splits[0].p_value]
    for name in "abc":
        rest = tuple(n for n in "abc" if n != name)
        test, splits = bj.likelihood_ratio_test(problem, (name, rest)), bj.node_split(problem, (name, rest))
        np.testing.assert_allclose(found.rest_ratio_p_value.sel(survey=name), test.p_value, rtol=1e-9)
        family += [test.p_value, splits[1].p_value]
    adjusted = holm(family)
    assert adjusted.size == 15
    np.testing.assert_allclose(found.ratio_p_holm.sel(survey="a", other="c"), adjusted[3], rtol=1e-9)
    np.testing.assert_allclose(found.rest_split_p_holm.sel(survey="c"), adjusted[14], rtol=1e-9)
    assert "a and c disagree" in found.attrs["verdict"] and "a and b" not in found.attrs["verdict"]
    assert np.isnan(found.ratio_p_value.sel(survey="a", other="a"))


def test_splits_carry_the_error_of_their_statistics():
    problem = overlapping(shape=(2, 9, 10), gaps=False)
    third = problem.modalities[1].replace(name="third")
    problem = problem.replace(modalities=[*problem.modalities, third])
    dense, found = (conflict_matrix(problem, method=m) for m in ("dense", "iterative"))
    for name in ("split_p_value", "rest_split_p_value"):
        error, off = found[f"{name}_error"].values, np.abs(found[name] - dense[name]).values
        told = np.isfinite(dense[name].values)
        assert np.all(error[told] > 0) and np.all(off[told] <= error[told] + dense[f"{name}_error"].values[told])
        assert np.all(dense[f"{name}_error"].values[told] < 1e-10)
    for test, cell in zip(bj.node_split(problem, PAIR, "iterative"), (PAIR[::-1], PAIR), strict=True):
        np.testing.assert_allclose(found.split_p_value_error.sel(survey=cell[0], other=cell[1]), test.p_value_error,
                                   rtol=0.01)


def test_two_surveys_have_no_rest_and_calm_says_so():
    found = conflict_matrix(overlapping(shape=(2, 6, 7)))
    assert not [v for v in found.data_vars if v.startswith("rest_")]
    assert found.attrs["verdict"].startswith("No pair of 2 surveys disagrees")


def test_untestable_pairs_are_nan():
    a, b = bj.Parameter("a", 1), bj.Parameter("b", 1)
    surveys = [bj.Modality(f"of_{p.name}", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), p.name) for p in (a, b)]
    found = conflict_matrix(bj.JointProblem([a, b], surveys))
    assert np.isnan(found.ratio_p_value).all() and "untestable" in str(found.words.values[0, 1])


def test_refusals():
    refused(lambda: conflict_matrix(scalars({"a": (0.0, 1.0)})), "problem")
    refused(lambda: conflict_matrix(scalars({"a": (0.0, 1.0), "b": (0.0, 1.0)}), level=0.0), "level")


def test_the_matrix_says_which_tests_it_was_adjusted_for_and_what_r_and_s_say_of_the_rest():
    two = conflict_matrix(scalars({"a": (0.0, 1.0), "b": (9.0, 1.0)}, bj.GaussianPrior(0.0, 1e4)))
    assert two.attrs["correction"].startswith("Holm over the 2 different likelihood ratios")
    assert "rest_words" not in two.coords
    three = scalars({"a": (0.0, 1.0), "b": (9.0, 1.0), "c": (0.5, 1.0)}, bj.GaussianPrior(0.0, 1e4))
    found = conflict_matrix(three)
    assert "12 different likelihood ratios" in found.attrs["correction"]
    assert "in conflict" in str(found.rest_words.sel(survey="b").values)
