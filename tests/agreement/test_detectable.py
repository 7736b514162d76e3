"""What tests would have detected, held against what they do detect; equivalence against its closed form."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm

import bayesjoint as bj
from bayesjoint.agreement import _disturbances as disturbances
from bayesjoint.agreement import _gain_test as gain
from bayesjoint.agreement import _sizes as sizes_of
from bayesjoint.agreement._additive import SinglePlaces, additive_fits
from bayesjoint.agreement._detectability import detectability, tabulate
from bayesjoint.agreement._disturbances import disturbances_of
from bayesjoint.agreement._gain_test import GainFit, GainScore
from bayesjoint.agreement._pair import make_pair

from ..linear import make
from ..refusals import refused
from .overlapping import overlapping
from .pairs import stretched

PAIR = ("ground", "air")


@pytest.mark.parametrize("two", [False, True])
def test_tests_detect_what_they_say_in_four_cases_of_five(two):
    problem = overlapping(two, shape=(3, 10, 11), gaps=True)
    made = make_pair(problem, PAIR)
    found = tabulate(made, power=0.8)
    ratio_null = made.spectrum().null()
    rng, repeats = np.random.default_rng(11), 2000
    noise = made.both.draw(rng, repeats)
    for form in ("offset", "patch", "tilt east", "row levels"):
        d = next(x for x in disturbances_of(made.problem.modalities[1]) if x.name == form)
        unit = np.zeros((made.both.size, repeats if "levels" in form else 1))
        column = d.column(additive_fits(made.both, [d])["air", form].least_seen)
        if "levels" in form:  # drawn for each data set
            column = d.columns @ rng.standard_normal((d.columns.shape[1], repeats))
        unit[made.rows[1]] = made.problem.modalities[1].noise.whiten(column)
        sizes = found.detectable.sel(disturbance=f"{form} of air")
        for test in found.test.values[1:]:
            seen = made.statistics(noise + sizes.sel(test=test).item() * unit)
            if "likelihood" in test:
                assert abs(np.mean(ratio_null.tail(seen.ratio[::5])[0] <= 0.05) - 0.8) < 0.06
                continue
            into = seen.into_second if test.endswith("-> air") else seen.into_first
            dof = made.problem.modalities[1 if test.endswith("-> air") else 0].size
            # of levels the size is known from 400 draws
            assert abs(np.mean(chi2.sf(into, dof) <= 0.05) - 0.8) < (0.07 if "levels" in form else 0.03), (form, test)
    assert np.all((found.detectable_error.values[:, 0] == 0) == (found.form.values != "gain"))
    assert np.all(found.detectable_error.values[found.kind.values == "levels", 1] > 0)
    assert np.all(found.detectable_error.values[:, -1] > 0)


def test_a_nuisance_test_sees_what_its_standard_deviation_says():
    problem = overlapping(shape=(3, 8, 9))
    found = detectability(problem)
    for d in found.disturbance.values:
        one = found.sel(disturbance=d)
        if one.form in ("gain", "patch") or "levels" in str(one.form.values):
            continue
        test = bj.nuisance_test(problem, str(one.survey.values), _column(problem, d))
        np.testing.assert_allclose([one.estimate, one.estimate_error], [test.effect["value"][0], test.effect["std"][0]],
                                   rtol=1e-8)
        np.testing.assert_allclose(one.p_value, test.p_value, rtol=1e-6)
        np.testing.assert_allclose(one.detectable.sel(test="nuisance"),
                                   (norm.isf(0.025) + norm.ppf(0.8)) * test.effect["std"][0])
    # the test made for a column needs least of it; of random levels others see what is smooth, of a gain more signal
    sizes = found.detectable.values[[str(k) not in ("levels", "gain") for k in found.kind.values]]
    assert np.all(sizes[:, :1] <= sizes[:, 1:] * 1.02)


def _column(problem, label):
    form, survey = str(label).split(" of ")
    modality = next(m for m in problem.modalities if m.name == survey)
    return next(d for d in disturbances_of(modality) if d.name == form).column()


def test_iterative_sizes_are_the_dense_ones():
    problem = overlapping(shape=(3, 10, 12), gaps=False)
    dense, found = (detectability(problem, method=m) for m in ("dense", "iterative"))
    added = dense.form.values != "gain"
    np.testing.assert_allclose(found.detectable[added, 0], dense.detectable[added, 0], rtol=1e-3)
    known = ~np.isin(dense.kind.values, ("gain", "levels"))  # of these dense sizes are over many draws
    np.testing.assert_allclose(found.detectable[known, 1:3], dense.detectable[known, 1:3], rtol=1e-3)
    np.testing.assert_allclose(found.detectable[known, 3], dense.detectable[known, 3], rtol=0.1)
    np.testing.assert_allclose(found.bound[added], dense.bound[added], rtol=1e-2)
    np.testing.assert_allclose(found.estimate[added], dense.estimate[added], atol=1e-3)
    np.testing.assert_allclose(found.p_value[added], dense.p_value[added], atol=1e-3)
    error = np.hypot(found.detectable_error[~added, 0], dense.detectable_error[~added, 0])
    assert np.all(np.abs(found.detectable[~added, 0] - dense.detectable[~added, 0]) < 4 * error)
    assert np.all(np.abs(found.estimate[~added] - dense.estimate[~added]) < dense.estimate_error[~added])


def test_a_survey_that_is_off_is_estimated_and_not_excluded():
    calm = detectability(overlapping(), margins={"offset": 2.0, "air": {"offset": 2.0, "tilt": 2.0}})
    row = calm.sel(disturbance="offset of air")
    assert abs(row.estimate) < 3 * row.estimate_error and row.excluded == 1 and row.margin == 2.0
    assert calm.sel(disturbance="tilt north of air").margin == 2.0
    row = calm.sel(disturbance="tilt north of ground")  # the noise std, or what can be excluded
    assert row.scale == pytest.approx(0.3) and 0.3 <= row.margin < 0.5
    off = detectability(overlapping(disturb=lambda m: 1.0)).sel(disturbance="offset of air")
    assert abs(off.estimate - 1.0) < 3 * off.estimate_error and off.excluded == 0 and off.p_value < 1e-6
    assert str(off.size_units.values) == "mGal"


def equivalence_p_value(estimate, std, margin):
    return SinglePlaces(np.array([estimate]), np.array([std]), np.zeros(1)).equivalence(margin)[0]


def test_equivalence_errs_as_often_as_it_may():
    rng = np.random.default_rng(12)
    for truth in (0.3, -0.3):
        p = [equivalence_p_value(x, 0.1, 0.3) for x in truth + 0.1 * rng.standard_normal(4000)]
        assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.012)
    assert equivalence_p_value(0.0, 1.0, 1.0) > 0.05  # nothing seen, nothing excluded


def test_a_gain_is_counted_on_the_signal():
    found = detectability(overlapping(disturb=lambda m: np.zeros(m.size)))
    row = found.sel(disturbance="gain of air")
    assert str(row.size_units.values) == "%" and 0.1 < row.detectable.sel(test="nuisance") < 30
    assert abs(row.estimate) < 4 * row.estimate_error


@pytest.fixture(scope="module")
def agreeing():
    """`tabulate` of 120 agreeing pairs."""
    made, rng = make_pair(overlapping(shape=(2, 5, 6), gaps=False), PAIR), np.random.default_rng(20261122)
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizes_of, "DRAWS", 100)  # of the likelihood ratio, which is not looked at here
        patch.setattr(sizes_of, "GROUNDS", 20)
        patch.setattr(gain, "DENSE_DRAWS", 199)
        patch.setattr(gain, "REPEATS", 40)
        patch.setattr(disturbances, "FEWEST_LINES", 1000)  # levels have tests of their own
        for data in made.both.draw(rng, 120).T:
            made.both.residual = data
            rows.append(tabulate(made, seed=rng))
    return rows


@pytest.mark.parametrize("name", [f"{form} of {s}" for s in PAIR for form in ("offset", "tilt east", "gain")])
def test_p_values_of_agreeing_pairs_are_uniform_and_estimates_unbiased(name, agreeing):
    p, estimate, error = (np.array([float(r[key].sel(disturbance=name)) for r in agreeing])
                          for key in ("p_value", "estimate", "estimate_error"))
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(p <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / p.size)
    assert abs(estimate.mean()) < 3.5 * estimate.std() / np.sqrt(p.size)
    # that of a gain is the spread at the estimate, which grows with it: its median is near that without any
    assert np.median(error) == pytest.approx(estimate.std(), rel=0.3)


@pytest.mark.parametrize("truth", [40.0, -40.0])
def test_a_gain_of_the_margin_is_excluded_as_seldom_as_it_may_be(truth, monkeypatch):
    monkeypatch.setattr(gain, "REPEATS", 99)
    made = make_pair(overlapping(shape=(2, 5, 6), gaps=False), PAIR)
    score, rng = GainScore(made.both, "air"), np.random.default_rng(7)
    null = score.null(499, rng)
    p = np.array([GainFit(score, value, null, rng).equivalence(40.0)[0]
                  for value in stretched(score, 0.01 * truth, 100, rng)])
    assert np.mean(p <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / p.size)
    monkeypatch.setattr(gain, "REPEATS", 499)  # the exact p is about 0.025: 99 tell it to 0.016
    assert GainFit(score, null.mean(), null, rng).equivalence(99.0)[0] <= 0.05


def test_flat_priors_and_plain_numbers():
    problem, _ = make(correlation=0.5, vector=True)
    found = detectability(problem)
    assert [str(v) for v in found.form.values] == ["offset", "gain"] * 2
    h0 = bj.Parameter("H0", 1)
    surveys = [bj.Modality(k, [[1.0]], [d], bj.DiagonalNoise([s]), "H0") for k, d, s in (("a", 67.36, 0.54),
                                                                                     ("b", 73.04, 1.04))]
    found = detectability(bj.JointProblem([h0], surveys))
    needed = (norm.isf(0.025) + norm.ppf(0.8)) * np.hypot(0.54, 1.04)
    np.testing.assert_allclose(found.detectable, needed, rtol=0.02)
    np.testing.assert_allclose(found.estimate, [-5.68, 5.68], rtol=1e-9)


def test_refusals():
    problem = overlapping(shape=(2, 6, 7), gaps=False)
    refused(lambda: detectability(problem, margins={"size": 1.0}), "margins")
    refused(lambda: detectability(problem, margins={"air": {"size": 1.0}}), "margins")
    refused(lambda: detectability(problem, margins={"offset": -1.0}), "margins")
    refused(lambda: detectability(problem, level=2.0), "level")
    third = problem.modalities[1].replace(name="third")
    refused(lambda: detectability(problem.replace(modalities=[*problem.modalities, third])), "pair")
