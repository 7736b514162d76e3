"""Learned quantiles hold on worlds left out, and gain by another property that shares geometry."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.calibration import _learned as learned
from bayesjoint.calibration import _lived as worlds
from bayesjoint.calibration._coverage import cross_validated, ratio_and_error, scores_of
from bayesjoint.calibration._learned import LearnedRule
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._recalibrate import _frames
from bayesjoint.calibration._rules import ClassRule, Frame
from bayesjoint.calibration._surroundings import Surroundings, _likeness
from bayesjoint.calibration._worlds import Simulator

from ..refusals import refused

MESH = bj.Mesh.regular((4, 10, 10), (50.0, 50.0, 50.0))
FAMILY = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(400.0, 0.4)), "susceptibility": bj.LogNormal(0.03, 0.4)},
               number=(1, 3), size=(80.0, 200.0), depth=(0.0, 150.0))], shared=1.0, positive=("susceptibility",))
NAMES = ("density", "susceptibility")
WEAK = bj.Matern(120.0, 150.0), bj.Matern(0.01, 150.0)


def engine(ground=None):
    """Gravity that says little, magnetics that say much; data of a ground without noise, or of none."""
    kinds = ((bj.GravityOperator, 0.3), (bj.MagneticOperator, 1.0))
    made = [bj.Parameter(name, MESH, prior=prior) for name, prior in zip(NAMES, WEAK, strict=True)]
    surveys = []
    for p, (kind, noise) in zip(made, kinds, strict=True):
        operator = kind(MESH, MESH.easting, MESH.northing, height=5.0)
        data = np.zeros((10, 10)) if ground is None else operator.predict(ground[p.name])
        surveys.append(bj.Modality(p.name, operator, data, bj.DiagonalNoise(np.full(100, noise)), p.name))
    return bj.posterior(bj.JointProblem(made, surveys))


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """Fewer trees than usual, so that tests are fast."""
    with pytest.MonkeyPatch.context() as patch:
        fewer = {"max_iter": 20, "learning_rate": 0.2, "max_leaf_nodes": 12, "min_samples_leaf": 80}
        patch.setattr(learned, "SETTINGS", learned.SETTINGS | fewer)
        patch.setattr(learned, "FIT_VALUES", 8_000)
        yield


@pytest.fixture(scope="module")
def lived():
    """(simulator, frames, worlds to learn from, worlds left out)."""
    post = engine()
    simulator = Simulator(post.problem)
    train, test = (live_through(simulator, post, FAMILY, n, seed) for n, seed in ((160, 1), (80, 2)))
    return simulator, _frames(post, simulator), train, test


def around(lived, *names):
    simulator, frames, *_ = lived
    return Surroundings(simulator.mesh, simulator.free, {k: frames[k] for k in names})


@pytest.fixture(scope="module")
def joint(lived):
    return LearnedRule("density", lived[1]["density"], lived[2], around(lived, *NAMES))


@pytest.fixture(scope="module")
def alone(lived):
    return LearnedRule("density", lived[1]["density"], lived[2], around(lived, "density"))


def score(rule, lived, test=None):
    return scores_of(rule, lived[1]["density"], test or lived[3], lived[2], "density", slice(None, None, 3))[0, 1]


def test_intervals_hold_on_worlds_left_out(lived, joint):
    new = score(joint, lived)[0].mean()
    crossed = cross_validated(joint, lived[2], slice(None, None, 3))[0, :, 0].mean(axis=-1)
    assert 0.86 < new < 0.94
    assert 0.86 < crossed[1] < 0.94
    assert 0.4 < crossed[0] < 0.7  # far from bodies many truths are 0 alike, so that 50 % may hold more


def test_the_other_property_sharpens_where_geometry_is_shared(lived, joint, alone):
    plain = ClassRule("density", lived[1]["density"], lived[2])
    for other in (alone, plain):
        ratio, error = ratio_and_error(score(joint, lived)[2], score(other, lived)[2])
        assert ratio + 2 * error < 1


def test_another_property_that_shares_nothing_costs_little(lived, alone):
    """The other property's worlds are dealt to other worlds: nothing is left that it could tell."""
    def shuffled(one):
        return replace(one, estimate=one.estimate | {"susceptibility": np.roll(one.estimate["susceptibility"], 1, 0)})

    rule = LearnedRule("density", lived[1]["density"], shuffled(lived[2]), around(lived, *NAMES))
    ratio, error = ratio_and_error(score(rule, lived, shuffled(lived[3]))[2], score(alone, lived)[2])
    assert ratio < 1.03 + 2 * error


