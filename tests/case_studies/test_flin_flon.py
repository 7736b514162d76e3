"""The case study's own parts: the truth resampled, the stepped ground, and its evidence against the engine's."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesjoint as bj

FOLDER = Path(__file__).parents[2] / "case_studies" / "flin_flon"


@pytest.fixture(scope="module")
def parts():
    """Its modules `ground` and `evidence`, imported as its script does."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("ground"), importlib.import_module("evidence")
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("ground", "evidence"):
            sys.modules.pop(name, None)


def test_truth_keeps_its_mass_and_stations_stand_in_air(parts):
    ground, _ = parts
    octree = ground.Octree()
    surveys = ground.surveys()
    mesh = ground.lay_mesh(octree, surveys)
    truth, unit = ground.truth_on(octree)
    up, north, east = ground.levels()
    window = tuple(slice(e[0], e[-1]) for e in (up, north, east))
    volume = np.diff(up)[:, None, None] * ground.BLOCK**2
    solid = ground._by_blocks(octree.unit != 0, ground.levels())
    for name in ("density", "susceptibility"):
        expected = getattr(octree, name)[window][octree.unit[window] != 0].sum()
        assert np.sum(truth[name] * solid) == pytest.approx(expected, rel=1e-12)
        assert np.all(solid <= volume)
    assert set(np.unique(unit[mesh.active])) == set(range(1, 10))
    for operator in ground.operators(mesh, surveys):  # refuses stations inside the ground
        np.testing.assert_array_equal(operator.active, mesh.active)


def test_evidence_in_data_space_is_the_engines(parts):
    _, evidence = parts
    rng = np.random.default_rng(0)
    mesh = bj.Mesh.regular(shape=(3, 6, 5), spacing=(50, 60, 60))
    stations = [rng.uniform(0, 300, (2, 12)), rng.uniform(0, 300, (2, 15))]
    operators = [bj.GravityOperator.at_stations(mesh, *stations[0], np.full(12, 20.0)),
                 bj.MagneticOperator.at_stations(mesh, *stations[1], np.full(15, 40.0))]
    data, noise, stds = [rng.standard_normal(12), 50 * rng.standard_normal(15)], [0.1, 2.0], [80.0, 0.01]
    kernel = (1.5, (400.0, 100.0, 100.0))
    parameters = [bj.Parameter(n, mesh, prior=bj.Matern(std=s, range=kernel[1], smoothness=kernel[0]))
                  for n, s in zip(("density", "susceptibility"), stds, strict=True)]
    correlated = bj.StationaryNoise(lambda e, n: 25 * np.exp(-np.hypot(e, n) / 70), white=2.0)
    problem = bj.JointProblem(parameters, [
        bj.Modality("gravity", operators[0], data[0], bj.DiagonalNoise(np.full(12, np.hypot(0.1, 0.3))), "density"),
        bj.Modality("magnetic", operators[1], data[1], correlated, "susceptibility")], [bj.Coregionalization(0.4)])
    for name, std in evidence.BIAS.items():
        problem = bj.add_bias(problem, name, "linear", std=std)
    rows = np.concatenate([op.to_dense() for op in operators])
    space = evidence.DataSpace(rows @ evidence.correlation_of(mesh, kernel).matmat(rows.T), data,
                               [m.terms[0].columns for m in problem.modalities], [s.T for s in stations], noise)
    coupled = evidence.Coupled(space, ((80.0, 0.3), (0.01, 5.0, 70.0)))
    posterior = bj.posterior(problem)
    assert coupled.log_evidence(0.4) == pytest.approx(float(posterior.log_evidence()), abs=1e-8)
    alone = [space.alone(0, 80.0, 0.3), space.alone(1, 0.01, 5.0, 70.0)]
    assert coupled.log_evidence(0.0) == pytest.approx(sum(alone), abs=1e-8)
    assert alone[1] == pytest.approx(float(posterior.separate()["magnetic"].log_evidence()), abs=1e-8)


def test_committed_results_agree_with_each_other():
    results = json.loads((FOLDER / "results.json").read_text())
    best = int(np.argmax(results["log_evidence"]))
    assert results["chosen"]["correlation"] == results["correlations"][best]
    engine = results["log_evidence_engine"]
    assert abs(results["log_evidence"][best] - engine["value"]) <= max(engine["error"], 1e-3)
