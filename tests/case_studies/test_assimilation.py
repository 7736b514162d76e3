"""The committed results of the time-lapse case study: complete, exact where they say so, and in the README."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "case_studies" / "assimilation"
RUNS = ("campaigns alone", "with ties")


@pytest.fixture(scope="module", name="results")
def _results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("run", RUNS)
def test_states_equal_all_years_inferred_at_once(results, run):
    found = results["runs"][run]
    assert found["batch_difference"] < 1e-8
    assert found["rounding"] < 1e-7
    assert found["log_evidence"] == pytest.approx(sum(step["log_evidence"] for step in found["steps"]), rel=1e-9)


def test_shares_equal_their_closed_form(results):
    assert {row["tied"] for row in results["closed_form"]} == {True, False}
    for row in results["closed_form"]:
        assert row["share"] == pytest.approx(row["closed_form"], abs=1e-8)


def test_a_tie_damps_what_campaigns_do_not(results):
    alone, tied = (results["runs"][run]["share_of_mass"] for run in RUNS)
    assert alone[:3] == pytest.approx(tied[:3])
    assert min(alone) > 0.4
    assert max(tied[3:]) < 0.15
    for run in RUNS:
        mass = results["runs"][run]["mass"]
        z = [(m - t) / s for m, t, s in zip(mass["smoothed"], mass["truth"], mass["smoothed_std"], strict=True)]
        assert max(map(abs, z)) < 2


def test_the_evidence_prefers_the_step_that_is_used(results):
    found = results["log_evidence_by_step"]
    assert max(found, key=found.get) == "2.0"


def test_the_readme_has_these_numbers(results):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    tied = results["runs"]["with ties"]
    for step in tied["steps"]:
        assert f"| {step['chi2']:.1f} |" in text
    for run in RUNS:
        assert " | ".join(f"{100 * s:.0f} %" for s in results["runs"][run]["share_of_mass"]) in text
    for row in results["closed_form"]:
        assert f"{row['closed_form']:.4f}" in text
    assert f"{100 * tied['held']['cloud']:.0f} %" in text
    assert str(round(tied["log_evidence"], 1)) in text
