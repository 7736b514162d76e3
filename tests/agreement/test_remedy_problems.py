"""Remedies beside a bias that is there already, of levels of lines, and those that cannot be made."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj
from bayesjoint.agreement._compare_remedies import compare_remedies, remedies
from bayesjoint.agreement._nuisance_test import nuisance_test
from bayesjoint.agreement._result import AgreementTest

from .overlapping import overlapping
from .pairs import scalars


class Found:
    """As much of a `Conflict` as its remedies look at."""

    kind, pairs, couplings, seed = "disagree", {}, (), 0

    def __init__(self, problem, *blame):
        self.problem, self.blame = problem, blame


def blamed(problem, basis, name):
    return replace(nuisance_test(problem, "air", basis), name=name)


def east(modality):
    place = modality.forward.coordinates()[0]
    return np.interp(place, [place.min(), place.max()], [-1.0, 1.0])


def tilted(**bias):
    return bj.add_bias(overlapping(shape=(2, 8, 9), disturb=lambda m: 1.5 * east(m)), "air", "constant", **bias)


def test_a_tilt_is_mended_beside_a_bias_that_holds_an_offset():
    stated = tilted(std=5.0)
    made = remedies(Found(stated, blamed(stated, "linear", "tilt of air")))
    assert list(made) == ["as stated", "tilt of air", "tempered"] and not made.untried
    mended = made["tilt of air"]
    assert mended.by_name["air_tilt"].labels == ("north", "east")  # the constant is in air_bias
    post = bj.posterior(mended)
    assert abs(post.mean()["air_tilt"][1] - 1.5) < 3 * post.std()["air_tilt"][1] < 0.5
    assert bj.likelihood_ratio_test(mended, ("ground", "air")).p_value > 0.01
    assert bj.likelihood_ratio_test(stated, ("ground", "air")).p_value < 1e-6


def test_a_bias_that_is_too_narrow_is_given_another():
    stated = bj.add_bias(overlapping(shape=(2, 8, 9), disturb=lambda m: 1.0), "air", "constant", std=0.01)
    made = remedies(Found(stated, blamed(stated, "constant", "offset of air")))
    post = bj.posterior(made["offset of air"])
    assert abs(post.mean()["air_offset"][0] - 1.0) < 3 * post.std()["air_offset"][0]
    again = made["offset of air"]
    twice = remedies(Found(again, blamed(again, "constant", "offset of air")))["offset of air"]
    assert [p.name for p in twice.parameters] == ["density", "air_bias", "air_offset", "air_offset_2"]


@pytest.mark.parametrize("name", ["row levels of air", "rows of air"])
def test_levels_of_lines_have_a_bias_of_levels(name):
    rng = np.random.default_rng(4)
    levels = {}

    def disturb(m):
        north = m.forward.coordinates()[1]
        return np.array([levels.setdefault(round(v), 0.5 * rng.standard_normal()) for v in north])

    stated = overlapping(shape=(2, 8, 9), disturb=disturb)
    test = blamed(stated, "rows", name)
    if name.startswith("row levels"):  # their root mean square alone
        rms = float(np.sqrt(np.mean(test.effect["value"] ** 2)))
        test = replace(test, effect={"what": "rms of row levels", "value": rms, "std": 0.1, "units": "mGal"})
    mended = remedies(Found(stated, test))[name]
    assert all(label.startswith("row at northing") for label in mended.by_name["air_bias"].labels)
    assert 0.2 < mended.by_name["air_bias"].prior.std[0] < 1.2
    assert bj.likelihood_ratio_test(mended, ("ground", "air")).p_value > 0.01
    mean = dict(zip(mended.by_name["air_bias"].labels, bj.posterior(mended).mean()["air_bias"], strict=True))
    wanted = np.array([levels[round(float(label.rsplit(" ", 1)[1]))] for label in mean])
    assert np.corrcoef(wanted, list(mean.values()))[0, 1] > 0.9


def test_a_gain_is_a_share_and_stands_beside_a_bias():
    stated = overlapping(shape=(3, 14, 16), gaps=False)
    ground, air = stated.modalities
    stated = stated.replace(modalities=[ground, air.replace(data=1.5 * np.asarray(air.data))])
    stated = bj.add_bias(stated, "air", "linear", std=1.0)
    made = remedies(Found(stated, nuisance_test(stated, "air", "gain")))
    gain = made["gain of air"].by_name["air_gain"]
    assert gain.units == "1" and gain.labels == ("gain",)
    post = bj.posterior(made["gain of air"])
    assert abs(post.mean()["air_gain"][0] - 0.5) < 0.15
    found = compare_remedies({"as stated": bj.posterior(stated), "gain": post})
    said = str(found.words.sel(remedy="gain").values)
    assert said.startswith("air_gain: gain 0.") and not said.endswith("1 1") and "mGal" not in said


def test_what_cannot_be_made_is_said():
    stated = scalars({"a": (0.0, 1.0), "air": (9.0, 1.0)})
    gain = AgreementTest(form="gain", target="air", surveys=("air", "a"), statistic=9.0, p_value=1e-3,
                         p_value_error=0.0, null="", effect={"what": "gain", "value": 1.0, "std": 0.1, "units": "%"})
    places = replace(gain, form="places", name="places of air")
    made = remedies(Found(stated, gain, places))
    assert list(made) == ["as stated", "tempered"]
    assert "flat priors" in made.untried["gain of air"] and "bands of wavelength" in made.untried["discrepancy"]


@pytest.mark.parametrize("scattered", [False, True])
def test_a_discrepancy_of_any_size_is_tried_where_stations_form_a_grid(monkeypatch, scattered):
    monkeypatch.setattr("bayesjoint.priors._stations.MATRIX_LIMIT", 50)
    stated = overlapping(shape=(2, 8, 9), gaps=False, extent="mesh")
    if scattered:
        rng, ground = np.random.default_rng(0), stated.modalities[0]
        east, north, _ = ground.forward.coordinates()
        shaken = (np.asarray(c, dtype=float) + rng.uniform(-90.0, 90.0, east.size) for c in (east, north))
        forward = bj.GravityOperator.at_stations(stated.parameters[0].mesh, *shaken, np.full(east.size, 50.0))
        stated = stated.replace(modalities=[ground.replace(forward=forward), stated.modalities[1]])
    rms = xr.Dataset({"residual_rms": ("band", [0.5]), "expected_rms": ("band", [0.3])})
    found = Found(stated, replace(blamed(stated, "constant", "places of air"), form="places"))
    found.pairs = {("ground", "air"): SimpleNamespace(tests=[], bands={"ground": rms, "air": rms})}
    found.blame = (replace(found.blame[0], surveys=("air", "ground")),)
    made = remedies(found)
    assert ("discrepancy" in made) is not scattered
    assert ("on one lattice" in made.untried.get("discrepancy", "")) is scattered
    if not scattered:
        assert made["discrepancy"].by_name["discrepancy"].prior.std == pytest.approx((0.4, 0.4))


def test_a_survey_may_have_several_biases_also_where_fields_go_on():
    mesh = bj.Mesh.regular((2, 8, 9), (300.0, 300.0, 300.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=900.0, extent="continued"))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    data = np.random.default_rng(0).standard_normal((8, 9))
    survey = bj.Modality("air", operator, data, bj.DiagonalNoise(np.full((8, 9), 0.1)), "density")
    one = bj.add_bias(bj.JointProblem([density], [survey]), "air", "linear", std=2.0)
    two = bj.add_bias(bj.add_bias(bj.JointProblem([density], [survey]), "air", "constant", std=2.0), "air",
                      {"north": one.modalities[0].terms[0].columns[:, 1], "east": east(survey)}, 2.0, name="air_tilt")
    a, b = (bj.fit_hyperparameters(p, free=["density_std", "air_noise"], curve=False).problem for p in (one, two))
    assert b.by_name["density"].prior.std == pytest.approx(a.by_name["density"].prior.std, rel=1e-3)


def test_bounds_are_refused_with_a_remedy_that_a_test_can_take():
    stated = overlapping(shape=(2, 6, 7), extent="mesh")
    bounded = stated.replace(parameters=[stated.parameters[0].replace(bounds=(-500.0, 500.0))])
    for refuse in (bj.conflict, bj.temper):
        with pytest.raises(ValueError, match=r"drop the bounds for (agreement|tempering)") as error:
            refuse(bounded)
        assert "laplace" not in str(error.value)
    with pytest.raises(ValueError, match="laplace"):
        bj.posterior(bounded, method="dense")


def test_ranges_are_held_where_trying_one_is_slow(monkeypatch):
    mesh, rng = bj.Mesh.regular((2, 8, 8), (100, 100, 100)), np.random.default_rng(0)
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    truth = 3000.0 * density.bound_prior.covariance.sample(rng, 1)[0]
    surveys = [bj.Modality(name, gravity, gravity @ truth + 0.05 * rng.standard_normal(64),
                           bj.DiagonalNoise(np.full(64, 0.05)), "density") for name in ("ground", "air")]
    found = bj.conflict(bj.JointProblem([density], surveys), places=False)
    monkeypatch.setattr("bayesjoint.agreement._compare_remedies.SLOW", 1.0)
    assert list(found.problems) == ["as stated", "std, noise by evidence"]
    fitted = found.problems["std, noise by evidence"].parameters[0].prior
    assert fitted.range == 300.0 and 200.0 < fitted.std < 450.0
