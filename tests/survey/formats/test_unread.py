"""Kinds that are known and not read are named, with what converts them."""

import pytest

from bayesjoint import read_survey
from bayesjoint.survey import FORMATS
from bayesjoint.survey.formats._unread import UNREAD

from ...refusals import refused
from .files import oasis, surfer_6

TABLE = b"easting_m,northing_m,height_m,gravity_mGal\n0,0,5,1\n"
NOTHING = (b"", b"\n", b"1\n", b"a", bytes(600), b"\xff" * 600, b"1 2 3\n" * 9, b"DSBB", b"x" * 99, b"DSAA 3",
           b"DSAA 3 3 1 2", b"ncols 3", b"ncols 3 nrows 3 3", b"1 2\n1 2", b"end_of_head", b"datacomp")
ENDINGS = [(ending, entry) for entry in UNREAD for ending in entry[0]]
MAGICS = [(magic, entry) for entry in UNREAD for magic in entry[3]]


@pytest.mark.parametrize(("ending", "entry"), ENDINGS)
@pytest.mark.parametrize("content", [b"\0\1\2" * 50, b"##FIELD = x\n1 2 3\n", b""])
def test_by_its_ending(tmp_path, ending, entry, content):
    path = tmp_path / f"a{ending.upper()}"
    path.write_bytes(content)
    message = refused(lambda: read_survey(path, "gravity"), "path")
    assert entry[1] in message and entry[2] in message and path.name in message and "\n" not in message


@pytest.mark.parametrize(("magic", "entry"), MAGICS)
def test_by_its_first_bytes(tmp_path, magic, entry):
    path = tmp_path / "a.dat"
    path.write_bytes(magic + bytes(range(200)))
    message = refused(lambda: read_survey(path, "gravity"), "path")
    assert entry[1] in message and "a.dat" in message


def test_what_is_known_by_its_content_is_read_whatever_its_name(tmp_path):
    for name, content in (("g.hdr", oasis()), ("g.img", surfer_6())):
        path = tmp_path / name
        path.write_bytes(content)
        assert read_survey(path, "gravity", height=0.0, units="mGal").shape == (3, 4)
    path = tmp_path / "t.las"
    path.write_bytes(TABLE)
    assert read_survey(path, "gravity", format="table").size == 1


def test_a_geoh5_workspace_is_not_taken_for_netcdf(tmp_path):
    import h5py

    path = tmp_path / "w.geoh5"
    with h5py.File(path, "w") as file:
        file["GEOSCIENCE"] = [1.0]
    assert "GEOH5" in refused(lambda: read_survey(path, "gravity"), "path")


def test_what_nobody_knows_lists_what_is_read(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\7\0\0\0noise" * 100)
    message = refused(lambda: read_survey(path, "gravity"), "path")
    assert all(form.words in message for form in FORMATS.values())


def test_every_format_refuses_what_is_none_of_its_own(tmp_path):
    """By name, on one line, whatever it is told to take the file for."""
    for form in FORMATS:
        for k, content in enumerate(NOTHING):
            path = tmp_path / f"{form}{k}.xyz"
            path.write_bytes(content)
            message = refused(lambda path=path, form=form: read_survey(path, "gravity", format=form), "")
            assert path.name in message and "\n" not in message and "unpack" not in message
