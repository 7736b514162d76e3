"""Every published report says which command makes it, and the README's command makes every section of its report."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = dict(re.findall(r"\| \[`(\w+\.html)`\].*?\| `(.*?)`", (ROOT / "reports" / "README.md").read_text("utf-8")))
OF_OTHERS = {"resolution", "leakage", "information", "bought", "calibration", "quantities", "agreement", "remedies"}


def test_every_report_is_listed():
    assert {p.name for p in (ROOT / "reports").glob("*.html")} == set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_its_command_exists_and_writes_it(name):
    command, called = LISTED[name].split(), (ROOT / "README.md").read_text("utf-8")
    made = next(ROOT / word for word in command if word.startswith("case_studies/"))
    assert made.is_file()
    if command[0] == "bayesjoint":
        assert LISTED[name] in called.replace(".venv/bin/", "")
    else:
        source = made.read_text("utf-8")
        assert name in source and LISTED[name] in source  # the report it writes, and the command that it will state


def test_the_command_of_the_readme_writes_every_section():
    page = (ROOT / "reports" / "kalgoorlie_window.html").read_text("utf-8")
    sections = set(re.findall(r'<section id="(\w+)"', page))
    assert {"answer", "ground", "data", "model"} <= sections and not sections & OF_OTHERS
