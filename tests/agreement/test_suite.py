"""The verdict: every way of disagreeing named for what it is, silence not taken for agreement, remedies that work."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

import bayesjoint as bj
from bayesjoint.agreement._compare_remedies import mended
from bayesjoint.agreement._conflict import conflict
from bayesjoint.agreement._multiple_testing import holm
from bayesjoint.agreement._residuals import residual_of
from bayesjoint.agreement._result import AgreementTest
from bayesjoint.agreement._sentences import best_of, objection

from ..refusals import refused
from .overlapping import overlapping
from .pairs import scalars

SMALL = {"shape": (3, 10, 11)}
WIDE = {"offset": 3.0, "tilt": 3.0, "patch": 5.0, "gain": 60.0}


@pytest.fixture(scope="module")
def datum():
    return conflict(overlapping(**SMALL, disturb=lambda m: 1.0))


def test_a_datum_shift_is_found_in_data_units_and_mended(datum):
    assert datum.kind == "disagree"
    assert datum.verdict.startswith("ground and air disagree: an offset between air and ground of ")
    assert "mGal; the data cannot say whose" in datum.verdict
    assert next(iter(datum.problems)) == "as stated"
    assert {"offset of air", "tempered", "discrepancy"} <= set(datum.problems)
    mended = datum.problems["offset of air"]
    assert bj.likelihood_ratio_test(mended, ("ground", "air")).p_value > 0.05
    bias = bj.posterior(mended)
    assert abs(bias.mean()["air_bias"][0] - 1.0) < 3 * bias.std()["air_bias"][0]
    assert min(datum.problems["tempered"].weights.values()) < 0.5
    named = next(t for t in datum.tests if t.name == "offset of air")
    assert abs(named.effect["value"][0] - 1.0) < 4 * named.effect["std"][0]


def test_holm_runs_over_every_test(datum):
    np.testing.assert_array_equal(datum.p_adjusted, holm([t.p_value for t in datum.tests]))
    names = [t.name for t in datum.tests]
    assert len(names) == len(set(names)) == 21
    assert {"likelihood ratio", "node split ground -> air", "gain of air", "wavelengths of ground", "places of air",
            "prior std behind ground", "noise std of air", "row levels of air", "column levels of ground"} <= set(names)
    assert all(t.detectable for t in datum.tests if t.name.split()[0] not in ("prior", "noise"))


def test_the_table_is_one_row_a_test_and_goes_into_a_tree(datum, tmp_path):
    table = datum.table
    assert table.sizes["agreement_test"] == 21 and table.attrs["verdict"] == datum.verdict
    row = table.isel(agreement_test=[str(v) for v in table.test.values].index("offset of air"))
    assert row.judged == 1 and "mGal" in str(row.effect.values) and "would have seen" in str(row.detectable.values)
    post = bj.posterior(datum.problem)
    tree = post.to_datatree(draws=2, diagnostics=datum.datasets())
    assert tree["agreement"].attrs["kind"] == "disagree"
    tree.to_netcdf(tmp_path / "found.nc", engine="h5netcdf")


def test_silence_is_agreement_only_where_what_matters_is_excluded():
    problem = overlapping(**SMALL)
    silent = conflict(problem, margins={"patch": 0.2}, places=False)  # which the noise does not let be excluded
    assert silent.kind == "cannot say" and "silence is not agreement" in silent.verdict
    assert "could not be excluded" in silent.verdict and list(silent.problems) == ["as stated"]
    sure = conflict(problem, margins=WIDE, places=False)
    assert sure.kind == "agree" and sure.verdict.startswith("The surveys agree: no test objects")
    assert not [t for t in sure.tests if t.name.startswith(("places", "wavelengths"))]


def test_what_a_bias_holds_is_part_of_the_model_and_bars_no_agreement():
    problem = overlapping(**SMALL)
    biased = bj.add_bias(problem, "air", "constant", std=1e3)
    table = next(iter(conflict(biased, margins=WIDE, places=False).pairs.values())).detectability
    modelled = [str(v) for v, held in zip(table.disturbance.values, table.modelled.values, strict=True) if held]
    assert modelled == ["offset of air"] and not table.excluded.sel(disturbance="offset of air")
    found = conflict(biased, margins=WIDE, places=False)
    assert found.kind == "agree" and any(d.startswith("An offset of air is part of the model") for d in found.details)
    assert float(table.equivalence_p_value_error.sel(disturbance="gain of air")) > 0


def test_a_prior_that_is_too_small_is_named_as_such():
    problem = overlapping(shape=(3, 14, 16), seed=2)
    small = problem.replace(parameters=[problem.parameters[0].replace(
        prior=bj.Matern(std=45.0, range=1000.0, extent="continued"))])
    found = conflict(small, places=False)
    assert found.kind == "cannot say" and "prior std behind" in found.verdict and "too small" in found.verdict
    assert list(found.problems) == ["as stated", "hyperparameters by evidence"]
    fitted = found.problems["hyperparameters by evidence"].parameters[0].prior.std
    assert np.max(fitted) > 60.0


def overstated(**kw):
    problem = overlapping(shape=(3, 14, 16), **kw)
    return problem.replace(parameters=[problem.parameters[0].replace(
        prior=bj.Matern(std=800.0, range=1000.0, extent="continued"))])


def test_a_prior_that_is_too_large_is_no_conflict():
    found = conflict(overstated(), places=False)
    alarms = {t.name for p, t in zip(found.p_adjusted, found.tests, strict=True) if p <= 0.05}
    assert "likelihood ratio" in alarms  # which falls silent with a prior as narrow as the surveys ask for
    assert found.kind == "cannot say" and "too large" in found.verdict and "mend the prior" in found.verdict
    assert "likelihood ratio" in found.verdict and not any("mended" in d for d in found.details)


def test_a_conflict_under_a_prior_that_is_too_large_stays_one():
    found = conflict(overstated(disturb=lambda m: 1.0), places=False)
    assert found.kind == "disagree" and "an offset between" in found.verdict and "is mended" in found.verdict
    assert any("too large" in d and "it was mended for the verdict" in d for d in found.details)


def test_a_prior_is_scaled_both_ways_and_by_the_surveys_that_object_only():
    problem = overlapping(two=True, **SMALL)
    tests = [AgreementTest(form="prior", target="ground", surveys=("ground",), statistic=1.0, p_value=0.0,
                           p_value_error=0.0, null="", effect={"factor": factor}) for factor in (0.25, 0.5)]
    first, second = mended(problem, tests).parameters
    assert float(np.max(first.prior.std)) == 50.0 and second is problem.parameters[1]
    assert mended(scalars({"ground": (0.0, 1.0), "b": (0.0, 1.0)}), tests) is None


def test_a_conflict_is_not_put_down_to_the_prior_that_it_spoils():
    def disturb(m):
        east, north, _ = m.forward.coordinates()
        return 4.0 * (np.hypot(east - 1875.0, north - 1875.0) <= 800.0)

    found = conflict(overlapping(shape=(3, 14, 16), disturb=disturb), places=False)
    adjusted = {t.name: p for p, t in zip(found.p_adjusted, found.tests, strict=True)}
    assert adjusted["prior std behind air"] <= 0.05
    assert found.kind == "disagree"


def test_a_wrong_coupling_is_blamed_and_not_a_survey():
    problem = overlapping(two=True, shape=(3, 14, 16), gaps=False)
    wrong = problem.replace(couplings=[bj.Coregionalization(-0.9)])
    found = conflict(wrong, places=False)
    assert found.kind == "disagree" and "under the stated coupling, which is what to blame" in found.verdict
    assert list(found.problems)[:3] == ["as stated", "without coupling", "hyperparameters by evidence"]
    assert not found.problems["without coupling"].couplings
    assert found.problems["hyperparameters by evidence"].couplings[0].correlation > 0.3


@pytest.mark.parametrize(("offset", "kind"), [(400.0, "disagree"), (200.0, "cannot say")])
def test_an_offset_between_two_properties_is_not_put_down_to_the_coupling(offset, kind):
    found = conflict(overlapping(two=True, shape=(3, 14, 16), disturb=lambda m: offset), places=False)
    assert found.kind == kind and "what to blame" not in found.verdict
    assert "offset of air" in found.problems and "without coupling" not in found.problems
    if kind == "cannot say":
        said = "the likelihood ratio does not object; but air misfits its own prior and noise: offset of air 2"
        assert said in found.verdict
        assert "ground misfits" not in found.verdict


def test_a_fault_of_one_survey_is_no_conflict_with_another_that_hardly_knows_of_it():
    problem = overlapping(two=True, shape=(3, 14, 16), disturb=lambda m: 400.0)
    loose = problem.replace(couplings=[bj.Coregionalization(0.05)])
    found = conflict(loose, places=False)
    pair = next(iter(found.pairs.values()))
    assert pair.shared < 3 and found.kind == "cannot say" and "next to nothing to agree or disagree on" in found.verdict
    assert "but air misfits its own prior and noise: " in found.verdict and "offset of air" in found.problems
    assert next(iter(conflict(problem, places=False).pairs.values())).shared > 3


def test_a_prior_that_a_survey_asks_for_with_less_noise_is_not_granted_without():
    problem = overlapping(two=True, shape=(3, 14, 16))
    wide = [p.replace(prior=bj.Matern(std=3.0 * p.prior.std, range=p.prior.range, extent=p.prior.extent))
             if k == 0 else p for k, p in enumerate(problem.parameters)]
    ground, air = problem.modalities
    loud = ground.replace(noise=bj.DiagonalNoise(3.0 * np.sqrt(ground.noise.variance())))
    found = conflict(problem.replace(parameters=wide, modalities=[loud, air],
                                     couplings=[bj.Coregionalization(-0.9)]), places=False)
    said = {d.partition(" seems")[0] for d in found.details}
    assert {"The prior std behind ground", "The noise std of ground"} <= said
    assert found.kind == "disagree" and "is mended" not in found.verdict


def test_noise_that_is_larger_than_stated_is_named_as_such():
    problem = overlapping(shape=(3, 14, 16), disturb=lambda m: 0.25 * np.random.default_rng(5).standard_normal(m.size))
    found = conflict(problem, places=False)
    assert found.kind == "cannot say" and "noise std of air seems" in found.verdict


def with_noise(problem, factor):
    ground, air = problem.modalities
    return problem.replace(modalities=[ground, air.replace(noise=bj.DiagonalNoise(
        factor * np.sqrt(air.noise.variance())))])


@pytest.mark.parametrize(("factor", "seed"), [(0.5, 1), (0.8, 2)])
def test_noise_stated_too_small_is_no_conflict(factor, seed):
    found = conflict(with_noise(overlapping(seed=seed, gaps=False), factor))
    assert found.kind == "cannot say" and "noise std of air seems" in found.verdict
    assert "fall silent when it is mended" in found.verdict


def test_a_conflict_under_noise_stated_too_small_stays_one():
    found = conflict(with_noise(overlapping(disturb=lambda m: 1.0, gaps=False), 0.5))
    assert found.kind == "disagree" and "an offset between air and ground" in found.verdict
    assert "is mended: the noise std of air seems" in found.verdict
    assert {"offset of air", "offset of ground"} <= set(found.problems)
    named = {(t.form, t.target): t.p_value for t in found.tests}
    assert all(named[t.form, t.target] == t.p_value for t in found.blame)  # as stated, not as mended


def levelled(m, rms=0.25):
    northing = np.asarray(m.forward.coordinates()[1])
    _, line = np.unique(northing, return_inverse=True)
    return rms * np.random.default_rng(3).standard_normal(line.max() + 1)[line]


def test_levels_of_lines_are_found_and_named():
    found = conflict(overlapping(disturb=levelled, gaps=False), margins=WIDE | {"levels": 3.0}, places=False)
    assert found.kind == "disagree" and "row levels of air with an rms of 0." in found.verdict
    named = next(t for t in found.tests if t.name == "row levels of air")
    assert abs(named.effect["value"] - 0.25) < 2 * named.effect["std"]
    assert "row levels of air" in found.problems


def test_agreement_claims_what_was_tried_and_no_more():
    found = conflict(overlapping(**SMALL), margins=WIDE, places=False)
    assert found.kind == "agree"
    assert ("every offset, tilt, gain and patch at the places tried and independent row levels and column levels that "
            "would matter are excluded") in found.verdict
    assert any(d.startswith("Patch of air: height of a disc of ") and "places over air" in d for d in found.details)
    numbers = conflict(scalars({"a": (0.0, 1.0), "b": (0.5, 1.0)}), margins={"offset": 9.0, "gain": 1e9})
    assert any("Levels of flight lines of a and b were not tried" in d for d in numbers.details)


def test_a_patch_in_a_corner_is_not_agreed_upon():
    def corner(m):
        east, north, _ = m.forward.coordinates()
        return 0.9 * (np.hypot(east - east.max(), north - north.max()) <= 700.0)

    margins = {"offset": 3.0, "tilt": 3.0, "patch": 0.8, "gain": 60.0, "levels": 3.0}
    for seed in (0, 3):
        found = conflict(overlapping(disturb=corner, gaps=False, seed=seed), margins=margins, places=False)
        assert found.kind != "agree"


@pytest.mark.parametrize(("gap", "words"), [(5.9, "the data cannot say whose"), (6.1, "offset of a 1 ± 0.1, adj")])
def test_a_survey_is_blamed_only_where_the_other_explains_the_data_clearly_worse(gap, words):
    best, other = made_up("offset", "a", 1e-12, 50.0), made_up("offset", "b", 1e-11, 50.0 - gap)
    assert words in objection([best], [best, other])
    gain = made_up("gain", "b", float(chi2.sf(best.sigma**2 - gap, 1)), 9.0)
    said = objection([best], [best, gain])
    assert ("or as well gain of b" in said) == (gap < 6)
    assert "offset of a 1 ±" in objection([best])


def test_a_residual_is_laid_at_neither_door_and_says_where():
    def disturb(m):
        east, north, _ = m.forward.coordinates()
        return 2.0 * (np.hypot(east - 1875.0, north - 1875.0) <= 600.0)

    found = conflict(overlapping(disturb=disturb, gaps=False))
    place = next(t for t in found.tests if t.name == "places of air")
    assert "at easting" in place.effect["what"] and "northing" in place.effect["what"]
    near = [float(v.split(" m")[0]) for v in place.effect["what"].replace("northing", "easting").split("easting ")[1:]]
    assert np.hypot(near[0] - 1875.0, near[1] - 1875.0) < 600.0
    assert "at wavelengths" in next(t for t in found.tests if t.name == "wavelengths of air").effect["what"]
    said = objection([place], found.tests)
    assert "extra anomaly of" in said and "between air and ground; a residual does not say whose" in said


def test_the_suite_sees_what_it_says_after_correction(datum):
    count = np.isfinite(datum.p_adjusted).sum()
    for test in datum.tests:
        within = test.detectable["within"]
        assert test.detectable["suite_level"] == pytest.approx(0.05 / (count * within))
        assert (within > 1) == test.name.startswith(("places", "wavelengths"))
    offset = next(t for t in datum.tests if t.name == "offset of air").detectable
    least = norm.isf(0.025 / count) + norm.ppf(0.8)
    np.testing.assert_allclose(offset["suite_size"], least * offset["size"] / (norm.isf(0.025) + norm.ppf(0.8)))
    assert "(Bonferroni)" in str(datum.table.detectable_in_suite.values[0]) and "in this suite" in str(datum)


def test_plain_numbers_and_several_surveys():
    found = conflict(scalars({"a": (0.0, 1.0), "b": (0.5, 1.0), "c": (9.0, 1.0)}))
    assert found.kind == "disagree"
    assert "a and c disagree" in found.verdict and "b and c disagree" in found.verdict
    assert "a and b disagree" not in found.verdict
    assert found.matrix.log_suspiciousness.sel(survey="a", other="c") < -10
    one = conflict(found.problem, pairs=[("a", "b")], margins={"offset": 1.0})
    assert list(one.pairs) == [("a", "b")] and one.kind == "cannot say"


def test_nothing_shared_is_said():
    a, b = bj.Parameter("a", 1), bj.Parameter("b", 1)
    surveys = [bj.Modality(f"of_{p.name}", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), p.name) for p in (a, b)]
    found = conflict(bj.JointProblem([a, b], surveys))
    assert found.kind == "cannot say"
    assert found.verdict == "Nothing ties of_a and of_b: there is nothing to agree or disagree on."


def untied(values, extra=False):
    """Two surveys of two properties, and perhaps a second one of the first property."""
    rng, gains = np.random.default_rng(6), np.diag(np.linspace(1.0, 5.0, 30))
    fields = [bj.Parameter(name, 30, prior=bj.GaussianPrior(0.0, 1.0)) for name in "pq"]
    truth = dict(zip("pq", rng.standard_normal((2, 30)), strict=True))
    sees = {"one": "p", "two": "q"} | ({"three": "p"} if extra else {})
    surveys = [bj.Modality(name, gains, gains @ truth[p] + rng.standard_normal(30) + values.get(name, 0.0),
                           bj.DiagonalNoise(np.ones(30)), p, units="mGal") for name, p in sees.items()]
    return bj.JointProblem(fields, surveys)


def test_surveys_that_nothing_ties_neither_agree_nor_disagree():
    silent = conflict(untied({}), margins={"offset": 1e3, "gain": 1e6})
    assert silent.kind == "cannot say"
    assert silent.verdict == ("Nothing ties one and two: there is nothing to agree or disagree on; each was held "
                              "against its own prior only.")
    loud = conflict(untied({"two": 20.0}))
    assert loud.kind == "cannot say" and "agree on; but two misfits its own prior and noise: offset of two" in (
        loud.verdict) and "one misfits" not in loud.verdict
    assert "offset of two" in loud.problems and "tempered" not in loud.problems


def test_surveys_that_something_ties_are_judged_beside_those_that_nothing_does():
    found = conflict(untied({"three": 20.0}, extra=True))
    assert found.kind == "disagree" and found.verdict.startswith("one and three disagree: offset of three")
    assert "Nothing ties one and two, two and three: there is nothing to agree" in found.verdict
    assert conflict(untied({}, extra=True), margins={"offset": 1e3, "gain": 1e6}).kind == "cannot say"


def test_an_offset_that_may_be_either_survey_s_is_laid_at_neither_door():
    rows = {"b": (9.0, 1.0), "a": (0.0, 1.0)}
    for order in (rows, dict(reversed(rows.items()))):
        found = conflict(scalars(order))
        assert "an offset between a and b of 9 ± 1.4; the data cannot say whose" in found.verdict
        assert {"offset of a", "offset of b"} <= set(found.problems)


def test_a_gain_that_was_found_has_a_remedy():
    stated = overlapping(shape=(3, 14, 16), gaps=False)
    ground, air = stated.modalities
    stated = stated.replace(modalities=[ground, air.replace(data=1.5 * np.asarray(air.data))])
    found = conflict(stated, places=False)
    assert found.kind == "disagree" and "gain of air" in found.problems
    mended = found.problems["gain of air"]
    bias = bj.posterior(mended)
    assert abs(bias.mean()["air_bias"][0] - 0.5) < 0.1
    column = mended.modalities[1].terms[0].columns[:, 0]
    other = stated.replace(modalities=[ground, air.replace(data=-3.0 * np.asarray(air.data))])
    predicted = np.ravel(other.modalities[1].data) - residual_of(other, "air").value
    np.testing.assert_allclose(column, predicted, rtol=1e-8)  # the suspect's own data have no part in it


def made_up(form, target, p, statistic=9.0, log_p=np.nan):
    surveys = ("b", "a") if target == "b" else ("a", "b")
    return AgreementTest(form=form, target=target, surveys=surveys, statistic=statistic, p_value=p, p_value_error=0.0,
                         null="", p_adjusted=p, log_p=log_p,
                         effect={"what": "", "value": 1.0, "std": 0.1, "units": "1"})


def test_where_p_values_tie_at_their_floor_the_form_is_named():
    places, tilt = made_up("places", "a", 0.0, 900.0), made_up("tilt", "a", 0.0, 400.0)
    assert best_of([places, tilt]) is tilt
    assert best_of([made_up("wavelengths", "b", 1e-9), made_up("gain", "a", 1e-3)]).name == "wavelengths of b"
    low = made_up("places", "a", 0.0, 900.0, log_p=-900.0)  # p-values that are 0 are told apart by their logarithms
    assert best_of([low, made_up("tilt", "a", 0.0, 400.0, log_p=-800.0)]) is low


def test_refusals():
    refused(lambda: conflict("problem"), "problem", TypeError)
    refused(lambda: conflict(scalars({"a": (0.0, 1.0)})), "problem")
    two = scalars({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    refused(lambda: conflict(two, level=2.0), "level")
    refused(lambda: conflict(two, pairs=[("a", "c")]), "pair")
    refused(lambda: conflict(two, pairs=[(("a", "b"), "b")]), "pair")
    refused(lambda: conflict(two, method="magic"), "method")
    refused(lambda: conflict(two, pairs=[]), "pairs")
    refused(lambda: conflict(two, pairs="ab"), "pairs", TypeError)
    refused(lambda: conflict(two, refit=3), "refit", TypeError)
    refused(lambda: conflict(two, seed="a"), "seed", TypeError)
    refused(lambda: conflict(two, seed=-1), "seed")


def test_surveys_that_need_solves_get_the_same_answers():
    problem = overlapping(shape=(3, 10, 11), gaps=False, disturb=lambda m: 0.25)
    dense, found = (conflict(problem, method=method) for method in ("dense", "iterative"))
    exact = {t.name: t for t in dense.tests}
    for test in found.tests:
        wanted = exact[test.name]
        if test.name.startswith(("node split", "offset", "tilt", "likelihood")):
            assert test.p_value == pytest.approx(wanted.p_value, rel=0.15, abs=0.02), test.name
        if test.name.startswith("gain"):
            assert test.effect["value"] == pytest.approx(wanted.effect["value"], abs=2 * wanted.effect["std"])
            assert test.detectable["size"] == pytest.approx(wanted.detectable["size"], rel=0.5)
    assert dense.kind == found.kind
