"""Disturbances at many places and levels of lines: against one at a time, against simulation, against closed forms."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

import bayesjoint as bj
from bayesjoint.agreement._additive import LevelFit, SinglePlaces, additive_fits
from bayesjoint.agreement._disturbances import disturbances_of
from bayesjoint.agreement._pair import make_pair

from .overlapping import overlapping

PAIR = ("ground", "air")
VALUES = np.geomspace(0.1, 20.0, 12)


@pytest.fixture(scope="module")
def made():
    return make_pair(overlapping(shape=(2, 9, 10), gaps=False), PAIR)


def forms(made, *names):
    return [d for m in made.problem.modalities for d in disturbances_of(m) if d.name in names]


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_every_place_is_what_a_test_of_it_alone_says(method):
    pair = make_pair(overlapping(shape=(2, 9, 10), gaps=False), PAIR, method)
    patches = forms(pair, "patch")
    fits = additive_fits(pair.both, patches)
    for d in patches:
        found = fits[d.survey, d.name]
        assert found.values.size == len(d.places) > 8
        for j in (0, len(d.places) - 1):
            alone = bj.nuisance_test(pair.problem, d.survey, d.columns[:, [j]])
            np.testing.assert_allclose([found.values[j], found.stds[j]],
                                       [alone.effect["value"][0], alone.effect["std"][0]], rtol=1e-5, atol=1e-6)


def test_places_cover_a_survey_from_corner_to_corner(made):
    for d in forms(made, "patch"):
        assert (d.columns.sum(axis=1) > 0).all()  # no station is outside of all
        modality = next(m for m in made.problem.modalities if m.name == d.survey)
        easting, northing, _ = modality.forward.coordinates()
        for corner in ((easting.min(), northing.min()), (easting.max(), northing.max())):
            assert np.any(np.all(d.places == corner, axis=1))


def test_levels_are_what_a_test_of_rows_says(made):
    fits = additive_fits(made.both, forms(made, "row levels", "column levels"))
    for (survey, name), fit in fits.items():
        wanted = bj.nuisance_test(made.problem, survey, f"{name.split()[0]}s")
        assert fit.rank == wanted.dof
        np.testing.assert_allclose([fit.statistic, fit.p_value], [wanted.statistic, wanted.p_value], rtol=1e-8)


def levels(size, rng):
    """A fit to levels of a root mean square, with precision diag(VALUES)."""
    score = np.sqrt(VALUES * (1 + size**2 * VALUES)) * rng.standard_normal(VALUES.size)
    return LevelFit(np.diag(VALUES), score, VALUES, 1e-10)


def test_levels_of_the_margin_are_excluded_as_seldom_as_they_may_be_and_seen_as_often_as_said():
    rng = np.random.default_rng(20261122)
    none = [levels(0.0, rng) for _ in range(1000)]
    assert kstest([fit.p_value for fit in none], "uniform").pvalue > 0.01
    wrong = np.mean([levels(0.8, rng).equivalence(0.8)[0] <= 0.05 for _ in range(600)])
    assert 0.015 < wrong < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    size = none[0].detectable(0.05, 0.8)
    seen = np.mean([levels(size, rng).p_value <= 0.05 for _ in range(600)])
    assert abs(seen - 0.8) < 0.04
    fits = [levels(1.5, rng).value for _ in range(600)]
    assert np.sqrt(np.mean(np.square(fits))) == pytest.approx(1.5, rel=0.06)


def test_what_data_are_blind_to_is_not_excluded_by_luck():
    lucky = LevelFit(np.diag(VALUES), 0.1 * np.sqrt(VALUES), VALUES, 1e-10)  # squares smaller than any noise leaves
    assert lucky.value == 0.0 and lucky.bound(0.05) > 0.3
    assert lucky.equivalence(lucky.bound(0.05))[0] == pytest.approx(0.05, rel=0.02)


def test_a_disturbance_is_excluded_everywhere_or_not_at_all():
    value, std = np.array([0.0, 0.3, -0.1]), np.array([0.1, 0.1, 0.2])
    found = SinglePlaces(value, std, np.zeros(3))
    assert found.equivalence(0.5)[0] == max(norm.cdf((np.abs(value) - 0.5) / std))
    assert found.equivalence(found.bound(0.05))[0] == pytest.approx(0.05)
    assert found.least_seen == 2 and found.worst == 1
    blind = SinglePlaces(value, np.array([0.1, np.nan, 0.1]), np.zeros(3))
    assert np.isnan([blind.equivalence(9.0)[0], blind.bound(0.05), blind.p_value]).all() and blind.worst == 1


def test_levels_that_the_model_explains_cannot_be_tested():
    fit = LevelFit(np.zeros((3, 3)), np.zeros(3), np.ones(3), 1e-10)
    assert not fit.testable and np.isnan(fit.bound(0.05)) and np.isnan(fit.detectable(0.05, 0.8))
    assert fit.test("row levels of air", ("air", "ground"), "mGal").note.startswith("untestable")


def test_the_spread_of_levels_is_that_of_repeated_surveys_and_never_negative():
    rng, size, values = np.random.default_rng(4), 0.5, np.linspace(5.0, 60.0, 40)
    fits = [LevelFit(np.diag(values), values * size * rng.standard_normal(40)
                     + np.sqrt(values) * rng.standard_normal(40), values, 1e-10) for _ in range(200)]
    assert np.median([f.std for f in fits]) == pytest.approx(np.std([f.value for f in fits]), rel=0.2)
    systematic = LevelFit(np.diag(values), values * np.linspace(-3, 3, 40), values, 1e-10)  # no independent levels
    none = LevelFit(np.diag(values), np.zeros(40), values, 1e-10)
    assert systematic.std > 0 and none.value == 0 and none.std > 0
