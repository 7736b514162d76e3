"""What the library says of its arguments, in the words of configurations and options."""

import re

import numpy as np
import pytest

from bayesjoint.cli import main
from bayesjoint.cli._spoken import in_keys, in_options

from .surveys import write_pair

WORDS = {  # as the library says it: by keys, by options
    "Pass missing=[-9999, 1e32] to make gaps.": ("Give missing = [-9999, 1e32] in [surveys.g] to make gaps.",
                                                 "Give --missing -9999 1e32 to make gaps."),
    "Mark it: NaN, or read_survey(..., missing=[9999]).": ("Mark it: NaN, or missing = [9999] in [surveys.g].",
                                                           "Mark it: NaN, or --missing 9999."),
    "Pass columns={'data': '<name>'}.": ('Give columns = { data = "<name>" } in [surveys.g].',
                                         "Give --column data=name."),
    "columns['data'] must be given.": ("columns.data must be given.", "columns.data must be given."),
    "Pass format='ubc' or format='tomofast', or name": ('Give format = "ubc" in [surveys.g] or format = "tomofast", or '
                                                        'name', "Give --format ubc or --format tomofast, or name"),
    "pass to_crs=, for example 'EPSG:32751'.": ("give to_crs in [surveys.g], for example 'EPSG:32751'.",
                                                "give to_crs in the configuration, for example 'EPSG:32751'."),
    "Pass height= in metres.": ("Give height in [surveys.g] in metres.", "Give --height in metres."),
    "Pass a number.": ("Give a number.", "Give a number."),
    "Pass `spacing=` and let": ("Give spacing in [surveys.g] and let", "Give spacing in the configuration and let"),
    "χ² >= 3 and x == y": ("χ² >= 3 and x == y", "χ² >= 3 and x == y"),
}


@pytest.mark.parametrize("text", WORDS)
def test_arguments_become_keys_and_options(text):
    assert (in_keys(text, "surveys.g.bias"), in_options(text)) == WORDS[text]


def test_the_table_is_named():
    assert in_keys("Pass spacing=(northing, easting).", "mesh") == "Give spacing in [mesh]."


FAULTS = {  # of a table with the columns x, y, g: what the configuration says, what a row is
    "units": ("", "1,2,3"), "height": ('units = "mGal"', "1,2,3"),
    "columns": ('columns = { data = "h" }', "1,2,3"), "bad units": ('units = "furlong"', "1,2,3"),
    "missing": ('units = "mGal"\nheight = 0.0', "1,2,-9999"),
    "to_grid": ('units = "mGal"\nheight = 0.0\nto_grid = true', "1,2,3\n2,3,4\n3,4,5\n4,5,6\n5,6,7"),
    "to_crs": ('units = "mGal"\nheight = 0.0\nto_crs = "EPSG:32751"', "1,2,3"),
    "gal": ('units = "gal"\nheight = 0.0', "1,2,300"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_errors_of_a_configuration_speak_of_its_keys(tmp_path, capsys, case):
    lines, rows = FAULTS[case]
    config = write_pair(tmp_path)
    (tmp_path / "g.csv").write_text(f"x,y,gravity\n{rows}\n")
    config.write_text(config.read_text().replace('file = "gravity.nc"', f'file = "g.csv"\n{lines}'))
    assert main(["run", str(config), "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("bayesjoint: surveys.gravity") and said.count("\n") == 1
    assert not re.search(r"\b[a-z_]+=|Pass |read_survey\(|\['", said), said
    key = {"bad units": "units", "gal": "units", "columns": "columns.data"}.get(case, case)
    assert case == "to_crs" or re.search(rf"\b{re.escape(key)}\b", said)


def test_errors_of_init_speak_of_its_options(tmp_path, capsys):
    rows = "\n".join(f"{x:g},{y:g},-9999" for x, y in np.ndindex(3, 3))
    (tmp_path / "g.csv").write_text(f"x,y,gravity_mGal\n{rows}\n")
    assert main(["init", str(tmp_path / "g.csv"), "--out", str(tmp_path / "s.toml")]) == 2
    said = capsys.readouterr().err
    assert "Give --missing -9999" in said and "missing=" not in said
