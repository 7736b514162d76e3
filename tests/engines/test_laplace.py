from types import SimpleNamespace

import numpy as np
import pytest

import bayesjoint as bj

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


def test_active_cells_are_held_and_said():
    p = problem(bj.MinimumLength(0.1), bounds=(0.0, 200.0))
    result = converged(p)
    post = bj.posterior(p, at=result)
    active = post.active["density"]
    model = result.model["density"]
    assert 0 < active.sum() < active.size
    assert np.all((model[active] == 0.0) | (model[active] == 200.0))
    assert np.all(post.std()["density"][active] == 0.0)
    assert np.all(post.std()["density"][~active] > 0.0)
    assert post.active_share["density"] == active.mean()
    tree = post.to_datatree(draws=2, chains=2)
    np.testing.assert_array_equal(tree["active_bounds"]["density_active"].values, active)
    assert "not validated" in tree.attrs["approximations_json"]
    assert "prior" not in tree.children


def test_its_covariance_inverts_the_hessian_on_the_free_cells():
    p = problem(bj.MinimumLength(0.1), bounds=(0.0, 200.0))
    post = bj.posterior(p, method="laplace", at=converged(p))
    x = post.problem.pack(post.mean())
    free = ~post.active["density"].ravel()
    unit = np.eye(x.size)[:, free]
    hessian = np.stack([post.problem.hessian_product(x, column) for column in unit.T], axis=1)[free]
    covariance = np.stack([post.state_product(column) for column in unit.T], axis=1)
    np.testing.assert_allclose(hessian @ covariance[free], np.eye(free.sum()), atol=1e-8)
    assert np.all(covariance[~free] == 0.0)


def test_draws_have_its_covariance():
    p = problem(bj.MinimumLength(1.0), bounds=(-100.0, 200.0))
    post = bj.posterior(p, method="laplace", at=converged(p))
    draws = post.sample(draws=20_000, chains=1, seed=0)["density"].reshape(20_000, -1)
    std = post.std()["density"].ravel()
    free = std > 0
    ratio = draws[:, free].var(axis=0) / std[free] ** 2
    assert np.abs(ratio - 1).max() < 5 * np.sqrt(2 / 20_000)
    assert np.all(draws[:, ~free] == post.mean()["density"].ravel()[~free])


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


def test_known_cells_do_not_count_as_active():
    mesh = bj.Mesh.regular(SHAPE, (100, 100, 100))
    known = np.full(SHAPE, np.nan)
    known[0] = 0.0
    p = problem(bj.MinimumLength(0.1), bounds=(0.0, 200.0))
    density = bj.Parameter("density", mesh, prior=bj.MinimumLength(0.1), bounds=(0.0, 200.0), fixed=known)
    p = p.replace(parameters=[density])
    post = bj.posterior(p, method="laplace", at=converged(p))
    assert not post.active["density"][0].any()
    assert post.active_share["density"] == post.active["density"].sum() / 20


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
    p = problem(bj.MinimumLength(1.0), bounds=(0.0, None))
    with pytest.raises(ValueError, match="offer an evidence"):
        bj.posterior(p, at=converged(p)).log_evidence()
