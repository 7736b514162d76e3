import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._spectral_strip import Strip
from bayesjoint.engines.dense import DensePosterior
from bayesjoint.engines.spectral import INSIDE, SpectralPosterior, _error
from bayesjoint.forward import StationSelection


def survey_pair(window=(24, 26), padding=3, layers=3, reach=250.0, correlation=0.7, extent="continued", mask=None,
                noise=0.05, spread=0.0):
    """Gravity and magnetics over one window of a padded mesh, data of a draw from a rough prior."""
    ny, nx = window
    mesh = bj.Mesh.regular((layers, ny + 2 * padding, nx + 2 * padding), (100.0, 100.0, 100.0))
    easting, northing = mesh.easting[padding : padding + nx], mesh.northing[padding : padding + ny]
    rng, parameters, surveys = np.random.default_rng(0), [], []
    for name, std, operator in (
            ("density", np.linspace(60.0, 100.0, layers), bj.GravityOperator(mesh, easting, northing, 20.0)),
            ("susceptibility", np.full(layers, 0.02), bj.MagneticOperator(mesh, easting, northing, 20.0,
                                                                          inclination=60.0, declination=20.0))):
        parameters.append(bj.Parameter(name, mesh, prior=bj.Matern(std, reach, extent=extent)))
        forward = operator if mask is None else StationSelection(operator, mask) @ operator
        clean = forward.matvec((std[:, None, None] * rng.standard_normal(mesh.shape)).ravel())
        sigma = noise * clean.std() * np.exp(spread * rng.standard_normal(clean.size))
        surveys.append(bj.Modality(operator.kind, forward, clean + sigma * rng.standard_normal(clean.size),
                                   bj.DiagonalNoise(sigma), name))
    return bj.JointProblem(parameters, surveys, [bj.Coregionalization(correlation)] if correlation else [])


@pytest.fixture(scope="module")
def pair():
    problem = survey_pair()
    return DensePosterior(problem), SpectralPosterior(problem, checks=128)


def test_standard_deviations_inside_are_those_of_the_exact_engine(pair):
    exact, spectral = pair
    ratio = np.sqrt(spectral.state_variance() / exact.state_variance()).reshape(2, *spectral._group.mesh.shape)
    inside = ratio[:, :, 3 + INSIDE : -3 - INSIDE, 3 + INSIDE : -3 - INSIDE]
    assert np.abs(inside - 1).max() < 0.03
    assert np.abs(ratio - 1).max() > 1e-3  # it is an approximation, and the next test holds it to what it says


def test_the_stated_error_is_neither_too_small_nor_inflated(pair):
    exact, spectral = pair
    off = np.abs(np.sqrt(spectral.state_variance()) - np.sqrt(exact.state_variance())) / spectral.state_std_error()
    assert 0.88 <= np.mean(off <= 2) <= 0.99
    statement = spectral.approximations[0]
    assert statement.status == "measured"
    measured = spectral.checked["stated"] / spectral.checked["std"] - 1
    assert 0 < statement.error <= np.abs(measured).max()
    variance = exact.state_variance()[spectral.checked["cell"]]
    np.testing.assert_allclose(spectral.checked["std"], np.sqrt(variance), rtol=1e-4)


def test_mean_products_and_estimates_are_exact(pair):
    exact, spectral = pair
    scale = np.sqrt(exact.prior_state_variance())
    np.testing.assert_allclose(spectral.state_mean() / scale, exact.state_mean() / scale, atol=1e-6)
    assert np.all(np.abs(spectral.state_mean() - exact.state_mean()) <= spectral.state_mean_error() + 1e-9 * scale)
    v = np.random.default_rng(1).standard_normal((spectral.problem.size, 2)) / scale[:, None]
    difference = (spectral.state_product(v) - exact.state_product(v)) / scale[:, None]
    assert np.abs(difference).max() < 1e-4 * np.abs(exact.state_product(v) / scale[:, None]).max()


def test_a_strip_is_exact_for_a_survey_that_is_long():
    """Across the middle of a long narrow survey nothing of its far ends is left to see."""
    mesh = bj.Mesh.regular((2, 70, 10), (100.0, 100.0, 100.0))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 20.0, inclination=50.0, declination=30.0)
    parameter = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.02, 200.0, extent="continued"))
    data = np.random.default_rng(0).standard_normal(operator.shape[0])
    problem = bj.JointProblem([parameter], [bj.Modality("m", operator, data, bj.DiagonalNoise(np.full(700, 3.0)),
                                                        "susceptibility")])
    exact, spectral = DensePosterior(problem), SpectralPosterior(problem, checks=32)
    left = 1 - spectral._field.losses[1][0]  # across, finite along easting
    stated = 1 - spectral.reduction[0][:, None] * left
    middle = exact.state_variance().reshape(mesh.shape)[:, 35] / 0.02**2
    np.testing.assert_allclose(stated, middle, rtol=2e-3)


