"""The part of a posterior that ArviZ takes at once."""

import numpy as np
import pytest

import bayesjoint as bj

from ..linear import make
from ..refusals import refused


@pytest.fixture(scope="module")
def tree():
    return bj.posterior(make(correlation=0.6, vector=True)[0]).to_datatree(draws=100, chains=4)


def test_cells_are_those_of_the_tree_and_fixed_by_the_seed(tree):
    some = bj.subset(tree, cells=7, seed=3)["posterior"]
    flat = tree["posterior"]["density"].values.reshape(4, 100, -1)
    np.testing.assert_array_equal(some["density"], flat[:, :, some["density_cell"].values])
    np.testing.assert_array_equal(some["density_cell"], bj.subset(tree, cells=7, seed=3)["posterior"]["density_cell"])
    assert some["datum"].shape == (4, 100, 2)


def test_directions_are_those_of_largest_variance(tree):
    some = bj.subset(tree, directions=3)["posterior"]["density_direction"].values.reshape(400, -1)
    rows = tree["posterior"]["density"].values.reshape(400, -1).astype(float)
    left = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[0][:, :3] * 20
    np.testing.assert_allclose(np.abs(np.sum(some * left, axis=0)), 400, rtol=1e-5)


def test_refusals(tree):
    refused(lambda: bj.subset({}), "tree", TypeError)
    refused(lambda: bj.subset(tree, cells=0), "cells")
    refused(lambda: bj.subset(tree, directions=True), "directions", TypeError)
