"""Claims of agreement hold: the odd survey is named, one test counts once, sizes are seen as often as is said."""

import numpy as np
import pytest
from scipy.stats import binom

import bayesjoint as bj
from bayesjoint.agreement._conflict import conflict
from bayesjoint.agreement._own_model import own_model_fits
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian import data_system
from bayesjoint.hyperparameters import as_measured

from ..refusals import refused
from .overlapping import overlapping, simulated
from .pairs import scalars
from .test_suite import untied

FIVE = {"north": (10.43, 0.10), "south": (9.75, 0.25), "east": (9.60, 0.30), "west": (9.72, 0.2), "centre": (9.76, 0.3)}


@pytest.mark.parametrize("name", list(FIVE))
def test_the_odd_one_of_five_is_named_whatever_its_place(name):
    rows = {k: (0.01 * i, 0.2) for i, k in enumerate(FIVE)} | {name: (1.5, 0.2)}
    found = conflict(scalars(rows))
    assert found.kind == "disagree" and found.verdict.startswith(f"{name} disagrees with the rest: offset of {name} 1.")
    assert f"offset of {name}" in found.problems
    mean = np.mean([v for k, (v, _) in rows.items() if k != name])
    ratio = next(t for t in found.rest[name].tests if t.form == "likelihood ratio")
    assert ratio.sigma == pytest.approx((1.5 - mean) / np.hypot(0.2, 0.1), rel=1e-6)


def test_four_sigma_against_four_others_is_a_disagreement():
    found = conflict(scalars(FIVE))
    assert found.kind == "disagree" and found.verdict.startswith("north disagrees with the rest")
    assert found.matrix.attrs["verdict"].startswith("north and")


def test_of_three_in_a_row_the_data_cannot_say_which_is_off():
    found = conflict(scalars({"a": (0.0, 1.0), "b": (5.0, 1.0), "c": (10.0, 1.0)}))
    assert found.verdict.startswith("a or c disagrees with the rest, the data cannot say which")


def test_false_alarms_of_several_surveys_stay_rare():
    rng, alarms = np.random.default_rng(4), 0
    for _ in range(60):
        drawn = {k: (s * rng.standard_normal(), s) for k, (_, s) in list(FIVE.items())[:3]}
        alarms += conflict(scalars(drawn)).kind == "disagree"
    assert alarms <= binom.ppf(0.999, 60, 0.05)


def test_two_numbers_have_one_test():
    found = conflict(scalars({"a": (0.0, 1.0), "b": (2.5 * np.sqrt(2), 1.0)}))
    tested = np.isfinite(found.p_adjusted)
    np.testing.assert_allclose(found.p_adjusted[tested], 0.01242, rtol=1e-3)
    assert tested.sum() == 5 and found.kind == "disagree" and found.correction == "Holm over 1 different tests, of 5"
    assert found.matrix.ratio_p_holm.sel(survey="a", other="b") == pytest.approx(0.01242, rel=1e-3)


def test_a_vector_that_both_see_whole_has_one_test_of_its_components():
    gains = np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.5], [0.2, 0.0, 1.0]])
    field = bj.Parameter("field", 3)
    surveys = [bj.Modality(k, gains, d, bj.DiagonalNoise([1.0] * 3), "field") for k, d in
               (("a", np.zeros(3)), ("b", np.array([3.0, -2.0, 1.0])))]
    found = conflict(bj.JointProblem([field], surveys))
    same = {t.name: t.p_adjusted for t in found.tests if t.testable}
    splits = [same[n] for n in ("likelihood ratio", "node split a -> b", "node split b -> a")]
    np.testing.assert_allclose(splits, splits[0], rtol=1e-6)
    assert found.correction == "Holm over 2 different tests, of 5"  # that, and one offset, whichever survey has it


def test_a_tail_keeps_its_size_after_correction():
    found = conflict(scalars({"a": (0.0, 1.0), "b": (450.0, 1.0), "c": (0.5, 1.0)}))
    far = min(found.tests, key=lambda t: t.log_p if t.testable else 0.0)
    assert far.p_value == 0 and far.sigma == pytest.approx(449.75 / np.sqrt(1.5), rel=1e-3)
    assert far.log_p_adjusted == pytest.approx(far.log_p + np.log(6), abs=1e-6)
    assert "adjusted p = " in found.verdict and "e-" in found.verdict and "under 1e-300" not in found.verdict


