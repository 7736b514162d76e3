"""Recalibrated intervals: right where the prior is right, right where it is wrong, and honest about both."""

import json
import pickle

import numpy as np
import pytest
from scipy.special import ndtri

import bayesjoint as bj
from bayesjoint.calibration._coverage import interval_score
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._worlds import Simulator
from bayesjoint.forward import _direct
from bayesjoint.functionals._excess_mass import mass_in

from ..refusals import refused
from .grounds import BODIES, MESH, gaussian_ground, problem


@pytest.fixture(scope="module")
def bodies():
    post = bj.posterior(problem(magnetic=True, bias=True))
    return bj.recalibrate(post, BODIES, worlds=200, seed=1, sensitivity={"large": BODIES.resized(2.0)},
                          sensitivity_worlds=60, symmetric=["density"])


@pytest.fixture(scope="module")
def gaussian():
    """The family is the prior itself: recalibration must find that there is nothing to do."""
    return bj.recalibrate(bj.posterior(problem()), gaussian_ground, worlds=300, seed=2, sensitivity=None)


def test_where_the_prior_is_right_the_intervals_are_the_engines(gaussian):
    for share in (0.5, 0.9):
        (low, high), (own_low, own_high) = (p.interval(share)["density"] for p in (gaussian, gaussian.engine))
        width = (high - low).sum() / (own_high - own_low).sum()
        assert width == pytest.approx(1.0, abs=0.06)
    own = gaussian.coverage.coverage.sel(kind="gaussian", parameter="density")
    error = gaussian.coverage.coverage_error.sel(kind="gaussian", parameter="density")
    assert np.all(np.abs(own - own.probability) < 4 * error + 0.01)


def test_on_worlds_left_out_the_intervals_hold(bodies):
    found = bodies.coverage.sel(kind="recalibrated", probability=0.9)
    for name, slack in (("density", 0.0), ("susceptibility", 0.04)):  # values of one sign pile up at 0: more may hold
        share, error = float(found.coverage.sel(parameter=name)), float(found.coverage_error.sel(parameter=name))
        assert 0.9 - 3 * error - 0.01 < share < 0.9 + 3 * error + 0.01 + slack
    plain = bodies.coverage.sel(kind="gaussian", probability=0.9)
    assert np.all(found.score < plain.score)
    assert np.all(bodies.coverage.score_over_no_data < 1)


def test_on_fresh_worlds_too(bodies):
    """Coverage by brute force: new worlds, intervals by the rules, the truths in them or not."""
    simulator = Simulator(bodies.problem)
    fresh = live_through(simulator, bodies.engine, BODIES, 100, seed=99)
    lower, upper = bodies._rules["density"][0].intervals([0.9], fresh.estimate)[0]
    held = np.mean((fresh.truth["density"] >= lower) & (fresh.truth["density"] <= upper), axis=1)
    assert held.mean() == pytest.approx(0.9, abs=3 * held.std() / 10 + 0.015)


def test_the_body_is_held_where_the_gaussian_holds_none_of_it(bodies):
    truth = np.zeros(MESH.shape)
    truth[1:, 3:5, 3:5] = -600.0
    body = truth != 0
    lower, upper = bodies.interval(0.9)["density"]
    own = bodies.engine.interval(0.9)["density"]
    assert np.mean((truth >= lower) & (truth <= upper))>= 0.85
    assert np.mean(((truth >= lower) & (truth <= upper))[body]) > np.mean(((truth >= own[0]) & (truth <= own[1]))[body])
    score = interval_score(lower, upper, truth, 0.9).mean()
    assert score < interval_score(*own, truth, 0.9).mean()


def test_a_property_of_one_sign_has_intervals_of_one_sign(bodies):
    lower, upper = bodies.interval(0.9)["susceptibility"]
    assert lower.min() == 0.0
    assert np.all(upper >= lower)


def test_what_is_not_recalibrated_is_the_engines(bodies):
    engine = bodies.engine
    np.testing.assert_array_equal(bodies.mean()["density"], engine.mean()["density"])
    np.testing.assert_array_equal(bodies.std()["density"], engine.std()["density"])
    draws = [p.sample(draws=3, chains=1, seed=4)["density"] for p in (bodies, engine)]
    np.testing.assert_array_equal(*draws)
    np.testing.assert_array_equal(*(p.interval(0.9)["gravity_bias"] for p in (bodies, engine)))
    assert float(bodies.log_evidence()) == float(engine.log_evidence())
    words = " ".join(a.statement for a in bodies.approximations)
    assert "Mean, std and draws are the engine's" in words
    assert "bodies" in bodies.family


