"""Cov(d, d) as a matrix against plain algebra, whatever was kept from another problem; views of one parameter."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian import _unit_fields as room
from bayesjoint.gaussian import linear_gaussian
from bayesjoint.gaussian._clean_covariance import CleanCovariance
from bayesjoint.hyperparameters._thinning import thinned
from bayesjoint.problem._view import View

from ..hyperparameters.fields import joint_problem
from ..linear import make
from ..periodic import continued_problem

CASES = {
    "alone": {"names": ("density",)},
    "coupled": {"correlation": 0.4},
    "in another order": {"correlation": 0.4, "members": ("susceptibility", "density")},
    "every survey sees all": {"correlation": -0.3, "shared": True, "layered": True},
    "bias and vector": {"bias": True, "vector": True, "correlation": 0.4},
    "dense noise and exponents": {"dense": True, "weights": {"survey_density": 0.3}},
    "known cells": {"known": (0, 5, 7), "correlation": 0.4},
}


def expected(reference):
    """A Γ Aᵀ, known values given."""
    prior = reference.prior
    if reference.known.size:
        columns = prior[:, reference.known]
        prior = prior - columns @ np.linalg.solve(columns[reference.known], columns.T)
    return reference.matrix @ prior @ reference.matrix.T


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_the_operators_on_the_prior(case):
    problem, reference = make(**case)
    model, wanted = linear_gaussian(problem), expected(reference)
    np.testing.assert_allclose(CleanCovariance(model).matrix, wanted, atol=1e-11 * wanted.max())
    root = np.linalg.inv(np.linalg.cholesky(reference.noise))
    white = root @ wanted @ root.T
    np.testing.assert_allclose(CleanCovariance(model).whitened(), white, atol=1e-10 * white.max())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_gain_comes_in_the_same_pass(case):
    model = linear_gaussian(make(**case)[0])
    eye = model.whiten_adjoint(np.eye(model.data_size))
    for _ in range(2):  # the second time its blocks are kept
        clean, (wanted, seen) = CleanCovariance(model, with_gain=True), model.gain_and_signal(eye)
        np.testing.assert_allclose(clean.gain(eye), wanted, atol=1e-12 * np.abs(wanted).max())
        np.testing.assert_allclose(clean.whitened(), model.whiten(seen), atol=1e-12 * np.abs(seen).max())
        x = np.random.default_rng(0).standard_normal((model.size, 3))
        np.testing.assert_allclose(model.whiten(clean.gain_adjoint(x)), wanted.T @ x, atol=1e-11 * np.abs(wanted).max())
        for where in (slice(0, model.size), slice(3, model.size - 1)):
            rows = model.whiten(clean.gain_rows(where).T).T
            np.testing.assert_allclose(rows, wanted[where], atol=1e-12 * np.abs(wanted).max())


def test_a_continued_field_is_that_of_the_torus():
    model = linear_gaussian(continued_problem())
    wanted = model.signal(np.eye(model.data_size))
    np.testing.assert_allclose(CleanCovariance(model).matrix, wanted, atol=1e-12 * wanted.max())


def test_what_changes_no_field_costs_no_product(monkeypatch):
    problem, _ = make(correlation=0.4)
    CleanCovariance(linear_gaussian(problem))
    monkeypatch.setattr(room.UnitFields, "_sweep", None)  # any new block would fail
    parameters = [p.replace(prior=bj.Matern(std=3.0 * p.prior.std, range=p.prior.range)) for p in problem.parameters]
    tempered = problem.replace(weights={m.name: 0.5 for m in problem.modalities})
    louder = bj.add_bias(problem.replace(parameters=parameters), "survey_density", basis=np.ones((5, 1)), std=2.0)
    untied = problem.replace(couplings=[])
    np.testing.assert_array_equal(CleanCovariance(linear_gaussian(tempered)).matrix,
                                  CleanCovariance(linear_gaussian(problem)).matrix)
    wanted = linear_gaussian(louder).signal(np.eye(11))
    np.testing.assert_allclose(CleanCovariance(linear_gaussian(louder)).matrix, wanted, atol=1e-12 * wanted.max())
    monkeypatch.undo()
    for changed in (untied, parameters_of(problem, range=90.0), parameters_of(problem, smoothness=2.5)):
        wanted = linear_gaussian(changed).signal(np.eye(11))
        np.testing.assert_allclose(CleanCovariance(linear_gaussian(changed)).matrix, wanted, atol=1e-12 * wanted.max())


def parameters_of(problem, **changed):
    """The problem with other Matérn priors."""
    keys = ("std", "range", "smoothness")
    return problem.replace(parameters=[
        p.replace(prior=bj.Matern(**{k: getattr(p.prior, k) for k in keys} | changed)) for p in problem.parameters])


def test_another_profile_of_the_std_is_another_field():
    flat, _ = make(names=("density",))
    layered, reference = make(names=("density",), layered=True)
    CleanCovariance(linear_gaussian(flat))
    wanted = expected(reference)
    np.testing.assert_allclose(CleanCovariance(linear_gaussian(layered)).matrix, wanted, atol=1e-11 * wanted.max())


def test_few_sets_of_blocks_are_kept(monkeypatch):
    problem, made = make(names=("density",))[0], []
    sweep = room.UnitFields._sweep
    monkeypatch.setattr(room.UnitFields, "_sweep", lambda self, b: made.append(1) or sweep(self, b))

    def ask(ranges):
        for reach in ranges:
            CleanCovariance(linear_gaussian(parameters_of(problem, range=reach)))
        return len(made)

    reaches = [100.0 + 10.0 * k for k in range(room.KEPT + 1)]
    assert ask(reaches) == room.KEPT + 1
    assert ask(reaches[1:]) == room.KEPT + 1  # still there
    assert ask(reaches[:1]) == room.KEPT + 2  # gone: made anew


def test_a_view_is_the_operator_on_one_parameter(rng):
    problem, reference = make(bias=True, vector=True, shared=True)
    start = 0
    for k, m in enumerate(problem.modalities):
        for name in m.parameters:
            p, view = problem.by_name[name], View(problem, k, name)
            rows = reference.matrix[start:start + m.size, problem.slices[name]] * p.scale
            fields, data = rng.standard_normal((p.size, 2)), rng.standard_normal((m.size, 3))
            np.testing.assert_allclose(view.matmat(fields), rows @ fields, rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(view.stored().rmatmat(data), rows.T @ data, rtol=1e-10, atol=1e-10)
        start += m.size


def test_a_thinned_survey_takes_its_rows_of_what_is_kept_of_the_whole(monkeypatch):
    """Every other node, with the operators never asked; and without what is kept the same to rounding."""
    problem = joint_problem(2, shape=(2, 6, 6))
    few, fresh = thinned(problem, {"gravity": 2}), thinned(joint_problem(2, shape=(2, 6, 6)), {"gravity": 2})
    CleanCovariance(linear_gaussian(problem))
    monkeypatch.setattr(room.UnitFields, "_between", lambda self, which, b: {a: pytest.fail("formed") for a in which})
    found = CleanCovariance(linear_gaussian(few)).matrix
    monkeypatch.undo()
    np.testing.assert_allclose(found, CleanCovariance(linear_gaussian(fresh)).matrix, rtol=0, atol=1e-12 * found.max())


@pytest.mark.parametrize("gain", [False, True], ids=["by fields", "by a whole gain"])
def test_rows_of_the_gain_are_whitened_and_start_where_they_are_not_zero(gain):
    problem, _ = make(dense=True, correlation=0.4, bias=True, weights={"survey_density": 0.3},
                              **({"known": (0, 5, 7)} if gain else {}))
    model = linear_gaussian(problem)
    clean = CleanCovariance(model, with_gain=True)
    wanted, found = model.whiten(clean.gain_rows(slice(0, model.size)).T), np.zeros((model.data_size, model.size))
    for members, parts in clean.shared_rows(10):
        for where, factors in members:
            for factor, (first, part) in zip(factors, parts, strict=True):
                found[first:, where] += factor * part
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
