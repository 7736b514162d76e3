"""Compiled functions work whatever the state of the cache on disk."""

import os
import random
import subprocess
import sys

import pytest

CODE = """
import numpy as np
from bayesjoint import GravityOperator, Mesh
mesh = Mesh.regular((1, 2, 2), (100, 100, 100))
print(repr(GravityOperator(mesh, mesh.easting, mesh.northing, height=1.0).predict(np.ones(mesh.shape)).sum()))
"""


def answer(cache):
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False,
                          env=dict(os.environ) | {"NUMBA_CACHE_DIR": str(cache)})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return cache, answer(cache), {p: p.read_bytes() for p in cache.rglob("*.nb?")}


@pytest.mark.parametrize("damage", ["flipped", "short", "empty"])
def test_damaged_files_are_compiled_anew_and_replaced(filled, damage):
    cache, wanted, contents = filled
    rng = random.Random(damage)
    assert contents
    for path, content in contents.items():
        data = bytearray(content if damage == "flipped" else content[: len(content) // 2 if damage == "short" else 0])
        for _ in range(5 if damage == "flipped" else 0):
            data[rng.randrange(len(data))] ^= 255
        path.write_bytes(data)
    assert answer(cache) == wanted
    assert answer(cache) == wanted
    assert any(p.read_bytes() not in (b"", bytes(contents[p])[: len(contents[p]) // 2]) for p in contents)


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path, filled):
    (tmp_path / "file").write_text("x")
    assert answer(tmp_path / "file" / "cache") == filled[1]
