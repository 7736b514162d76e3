"""Continued fields that end at the ground, against all cells of a small torus written out."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint._correlation import CORRELATIONS
from bayesjoint.forward._periodic import periodic_spectra
from bayesjoint.gaussian import linear_gaussian

from ..refusals import refused

STD, CHI, RANGE, TIE = np.array([200.0, 300.0, 250.0]), 0.02, 150.0, 0.6


def terrain():
    mesh = bj.Mesh.regular((3, 4, 5), (100, 100, 100), top=100.0)
    active = np.ones(mesh.shape, dtype=bool)
    active[2, :, 3:], active[2, 2:, 1], active[1, 3, 4] = False, False, False
    return mesh.with_active(active)


@pytest.fixture(scope="module")
def case():
    mesh, rng = terrain(), np.random.default_rng(0)
    gravity = bj.GravityOperator(mesh, mesh.easting[1:4], mesh.northing[:3], 120.0)
    magnetic = bj.MagneticOperator(mesh, mesh.easting[:4], mesh.northing[1:], [105.0, 140.0])
    seen = np.array([[True, True, False], [True, True, True], [False, True, True]])
    forward = bj.forward.StationSelection(gravity, seen) @ gravity
    density = bj.Parameter("density", mesh, prior=bj.Matern(STD, RANGE, extent="continued"))
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(CHI, RANGE, extent="continued"))
    noise = [bj.DiagonalNoise(np.full(7, 0.1)), bj.DiagonalNoise(np.full(magnetic.data_shape, 5.0))]
    problem = bj.JointProblem([density, chi], [
        bj.Modality("g", forward, 2 * rng.standard_normal(7), noise[0], "density"),
        bj.Modality("m", magnetic, 30 * rng.standard_normal(magnetic.data_shape), noise[1], "susceptibility"),
    ], [bj.Coregionalization(TIE)])
    problem = bj.add_bias(problem, "g", std=1.0)
    return problem, linear_gaussian(problem), reference(mesh, gravity, seen, magnetic, linear_gaussian(problem))


def reference(mesh, gravity, seen, magnetic, model):
    """(Cov(d, d) without noise, Cov(x, d) over the mesh's cells of both fields) from every ground cell of the torus."""
    py, px = model.groups[0].torus
    nearest = [np.array([min(range(n)[::-1], key=lambda j, i=i, p=p: min(abs(i - j), p - abs(i - j)))
                         for i in range(p)]) for n, p in ((4, py), (5, px))]
    ground = mesh.active[:, nearest[0]][:, :, nearest[1]]
    z, y, x = np.nonzero(ground)

    def ring(index, period):
        return np.minimum(np.abs(index[:, None] - index), period - np.abs(index[:, None] - index)) * 100.0 / RANGE

    rise = (mesh.upward[z][:, None] - mesh.upward[z]) / RANGE
    correlation = CORRELATIONS[1.5](np.sqrt(rise**2 + ring(y, py) ** 2 + ring(x, px) ** 2))
    rows = []
    for operator in (gravity, magnetic):
        kernel = np.fft.irfft2(periodic_spectra(operator, (py, px)), s=(py, px))
        (row, column), (sy, sx) = operator.window, operator.data_shape[-2:]
        rows.append(np.array([kernel[h, z, (row + i - y) % py, (column + j - x) % px]
                              for h in range(len(kernel)) for i in range(sy) for j in range(sx)]))
    a, b = rows[0][seen.ravel()] * STD[z], rows[1] * CHI
    signal = np.block([[a @ correlation @ a.T, TIE * a @ correlation @ b.T],
                       [TIE * b @ correlation @ a.T, b @ correlation @ b.T]])
    signal[:7, :7] += 1.0  # the bias
    inside = (y < 4) & (x < 5)
    cells = np.ravel_multi_index((z[inside], y[inside], x[inside]), mesh.shape)
    gain = np.zeros((2, mesh.size, len(signal)))
    through = np.hstack([(correlation @ a.T)[inside], TIE * (correlation @ b.T)[inside]])
    gain[0, cells] = (STD[z] / 1000.0)[inside, None] * through
    gain[1, cells] = CHI * np.hstack([TIE * (correlation @ a.T)[inside], (correlation @ b.T)[inside]])
    return signal, gain.reshape(2 * mesh.size, -1)


def test_covariances_are_those_of_the_ground_of_the_torus(case):
    _, model, (signal, gain) = case
    eye = np.eye(len(signal))
    np.testing.assert_allclose(model.signal(eye), signal, atol=1e-12 * np.abs(signal).max())
    for part in (slice(0, 60), slice(60, 120)):
        np.testing.assert_allclose(model.gain(eye)[part], gain[part], atol=1e-12 * np.abs(gain[part]).max())
    np.testing.assert_allclose(model.gain_adjoint(np.eye(model.size)), model.gain(eye).T, atol=1e-13)


def test_draws_have_those_covariances(case):
    _, model, (signal, gain) = case
    count = 20_000
    x, data = model.draw(np.random.default_rng(1), count)
    size = np.sqrt(np.diag(signal))
    np.testing.assert_allclose(data.T @ data / count / np.outer(size, size), signal / np.outer(size, size), atol=0.05)
    scale = np.outer(np.sqrt(model.prior_variance()[:120]), size)
    error = x[:, :120].T @ data / count - gain
    assert np.abs(error[scale > 0] / scale[scale > 0]).max() < 0.05
    assert not x[:, ~model.problem.ground].any()


def test_dense_and_iterative_are_exact(case):
    problem, model, (signal, gain) = case
    noise = np.diag(model.noise_variance())
    weights = np.linalg.solve(signal + noise, model.data)
    dense, iterative = bj.posterior(problem, "dense"), bj.posterior(problem, "iterative")
    for post, tolerance in ((dense, 1e-10), (iterative, 1e-6)):
        scale = np.sqrt(model.prior_variance())[:120] + 1e-30
        assert np.max(np.abs(post.state_mean()[:120] - gain @ weights) / scale) < tolerance
    variance = model.prior_variance()[:120] - np.sum(gain * np.linalg.solve(signal + noise, gain.T).T, axis=1)
    np.testing.assert_allclose(dense.state_variance()[:120], variance, atol=1e-10)
    off = np.abs(iterative.state_variance()[:120] - variance)
    assert np.all(off <= 8 * 2 * np.sqrt(iterative.state_variance()[:120]) * iterative.state_std_error()[:120] + 1e-12)
    exact = -0.5 * (model.data @ weights + np.linalg.slogdet(2 * np.pi * (signal + noise))[1])
    assert float(dense.log_evidence()) == pytest.approx(exact, abs=1e-6)
    found = iterative.log_evidence()
    assert abs(float(found) - exact) < 4 * found.error + abs(found.bias) + 1e-6


def test_evidence_has_its_gradient_and_its_stochastic_twin(case):
    from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
    from bayesjoint.hyperparameters._large_evidence import LargeEvidence
    from bayesjoint.hyperparameters._vector import HyperVector

    vector = HyperVector(case[0], free=["density_std", "range", "correlation", "m_noise"])
    dense, large, theta, step = DenseEvidence(vector), LargeEvidence(vector, probes=32), vector.start, 1e-4
    value, gradient = dense.evaluate(theta)
    ends = [[dense.evaluate(theta + side * step * unit, False)[0] for side in (1, -1)] for unit in np.eye(theta.size)]
    np.testing.assert_allclose(gradient, (np.array(ends) @ [1, -1]) / (2 * step), rtol=1e-5, atol=1e-4)
    found = large.log_evidence(theta)
    assert abs(float(found) - value) < 4 * found.error + abs(found.bias)
    slope, error, _ = large.slope(theta)
    assert np.all(np.abs(slope - gradient) < 5 * error + 1e-3)


def test_a_part_of_the_surveys_keeps_the_covariances(case):

    _, model, (signal, _) = case
    for names, rows in ((("g",), slice(0, 7)), (("m",), slice(7, None))):
        part, index = model.part(names)
        np.testing.assert_array_equal(index, np.arange(len(signal))[rows])
        np.testing.assert_allclose(part.signal(np.eye(part.data_size)), signal[rows, rows],
                                   atol=1e-12 * np.abs(signal).max())


def test_what_needs_wavenumbers_refuses_with_a_way_out(case):
    problem = case[0]
    text = refused(lambda: bj.posterior(problem, "spectral"), "mesh")
    assert "iterative" in text
    refused(lambda: bj.likelihood_ratio_test(problem, ("g", "m"), null="spectral"), "mesh")
    refused(lambda: case[1].groups[0].spectra(), "mesh")
