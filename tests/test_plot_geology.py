"""Figures of a family of grounds: they draw its worlds, and the data that a problem's operators give."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint import plot

from .refusals import refused

MESH = bj.Mesh.regular((4, 6, 8), (100.0, 100.0, 100.0))
FAMILY = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(300.0), "susceptibility": 0.02}, size=400.0)])


@pytest.fixture(scope="module")
def problem():
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=300.0))
    gravity = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=10.0)
    survey = bj.Modality("gravity", gravity, np.ones((6, 8)), bj.DiagonalNoise(np.full((6, 8), 0.1)), "density")
    return bj.JointProblem([density], [survey])


def test_each_world_stands_above_the_data_it_would_give(problem):
    figure = plot.geology(FAMILY, problem, count=5, seed=3, northing=250.0, figure=Figure())
    assert len(figure.axes) == 2 * 5 + 2
    gravity = problem.modalities[0].forward
    for n in range(5):
        section, below = figure.axes[2 * n:2 * n + 2]
        world = FAMILY.draw(MESH, 3 + n, ("density",))["density"]
        np.testing.assert_allclose(section.images[0].get_array(), world[:, 2])
        np.testing.assert_allclose(below.images[0].get_array(), gravity.predict(world.astype(float)), rtol=1e-6,
                                   atol=1e-9)
        assert section.get_title() == f"seed {3 + n}"
    assert "gravity data" in figure.get_suptitle()


def test_values_of_one_sign_have_a_sequential_scale_and_air_is_grey():
    hill = MESH.with_active(np.arange(MESH.size).reshape(MESH.shape) < MESH.size - 10)
    figure = plot.geology(FAMILY, hill, count=2, parameter="susceptibility", depth=50.0, figure=Figure())
    image = figure.axes[0].images[0]
    assert image.norm.vmin == 0
    assert np.ma.getmaskarray(image.get_array()).sum() == 10


def test_scattered_stations_and_numbers_without_places():
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=300.0))
    stations = bj.GravityOperator.at_stations(MESH, [100.0, 300.0, 500.0], [100.0, 200.0, 400.0], [5.0, 5.0, 5.0])
    known = bj.Modality("a", stations, np.zeros(3), bj.DiagonalNoise(np.ones(3)), "density")
    blind = bj.Modality("b", np.ones((2, MESH.size)), np.zeros(2), bj.DiagonalNoise(np.ones(2)), "density")
    both = bj.JointProblem([density], [known, blind])
    assert len(plot.geology(FAMILY, both, count=2, figure=Figure()).axes[1].collections) == 1
    assert len(plot.geology(FAMILY, both, count=2, modality="b", figure=Figure()).axes) == 2 * 2 + 1


def test_what_cannot_be_drawn_is_refused(problem):
    refused(lambda: plot.geology(FAMILY, MESH, count=0), "count")
    refused(lambda: plot.geology(FAMILY, 3), "source", TypeError)
    refused(lambda: plot.geology(FAMILY, problem, parameter="susceptibility"), "parameter")
    refused(lambda: plot.geology(FAMILY, problem, modality="magnetic"), "modality")
    refused(lambda: plot.geology(lambda mesh, seed: {}, MESH), "parameter")
