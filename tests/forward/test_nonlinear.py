"""Nonlinear forward models: predictions, Jacobians from three sources, and what is refused."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import bayesjoint as bj

from ..curves import MISRA, misra, misra_jacobian
from ..refusals import refused

POINT = np.array(MISRA["value"])
SHAPE = (14, 2)


def products():
    return {"jvp": lambda m, v: misra_jacobian(m) @ v, "vjp": lambda m, y: misra_jacobian(m).T @ y}


SOURCES = {
    "array": {"jacobian": misra_jacobian},
    "sparse": {"jacobian": lambda m: csr_array(misra_jacobian(m))},
    "products": products(),
    "differences": {},
}  # fmt: skip


@pytest.mark.parametrize("options", SOURCES.values(), ids=SOURCES)
def test_linearised_products(options, rng):
    model = bj.ForwardModel(misra, SHAPE, **options)
    tangent = model.linearise(POINT)
    exact = misra_jacobian(POINT)
    for found, wanted in ((tangent.matmat(np.eye(2)), exact), (tangent.rmatmat(np.eye(14)), exact.T)):
        np.testing.assert_allclose(found, wanted, rtol=1e-8)
    bj.testing.assert_adjoint(tangent, seed=rng)
    assert model.derivatives == ("given" if options else "central differences")


def test_the_measured_error_of_differences_covers_the_true_one():
    for sizes in (None, 1e-3 * np.array(MISRA["value"]), 300 * np.array(MISRA["value"])):
        model = bj.ForwardModel(misra, SHAPE, typical=sizes)
        exact = misra_jacobian(POINT)
        true = np.linalg.norm(model.linearise(POINT).matmat(np.eye(2)) - exact) / np.linalg.norm(exact)
        assert 0.95 * true <= model.jacobian_error(POINT) < 30 * true < 0.1
    assert bj.ForwardModel(misra, SHAPE, misra_jacobian).jacobian_error(POINT) == 0.0


def test_differences_at_an_edge_are_taken_inside():
    model = bj.ForwardModel(lambda m: [np.sqrt(m[0]) + m[1], np.log(1 - m[1])], (2, 2), typical=1.0)
    m = np.array([5e-6, 1 - 4e-6])  # less than a step from where the root is none, and the logarithm
    found = model.linearise(m).matmat(np.eye(2))
    assert np.isfinite(found).all() and found[0, 1] == pytest.approx(1.0, rel=1e-9)
    assert 0 < found[0, 0] < 0.5 / np.sqrt(m[0]) and -1 / (1 - m[1]) < found[1, 1] < 0
    smooth = bj.ForwardModel(lambda m: np.where(m < 2.0, m**2, np.nan), (1, 1)).linearise([2.0 - 1e-9])
    assert smooth.matvec(np.ones(1))[0] == pytest.approx(4.0, rel=1e-5)
    refused(lambda: bj.ForwardModel(lambda m: np.where(m == 2.0, m, np.nan), (1, 1)).linearise([2.0]), "predict")


def test_steps_are_not_lost_in_values_run_off():
    model = bj.ForwardModel(lambda m: 2 * m, (1, 1), typical=1.0)
    for far in (1e3, -1e20, 1e100):
        assert model.linearise([far]).matvec(np.ones(1))[0] == pytest.approx(2.0, rel=1e-4)


def test_grids_are_flattened_and_nonsense_passes_through():
    model = bj.ForwardModel(lambda m: np.full((2, 3), m[0]), (6, 1), units="mGal", kind="gravity")
    assert model.predict([2.0]).tolist() == [2.0] * 6
    assert (model.units, model.kind) == ("mGal", "gravity")
    assert np.isnan(bj.ForwardModel(lambda m: [np.nan], (1, 1)).predict([0.0])).all()


def test_it_refuses():
    refused(lambda: bj.ForwardModel(3, (1, 1)), "predict", TypeError)
    refused(lambda: bj.ForwardModel(misra, (14,)), "shape", TypeError)
    refused(lambda: bj.ForwardModel(misra, (14, True)), "shape", TypeError)
    refused(lambda: bj.ForwardModel(misra, SHAPE, jvp=lambda m, v: v), "jacobian, jvp, vjp")
    refused(lambda: bj.ForwardModel(misra, SHAPE, misra_jacobian, **products()), "jacobian, jvp, vjp")
    refused(lambda: bj.ForwardModel(misra, SHAPE, "analytic"), "jacobian", TypeError)
    refused(lambda: bj.ForwardModel(misra, (14, 201)), "jacobian must be given")
    refused(lambda: bj.ForwardModel(misra, SHAPE, typical=[1.0, -1.0]), "typical")
    refused(lambda: bj.ForwardModel(misra, (13, 2)).predict(POINT), "predict must return 13")
    refused(lambda: bj.ForwardModel(misra, SHAPE).predict([1.0]), "values")
    refused(lambda: bj.ForwardModel(misra, SHAPE, lambda m: misra_jacobian(m).T).linearise(POINT), "jacobian")
    refused(lambda: bj.ForwardModel(misra, SHAPE, lambda m: np.full(SHAPE, np.nan)).linearise(POINT), "jacobian")
    refused(lambda: bj.ForwardModel(lambda m: [np.nan], (1, 1)).linearise([0.0]), "predict must be finite")
    refused(lambda: bj.ForwardModel(misra, SHAPE).matvec(POINT), "forward must be linear", TypeError)
