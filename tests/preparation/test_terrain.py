"""The terrain's column: slabs and prisms in closed form, and the density found again by an inversion."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.preparation import terrain_effect

G2PI = 2 * np.pi * 6.6743e-11 * 1e5  # mGal per kg/m³ and metre of an endless slab


def ground(height, side=40_000.0, step=500.0):
    axis = np.arange(0.0, side + 1, step)
    north, east = np.meshgrid(axis, axis, indexing="ij")
    return east.ravel(), north.ravel(), np.broadcast_to(height(east, north), east.shape).ravel()


def station(upward, at=20_000.0):
    return bj.Survey("gravity", [0.0], [at], [at], upward=upward)


def test_a_wide_slab_above_and_a_lacking_one_below():
    above = terrain_effect(station(101.0), ground(lambda e, n: 0 * e + 100.0), 500.0)
    assert above.column[0] == pytest.approx(100 * G2PI, rel=0.01)
    below = terrain_effect(station(1.0), ground(lambda e, n: 0 * e - 100.0), 500.0)
    assert below.column[0] == pytest.approx(-100 * G2PI, rel=0.02)


def test_steps_are_as_wrong_as_stated():
    hill = ground(lambda e, n: 300 * np.exp(-((e - 20_000) ** 2 + (n - 20_000) ** 2) / 1e7), step=1000.0)
    survey = bj.Survey("gravity", np.zeros(4), [15e3, 18e3, 20e3, 24e3], [20e3] * 4, upward=320.0)
    rough, fine = (terrain_effect(survey, hill, 1000.0, layers=n) for n in (10, 160))
    off = np.sqrt(np.mean((rough.column - fine.column) ** 2)) / np.sqrt(np.mean(fine.column**2))
    assert off < 2 * rough.error
    assert fine.error < rough.error


def test_the_reduction_density_is_found():
    hill = ground(lambda e, n: 200 * np.exp(-((e - 20_000) ** 2 + (n - 20_000) ** 2) / 2e7), step=1000.0)
    rng = np.random.default_rng(0)
    where = rng.uniform(10_000, 30_000, (60, 2))
    survey = bj.Survey("gravity", np.zeros(60), where[:, 0], where[:, 1], upward=220.0, std=0.05)
    effect = terrain_effect(survey, hill, 1000.0)
    data = 2450.0 * effect.column + 0.05 * rng.standard_normal(60)
    survey = effect.corrected(survey.replace(data=data), 2670.0)
    mesh = bj.Mesh.regular((2, 10, 10), (1000.0, 3000.0, 3000.0), west=5000.0, south=5000.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(5.0, 5000.0))
    problem = effect.add_to(bj.JointProblem([density], [survey.modality(density)]), "gravity")
    post = bj.posterior(problem)
    found, std = (float(np.ravel(v()["gravity_reduction_density"])[0]) for v in (post.mean, post.std))
    assert abs(found - (2450.0 - 2670.0)) < 3 * std
    assert std < 30.0
    assert problem.by_name["gravity_reduction_density"].units == "kg/m3"


def test_a_survey_of_another_kind():
    other = bj.Survey("magnetic", [0.0], [0.0], [0.0], upward=1.0)
    with pytest.raises(ValueError, match="be of gravity"):
        terrain_effect(other, ground(lambda e, n: 0 * e + 1.0), 1000.0)
