"""Sums of Matérns as a prior: their covariance, their words, and what they refuse."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.priors import SparsePrecision, SumCovariance

from ..linear import matern_matrix, small_mesh
from ..refusals import refused

MESH = small_mesh()
LONG, SHORT = bj.Matern(80.0, (300.0, 500.0, 400.0)), bj.Matern([30.0, 60.0], 90.0, smoothness=0.5)


def bound(prior, mesh=MESH):
    return bj.Parameter("density", mesh, prior=prior).bound_prior


def dense():
    """Γ in (g/cm³)² from the general formula."""
    cells = np.repeat([30.0, 60.0], MESH.size // 2)
    short = np.outer(cells, cells) * matern_matrix(MESH, (90.0,) * 3, 0.5)
    return 1e-6 * (80.0**2 * matern_matrix(MESH, (300.0, 500.0, 400.0), 1.5) + short)


def test_covariances_add(rng):
    covariance, v = bound(LONG + SHORT).covariance, rng.standard_normal((MESH.size, 3))
    assert covariance.dense() == pytest.approx(dense(), abs=1e-15)
    assert covariance.matmat(v) == pytest.approx(dense() @ v, abs=1e-14)
    assert covariance.diagonal() == pytest.approx(np.diag(dense()), rel=1e-12)
    assert covariance.solve(v) == pytest.approx(np.linalg.solve(dense(), v), rel=1e-9)


def test_the_order_of_parts_and_their_brackets_do_not_matter():
    third = bj.Matern(10.0, 200.0, smoothness=2.5)
    ways = (LONG + SHORT + third, third + (SHORT + LONG), bj.SumOfMaterns([SHORT, third, LONG]))
    found = [bound(way).covariance.dense() for way in ways]
    assert found[1] == pytest.approx(found[0], abs=1e-16)
    assert found[2] == pytest.approx(found[0], abs=1e-16)


def test_parts_of_one_range_are_one_field_whose_variances_add():
    one = bound(bj.Matern(100.0, 300.0)).covariance.dense()
    assert bound(bj.Matern(60.0, 300.0) + bj.Matern(80.0, 300.0)).covariance.dense() == pytest.approx(one, rel=1e-13)


def test_draws_have_the_covariance(rng):
    draws = bound(LONG + SHORT).covariance.sample(rng, 40_000)
    scale = np.sqrt(np.diag(dense()))
    off = (draws.T @ draws / 40_000 - dense()) / np.outer(scale, scale)
    assert np.sqrt(np.mean(off**2)) < 1.2 * np.sqrt(np.mean(1 + (dense() / np.outer(scale, scale)) ** 2) / 40_000)


def test_air_takes_no_part():
    active = np.ones(MESH.shape, dtype=bool)
    active[-1, 0, :2] = False
    covariance = bound(LONG + SHORT, MESH.with_active(active)).covariance
    ground = np.outer(active.ravel(), active.ravel())
    assert covariance.dense() == pytest.approx(dense() * ground, abs=1e-15)


def test_its_mean_is_stated_once_else_it_is_the_reference():
    stated = bj.Parameter("density", MESH, prior=LONG + bj.Matern(30.0, 90.0, mean=50.0), reference=20.0)
    assert stated.bound_prior.mean == pytest.approx(0.05)
    left = stated.replace(prior=LONG + SHORT)
    assert left.bound_prior.mean == pytest.approx(0.02)


def test_bounded_posteriors_take_its_precision_whole():
    root = SparsePrecision(bound(LONG + SHORT).covariance)
    assert root.exact
    assert (root.root.T @ root.root).toarray() == pytest.approx(np.linalg.inv(dense()), rel=1e-7)


def test_bounded_posteriors_refuse_more_cells_than_they_factorise():
    mesh = bj.Mesh.regular((4, 40, 40), (100.0, 100.0, 100.0))
    text = refused(lambda: SparsePrecision(bound(LONG + bj.Matern(30.0, 90.0), mesh).covariance), "prior")
    assert "SumCovariance over 6400" in text


def test_words():
    prior = LONG + SHORT
    assert str(prior) == f"sum of {LONG} + {SHORT}"
    assert repr(prior).startswith("SumOfMaterns(parts=(Matern(std=80.0")
    assert len(repr(prior + prior)) <= 300
    assert bj.Parameter("density", MESH, prior=prior).settings()["prior"] == str(prior)


def test_it_is_frozen_and_compares():
    assert bj.Matern(80.0, 300.0) + bj.Matern(30.0, 90.0) == bj.SumOfMaterns((bj.Matern(80.0, 300.0),
                                                                              bj.Matern(30.0, 90.0)))
    with pytest.raises(AttributeError):
        (LONG + SHORT).parts = (LONG, LONG)


CONTINUED = bj.Matern(30.0, 90.0, extent="continued")


@pytest.mark.parametrize(("call", "argument", "error"), [
    (lambda: LONG + CONTINUED, "extent", ValueError),
    (lambda: bj.Matern(1.0, 1.0, mean=1.0) + bj.Matern(1.0, 2.0, mean=1.0), "mean", ValueError),
    (lambda: bj.SumOfMaterns([LONG]), "parts", TypeError),
    (lambda: bj.SumOfMaterns([LONG, bj.MinimumLength(1.0)]), "parts", TypeError),
    (lambda: bj.SumOfMaterns(LONG), "parts", TypeError),
    (lambda: bj.Parameter("x", 3, prior=LONG + SHORT), "prior", TypeError),
    (lambda: bound(LONG + bj.Matern([1.0, 2.0, 3.0], 90.0)), "std", ValueError),
    (lambda: bound(CONTINUED + bj.Matern(np.arange(1.0, 25).reshape(2, 3, 4), 90.0, extent="continued")), "std",
     ValueError),
])  # fmt: skip
def test_refusals(call, argument, error):
    refused(call, argument, error)


def test_what_is_no_matern_is_not_added():
    with pytest.raises(TypeError):
        LONG + 3.0
    with pytest.raises(TypeError):
        LONG + bj.MinimumLength(1.0)


def test_terms_cover_chosen_fields(rng):
    one = bound(LONG).covariance
    two = SumCovariance(2, [((1,), one), *((m, t) for m, t in SumCovariance(1, [((0,), one)]).terms)])
    whole = np.kron(np.eye(2), one.dense())
    assert two.dense() == pytest.approx(whole, abs=1e-16)
    assert two.sample(rng, 2).shape == (2, 2 * MESH.size)
