"""What the study of the tests of agreement says is what it measured: nulls, families, wrong priors and couplings."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "case_studies" / "agreement"
RATIO, SPLITS = "likelihood ratio", ("node split a -> b", "node split b -> a")


@pytest.fixture(scope="module", name="results")
def _results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="text")
def _text():
    return (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", ["power", "power_tied"])
def test_the_readme_has_the_measured_shares(results, text, part):
    for name, row in results[part].items():
        if name != "seconds":
            shares = " | ".join(f"{value:.1%}" for test, value in row.items() if test != "size")
            assert f"| {name} | {row['size']} | {shares} |" in text


def test_a_prior_stated_too_large_alarms_the_likelihood_ratio_and_it_is_said(results, text):
    said = " ".join(text.split())
    for part in ("power", "power_tied"):
        small, large, twice = (results[part][f"prior std {words}"] for words in (
            "20 % too small", "20 % too large", "twice too large"))
        assert small[RATIO] < 0.05 < large[RATIO] < twice[RATIO]
        assert max(large[s] for s in SPLITS) < 0.07 < max(small[s] for s in SPLITS)
        assert f"{100 * large[RATIO]:.1f}" in said.split("<!-- measured -->")[0]
    assert "it tells the two apart" not in said


def test_what_a_wrong_coupling_and_a_narrow_prior_set_off(results, text):
    said, tied = " ".join(text.split()).split("<!-- measured -->")[0], results["power_tied"]
    wrong = tied["wrong coupling"]
    assert min(wrong[t] for t in (RATIO, *SPLITS)) == 1.0
    for row in (wrong, tied["prior std 20 % too small"]):
        lines, tilt, offset = (f"{100 * row[t]:.1f}" for t in ("lines", "tilt", "offset"))
        assert f"({lines}, {tilt} and {offset} %)" in said


def test_what_is_conservative_raises_no_more_alarms_than_the_band_allows(results, text):
    nulls = results["one"]["nulls"] | results["tied"]["nulls"]
    bands = results["verdict"]["bands of false alarms"]
    bounded = {name: row for name, row in nulls.items() if "one-sided" in row}
    assert len(bounded) == 8
    for level in ("0.05", "0.01"):
        for row in bounded.values():
            assert row[f"at or below {level}"] <= bands[level]["95 %"][1]
    maps = [row["at or below 0.05"] for name, row in bounded.items() if "places" in name]
    searched = [row["at or below 0.05"] for name, row in bounded.items() if "bands" in name]
    assert (f"raises {min(maps)} to {max(maps)} false alarms in 1,000 at 5 %, bands {min(searched)} to "
            f"{max(searched)}") in " ".join(text.split())
    assert results["verdict"]["not uniform"] == []


@pytest.mark.parametrize("part", ["family", "family_tied"])
def test_families_alarm_no_more_often_than_stated(results, text, part):
    facts = results[part]["facts"]
    alarms, pairs = facts["families with an alarm at 5 %"], facts["pairs that agree"]
    assert pairs >= 300
    assert alarms <= facts["95 % band of a rate of 5 %"][1]
    assert f"{alarms} of {pairs}" in " ".join(text.split()).split("<!-- measured -->")[0]
    assert any("places" in name for name in facts["single p-values at or below 5 %, by test"])
