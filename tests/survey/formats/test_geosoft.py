"""Geosoft XYZ: lines and ties are kept with their stations, dummies are gaps."""

import numpy as np
import pytest

from bayesjoint import Survey, read_survey

from ...refusals import refused
from .files import writer

HEAD = """/ ------------------------------------------------------------
/ XYZ EXPORT [01/02/2024]
/ DATABASE   [.\\mag.gdb]
/ ------------------------------------------------------------
/
/  X_m      Y_m     ALT_m   MAG_nT
/======== ======== ======= ========
"""
ROWS = """Line  100
//Flight 3
//Date 2024/01/30
    0.0     0.0    60.0     12.5
   50.0     0.0    61.0        *
Tie  T200
    0.0   100.0    62.0     -3.0
      *       *       *        *
Line 110:1
   50.0   100.0    63.0      7.0
"""
NAMES = {"columns": {"data": "MAG_nT", "upward": "ALT_m"}}


@pytest.fixture
def xyz(tmp_path):
    return writer(tmp_path, "s.xyz")


@pytest.mark.parametrize("text", [HEAD + ROWS, (HEAD + ROWS).replace("\n", "\r\n"), HEAD + ROWS.replace("Line",
"LINE")])
def test_lines_ties_and_dummies(xyz, text):
    survey = read_survey(xyz(text), "magnetic", **NAMES)
    assert survey.lines.tolist() == ["L100", "L100", "T200", "L110:1"]
    np.testing.assert_array_equal(survey.data, [12.5, np.nan, -3.0, 7.0])
    np.testing.assert_array_equal(survey.upward, [60, 61, 62, 63])
    assert "1 row(s) without datum and place left out" in survey.history[0]
    assert "lines from rows between them" in survey.history[0] and not survey.lines.flags.writeable


def test_rows_before_the_first_line_have_no_name(xyz):
    survey = read_survey(xyz(HEAD + "9 9 9 9\n" + ROWS), "magnetic", **NAMES)
    assert survey.lines.tolist() == ["", "L100", "L100", "T200", "L110:1"]


def test_other_layouts_of_such_exports(xyz):
    """An empty comment under the ruler, a title of an instrument before the names, other types of lines."""
    text = "/GSM-19 v9\n/GPS datum\n/09V\n/X Y elev mag_nT sq\n/\nrandom  93.53\n 0611053.36 6356328.88 1391 56.45 99\n"
    survey = read_survey(xyz(text + "Trend 7\n0 0 1 2 99\n"), "magnetic", columns={"data": "mag_nT"})
    assert survey.lines.tolist() == ["D93.53", "R7"] and survey.upward.tolist() == [1391, 1]


def test_a_column_of_lines(xyz):
    text = "x,y,height,mag_nT,Line\n0,0,5,1,L1\n100,0,5,2,\n"
    assert read_survey(xyz(text), "magnetic", columns={"data": "mag_nT"}).lines.tolist() == ["L1", ""]
    assert read_survey(xyz(text.replace("Line", "Row")), "magnetic", columns={"data": "mag_nT"}).lines is None


def test_lines_go_with_their_stations(xyz, tmp_path):
    survey = read_survey(xyz(HEAD + ROWS), "magnetic", **NAMES)
    assert survey.window(north=50.0).lines.tolist() == ["L100", "L100"]
    assert survey.replace(std=1.0).lines.tolist() == survey.lines.tolist()
    assert survey.replace(upward=0.0).to_grid().lines is None
    for engine in ("h5netcdf", "scipy"):
        path = tmp_path / f"{engine}.nc"
        survey.to_dataset().to_netcdf(path, engine=engine)
        assert read_survey(path, "magnetic").lines.tolist() == survey.lines.tolist()


def test_lines_are_one_a_station():
    assert Survey("gravity", [1.0, 2.0], [0, 1], [0, 1], 0.0, lines=[10, 20]).lines.tolist() == ["10", "20"]
    refused(lambda: Survey("gravity", [1.0, 2.0], [0, 1], [0, 1], 0.0, lines=["a"]), "lines")
    refused(lambda: Survey("gravity", np.ones((1, 2)), [0, 1], [0], 0.0, lines=["a", "b"]), "lines")


BAD = {
    "lines alone": "Line 1\nTie 2\n", "header alone": HEAD, "short row": HEAD + ROWS + "3 4\n",
    "words": HEAD + ROWS.replace("7.0", "seven"), "no name": HEAD + ROWS.replace("Tie  T200", "Tie"),
    "place": HEAD + ROWS.replace("0.0   100.0", "*   100.0"), "infinite": HEAD + ROWS.replace("7.0", "inf"),
    "all dummies": HEAD + "Line 1\n1 2 3 *\n", "nowhere": HEAD + "Line 1\n* * * *\n",
    "undeclared": HEAD + ROWS.replace("7.0", "-9999.99"),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_tables_are_refused_by_name_on_one_line(xyz, text):
    message = refused(lambda: read_survey(xyz(text), "magnetic", **NAMES), "")
    assert "s.xyz" in message and "\n" not in message
