"""The MAP of nonlinear problems: certified fits, linear answers, bounds, penalties, settings."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.map_estimate import _nonlinear as nonlinear

from .curves import MISRA, RAT42, dressed, fit_problem, misra, misra_jacobian, rat42
from .linear import joined, make
from .refusals import refused

FITS = {"misra": (MISRA, misra, misra_jacobian), "misra by differences": (MISRA, misra), "rat42": (RAT42, rat42)}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("products", [False, True])
def test_certified_fits_from_the_far_start(fit, products, monkeypatch):
    if products:
        monkeypatch.setattr(nonlinear, "MATRIX_LIMIT", 0)
    table = fit[0]
    problem = fit_problem(*fit, scale=1.0 if not products else None)
    result = bj.find_map(problem, tolerance=1e-7)
    assert result.converged and result.method == "gauss-newton"
    assert "stationary point" in result.message and result.criterion <= 1e-7
    std = np.sqrt(table["squares"] / (len(table["y"]) - len(table["value"])))
    assert result.chi2["fit"] * std**2 == pytest.approx(table["squares"], rel=1e-9)
    assert np.abs((result.model["b"] - table["value"]) / table["std"]).max() < 1e-6
    assert result.undetermined == (None if products else 0)


def test_a_dressed_linear_problem_gives_the_linear_answer():
    linear, reference = make(dense=True, vector=True, weights={"survey_density": 0.5})
    result = bj.find_map(dressed(linear))
    off = (joined(linear, result.model) - reference.mean) / reference.scale
    assert result.converged and np.abs(off).max() < 1e-8
    dense = bj.posterior(linear)
    assert np.abs(joined(linear, result.model) - joined(linear, dense.mean())).max() < 1e-8 * reference.scale.max()


def test_bounds_and_known_values():
    problem = fit_problem(RAT42, rat42)
    b = bj.Parameter("b", 3, bounds=([0.0, 0.0, 0.0], [70.0, 10.0, 1.0]), reference=[60.0, 1.0, 0.1])
    result = bj.find_map(problem.replace(parameters=[b]), tolerance=1e-8)
    assert result.converged and result.model["b"][0] == 70.0
    assert result.active["b"].tolist() == [True, False, False]
    fixed = bj.Parameter("b", 3, fixed=[70.0, np.nan, np.nan], reference=RAT42["start"])
    other = bj.find_map(problem.replace(parameters=[fixed]), tolerance=1e-8)
    assert other.converged and other.undetermined == 0
    np.testing.assert_allclose(other.model["b"], result.model["b"], rtol=1e-6)


def test_penalised_fits_agree_with_newtons_method(rng):
    """A Gramian between two vectors' meshes, linear models dressed: the other solver's answer."""
    mesh = bj.Mesh.regular((1, 3, 4), (100, 100, 100))
    parameters = [bj.Parameter(name, mesh, prior=bj.MinimumLength(5.0)) for name in ("density", "susceptibility")]
    surveys = [bj.Modality(f"of_{p.name}", rng.standard_normal((8, 12)) / p.scale, rng.standard_normal(8),
                           bj.DiagonalNoise(np.full(8, 0.3)), p.name) for p in parameters]
    problem = bj.JointProblem(parameters, surveys, [bj.Gramian(weight=2.0)])
    wanted = bj.find_map(problem, "map", discrepancy=False, tolerance=1e-9)
    found = bj.find_map(dressed(problem), tolerance=1e-9)
    assert found.converged
    assert found.value == pytest.approx(wanted.value, rel=1e-10)
    for name in found.model:
        np.testing.assert_allclose(found.model[name], wanted.model[name], atol=1e-6 * np.abs(wanted.model[name]).max())


def test_a_valley_is_said():
    model = bj.ForwardModel(lambda m: np.exp([m[0] + m[1], m[0] + m[1]]), (2, 2))
    survey = bj.Modality("s", model, [1.0, 2.0], bj.DiagonalNoise([1.0, 1.0]), "a")
    problem = bj.JointProblem([bj.Parameter("a", 2)], [survey])
    result = bj.find_map(problem, tolerance=1e-8)
    assert result.converged and result.undetermined == 1 and "neither data nor priors" in result.message
    assert result.model["a"].sum() == pytest.approx(np.log(1.5), rel=1e-8)
    refused(lambda: bj.posterior(problem, at=result), "the Hessian on the free cells")


def test_parameters_that_run_off_are_said_with_what_phi_still_loses():
    times, data = np.array([0.2, 1.5, 2.5]), np.array([0.9, -0.1, -0.2])
    survey = bj.Modality("s", bj.ForwardModel(lambda m: m[0] * np.exp(-m[1] * times), (3, 2)), data,
                         bj.DiagonalNoise(np.full(3, 0.15)), "m")
    result = bj.find_map(bj.JointProblem([bj.Parameter("m", 2, reference=1.0)], [survey]))
    limit = 0.5 * np.sum(data[1:] ** 2) / 0.15**2
    assert not result.converged and "there may be no minimum" in result.message
    assert 0 < result.value - limit < 3 * result.value_error < 1e-2


def test_start_callback_and_dataset():
    problem, seen = fit_problem(MISRA, misra, misra_jacobian), []
    result = bj.find_map(problem, start={"b": MISRA["value"]}, callback=lambda x, record: seen.append(record))
    assert result.iterations <= 2 and len(seen) == result.iterations + 1
    assert {"value", "decrement", "damping", "chi2_fit"} <= set(result.history)
    assert result.to_dataset()["b"].shape == (2,)
    assert result.to_datatree().attrs["method"] == "gauss-newton"


def test_it_refuses():
    problem = fit_problem(MISRA, misra)
    refused(lambda: bj.find_map(problem, discrepancy=True), "discrepancy")
    refused(lambda: bj.find_map(problem, method="rrcg"), "method")
    refused(lambda: bj.find_map(problem, tolerance=-1.0), "tolerance")
    lost = bj.ForwardModel(lambda m: [np.inf], (1, 1))
    nowhere = bj.JointProblem([bj.Parameter("a", 1)], [bj.Modality("s", lost, [1.0], bj.DiagonalNoise([1.0]), "a")])
    refused(lambda: bj.find_map(nowhere), "start must have a finite objective")
