"""Interpolated grids: seen, thinned, said; others left alone."""

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

import bayesjoint as bj
from bayesjoint.hyperparameters._large_evidence import LargeEvidence
from bayesjoint.hyperparameters._thinning import thinned
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import gravity_problem
from tests.hyperparameters.test_large import continued
from tests.refusals import refused


def gridded(step=3, seed=2):
    """A survey at every `step`-th node, splined to all of them, as producers do; bias columns and unequal noise too."""
    problem = continued(gravity_problem(seed, (2, 22, 22), stated=(50.0, 300.0, 0.3)))
    m, nodes = problem.modalities[0], np.arange(22)
    coarse = nodes[::step]
    values = RectBivariateSpline(coarse, coarse, m.data.reshape(22, 22)[::step, ::step])(nodes, nodes)
    return problem.replace(modalities=[m.replace(data=values)])


def test_every_other_node_is_what_it_says():
    problem = bj.add_bias(gravity_problem(1, (2, 7, 8)), "gravity", basis="linear", std=1.0)
    part = thinned(problem, {"gravity": 2})
    old, new = problem.modalities[0], part.modalities[0]
    keep = np.zeros((7, 8), dtype=bool)
    keep[1::2, 1::2] = True
    np.testing.assert_array_equal(new.data, old.data[keep.ravel()])
    x = np.random.default_rng(0).standard_normal(problem.size)
    np.testing.assert_allclose(part.operator(0).matvec(x), problem.operator(0).matvec(x)[keep.ravel()])
    assert thinned(problem, {}).modalities[0] is old


def test_an_interpolated_grid_is_thinned_and_its_hyperparameters_are_the_grounds():
    problem = gridded()
    fit = bj.fit_hyperparameters(problem, curve=False)
    assert "node of gravity, because at all of them its noise runs to its lower bound" in fit.message
    for name, truth in (("density_std", 100.0), ("density_range", 250.0)):
        assert truth / 2 < fit.estimate[name] < 2 * truth
    assert fit.problem.modalities[0].size == 22 * 22
    share = 22 * 22 / fit.vector.problem.modalities[0].size  # nodes in between hold no information of their own
    assert fit.problem.modalities[0].noise.std[0] == pytest.approx(fit.estimate["gravity_noise"] * share**0.5)
    blind = bj.fit_hyperparameters(problem, thin=1, curve=False)
    assert blind.table["verdict"][2].startswith("at its lower bound")
    assert fit.vector.problem.modalities[0].size < 200


def test_a_grid_with_noise_of_its_own_is_left_alone():
    fit = bj.fit_hyperparameters(gravity_problem(2, (1, 20, 20)), curve=False)
    assert "node of" not in fit.message


def test_thinning_may_be_asked_for():
    problem = gravity_problem(2, (1, 20, 20))
    fit = bj.fit_hyperparameters(problem, thin={"gravity": 2}, curve=False)
    assert "of every second node of gravity, as asked for" in fit.message
    assert fit.message.startswith("exact evidence of 100 data")
    refused(lambda: bj.fit_hyperparameters(problem, thin=0), "thin")
    refused(lambda: bj.fit_hyperparameters(problem, thin={"magnetic": 2}), "thin")
    scattered = problem.replace(modalities=[problem.modalities[0].replace(
        forward=problem.modalities[0].forward.to_dense())])
    refused(lambda: bj.fit_hyperparameters(scattered, thin=2), "thin")


def test_a_thinned_lattice_is_preconditioned_as_the_lattice_it_is():
    problem = thinned(continued(gravity_problem(1, (2, 24, 24))), {"gravity": 2})
    vector = HyperVector(problem)
    large = LargeEvidence(vector)
    system = large._system(vector.values(vector.start))
    blocks = system.preconditioner()
    matrix = system.product(np.eye(144))
    values = np.linalg.eigvals(blocks.solve(matrix)).real
    assert values.max() / values.min() < 30
    assert blocks.logdet() > np.linalg.slogdet(matrix)[1]  # Hadamard
    assert np.trace(blocks.solve(matrix)) == pytest.approx(144)
