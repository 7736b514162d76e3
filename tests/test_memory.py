"""What the memory cannot hold is refused before anything is computed."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint import _memory

from .base_calls import ground
from .refusals import refused


@pytest.fixture(scope="module")
def g():
    return ground()


@pytest.fixture
def little(monkeypatch):
    """A machine with a tenth of a megabyte."""
    monkeypatch.setattr(_memory, "available_memory", lambda: 1e5)


def test_a_conflict_needs_eleven_matrices_of_the_data(g, little, monkeypatch):
    text = refused(lambda: bj.conflict(g.both), "problem must fit the memory")
    assert "the matrices of 40 data would take 141 kB" in text
    monkeypatch.setattr(_memory, "available_memory", lambda: 2e5)
    assert bj.conflict(g.both, places=False).tests


def test_worlds_are_counted_with_their_cells_and_data(g, little):
    refused(lambda: bj.recalibrate(g.post, g.family, worlds=1000, sensitivity=None), "worlds must fit the memory")


def test_endless_worlds_are_refused(g):
    text = refused(lambda: bj.recalibrate(g.post, g.family, worlds=10**8, sensitivity=None), "worlds must fit the")
    assert "100000000 worlds of 40 cells and 40 data would take at least" in text
    refused(lambda: bj.recalibrate(g.post, g.family, worlds=60, sensitivity_worlds=10**8), "sensitivity_worlds")


@pytest.mark.parametrize("call", [
    lambda g, many: g.post.sample(many), lambda g, many: g.post.sample(3, chains=many),
    lambda g, many: g.recalibrated.sample(many), lambda g, many: g.post.to_datatree(draws=many),
    lambda g, many: bj.calibrate(g.problem, n=many), lambda g, many: bj.calibrate(g.problem, n=20, draws=many),
], ids=["draws", "chains", "recalibrated", "tree", "n", "draws of calibrate"])
def test_draws_that_no_memory_holds_are_refused(g, little, call):
    refused(lambda: call(g, 10**7), "draws|chains|n must fit the memory")


@pytest.mark.parametrize("call", [
    lambda many: bj.DiagonalNoise(np.ones(3)).sample(np.random.default_rng(0), many),
    lambda many: bj.Uniform(0.0, 1.0).draw(np.random.default_rng(0), many),
    lambda many: bj.Parameter("a", many, prior=bj.GaussianPrior(0.0, 1.0)),
    lambda many: bj.testing.check_gradient(lambda x: float(x @ x), lambda x: 2 * x, np.ones(2), directions=many),
], ids=["noise", "distribution", "parameter", "directions"])
def test_counts_beyond_a_billion_are_refused_at_once(call):
    refused(lambda: call(10**12), "count|size|mesh|directions")
