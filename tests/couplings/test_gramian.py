import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesjoint import Mesh, Parameter
from bayesjoint.couplings import Gramian
from bayesjoint.couplings._gramian import _cofactors
from bayesjoint.priors import GaussianPrior, MinimumLength
from bayesjoint.priors._differences import MeshGradient
from bayesjoint.testing import check_gradient

MESH = Mesh(100 * np.arange(4), [0, 50, 150], [-700, -300, 0])
spaces = st.sampled_from(["model", "weighted", "gradient"])


def members(count, mesh=MESH):
    return [Parameter(f"p{i}", mesh, prior=MinimumLength(1.0, depth_exponent=0.4 * (i + 1))) for i in range(count)]


def split(x, count):
    return {f"p{i}": part for i, part in enumerate(np.reshape(x, (count, -1)))}


def joined(parts):
    return np.concatenate(list(parts.values()))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), spaces, st.integers(0, 2**32 - 1), st.floats(0.01, 100.0))
def test_gradient_and_hessian_are_those_of_the_value(count, space, seed, weight):
    bound = Gramian(weight=weight, space=space).bind(members(count))
    x, v = np.random.default_rng(seed).standard_normal((2, count * MESH.size))
    check_gradient(lambda y: bound.value(split(y, count)), lambda y: joined(bound.gradient(split(y, count))), x,
                   seed=seed)
    check_gradient(lambda y: joined(bound.gradient(split(y, count))) @ v,
                   lambda y: joined(bound.hessian_product(split(y, count), split(v, count))), x, seed=seed)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), spaces, st.integers(0, 2**32 - 1))
def test_value_is_half_the_determinant(count, space, seed):
    parameters = members(count)
    x = np.random.default_rng(seed).standard_normal((count, MESH.size))
    g = x
    if space == "weighted":
        w = np.stack([p.bound_prior.depth_weights for p in parameters])
        g = x * w / np.sqrt(np.mean(w**2, axis=1, keepdims=True))
    elif space == "gradient":
        g = np.stack([MeshGradient(MESH) @ row for row in x])
    expected = sum(  # Leibniz's formula
        _sign(order) * np.prod([g[i] @ g[j] for i, j in enumerate(order)]) for order in _orders(count))
    assert Gramian(weight=3.0, space=space).bind(parameters).value(split(x, count)) == pytest.approx(1.5 * expected)


def _orders(n):
    from itertools import permutations
    return permutations(range(n))


def _sign(order):
    return round(np.linalg.det(np.eye(len(order))[list(order)]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3))
def test_adding_one_parameter_to_another_or_swapping_them_changes_nothing(seed, factor):
    bound = Gramian(weight=1.0).bind(members(3))
    a, b, c = np.random.default_rng(seed).standard_normal((3, MESH.size))
    value = bound.value({"p0": a, "p1": b, "p2": c})
    assert bound.value({"p0": a + factor * b, "p1": b, "p2": c}) == pytest.approx(value)
    assert bound.value({"p0": b, "p1": c, "p2": a}) == pytest.approx(value)
    assert bound.value({"p0": factor * a, "p1": b, "p2": c}) == pytest.approx(factor**2 * value, abs=1e-9)


def test_dependent_parameters_feel_no_force():
    bound = Gramian(weight=5.0).bind(members(2))
    a = np.random.default_rng(0).standard_normal(MESH.size)
    assert abs(bound.value({"p0": a, "p1": -2 * a})) < 1e-10
    assert np.abs(joined(bound.gradient({"p0": a, "p1": -2 * a}))).max() < 1e-10


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_cofactors_of_singular_matrices(rank):
    rng = np.random.default_rng(rank)
    g, e = rng.standard_normal((rank, 4)), rng.standard_normal((4, 4))
    gram, e = g.T @ g, e + e.T
    brute = np.array([[(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(gram, i, 0), j, 1)) for j in range(4)]
                      for i in range(4)])
    cofactors, slope = _cofactors(gram, e)
    np.testing.assert_allclose(cofactors, brute, atol=1e-10)
    numeric = (_cofactors(gram + 1e-5 * e)[0] - _cofactors(gram - 1e-5 * e)[0]) / 2e-5
    np.testing.assert_allclose(slope, numeric, atol=1e-5)


def test_the_two_weight_form_scales_each_gradient_and_is_no_density():
    parts = split(np.random.default_rng(3).standard_normal(2 * MESH.size), 2)
    proper = Gramian(weight=1.0).bind(members(2))
    printed = Gramian(weights=(50, 1500)).bind(members(2))
    for name, factor in (("p0", 50), ("p1", 1500)):
        np.testing.assert_allclose(printed.gradient(parts)[name], factor * proper.gradient(parts)[name])
    assert proper.is_density
    assert not printed.is_density
    with pytest.raises(ValueError, match=r"no density to sample\. Use Gramian\(weight=λ\)"):
        printed.hessian_product(parts, parts)


def test_members_are_named_in_the_order_of_the_weights():
    bound = Gramian(weights=(1.0, 2.0), parameters=("p2", "p0")).bind([p for p in members(3) if p.name != "p1"])
    assert bound.names == ["p2", "p0"]


@pytest.mark.parametrize(("make", "match"), [
    (lambda: Gramian(), "be given one or the other"),
    (lambda: Gramian(weight=1.0, weights=(1, 2)), "be given one or the other"),
    (lambda: Gramian(weight=-1.0), "weight must be >= 0"),
    (lambda: Gramian(weight=np.inf), "weight must hold finite"),
    (lambda: Gramian(weight=1.0, space="moon"), "space must be one of"),
    (lambda: Gramian(weights=(1, 2, 3)).bind(members(2)), "hold one λ for each of"),
    (lambda: Gramian(weight=1.0).bind(members(1)), "number at least two"),
    (lambda: Gramian(weight=1.0).bind([*members(1), *members(2, Mesh.regular((2, 2, 3), (1, 1, 1)))[1:]]), "share one"),
    (lambda: Gramian(weight=1.0, space="weighted").bind(
        [Parameter(n, MESH, prior=GaussianPrior(0.0, 1.0)) for n in ("a", "b")]), "have depth weights"),
])
def test_bad_settings_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()
