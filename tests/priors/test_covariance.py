"""Covariance operators against their matrices, and their draws against their covariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesjoint import Mesh
from bayesjoint.priors._covariance import (
    BlockCovariance,
    ConditionedCovariance,
    DenseCovariance,
    DiagonalCovariance,
    MixedCovariance,
    ScaledCovariance,
    StationaryCorrelation,
)
from bayesjoint.priors._matern import CORRELATIONS

from ..linear import matern_matrix, small_mesh
from ..moments import sampling_excess
from ..refusals import refused

MESH = small_mesh()  # 24 cells, unequal layers
RANGES = (150.0, 300.0, 200.0)
KERNEL = matern_matrix(MESH, RANGES, 1.5)
STD = np.linspace(0.5, 2.0, 24)
MIXING = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def stationary(mesh=MESH, smoothness=1.5, ranges=RANGES):
    return StationaryCorrelation(mesh, CORRELATIONS[smoothness], ranges)


def spd(n, seed):
    root = np.random.default_rng(seed).standard_normal((n, n))
    return root @ root.T / n + 0.2 * np.eye(n)


def block_case():
    index = np.array([7, 2, 9, 4])  # not in order, not a run
    dense, matrix = DenseCovariance(spd(4, 1)), np.zeros((10, 10))
    matrix[np.ix_(index, index)] = dense.dense()
    rest = np.array([0, 1, 3, 5, 6, 8])
    matrix[rest, rest] = np.arange(1.0, 7.0)
    return BlockCovariance(10, [(index, dense), (rest, DiagonalCovariance(np.arange(1.0, 7.0)))]), matrix


def conditioned_case():
    known = np.array([3, 8, 20])
    base = ScaledCovariance(stationary(), STD)
    full = KERNEL * np.outer(STD, STD)
    gain = np.linalg.solve(full[np.ix_(known, known)], full[known]).T
    return ConditionedCovariance(base, known), full - gain @ full[known]


CASES = {
    "diagonal": lambda: (DiagonalCovariance(STD), np.diag(STD)),
    "dense": lambda: (DenseCovariance(spd(6, 0)), spd(6, 0)),
    "stationary": lambda: (stationary(), KERNEL),
    "scaled": lambda: (ScaledCovariance(stationary(), STD), KERNEL * np.outer(STD, STD)),
    "mixed": lambda: (MixedCovariance(stationary(), [STD, np.ones(24), STD[::-1]], MIXING),
                      np.kron(MIXING, KERNEL) * np.outer(*[np.concatenate([STD, np.ones(24), STD[::-1]])] * 2)),
    "blocks": block_case,
    "conditioned": conditioned_case,
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    return request.param()


def test_products_and_diagonal(case, rng):
    covariance, matrix = case
    assert covariance.size == len(matrix)
    v = rng.standard_normal((len(matrix), 5))
    v[:, 2] = 0.0
    np.testing.assert_allclose(covariance.matmat(v), matrix @ v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covariance.matmat(v[:, :1]), matrix @ v[:, :1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covariance.dense(), matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covariance.diagonal(), np.diag(matrix), rtol=1e-12, atol=1e-12)
    covariance.diagonal()[:] = 0.0  # a caller's change must not reach the covariance
    np.testing.assert_allclose(covariance.diagonal(), np.diag(matrix), rtol=1e-12, atol=1e-12)


def test_a_product_leaves_its_argument_alone(case, rng):
    covariance, _ = case
    v = rng.standard_normal((covariance.size, 3))
    before = v.copy()
    covariance.matmat(v)
    np.testing.assert_array_equal(v, before)


def test_solve(case, rng):
    covariance, matrix = case
    if isinstance(covariance, ConditionedCovariance):
        pytest.skip("singular by construction")
    for shape in ((len(matrix),), (len(matrix), 2)):
        v = rng.standard_normal(shape)
        np.testing.assert_allclose(covariance.solve(v), np.linalg.solve(matrix, v), rtol=1e-8, atol=1e-8)


def test_draws(case):
    covariance, matrix = case
    draws = covariance.sample(np.random.default_rng(6), 2500)
    assert draws.shape == (2500, len(matrix))
    live = np.flatnonzero(np.diag(matrix) > 1e-12)
    assert np.all(np.delete(draws, live, axis=1) == 0)
    right = matrix[np.ix_(live, live)]
    assert min(sampling_excess(draws[:, live], np.zeros(live.size), right)) > 1e-4
    assert sampling_excess(1.06 * draws[:, live], np.zeros(live.size), right)[1] < 1e-6
    np.testing.assert_array_equal(draws, covariance.sample(np.random.default_rng(6), 2500))


@given(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 7)), st.sampled_from([0.5, 1.5, 2.5]),
       st.tuples(*[st.floats(30.0, 600.0)] * 3), st.integers(0, 2**32 - 1))  # fmt: skip
def test_stationary_products_on_any_mesh(shape, smoothness, ranges, seed):
    rng = np.random.default_rng(seed)
    nz, ny, nx = shape
    mesh = Mesh(rng.uniform(10, 200) * np.arange(nx + 1), rng.uniform(10, 200) * np.arange(ny + 1) - 500.0,
                np.cumsum(rng.uniform(10, 200, nz + 1)))  # fmt: skip
    kernel = matern_matrix(mesh, ranges, smoothness)
    np.testing.assert_allclose(stationary(mesh, smoothness, ranges).dense(), kernel, rtol=0, atol=1e-12)


def test_blocks_do_not_show(monkeypatch, rng):
    v = rng.standard_normal((24, 7))
    covariance = stationary()
    whole, draws = covariance.matmat(v), covariance.sample(np.random.default_rng(0), 5)
    for width in (1, 2, 3):
        monkeypatch.setattr("bayesjoint.priors._covariance.BLOCK", width * 2 * int(np.prod(covariance._torus)))
        np.testing.assert_allclose(covariance.matmat(v), whole, rtol=0, atol=1e-13)
        monkeypatch.setattr("bayesjoint.priors._covariance.BLOCK", width * 2 * int(np.prod(covariance._root[1])))
        np.testing.assert_allclose(covariance.sample(np.random.default_rng(0), 5), draws, rtol=0, atol=1e-13)


def test_no_columns_and_no_draws():
    assert stationary().matmat(np.empty((24, 0))).shape == (24, 0)
    assert stationary().sample(np.random.default_rng(0), 0).shape == (0, 24)


def test_clipping_is_within_its_promise():
    covariance = stationary()
    covariance.sample(np.random.default_rng(0), 1)
    assert 0 <= covariance.clipped <= 1e-9


def test_long_ranges_on_large_meshes_are_refused_for_draws_and_only_for_draws(rng, monkeypatch):
    monkeypatch.setattr("bayesjoint.priors._covariance.DENSE_LIMIT", 31)
    mesh = Mesh.regular((2, 4, 4), (10, 10, 10))
    covariance = stationary(mesh, 2.5, (400.0, 400.0, 400.0))
    v = rng.standard_normal((32, 2))
    np.testing.assert_allclose(covariance.matmat(v), matern_matrix(mesh, (400.0,) * 3, 2.5) @ v, rtol=0, atol=1e-12)
    text = refused(lambda: covariance.sample(np.random.default_rng(0), 2), "range")
    assert "400" in text and "negative share" in text


def test_a_larger_torus_is_found_where_the_first_will_not_do():
    mesh = Mesh.regular((2, 6, 6), (50, 50, 50))
    covariance = stationary(mesh, 1.5, (150.0,) * 3)
    draws = covariance.sample(np.random.default_rng(1), 2500)
    _, torus = covariance._root
    assert min(torus) > 2 * 6  # else this test shows nothing
    kernel = matern_matrix(mesh, (150.0,) * 3, 1.5)
    assert min(sampling_excess(draws, np.zeros(72), kernel)) > 1e-4


def test_a_range_too_long_for_any_torus_is_drawn_through_a_dense_factor():
    mesh = Mesh.regular((2, 4, 5), (50, 50, 50))
    covariance = stationary(mesh, 1.5, (600.0,) * 3)
    draws = covariance.sample(np.random.default_rng(2), 2500)
    assert covariance._root[1] is None  # else this test shows nothing
    kernel = matern_matrix(mesh, (600.0,) * 3, 1.5)
    assert min(sampling_excess(draws, np.zeros(40), kernel)) > 1e-4


def test_unequal_columns_are_refused():
    refused(lambda: stationary(Mesh([0, 10, 30], [0, 10, 20], [-10, 0])), "easting_edges")


def test_inverse_has_its_limits():
    large = DiagonalCovariance(np.ones(7000))
    assert large.solve(np.ones(7000)).sum() == 7000
    refused(lambda: ScaledCovariance(large, np.ones(7000)).solve(np.ones(7000)), "prior")
    flat = stationary(Mesh.regular((4, 10, 10), (1, 1, 1)), 2.5, (1e4,) * 3)
    refused(lambda: flat.solve(np.ones(400)), "prior covariance")


def test_dense_covariance_must_be_positive_definite():
    assert "eigenvalue -1" in refused(lambda: DenseCovariance([[1.0, 2.0], [2.0, 1.0]]), "covariance")


def test_conditioning_moves_the_mean():
    covariance, _ = conditioned_case()
    full, known = KERNEL * np.outer(STD, STD), covariance.known
    deviation = np.array([1.0, -2.0, 0.5])
    wanted = full[:, known] @ np.linalg.solve(full[np.ix_(known, known)], deviation)
    np.testing.assert_allclose(covariance.shift(deviation), wanted, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(covariance.shift(deviation)[known], deviation)


def test_known_cells_that_cannot_be_told_apart_are_refused():
    smooth = stationary(Mesh.regular((1, 12, 12), (1, 1, 1)), 2.5, (1e4,) * 3)
    assert "144 known" in refused(lambda: ConditionedCovariance(smooth, np.arange(144)), "fixed")
    refused(lambda: ConditionedCovariance(DiagonalCovariance(np.ones(7000)), np.arange(6500)), "fixed")
