"""The committed results of the two cubes: complete, at the bars or below them, and in the README."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "case_studies" / "two_cubes"


@pytest.fixture(scope="module", name="results")
def _results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="script")
def _script():
    spec = importlib.util.spec_from_file_location("two_cubes_run", FOLDER / "run.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def medians(records):
    return [float(np.median([r[key] for r in records])) for key in ("re_gravity", "re_magnetic")]


def test_every_configuration_has_twenty_draws_with_both_surveys_fitted(results):
    assert results["seeds"] == list(range(20))
    for variants in results["results"].values():
        for records in variants.values():
            assert len(records) == 20
            assert all(r["met"] for r in records)
            limit = 1 + np.sqrt(2 / 1500)
            assert max(max(r["chi2_gravity"], r["chi2_magnetic"]) for r in records) <= limit


@pytest.mark.parametrize(("name", "bars"), [
    ("separate", (0.5686, 0.8198)),
    ("Gramian (50, 1500)", (0.4761, 0.5192)),
    ("weighted space (5000, 10000)", (0.5419, 0.6870)),
    ("Gramian (400, 24000), our best pair", (0.43, 0.44)),
])
def test_relative_errors_are_at_or_below_the_bars(results, name, bars):
    for records in results["results"][name].values():
        assert all(found <= bar for found, bar in zip(medians(records), bars, strict=True))


def test_the_best_pair_was_chosen_on_other_draws(script):
    choice = json.loads((FOLDER / "choice.json").read_text(encoding="utf-8"))
    assert tuple(choice["best"]["weights"]) == script.BEST


def test_the_readme_shows_the_committed_table(results, script):
    assert script.markdown(results["results"]) in (FOLDER / "README.md").read_text(encoding="utf-8")
