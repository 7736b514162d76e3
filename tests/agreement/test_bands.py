"""Bands of wavelength: nulls that hold for real windows, disturbances found at their wavelength and nowhere else."""

import numpy as np
import pytest
from scipy.stats import kstest, ncx2

import bayesjoint as bj
from bayesjoint.agreement._multiple_testing import holm
from bayesjoint.agreement._residuals import residual_of
from bayesjoint.agreement._spectral_conflict import WavenumberBands, band_residual, noncentrality, spectral_conflict
from bayesjoint.agreement._wavenumbers import CosineModes, CrossPeriodogram, band_edges

from ..refusals import refused
from .overlapping import overlapping, simulated

BANDS = 4


def uniform(p_values):
    """Smallest Holm-adjusted p-value of Kolmogorov and Smirnov over the columns."""
    return holm([kstest(column, "uniform").pvalue for column in np.array(p_values).T]).min()


@pytest.mark.parametrize("two", [False, True])
def test_dense_bands_are_uniform_under_agreement_with_gaps(two):
    problem = overlapping(two)
    residual = residual_of(problem, "air")
    root, rng, found = residual.root, np.random.default_rng(5), []
    for _ in range(120):
        residual.value = root @ rng.standard_normal(len(root))
        found.append(band_residual(residual, BANDS).p_value.values)
    assert uniform(found) > 1e-2
    wrong = []
    for k in range(120):  # a null that is mis-sized by 10 % of the std fails the same check
        residual.value = 1.1 * root @ np.random.default_rng(k).standard_normal(len(root))
        wrong.append(band_residual(residual, BANDS).p_value.values)
    assert uniform(wrong) < 1e-2


@pytest.mark.parametrize("two", [False, True])
def test_bands_by_wavenumber_are_uniform_under_agreement(two):
    problem = overlapping(two, shape=(3, 20, 24), gaps=False)
    field = CrossPeriodogram(problem, "air", ("ground",))
    made = WavenumberBands(field, 6)

    def answers(data):
        for one in data:
            field.observe(one)
            yield made.dataset(("ground",))

    data = simulated(problem, 120, np.random.default_rng(6))
    found = list(answers(data))
    assert uniform([bands.p_value.values for bands in found]) > 1e-2
    assert found[0].p_value_error.values[-1] > 0 and found[0].p_value_error.values[0] == 0
    assert np.abs(np.mean([bands.ratio.values for bands in found], axis=0) - 1).max() < 0.2
    assert uniform([bands.p_value.values for bands in answers(1.1 * data)]) < 1e-3


def test_iterative_bands_are_uniform_and_alike():
    problem = overlapping(gaps=True)
    residual = residual_of(problem, "air", draws=60, method="iterative")
    held, found = np.column_stack([residual.value, np.sqrt(60) * residual.root]), []
    for k in range(61):
        residual.value, residual.root = held[:, k], np.delete(held, k, axis=1) / np.sqrt(60)
        found.append(band_residual(residual, BANDS).p_value.values)
    assert uniform(found) > 1e-2
    exact = spectral_conflict(problem, "air", bands=BANDS, method="dense")
    residual.value, residual.root = held[:, 0], held[:, 1:] / np.sqrt(60)
    rough = band_residual(residual, BANDS)
    np.testing.assert_allclose(rough.residual_rms, exact.residual_rms, rtol=1e-3)
    np.testing.assert_allclose(rough.expected_rms, exact.expected_rms, rtol=0.25)
    np.testing.assert_allclose(rough.detectable_rms, exact.detectable_rms, rtol=1.2)


def wave(cycles, height):
    def disturb(modality):
        east, _, _ = modality.forward.coordinates()
        place = (east - east.min()) / (np.ptp(east) + 250.0) + 0.5 * 250.0 / (np.ptp(east) + 250.0)
        return height * np.cos(2 * np.pi * cycles * place)

    return disturb


@pytest.mark.parametrize(("disturb", "wanted"), [
    (lambda m: 0.6, 0), (wave(0.5, 0.6), 0), (wave(6.0, 0.6), -1)], ids=["datum", "tilt", "short"])
@pytest.mark.parametrize("method", ["dense", "spectral"])
def test_a_disturbance_shows_at_its_wavelength_alone(disturb, wanted, method):
    problem = overlapping(shape=(3, 16, 18), gaps=False, disturb=disturb)
    found = spectral_conflict(problem, "air", bands=BANDS, method=method)
    flagged = np.flatnonzero(found.flagged)
    place = np.arange(found.band.size)[wanted]
    assert place in flagged
    if method == "dense":
        assert flagged.tolist() == [place]  # modes are a basis: a band of its own touches no other
    else:
        assert np.abs(flagged - place).max() <= 1  # a taper spreads it to the neighbours
    word = "above" if wanted == 0 else "below"
    assert f"disagrees with ground at wavelengths {word}" in found.attrs["verdict"]
    assert found.residual_rms.values[place] > 1.5 * found.expected_rms.values[place]


def test_one_survey_against_its_own_model_shows_noise_at_fault():
    problem = overlapping(disturb=lambda m: 0.3 * np.random.default_rng(8).standard_normal(m.size))
    found = spectral_conflict(problem, "air", given=())
    assert found.attrs["given"] == "its own model"
    flagged = np.flatnonzero(found.flagged)
    assert flagged.size and flagged[-1] == found.band.size - 1 and 0 not in flagged
    calm = spectral_conflict(problem, "ground", given=())
    assert not calm.flagged.values.any() and "no conflict" in calm.attrs["verdict"]