def test_a_wide_strip_cut_short_says_the_same_as_a_whole_one(monkeypatch):
    whole = SpectralPosterior(survey_pair((12, 40), padding=2, layers=2), checks=32)
    monkeypatch.setattr("bayesjoint.engines._spectral_strip.WIDEST", 28)
    short = SpectralPosterior(survey_pair((12, 40), padding=2, layers=2), checks=32)
    for one, other in zip(whole._field.losses, short._field.losses, strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)


def test_columns_of_a_strip_find_their_way_back():
    strip = Strip([(5, 300)], 310)
    assert strip.windows == [(5, 96)]
    place = strip.spread(strip.columns.astype(float))
    np.testing.assert_allclose(place[:20], np.arange(20))
    np.testing.assert_allclose(place[-20:], np.arange(290, 310) - 204)
    assert np.ptp(place[60:250]) < 10


def test_draws_have_the_stated_moments(pair):
    spectral = pair[1]
    draws = spectral.state_draws(np.random.default_rng(1), 300)
    std = np.sqrt(spectral.state_variance())
    z = (draws.mean(axis=0) - spectral.state_mean()) / std * np.sqrt(300)
    assert abs(z.std() - 1) < 0.15
    ratio = draws.std(axis=0) / std
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 0.06  # 1/√600 is 0.041
    _, clean = spectral.joint_draws(np.random.default_rng(2), 100)
    exact = np.concatenate(list(pair[0].prediction_std().values()))
    ratio = clean.std(axis=0) / exact
    assert abs(np.median(ratio) - 1) < 0.05
    np.testing.assert_allclose(clean.mean(axis=0), spectral.predicted_data(), atol=5 * exact.max())
    kept = spectral.sample(draws=2, chains=1, seed=3)
    again = spectral.sample(draws=2, chains=1, seed=3)
    np.testing.assert_array_equal(kept["density"], again["density"])


def test_gaps_and_unequal_noise_are_carried_and_their_cost_is_measured():
    mask = np.ones((24, 26), dtype=bool)
    mask[8:13, 5:12] = False
    post = SpectralPosterior(survey_pair(mask=mask, spread=0.3), checks=96)
    assert "harmonic mean" in post.approximations[0].statement
    full = SpectralPosterior(survey_pair(), checks=96)
    assert post.approximations[0].error > full.approximations[0].error


def test_information_by_wavelength_adds_up_to_less_than_the_sum_of_surveys(pair):
    bands = pair[1].extra_groups()["spectral"]
    joint, alone = float(bands.information_joint.sum()), float(bands.information.sum())
    assert 0 < joint < alone  # independent noise: surveys of tied properties are redundant
    assert np.all(np.diff(bands.wavelength) < 0)
    assert float(bands.reduction.max()) < 1


def test_the_door_names_it_and_the_dataset_keeps_its_bands():
    post = bj.posterior(survey_pair((10, 12), padding=1, layers=2), method="spectral", checks=32)
    tree = post.to_datatree(draws=2, chains=2)
    assert tree.attrs["method"] == "spectral"
    assert "information_joint" in tree["spectral"]


@pytest.mark.parametrize(("change", "match"), [
    ({"extent": "mesh"}, "continued Matern fields of one correlation"),
    ({"correlation": None}, "2 groups"),
])
def test_other_problems_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        SpectralPosterior(survey_pair((8, 8), padding=1, layers=2, **change))


def test_bias_correlated_noise_and_few_checks_are_refused():
    problem = survey_pair((8, 8), padding=1, layers=2)
    with pytest.raises(ValueError, match="bias terms"):
        SpectralPosterior(bj.add_bias(problem, "gravity", "constant", std=1.0))
    with pytest.raises(ValueError, match="16 for each field"):
        SpectralPosterior(problem, checks=20)
    survey = problem.modalities[0]
    dense = bj.Modality("gravity", survey.forward, survey.data, bj.DenseNoise(np.eye(64)), "density")
    with pytest.raises(ValueError, match="be independent"):
        SpectralPosterior(problem.replace(modalities=[dense, problem.modalities[1]]))


