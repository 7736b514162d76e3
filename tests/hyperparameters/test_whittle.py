"""The debiased Whittle likelihood: its expected periodograms by brute force, and where its maximum lies."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian._mesh_signal import unit_correlation
from bayesjoint.hyperparameters._fit_hyperparameters import guesses
from bayesjoint.hyperparameters._search import EvidenceObjective, maximise
from bayesjoint.hyperparameters._vector import HyperVector
from bayesjoint.hyperparameters._whittle import WhittleEvidence, whittle_suits
from bayesjoint.priors._torus import TorusSpectrum
from tests.hyperparameters.fields import TRUTH, gravity_problem, joint_problem


class NaiveWhittle(WhittleEvidence):
    """The periodogram against the spectral density, as if the window were a torus."""

    def _windowed(self, lags, k, other):
        index = [np.where(np.arange(n) > n // 2, np.arange(n) - n, np.arange(n)) for n in self._shape]
        circulant = lags[np.ix_(*(i % p for i, p in zip(index, self._torus, strict=True)))]
        return np.fft.fft2(circulant).ravel()[self._kept]


def ratios(seed):
    """Estimates over the truth."""
    vector = HyperVector(gravity_problem(seed, (3, 24, 24)))
    objective = EvidenceObjective(WhittleEvidence(vector), vector)
    top = max((maximise(objective, s, 1e-2) for s in guesses(vector)), key=lambda o: o.value)
    return np.exp(top.theta) / list(TRUTH.values())


def expected_and_seen(kind, seed):
    """Expected periodogram at the truth and the one of data, shapes (frequencies,)."""
    vector = HyperVector(gravity_problem(seed, (3, 24, 24)))
    whittle, values = kind(vector), vector.values(np.log(list(TRUTH.values())))
    model = sum(whittle._model(0, fields, values) for fields in whittle._fields[0]) + whittle._noises(0, values)
    return model[:, 0, 0].real, whittle._periodograms[0][:, 0, 0].real


def test_periodograms_have_their_expectation_and_not_the_naive_one():
    right, naive = ([expected_and_seen(kind, seed) for seed in range(8)] for kind in (WhittleEvidence, NaiveWhittle))
    assert all(model.min() > 0 for model, _ in right)
    assert np.mean([seen / model for model, seen in right]) == pytest.approx(1, abs=0.07)
    assert any(model.min() < 0 for model, _ in naive)  # no variances at all: its maximum is a matter of rounding


def test_its_maximum_is_near_the_truth():
    debiased = np.array([ratios(seed) for seed in range(4)])
    off = np.exp(np.abs(np.log(debiased)))
    assert np.all(np.median(off, axis=0) < 1.3)
    assert np.all(np.exp(np.abs(np.median(np.log(debiased), axis=0))) < 1.2)


def gapped(seed=0):
    """Two surveys on different windows, one with gaps."""
    problem = joint_problem(seed, stated=0.4)
    gravity, magnetic = problem.modalities
    mask = np.random.default_rng(1).uniform(size=(8, 8)) > 0.2
    mesh = problem.parameters[0].mesh
    survey = bj.Survey("gravity", np.where(mask, gravity.data.reshape(8, 8), np.nan), mesh.easting, mesh.northing,
                       upward=0.0, std=0.1)
    part = bj.MagneticOperator(mesh, mesh.easting[2:], mesh.northing[1:], height=20.0, inclination=60.0)
    cut = magnetic.replace(forward=part, data=magnetic.data.reshape(8, 8)[1:, 2:],
                           noise=bj.DiagonalNoise(np.full((7, 6), 2.0)))
    return problem.replace(modalities=[survey.modality(problem.parameters[0]), cut]), mask


def test_expected_periodograms_are_those_of_the_window():
    problem, mask = gapped()
    vector = HyperVector(problem)
    whittle = WhittleEvidence(vector)
    values, shape = vector.values(vector.start), (8, 8)
    model = sum(whittle._model(0, fields, values) for fields in whittle._fields[0]) + whittle._noises(0, values)
    # K of both surveys over the whole frame, from the same lags, tapered, and its two-sided DFT
    np.testing.assert_array_equal(whittle._tapers[0] > 0, mask)
    assert not whittle._tapers[1][0].any()
    assert not whittle._tapers[1][:, :2].any()
    y, x = (i.ravel() for i in np.indices(shape))
    waves = np.exp(-2j * np.pi * (np.outer(y, y) + np.outer(x, x)) / 8)
    blocks = [[None, None], [None, None]]
    spectrum = [whittle._transfer(k, problem.by_name) for k in (0, 1)]
    field = TorusSpectrum(unit_correlation(problem.parameters[0], problem.parameters[0].prior.ranges()), whittle._torus)
    for i in range(2):
        for j in range(2):
            wave = (field.mix(spectrum[i]) * spectrum[j].conj()).sum(axis=0)
            lags = np.fft.irfft2(wave, whittle._torus)
            k = lags[np.subtract.outer(y, y) % whittle._torus[0], np.subtract.outer(x, x) % whittle._torus[1]]
            k = k * (1.0 if i == j else 0.4) + (i == j) * np.eye(64) * (0.1, 2.0)[i] ** 2
            left, right = (waves * whittle._tapers[n].ravel() for n in (i, j))
            blocks[i][j] = np.einsum("fs,st,ft->f", left, k, right.conj())
    for i in range(2):
        for j in range(2):
            expected = blocks[i][j][whittle._kept]
            np.testing.assert_allclose(model[:, i, j], expected, atol=1e-8 * np.abs(blocks[i][j]).max())


def test_its_gradient_is_that_of_differences():
    vector = HyperVector(gapped()[0], ranges="layered")
    whittle, theta = WhittleEvidence(vector), vector.start + 0.1
    gradient = whittle.evaluate(theta)[1]
    steps = 1e-4 * np.eye(theta.size)
    numeric = [(whittle.evaluate(theta + h)[0] - whittle.evaluate(theta - h)[0]) / 2e-4 for h in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=3e-3, atol=1e-2)


def test_a_bias_does_not_move_it():
    problem = bj.add_bias(gravity_problem(1, (3, 16, 16)), "gravity", basis="linear", std=10.0)
    m = problem.modalities[0]
    y, x = np.indices((16, 16))
    tilted = problem.replace(modalities=[m.replace(data=m.data + (40.0 + 3 * x - 2 * y).ravel())])
    vectors = HyperVector(problem), HyperVector(tilted)
    values = [WhittleEvidence(v).evaluate(vectors[0].start)[0] for v in vectors]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_only_the_middle_of_a_large_survey_is_used():
    vector = HyperVector(gravity_problem(1, (1, 20, 30)))
    assert WhittleEvidence(vector, window=16)._shape == (16, 16)


def test_what_is_no_lattice_does_not_suit():
    problem = gravity_problem(0, (1, 6, 6))
    m = problem.modalities[0]
    assert whittle_suits(problem)
    assert not whittle_suits(problem.replace(modalities=[m.replace(forward=m.forward.to_dense())]))
    assert not whittle_suits(problem.replace(modalities=[m.replace(noise=bj.DenseNoise(np.eye(36)))]))
