"""ESRI ASCII grids, with the system of the file beside them."""

import numpy as np
import pytest

from bayesjoint import read_survey

from ...refusals import refused
from .files import EAST, NORTH, VALUES, esri, writer

GIVEN = {"height": 10.0, "units": "mGal"}
TEXT = esri()
GOOD = {
    "corner": TEXT, "centre": esri(place="center"), "capitals": TEXT.replace("ncols", "NCOLS"),
    "NaN": esri(blank="nan"),
    "CRLF": TEXT.replace("\n", "\r\n"), "one word a line": "\n".join(TEXT.split()), "dx and dy": esri(
        head={"cellsize": None, "dx": 50, "dy": 50}), "large": esri(blank="-3.4028235e+38"), "BOM": "\ufeff" + TEXT,
}
BAD = {
    "cut short": TEXT[:-6], "one more": TEXT + "3\n", "words": TEXT.replace("11.0", "eleven"), "header": TEXT[:40],
    "absurd": esri(head={"ncols": 4 * 10**9, "nrows": 10**9}), "half": esri(head={"ncols": 4.5}),
    "none": esri(head={"nrows": 0}), "no size": esri(head={"cellsize": None}), "size 0": esri(head={"cellsize": 0}),
    "size below": esri(head={"cellsize": -50}), "NaN": esri(head={"xllcorner": "nan"}), "both": esri(
        head={"xllcenter": 0}), "no origin": esri(head={"yllcorner": None}), "twice": "ncols 4\n" + TEXT.replace(
        "nrows", "nrows 3\nnrows"), "marks": esri(head={"NODATA_value": "none"}), "underscore": TEXT.replace("11.0",
        "1_1"),
    "undeclared": esri(head={"NODATA_value": None}), "infinite": TEXT.replace("11.0", "inf"), "alone": "ncols 4 nrows ",
}  # fmt: skip


@pytest.fixture
def asc(tmp_path):
    return writer(tmp_path, "g.asc")


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_every_header_is_read(asc, text):
    survey = read_survey(asc(text), "gravity", **GIVEN)
    np.testing.assert_array_equal(survey.data, VALUES)
    np.testing.assert_allclose(survey.easting, EAST)
    np.testing.assert_allclose(survey.northing, NORTH[0] + 50.0 * np.arange(3))
    assert survey.crs is None


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_grids_are_refused_by_name_on_one_line(asc, text):
    message = refused(lambda: read_survey(asc(text), "gravity", **GIVEN), "")
    assert "g.asc" in message and "\n" not in message


def test_the_system_beside_it_is_taken(asc):
    path = asc(TEXT)
    path.with_suffix(".prj").write_text('PROJCS["GDA_1994_MGA_Zone_51",UNIT["Meter",1.0]]')
    assert read_survey(path, "gravity", **GIVEN).crs.startswith("PROJCS")
    assert read_survey(path, "gravity", crs=28351, **GIVEN).crs == "EPSG:28351"
    path.with_suffix(".prj").write_text('GEOGCS["GCS_WGS_1984",UNIT["Degree",0.0174]]')
    refused(lambda: read_survey(path, "gravity", **GIVEN), "crs")
