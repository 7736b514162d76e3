"""What a user holds shows itself in short: which it is, of what size, and what came out."""

import numpy as np
import pytest

import bayesjoint as bj

from .reporting.test_questions import survey_problem

LONGEST = 300
CELLS = (2, 4, 6)


@pytest.fixture(scope="module")
def problem():
    return survey_problem()


@pytest.fixture(scope="module")
def bounded(problem):
    density = problem.parameters[0].replace(prior=bj.MinimumLength(100.0), bounds=(-500.0, 500.0))
    return bj.JointProblem([density], [problem.modalities[0]])


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank"])
def test_posteriors_tell_method_sizes_and_parameters(problem, method):
    text = repr(bj.posterior(problem, method=method))
    assert f"({method}: 96 unknowns of density, susceptibility; 32 data of gravity, magnetic)" in text


def test_a_loaded_posterior_tells_its_draws(problem, tmp_path):
    bj.posterior(problem).to_file(tmp_path / "p.nc", draws=3)
    assert repr(bj.load(tmp_path / "p.nc")).endswith("32 data of gravity, magnetic; 4 chains of 3 draws kept)")


def test_maps_and_laplace_posteriors_are_short(bounded):
    found = bj.find_map(bounded, method="map", discrepancy=False)
    assert repr(found).startswith("ConvergedMap(map: 48 unknowns of density; 16 data of gravity; chi2/n: gravity ")
    assert len(repr(found)) <= LONGEST and str(found.iterations) in repr(found)
    assert "laplace: 48 unknowns of density" in repr(bj.posterior(bounded, at=found))


def test_fits_tell_values_and_what_is_not_identified(problem):
    found = bj.fit_hyperparameters(problem, curve=False)
    text = repr(found)
    shown = list(zip(found.table["name"], found.table["value"], found.table["identified"], strict=True))[:4]
    assert not all(sure for *_, sure in shown)
    for name, value, sure in shown:
        assert f"{name} {value:.4g}{'' if sure else ' (not identified)'}, " in text
    assert "not identified" in text and len(text) <= LONGEST
    assert "gravity" in repr(bj.temper(problem, curve=False))


def test_conflicts_are_short_and_print_in_full(problem):
    found = bj.conflict(problem, places=False)
    text = repr(found)
    alarms = int(np.sum(found.p_adjusted <= found.level))
    assert text.startswith(f"Conflict({found.kind}; {alarms} of {len(found.tests)} tests object at 0.05: ")
    assert len(text) <= LONGEST < len(str(found)) and found.verdict in str(found)
    assert "as stated" in repr(found.problems) and len(repr(found.problems)) <= LONGEST
    assert all("object at" not in repr(pair) for pair in found.pairs.values())


def test_priors_noises_and_grounds_show_no_arrays(problem):
    mesh = problem.parameters[0].mesh
    held = [
        bj.Matern(std=np.full(CELLS, 3.0), range=900.0), bj.GaussianPrior(np.zeros(48), np.eye(48)),
        bj.DenseNoise(np.eye(30)), bj.DiagonalNoise(np.ones(30)), bj.StationaryNoise(bj.MaternKernel(1.0, 900.0)),
        bj.geology_default(mesh, {"density": 100.0}), bj.Geology([bj.Bodies(contrasts={"density": 300})] * 9),
        bj.Borehole("a", np.zeros(30), 0.1, property="density", path=np.c_[np.ones((31, 2)), -np.arange(31.0)]),
        bj.Parameter("density", mesh, prior=bj.Matern(std=np.full(CELLS, 3.0), range=900.0)),
        bj.JointProblem([bj.Parameter(f"level_{k}", 1) for k in range(99)], [bj.Modality(
            f"a{k}", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), f"level_{k}") for k in range(99)])]
    for each in held:
        assert len(repr(each)) <= LONGEST and "\n" not in repr(each) and "object at" not in repr(each), each
    assert repr(held[0]).startswith("Matern(std=array 2 x 4 x 6, 3 to 3, range=900.0")
