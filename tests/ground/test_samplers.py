"""Estimates and samplers that see the mesh: all equal those of the ground cells alone."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.priors._differences import MeshGradient

from .hill import STD, both, hill, matern, restricted_matern, same

BOUNDS = {"density": (-100, 500), "susceptibility": (0, 0.05)}
GRAMIAN = [(bj.Gramian, {"weight": 50.0})]


def focusing(p=1):
    return {"density": bj.Focusing(20.0, p=p, epsilon=1e-2, depth_exponent=0),
            "susceptibility": bj.Focusing(2000.0, p=p, epsilon=1e-3, depth_exponent=0)}


def materns(mesh):
    return {n: matern(n) for n in STD}, {n: restricted_matern(mesh, n) for n in STD}


@pytest.mark.parametrize("p", [0, 1, 2])
@pytest.mark.parametrize("couplings", [[], GRAMIAN], ids=["alone", "gramian"])
def test_rrcg(p, couplings):
    mesh = hill()
    found, expected = (bj.find_map(problem, "rrcg", max_iterations=8).model  # before rounding has grown
                       for problem in both(mesh, focusing(p), focusing(p), couplings, BOUNDS))
    same(found, expected, mesh.active, atol=1e-6)


@pytest.mark.parametrize("couplings", [[], GRAMIAN], ids=["alone", "gramian"])
def test_map_with_bounds(couplings):
    mesh = hill()
    problems = both(mesh, *materns(mesh), couplings, {"density": (-50, 150), "susceptibility": (0, 0.02)})
    at = [bj.find_map(p, "map", tolerance=1e-9) for p in problems]
    same(at[0].model, at[1].model, mesh.active, atol=1e-3)
    assert at[0].active_share == pytest.approx(at[1].active_share)


@pytest.mark.parametrize("couplings", [[], GRAMIAN], ids=["alone", "gramian"])
def test_laplace(couplings):
    mesh = hill()
    problems = both(mesh, *materns(mesh), couplings)
    at = [bj.find_map(p, "map", tolerance=1e-9) for p in problems]
    found, expected = (bj.posterior(p, "laplace", at=a) for p, a in zip(problems, at, strict=True))
    same(found.std(), expected.std(), mesh.active, atol=2e-3)


def test_truncated():
    mesh = hill()
    bounds = {"density": (-50, 150), "susceptibility": (0, 0.02)}
    found, expected = (bj.posterior(p, "truncated", draws=100, chains=2, thin=1, seed=3)
                       for p in both(mesh, *materns(mesh), [], bounds))
    same(found.mean(), expected.mean(), mesh.active, atol=0.5)


def test_map_of_focusing_priors():
    mesh = hill()
    found, expected = (bj.find_map(p, "map", discrepancy=False, tolerance=1e-7).model
                       for p in both(mesh, focusing(), focusing(), GRAMIAN, BOUNDS))
    same(found, expected, mesh.active, atol=1e-3)


@pytest.mark.parametrize("kind", ["focusing", "focusing beside a Gaussian", "focusing under a Gramian"])
def test_gibbs_sweeps_over_scales(kind):
    mesh = hill()
    priors = focusing(), focusing()
    if "Gaussian" in kind:
        priors[0]["susceptibility"], priors[1]["susceptibility"] = (m["susceptibility"] for m in materns(mesh))
    problems = both(mesh, *priors, GRAMIAN if "Gramian" in kind else [])
    found, expected = (bj.posterior(p, "gibbs", draws=100, chains=2, seed=3) for p in problems)
    same(found.mean(), expected.mean(), mesh.active, atol=1e-6)  # the same random numbers, the same chains
    same(found.std(), expected.std(), mesh.active, atol=1e-6)


def test_gibbs_sweeps_under_a_gramian_of_gaussians():
    mesh = hill()
    problems = both(mesh, *materns(mesh), [(bj.Gramian, {"weight": 200.0})])
    found, expected = (bj.posterior(p, "gibbs", draws=3000, seed=k) for k, p in enumerate(problems))
    for key in ("mean", "std"):
        a, b = (getattr(post, key)() for post in (found, expected))
        size = [getattr(post, f"{key}_error")() for post in (found, expected)]
        for name in STD:
            off = np.abs(a[name][mesh.active] - b[name])
            assert np.all(off < 6 * np.hypot(size[0][name][mesh.active], size[1][name]))


def test_differences_stop_at_the_ground():
    mesh = bj.Mesh.regular((1, 1, 4), (100, 100, 100))
    gradient = MeshGradient(mesh.with_active(np.array([[[True, True, False, True]]])))
    np.testing.assert_allclose(gradient @ np.array([1.0, 3.0, 9.0, 4.0]), [20.0, 0.0, 0.0])
    bj.testing.assert_adjoint(gradient)


def test_gradient_priors_and_couplings_ignore_air():
    mesh = hill()
    priors = {n: bj.Focusing(20.0, p=2, depth_exponent=0, of="gradient") for n in STD}
    problem, _ = both(mesh, priors, focusing(), (), BOUNDS)
    problem = problem.replace(couplings=[bj.Gramian(weight=5.0, space="gradient")])
    x = problem.start() + np.random.default_rng(0).standard_normal(problem.size)
    moved = np.where(problem.ground, x, 7.0)
    assert problem.prior.value(x) == pytest.approx(problem.prior.value(moved), rel=1e-12)
    assert problem.penalties[0].value(problem.parts(x)) == pytest.approx(
        problem.penalties[0].value(problem.parts(moved)), rel=1e-12)
    assert np.isnan(bj.find_map(problem, "map", discrepancy=False).model["density"][~mesh.active]).all()


def test_weights_of_a_gramian_are_those_of_the_ground():
    mesh = hill()
    priors = {n: bj.MinimumLength(20.0, depth_exponent=1.0) for n in STD}
    problem = both(mesh, priors, focusing())[0].replace(couplings=[bj.Gramian(weight=5.0, space="weighted")])
    weights, ground = problem.penalties[0].maps[0], mesh.active.ravel()
    assert np.mean(weights[ground] ** 2) == pytest.approx(1.0)
