from types import SimpleNamespace

import numpy as np
import pytest

import bayesjoint as bj

from ..refusals import refused

SHAPE = (2, 4, 5)


def problem(prior, *, bounds=None, truth=300.0, couplings=(), std=0.02, seed=0):
    """One gravity survey over a small block, its noise drawn."""
    mesh = bj.Mesh.regular(SHAPE, (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=prior, bounds=bounds)
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    model = np.zeros(SHAPE)
    model[1, 1:3, 1:4] = truth
    rng = np.random.default_rng(seed)
    data = gravity.predict(model).ravel() + std * rng.standard_normal(gravity.shape[0])
    survey = bj.Modality("gravity", gravity, data, bj.DiagonalNoise(np.full(data.size, std)), "density")
    return bj.JointProblem([density], [survey], couplings)


def converged(problem, **options):
    return bj.find_map(problem, method="map", discrepancy=False, tolerance=1e-9, **options)


def test_it_is_the_exact_posterior_where_that_is_gaussian():
    p = problem(bj.MinimumLength(50.0))
    exact, laplace = bj.posterior(p, method="dense"), bj.posterior(p, method="laplace", at=converged(p))
    spread = exact.std()["density"]
    assert np.abs(laplace.mean()["density"] - exact.mean()["density"]).max() < 1e-5 * spread.min()
    np.testing.assert_allclose(laplace.std()["density"], spread, rtol=1e-9)
    v = {"density": np.random.default_rng(1).standard_normal(SHAPE)}
    np.testing.assert_allclose(
        laplace.covariance_product(v)["density"], exact.covariance_product(v)["density"], rtol=1e-7, atol=1e-9)


def test_it_refuses_where_a_bound_holds_a_value():
    p = problem(bj.MinimumLength(0.1), bounds=(0.0, 200.0))
    held = converged(p).active["density"].sum()
    text = refused(lambda: bj.posterior(p, method="laplace", at=converged(p)), "the MAP")
    assert f"{held} of 40 values held at a bound" in text and '"truncated"' in text
    assert bj.posterior(p, at=converged(p), draws=100, thin=1).method == "truncated"


def test_its_covariance_inverts_the_hessian():
    p = problem(bj.Focusing(2000.0, epsilon=100.0))
    post = bj.posterior(p, method="laplace", at=converged(p))
    x = post.problem.pack(post.mean())
    hessian = np.stack([post.problem.hessian_product(x, column) for column in np.eye(x.size)], axis=1)
    covariance = np.stack([post.state_product(column) for column in np.eye(x.size)], axis=1)
    np.testing.assert_allclose(hessian @ covariance, np.eye(x.size), atol=1e-8)


def test_draws_have_its_covariance():
    p = problem(bj.Focusing(20.0, epsilon=100.0))
    post = bj.posterior(p, method="laplace", at=converged(p))
    draws = post.sample(draws=20_000, chains=1, seed=0)["density"].reshape(20_000, -1)
    std = post.std()["density"].ravel()
    assert np.abs(draws.var(axis=0) / std**2 - 1).max() < 5 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (lambda p: None, "at must be a converged MAP"),
        (lambda p: bj.find_map(p, method="rrcg", max_iterations=2), "an iterate"),
    ],
)
def test_it_refuses_what_is_no_converged_map(estimate, words):
    p = problem(bj.Focusing(20.0), bounds=(0.0, 500.0))
    with pytest.raises(ValueError, match=words):
        bj.posterior(p, method="laplace", at=estimate(p))


def test_it_refuses_a_map_of_another_problem():
    p, other = problem(bj.MinimumLength(1.0)), problem(bj.MinimumLength(1.0), couplings=())
    renamed = other.replace(modalities=[other.modalities[0].replace(name="air")])
    with pytest.raises(ValueError, match="a MAP of this problem"):
        bj.posterior(p, method="laplace", at=converged(renamed))
    with pytest.raises(TypeError, match="at must be a MAP"):
        bj.posterior(p, method="laplace", at={"density": 0})


def test_known_cells_do_not_count_as_held_and_have_no_spread():
    mesh = bj.Mesh.regular(SHAPE, (100, 100, 100))
    known = np.full(SHAPE, np.nan)
    known[0] = 0.0
    density = bj.Parameter("density", mesh, prior=bj.MinimumLength(50.0), bounds=(-2000.0, 2000.0), fixed=known)
    p = problem(bj.MinimumLength(50.0)).replace(parameters=[density])
    post = bj.posterior(p, method="laplace", at=converged(p))
    assert np.all(post.std()["density"][0] == 0) and np.all(post.std()["density"][1] > 0)


def test_it_refuses_multipliers_that_are_no_density():
    mesh = bj.Mesh.regular(SHAPE, (100, 100, 100))
    parameters = [bj.Parameter(name, mesh, prior=bj.MinimumLength(10.0)) for name in ("density", "susceptibility")]
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    magnetic = bj.MagneticOperator(mesh, mesh.easting, mesh.northing)
    surveys = [bj.Modality(k, f, np.ones(20), bj.DiagonalNoise(np.ones(20)), p.name)
               for k, f, p in zip(("gravity", "magnetic"), (gravity, magnetic), parameters, strict=True)]
    p = bj.JointProblem(parameters, surveys, [bj.Gramian(weights=(1.0, 2.0))])
    with pytest.raises(ValueError, match="there is no density to sample"):
        bj.posterior(p, at=bj.find_map(p))


def test_it_refuses_rather_than_clips_an_indefinite_hessian():
    # φ0 is concave beyond ε: with hardly any data the free cells' curvature is negative
    p = problem(bj.Focusing(0.01, p=0, epsilon=1e-3), bounds=(-1e6, 1e6), std=1e3)

    # a point away from the kink that claims to be stationary
    claim = SimpleNamespace(model={"density": np.full(SHAPE, 100.0)}, converged=True, message="", problem=p)
    with pytest.raises(ValueError, match="positive definite"):
        bj.posterior(p, method="laplace", at=claim)


def test_it_offers_no_evidence():
    p = problem(bj.MinimumLength(1.0))
    with pytest.raises(ValueError, match="offer an evidence"):
        bj.posterior(p, method="laplace", at=converged(p)).log_evidence()
