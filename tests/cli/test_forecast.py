"""What a run would take: the stages that are counted, and the Kalgoorlie window beside its measured time."""

from dataclasses import replace
from pathlib import Path

import pytest

from bayesjoint.cli import _forecast
from bayesjoint.cli._config import read_config
from bayesjoint.cli._forecast import forecast
from bayesjoint.cli.run import build_problem

from .surveys import CONFIG, write_pair
from .test_ground import GROUND

WINDOW = Path(__file__).parents[2] / "case_studies/kalgoorlie_window/run.toml"
MEASURED = 87.0  # seconds of processor, of which 25 for the posterior, 53 for the ground, on a machine of this speed:
SPEED = 5.0e10, 8.0e-9  # products a second, seconds of a transform for each number


@pytest.fixture(autouse=True)
def speed(monkeypatch):
    monkeypatch.setattr(_forecast, "machine_speed", lambda: SPEED)


def test_the_window_takes_what_was_measured():
    config = read_config(WINDOW)
    problem = build_problem(config)
    whole, bare = (forecast(problem, each).seconds for each in (config, replace(config, geology=None)))
    assert whole == pytest.approx(MEASURED, rel=0.25) and 25 < whole - bare < 80


def test_every_stage_of_the_ground_is_counted(tmp_path):
    """Worlds, other families, and learning anew for each survey by itself; none without a table of the ground."""
    path = write_pair(tmp_path)
    path.write_text(CONFIG + GROUND)
    config = read_config(path)
    problem, table = build_problem(config), config.geology

    def seconds(separate=True, **changed):
        there = changed.pop("there", True)
        geology = replace(table, **changed) if there else None
        return forecast(problem, replace(config, geology=geology, posterior=replace(
            config.posterior, separate=separate))).seconds

    bare, stated = seconds(there=False), seconds()
    assert bare < stated < seconds(worlds=80) < seconds(worlds=160)
    assert seconds(worlds=80) - stated == pytest.approx(2 * (seconds(worlds=60) - stated), rel=1e-9)
    assert stated < seconds(sensitivity=True) and stated - bare > seconds(separate=False) - seconds(False, there=False)
    numbers = SPEED[1] * problem.size * 40
    assert stated - bare > (_forecast.SIMULATED + 2 * _forecast.LEARNED) * numbers * 0.99
