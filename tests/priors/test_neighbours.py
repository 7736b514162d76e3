import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.priors import NeighbourCorrelation, SparsePrecision

from ..refusals import refused


def correlation(shape=(3, 5, 6), reach=(120.0, 250.0, 300.0), smoothness=1.5):
    return bj.Matern(std=1.0, range=reach, smoothness=smoothness).correlation(bj.Mesh.regular(shape, (60, 100, 80)))


@pytest.mark.parametrize("smoothness", [0.5, 1.5])
def test_with_all_neighbours_nothing_is_left_out(smoothness):
    exact = correlation(smoothness=smoothness)
    varying = np.setdiff1d(np.arange(90), [3, 40, 89])
    near = NeighbourCorrelation(exact, varying, neighbours=200)
    dense = exact.dense()[np.ix_(varying, varying)]
    np.testing.assert_allclose((near.root.T @ near.root).toarray() @ dense, np.eye(varying.size), atol=1e-9)
    found = near.dense()
    np.testing.assert_allclose(found[np.ix_(varying, varying)], dense, atol=1e-10)
    assert not found[3].any()
    assert np.all(near.diagonal() == np.where(np.isin(np.arange(90), varying), 1.0, 0.0))


def test_few_neighbours_change_little_and_fewer_change_more():
    exact = correlation((5, 9, 9), (300.0, 300.0, 300.0))
    one = np.ones(405)
    true = one @ exact.dense() @ one
    off = [abs(one @ NeighbourCorrelation(exact, np.arange(405), k).dense() @ one / true - 1) for k in (4, 40)]
    assert off[1] < 0.01 < off[0]


def test_draws_have_the_correlation():
    near = NeighbourCorrelation(correlation((2, 3, 4)), np.arange(24), neighbours=8)
    draws = near.sample(np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(np.cov(draws.T), near.dense(), atol=0.05)


@pytest.mark.parametrize("prior", [
    bj.Matern(std=0.02, range=200.0), bj.MinimumLength(3.0), bj.Matern(std=np.array([0.1, 0.2, 0.3]), range=150.0)])
def test_roots_are_of_the_precision(prior):
    mesh = bj.Mesh.regular((3, 4, 5), (100, 100, 100))
    covariance = bj.Parameter("density", mesh, prior=prior).bound_prior.covariance
    root = SparsePrecision(covariance)
    assert root.exact
    np.testing.assert_allclose((root.root.T @ root.root).toarray() @ covariance.dense(), np.eye(60), atol=1e-8)


def test_tied_fields_keep_their_correlation(monkeypatch):
    monkeypatch.setattr("bayesjoint.priors._neighbours.DENSE_CELLS", 20)
    mesh = bj.Mesh.regular((2, 4, 4), (100, 100, 100))
    pair = [bj.Parameter(name, mesh, prior=bj.Matern(std=std, range=200.0))
            for name, std in (("density", 50.0), ("susceptibility", 0.02))]
    survey = bj.Modality("s", np.ones((1, 64)), [0.0], bj.DiagonalNoise([1.0]), ("density", "susceptibility"))
    problem = bj.JointProblem(pair, [survey], [bj.Coregionalization([[1.0, 0.7], [0.7, 1.0]])])
    covariance = problem.prior.blocks[0][1].covariance
    root = SparsePrecision(covariance, neighbours=31)
    assert not root.exact
    np.testing.assert_allclose((root.root.T @ root.root).toarray() @ covariance.dense(), np.eye(64), atol=1e-8)
    np.testing.assert_allclose(root.covariance.dense(), covariance.dense(), rtol=1e-8, atol=1e-10)


def test_a_field_too_smooth_for_its_cells_is_refused():
    exact = correlation((2, 8, 8), (1e9, 1e9, 1e9), 2.5)
    assert "Shorten the range" in refused(lambda: NeighbourCorrelation(exact, np.arange(128), 60), "prior")
