"""A file grows block by block, holds what the whole dataset would, and whole blocks whatever stops a run."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj
from bayesjoint.dataset import GrowingFile, ParameterBlock, build_tree, read_tree, write_tree
from bayesjoint.engines import _draw_blocks as drawing
from bayesjoint.engines import _to_file as filing
from bayesjoint.engines.iterative import IterativePosterior

from ..periodic import continued_problem
from ..refusals import refused
from .test_drawing import Counting
from .test_export import survey_problem


def iterative(**options):
    return IterativePosterior(continued_problem(bias=True), **options)


@pytest.mark.parametrize("make", [iterative, lambda: bj.posterior(survey_problem(), method="dense")])
def test_a_grown_file_is_the_whole_dataset(tmp_path, make):
    path, post = tmp_path / "posterior.nc", make()
    for draws in (4, 15, 32, 32, 20):
        assert post.to_file(path, draws=draws, chains=2, seed=3) == path
    found, whole = read_tree(path), post.to_datatree(draws=32, chains=2, seed=3)
    assert set(found.children) == set(whole.children)
    for group, node in whole.children.items():
        if "draw" in node.dims:
            xr.testing.assert_identical(found[group].to_dataset(), node.to_dataset())
    xr.testing.assert_equal(found["observed_data"].to_dataset(), whole["observed_data"].to_dataset())
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]
    assert bj.load(path).held == (2, 32)
    assert bj.load(path).sample()["density"].shape[:2] == (2, 32)


def test_arviz_reads_it(tmp_path):
    az = pytest.importorskip("arviz")
    post = bj.posterior(survey_problem(), method="dense")
    tree = xr.open_datatree(post.to_file(tmp_path / "a.nc", draws=25, chains=2), engine="h5netcdf")
    small = xr.DataTree.from_dict({"/posterior": tree["posterior"].to_dataset()[["datum"]].load()})
    tree.close()
    assert len(az.summary(az.from_datatree(small) if hasattr(az, "from_datatree") else small)) == 2


def test_only_new_blocks_are_made(tmp_path, monkeypatch):
    path, post, made = tmp_path / "a.nc", bj.posterior(survey_problem(), method="dense"), []
    whole = type(post).joint_draws
    monkeypatch.setattr(type(post), "joint_draws", lambda self, rng, count: (made.append(count),
                                                                             whole(self, rng, count))[1])
    post.to_file(path, draws=30, chains=2)
    assert len(made) == 6
    post.to_file(path, draws=50, chains=2)
    assert len(made) == 6 + 4 + 1  # and one to see that they are the same


def test_a_drawer_is_sent_once_a_worker(tmp_path):
    executor = Counting()
    iterative(executor=executor).to_file(tmp_path / "a.nc", draws=100, chains=3)
    assert len(executor.sizes) <= 3 + 3  # the first blocks come with the summaries
    plain = iterative().to_datatree(draws=100, chains=3)
    xr.testing.assert_identical(read_tree(tmp_path / "a.nc")["posterior"].to_dataset(), plain["posterior"].to_dataset())


def test_other_samples_are_refused(tmp_path):
    path, post = tmp_path / "a.nc", bj.posterior(survey_problem(), method="dense")
    post.to_file(path, draws=5, chains=2, seed=1)
    before = path.read_bytes()
    refused(lambda: post.to_file(path, draws=20, chains=2, seed=2), "seed")
    refused(lambda: post.to_file(path, draws=20, chains=3, seed=1), "chains")
    refused(lambda: post.to_file(path, draws=20, chains=2, seed=np.random.default_rng(1)), "seed", TypeError)
    refused(lambda: bj.posterior(post.problem, method="iterative").to_file(path, draws=20, chains=2, seed=1), "method")
    other = bj.posterior(post.problem.replace(weights={"gravity": 0.4}), method="dense")
    refused(lambda: other.to_file(path, draws=20, chains=2, seed=1), "likelihood exponent of gravity")
    gravity, *rest = post.problem.modalities
    for key, changed in (("data of gravity", gravity.replace(data=gravity.data * (1 + 1e-5))),
                         ("noise of gravity", gravity.replace(noise=bj.DiagonalNoise(1.1 * gravity.noise.std))),
                         ("modalities", gravity.replace(name="ground"))):
        near = bj.posterior(post.problem.replace(modalities=[changed, *rest]), method="dense")
        refused(lambda near=near: near.to_file(path, draws=20, chains=2, seed=1), key)
    refused(lambda: post.to_file(path, draws=20, chains=2, seed=1, separate=post.separate()), "path")
    refused(lambda: post.to_file(path, draws=20, chains=2, seed=2**70), "seed")
    (tmp_path / "text.nc").write_text("no netCDF")
    refused(lambda: post.to_file(tmp_path / "text.nc", draws=20), "path")
    refused(lambda: post.to_file(tmp_path, draws=20), "path")
    (tmp_path / "text.nc").unlink()
    fewer = bj.posterior(post.problem.separate()["gravity"], method="dense")
    refused(lambda: fewer.to_file(path, draws=20, chains=2, seed=1), "parameters")
    whole = write_tree(post.to_datatree(draws=2, chains=2), tmp_path / "whole.nc")
    refused(lambda: post.to_file(whole, draws=20, chains=2), "path")
    refused(lambda: post.to_file(tmp_path / "a.nc", draws=0), "draws")
    with pytest.raises(FileNotFoundError, match="existing folder"):
        post.to_file(tmp_path / "nowhere" / "a.nc")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nc", "whole.nc"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_run_leaves_whole_blocks(tmp_path, monkeypatch, stop):
    path, post = tmp_path / "a.nc", bj.posterior(survey_problem(), method="dense")
    whole, made = drawing.drawn, []

    def stopping(post, blocks, clean=True):
        for found in whole(post, blocks, clean):
            made.append(found)
            if len(made) == 8:
                raise stop
            yield found

    monkeypatch.setattr("bayesjoint.engines._export.drawn", stopping)
    with pytest.raises(stop):
        post.to_file(path, draws=100, chains=2, seed=3)
    monkeypatch.undo()
    assert bj.load(path).held == (2, 30)
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    post.to_file(path, draws=40, chains=2, seed=3)
    drawn = post.sample(draws=40, chains=2, seed=3)["density"].astype(np.float32)
    np.testing.assert_array_equal(read_tree(path)["posterior"]["density"], drawn)


DISK_FULL = ("disk full",)


def numbers(first, last):
    return build_tree([ParameterBlock(name="mass", draws=[np.arange(first, last)], units="kg")])


def test_a_block_that_is_half_written_is_taken_away(tmp_path, monkeypatch):
    import h5netcdf

    path = tmp_path / "a.nc"
    with GrowingFile(path) as file:
        file.begin(numbers(0, 10))
    whole, calls = h5netcdf.Group.resize_dimension, []

    def failing(self, dim, size):
        whole(self, dim, size)
        calls.append(size)
        if len(calls) == 1:
            raise OSError(*DISK_FULL)

    monkeypatch.setattr(h5netcdf.Group, "resize_dimension", failing)
    with pytest.raises(OSError, match="disk full"), GrowingFile(path) as file:
        file.extend(numbers(10, 20), 10)
    with GrowingFile(path) as file:
        assert file.draws == 10
        file.extend(numbers(10, 15), 10)
        file.extend(numbers(10, 30), 10)
        with pytest.raises(OSError, match="disk full"):
            calls.clear()
            file.extend(numbers(30, 40), 30)
    assert read_tree(path)["posterior"]["mass"].values.tolist() == [list(range(30))]


KILLED = """
import os, numpy as np
from bayesjoint.dataset import GrowingFile
from tests.engines.test_to_file import numbers
with GrowingFile("{}") as file:
    file.begin(numbers(0, 10))
    for first in range(10, 200, 10):
        if first == 100:
            os.kill(os.getpid(), 9)
        file.extend(numbers(first, first + 10), first)