def test_trees_of_a_fold_have_not_seen_it_and_a_seed_gives_the_same_again(lived):
    train, looked, cells = lived[2].where(slice(0, 40)), around(lived, "density"), slice(0, 50)
    test = next(train.folds())
    odd = train.truth["density"].copy()
    odd[test] = 1e4
    made = [LearnedRule("density", lived[1]["density"], one, looked)
            for one in (train, replace(train, truth={"density": odd}), train)]
    first = [next(rule.left_out(train)) for rule in made[:2]]
    assert np.array_equal(first[0][0], test)
    assert np.allclose(*(rule._placed(lived[3].estimate, cells)[0] for _, rule in first))
    assert not np.allclose(*(list(rule.left_out(train))[-1][1]._placed(lived[3].estimate, cells)[0]
                             for rule in made[:2]))
    assert np.allclose(*(rule.intervals([0.9], lived[3].estimate, cells) for rule in made[::2]))


def test_levels_and_probabilities_agree(lived, joint):
    estimates, cells = lived[3].estimate, np.arange(0, MESH.size, 7)
    quantiles = joint.quantiles([0.05, 0.5, 0.9, 0.95], estimates, cells)
    assert np.all(np.diff(quantiles, axis=0) >= 0)
    assert np.allclose(joint.intervals([0.9], estimates, cells)[0], quantiles[[0, 3]])
    below, error = joint.below(100.0, estimates, cells)
    assert np.allclose(error, joint.classes.error.max(axis=1)[joint._placed(estimates, cells)[-1]])
    assert error.max() <= 0.015
    assert np.all(below[quantiles[2] < 100.0] >= 0.9 - 1e-9)
    one = joint.quantiles([0.5], {k: v[3] for k, v in estimates.items()}, cells)
    assert np.allclose(one, quantiles[1:2, 3])


def test_a_positive_property_has_shortest_intervals_that_end_at_zero(lived):
    rule = LearnedRule("susceptibility", lived[1]["susceptibility"], lived[2], around(lived, "susceptibility"))
    truth = lived[3].truth["susceptibility"]
    lower, upper = rule.intervals([0.9], lived[3].estimate)[0]
    assert rule.positive
    assert lower.min() == 0
    assert 0.86 < np.mean((truth >= lower) & (truth <= upper)) < 0.96
    low, high = np.maximum(rule.quantiles([0.05, 0.95], lived[3].estimate), 0)
    assert np.mean(upper - lower) < np.mean(high - low)


def test_mirrored_worlds_count_where_the_sign_is_unknown(lived):
    """Learned from ground of one sign, intervals of mirrored answers are mirrored only if told that signs are alike."""
    frames, train = lived[1], lived[2].where(slice(0, 60))
    dense = replace(train, truth={"density": np.abs(train.truth["density"])})
    answers, lean = lived[3].where(slice(0, 30)).estimate, {}
    for signs in ((), ("density",)):
        rule = LearnedRule("density", frames["density"], dense, around(lived, "density"), symmetric=signs)
        here, mirrored = (rule.intervals([0.9], {"density": s * answers["density"]})[0] for s in (1, -1))
        assert rule.positive == (not signs)
        lean[signs] = np.mean(here[1] + mirrored[0]) / np.mean(here[1] - here[0])
    assert abs(lean[("density",)]) < 0.2 < 0.5 < lean[()]