def test_the_matrix_sets_no_surveys_against_one_another_that_share_nothing():
    found = bj.conflict_matrix(untied({"two": 20.0}, extra=True))
    assert found.split_p_value.sel(survey="two", other="one") < 1e-10 and "disagree," not in found.attrs["verdict"]
    assert found.attrs["verdict"].startswith("No pair of 3 surveys disagrees")
    tied = bj.conflict_matrix(untied({"three": 20.0}, extra=True)).attrs["verdict"]
    assert tied.startswith("one and three disagree") and "two" not in tied


def test_stds_are_told_by_both_numbers():
    problem = overlapping(shape=(3, 8, 9), gaps=False)
    ground, air = problem.modalities
    loud = air.replace(noise=air.noise.scaled(1e4))
    found = conflict(problem.replace(modalities=[ground, loud]), places=False)
    said = found.verdict + " ".join(found.details) + repr(found)
    assert "noise std of air seems too large (20 mGal stated, 0." in said and "100 ±" not in said
    noise = next(t for t in found.tests if t.name == "noise std of air")
    assert noise.effect["stated"] == pytest.approx(20.0) and noise.effect["asked"] == pytest.approx(0.2, rel=0.5)
    assert "where 20 is stated" in str(found.table.seen.values[[t.name for t in found.tests].index("noise std of air")])