def test_tail_probabilities_are_those_of_the_intervals(bodies):
    """P(m > upper end of the 90 % interval) is 5 %, of the median one half."""
    lower, upper = bodies.interval(0.9)["density"]
    cell = (1, 3, 3)
    for threshold, expected in ((float(upper[cell]), 0.05), (float(lower[cell]), 0.95)):
        share, error = bodies.tail_probability("density", threshold)
        assert share[cell] == pytest.approx(expected, abs=0.005)
        assert 0 < error[cell] <= 0.015
    assert bodies.tail_probability("gravity_bias", 0.0) is None


def test_other_families_are_tried_and_told(bodies):
    assert list(bodies.sensitivity.variant.values) == ["large"]
    assert 0 < float(bodies.sensitivity.coverage.min()) <= 1
    assert "large" in next(a.statement for a in bodies.approximations if a.name == "other grounds")
    assert bodies.plausibility.p_value.shape == (2, 5)
    assert bodies.plausibility.seen.sel(variant="large").max() <= 1
    assert float(bodies.classes.tail_error.max()) <= 0.015


def test_an_envelope_takes_the_widest():
    post = bj.posterior(problem())
    large = BODIES.resized(2.0)
    one, other = (bj.recalibrate(post, f, worlds=60, seed=5, sensitivity=None) for f in (BODIES, large))
    both = bj.recalibrate(post, BODIES, worlds=60, seed=5, envelope=[large], sensitivity=None)
    low, high = both.interval(0.9)["density"]
    assert np.all(low <= one.interval(0.9)["density"][0] + 1e-9)
    assert np.all(high >= one.interval(0.9)["density"][1] - 1e-9)
    assert (high - low).sum() > (other.interval(0.9)["density"][1] - other.interval(0.9)["density"][0]).sum() * 0.8


def test_functionals_are_regressed_on_their_estimates(bodies):
    """The mass of a fresh world's ground is held by its interval as often as stated."""
    mass = mass_in(bodies.problem, None, "density")
    told = bodies.functional_interval(mass, 0.9)
    assert told["coverage"] == pytest.approx(0.9, abs=3 * told["coverage_error"])
    assert told["lower"] < told["centre"] < told["upper"]
    assert told["upper"] - told["lower"] < told["upper_without_data"] - told["lower_without_data"]
    truth = -600.0 * 8 * 50.0**3
    assert told["lower"] < truth < told["upper"]


def test_the_same_seed_gives_the_same_and_it_can_be_pickled(bodies):
    again = pickle.loads(pickle.dumps(bodies))
    for name, ends in bodies.interval(0.8).items():
        np.testing.assert_array_equal(ends, again.interval(0.8)[name])
    twin = bj.recalibrate(bodies.engine, BODIES, worlds=200, seed=1, sensitivity=None, symmetric=["density"])
    np.testing.assert_array_equal(twin.interval(0.9)["density"], bodies.interval(0.9)["density"])


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank"])
def test_engines_answer_worlds_alike(method):
    asked = problem(bias=True)
    post, dense = bj.posterior(asked, method=method), bj.posterior(asked, method="dense")
    found, exact = (live_through(Simulator(asked), p, BODIES, 3, seed=0) for p in (post, dense))
    np.testing.assert_array_equal(found.truth["density"], exact.truth["density"])
    scale = np.abs(exact.estimate["density"]).max()
    np.testing.assert_allclose(found.estimate["density"], exact.estimate["density"], atol=2e-3 * scale)


def test_continued_fields_see_ground_beyond_the_mesh():
    asked = problem(extent="continued")
    simulator = Simulator(asked)
    assert simulator.beyond == (3, 3)
    sound = bj.recalibrate(bj.posterior(asked), BODIES, worlds=40, sensitivity=None)
    assert 0.8 < float(sound.coverage.coverage.sel(kind="recalibrated", probability=0.9)[0]) < 0.98


def test_worlds_are_forwarded_on_finer_cells():
    """Of ground that is constant over the engine's cells the data are the engine's own; of finer ground they differ."""
    asked = problem()
    simulator, op = Simulator(asked), asked.operator(0)
    fine = simulator.draw(gaussian_ground, [7])
    real = {name: simulator.average(values) for name, values in fine.items()}
    clean = simulator.clean(fine, real, np.random.default_rng(0))[0]
    coarse = op.matvec(asked.pack({"density": real["density"].reshape(MESH.shape)}))
    np.testing.assert_allclose(clean, coarse, atol=1e-5 * np.abs(coarse).max())
    off = simulator.discretisation(BODIES, [1, 2, 3])
    assert np.sqrt(np.mean(off**2)) > 1e-3 * np.abs(coarse).max()