def test_bands_hold_every_mode_once():
    modes = CosineModes(overlapping().modalities[1])
    edges = band_edges(modes.wavenumber, modes.extent, 5)
    counts = np.histogram(modes.wavenumber, edges)[0]
    assert counts.sum() == modes.wavenumber.size == overlapping().modalities[1].size and counts.min() > 0
    found = spectral_conflict(overlapping(gaps=False), "air", bands=5)
    assert np.isnan(found.wavelength_long.values[0]) and found.wavelength_long.attrs["units"] == "km"
    np.testing.assert_allclose(found.wavelength_short[:-1], found.wavelength_long[1:])
    np.testing.assert_allclose(found.wavelength_short[-1], 0.25 * np.sqrt(2) * 14 / 13, rtol=0.01)
    assert found.dof.values.sum() == overlapping(gaps=False).modalities[1].size
    total = np.sum(found.residual_rms.values**2)
    np.testing.assert_allclose(total, np.mean(residual_of(overlapping(gaps=False), "air").value ** 2))


def test_scattered_stations_have_wavelengths_too():
    rng = np.random.default_rng(9)
    mesh = bj.Mesh.regular((2, 6, 6), (300.0, 500.0, 500.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=1500.0))
    op = bj.GravityOperator.at_stations(mesh, rng.uniform(0, 3000, 60), rng.uniform(0, 3000, 60), np.full(60, 50.0))
    noise = bj.DiagonalNoise(np.full(60, 0.1))
    problem = bj.JointProblem([density], [bj.Modality("a", op, np.zeros(60), noise, "density"),
                                          bj.Modality("b", op, np.full(60, 0.5), noise, "density")])
    found = spectral_conflict(problem, "b", bands=3)
    assert found.flagged.values.tolist() == [1, 0, 0]


def test_expected_periodograms_are_those_of_the_covariance():
    problem = overlapping(two=True, shape=(3, 16, 18), gaps=False)
    field = CrossPeriodogram(problem, "air", ("ground",))
    index = np.flatnonzero(field.wavenumber > 0)[:40]
    kept, covariance = field.band(index)
    half = kept.size
    power = np.diag(covariance)[:half] + np.diag(covariance)[half:]
    assert set(kept) <= set(index)
    np.testing.assert_allclose(power, field.variance[kept], rtol=1e-8)
    powers = np.abs(list(field.simulate(600, 0))) ** 2 / field.variance
    np.testing.assert_allclose(powers.mean(axis=0), 1.0, atol=0.25)
    assert abs(powers.mean() - 1) < 0.01


def test_several_surveys_may_predict_and_a_bias_stand_beside_the_fields():
    problem = overlapping(two=True, shape=(3, 16, 18), gaps=False)
    ground = problem.modalities[0]
    third = ground.replace(name="third", noise=bj.DiagonalNoise(np.full(ground.size, 0.5)))
    problem = bj.add_bias(problem.replace(modalities=[*problem.modalities, third]), "air", "linear", std=[50.0] * 3)
    field = CrossPeriodogram(problem, "air", ("ground", "third"))
    kept, covariance = field.band(np.flatnonzero((field.wavenumber > 0) & (field.wavenumber < 0.6)))
    power = np.diag(covariance)
    np.testing.assert_allclose(power[: kept.size] + power[kept.size :], field.variance[kept], rtol=1e-7)
    powers = np.abs(list(field.simulate(300, 1))) ** 2 / field.variance
    assert abs(powers[:, kept].mean() - 1) < 4 / np.sqrt(300 * kept.size / 4)
    alone = CrossPeriodogram(problem, "air", ("ground",))
    assert np.all(field.variance <= alone.variance * (1 + 1e-9))
    found = spectral_conflict(problem, "air", bands=3, method="dense")
    assert found.attrs["given"] == "ground, third" and not found.flagged.values.any()


def test_detectable_is_what_a_test_detects():
    assert ncx2.sf(kept := 16.9189776, 9, noncentrality(9.0)) == pytest.approx(0.8, abs=1e-6) and kept > 0
    problem = overlapping(gaps=False)
    residual = residual_of(problem, "air")
    found = band_residual(residual, BANDS)
    modes = CosineModes(residual.modality)
    edges = band_edges(modes.wavenumber, modes.extent, BANDS)
    inside = np.digitize(modes.wavenumber, edges) - 1
    rng, root = np.random.default_rng(10), residual.root
    seen, basis = [], modes.analyse(np.eye(inside.size))
    for _ in range(150):
        spread = np.where(inside == 2, rng.standard_normal(inside.size), 0.0)
        spread *= found.detectable_rms.values[2] * np.sqrt(inside.size) / np.linalg.norm(spread)
        residual.value = root @ rng.standard_normal(inside.size) + basis.T @ spread
        seen.append(band_residual(residual, BANDS).p_value.values[2] <= 0.05)
    assert 0.68 < np.mean(seen) < 0.91


def test_large_surveys_go_by_wavenumber_where_they_can(monkeypatch):
    monkeypatch.setattr("bayesjoint.agreement._spectral_conflict.DENSE_DATA", 50)
    assert spectral_conflict(overlapping(gaps=False), "air", bands=3).attrs["method"] == "spectral"
    assert spectral_conflict(overlapping(gaps=True), "air", bands=3).attrs["method"] == "dense"  # gaps leak


def test_refusals():
    problem = overlapping()
    refused(lambda: spectral_conflict(problem, "air", bands=0), "bands")
    refused(lambda: spectral_conflict(problem, "air", method="magic"), "method")
    refused(lambda: spectral_conflict(problem, "sea"), "survey")
    refused(lambda: spectral_conflict(problem, "air", method="spectral"), "surveys")
    refused(lambda: spectral_conflict(overlapping(extent="mesh", gaps=False), "air", method="spectral"), "problem")
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    refused(lambda: spectral_conflict(bj.JointProblem([slope], [line]), "line"), "forward")
