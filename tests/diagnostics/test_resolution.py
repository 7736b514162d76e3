"""Resolution against the matrix written out, and its estimates against their own errors."""

import numpy as np
import pytest

import bayesjoint as bj

from ..functionals.chains import Chains, cell_problem
from ..linear import make
from ..refusals import refused

CASES = {
    "two surveys": {},
    "coupled, known cells": {"correlation": 0.7, "known": (0, 5)},
    "a survey sees both": {"shared": True, "vector": True, "dense": True},
    "exponents, bias": {"weights": {"survey_density": 0.3}, "bias": True, "layered": True},
}  # fmt: skip


def matrix_of(reference):
    """(R, standardised R) in physical units: Cov(m | d) Aᵀ C⁻¹ A on the free cells."""
    sensitivity = reference.matrix.copy()
    sensitivity[:, reference.known] = 0.0
    R = reference.covariance @ reference.matrix.T @ np.linalg.solve(reference.noise, sensitivity)
    std = np.where(np.isin(np.arange(reference.scale.size), reference.known), 0.0, conditional_std(reference))
    inverse = np.divide(1, std, out=np.zeros_like(std), where=std > 0)
    return R, inverse[:, None] * R * std


def conditional_prior(reference):
    known, prior = reference.known, reference.prior
    if not known.size:
        return prior
    return prior - prior[:, known] @ np.linalg.solve(prior[np.ix_(known, known)], prior[known])


def conditional_std(reference):
    return np.sqrt(np.diag(conditional_prior(reference)).clip(0))


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request):
    problem, reference = make(**request.param)
    return bj.posterior(problem), reference


def test_the_operator_is_the_matrix(case):
    post, reference = case
    scale = np.concatenate([np.full(p.size, p.scale) for p in post.problem.parameters])
    R = matrix_of(reference)[0] / scale[:, None] * scale
    operator = bj.ResolutionOperator(post)
    np.testing.assert_allclose(operator @ np.eye(scale.size), R, atol=1e-10 * np.abs(R).max())
    np.testing.assert_allclose(operator.T @ np.eye(scale.size), R.T, atol=1e-10 * np.abs(R).max())
    np.testing.assert_allclose(operator @ np.ones(scale.size), R.sum(1), atol=1e-9 * np.abs(R).max())


def test_it_is_identity_less_the_covariances_ratio():
    reference = make(correlation=0.7)[1]
    R = matrix_of(reference)[0]
    expected = np.eye(48) - np.linalg.solve(reference.prior, reference.covariance).T
    np.testing.assert_allclose(R, expected, atol=1e-8 * np.abs(R).max())


def test_spreads_and_kernels_are_columns_and_rows_in_physical_units(case):
    post, reference = case
    R = matrix_of(reference)[0]
    operator = bj.ResolutionOperator(post)
    cell = (1, 2, 1)
    flat = int(np.ravel_multi_index(cell, (2, 3, 4)))
    column, row = (np.concatenate([np.ravel(a) for a in f("density", cell).values()])
                   for f in (operator.point_spread, operator.averaging_kernel))
    np.testing.assert_allclose(column, R[:, flat], atol=1e-10 * np.abs(R).max())
    np.testing.assert_allclose(row, R[flat], atol=1e-10 * np.abs(R).max())


def test_exact_figures_are_those_of_the_matrix(case):
    post, reference = case
    R, standard = matrix_of(reference)
    found = bj.resolution(post)
    for p in post.problem.parameters:
        where = post.problem.slices[p.name]
        diagonal = np.diag(R)[where]
        np.testing.assert_allclose(found[f"{p.name}_diagonal"].values.ravel(), diagonal, atol=1e-10)
        assert float(found[f"{p.name}_degrees_of_freedom"]) == pytest.approx(diagonal.sum())
        assert np.all(found[f"{p.name}_diagonal_error"] == 0)
        if p.mesh is None:
            continue
        for axis, spread in zip(("horizontal", "vertical"), spreads(p.mesh, standard[where, where]), strict=True):
            np.testing.assert_allclose(found[f"{p.name}_spread_{axis}"].values.ravel(), spread, rtol=1e-6, atol=1e-3)
            np.testing.assert_allclose(found[f"{p.name}_spread_{axis}_profile"],
                                       np.nanmean(spread.reshape(p.shape), axis=(1, 2)), rtol=1e-6)


