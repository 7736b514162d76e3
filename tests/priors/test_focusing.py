import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesjoint import Mesh, Parameter
from bayesjoint.priors import Focusing, MinimumLength
from bayesjoint.priors._differences import MeshGradient
from bayesjoint.testing import assert_adjoint, check_gradient

MESH = Mesh(100 * np.arange(5), [0, 50, 150, 300], [-700, -300, -100, 0])
kinds = st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from(["model", "gradient"]))


def bound(prior, mesh=MESH, **kwargs):
    return Parameter("density", mesh, prior=prior, **kwargs).bound_prior


@settings(max_examples=30, deadline=None)
@given(kinds, st.integers(0, 2**32 - 1), st.floats(0.05, 2.0))
def test_gradient_and_hessian_are_those_of_the_value(kind, seed, epsilon):
    p, of = kind
    rng = np.random.default_rng(seed)
    reference = 1000 * rng.standard_normal(MESH.shape)
    prior = bound(Focusing(3.0, p=p, epsilon=epsilon, of=of), reference=reference)
    x, v = rng.standard_normal((2, MESH.size))
    check_gradient(prior.value, prior.gradient, x, seed=seed)
    check_gradient(lambda y: prior.gradient(y) @ v, lambda y: prior.hessian_product(y, v), x, seed=seed, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(kinds, st.integers(0, 2**32 - 1), st.floats(0.01, 2.0))
def test_majoriser_touches_the_value_with_its_slope_and_lies_above(kind, seed, epsilon):
    p, of = kind
    rng = np.random.default_rng(seed)
    prior = bound(Focusing(3.0, p=p, epsilon=epsilon, of=of))
    x, step = rng.standard_normal(MESH.size), rng.standard_normal(MESH.size)
    parabola = prior.value(x) + prior.gradient(x) @ step + 0.5 * prior.look(x)[2](step)
    assert prior.value(x + step) <= parabola * (1 + 1e-12)
    argument = x if of == "model" else MeshGradient(MESH) @ x
    back = prior.weights(x) * argument
    slope = back if of == "model" else MeshGradient(MESH).T @ back
    np.testing.assert_allclose(slope, prior.gradient(x), rtol=1e-12, atol=1e-12)


def test_value_is_the_formula_written_out():
    depth = np.repeat([500.0, 200.0, 50.0], 12)
    x = np.random.default_rng(0).standard_normal(36)
    w2 = depth**-1.6
    assert bound(MinimumLength(7.0)).value(x) == pytest.approx(0.5 * 7 * np.sum(w2 * x**2))
    assert bound(Focusing(7.0, epsilon=0.3)).value(x) == pytest.approx(7 * np.sum(w2 * np.sqrt(x**2 + 0.09)))
    zero = bound(Focusing(7.0, p=0, epsilon=0.3))
    assert zero.value(x) == pytest.approx(3.5 * np.sum(w2 * np.log(1 + x**2 / 0.09)))


def test_depth_exponents_follow_the_name():
    weights = [Parameter(n, MESH, prior=MinimumLength(1.0)).bound_prior.depth_weights[0]
               for n in ("density", "susceptibility")]
    np.testing.assert_allclose(weights, [500**-0.8, 500**-1.4])
    with pytest.raises(ValueError, match="depth_exponent must be given for the parameter 'velocity'"):
        Parameter("velocity", MESH, prior=Focusing(1.0))
    assert Parameter("velocity", MESH, prior=Focusing(1.0, depth_exponent=0.5)).bound_prior.depth_weights[0] < 1


def test_minimum_length_is_the_gaussian_it_claims():
    prior = bound(MinimumLength(7.0), reference=250.0)
    assert prior.gaussian
    assert not bound(Focusing(7.0, p=2, of="gradient")).gaussian
    assert not bound(Focusing(7.0)).gaussian
    x = np.random.default_rng(1).standard_normal(MESH.size)
    np.testing.assert_allclose(prior.covariance.matmat(prior.gradient(x)[:, None])[:, 0], x - 0.25)
    np.testing.assert_allclose(prior.mean, 0.25)
    draws = prior.covariance.sample(np.random.default_rng(2), 4000)
    np.testing.assert_allclose(draws.var(axis=0), prior.covariance.diagonal(), rtol=0.15)


def test_gradient_prior_ignores_a_constant_and_mesh_gradient_is_per_kilometre():
    prior = bound(Focusing(2.0, of="gradient"))
    np.testing.assert_allclose(prior.gradient(np.full(MESH.size, 3.0)), 0.0, atol=1e-12)
    ramp = np.broadcast_to(MESH.easting / 1000.0, MESH.shape).ravel()
    slopes = MeshGradient(MESH) @ ramp
    np.testing.assert_allclose(slopes[-3 * 9:], 1.0)
    np.testing.assert_allclose(slopes[:-3 * 9], 0.0)
    assert_adjoint(MeshGradient(MESH))


@pytest.mark.parametrize(("change", "match"), [
    ({"alpha": 0.0}, "alpha must be > 0"),
    ({"alpha": np.nan}, "alpha must be a number, and finite"),
    ({"epsilon": -1.0}, "epsilon must be > 0"),
    ({"p": 3}, "p must be one of 0, 1, 2"),
    ({"of": "curl"}, "of must be one of"),
    ({"depth_exponent": -1}, "depth_exponent must be >= 0"),
])
def test_bad_settings_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        Focusing(**{"alpha": 1.0, **change})
