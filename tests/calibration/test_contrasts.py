"""Intervals that hold where contrasts are not the family's, and the share of the local peak that tells bodies apart."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.calibration._contrasts import ContrastRule
from bayesjoint.calibration._coverage import scores_of
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._recalibrate import _frames
from bayesjoint.calibration._rules import ClassRule
from bayesjoint.calibration._variants import Scaled
from bayesjoint.calibration._worlds import Simulator, share_of

MESH = bj.Mesh.regular((4, 12, 12), (50.0, 50.0, 50.0))
FAMILY = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.35))}, number=(1, 3),
                               size=(100.0, 200.0), depth=(0.0, 150.0))], name="bodies", log_std=0.0)
FACTOR = 1.6


def engine(mean=0.0):
    operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    ground = np.full(MESH.shape, mean)
    ground[1:3, 5:8, 5:8] += 500.0
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=150.0, range=150.0, mean=mean))
    survey = bj.Modality("gravity", operator, operator.predict(ground), bj.DiagonalNoise(np.full(144, 0.02)), "density")
    return bj.posterior(bj.JointProblem([density], [survey]))


@pytest.fixture(scope="module")
def made():
    post = engine()
    stated = bj.recalibrate(post, FAMILY, worlds=120, seed=1, sensitivity=None, symmetric=["density"])
    wide = bj.recalibrate(post, FAMILY, stated, seed=1, sensitivity=None, symmetric=["density"], contrast_factor=FACTOR)
    return post, stated, wide


def held_inside(sound, worlds):
    """Share of the cells of bodies that 90 % intervals hold."""
    rule, truth = sound._rules["density"][0], worlds.truth["density"]
    lower, upper = rule.intervals([0.9], worlds.estimate)[0]
    return np.mean(((truth >= lower) & (truth <= upper))[np.abs(truth) > 50])


def test_stronger_contrasts_are_held(made):
    """Simulated anew, with their own noise: bodies whose contrasts are 1.6 times as strong."""
    post, stated, wide = made
    simulator = Simulator(post.problem)
    strong = live_through(simulator, post, Scaled(FAMILY, FACTOR), 60, seed=9)
    frame = _frames(post, simulator)["density"]
    coverage = [scores_of(s._rules["density"][0], frame, strong, stated.lived[0], "density")[0, 1, 0].mean()
                for s in (stated, wide)]
    assert coverage[1] > 0.87
    assert coverage[0] < coverage[1]
    assert held_inside(stated, strong) + 0.1 < held_inside(wide, strong)


def test_only_the_far_end_moves(made):
    _, stated, wide = made
    (low, high), (lower, upper) = (s.interval(0.9)["density"] for s in (stated, wide))
    assert np.all(lower <= low)
    assert np.all(upper >= high)
    above = high >= -low
    assert np.array_equal(lower[above], low[above])
    assert np.array_equal(upper[~above], high[~above])
    assert np.mean(upper - lower) > 1.05 * np.mean(high - low)


def test_it_is_said_and_measured(made):
    _, stated, wide = made
    assert "1.6 times stronger or weaker" in wide.approximations[0].statement
    assert "stronger or weaker" not in stated.approximations[0].statement
    a, b = (float(s.coverage.coverage.sel(kind="recalibrated", probability=0.9).item()) for s in (stated, wide))
    assert b > a  # on the family itself it holds more than it says
    assert np.array_equal(stated.median()["density"], wide.median()["density"])


def test_weaker_contrasts_are_held_too(made):
    """With bodies of half the contrast the far ends of bodies of weak ground are those learned from such."""
    _, stated, wide = made
    rule = wide._rules["density"][0]
    weaker = [other for f, other in zip(rule._factors, rule._others, strict=True) if f < 1]
    assert sorted(f > 1 for f in rule._factors) == [False, False, True, True]
    estimates = stated.lived[0].scaled(1 / FACTOR, {"density": np.zeros(MESH.size)}).estimate
    lower, upper = rule.intervals([0.9], estimates)[0]
    for other in weaker:
        low, high = other.intervals([0.9], estimates)[0]
        above = rule._upward(estimates, slice(None))
        assert np.all(upper[above] >= high[above])
        assert np.all(lower[~above] <= low[~above])


def test_narrower_intervals_lie_inside_wider_ones(made):
    _, stated, wide = made
    rule, worlds = wide._rules["density"][0], stated.lived[0]
    half, most = rule.intervals([0.5, 0.9], worlds.estimate)
    assert np.all(half[0] >= most[0] - 1e-9)
    assert np.all(half[1] <= most[1] + 1e-9)


def test_left_out_rules_have_not_seen_the_worlds(made):
    """Scores of one fold do not change with its truths."""
    post, stated, _ = made
    worlds = stated.lived[0]
    test = next(worlds.folds())
    odd = replace(worlds, truth={"density": np.where(test[:, None], 1e4, worlds.truth["density"]).astype(np.float32)})
    frame = _frames(post, Simulator(post.problem))["density"]
    first = [next(ContrastRule(FACTOR, lambda w: ClassRule("density", frame, w, True), one,
                               {"density": np.zeros(MESH.size)}).left_out(one))[1] for one in (worlds, odd)]
    one, other = (rule.intervals([0.9], worlds.estimate) for rule in first)
    assert np.array_equal(one, other)
    seen = ContrastRule(FACTOR, lambda w: ClassRule("density", frame, w, True), odd, {"density": np.zeros(MESH.size)})
    assert not np.array_equal(one, seen.intervals([0.9], worlds.estimate))


def test_a_positive_property_stays_positive_and_contrasts_count_from_the_prior_mean():
    post = engine(mean=100.0)
    family = bj.Geology([bj.Bodies(contrasts={"density": bj.LogNormal(500.0, 0.35)}, number=(1, 3), size=(100.0, 200.0),
                                   depth=(0.0, 150.0))], log_std=0.0, positive=("density",), host={"density": 100.0})
    stated = bj.recalibrate(post, family, worlds=60, seed=1, sensitivity=None)
    wide = bj.recalibrate(post, family, stated, seed=1, sensitivity=None, contrast_factor=FACTOR)
    rule = wide._rules["density"][0]
    assert rule.positive
    lower, upper = wide.interval(0.9)["density"]
    assert lower.min() >= 0
    away = rule._upward(wide.estimates, slice(None))
    low, high = (v.ravel() for v in stated.interval(0.9)["density"])
    assert np.array_equal(away, low + high >= 200.0)
    again = pickle.loads(pickle.dumps(wide)).interval(0.9)["density"]
    assert np.array_equal(again, np.stack([lower, upper]))


def test_records_of_different_factors_are_not_compared_and_files_tell_the_factor(made):
    _, stated, wide = made
    assert wide.record.gain_over(stated.record) is None
    assert "widened for contrasts 1.6 times" in wide.to_datatree(draws=2, chains=1)["posterior_summary"][
        "density_lower"].attrs["kind"]
    assert wide.extra_attributes()["recalibration_contrast_factor"] == FACTOR


@pytest.mark.parametrize("value", [0.5, 2.5, True, "wide", np.nan])
def test_a_factor_is_a_number_from_one_to_two(value):
    with pytest.raises((ValueError, TypeError), match="contrast_factor"):
        bj.recalibrate(engine(), FAMILY, worlds=40, contrast_factor=value)


def test_worlds_of_other_contrasts_are_those_of_an_engine():
    """Truth and answer move away from the prior mean: what the engine answers to data of such ground."""
    post = engine(mean=100.0)
    simulator = Simulator(post.problem)
    lived = live_through(simulator, post, FAMILY, 3, seed=2)
    moved = lived.scaled(2.0, simulator.middle)
    still = simulator.clean({"density": np.full((1, *simulator.fine.shape), 100.0, dtype=np.float32)},
                            {"density": np.full((1, MESH.size), 100.0)}, np.random.default_rng(0))
    answer = post.problem.unpack(post.mean_given(still + 2 * (lived.data - still)))["density"]
    assert np.allclose(moved.estimate["density"], answer.reshape(3, -1), atol=0.02)
    assert np.allclose(moved.truth["density"], 2 * lived.truth["density"] - 100.0)


def test_a_share_is_of_the_largest_deviation_near_by():
    post = engine(mean=100.0)
    simulator = Simulator(post.problem)
    field = 100.0 + np.random.default_rng(0).standard_normal((1, *MESH.shape))
    share = simulator.answers({"density": field})[share_of("density")].reshape(MESH.shape)
    away = field[0] - 100.0
    assert share[1, 5, 6] == pytest.approx(away[1, 5, 6] / np.abs(away[:, 3:8, 4:9]).max(), rel=1e-4)
    assert np.abs(share).max() == pytest.approx(1.0)
    twice = simulator.answers({"density": 100.0 - 2 * away[None]})[share_of("density")].reshape(MESH.shape)
    assert np.allclose(twice, -share, atol=1e-4)
