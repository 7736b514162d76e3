"""Words of tests and verdicts: whole sentences, nothing that contradicts itself, no figure that says nothing."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.agreement._compare_remedies import TESTS, compare_remedies
from bayesjoint.agreement._conflict import conflict
from bayesjoint.agreement._result import AgreementTest
from bayesjoint.agreement._sentences import effect_words, listed, misfit, objection, seen_size, suite_size, suite_words
from bayesjoint.agreement._verdict_sentences import no_remedy

from .overlapping import overlapping
from .pairs import scalars

SEEN = {"what": "an offset of air", "size": 5e7, "suite_size": np.nan, "units": "nT", "power": 0.8, "level": 0.05,
        "suite_level": 0.002, "reach": 5036.0}


def alarm(form, target, log_p, value=4.6, what="residual rms at wavelengths between 33 and 50 km"):
    return AgreementTest(form=form, target=target, surveys=("a", "b") if target == "a" else ("b", "a"), statistic=50.0,
                         p_value=float(np.exp(log_p)), p_value_error=0.0, null="", log_p=log_p, p_adjusted=0.0,
                         log_p_adjusted=log_p, effect={"what": what, "value": value, "std": 0.5, "units": "mGal"})


def test_which_tests_object_is_a_sentence():
    both = [alarm("wavelengths", "a", -10.0), alarm("places", "b", -20.0)]
    assert listed({("a", "b"): both}) == ["Between a and b these tests object: wavelengths of a, places of b."]
    assert listed({("a", "b"): both[:1]}) == ["Between a and b one test objects: wavelengths of a."]


def test_sizes_that_say_nothing_are_said_in_words():
    assert seen_size(SEEN) == "an offset of air of more than 5.04e+03 nT, larger than any datum"
    assert suite_size(SEEN) == "nothing of any size" and "nan" not in suite_words(SEEN)
    assert suite_size(SEEN | {"suite_size": 6e3}) == "more than 5.04e+03 nT, larger than any datum"
    assert seen_size(SEEN | {"size": 12.0}) == "an offset of air of 12 nT"


def test_a_number_without_units_has_none():
    effect = {"what": "offset", "value": [0.47], "std": [0.1], "units": "1"}
    assert effect_words(effect) == "offset 0.47 ± 0.1"
    assert seen_size(SEEN | {"size": 12.0, "units": "1"}).endswith(" of 12")


def test_a_survey_without_misfit_is_not_said_to_have_one():
    assert misfit("prior", "a", "too large", seen=False) == "no misfit seen in prior std behind a"
    assert misfit("prior", "a", "too large", seen=True) == "prior std behind a too large"


def test_what_objects_of_another_survey_and_of_a_wavelength_is_named():
    best = alarm("places", "b", -40.0, 2530.0, "extra anomaly of one station")
    others = [alarm("places", "a", -6.0, 4.16, "extra anomaly"), alarm("wavelengths", "b", -8.0, 201.0, "short waves"),
              alarm("wavelengths", "a", -13.5)]
    said = objection([best, *others])
    assert said.startswith("extra anomaly of one station of 2.53e+03 ± 0.5 mGal, adjusted p = 4e-18 (4 tests object, ")
    assert "wavelengths of a: residual rms at wavelengths between 33 and 50 km of 4.6 ± 0.5 mGal, adjusted p = 1e-06" \
        in said
    assert "places of a" not in said and "short waves" not in said
    assert "among them" not in objection([best])
    offset = alarm("offset", "b", -40.0, 9.0, "offset")  # a cause with a name, between two surveys
    assert "among them" not in objection([offset, *others], [offset, *others])
    assert "among them wavelengths of a" in objection([offset, *others])


def test_disturbances_larger_than_all_data_have_no_figure():
    problem = scalars({"a": (3.0, 1.0), "b": (3.5, 40.0)})
    found = {t.name: t for t in conflict(problem).tests}
    reach = found["offset of b"].detectable["reach"]
    assert reach == pytest.approx(400.0) and found["offset of a"].detectable["reach"] == pytest.approx(10.0)
    assert found["offset of a"].detectable["size"] > 10.0  # b is that poor
    assert seen_size(found["offset of a"].detectable) == "an offset of a of more than 10 mGal, larger than any datum" \
        .replace(" mGal", "" if problem.modalities[0].units == "1" else f" {problem.modalities[0].units}")


def test_every_group_of_tests_is_told_as_it_begins():
    told = []
    found = conflict(overlapping(shape=(3, 8, 9), disturb=lambda m: 1.0), progress=lambda *what: told.append(what))
    first = [what for what in told if "ask for" not in what[0]]
    names, numbers, totals = zip(*first, strict=True)
    assert numbers == tuple(range(len(first))) and set(totals) == {len(first)}
    assert names == ("ground and air: offset, tilt, gain and levels",
                     "ground and air: likelihood ratio and node splits",
                     "ground and air: wavelengths and places of ground",
                     "ground and air: wavelengths and places of air", "ground and air: which tests are one",
                     "ground by itself: prior and noise", "air by itself: prior and noise")
    assert found.kind == "disagree" and found.no_remedy == ""


def test_of_flat_priors_and_three_surveys_every_group_is_told_too():
    told = []
    conflict(scalars({"a": (0.0, 1.0), "b": (0.0, 1.0), "c": (9.0, 1.0)}), progress=lambda *what: told.append(what))
    first = told[: told[0][2]]
    assert [number for _, number, _ in first] == list(range(3 * 3 + 3 * 3 + 3))
    assert first[-1][0] == "c by itself: prior and noise"


def test_why_there_is_no_remedy():
    assert conflict(overlapping(shape=(3, 8, 9))).no_remedy.startswith("No remedy is offered, because no test objects")
    said = no_remedy([alarm("wavelengths", "a", -10.0), alarm("places", "b", -9.0)])
    assert "what objects (wavelengths of a, places of b) has no form" in said


def test_tests_that_were_done_are_not_done_again(monkeypatch):
    problem = scalars({"a": (0.0, 1.0), "b": (5.0, 1.0)})
    found, mended = conflict(problem), bj.add_bias(problem, "b", basis=[[1.0]], std=10.0)
    posts = {"as stated": bj.posterior(problem), "bias": bj.posterior(mended)}
    anew, told = compare_remedies(posts), []
    tested = tuple(found.pairs["a", "b"].tests[:3])
    kept = compare_remedies(posts, tested=tested, progress=lambda what, *_: told.append(what))
    np.testing.assert_allclose(kept.p_value, anew.p_value, rtol=1e-9)
    assert "as stated: tests" not in told and "bias: tests" in told and len(TESTS) == len(tested)