def spreads(mesh, kernels):
    """By the definition: distances weighted by squared kernels, cell by cell."""
    z, y, x = (a.ravel() for a in np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij"))
    weight, norm = kernels**2, np.sum(kernels**2, axis=1)
    return [np.sqrt(np.divide(np.sum(weight * squares, axis=1), norm, out=np.full(norm.shape, np.nan), where=norm > 0))
            for squares in ((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2, (z[:, None] - z) ** 2)]


def test_sampled_spreads_are_right_within_their_errors(case):
    post, _ = case
    truth, found = bj.resolution(post), [bj.resolution(post, "stochastic", 32, seed) for seed in range(60)]
    for name in ("density_spread_horizontal_profile", "susceptibility_spread_vertical_profile"):
        values, errors = (np.array([f[name + end].values for f in found]) for end in ("", "_error"))
        bound = 4.5 * np.sqrt((errors**2).mean(0) / 60) + 1e-9
        assert np.all(np.abs(values.mean(0) - truth[name].values) <= bound)
        assert np.any(errors > 0)


def test_random_probes_are_unbiased_and_know_their_error(monkeypatch):
    monkeypatch.setattr("bayesjoint.diagnostics._resolution.FEW", 0)
    problem, reference = make(correlation=0.6)
    post, exact = bj.posterior(problem), np.diag(matrix_of(reference)[0])[:24].reshape(2, 3, 4)
    found = [bj.resolution(post, "stochastic", 64, seed) for seed in range(80)]
    for key, value in {"diagonal": exact, "degrees_of_freedom": exact.sum(),
                       "diagonal_profile": exact.mean((1, 2))}.items():
        values, errors = (np.array([f[f"density_{key}{end}"].values for f in found]) for end in ("", "_error"))
        score = (values.mean(0) - value) / (values.std(0) / np.sqrt(80))
        assert np.abs(score).max() < 4
        assert np.mean(values.std(0)) / np.sqrt(np.mean(errors**2)) == pytest.approx(1, abs=0.15)


def test_every_figure_has_units_words_and_its_error(case):
    found = bj.resolution(case[0])
    for name, variable in found.data_vars.items():
        assert {"units", "long_name"} <= set(variable.attrs)
        assert name.endswith("_error") or f"{name}_error" in found


def test_refusals(case):
    post, _ = case
    refused(lambda: bj.resolution(post, "guess"), "method")
    refused(lambda: bj.resolution(post, probes=2), "probes")
    operator = bj.ResolutionOperator(post)
    refused(lambda: operator.point_spread("gold", 0), "parameter")
    refused(lambda: operator.point_spread("density", (9, 9, 9)), "cell")
    refused(lambda: operator.averaging_kernel("density", 1), "cell")


def test_the_exact_road_is_refused_where_it_is_too_long(case, monkeypatch):
    monkeypatch.setattr("bayesjoint.diagnostics._estimator.EXACT_WORK", 10.0)
    refused(lambda: bj.resolution(case[0], "exact"), "method")
    assert "random" in bj.resolution(case[0]).method


def test_a_sampled_posterior_leaves_its_errors_unknown():
    problem = cell_problem()
    post = Chains(problem, np.zeros(problem.size), np.eye(problem.size), 0.5)
    post.state_product = lambda v: v
    for found in (bj.resolution(post), bj.leakage(post)):
        assert found.sampled
        assert all(np.isnan(v).all() for name, v in found.data_vars.items() if name.endswith("_error"))