def test_what_surrounds_a_cell_is_what_lies_there():
    air = bj.Mesh.regular((3, 5, 6), (10.0, 20.0, 20.0)).with_active(np.arange(90).reshape(3, 5, 6) != 75)
    free = np.flatnonzero(air.active)
    rng = np.random.default_rng(0)
    frame = Frame(air.depth_below_ground.ravel()[free], np.full(89, 0.5), np.full(89, 2.0))
    estimate = rng.standard_normal((2, 89)).astype(np.float32)
    full = np.zeros((2, 90), dtype=np.float32)
    full[:, free] = estimate
    full[:, 75] = full[:, 75 - 30]  # in air as in the nearest cell, which is the one below
    field = full.reshape(2, 3, 5, 6) / 2
    at = np.flatnonzero(free == 1 * 30 + 2 * 6 + 2)[0]  # cell (1, 2, 2)
    found = Surroundings(air, {"density": free}, {"density": frame}).of("density", {"density": estimate},
                                                                        np.full((2, 1), at))[:, 0]
    near = field[:, :, 1:4, 1:4]
    expected = [np.full(2, frame.depth[at]), np.full(2, 0.25), np.full(2, 2), 4 * field[:, 1, 2, 2], field[:, 1, 2, 2],
                field[:, 1, 2, 2] / np.abs(near).max((1, 2, 3)), field[:, 2, 2, 2], field[:, 0, 2, 2],
                field[:, 2, 2, 2], field[:, 0, 2, 2],
                np.hypot(field[:, 1, 3, 2] - field[:, 1, 1, 2], field[:, 1, 2, 3] - field[:, 1, 2, 1]),
                near[:, 1].mean((1, 2)), near.mean((1, 2, 3)), field[:, :, :, :5].mean((1, 2, 3)),
                4 * np.abs(field[:, :, :, :5]).max((1, 2, 3)), np.abs(field[:, :, 2, 2]).argmax(1) - 1,
                near.mean((1, 2, 3))]
    assert np.allclose(found[:, : len(expected)], np.stack(expected, axis=1), atol=1e-5)
    assert np.allclose(found[:, -1], 4 * np.abs(field).max((1, 2, 3)))


def test_maps_are_alike_where_they_are_multiples():
    one, other = np.random.default_rng(1).random((2, 3, 12, 12))
    assert np.allclose(_likeness(one, 5 * one), 1)
    near, whole = _likeness(one, other)
    assert np.allclose(whole[2], np.sum(one[2] * other[2]) / np.sqrt(np.sum(one[2] ** 2) * np.sum(other[2] ** 2)))
    a, b = one[0, 2:9, 3:10], other[0, 2:9, 3:10]
    assert near[0, 5, 6] == pytest.approx(np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)))
    assert np.all(np.array(_likeness(one, 0 * one)) == 0)


def test_the_door_learns_and_says_so():
    ground = {name: np.zeros(MESH.shape) for name in NAMES}
    ground["density"][1:3, 4:7, 4:7], ground["susceptibility"][1:3, 4:7, 4:7] = -400.0, 0.03
    post = engine(ground)
    sound = bj.recalibrate(post, FAMILY, worlds=48, seed=3, sensitivity=None, learned=True)
    assert "by learned quantiles" in sound.approximations[0].statement
    assert float(sound.coverage.coverage.sel(kind="recalibrated", probability=0.9).min()) > 0.84
    assert "learned_width_over_std_least" in sound.classes
    lower, upper = sound.interval(0.9)["density"]
    median = sound.median()
    assert np.all((median["density"] >= lower) & (median["density"] <= upper))
    assert median["susceptibility"].min() >= 0
    assert np.array_equal(sound.mean()["density"], post.mean()["density"])
    again = pickle.loads(pickle.dumps(sound))
    assert np.allclose(again.interval(0.9)["density"], (lower, upper))


def test_medians_of_classes_are_their_middle_quantiles():
    post = engine()
    sound = bj.recalibrate(post, FAMILY, worlds=48, seed=3, sensitivity=None)
    rule = sound._rules["density"][0]
    assert np.allclose(sound.median()["density"].ravel(), rule.quantiles([0.5], sound.estimates)[0])


def test_a_sample_of_cells_is_refused(lived, monkeypatch):
    refused(lambda: LearnedRule("density", lived[1]["density"], replace(lived[2], whole=False),
                                around(lived, "density")), "learned")
    monkeypatch.setattr(worlds, "WHOLE_BYTES", 1.0)
    refused(lambda: bj.recalibrate(engine(), FAMILY, worlds=40, learned=True), "learned")


def test_without_scikit_learn_the_door_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ImportError, match=r"pip install 'bayesjoint\[learn\]'"):
        bj.recalibrate(engine(), FAMILY, worlds=40, learned=True)
