"""The published numbers of the small tables, and the closed form that they rest on."""

import importlib.util
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "case_studies" / "tensions"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("tensions_run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_neutrons_lifetime(study):
    found = study.neutron()
    average = found["pdg"]
    assert (round(average["mean"], 1), round(average["scale"], 1), round(average["scaled_std"], 1)) == (880.2, 1.9, 1.0)
    assert round(average["chi2"], 1) == 21.7 and average["dof"] == 6
    assert found["tempered"]["scale"] == pytest.approx(average["scale"], rel=1e-6)
    assert found["tempered"]["std"] == pytest.approx(average["scaled_std"], rel=1e-6)
    assert 3.9 < found["beam_bottle_listed"]["sigma"] < 4.0


def test_planck_against_shoes_and_every_pair_to_rounding(study):
    table = {study.slug(r["label"]): (float(r["h0_km_s_mpc"]), float(r["sigma_symmetric"]))
             for r in study.rows("h0.csv")}
    problem = study.scalar_problem("H0", {k: ([v], [s]) for k, (v, s) in table.items()})
    for first, second in combinations(table, 2):
        (a, s), (b, t) = table[first], table[second]
        found = study.test(problem, (first, second))
        assert found["statistic"] == pytest.approx((a - b) ** 2 / (s**2 + t**2), rel=1e-12, abs=1e-12)
        assert found["dof"] == 1
    assert round(study.hubble()["planck_shoes"]["sigma"], 2) == 4.85


def test_eight_schools_agree(study):
    found = study.schools()
    assert round(found["all"]["chi2"], 1) == 4.7 and found["all"]["dof"] == 7
    assert found["least_p_holm"] == 1.0
    effects = np.array([float(r["effect"]) for r in study.rows("eight_schools.csv")])
    sigmas = np.array([float(r["sigma"]) for r in study.rows("eight_schools.csv")])
    assert found["all"]["mean"] == pytest.approx(np.average(effects, weights=sigmas**-2.0), rel=1e-12)


def test_committed_results_are_those(study):
    kept = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    tests = [kept["neutron"]["beam_bottle_all"], kept["neutron"]["beam_bottle_listed"], kept["hubble"]["planck_shoes"],
             *kept["hubble"]["early_late"]]
    assert all(0 <= test["p_value_error"] < 1e-9 for test in tests)  # every p-value with its numerical error
    assert kept["neutron"]["pdg"] == pytest.approx(study.neutron()["pdg"], rel=1e-9)
    assert all(r[2] in (FOLDER / "README.md").read_text(encoding="utf-8") for r in study.words(kept))
