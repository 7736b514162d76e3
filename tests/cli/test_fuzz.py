"""Mutated files and configurations: read, or refused by a ValueError or TypeError in four parts, on one line."""

import random
import re
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesjoint import Survey, read_survey
from bayesjoint.cli._config import read_config
from bayesjoint.cli._refuse import ConfigError

from .surveys import CONFIG

FORM = re.compile(r".+? must .+; found .+\. .*[.)]")
SECONDS = 8.0  # for each kind of file
TABLE = "easting_m,northing_m,height_m,gravity_mGal,sigma_mGal\n" + "".join(
    f"{100 * k},{50 * k},5,{0.37 * k:.3f},0.1\n" for k in range(12))


def survey():
    axis = np.arange(5) * 100.0
    return Survey("gravity", np.arange(25.0).reshape(5, 5) / 7, axis, axis, 3.0, 0.1, crs="EPSG:28351", source="me")


def mutated(content, rng):
    """Content with some bytes changed, cut out, doubled, or its end missing."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place, size = rng.randrange(len(data)), rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0:
            data[place : place + size] = rng.randbytes(size)
        elif kind == 1:
            del data[place : place + size]
        elif kind == 2:
            data[place:place] = data[place : place + size]
        elif kind == 3:
            data[place : place + 8] = struct.pack(rng.choice(("<q", ">q", "<d")), rng.choice((-1, 0, 2**31, 2**62)))
        elif kind == 4 and rng.random() < 0.3:
            del data[place:]
        else:
            data[place] ^= 1 << rng.randrange(8)
        if not data:
            break
    return bytes(data)


@pytest.mark.parametrize("kind", ["csv", "netCDF-3", "netCDF-4"])
def test_mutated_files_are_read_or_refused_in_four_parts(tmp_path, kind):
    path = tmp_path / "file.dat"
    if kind == "csv":
        content = TABLE.encode()
    else:
        survey().to_dataset().to_netcdf(path, engine="scipy" if kind == "netCDF-3" else "h5netcdf")
        content = path.read_bytes()
    rng, end, tally = random.Random(kind), time.perf_counter() + SECONDS, {"read": 0, "refused": 0}
    for _ in range(400):
        if time.perf_counter() > end:
            break
        path.write_bytes(mutated(content, rng))
        try:
            read_survey(path, "gravity", height=0.0 if rng.random() < 0.1 and kind != "csv" else None)
            tally["read"] += 1
        except (ValueError, TypeError) as error:
            text = str(error)
            assert FORM.fullmatch(text) and "file.dat" in text, text
            tally["refused"] += 1
        except UserWarning:  # a number that can hardly be
            tally["read"] += 1
    assert min(tally.values()) > 0, tally


VALUES = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.lists(st.one_of(st.floats(), st.text(max_size=3), st.booleans()), max_size=3), st.just({}),
    st.sampled_from(["gravity", "density", "dense", "matern", "none", "prior", "auto"]))


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 and not 0xD800 <= ord(c) < 0xE000 else "?"
                             for c in value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return "{}" if isinstance(value, dict) else repr(value)


KEYS = [m.span() for m in re.finditer(r"(?<= = ).*$", CONFIG, re.MULTILINE)]


@given(st.sampled_from(KEYS), VALUES)
@settings(max_examples=150)
def test_configurations_with_another_value_are_read_or_refused(tmp_path_factory, span, value):
    check(tmp_path_factory, (CONFIG[: span[0]] + toml(value) + CONFIG[span[1]:]).encode("utf-8"))


@given(st.integers(0, 10**9))
@settings(max_examples=150)
def test_mutated_configurations_are_read_or_refused(tmp_path_factory, seed):
    check(tmp_path_factory, mutated(CONFIG.encode(), random.Random(seed)))


def check(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(content)
    try:
        read_config(path)
    except ConfigError as error:  # key = value: what is allowed
        assert re.fullmatch(r"[^\n]+: [^\n]+", " ".join(str(error).splitlines())), str(error)
