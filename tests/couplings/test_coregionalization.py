"""Statistical coupling: the joint covariance it makes, what it leaves alone, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesjoint as bj
from bayesjoint.testing import check_gradient

from ..linear import matern_matrix, small_mesh
from ..refusals import refused

MESH, RANGE = small_mesh(), (150.0, 300.0, 200.0)
KERNEL = matern_matrix(MESH, RANGE, 1.5)
STD = {"density": 100.0, "susceptibility": 0.02, "porosity": 5.0}
TABLE = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def parameter(name, mesh=MESH, prior="matern", **settings):
    settings = {"std": STD[name], "range": RANGE} | settings
    return bj.Parameter(name, mesh, prior=bj.Matern(**settings) if prior == "matern" else prior)


def problem(coupling, names=tuple(STD), **replaced):
    members = [replaced.get(n) or parameter(n) for n in names]
    survey = bj.Modality("a", np.ones((1, members[0].size)), [1.0], bj.DiagonalNoise([1.0]), names[0])
    return bj.JointProblem(members, [survey], [coupling])


def hat(name):
    return STD[name] / (1000.0 if name == "density" else 1.0)


ORDERS = [None, ("density", "susceptibility", "porosity"), ("porosity", "density", "susceptibility"),
          ("susceptibility", "density")]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_joint_covariance(order, rng):
    names = list(order or STD)
    table = TABLE[: len(names), : len(names)]
    prior = problem(bj.Coregionalization(table, order)).prior
    mean, covariance = prior.gaussian_moments()
    wanted = np.zeros((72, 72))
    for i, a in enumerate(STD):
        for j, b in enumerate(STD):
            rho = table[names.index(a), names.index(b)] if {a, b} <= set(names) else float(a == b)
            wanted[24 * i:24 * i + 24, 24 * j:24 * j + 24] = rho * hat(a) * hat(b) * KERNEL
    np.testing.assert_array_equal(mean, 0.0)
    np.testing.assert_allclose(covariance.dense(), wanted, rtol=1e-12, atol=1e-16)
    x, v = 0.01 * rng.standard_normal((2, 72))
    unit = np.repeat([hat(name) for name in STD], 24)
    x, v = x * unit, v * unit
    scaled = wanted / np.outer(unit, unit)
    assert prior.value(x) == pytest.approx(0.5 * (x / unit) @ np.linalg.solve(scaled, x / unit), rel=1e-7)
    check_gradient(lambda y: prior.value(y * unit), lambda y: unit * prior.gradient(y * unit), x / unit)
    np.testing.assert_allclose(scaled @ (unit * prior.hessian_product(x, v)), v / unit, rtol=0, atol=1e-9)


@given(st.floats(-0.95, 0.95), st.integers(2, 3))
def test_marginal_priors_stay_what_they_were(rho, count):
    if count == 3 and rho <= -0.45:
        rho = -rho
    coupled = problem(bj.Coregionalization(rho), tuple(STD)[:count]).prior.gaussian_moments()[1].dense()
    for k, name in enumerate(tuple(STD)[:count]):
        block = coupled[24 * k:24 * k + 24, 24 * k:24 * k + 24]
        np.testing.assert_allclose(block, hat(name) ** 2 * KERNEL, rtol=1e-12)


def test_the_term_is_named_after_its_members():
    trial = problem(bj.Coregionalization(0.5, ("density", "porosity")))
    assert [k for k in trial.terms(trial.start()) if k.startswith("prior")] == [
        "prior density+porosity", "prior susceptibility"]


def test_default_members_are_the_parameters_on_a_mesh():
    survey = bj.Modality("a", np.ones((1, 24)), [1.0], bj.DiagonalNoise([1.0]), "density")
    members = [parameter("density"), bj.Parameter("datum", 2, prior=bj.GaussianPrior(0.0, 1.0)), parameter("porosity")]
    covariance = bj.JointProblem(members, [survey], [bj.Coregionalization(0.5)]).prior.gaussian_moments()[1].dense()
    assert np.all(covariance[24:26, :24] == 0) and np.all(covariance[24:26, 26:] == 0)
    assert covariance[0, 26] == pytest.approx(0.5 * hat("density") * hat("porosity"))


def test_matrix():
    np.testing.assert_array_equal(bj.Coregionalization(-0.4).matrix(3), np.full((3, 3), -0.4) + 1.4 * np.eye(3))
    np.testing.assert_array_equal(bj.Coregionalization(TABLE).matrix(3), TABLE)


def vector():
    return bj.Parameter("density", 24, prior=bj.GaussianPrior(0.0, 1.0))


BAD = {
    "one": (lambda: bj.Coregionalization(1.0), "correlation", ValueError),
    "minus one": (lambda: bj.Coregionalization(-1.0), "correlation", ValueError),
    "beyond": (lambda: bj.Coregionalization(1.5), "correlation", ValueError),
    "nan": (lambda: bj.Coregionalization(np.nan), "correlation", ValueError),
    "bool": (lambda: bj.Coregionalization(True), "correlation", TypeError),
    "list": (lambda: bj.Coregionalization([0.5, 0.5]), "correlation", ValueError),
    "not square": (lambda: bj.Coregionalization(np.ones((2, 3))), "correlation", ValueError),
    "asymmetric": (lambda: bj.Coregionalization([[1.0, 0.5], [0.4, 1.0]]), "correlation", ValueError),
    "a covariance": (lambda: bj.Coregionalization([[2.0, 0.5], [0.5, 2.0]]), "correlation", ValueError),
    "indefinite": (lambda: bj.Coregionalization([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]), "correlation",
                   ValueError),
    "too negative for three": (lambda: problem(bj.Coregionalization(-0.6)), "correlation", ValueError),
    "matrix for two of three": (lambda: problem(bj.Coregionalization(TABLE[:2, :2])), "correlation", ValueError),
    "names as text": (lambda: bj.Coregionalization(0.5, "density"), "parameters", TypeError),
    "a name twice": (lambda: bj.Coregionalization(0.5, ("density", "density")), "parameters", ValueError),
    "one name": (lambda: bj.Coregionalization(0.5, ("density",)), "parameters", ValueError),
    "unknown name": (lambda: problem(bj.Coregionalization(0.5, ("density", "velocity"))), "parameters", ValueError),
    "one parameter": (lambda: problem(bj.Coregionalization(0.5), ("density",)), "parameters", ValueError),
    "two joint covariances": (lambda: problem(bj.Coregionalization(0.5)).replace(
        couplings=[bj.Coregionalization(0.5), bj.Coregionalization(0.2)]), "couplings", ValueError),
    "another range": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter("porosity", range=90.0)),
                      "range and smoothness of porosity", ValueError),
    "another smoothness": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter("porosity", smoothness=0.5)),
                           "range and smoothness of porosity", ValueError),
    "another extent": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter("porosity", extent="continued")),
                       "extent of porosity", ValueError),
    "another mesh": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter(
        "porosity", mesh=bj.Mesh.regular((2, 3, 4), (1, 1, 1)))), "mesh of porosity", ValueError),
    "a flat prior": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter("porosity", prior=None)),
                     "prior of porosity", ValueError),
    "another prior": (lambda: problem(bj.Coregionalization(0.5), porosity=parameter(
        "porosity", prior=bj.GaussianPrior(0.0, 1.0))), "prior of porosity", ValueError),
    "a vector": (lambda: problem(bj.Coregionalization(0.5, ("density", "porosity")), density=vector()),
                 "prior of density", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, argument, error):
    refused(call, argument, error)