def test_nuisances_and_noise_have_their_own_spread():
    asked = problem(bias=True)
    simulator = Simulator(asked)
    nothing = live_through(simulator, bj.posterior(asked), lambda mesh, seed: {"density": np.zeros(mesh.shape)}, 400, 0)
    basis = asked.modalities[0].terms[0].columns
    expected = 0.5**2 * np.sum(basis**2, axis=1) + 0.01**2
    np.testing.assert_allclose(nothing.data.var(axis=0), expected, rtol=0.35)


def test_operators_of_the_users_are_said_to_be_coarse():
    asked = problem()
    matrix = asked.modalities[0].forward.to_dense()
    own = asked.replace(modalities=[asked.modalities[0].replace(forward=matrix)])
    sound = bj.recalibrate(bj.posterior(own), BODIES, worlds=40, sensitivity=None)
    assert "simulated on the engine's own cells" in sound.approximations[0].statement


def test_refusals():
    post = bj.posterior(problem())
    refused(lambda: bj.recalibrate(post, BODIES, worlds=10), "worlds")
    refused(lambda: bj.recalibrate(post, 7), "geology", TypeError)
    refused(lambda: bj.recalibrate(problem(), BODIES), "post", TypeError)
    refused(lambda: bj.recalibrate(post, BODIES, sensitivity="all"), "sensitivity")
    refused(lambda: bj.recalibrate(post, lambda mesh, seed: {"porosity": np.zeros(mesh.shape)}), "parameters")
    line = bj.JointProblem([bj.Parameter("x", 1, prior=bj.Focusing(alpha=1.0))],
                           [bj.Modality("a", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "x")])
    refused(lambda: bj.recalibrate(bj.posterior(line, method="gibbs", draws=100), BODIES), "problem")
    at = bj.find_map(line, discrepancy=False)
    refused(lambda: bj.recalibrate(bj.posterior(line, method="laplace", at=at), BODIES), "post", TypeError)
    sound = bj.recalibrate(post, BODIES, worlds=40, sensitivity=None)
    refused(lambda: bj.recalibrate(sound, BODIES), "post", TypeError)
    refused(lambda: sound.interval(0.999), "probability")


def test_discretisation_is_found_and_taken_as_noise():
    """Its second moment is that of direct simulation; with it a posterior is wider, and the bias is no longer none."""
    asked = problem(magnetic=True)
    noise = bj.discretisation_noise(asked, BODIES, worlds=60, seed=3)
    off = Simulator(asked, 0.0).discretisation(BODIES, list(range(100, 160)))
    assert noise.std["gravity"] == pytest.approx(np.sqrt(np.mean(off[:, :64] ** 2)), rel=0.4)
    covariance = noise.covariance("gravity")
    assert np.sqrt(np.trace(covariance) / 64) == pytest.approx(noise.std["gravity"], rel=0.01)
    with_it = bj.add_discrepancy(asked, noise)
    post, plain = bj.posterior(with_it), bj.posterior(asked)
    assert np.all(post.std()["density"] >= plain.std()["density"] - 1e-9)
    dense = asked.replace(modalities=[m.replace(noise=bj.DenseNoise(
        noise.covariance(m.name) + np.diag(m.noise.variance()))) for m in asked.modalities])
    np.testing.assert_allclose(post.mean()["density"], bj.posterior(dense).mean()["density"], atol=1e-4)
    refused(lambda: bj.discretisation_noise(asked, BODIES, worlds=3), "worlds")
    refused(lambda: bj.add_discrepancy(asked, noise, std={"gravity": 1.0, "magnetic": 1.0}), "std, correlation")


def test_levels_of_a_gaussian_are_those_of_the_engine(gaussian):
    mean, std = gaussian.mean()["density"], gaussian.std()["density"]
    upper = gaussian.interval(0.9)["density"][1]
    score = (upper - mean) / std
    assert np.median(score) == pytest.approx(ndtri(0.95), abs=0.12)


