"""Intervals that hold inside bodies, and engines of chains that start anew for every world."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.calibration._inside import InsideRule
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._worlds import Simulator, spread_of

from ..refusals import refused
from .grounds import BODIES, MESH, problem

DEVIATION = 100.0


@pytest.fixture(scope="module")
def pair():
    """(all cells alike, bodies too) on the same worlds."""
    post, common = bj.posterior(problem()), {"symmetric": ["density"], "seed": 3, "sensitivity": None}
    return (bj.recalibrate(post, BODIES, worlds=200, **common),
            bj.recalibrate(post, BODIES, worlds=200, inside={"density": DEVIATION}, **common))


def test_fresh_worlds_are_held_inside_bodies(pair):
    plain, wide = pair
    fresh = live_through(Simulator(wide.problem), wide.engine, BODIES, 150, seed=98)
    truth = fresh.truth["density"]
    inside = np.abs(truth) > DEVIATION

    def held(sound, cells):
        lower, upper = sound._rules["density"][0].intervals([0.9], fresh.estimate)[0]
        hits, count = ((lower <= truth) & (truth <= upper) & cells).sum(axis=1), cells.sum(axis=1)
        share = hits.sum() / count.sum()
        return share, np.sqrt(np.sum((hits - share * count) ** 2)) / count.sum()

    share, error = held(plain, inside)
    assert share + 2 * error < 0.9
    share, error = held(wide, inside)
    stated = wide.inside.sel(kind="widened", parameter="density", probability=0.9)
    assert share == pytest.approx(float(stated.held), abs=3 * np.hypot(error, float(stated.held_error)))
    assert float(stated.held) >= 0.9 and share > 0.9 - 3 * error
    assert held(wide, ~inside)[0] >= held(plain, ~inside)[0]
    assert float(stated.weight) > 1 and float(stated.deviation) == DEVIATION


def test_what_is_stated_of_plain_intervals_is_what_they_hold(pair):
    """On the worlds themselves, left out by fours, as the rule of all cells alike does it."""
    plain, wide = pair
    lived = plain.lived[0]
    truth, inside = lived.truth["density"], np.abs(lived.truth["density"]) > DEVIATION
    hits = np.zeros(lived.count)
    for test, rule in plain._rules["density"][0].left_out(lived):
        lower, upper = rule.intervals([0.9], lived.where(test).estimate)[0]
        hits[test] = ((lower <= truth[test]) & (truth[test] <= upper) & inside[test]).sum(axis=1)
    stated = wide.inside.sel(kind="plain", parameter="density", probability=0.9)
    assert float(stated.held) == pytest.approx(hits.sum() / inside.sum(), abs=0.03)  # classes were not left out there


def test_intervals_take_in_those_of_all_cells_and_nothing_else_changes(pair):
    plain, wide = pair
    for share in (0.5, 0.9):
        (low, high), (wide_low, wide_high) = (s.interval(share)["density"] for s in pair)
        assert np.all(wide_low <= low + 1e-9) and np.all(wide_high >= high - 1e-9)
        assert np.mean(wide_high - wide_low) > 1.05 * np.mean(high - low)
    narrow, broad = (wide.interval(share)["density"] for share in (0.5, 0.9))
    assert np.all(broad[0] <= narrow[0] + 1e-9) and np.all(broad[1] >= narrow[1] - 1e-9)
    np.testing.assert_array_equal(plain.median()["density"], wide.median()["density"])
    for one, other in zip(plain.tail_probability("density", 50.0), wide.tail_probability("density", 50.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_is_said(pair):
    plain, wide = pair
    text = wide.approximations[0].statement
    assert "widened to hold inside bodies too: density 9" in text and "if all cells counted alike" in text
    assert plain.inside is None and "inside bodies" not in plain.approximations[0].statement
    tree = wide.to_datatree(draws=5, chains=2)
    assert float(tree["recalibration_inside"].weight[0]) == wide._rules["density"][0].weight


def test_where_nothing_stands_out_nothing_is_widened(pair):
    plain, _ = pair
    lived, rule = plain.lived[0], plain._rules["density"][0]
    found = InsideRule("density", rule.frame, lived, True, 1e6, np.zeros(MESH.size))
    assert found.weight == 1.0 and np.isnan(found.held[0]).all()
    np.testing.assert_allclose(found.intervals([0.9], lived.estimate), rule.intervals([0.9], lived.estimate), atol=1e-3)


def test_a_positive_property(pair):
    """Truths of 0 and more: intervals stay there, and hold inside too."""
    lived, rule = pair[0].lived[0], pair[0]._rules["density"][0]
    positive = InsideRule("density", rule.frame, type(lived)(
        cells=lived.cells, places=lived.places, truth={"density": np.abs(lived.truth["density"])},
        estimate=lived.estimate, data=lived.data, whole=True), False, DEVIATION, np.zeros(MESH.size))
    assert positive.positive and positive.held[0][1, 1] > 0.88 > positive.held[0][1, 0] + 0.02
    assert positive.intervals([0.9], lived.estimate)[0, 0].min() >= 0.0


def bounded():
    """Cells above 0, so that chains answer."""
    made = problem()
    return made.replace(parameters=[p.replace(bounds=(0.0, None)) if p.name == "density" else p
                                    for p in made.parameters])


def test_chains_start_anew_for_every_world(rng):
    """By "truncated", on two cells of the prior: z of the procedure is what rules learn from."""
    mesh = bj.Mesh.regular((2, 3, 3), (100.0, 100.0, 100.0))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 200.0), bounds=(0.0, None))
    asked = bj.JointProblem([density], [bj.Modality("g", gravity, rng.normal(0.3, 0.05, (3, 3)), bj.DiagonalNoise(
        np.full((3, 3), 0.05)), "density")])
    post = bj.posterior(asked, method="truncated", draws=100, chains=2, warmup=20)

    def family(fine, seed):
        values = np.random.default_rng(seed).exponential(60.0, mesh.shape)
        return {"density": values.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)}

    done = []
    with ThreadPoolExecutor(2) as pool:
        sound = bj.recalibrate(post, family, worlds=60, sensitivity=None, executor=pool,
                               progress=lambda stage, count, total: done.append(count))
    lived = sound.lived[0]
    assert lived.estimate[spread_of("density")].shape == lived.estimate["density"].shape == (60, 18)
    again = bj.posterior(asked.with_data(lived.data[7]), method="truncated", draws=100, chains=2, warmup=20, seed=5)
    away = (again.mean()["density"].ravel() - lived.estimate["density"][7]) / again.std()["density"].ravel()
    assert np.sqrt(np.mean(away**2)) < 0.4  # two runs of two hundred draws that hang together
    assert np.ptp(lived.estimate[spread_of("density")], axis=0).min() > 0  # of every world its own
    held = sound.coverage.coverage.sel(kind="recalibrated", parameter="density", probability=0.9)
    assert 0.8 < float(held) <= 1.0 and sound.interval(0.9)["density"][0].min() >= 0.0
    assert max(done) == 60 and len(set(done)) > 30


def test_what_cannot_be_is_refused(pair):
    post = pair[0].engine
    refused(lambda: bj.recalibrate(post, BODIES, inside={"desnity": 1.0}), "inside")
    refused(lambda: bj.recalibrate(post, BODIES, inside={"density": 0.0}), "inside of density")
    refused(lambda: bj.recalibrate(post, BODIES, inside={"density": 9.0}, learned=True), "inside")
    chains = bj.posterior(bounded(), method="truncated", draws=100, chains=2, warmup=0)
    refused(lambda: bj.recalibrate(chains, BODIES, contrast_factor=1.4), "contrast_factor")
    refused(lambda: bj.recalibrate(chains, BODIES, learned=True), "learned")
    chains.options = None
    refused(lambda: bj.recalibrate(chains, BODIES, worlds=40, sensitivity=None), "post", TypeError)
