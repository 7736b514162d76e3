"""Do a survey and a hole agree? The tests of agreement take logs beside lattices."""

import numpy as np

import bayesjoint as bj
from bayesjoint.gaussian import linear_gaussian
from tests.diagnostics.test_leaving_out import with_holes
from tests.refusals import refused


def from_its_own_prior(problem, seed):
    model, rng = linear_gaussian(problem), np.random.default_rng(seed)
    data = model.draw(rng, 1)[1][0] + np.sqrt(model.noise_variance()) * rng.standard_normal(model.data_size)
    return problem.replace(modalities=[m.replace(data=data[rows].reshape(m.data_shape)) for m, rows in
                                       zip(problem.modalities, model.data_slices, strict=True)])


def test_data_of_one_ground_agree_and_a_log_of_another_does_not():
    problem = from_its_own_prior(with_holes(offset=None), 3)
    assert bj.likelihood_ratio_test(problem, ("gravity", "one")).p_value > 0.05
    other = problem.replace(modalities=[m.replace(data=m.data + 400.0) if m.name == "one" else m
                                        for m in problem.modalities])
    assert bj.likelihood_ratio_test(other, ("gravity", "one")).p_value < 1e-4


def test_a_pair_that_only_a_coupling_ties_does_not_stop_a_verdict():
    found = bj.conflict(with_holes(), pairs=[("magnetic", "two"), ("gravity", "one")], places=False)
    assert found.verdict.startswith("Cannot say")  # data that are noise alone: prior and noise are to be mended


def test_wavenumbers_want_lattices():
    refused(lambda: bj.spectral_conflict(with_holes(), "gravity", method="spectral"), "surveys must be on lattices")
    assert "gravity" in bj.spectral_conflict(with_holes(), "gravity").verdict
