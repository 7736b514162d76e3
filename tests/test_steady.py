"""A disk that fills up, and what killed writers have left."""

import os
import subprocess
import sys

import numpy as np
import pytest

from bayesjoint.dataset import GrowingFile, ParameterBlock, build_tree, read_tree, write_tree

from .refusals import refused

LIMITED = """
import resource, sys
import numpy as np
from bayesjoint.dataset import GrowingFile, ParameterBlock, build_tree, write_tree
tree = build_tree([ParameterBlock(name="mass", draws=np.arange(40000.0).reshape(1, -1), units="kg")])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    if sys.argv[3] == "whole":
        write_tree(tree, sys.argv[1])
    else:
        with GrowingFile(sys.argv[1]) as file:
            file.begin(tree)
except OSError as error:
    sys.exit(f"errno {error.errno}")
"""


def tree():
    return build_tree([ParameterBlock(name="mass", draws=[np.arange(5.0)], units="kg")])


@pytest.mark.parametrize("size", [0, 100, 5_000, 50_000])
@pytest.mark.parametrize("how", ["whole", "growing"])
def test_a_limit_is_an_error_and_leaves_nothing(tmp_path, size, how):
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "a.nc"), str(size), how], timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "errno 27" in done.stderr, done
    assert list(tmp_path.iterdir()) == []


def test_parts_of_dead_writers_are_swept_and_those_of_living_ones_kept(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True,
                          check=True).stdout.strip()
    alive = os.getppid()
    for name in (f".a.nc.{dead}.part", f"..a.nc.{dead}.part.{dead}.part", f".a.nc.{dead}.part-copy",
                 f".a.nc.{alive}.part", ".a.nc.mine.part", f".b.nc.{dead}.part"):
        (tmp_path / name).write_text("x")
    write_tree(tree(), tmp_path / "a.nc")
    kept = {f".a.nc.{alive}.part", ".a.nc.mine.part", f".b.nc.{dead}.part", "a.nc"}
    assert {p.name for p in tmp_path.iterdir()} == kept
    with GrowingFile(tmp_path / "b.nc"):
        pass
    assert not (tmp_path / f".b.nc.{dead}.part").exists()


def test_attributes_that_netcdf_cannot_hold_are_kept_as_it_can(tmp_path):
    held = build_tree([ParameterBlock(name="mass", mean=4.0)], attributes={
        "long": "x" * 100_000, "seed": 2**100, "nul": "a\0b", "stray": "\udc80", "empty": ""})
    found = read_tree(write_tree(held, tmp_path / "a.nc")).attrs
    assert (len(found["long"]), found["seed"], found["nul"], found["stray"], found["empty"]) == (
        100_000, str(2**100), "ab", "\\udc80", "")


def test_damaged_results_are_refused_by_name(tmp_path):
    path = write_tree(tree(), tmp_path / "a.nc")
    content = path.read_bytes()
    for damaged in (b"", content[:200], content[: len(content) // 2], b"text"):
        path.write_bytes(damaged)
        text = refused(lambda: read_tree(path), "path")
        assert "a.nc" in text and "\n" not in text
