"""`Survey.modality`: the operator that the rule promises, right at every observed station, and clear refusals."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.problem import _from_survey as from_survey

FIELD = {"intensity": 5e4, "inclination": -60.0, "declination": 5.0}
NAN = float("nan")


def survey_of(kind="gravity", **changes):
    ny, nx = 5, 6
    settings = {
        "kind": kind, "data": np.arange(30.0).reshape(ny, nx), "easting": 50.0 + 100 * np.arange(nx),
        "northing": 20.0 + 100 * np.arange(ny), "upward": 30.0, "std": 0.5,
    } | (FIELD if kind == "magnetic" else {})  # fmt: skip
    return bj.Survey(**settings | changes)


def scattered_of(kind="gravity", count=12, seed=0, **changes):
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(60, 540, (2, count))
    return survey_of(kind, data=rng.normal(size=count), easting=east, northing=north,
                     upward=rng.uniform(20, 60, count), **changes)  # fmt: skip


def parameter_of(survey, spacing=None, **changes):
    mesh = bj.Mesh.from_surveys([survey], depth=600.0, layers=3, padding=2, spacing=spacing)
    return bj.Parameter("density" if survey.kind == "gravity" else "susceptibility", mesh, **changes)


def exact(survey, parameter):
    """Prism sums at the observed stations for a random model, and the model."""
    model = np.random.default_rng(5).normal(size=parameter.shape)
    prisms = parameter.mesh.prisms()
    stations = [c[survey.observed.ravel()] for c in survey.coordinates()]
    field = FIELD if survey.kind == "magnetic" else {}
    return bj.forward_prisms(prisms, model.ravel(), tuple(stations), survey.kind, **field), model


def assert_exact(modality, survey, parameter, rtol=1e-10):
    expected, model = exact(survey, parameter)
    np.testing.assert_allclose(modality.forward @ model.ravel(), expected, rtol=0, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_a_grid_over_the_columns_takes_the_lattice_operator(kind):
    survey = survey_of(kind)
    parameter = parameter_of(survey)
    modality = survey.modality(parameter)
    assert isinstance(modality.forward, bj.GravityOperator if kind == "gravity" else bj.MagneticOperator)
    assert modality.metadata["forward"] == "lattice operator (FFT)"
    assert (modality.name, modality.units, modality.parameters) == (kind, survey.units, (parameter.name,))
    np.testing.assert_array_equal(modality.data, survey.data.ravel())
    np.testing.assert_array_equal(modality.noise.variance(), np.full(30, 0.25))
    assert_exact(modality, survey, parameter)


def test_a_window_of_the_mesh_is_a_lattice_too():
    survey = survey_of()
    parameter = parameter_of(survey)
    cut = survey.window(west=100, north=300)
    modality = cut.modality(parameter)
    assert isinstance(modality.forward, bj.GravityOperator)
    assert_exact(modality, cut, parameter)


def test_gaps_are_left_out_of_operator_data_and_noise():
    std = np.arange(30.0).reshape(5, 6) + 1
    data = np.arange(30.0).reshape(5, 6)
    data[0, 0] = data[2, 3] = NAN
    survey = survey_of("magnetic", data=data, std=std)
    parameter = parameter_of(survey)
    modality = survey.modality(parameter)
    assert modality.size == 28
    np.testing.assert_array_equal(modality.data, data[survey.observed])
    np.testing.assert_array_equal(modality.noise.variance(), std[survey.observed] ** 2)
    assert "gaps" in modality.metadata["forward"]
    assert_exact(modality, survey, parameter)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
@pytest.mark.parametrize("build", [
    scattered_of,
    lambda kind: survey_of(kind, upward=30.0 + np.arange(30.0).reshape(5, 6)),
    lambda kind: survey_of(kind, easting=np.array([50.0, 150, 250, 350, 450, 560])),
], ids=["scattered", "draped", "uneven"])  # fmt: skip
def test_other_stations_take_prism_sums(kind, build):
    survey = build(kind)
    parameter = parameter_of(survey, spacing=100.0)
    modality = survey.modality(parameter)
    assert modality.metadata["forward"] == "prism sums at the stations (exact)"
    assert_exact(modality, survey, parameter)


def test_unequal_columns_and_shifted_columns_take_prism_sums():
    survey = survey_of()
    mesh = bj.Mesh([0, 100, 250, 600], [0, 300, 500], [-300, -100, 0])
    shifted = bj.Mesh.regular((2, 5, 6), (100, 100, 100), west=10.0)
    for m in (mesh, shifted):
        parameter = bj.Parameter("density", m)
        modality = survey.modality(parameter)
        assert "prism sums" in modality.metadata["forward"]
        assert_exact(modality, survey, parameter)


def test_constant_heights_in_an_array_are_one_height():
    survey = survey_of(upward=np.full((5, 6), 30.0))
    assert isinstance(survey.modality(parameter_of(survey)).forward, bj.GravityOperator)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
@pytest.mark.parametrize("level", [True, False])
def test_sampling_is_as_good_as_it_says(kind, level):
    survey = scattered_of(kind, count=40)
    survey = survey.replace(upward=150.0 if level else survey.upward + 100.0)
    parameter = parameter_of(survey, spacing=50.0)
    modality = survey.modality(parameter, forward="sampling")
    expected, model = exact(survey, parameter)
    error = modality.forward @ model.ravel() - expected
    # Without a prior the share is that of independent cells: the model drawn here is one.
    direct = survey.modality(parameter, forward="direct").forward
    share = from_survey.sampling_share(modality.forward, direct, parameter)
    assert 0 < share < 0.05
    assert np.sqrt(np.mean(error**2)) <= share * np.sqrt(np.mean(expected**2)) * 1.5
    assert "40 random stations" in modality.metadata["forward"]


def test_sampling_share_against_brute_force_under_a_prior():
    survey = scattered_of(count=9)
    parameter = parameter_of(survey, spacing=100.0, prior=bj.Matern(std=50.0, range=300.0))
    sampled, direct = (survey.modality(parameter, forward=f).forward for f in ("sampling", "direct"))
    covariance = parameter.bound_prior.covariance.matmat(np.eye(parameter.size))
    error, field = sampled.to_dense() - direct.to_dense(), direct.to_dense()
    expected = np.sqrt(np.diag(error @ covariance @ error.T).max() / np.diag(field @ covariance @ field.T).mean())
    assert from_survey.sampling_share(sampled, direct, parameter) == pytest.approx(expected, rel=1e-6)
    plain = bj.Parameter("density", parameter.mesh)
    assert from_survey.sampling_share(sampled, direct, plain) > expected  # the prior's field is smoother


def test_beyond_the_stated_cost_auto_samples_if_the_noise_hides_the_error(monkeypatch):
    monkeypatch.setattr(from_survey, "DIRECT_PAIRS", 10)
    survey = scattered_of(count=20)
    parameter = parameter_of(survey, spacing=100.0)
    noisy = survey.replace(std=1e3).modality(parameter)
    assert "sampled at the stations" in noisy.metadata["forward"]
    quiet = survey.replace(std=1e-9).modality(parameter)
    assert "exact); sampling had an error" in quiet.metadata["forward"]
    assert_exact(quiet, survey, parameter)
    uneven = bj.Parameter("density", bj.Mesh([0, 100, 250, 600], [0, 300, 600], [-300, -100, 0]))
    assert "(exact)" in survey.modality(uneven).metadata["forward"]


def test_std_of_the_call_wins_and_none_is_an_error():
    survey = survey_of()
    parameter = parameter_of(survey)
    np.testing.assert_array_equal(survey.modality(parameter, std=2.0).noise.variance(), np.full(30, 4.0))
    by_rule = survey.modality(parameter, std=bj.noise_std(survey.data, relative=0.02, floor=0.01))
    assert by_rule.noise.variance().min() > 0
    bare = survey.replace(std=None)
    with pytest.raises(ValueError, match=r"std must be known for 'gravity'.*noise_std"):
        bare.modality(parameter)
    for bad in (0.0, -1.0, NAN, np.ones(3)):
        with pytest.raises(ValueError, match="std must"):
            bare.modality(parameter, std=bad)


def test_metadata_carries_the_provenance():
    survey = survey_of(source="somewhere", licence="CC BY", crs="EPSG:1", name="ground").detrended(1)
    modality = survey.modality(parameter_of(survey))
    assert modality.name == "ground"
    assert survey.modality(parameter_of(survey), name="other").name == "other"
    assert {"source": "somewhere", "licence": "CC BY", "crs": "EPSG:1"}.items() <= modality.metadata.items()
    assert "degree 1" in modality.metadata["history"]
    assert all(isinstance(value, str) for value in modality.metadata.values())


def test_an_operator_of_ones_own():
    data = np.arange(30.0).reshape(5, 6)
    data[1, 1] = NAN
    survey = survey_of(data=data)
    parameter = parameter_of(survey)
    lattice = bj.GravityOperator(parameter.mesh, survey.easting, survey.northing, 30.0)
    expected = survey.modality(parameter).forward.to_dense()
    for operator in (lattice, lattice.to_dense(), expected):
        forward = survey.modality(parameter, forward=operator).forward
        np.testing.assert_allclose(forward @ np.eye(parameter.size), expected, atol=1e-9)


def test_operators_that_do_not_suit():
    survey = survey_of()
    parameter = parameter_of(survey)
    wrong_kind = bj.MagneticOperator(parameter.mesh, survey.easting, survey.northing, 30.0)
    other_mesh = bj.Mesh.regular(parameter.shape, (100, 100, 100), west=-200, south=-230)
    wrong_mesh = bj.GravityOperator(other_mesh, other_mesh.easting[:6], other_mesh.northing[:5], 30.0)
    for forward, message in ((wrong_kind, "kind"), (wrong_mesh, "mesh"), (np.ones((3, parameter.size)), "shape"),
                             (np.ones((30, 4)), "shape"), (3.0, "shape")):  # fmt: skip
        with pytest.raises(ValueError, match=f"forward must .*{message}"):
            survey.modality(parameter, forward=forward)
    with pytest.raises(ValueError, match=r"forward must be one of 'auto'"):
        survey.modality(parameter, forward="spectral")


@pytest.mark.parametrize(("survey", "reason"), [
    (scattered_of(), "scattered"),
    (survey_of(upward=30.0 + np.arange(30.0).reshape(5, 6)), "heights run from 30 to 59 m"),
    (survey_of(easting=np.array([50.0, 150, 250, 350, 450, 560])), "easting"),
], ids=["scattered", "draped", "uneven"])  # fmt: skip
def test_fft_says_why_not(survey, reason):
    with pytest.raises(ValueError, match=f"'fft', but .*{reason}"):
        survey.modality(parameter_of(survey, spacing=100.0), forward="fft")


def test_what_else_is_missing():
    survey = survey_of("magnetic", inclination=None)
    with pytest.raises(ValueError, match=r"inclination must be known for magnetic survey 'magnetic'"):
        survey.modality(parameter_of(survey))
    other = survey_of(kind="heat", units="mW/m2")
    parameter = parameter_of(other)
    with pytest.raises(ValueError, match="forward must be given for kind 'heat'"):
        other.modality(parameter)
    assert other.modality(parameter, forward=np.ones((30, parameter.size))).units == "mW/m2"
    for parameter in (bj.Parameter("h0", 2), "density", None):
        with pytest.raises(TypeError, match="parameter must be a Parameter"):
            survey_of().modality(parameter)


def test_gravity_in_the_ground_is_taken_and_said():
    """Right in a borehole; on the surface a mesh whose top is too high is the commoner reason."""
    mesh = bj.Mesh.regular((3, 6, 6), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 200.0))
    survey = bj.Survey("gravity", [1.0, 2.0, 3.0], [210.0, 230.0, 250.0], [310.0, 330.0, 350.0], [5.0, -50.0, -150.0],
                       std=0.1)
    with pytest.warns(UserWarning, match="2 of 3 gravity stations lie inside the ground"):
        modality = survey.modality(density)
    assert_exact(modality, survey, density)
    magnetic = bj.Survey("magnetic", [1.0, 2.0], [210.0, 230.0], [310.0, 330.0], [5.0, -50.0], std=1.0, **FIELD)
    with pytest.raises(ValueError, match="inside the ground"):
        magnetic.modality(bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.01, 200.0)))
