"""Projected Newton-CG against enumeration of active sets, L-BFGS-B, closed forms and nonconvex functions."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bayesjoint.solvers._pcg import truncated_cg
from bayesjoint.solvers._projected_newton import projected_gradient, projected_newton


def quadratic(h, b):
    return SimpleNamespace(value=lambda x: 0.5 * x @ h @ x - b @ x, gradient=lambda x: h @ x - b,
                           hessian_product=lambda x, v: h @ v, diagonal=lambda x: np.abs(np.diag(h)) + 1e-3)


def random_quadratic(n, seed, shift=0.5):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, n))
    return root @ root.T + shift * np.eye(n), 3 * rng.standard_normal(n)


def by_enumeration(h, b, lower, upper):
    """Solve the box-constrained convex quadratic by trying every active set."""
    best, best_value = None, np.inf
    for sides in product((-1, 0, 1), repeat=b.size):
        sides = np.array(sides)
        x, free = np.where(sides < 0, lower, upper), sides == 0
        if free.any():
            rest = ~free
            x[free] = np.linalg.solve(h[np.ix_(free, free)], b[free] - h[np.ix_(free, rest)] @ x[rest])
        value = 0.5 * x @ h @ x - b @ x
        if np.all(x >= lower - 1e-12) and np.all(x <= upper + 1e-12) and value < best_value:
            best, best_value = x, value
    return best


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_convex_quadratic_in_a_box_against_every_active_set(n, seed):
    h, b = random_quadratic(n, seed)
    lower, upper = -np.random.default_rng(seed).random(n), np.random.default_rng(seed + 1).random(n)
    result = projected_newton(quadratic(h, b), np.zeros(n), lower, upper, tolerance=1e-9)
    assert result.converged
    np.testing.assert_allclose(result.x, by_enumeration(h, b, lower, upper), atol=1e-7)


def test_without_bounds_it_is_the_linear_solve():
    h, b = random_quadratic(30, 1)
    result = projected_newton(quadratic(h, b), np.ones(30), tolerance=1e-10)
    np.testing.assert_allclose(result.x, np.linalg.solve(h, b), rtol=1e-7)
    assert not result.at_lower.any()
    assert not result.at_upper.any()


def smoothed_l1(seed, n=40, m=25, alpha=2.0, epsilon=1e-3):
    """Underdetermined data with the focusing penalty: the shape of the real problem."""
    rng = np.random.default_rng(seed)
    a, d = rng.standard_normal((m, n)), 3 * rng.standard_normal(m)
    root = lambda x: np.sqrt(x**2 + epsilon**2)  # noqa: E731
    return SimpleNamespace(
        value=lambda x: 0.5 * np.sum((a @ x - d) ** 2) + alpha * root(x).sum(),
        gradient=lambda x: a.T @ (a @ x - d) + alpha * x / root(x),
        hessian_product=lambda x, v: a.T @ (a @ v) + alpha * epsilon**2 / root(x) ** 3 * v,
        diagonal=lambda x: np.sum(a**2, axis=0) + alpha * epsilon**2 / root(x) ** 3,
    )


@pytest.mark.parametrize("seed", range(4))
def test_focusing_between_bounds_reaches_what_lbfgsb_reaches(seed):
    f = smoothed_l1(seed)
    ours = projected_newton(f, np.zeros(40), 0.0, 1.0, tolerance=1e-7)
    theirs = minimize(f.value, np.zeros(40), jac=f.gradient, method="L-BFGS-B", bounds=[(0, 1)] * 40,
                      options={"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-9})
    assert ours.converged
    assert ours.value <= theirs.fun * (1 + 1e-9)
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-3)


def test_a_closed_form_of_the_active_set():
    centre = np.array([-2.0, 0.25, 3.0])
    result = projected_newton(quadratic(np.eye(3), centre), np.full(3, 0.5), 0.0, 1.0, tolerance=1e-12)
    np.testing.assert_allclose(result.x, [0.0, 0.25, 1.0], atol=1e-12)
    assert result.at_lower.tolist() == [True, False, False]
    assert result.at_upper.tolist() == [False, False, True]


def test_degenerate_minimum_on_a_bound():
    # the unconstrained minimum lies exactly on the bound: multiplier zero
    f = quadratic(np.eye(2), np.array([0.0, 1.0]))
    result = projected_newton(f, np.array([0.7, 0.1]), 0.0, 1.0, tolerance=1e-8)
    assert result.converged
    np.testing.assert_allclose(result.x, [0.0, 1.0], atol=1e-7)


def test_a_saddle_is_left_by_negative_curvature():
    # f = (x² − 1)² / 4 + y²/2: saddle at (0, 0), minima at (±1, 0)
    f = SimpleNamespace(
        value=lambda x: 0.25 * (x[0] ** 2 - 1) ** 2 + 0.5 * x[1] ** 2,
        gradient=lambda x: np.array([x[0] * (x[0] ** 2 - 1), x[1]]),
        hessian_product=lambda x, v: np.array([(3 * x[0] ** 2 - 1) * v[0], v[1]]),
        diagonal=lambda x: np.ones(2),
    )
    result = projected_newton(f, np.array([0.05, 1.0]), tolerance=1e-8)
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-6)
    assert result.value < 1e-10
    boxed = projected_newton(f, np.array([0.05, 1.0]), -0.5, 0.5, tolerance=1e-8)
    np.testing.assert_allclose(boxed.x, [0.5, 0.0], atol=1e-6)
    assert boxed.at_upper.tolist() == [True, False]


def test_gram_determinant_of_two_blocks_nonconvex_and_bounded():
    rng = np.random.default_rng(3)
    n, weight = 6, 5.0
    a1, a2 = rng.standard_normal((4, n)), rng.standard_normal((4, n))
    d1, d2 = a1 @ np.r_[0, 1, 1, 0, 0, 0], a2 @ np.r_[0, 0, 1, 1, 0, 0]

    def value(x):
        u, v = x[:n], x[n:]
        gram = (u @ u) * (v @ v) - (u @ v) ** 2
        return 0.5 * np.sum((a1 @ u - d1) ** 2) + 0.5 * np.sum((a2 @ v - d2) ** 2) + 0.5 * weight * gram

    def gradient(x):
        u, v = x[:n], x[n:]
        return np.r_[a1.T @ (a1 @ u - d1) + weight * ((v @ v) * u - (u @ v) * v),
                     a2.T @ (a2 @ v - d2) + weight * ((u @ u) * v - (u @ v) * u)]

    def hessian_product(x, w):
        return (gradient(x + 1e-5 * w) - gradient(x - 1e-5 * w)) / 2e-5

    f = SimpleNamespace(value=value, gradient=gradient, hessian_product=hessian_product,
                        diagonal=lambda x: np.full(12, 10.0))
    result = projected_newton(f, np.full(12, 0.3), 0.0, 1.0, tolerance=1e-6, groups=[slice(0, n), slice(n, 2 * n)])
    assert result.converged
    polished = minimize(value, result.x, jac=gradient, method="L-BFGS-B", bounds=[(0, 1)] * 12, options={"gtol": 1e-10})
    assert result.value <= polished.fun + 1e-8
    assert np.all(np.diff(result.history["value"]) <= 1e-12 * result.value)


def test_the_criterion_is_each_groups_and_each_norms_ratio_to_the_reference():
    h, b = random_quadratic(8, 5)
    metric, groups = np.linspace(0.1, 10, 8), [slice(0, 3), slice(3, 8)]
    far, warm = np.full(8, -1.0), np.linalg.solve(h, b) + 0.1
    result = projected_newton(quadratic(h, b), warm, reference=far, groups=groups, metric=metric, tolerance=1e-4)
    start, end = h @ far - b, h @ result.x - b
    for key, scale in (("plain", 1.0), ("scaled", metric)):
        expected = [np.linalg.norm((scale * end)[g]) / np.linalg.norm((scale * start)[g]) for g in groups]
        np.testing.assert_allclose(result.ratios[key], expected)
    assert result.projected_gradient_ratio == max(r.max() for r in result.ratios.values()) <= 1e-4


def test_it_says_so_when_it_did_not_converge():
    h, b = random_quadratic(20, 2, shift=1e-6)
    result = projected_newton(quadratic(h, b), np.zeros(20), 0.0, 1.0, tolerance=1e-12, max_iterations=1)
    assert not result.converged
    assert "limit of 1 Newton steps" in result.message
    assert result.iterations == 1


def test_a_wrong_gradient_ends_in_a_truthful_message():
    f = quadratic(np.eye(2), np.ones(2))
    f.gradient = lambda x: -(x - 1)  # ascent
    result = projected_newton(f, np.zeros(2), tolerance=1e-6)
    assert not result.converged
    assert "no further decrease" in result.message


def test_history_and_callback_tell_the_same():
    h, b = random_quadratic(10, 7)
    seen = []
    result = projected_newton(quadratic(h, b), np.zeros(10), 0.0, 1.0, tolerance=1e-8,
                              callback=lambda x, record: seen.append((x.copy(), record)))
    assert len(seen) == result.iterations + 1 == result.history["value"].size
    assert [r["value"] for _, r in seen] == result.history["value"].tolist()
    np.testing.assert_array_equal(seen[-1][0], result.x)


@pytest.mark.parametrize(("change", "named"), [
    ({"lower": 1.0, "upper": 0.0}, "lower"),
    ({"lower": np.array([0.0])}, "lower"),
    ({"upper": np.array([np.nan, 1.0])}, "upper"),
    ({"start": np.array([np.nan, 1.0])}, "start"),
    ({"metric": np.array([0.0, 1.0])}, "metric"),
])
def test_bad_input_is_named(change, named):
    arguments = {"start": np.zeros(2), "lower": 0.0, "upper": 1.0} | change
    with pytest.raises(ValueError, match=named):
        projected_newton(quadratic(np.eye(2), np.ones(2)), **arguments)


def test_an_infinite_start_is_refused():
    f = quadratic(np.eye(2), np.ones(2))
    f.value = lambda x: np.inf
    with pytest.raises(ValueError, match="finite objective"):
        projected_newton(f, np.zeros(2))


def test_fixed_variables_as_equal_bounds():
    h, b = random_quadratic(4, 9)
    lower, upper = np.array([-9.0, 0.2, -9, -9]), np.array([9.0, 0.2, 9, 9])
    result = projected_newton(quadratic(h, b), np.zeros(4), lower, upper, tolerance=1e-9)
    np.testing.assert_allclose(result.x, by_enumeration(h, b, lower, upper), atol=1e-7)


def test_projected_gradient_by_cases():
    x, g = np.array([0.0, 0.0, 1.0, 1.0, 0.5]), np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    assert projected_gradient(x, g, np.zeros(5), np.ones(5)).tolist() == [0.0, -1.0, 1.0, 0.0, 1.0]


def test_truncated_cg_solves_and_counts():
    h, b = random_quadratic(15, 11)
    exact, many = truncated_cg(lambda v: h @ v, b, lambda r: r / np.diag(h), tolerance=1e-10)
    np.testing.assert_allclose(exact, np.linalg.solve(h, b), rtol=1e-6)
    assert np.linalg.norm((h @ exact - b) / np.diag(h) ** 0.5) <= 1e-10 * np.linalg.norm(b / np.diag(h) ** 0.5)
    loose, few = truncated_cg(lambda v: h @ v, b, lambda r: r, tolerance=0.5)
    assert few < many
    assert b @ loose > 0  # descent
    assert truncated_cg(lambda v: h @ v, np.zeros(15), lambda r: r)[1] == 0


def test_truncated_cg_keeps_the_iterate_before_negative_curvature():
    h = np.diag([1.0, -1.0])
    found, products = truncated_cg(lambda v: h @ v, np.array([1.0, 1e-3]), lambda r: r, tolerance=1e-8)
    assert products == 2 and np.isfinite(found).all()
    assert np.array([1.0, 1e-3]) @ found > 0
