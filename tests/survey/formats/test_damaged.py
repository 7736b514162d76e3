"""Good files with bytes changed, cut out or put in: read, or refused by name on one line, in little memory."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest

from bayesjoint import read_survey

from . import files

TEXT = files.ubc()
SOUND = {
    "oasis": files.oasis(), "oasis, packed": files.oasis(packed=True), "surfer, text": files.surfer_text().encode(),
    "surfer, 6": files.surfer_6(), "surfer, 7": files.surfer_7(), "esri": files.esri().encode(),
    "icgem": files.icgem().encode(), "ubc": TEXT.encode(), "ubc, magnetic": files.ubc_magnetic().encode(),
    "tomofast": files.ubc(files.ROWS[:, :4]).encode(),
    "table": b"/ x y height mag\nLine 1\n0 0 5 1\n100 0 5 *\nTie 2\n0 9 5 3\n",
}
TOKENS = (b"", b"\0", b"\xff\xff\xff\x7f", b"\xff" * 8, b"-", b"e308", b"nan", b"inf", b"1e999", b"\n", b" ", b"9" * 30,
          b"_", b"0x", b"*", b"\x00\x00\xc0\x7f")


def damaged(content, rng):
    """The content with one to three changes, some of them repeated."""
    for _ in range(rng.integers(1, 4)):
        at, to = np.sort(rng.integers(0, len(content) + 1, 2))
        at, to = (at, min(to, at + 8)) if rng.random() < 0.8 else (at, to)
        token = TOKENS[rng.integers(len(TOKENS))] if rng.random() < 0.8 else rng.bytes(rng.integers(1, 9))
        content = content[:at] + token * (1 if rng.random() < 0.9 else 50) + content[to:]
    return content


@pytest.mark.parametrize("name", SOUND)
def test_damaged_files_are_read_or_refused(tmp_path, name, changes=60):
    rng = np.random.default_rng(sum(map(ord, name)))
    kind = "magnetic" if "magnetic" in name or name == "table" else "gravity"
    given = {"format": name.split(",")[0], "units": "nT" if kind == "magnetic" else "mGal"}
    given |= {} if name.split(",")[0] in ("ubc", "tomofast", "table") else {"height": 0.0}
    path = tmp_path / "f.grd"
    tracemalloc.start()
    for k in range(changes):
        path.write_bytes(damaged(SOUND[name], rng) if k else SOUND[name])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of degrees, and of data that can hardly be
                read_survey(path, kind, **given)
        except (ValueError, TypeError) as error:
            text = str(error)
            assert k, text
            assert re.fullmatch(r".+? must .+; found .+\. .*[.)]", text) and "f.grd" in text, text
    assert tracemalloc.get_traced_memory()[1] < 2e7
    tracemalloc.stop()