def strided(problem, stride):
    """The air survey said to be interpolated: noise as a fit would leave it; and the same thinned by hand."""
    ground, air = problem.modalities
    keep = np.zeros(air.data_shape, dtype=bool)
    keep[stride // 2 :: stride, stride // 2 :: stride] = True
    kept = air.replace(forward=StationSelection(air.forward, keep) @ air.forward, data=air.data[keep.ravel()],
                       noise=bj.DiagonalNoise(air.noise.std[keep.ravel()]))
    whole = air.replace(stride=stride, noise=air.noise.scaled(air.size / keep.sum()))
    return problem.replace(modalities=[ground, whole]), problem.replace(modalities=[ground, kept])


def test_what_a_fit_thinned_every_test_thins():
    whole, kept = strided(overlapping(shape=(3, 10, 11), gaps=False), 2)
    np.testing.assert_allclose(as_measured(whole).modalities[1].noise.std, kept.modalities[1].noise.std)
    assert whole.modalities[1].replace(name="other").stride == 2 and as_measured(kept) is kept
    pair = ("ground", "air")
    for test in (lambda p: bj.likelihood_ratio_test(p, pair), lambda p: bj.node_split(p, pair)[0],
                 lambda p: bj.nuisance_test(p, "air", "linear"), lambda p: bj.nuisance_test(p, "air", "gain")):
        assert test(whole).p_value == pytest.approx(test(kept).p_value, rel=1e-6)
    columns = np.linspace(0.0, 1.0, whole.modalities[1].size)[:, None]
    rows = np.isin(whole.modalities[1].data, kept.modalities[1].data)
    assert bj.nuisance_test(whole, "air", columns).statistic == pytest.approx(
        bj.nuisance_test(kept, "air", columns[rows]).statistic, rel=1e-6)
    a, b = (conflict(p, places=False) for p in (whole, kept))
    assert a.kind == b.kind and a.verdict == b.verdict
    assert bj.conflict_matrix(whole).attrs["verdict"] == bj.conflict_matrix(kept).attrs["verdict"]
    tempered = bj.temper(whole, curve=False)
    assert tempered.weights == pytest.approx(bj.temper(kept, curve=False).weights)
    assert tempered.problem.data_size == whole.data_size
    refused(lambda: whole.modalities[1].replace(stride=0), "stride")


def share_seen(hits):
    """Whether 200 hits are what 70 to 90 % give, with four standard errors to spare."""
    return 0.7 - 4 * np.sqrt(0.21 / 200) < np.mean(hits) < 0.9 + 4 * np.sqrt(0.09 / 200)


@pytest.mark.parametrize("which", [0, 1])
def test_a_std_of_the_size_told_is_seen_in_four_cases_of_five(which):
    problem = overlapping(shape=(2, 6, 7), gaps=False)
    data = data_system(problem, "dense").part(("air",))
    _, sees = own_model_fits(data, "air")[which]
    rng = np.random.default_rng(3)
    for level in (0.05, 0.005):
        factor = 1 + 0.01 * sees(level, 0.8)
        hits = []
        for _ in range(200):
            clean, noise = data.draw_clean(rng, 1)[:, 0], rng.standard_normal(data.size)
            data.residual = (factor if which == 0 else 1.0) * clean + (factor if which else 1.0) * noise
            hits.append(own_model_fits(data, "air")[which][0].p_value <= level)
        assert share_seen(hits), (level, np.mean(hits))


def test_a_gain_of_the_size_told_is_seen_in_four_cases_of_five():
    problem = overlapping(shape=(2, 6, 7), gaps=False)
    found = conflict(problem, places=False)
    size = 0.01 * next(t for t in found.tests if t.name == "gain of air").detectable["size"]
    data, rng = data_system(problem, "dense"), np.random.default_rng(8)
    hits = []
    for sign in (1, -1):  # alike in what is claimed: the larger signal is seen more often than the smaller
        for _ in range(100):
            clean = data.draw_clean(rng, 1)
            clean[data.rows["air"]] *= 1 + sign * size
            both = data.model.colour(clean + rng.standard_normal(clean.shape))[:, 0]
            hits.append(bj.nuisance_test(problem.with_data(both), "air", "gain", draws=199).p_value <= 0.05)
    assert share_seen(hits), np.mean(hits)


def test_a_tilt_of_the_size_told_is_seen_by_the_test_of_both_directions():
    problem = overlapping(shape=(2, 6, 7), gaps=False)
    found = conflict(problem, places=False)
    size, rng = next(t for t in found.tests if t.name == "tilt of air").detectable["size"], np.random.default_rng(9)
    east, north, _ = problem.modalities[1].forward.coordinates()
    columns = np.column_stack([2 * (v - v.min()) / np.ptp(v) - 1 for v in (north, east)])
    worst = int(np.argmax([bj.nuisance_test(problem, "air", columns[:, [k]]).effect["std"][0] for k in (0, 1)]))
    first = problem.modalities[0].size
    hits = []
    for data in simulated(problem, 200, rng):
        data[first:] += size * columns[:, worst]
        hits.append(bj.nuisance_test(problem.with_data(data), "air", columns).p_value <= 0.05)
    assert share_seen(hits), np.mean(hits)


def test_agreeing_pairs_are_told_so_at_default_margins():
    problem = overlapping(shape=(3, 10, 11), gaps=False)
    drawn = simulated(problem, 8, np.random.default_rng(2))
    kinds = [conflict(problem.with_data(d), places=False).kind for d in drawn]
    assert kinds.count("agree") >= 4


def test_default_margins_are_told_and_do_not_look_at_the_data():
    problem = overlapping(shape=(2, 6, 7), gaps=False)
    one, other = (conflict(problem.with_data(d), places=False) for d in simulated(problem, 2, np.random.default_rng(5)))
    tables = [next(iter(c.pairs.values())).detectability for c in (one, other)]
    added = tables[0].kind.values != "gain"
    np.testing.assert_allclose(tables[0].margin[added], tables[1].margin[added], rtol=1e-6)
    assert np.all(tables[0].margin >= tables[0].scale * (1 - 1e-12))
    raised = tables[0].margin.values > tables[0].scale.values
    assert raised.any()
    if one.kind == "agree":
        assert any("Sizes that matter are larger than the noise" in d for d in one.details)


def test_a_number_that_hardly_knows_agrees_with_nothing():
    found = conflict(scalars({"a": (0.0, 1.0), "vague": (5.0, 1000.0)}))
    assert found.kind == "cannot say"
