"""A netCDF-4 file whose damaged heap HDF5 walks for ever is refused, and a sound one costs little more."""

import gzip
import time
from pathlib import Path

import pytest

import bayesjoint as bj
from bayesjoint import _damaged

from ..refusals import refused

ENDLESS = gzip.decompress(Path(__file__).with_name("endless.nc.gz").read_bytes())  # eleven bytes of a survey changed


@pytest.mark.parametrize("read", [lambda path: bj.read_survey(path, "gravity"), bj.load])
def test_a_file_without_end_is_refused_in_time(tmp_path, monkeypatch, read):
    monkeypatch.setattr(_damaged, "PATIENCE", 2.0)
    path, start = tmp_path / "endless.nc", time.perf_counter()
    path.write_bytes(ENDLESS)
    refused(lambda: read(path), "path")
    assert time.perf_counter() - start < 8.0


def test_what_kills_the_reader_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_damaged, "PROBE", "import os; os.abort()")
    assert "signal 6" in _damaged.attempt_hdf5(tmp_path / "a.nc", lambda: 1)[1]
    monkeypatch.setattr(_damaged, "PROBE", "raise SystemExit(1)")  # what is merely wrong the reader itself will say
    assert _damaged.attempt_hdf5(tmp_path / "a.nc", lambda: 1) == (1, None)
