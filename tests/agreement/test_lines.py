"""Levels of the lines that a file names: tested, seen where they are there, and carried by a bias."""

import numpy as np
import pytest

import bayesjoint as bj

LINES, EACH = 12, 9


def pair(rng, levels=0.0, names=True):
    """A ground survey, and an airborne one whose lines may each be off by a level."""
    mesh = bj.Mesh.regular((2, 6, 6), (200.0, 200.0, 200.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(150.0, 400.0))
    line = np.repeat(np.arange(LINES), EACH)
    east = np.tile(np.linspace(60.0, 1140.0, EACH), LINES) + rng.uniform(-15, 15, line.size)
    north = 60.0 + 95.0 * line + rng.uniform(-15, 15, line.size)
    model = density.bound_prior.covariance.sample(rng, 1)[0] * density.scale
    made = []
    for name, upward, off in (("ground", 5.0, 0.0), ("air", 60.0, levels)):
        clean = bj.GravityOperator.at_stations(mesh, east, north, upward).matvec(model)
        std = 0.1 * clean.std()
        data = clean + std * rng.standard_normal(line.size) + std * off * rng.standard_normal(LINES)[line]
        survey = bj.Survey("gravity", data, east, north, upward, std=std, name=name,
                           lines=[f"L{k}" for k in line] if names else None)
        made.append(survey.modality(density))
    return bj.JointProblem([density], made)


def test_levels_of_named_lines_are_seen_and_otherwise_as_likely_as_stated():
    p_values = [bj.nuisance_test(pair(np.random.default_rng(k)), "air", "lines").p_value for k in range(40)]
    assert 0.3 < np.mean(p_values) < 0.7
    assert np.mean(np.less(p_values, 0.05)) <= 0.15
    wrong = bj.nuisance_test(pair(np.random.default_rng(0), levels=3.0), "air", "lines")
    assert wrong.p_value < 1e-6
    assert wrong.form == "line levels"


def test_conflict_tests_them_and_a_bias_of_lines_holds_them():
    problem = pair(np.random.default_rng(1), levels=4.0)
    found = bj.conflict(problem)
    assert {test.target for test in found.tests if test.form == "line levels"} == {"ground", "air"}
    assert found.verdict.startswith("ground and air disagree: line levels of air")
    biased = bj.add_bias(problem, "air", basis="lines", std=0.3)
    assert biased.parameters[-1].labels[0] == "line L0"
    assert bj.likelihood_ratio_test(problem, ("air", "ground")).p_value < 1e-6
    assert bj.likelihood_ratio_test(biased, ("air", "ground")).p_value > 0.01


def test_a_survey_without_names():
    problem = pair(np.random.default_rng(2), names=False)
    assert "line levels" not in {test.form for test in bj.conflict(problem).tests}
    with pytest.raises(ValueError, match="lines are not named"):
        bj.add_bias(problem, "air", basis="lines", std=1.0)


def test_lines_go_with_the_data():
    modality = pair(np.random.default_rng(3)).modalities[1]
    assert modality.replace(name="other").lines.tolist() == modality.lines.tolist()
    with pytest.raises(ValueError, match="one line for each"):
        modality.replace(lines=["L1"])