def test_a_picked_window_is_picked_in_every_world(bodies):
    """Its interval holds on worlds left out; a fixed box there would not know that it was picked for its excess."""
    window = bj.Window(northing=100.0, easting=100.0)
    found = bj.excess_mass(bodies, box=window, draws=20, chains=2)
    assert json.loads(found.attrs["box_json"]) == [150.0, 250.0, 150.0, 250.0, -150.0, 0.0]  # where the body is
    assert float(found.excess_mass_coverage) == pytest.approx(0.9, abs=3 * float(found.excess_mass_coverage_error))
    assert float(found.excess_mass_lower) < -600.0 * 8 * 50.0**3 < float(found.excess_mass_upper)
    assert found.excess_mass_lower.attrs["kind"] == "recalibrated"
    plain = bj.excess_mass(bodies.engine, box=window, draws=20, chains=2)
    assert float(found.excess_mass_gaussian_lower) == float(plain.excess_mass_lower)


def test_windows_are_sums_over_cells(bodies):
    from bayesjoint.functionals._window import WindowedMass

    window = bj.Window(northing=100.0, easting=150.0, depth=100.0)
    target = WindowedMass(bodies.problem, window)
    model = {"density": np.random.default_rng(0).standard_normal((2, *MESH.shape))}
    place = target.pick(model)
    row, column = np.unravel_index(place, target.sums(model).shape[1:])
    for k in range(2):
        part = model["density"][k, 1:, row[k] : row[k] + 2, column[k] : column[k] + 3]  # the two layers above 100 m
        assert target.at(model, place)[k] == pytest.approx(part.sum() * 50.0**3)
        assert abs(target.at(model, place)[k]) == pytest.approx(np.abs(target.sums(model)[k]).max())


def test_the_depth_to_the_top_is_recalibrated_with_its_absence(bodies):
    negative = bj.depth_to_top(bodies, 300.0, draws=20, chains=2)
    assert float(negative.depth_to_top_absence) > 0.2  # the body is light: nothing need exceed +300
    found = bj.depth_to_top(bodies, 0.01, "susceptibility", draws=20, chains=2)
    assert float(found.depth_to_top_coverage) == pytest.approx(0.9, abs=0.09)
    assert 0 <= float(found.depth_to_top_lower) <= 50.0 <= float(found.depth_to_top_upper) <= 150.0


def test_the_baseline_by_depth_holds_under_topography():
    """More depths than groups, and groups that a thinned set of cells leaves empty."""
    from bayesjoint.calibration._rules import DEPTHS, DepthRule

    rng = np.random.default_rng(0)
    depth = np.sort(rng.choice([10.0, 20.0, 400.0], 300) + np.repeat(rng.uniform(0, 5, 100), 3))
    rule = DepthRule(depth[::7], depth[::7] * rng.standard_normal((200, depth[::7].size)))
    assert np.unique(depth).size > DEPTHS
    lower, upper = rule.interval(0.9)
    np.testing.assert_allclose((upper - lower)[-10:], 2 * 1.645 * depth[::7][-10:], rtol=0.3)


@pytest.mark.parametrize("others", [None, "standard", {"large": BODIES.resized(2.0)}])
def test_worlds_are_counted_over_all_stages(others, monkeypatch):
    """The count only grows, knows its end from the start, and reaches it; stations are counted within a block."""
    said, how = [], {"worlds": 40, "seed": 4, "sensitivity": others, "sensitivity_worlds": 3, "symmetric": ["density"]}
    monkeypatch.setattr(_direct, "ROW_BYTES", 1.0)  # so that even this few stations come in pieces
    post = bj.posterior(problem(scattered=True))
    found = bj.recalibrate(post, BODIES, **how, progress=lambda *what: said.append(what))
    done, total = [d for _, d, _ in said], {t for _, _, t in said}
    assert done[0] == 0 and done == sorted(done) and total == {done[-1]}
    assert total == {40 + 3 * (0 if found.sensitivity is None else found.sensitivity.sizes["variant"])}
    assert len(set(done[:30])) > 4  # of 40 worlds that are one block
    np.testing.assert_array_equal(found.interval(0.9)["density"],
                                  bj.recalibrate(post, BODIES, **how).interval(0.9)["density"])
    del said[:]
    bj.recalibrate(post, BODIES, found, sensitivity=None, symmetric=["density"],
                   progress=lambda *what: said.append(what))
    assert said[0] == ("answers to the same worlds", 0, 40) and said[-1][1:] == (40, 40)


def test_a_bar_shows_the_worlds(capsys):
    bj.recalibrate(bj.posterior(problem()), BODIES, 40, symmetric=["density"], sensitivity=None, progress=True)
    assert "40/40" in capsys.readouterr().err
