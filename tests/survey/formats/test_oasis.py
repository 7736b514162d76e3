"""Oasis montaj grids: every type of value, order and packing, and files that only look like one."""

import struct

import numpy as np
import pytest

from bayesjoint import read_survey

from ...refusals import refused
from .files import CODES, EAST, NORTH, VALUES, oasis, writer

GIVEN = {"height": 10.0, "units": "mGal"}


@pytest.fixture
def grd(tmp_path):
    return writer(tmp_path, "g.grd")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("dtype", CODES)
def test_every_type_order_and_packing(grd, dtype, order, packed):
    values = np.abs(VALUES) if dtype[0] == "u" else VALUES
    survey = read_survey(grd(oasis(values, dtype, packed, order)), "gravity", **GIVEN)
    np.testing.assert_array_equal(survey.data, values)
    np.testing.assert_array_equal(survey.easting, EAST)
    np.testing.assert_array_equal(survey.northing, NORTH)
    assert "an Oasis montaj grid" in survey.history[0]


def test_base_and_factor_are_applied(grd):
    survey = read_survey(grd(oasis(dtype="i2", base=3.0, factor=100.0)), "gravity", **GIVEN)
    np.testing.assert_allclose(survey.data, VALUES)


def test_a_turned_grid_is_read_as_stations(grd):
    survey = read_survey(grd(oasis(turn=30.0)), "gravity", **GIVEN)
    assert survey.dims == ("station",) and survey.size == 12
    along = np.radians(30.0)
    last = EAST[0] + 150 * np.cos(along) - 50 * np.sin(along), NORTH[0] + 150 * np.sin(along) + 50 * np.cos(along)
    np.testing.assert_allclose((survey.easting[-1], survey.northing[-1]), last)
    assert survey.data[-1] == -12


GOOD, PACKED = oasis(), oasis(packed=True)
HUGE = struct.pack("<i", 2**31 - 1)
BAD = {
    "header alone": GOOD[:512], "half a header": GOOD[:100], "cut short": GOOD[:-1], "colours": oasis(sign=3),
    "absurd size": GOOD[:8] + HUGE + HUGE + GOOD[16:], "no values": oasis(across=0), "negative": oasis(vectors=-3),
    "order": GOOD[:16] + struct.pack("<i", 2) + GOOD[20:], "NaN in the header": oasis(turn=np.nan),
    "no scale": GOOD[:68] + bytes(8) + GOOD[76:], "spacing": GOOD[:20] + bytes(8) + GOOD[28:],
    "float of 2 bytes": oasis(dtype="i2", sign=2), "inf": oasis(np.array([[np.inf, 1.0]])),
    "packed, cut": PACKED[:-5], "packed, no table": PACKED[:530], "packed, blocks": PACKED[:520] + HUGE + PACKED[524:],
    "packed, no blocks": PACKED[:520] + bytes(4) + PACKED[524:], "packed, header alone": PACKED[:512],
    "packed, absurd": PACKED[:8] + HUGE + HUGE + PACKED[16:],
    "packed, offset": PACKED[:528] + b"\xff" * 8 + PACKED[536:],
    "packed, no zlib": PACKED[:-20] + bytes(20), "packed, more": PACKED[:12] + struct.pack("<i", 1) + PACKED[16:],
    "packed, less": PACKED[:12] + struct.pack("<i", 9) + PACKED[16:], "noise": b"\1\2\3\4" * 300,
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_bad_grids_are_refused_by_name_on_one_line(grd, content):
    message = refused(lambda: read_survey(grd(content), "gravity", **GIVEN), "")
    assert "g.grd" in message and "\n" not in message


def test_what_is_expanded_never_exceeds_what_was_announced(grd):
    """A block that would come to 1 GB is left where it goes beyond the header's size."""
    import tracemalloc
    import zlib

    bomb = zlib.compressobj()
    block = b"".join(bomb.compress(bytes(10**6)) for _ in range(1000)) + bomb.flush()
    body = struct.pack("<4i", -1, 1, 1, 3) + struct.pack("<qi", 540, 16 + len(block)) + bytes(16) + block
    path = grd(PACKED[:512] + body)
    tracemalloc.start()
    refused(lambda: read_survey(path, "gravity", **GIVEN), "path")
    assert tracemalloc.get_traced_memory()[1] < 3e7
    tracemalloc.stop()


def test_columns_are_refused_where_values_have_no_names(grd):
    refused(lambda: read_survey(grd(GOOD), "gravity", variable="gz", **GIVEN), "columns")


def test_height_and_units_are_asked_for(grd):
    refused(lambda: read_survey(grd(GOOD), "gravity", units="mGal"), "height")
    refused(lambda: read_survey(grd(GOOD), "gravity", height=0.0), "units")
