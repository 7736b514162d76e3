"""Grids of Surfer in their three forms."""

import struct

import numpy as np
import pytest

from bayesjoint import read_survey

from ...refusals import refused
from .files import EAST, NORTH, VALUES, surfer_6, surfer_7, surfer_text, writer

GIVEN = {"height": 10.0, "units": "mGal"}
TEXT, SIX, SEVEN = surfer_text(), surfer_6(), surfer_7()
GOOD = {
    "text": TEXT.encode(), "text, one word a line": TEXT.replace(" ", "\r\n").encode(), "6": SIX, "7": SEVEN,
    "7, version 2": surfer_7(version=2), "7, another blank": surfer_7(version=2, blank=-999.0),
    "7, faults": surfer_7(extra=b"FLTI" + struct.pack("<i", 3) + b"abc"), "7, largest": surfer_7(blank=1.7e308),
    "7, tail": SEVEN + b"FLTI" + bytes(8),
}
BAD = {
    "text, no numbers": b"DSAA", "text, cut short": TEXT[:-5].encode(), "text, one more": (TEXT + "3\n").encode(),
    "text, words": TEXT.replace("11.0", "eleven").encode(), "text, underscore": TEXT.replace("11.0", "1_1").encode(),
    "text, absurd": TEXT.replace("4 3", "400000000 300000000").encode(), "text, half": TEXT.replace("4 3",
    "4.5 3").encode(),
    "text, negative": TEXT.replace("4 3", "-4 -3").encode(), "text, NaN": TEXT.replace("400000.0", "nan").encode(),
    "text, no extent": TEXT.replace("400150.0", "400000.0").encode(), "text, inf": TEXT.replace("11.0",
    "-inf").encode(),
    "text, binary": TEXT.encode() + bytes(9), "text, all blank": surfer_text(np.full((3, 4), np.nan)).encode(),
    "6, header alone": SIX[:56], "6, half a header": SIX[:30], "6, cut short": SIX[:-1],
    "6, absurd": surfer_6(shape=(32767, 32767)), "6, negative": surfer_6(shape=(-3, 4)),
    "6, none": surfer_6(shape=(0, 4)),
    "6, NaN": SIX[:8] + b"\xff" * 8 + SIX[16:],
    "7, cut short": SEVEN[:-1], "7, half a tag": SEVEN[:15], "7, no data": SEVEN[:92],
    "7, no grid": SEVEN[:12] + SEVEN[92:],
    "7, absurd": surfer_7(shape=(2**31 - 1, 2**31 - 1)), "7, negative": surfer_7(shape=(-3, 4)),
    "7, back": SEVEN[:16] + struct.pack("<i", -20) + SEVEN[20:], "7, turned": surfer_7(turn=30.0),
    "7, inf": surfer_7(np.array([[-np.inf, 1.0]])), "magic alone": b"DSRB", "6, magic alone": b"DSBB",
}  # fmt: skip


@pytest.fixture
def grd(tmp_path):
    return writer(tmp_path, "g.grd")


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_every_form_is_read(grd, content):
    survey = read_survey(grd(content), "gravity", **GIVEN)
    np.testing.assert_array_equal(survey.data, VALUES)
    np.testing.assert_allclose(survey.easting, EAST)
    np.testing.assert_allclose(survey.northing, NORTH)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_bad_grids_are_refused_by_name_on_one_line(grd, content):
    message = refused(lambda: read_survey(grd(content), "gravity", **GIVEN), "")
    assert "g.grd" in message and "\n" not in message


def test_a_named_format_is_held_to(grd):
    refused(lambda: read_survey(grd(SIX), "gravity", format="oasis", **GIVEN), "path")
    refused(lambda: read_survey(grd(SIX), "gravity", format="surfers", **GIVEN), "format")
    assert read_survey(grd(SIX), "gravity", format="surfer", **GIVEN).shape == (3, 4)
