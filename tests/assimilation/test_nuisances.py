"""How much of a state's uncertainty an unknown parameter is to blame for, and unknown factors of a state model."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.assimilation import contamination, damping

from ..linear import make
from ..refusals import refused


def pair(a=4.0, b=9.0, r=1.0, s=0.25):
    """One datum of the sum of mass and datum, then one of the datum alone."""
    mass = bj.Parameter("mass", 1, prior=bj.GaussianPrior(0.0, a), scale=10.0)
    datum = bj.Parameter("datum", 1, prior=bj.GaussianPrior(0.0, b), scale=0.1)
    both = bj.Modality("both", [[1.0, 1.0]], [3.0], bj.DiagonalNoise([np.sqrt(r)]), ("mass", "datum"))
    tie = bj.Modality("tie", [[1.0]], [0.5], bj.DiagonalNoise([np.sqrt(s)]), "datum")
    return bj.JointProblem([mass, datum], [both, tie])


def test_closed_form_of_the_share_and_its_damping():
    a, b, r, s = 4.0, 9.0, 1.0, 0.25
    post = bj.assimilate(pair(a, b, r, s))
    found = damping(post, "datum", target={"mass": 2.0})
    for k, left in enumerate((b, b * s / (b + s))):
        share = a * left / ((a + r) * (left + r))
        assert float(found.mass_share_of_all[k]) == pytest.approx(share, rel=1e-12)
        assert float(found.target_share[k]) == pytest.approx(share, rel=1e-12)
        total = a * (left + r) / (a + left + r)
        assert float(found.target_std[k]) == pytest.approx(2 * np.sqrt(total), rel=1e-12)
        assert float(found.target_std_given[k]) == pytest.approx(2 * np.sqrt(a * r / (a + r)), rel=1e-12)
        assert float(found.parameter_std[k]) == pytest.approx(np.sqrt(left * (a + r) / (a + left + r)), rel=1e-12)
    # the order of the two surveys changes the way, not the end
    other = damping(bj.assimilate(pair(a, b, r, s), ["tie", "both"]), "datum")
    assert float(other.mass_share_of_all[0]) == pytest.approx(0.0, abs=1e-15)
    assert float(other.mass_share_of_all[1]) == pytest.approx(float(found.mass_share_of_all[1]), rel=1e-12)


@pytest.mark.parametrize("engine", ["dense", "assimilated"])
def test_given_the_parameter_is_the_posterior_that_knows_it(engine):
    problem, ref = make(correlation=0.6, vector=True)
    post = bj.posterior(problem, method="dense") if engine == "dense" else bj.assimilate(problem)
    found = contamination(post, "datum", target={"density": 2.0})
    where = problem.slices["datum"]
    inside = np.setdiff1d(np.arange(problem.size), np.arange(problem.size)[where])
    c, v = ref.covariance[inside][:, where], ref.covariance[where, where]
    given = ref.covariance[np.ix_(inside, inside)] - c @ np.linalg.solve(v, c.T)
    for name in ("density", "susceptibility"):
        cells = problem.slices[name]
        std = np.sqrt(np.diag(given)[cells])
        np.testing.assert_allclose(found[f"{name}_std_given"].values.ravel(), std, rtol=1e-8)
        np.testing.assert_allclose(found[f"{name}_share"].values.ravel(), 1 - std**2 / ref.std[cells]**2, atol=1e-9)
    w = np.where(np.arange(inside.size) < 24, 2.0, 0.0)
    assert float(found.target_std_given) == pytest.approx(np.sqrt(w @ given @ w), rel=1e-8)
    full = ref.covariance[np.ix_(inside, inside)]
    assert float(found.target_std) == pytest.approx(np.sqrt(w @ full @ w), rel=1e-8)
    assert float(found.target_share) == pytest.approx(1 - w @ given @ w / (w @ full @ w), abs=1e-9)


def test_refusals_of_contamination():
    post = bj.assimilate(pair())
    refused(lambda: contamination(post, "x"), "parameter")
    refused(lambda: contamination(post, "datum", target={"x": 1.0}), "target")
    refused(lambda: contamination(post, "datum", target=[1.0]), "target", TypeError)
    refused(lambda: damping(bj.posterior(pair()), "datum"), "post", TypeError)
    alone = pair().separate()["tie"]
    refused(lambda: contamination(bj.posterior(alone), "datum"), "problem")
    known = pair()
    fixed = known.replace(parameters=[known.parameters[0], known.parameters[1].replace(fixed=[2.0])])
    refused(lambda: contamination(bj.posterior(fixed), "datum"), "parameter")
    field, _ = make()
    long = field.replace(parameters=[*field.parameters, bj.Parameter("x", 65, prior=bj.GaussianPrior(0.0, 1.0))])
    refused(lambda: contamination(bj.assimilate(long), "x"), "parameter")


# -- an unknown factor ------------------------------------------------------------------------------------------------
def decaying(spread, steps=5, seed=0):
    """A level that decays by an unknown factor of about 0.8, read at every step."""
    rng = np.random.default_rng(seed)
    level = bj.Parameter("level", 1, prior=bj.GaussianPrior(10.0, 1.0), scale=4.0)
    factor = bj.Parameter("factor", 1, prior=bj.GaussianPrior(0.8, spread**2), scale=0.5)
    read = 10.0 * 0.75 ** np.arange(steps) + 0.1 * rng.standard_normal(steps)
    surveys = [bj.Modality(f"s{k}", [[1.0]], [d], bj.DiagonalNoise([0.1]), "level") for k, d in enumerate(read)]
    state = bj.StateModel(transition={"level": "factor"}, noise={"level": bj.GaussianPrior(0.0, 0.05**2)})
    return bj.JointProblem([level, factor], surveys), state, read


def extended(read, spread):
    """The extended Kalman filter written out for two numbers."""
    x, p = np.array([10.0, 0.8]), np.diag([1.0, spread**2])
    out = []
    for k, d in enumerate(read):
        if k:
            f = np.array([[x[1], x[0]], [0.0, 1.0]])
            x = np.array([x[0] * x[1], x[1]])
            p = f @ p @ f.T + np.diag([0.05**2, 0.0])
        gain = p[:, 0] / (p[0, 0] + 0.01)
        x, p = x + gain * (d - x[0]), p - np.outer(gain, p[0])
        out.append((x, p))
    return out


def test_an_unknown_factor_is_the_extended_kalman_filter():
    problem, state, read = decaying(0.1)
    post = bj.assimilate(problem, state=state)
    for k, (x, p) in enumerate(extended(read, 0.1)):
        here = post.filtered(k)
        assert here.mean()["level"][0] == pytest.approx(x[0], rel=1e-10)
        assert here.mean()["factor"][0] == pytest.approx(x[1], rel=1e-10)
        assert here.std()["level"][0] == pytest.approx(np.sqrt(p[0, 0]), rel=1e-9)
        assert here.std()["factor"][0] == pytest.approx(np.sqrt(p[1, 1]), rel=1e-9)
    assert abs(post.mean()["factor"][0] - 0.75) < 4 * post.std()["factor"][0]
    # the factor does not change: every smoothed state knows as much of it as the last
    assert post.smoothed(0).std()["factor"][0] == pytest.approx(post.std()["factor"][0], rel=1e-9)


def test_linearisation_is_labelled_and_its_error_measured():
    for spread in (0.01, 0.1, 0.4):
        problem, state, _ = decaying(spread)
        post = bj.assimilate(problem, state=state)
        found = {a.name: a for a in post.approximations}
        assert found["linearised transition"].status == "measured"
        assert "extended Kalman" in found["linearised transition"].statement
        assert "linearised" in post.history[0].log_evidence.method
        # x φ departs from its tangent by δx δφ, largest at the first move; the first datum left δx a std of 0.0995
        forecast = np.sqrt((10 * spread) ** 2 + (0.8 * 0.0995) ** 2 + 0.05**2)
        assert found["linearised transition"].error == pytest.approx(0.0995 * spread / forecast, rel=0.3)
    walk, order, state, _ = linear_case()
    assert [a.name for a in bj.assimilate(walk, order, state=state).approximations] == ["states"]


def linear_case():
    from .test_time_lapse import random_walk
    return random_walk()


def test_an_unknown_rate_of_transfer_over_unequal_times():
    """m gains θ s Δt from a source; with the source known the model is linear in θ, and the answer exact."""
    level = bj.Parameter("level", 2, prior=bj.GaussianPrior([0.0, 1.0], 1.0))
    source = bj.Parameter("source", 2, prior=bj.GaussianPrior([2.0, 3.0], 1e-24))
    rate = bj.Parameter("rate", 1, prior=bj.GaussianPrior(0.5, 0.25), scale=0.2)
    rng, times = np.random.default_rng(4), np.array([0.0, 0.5, 3.0])
    read = rng.standard_normal((3, 2)) + 3
    surveys = [bj.Modality(f"s{k}", np.eye(2), d, bj.DiagonalNoise([0.3, 0.3]), "level") for k, d in enumerate(read)]
    state = bj.StateModel(transition={"level": 1.0, ("level", "source"): "rate"}, times=times)
    post = bj.assimilate(bj.JointProblem([level, source, rate], surveys), state=state)
    a = np.vstack([np.column_stack([np.eye(2), np.array([2.0, 3.0]) * t]) for t in times])
    prior, mean = np.diag([1.0, 1.0, 0.25]), np.array([0.0, 1.0, 0.5])
    gain = prior @ a.T @ np.linalg.inv(a @ prior @ a.T + 0.09 * np.eye(6))
    right = mean + gain @ (read.ravel() - a @ mean)
    spread = prior - gain @ a @ prior
    np.testing.assert_allclose(post.mean()["rate"], right[2:], rtol=1e-6)
    np.testing.assert_allclose(post.std()["rate"], np.sqrt(spread[2, 2]), rtol=1e-6)
    np.testing.assert_allclose(post.smoothed(0).mean()["level"], right[:2], rtol=1e-6)


def test_an_unknown_factor_must_be_positive_over_uneven_times():
    problem, _, _ = decaying(0.1)
    negative = problem.replace(parameters=[problem.parameters[0],
                                           bj.Parameter("factor", 1, prior=bj.GaussianPrior(-0.8, 1e-4))])
    state = bj.StateModel(transition={"level": "factor"}, times=[0, 1, 2.5, 4, 5])
    refused(lambda: bj.assimilate(negative, state=state), "unknown factor")
    powers = bj.assimilate(problem, state=state)
    assert np.isfinite(powers.mean()["factor"]).all()


def test_damping_along_a_time_lapse():
    """A datum that drifts contaminates the change of mass until a reading of the datum alone comes in."""
    mass = bj.Parameter("mass", 1, prior=bj.GaussianPrior(0.0, 1.0))
    datum = bj.Parameter("datum", 1, prior=bj.GaussianPrior(0.0, 25.0))
    surveys = [bj.Modality(f"s{k}", [[1.0, 1.0]], [float(k)], bj.DiagonalNoise([0.5]), ("mass", "datum"))
               for k in range(3)]
    tie = bj.Modality("tie", [[1.0]], [0.0], bj.DiagonalNoise([0.1]), "datum")
    problem = bj.JointProblem([mass, datum], [*surveys, tie])
    state = bj.StateModel(noise={"mass": bj.GaussianPrior(0.0, 1.0)})
    found = damping(bj.assimilate(problem, ["s0", "s1", ("s2", "tie")], state=state), "datum", target={"mass": 1.0})
    assert found.sizes["step"] == 3
    assert float(found.mass_share_of_all[1]) > 0.5
    assert float(found.mass_share_of_all[2]) < 0.1
    assert (np.diff(found.parameter_std.values) < 0).all()
    np.testing.assert_allclose(found.target_std_given**2, found.target_std**2 * (1 - found.target_share))


# -- an unknown gain --------------------------------------------------------------------------------------------------
def gained(spread):
    """A level read by a gauge of unknown gain, then by one that is calibrated, which tells the gain."""
    level = bj.Parameter("level", 2, prior=bj.GaussianPrior(5.0, 1.0), scale=2.0)
    gain = bj.Parameter("gain", 1, prior=bj.GaussianPrior(1.0, spread**2))
    model = bj.ForwardModel(lambda m: m[2] * m[:2], (2, 3),
                            jacobian=lambda m: np.array([[m[2], 0, m[0]], [0, m[2], m[1]]]))
    gauge = bj.Modality("gauge", model, [5.5, 6.6], bj.DiagonalNoise([0.05, 0.05]), ("level", "gain"))
    other = bj.Modality("other", np.eye(2), [5.0, 6.0], bj.DiagonalNoise([0.05, 0.05]), "level")
    return bj.JointProblem([level, gain], [gauge, other])


def test_an_unknown_gain_is_linearised_and_labelled():
    errors = []
    for spread in (0.01, 0.2):
        problem = gained(spread)
        point = {"level": [5.0, 6.0], "gain": [1.1]}
        post = bj.assimilate(problem, ["gauge", "other"], at=point)
        batch = bj.posterior(problem.linearised(problem.pack(point)), method="dense")
        for name in ("level", "gain"):
            np.testing.assert_allclose(post.mean()[name], batch.mean()[name], rtol=1e-8)
            np.testing.assert_allclose(post.std()[name], batch.std()[name], rtol=1e-8)
        said = {a.name: a for k in (1, 2) for a in post.after(k).approximations}["linearised forward models"]
        errors.append(said.error)
        assert said.status == "measured"
        found = damping(post, "gain")
    # with the gain all but unknown the calibrated gauge takes its part of the levels' variance down
    assert float(found.level_share_of_all[0]) > 0.8
    assert float(found.level_share_of_all[1]) == pytest.approx(
        float(contamination(batch, "gain").level_share_of_all), rel=1e-8)
    assert float(found.level_share_of_all[1]) < 0.5 * float(found.level_share_of_all[0])
    # departure δg δm over the noise: the levels are known to 0.05, the gain to at most 0.01
    assert errors[1] < 0.05
    assert abs(post.mean()["gain"][0] - 1.1) < 3 * post.std()["gain"][0]
    far = bj.assimilate(problem, at={"level": [2.0, 2.0], "gain": [0.5]})
    assert {a.name: a.error for a in far.approximations}["linearised forward models"] > 1


def test_where_a_tangent_is_asked_for():
    problem = gained(0.1)
    refused(lambda: bj.assimilate(problem), "problem")
    refused(lambda: bj.assimilate(pair(), at={"mass": [0.0], "datum": [0.0]}), "at")
    point = {"level": [5.0, 6.0], "gain": [1.1]}
    refused(lambda: bj.assimilate(problem, state=bj.StateModel(), at=point), "at")
    ensemble = bj.assimilate(problem, method="ensemble", members=8, at=point, evidence=False)
    assert "linearised forward models" in [a.name for a in ensemble.approximations]
