"""The committed results of the aliased grid: what the README says of them is in them."""

import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "case_studies" / "cloncurry"


@pytest.fixture(scope="module", name="results")
def _results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


def test_noise_far_above_that_of_instruments_is_identified(results):
    rows = results["evidence"]
    for smoothness in ("1.5", "0.5"):
        free, held = (rows[f"noise {kind}, smoothness {smoothness}"] for kind in ("inferred", "held"))
        assert free["converged"]
        assert free["hyperparameters"]["magnetic_noise"]["low"] > 100
        assert free["log_evidence"] - held["log_evidence"] > 40
    assert results["tempering"]["evidence"]["noise"] == pytest.approx(
        rows["noise inferred, smoothness 0.5"]["values"]["magnetic_noise"], rel=0.05)


def test_the_bands_at_fault_are_the_short_ones(results):
    stated = results["bands"]["stated"]
    short = np.array(stated["wavelength_short"]) < 6
    assert np.array(stated["flagged"])[short].all()
    assert not np.array(stated["flagged"])[~short][1:].any()
    assert results["bands"]["inferred"]["flagged"][0] == 1
    assert results["bands"]["plane"]["flagged"][0] == 0


def test_the_fault_is_not_in_the_basin(results):
    found = results["maps"]
    assert found["flagged_in_basin"] == 0
    assert sum(found["flagged"]) > 50
    assert found["z_rms_basin"] < 0.3 < found["z_rms_elsewhere"]


def test_the_readme_has_these_numbers(results):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for row in results["evidence"].values():
        if "susceptibility_std" in row["values"]:
            assert f"{row['log_evidence']:.1f}" in text
    for kind in ("stated", "inferred"):
        for ratio in results["bands"][kind]["ratio"]:
            assert f"| {ratio:.2f} |" in text
    assert f"{results['maps']['z_rms_basin']:.2f}" in text
    assert f"{results['joint']['log_evidence']:.1f}" in text
    assert f"{results['tempering']['evidence']['w']:.4f}" in text


def test_the_agreement_of_the_pair_has_its_errors_and_what_the_correlation_does_to_it(results):
    text, found = (FOLDER / "README.md").read_text(encoding="utf-8"), results["pair"]
    correlation = results["joint"]["hyperparameters"]["correlation"]
    for value, row in ((correlation["low"], found["low"]), (correlation["value"], found),
                       (correlation["high"], found["high"])):
        expected = row["note"].split()[2]
        assert (f"| {value:.3f} | {-row['statistic'] / 2:.0f} | {float(expected):.0f} | {row['p_value']:.2g} | "
                f"{row['p_value_error']:.0e} |") in text
        assert row["p_value_error"] < 1e-8
    assert found["low"]["p_value"] > 0.05 > found["p_value"] > found["high"]["p_value"]