"""


def test_a_killed_run_leaves_two_thirds(tmp_path):
    path = tmp_path / "a.nc"
    ended = subprocess.run([sys.executable, "-c", KILLED.format(path)], check=False)
    assert ended.returncode == -9
    held = read_tree(path)["posterior"]["mass"]
    assert 100 / 1.5 <= held.size <= 100
    assert held.values.tolist() == [list(range(held.size))]


def test_other_groups_stay_and_chains_are_written_at_once(tmp_path):
    prior = bj.Focusing(alpha=1.0, p=1, epsilon=0.1)
    problem = bj.JointProblem([bj.Parameter("x", 3, prior=prior)], [
        bj.Modality("a", np.eye(3), [0.1, 0.5, 2.0], bj.DiagonalNoise(np.full(3, 0.5)), "x")])
    post = bj.posterior(problem, method="gibbs", draws=100, chains=2, seed=1)
    found = bj.load(post.to_file(tmp_path / "a.nc", draws=60, chains=2))
    assert found.markov and found.held == (2, 60)
    refused(lambda: post.to_file(tmp_path / "a.nc", draws=90, chains=2), "path")
    moved = bj.posterior(problem.with_data(np.array([50.0, 50.0, 52.0])), method="gibbs", draws=100, chains=2, seed=1)
    refused(lambda: moved.to_file(tmp_path / "a.nc", draws=60, chains=2), "data of a")
    dense = bj.posterior(survey_problem(), method="dense")
    mass = bj.excess_mass(dense, draws=30, chains=2)
    for draws, beside in ((5, {"diagnostics": {"functionals_mass": mass}}), (20, {})):
        dense.to_file(tmp_path / "b.nc", draws=draws, chains=1, progress=True, **beside)
    assert read_tree(tmp_path / "b.nc")["functionals_mass"].sizes["draw"] == 30
    assert filing.BLOCK == drawing.BLOCK