def with_gaps(mask, reach=300.0, operator=bj.GravityOperator, spread=0.0, padding=0, **field):
    """One survey with gaps on a mesh of 4 layers, and which columns of the mesh they are."""
    ny, nx = mask.shape
    mesh = bj.Mesh.regular((4, ny + 2 * padding, nx + 2 * padding), (80.0, 100.0, 100.0))
    inside, rng = slice(padding, -padding or None), np.random.default_rng(0)
    whole = operator(mesh, mesh.easting[inside], mesh.northing[inside], 20.0, **field)
    forward, std = StationSelection(whole, mask) @ whole, 0.02 if field else 100.0
    clean = forward.matvec(std * rng.standard_normal(mesh.size))
    noise = bj.DiagonalNoise(0.03 * clean.std() * np.exp(spread * rng.standard_normal(clean.size)))
    name = "susceptibility" if field else "density"
    parameter = bj.Parameter(name, mesh, prior=bj.Matern(std, reach, extent="continued"))
    problem = bj.JointProblem([parameter], [bj.Modality(whole.kind, forward, clean, noise, name)])
    return problem, np.pad(~mask, padding)


def hole(rows, columns, size=24):
    mask = np.ones((size, size), dtype=bool)
    mask[rows[0] : rows[1], columns[0] : columns[1]] = False
    return mask


GAPS = {
    "hole": (hole((9, 15), (9, 15)), {}),
    "large hole": (hole((6, 20), (6, 20)), {}),
    "hole near an edge": (hole((2, 9), (10, 16)), {}),
    "corner left out": (hole((0, 8), (0, 8)), {"padding": 2}),
    "missing rows": (hole((10, 14), (0, 24)), {}),
    "one in five missing": (np.random.default_rng(0).random((24, 24)) > 0.2, {}),
    "long range": (hole((9, 15), (9, 15)), {"reach": 1000.0}),
    "low inclination": (hole((9, 15), (9, 15)), {"operator": bj.MagneticOperator, "inclination": 5.0}),
    "unequal noise": (hole((9, 15), (9, 15)), {"spread": 0.4}),
}


@pytest.mark.parametrize("case", GAPS)
def test_stated_errors_hold_in_gaps_at_edges_and_inside(case):
    """Every zone, and every layer of the gaps, against the dense engine: 9 of 10 cells within two stated errors."""
    mask, settings = GAPS[case]
    problem, gap = with_gaps(mask, **settings)
    exact, post = DensePosterior(problem), SpectralPosterior(problem)
    std, right = np.sqrt(post.state_variance()), np.sqrt(exact.state_variance())
    held = (np.abs(std - right) <= 2 * post.state_std_error()).reshape(problem.parameters[0].mesh.shape)
    zones = post._zones()
    assert held.mean() > 0.93
    for zone in np.unique(zones):
        assert held[:, zones == zone].mean() > 0.85, zone
    assert held[:, gap].mean(axis=1).min() > 0.85
    assert np.median(post.state_std_error() / right) < 0.08  # and are of use
    off = np.abs(post.state_mean() - exact.state_mean())
    assert np.all(off <= post.state_mean_error() + 1e-6 * np.sqrt(exact.prior_state_variance()))


def test_gaps_in_endless_data_cost_what_solves_say():
    """Far from edges the closed form is exact: 48.4 kg/m³ at the centre of the hole."""
    problem, _ = with_gaps(GAPS["hole"][0])
    exact, post = DensePosterior(problem).std()["density"], SpectralPosterior(problem).std()["density"]
    np.testing.assert_allclose(post[:, 9:15, 9:15], exact[:, 9:15, 9:15], rtol=1e-4)
    assert 47 < exact[:, 12, 12].min() < 50


@pytest.mark.parametrize("checks", [4, 8, 32])
@pytest.mark.parametrize("freedom", [3, np.inf])
def test_errors_told_by_few_checks_hold_for_other_cells(checks, freedom):
    """Of errors with Gaussian and with heavy tails."""
    rng = np.random.default_rng(0)
    found = np.abs(rng.standard_t(freedom, (4000, checks + 1)) if np.isfinite(freedom)
                   else rng.standard_normal((4000, checks + 1)))
    held = np.mean([row[0] <= 2 * _error(row[1:]) for row in found])
    assert 0.9 < held < 0.99
