"""The committed results of the two gravity surveys, and that the study's quick algebra is the package's answer."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesjoint as bj

FOLDER = Path(__file__).parents[2] / "case_studies" / "survey_pair"
CONFLICTS = ("none", "shift", "tilt", "gain", "levelling")


@pytest.fixture(scope="module", name="results")
def _results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="study")
def _study():
    """Its modules by name."""
    sys.path.insert(0, str(FOLDER))
    names = ("ground", "remedies", "shared")
    held = {name: sys.modules.pop(name) for name in names if name in sys.modules}  # other studies have a ground too
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(held)


def remedy(results, conflict, name):
    return results[conflict]["remedies"][name]


def test_the_interval_of_a_shift_covers_it(results):
    found = remedy(results, "shift", "bias: constant")["shift"]
    assert found["truth"] != 0 and 82 <= found["covered_of_100"] <= 97
    assert abs(found["mean"] - found["truth"]) < 4 * found["std"] / 10


def test_the_right_remedy_restores_coverage_and_the_joint_posterior_has_lost_it(results):
    for conflict, name in (("shift", "bias: constant"), ("tilt", "bias: linear"),
                           ("levelling", "bias: linear and lines")):
        assert remedy(results, conflict, name)["coverage_mass"] >= 0.82
        assert abs(remedy(results, conflict, name)["coverage_cells"] - 0.9) < 0.02
    assert remedy(results, "shift", "joint, as it stands")["coverage_mass"] < 0.2


def test_without_conflict_all_cover_and_few_tests_speak(results):
    assert all(rate <= 0.12 for rate in results["none"]["rejected"].values())
    assert all(0.82 <= row["coverage_mass"] <= 0.97 for row in results["none"]["remedies"].values())


def test_closed_form_and_package_agree(results, study):
    for name, a in study["shared"].SENSITIVITIES.items():
        rows = results["shared"]["scalar"][name]
        np.testing.assert_allclose(rows["package"], rows["closed_form"], rtol=1e-8)
        assert rows["package"][2] == pytest.approx(study["shared"].scalar(a, study["shared"].RHO[2]), rel=1e-10)


def test_every_row_is_in_the_readme(results):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert (FOLDER / "remedies.png").stat().st_size > 20_000
    for name in results["none"]["remedies"]:
        rows = [remedy(results, c, name) for c in CONFLICTS]
        cells = [f"{row['coverage_mass']:.2f} ± {row['coverage_mass_error']:.2f}" for row in rows]
        assert f"| {name} | " + " | ".join(cells) + " |" in text


def test_errors_and_costs_have_their_sampling_errors(results):
    for c in CONFLICTS:
        for name, row in results[c]["remedies"].items():
            # of 100 independent truths: an error of a root mean square is some 1/√200 of it for the mass
            assert 0.03 < row["rms_error_mass_error"] / row["rms_error_mass"] < 0.2 or row["rms_error_mass"] > 3, name
            assert 0.003 < row["rms_error_error"] / row["rms_error"] < 0.03
            share = row["coverage_mass"]
            assert row["coverage_mass_error"] == pytest.approx(np.sqrt(share * (1 - share) / 99), abs=1e-12)
    quiet = {name: row["cost"] for name, row in results["none"]["remedies"].items()}
    assert quiet["joint, as it stands"] == {key: [0.0, 0.0] for key in quiet["discrepancy"]}
    # paired: the same data sets tell a difference far better than either error
    biased = remedy(results, "none", "bias: constant")
    assert quiet["bias: constant"]["rms_error"][1] < 0.2 * biased["rms_error_error"] / biased["rms_error"]
    assert abs(quiet["tempered: evidence"]["rms_error"][0]) < 3 * quiet["tempered: evidence"]["rms_error"][1] + 1e-3


def test_no_survey_is_sharpened(results):
    for c in CONFLICTS:
        for name, row in results[c]["remedies"].items():
            for quantiles in row.get("exponents", {}).values():
                assert max(quantiles) <= 1.0, (c, name)


def test_shares_of_alarms_have_their_sampling_error(results):
    text = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    errors = [f"± {np.sqrt(p * (1 - p) / 100):.2f} at {p:g}" for p in (0.05, 0.5)]
    assert f"speaks** (sampling error ± (p (1 − p) / 100)^½: {errors[0]}, {errors[1]})" in text
    shares = np.array([list(results[c]["rejected"].values()) for c in CONFLICTS])
    assert np.all(np.sqrt(shares * (1 - shares) / 100) <= 0.05)


def test_the_quick_algebra_is_the_posterior(study):
    ground, remedies = study["ground"], study["remedies"]
    plain, rng = ground.problem(), np.random.default_rng(0)
    _, clean, data = ground.simulate(plain, 2, rng)
    data = ground.disturb(plain, "levelling", clean, data, rng)
    tempered, weights = remedies.Tempered(plain), {"ground": 1.3, "airborne": 0.4}
    runs = np.split(data[1], [plain.modalities[0].size])
    one = plain.replace(modalities=[m.replace(data=d) for m, d in zip(plain.modalities, runs, strict=True)])
    post = bj.posterior(one.replace(weights=weights), method="dense")
    mean, std, mass, mass_std = tempered.answer(data[1], weights)
    np.testing.assert_allclose(mean, post.mean()["density"].ravel(), atol=1e-6)
    np.testing.assert_allclose(std, post.std()["density"].ravel(), rtol=1e-6)
    w = remedies.mass_weights(plain)
    assert mass == pytest.approx(w @ post.mean()["density"].ravel(), rel=1e-8)
    spread = w @ post.covariance_product({"density": w.reshape(post.mean()["density"].shape)})["density"].ravel()
    assert mass_std == pytest.approx(np.sqrt(spread), rel=1e-6)
    assert tempered.exponents(data[1], "evidence") == {
        n: pytest.approx(v, rel=1e-6) for n, v in bj.temper(one, curve=False).weights.items()}
    answers, post, _ = remedies.augmented(remedies.AUGMENTED["bias: linear"](plain), data)
    biased = bj.posterior(remedies.AUGMENTED["bias: linear"](one))
    np.testing.assert_allclose(answers.mean[1], biased.mean()["density"].ravel(), atol=1e-6)
