"""Units that a file states in words: taken where they are unambiguous, quoted either way."""

import numpy as np
import pytest
import xarray as xr

from bayesjoint import read_survey
from bayesjoint.survey import contents, left_open

from ..refusals import refused

ROWS = "1000;2000;12,5\n1100;2050;13,25\n"
VALUES = np.array([12.5, 13.25])


@pytest.fixture
def written(tmp_path):
    def write(text, encoding="utf-8", name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


TAKEN = {  # what stands before the rows, factor to mGal, what the history quotes
    "comment": ("# gravity in µm/s²\nx;y;gravity\n", 0.1, "'gravity in µm/s²'"),
    "Greek mu": ("# gravity in \u03bcm s⁻²\nx;y;gravity\n", 0.1, "line 1"),
    "slash": ("/ units: gu\nx;y;gravity\n", 0.1, "'gu' (line 1, 'units: gu')"),
    "gal": ("# Einheit = uGal\nx;y;gravity\n", 1e-3, "'uGal' (line 1"),
    "in brackets": ("# Bouguer [mGal], heights [m]\nx;y;gravity\n", 1.0, "'mGal' (line 1"),
    "apart": ("# contractor: X\n# gravity, um s^-2\nx;y;gravity\n", 0.1, "line 2"),
    "row of units": ("x;y;gravity\nm;m;µm/s²\n", 0.1, "the row under the header"),
    "row in brackets": ("x;y;gravity\n(m);(m);[mGal]\n", 1.0, "the row under the header"),
    "row with a gap": ("x;y;gravity\n;;gu\n", 0.1, "the row under the header"),
    "row in a comment": ("x;y;gravity\n".join(["# m;m;gu\n", ""]), 0.1, "a comment"),
    "an amount is no unit": ("# 0.3 mGal taken off; gravity in um/s2\nx;y;gravity\n", 0.1, "'um/s2'"),
    "the noise's are others": ("# accuracy in mGal\n# gravity: um/s2\nx;y;gravity\n", 0.1, "line 2"),
    "two": ("# gravity in um/s2\n# regional in mGal\nx;y;gravity\n", 0.1, "'gravity in um/s2'"),
    "the same twice": ("# milligal\n# mGal\nx;y;gravity\n", 1.0, "line 1"),
}  # fmt: skip


WRITABLE = [(case, encoding) for case in TAKEN for encoding in ("utf-8", "cp1252", "utf-16")
            if (case, encoding) != ("Greek mu", "cp1252")]  # that page has no such letter


@pytest.mark.parametrize(("case", "encoding"), WRITABLE)
def test_words_that_give_units_are_taken_and_quoted(written, case, encoding):
    head, factor, quoted = TAKEN[case]
    path = written(head + ROWS, encoding)
    survey = read_survey(path, "gravity", height=0.0)
    np.testing.assert_allclose(survey.data, factor * VALUES * np.ones(2))
    assert quoted in survey.history[0] and len(survey.data) == 2


OPEN = {
    "two": ("# free air in um/s2\n# regional in mGal\nx;y;gravity\n", ("'free air in um/s2'", "'regional in mGal'")),
    "negated": ("# not in mGal\nx;y;gravity\n", ()),
    "amount": ("# datum shift 0.3 mGal\nx;y;gravity\n", ()),
    "of the noise": ("# std in mGal\nx;y;gravity\n", ()),
    "a word": ("# gal durchgefuehrt, E of town, T\nx;y;gravity\n", ()),
    "of another kind": ("# magnetics in nT\nx;y;gravity\n", ()),
}


@pytest.mark.parametrize("case", OPEN)
def test_words_that_do_not_settle_units_are_quoted_and_refused(written, case):
    head, quotes = OPEN[case]
    path = written(head + ROWS)
    message = refused(lambda: read_survey(path, "gravity", height=0.0), "units")
    assert all(quote in message for quote in quotes) and ("without ambiguity" in message) == bool(quotes)
    assert left_open(path, "gravity").units is None


def test_a_territory_is_no_nanotesla(written):
    path = written("# Alice Springs, NT\nx;y;magnetic\n" + ROWS)
    refused(lambda: read_survey(path, "magnetic", height=0.0), "units")
    path = written("# Alice Springs, NT, total field (nT)\nx;y;magnetic\n" + ROWS)
    assert read_survey(path, "magnetic", height=0.0).units == "nT"


def test_a_row_of_units_scales_coordinates_too(written):
    survey = read_survey(written("x;y;z;gravity\nkm;km;m;mGal\n1,5;2;30;4\n2;2,5;31;5\n"), "gravity")
    np.testing.assert_array_equal(survey.easting, [1500.0, 2000.0])
    np.testing.assert_array_equal(survey.upward, [30.0, 31.0])
    path = written("x;y;gravity\ndeg;deg;mGal\n1,5;2;4\n2;2,5;5\n")
    refused(lambda: read_survey(path, "gravity", height=0.0), "units of column 'x'")


def test_a_header_in_a_comment_is_not_its_row_of_units(written):
    survey = read_survey(written("# x y gravity\n# m m mGal\n1000 2000 3\n1100 2000 4\n"), "gravity", height=0.0)
    np.testing.assert_array_equal(survey.data, [3.0, 4.0])


def test_units_given_win_over_words(written):
    survey = read_survey(written(TAKEN["comment"][0] + ROWS), "gravity", height=0.0, units="mGal")
    np.testing.assert_array_equal(survey.data, VALUES)
    assert "'µm/s²' set aside" in survey.history[0]


def test_the_description_of_a_variable_gives_units(tmp_path):
    axes = {"northing": [0.0, 50.0], "easting": [0.0, 50.0, 100.0]}
    data = xr.Dataset({"gravity": (("northing", "easting"), np.ones((2, 3)),
                                   {"long_name": "Bouguer anomaly (um/s2)"})}, axes)
    data.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    survey = read_survey(tmp_path / "g.nc", "gravity", height=0.0)
    assert survey.data[0, 0] == pytest.approx(0.1) and "attribute long_name" in survey.history[0]


def test_a_comment_says_what_a_nameless_column_holds(written):
    found = contents(written("# values in µm/s²\nx;y;v1\n" + ROWS, name="a.csv"))
    assert [(each.kind, each.sure, each.columns) for each in found] == [("gravity", False, {"data": "v1"})]
    assert left_open(written("# in um/s2\nx;y;gravity\n" + ROWS), "gravity").units_from == "line 1, 'in um/s2'"
