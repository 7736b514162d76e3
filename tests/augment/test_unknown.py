"""Direction of the field and heights of stations as unknowns: against quadrature, over simulated worlds, refusals."""

import numpy as np
import pytest
from scipy.stats import binom, norm

import bayesjoint as bj
from bayesjoint.augment._tangent import _without_movable

from ..refusals import refused
from ..unsure import by_quadrature, magnetic, mesh, problem, truths

NOISE, STD = 10.0, 0.02  # nT, SI
NAME = "magnetic_direction_error"


def world(inclination=58.0, declination=8.0, seed=0, noise=NOISE):
    """A problem whose field is stated at 55°, 8°, of a world with another one."""
    rng = np.random.default_rng(seed)
    operators = [magnetic(inclination=inclination, declination=declination)]
    _, data = truths(operators, STD, noise, rng, "susceptibility")
    return problem(magnetic(), data[:, 0], noise)


def moments(weights, nodes):
    mean = weights @ nodes
    return mean, np.sqrt(weights @ nodes**2 - mean**2)


def tangent_of(unsure, name=NAME):
    return unsure.by_name[name].prior.tangent


def test_the_direction_against_quadrature():
    plain = world()
    unsure = bj.add_direction_error(plain, "magnetic", inclination=3.0)
    post, nodes = bj.posterior(unsure, method="dense"), np.linspace(-12, 12, 97)
    problems = [problem(magnetic(inclination=55 + e), plain.modalities[0].data, NOISE) for e in nodes]
    weights, mean, std = by_quadrature(problems, norm.pdf(nodes, 0, 3.0))
    cells, (value, spread) = slice(0, mesh().size), moments(weights, nodes)
    assert value > spread and spread < 2.0  # the data do say something, and what is stated is wrong
    assert post.mean()[NAME][0] == pytest.approx(value, abs=0.03 * spread)
    assert post.std()[NAME][0] == pytest.approx(spread, rel=0.02)
    assert np.abs((post.state_mean()[cells] - mean) / std).max() < 0.1
    np.testing.assert_allclose(np.sqrt(post.state_variance()[cells]), std, rtol=0.02)
    assert np.abs((bj.posterior(plain).state_mean() - mean) / std).max() > 0.5  # without it the answer is another
    logs = np.array([float(bj.posterior(p).log_evidence()) for p in problems])
    exact = np.log(np.sum(np.exp(logs - logs.max()) * norm.pdf(nodes, 0, 3.0)) * (nodes[1] - nodes[0])) + logs.max()
    assert float(post.log_evidence()) == pytest.approx(exact, abs=0.02)


def joint(inclination=55.0, declination=8.0, data=None, seed=1):
    """Gravity and magnetics over correlated fields; data of a field at 58°, 3° where none are given."""
    ground = mesh(5, 2)
    parameters = [bj.Parameter(n, ground, prior=bj.Matern(std=s, range=250.0)) for n, s in (
        ("density", 100.0), ("susceptibility", STD))]
    operators = [bj.GravityOperator(ground, ground.easting, ground.northing, 5.0),
                 magnetic(inclination=inclination, declination=declination, ground=ground)]
    if data is None:
        truth = [magnetic(inclination=58.0, declination=3.0, ground=ground), operators[0]]
        rng = np.random.default_rng(seed)
        x = bj.JointProblem(parameters, [bj.Modality("g", operators[0], np.zeros(25), bj.DiagonalNoise(np.ones(25)),
                            "density")], [bj.Coregionalization(0.8)]).prior.gaussian_moments()[1].sample(rng, 1)[0]
        data = [truth[1].matvec(1000 * x[:50]) + 0.05 * rng.standard_normal(25),
                truth[0].matvec(x[50:]) + NOISE * rng.standard_normal(25)]
    return bj.JointProblem(parameters, [
        bj.Modality(op.kind, op, d, bj.DiagonalNoise(np.full(25, n)), p.name)
        for op, d, n, p in zip(operators, data, (0.05, NOISE), parameters, strict=True)], [bj.Coregionalization(0.8)])


def test_both_angles_of_a_joint_problem_against_quadrature():
    plain = joint()
    data = [m.data for m in plain.modalities]
    unsure = bj.add_direction_error(plain, "magnetic", inclination=3.0, declination=5.0)
    post = bj.posterior(unsure, method="dense")
    axes = np.linspace(-11, 11, 17), np.linspace(-18, 18, 17)
    grid = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
    weights, mean, std = by_quadrature([joint(55 + i, 8 + d, data) for i, d in grid],
                                       norm.pdf(grid, 0, [3.0, 5.0]).prod(axis=1))
    value, spread = moments(weights, grid)
    np.testing.assert_allclose(post.mean()[NAME], value, atol=0.05 * spread.min())
    np.testing.assert_allclose(post.std()[NAME], spread, rtol=0.05)
    assert np.abs((post.state_mean()[:100] - mean) / std).max() < 0.1
    np.testing.assert_allclose(np.sqrt(post.state_variance()[:100]), std, rtol=0.03)
    iterative = bj.posterior(unsure, method="iterative")
    np.testing.assert_allclose(iterative.state_mean(), post.state_mean(), atol=1e-6 * np.sqrt(
        post.state_variance()).max())
    alone = unsure.separate()
    assert NAME in alone["magnetic"].by_name and NAME not in alone["gravity"].by_name


def at_heights(up):
    ground = mesh()
    north, east = (c.ravel() for c in np.meshgrid(ground.northing, ground.easting, indexing="ij"))
    return bj.MagneticOperator.at_stations(ground, east, north, up, intensity=5e4, inclination=55.0, declination=8.0)


@pytest.mark.parametrize(("per", "std", "wide"), [("survey", 8.0, 0.05), ("line", 4.0, 0.12)])
def test_heights_against_quadrature(per, std, wide):
    member = np.arange(36) // 18 if per == "line" else np.zeros(36, dtype=int)
    true = np.array([6.0, -3.0])[: member.max() + 1]
    _, data = truths([at_heights(60.0 + true[member])], STD, NOISE, np.random.default_rng(0), "susceptibility")
    plain = problem(at_heights(60.0), data[:, 0], NOISE)
    survey = plain.modalities[0].replace(lines=[f"L{k}" for k in member])
    unsure = bj.add_height_error(plain.replace(modalities=[survey]), "magnetic", std, per=per)
    post = bj.posterior(unsure, method="dense")
    nodes = np.linspace(-3.5 * std, 3.5 * std, 23)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[nodes] * true.size)], axis=1)
    weights, mean, spread = by_quadrature([problem(at_heights(60.0 + g[member]), data[:, 0], NOISE) for g in grid],
                                          norm.pdf(grid, 0, std).prod(axis=1))
    cells, (value, own) = slice(0, mesh().size), moments(weights, grid)
    np.testing.assert_allclose(post.mean()["magnetic_height_error"], value, atol=0.1 * own.min())
    np.testing.assert_allclose(post.std()["magnetic_height_error"], own, rtol=wide)
    assert np.abs((post.state_mean()[cells] - mean) / spread).max() < 0.1
    np.testing.assert_allclose(np.sqrt(post.state_variance()[cells]), spread, rtol=0.05)


def gravity(seed=2, height=0.0):
    ground = mesh()
    operator = bj.GravityOperator(ground, ground.easting, ground.northing, height)
    _, data = truths([operator], 150.0, 0.05, np.random.default_rng(seed), "density")
    return problem(operator, data[:, 0], 0.05, std=150.0)


def test_a_height_for_each_station_is_noise_that_grows_with_the_gradient():
    plain = gravity()
    unsure = bj.add_height_error(plain, "gravity", 0.4, per="station", reduction=0.3086)
    post, slope = bj.posterior(unsure), unsure.modalities[0].term("gravity_height_error").columns.diagonal()
    assert 0.25 < np.abs(slope).min() < np.abs(slope).max() < 0.4  # mGal/m: the reduction, and the field's gradient
    wide = plain.modalities[0].replace(noise=bj.DiagonalNoise(np.hypot(0.05, 0.4 * slope)))
    noisy, cells = bj.posterior(plain.replace(modalities=[wide])), slice(0, mesh().size)
    std = np.sqrt(noisy.state_variance())
    np.testing.assert_allclose(np.sqrt(post.state_variance()[cells]), std, rtol=1e-9)
    # the evidence moves a station by its field's gradient alone: by thousandths of 0.4 m
    assert np.abs((post.state_mean()[cells] - noisy.state_mean()) / std).max() < 0.02
    assert post.nuisances() is None and post.std()["gravity_height_error"].shape == (36,)
    assert bj.posterior(plain).std()["density"].mean() < post.std()["density"].mean()


def test_stations_on_the_ground_keep_their_operator():
    """They cannot be lower than the ground: a common error of stations on the mesh's top enters by a tangent there."""
    plain = gravity()
    plain = plain.replace(modalities=[plain.modalities[0].replace(data=plain.modalities[0].data - 0.3086 * -1.0)])
    post = bj.posterior(bj.add_height_error(plain, "gravity", 2.0, reduction=0.3086))
    value, std = (each["gravity_height_error"][0] for each in (post.mean(), post.std()))
    assert std < 1.0 and abs(value + 1.0) < 3 * std
    above = gravity(height=20.0)
    above = above.replace(modalities=[above.modalities[0].replace(data=above.modalities[0].data + 0.3086)])
    high = bj.posterior(bj.add_height_error(above, "gravity", 2.0, reduction=0.3086))
    assert abs(high.mean()["gravity_height_error"][0] + 1.0) < 3 * high.std()["gravity_height_error"][0]


def covered(kind, worlds=70, seed=5, noise=5.0):
    """In how many worlds 90 % intervals hold the field reduced to the pole, a cell, the sum and, with it, the unknown.

    Returns (with the unknown, without it, worlds).
    """
    rng, ground = np.random.default_rng(seed), mesh(5, 2)
    if kind == "direction":
        errors = rng.standard_normal((worlds, 2)) * [3.0, 5.0]
        operators = [magnetic(inclination=55 + i, declination=8 + d, ground=ground) for i, d in errors]
        base, add = magnetic(ground=ground), lambda p: bj.add_direction_error(p, "magnetic", 3.0, 5.0)
    else:
        errors = 5.0 * rng.standard_normal((worlds, 1))
        operators = [magnetic(height=60 + e, ground=ground) for e in errors[:, 0]]
        base, add = magnetic(ground=ground), lambda p: bj.add_height_error(p, "magnetic", 5.0)
    models, data = truths(operators, STD, noise, rng, "susceptibility")
    quantile, hits, plainly, polar = norm.ppf(0.95), [], [], magnetic(80.0, 90.0, ground=ground).to_dense()
    for k in range(worlds):
        cell, plain = rng.integers(ground.size), problem(base, data[:, k], noise)
        probes = np.stack([polar[rng.integers(len(polar))], np.eye(ground.size)[cell], np.ones(ground.size)])
        for p, out in ((plain, plainly), (add(plain), hits)):
            post = bj.posterior(p, method="dense")
            wide = np.pad(probes, ((0, 0), (0, p.size - ground.size))).T
            off = probes @ models[:, k] - wide.T @ post.state_mean()
            inside = np.abs(off) < quantile * np.sqrt(np.diag(wide.T @ post.state_product(wide)))
            own = [] if p is plain else list(np.abs(post.state_mean()[ground.size :] - errors[k]) < quantile * np.sqrt(
                post.state_variance()[ground.size :]))
            out.append([*inside, *own])
    return np.sum(hits, axis=0), np.sum(plainly, axis=0), worlds


@pytest.mark.filterwarnings("ignore:the tangent of")
@pytest.mark.parametrize("kind", ["direction", "height"])
def test_intervals_hold_over_simulated_worlds(kind):
    hits, plainly, worlds = covered(kind)
    low, high = binom.ppf([0.005, 0.995], worlds, 0.9)
    assert np.all((low <= hits) & (hits <= high)), (hits, low, high)
    assert plainly[0] < low, (plainly, low)  # what the data know best suffers most


def test_a_prior_too_wide_for_a_tangent_is_flagged():
    plain = world(noise=2.0, seed=1)
    refused(lambda: bj.add_direction_error(plain, "magnetic", declination=40.0), "declination")
    lines = plain.replace(modalities=[plain.modalities[0].replace(lines=[f"L{k // 18}" for k in range(36)])])
    with pytest.warns(UserWarning, match="the tangent of magnetic_height_error is a rough one"):
        bj.posterior(bj.add_height_error(lines, "magnetic", 10.0, per="line"))
    with pytest.warns(UserWarning, match="did not settle"):
        poor = bj.add_height_error(lines, "magnetic", 60.0, per="line")
    assert "within 1 std" in refused(lambda: bj.posterior(poor), "problem")


def test_a_tangent_laid_elsewhere_is_flagged():
    unsure = bj.add_direction_error(world(), "magnetic", inclination=2.0)
    survey, other = unsure.modalities[0], world(inclination=49.0, seed=7)
    moved = unsure.with_data(other.modalities[0].data + survey.term(NAME).columns @ tangent_of(unsure).error)
    assert "relinearised" in refused(lambda: bj.posterior(moved), "problem")
    again = bj.posterior(bj.relinearised(moved))
    fresh = bj.posterior(bj.add_direction_error(other, "magnetic", inclination=2.0))
    assert abs(again.mean()[NAME][0] - fresh.mean()[NAME][0]) < 0.02 * fresh.std()[NAME][0]
    np.testing.assert_allclose(again.std()[NAME], fresh.std()[NAME], rtol=0.02)


def test_what_is_laid_can_be_taken_back():
    plain = world()
    unsure = bj.add_direction_error(plain, "magnetic", inclination=2.0, declination=4.0)
    back = _without_movable(unsure)
    assert [p.name for p in back.parameters] == ["susceptibility"]
    np.testing.assert_allclose(back.modalities[0].data, plain.modalities[0].data, atol=1e-9)
    assert back.modalities[0].forward.inclination == 55.0
    again = bj.relinearised(unsure)
    np.testing.assert_allclose(tangent_of(again).mean, tangent_of(unsure).mean, atol=0.02)
    assert "inclination" in unsure.modalities[0].metadata["tangent"]


def test_simulated_traces_are_close_to_exact_ones(monkeypatch):
    plain = world()
    exact = tangent_of(bj.add_direction_error(plain, "magnetic", inclination=3.0))
    monkeypatch.setattr("bayesjoint.augment._marginal.EXACT_DATA", 1)
    rough = tangent_of(bj.add_direction_error(plain, "magnetic", inclination=3.0))
    assert exact.trace_error == 0 < rough.trace_error < 0.5
    assert abs(rough.mean - exact.mean)[0] < 4 * rough.trace_error * 2.0  # 2°: the posterior std, as in the first test


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_results_say_it(method, tmp_path):
    post = bj.posterior(bj.add_direction_error(world(), "magnetic", inclination=3.0), method=method)
    tree = post.to_datatree(draws=5, chains=2)
    assert tree["posterior_summary"][f"{NAME}_mean"].attrs["units"] == "degree"
    said = next(a for a in post.approximations if a.name == f"tangent of {NAME}")
    assert said.status == "measured" and 0 < said.error < 0.25 and "exact evidence" in said.statement
    found = post.nuisances()
    assert found[f"{NAME}_value"].sel({f"{NAME}_id": "inclination"}) == pytest.approx(post.mean()[NAME][0])
    assert (found[f"{NAME}_cost"] >= 1).all() and found[f"{NAME}_cost"].max() > 1.01
    whole = np.zeros(post.problem.size)
    whole[: mesh().size] = 1.0
    held = bj.posterior(post.problem.replace(parameters=[post.problem.parameters[0], bj.Parameter(
        NAME, 1, prior=bj.GaussianPrior(0.0, 1e-12))]), method="dense")
    cost = np.sqrt(whole @ post.state_product(whole) / (whole @ held.state_product(whole)))
    assert found[f"{NAME}_cost"].sel(average="susceptibility, all") == pytest.approx(cost, rel=1e-4)
    bj.report(tree, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "tangent of magnetic_direction_error" in text and "inclination" in text


def test_engines_that_measure_nothing_say_so():
    unsure = bj.add_direction_error(world(), "magnetic", inclination=3.0)
    post = bj.posterior(unsure, method="laplace", at=bj.find_map(unsure))
    assert [a.status for a in post.approximations if a.name == f"tangent of {NAME}"] == ["not validated"]


def test_refusals():
    plain, ground = world(), gravity()
    refused(lambda: bj.add_direction_error(plain, "gravity", inclination=1.0), "survey")
    refused(lambda: bj.add_direction_error(ground, "gravity", inclination=1.0), "survey")
    refused(lambda: bj.add_direction_error(plain, "magnetic"), "inclination, declination")
    refused(lambda: bj.add_direction_error(plain, "magnetic", inclination=-1.0), "inclination")
    unsure = bj.add_direction_error(plain, "magnetic", inclination=1.0)
    refused(lambda: bj.add_height_error(unsure, "magnetic", 1.0), "survey")
    refused(lambda: bj.add_height_error(ground, "gravity", 1.0), "reduction")
    refused(lambda: bj.add_height_error(plain, "magnetic", 1.0, per="line"), "per")
    refused(lambda: bj.add_height_error(plain, "magnetic", 1.0, per="cell"), "per")
    refused(lambda: bj.add_height_error(plain, "magnetic", [1.0, 2.0]), "std")
    refused(lambda: bj.relinearised(plain), "problem")
    matrix = plain.replace(modalities=[plain.modalities[0].replace(forward=np.ones((36, 108)))])
    refused(lambda: bj.add_direction_error(matrix, "magnetic", inclination=1.0), "survey")
    bounded = plain.replace(parameters=[plain.parameters[0].replace(bounds=(0.0, None))])
    refused(lambda: bj.add_direction_error(bounded, "magnetic", inclination=1.0), "problem")
    endless = plain.replace(parameters=[plain.parameters[0].replace(prior=bj.Matern(
        std=STD, range=250.0, extent="continued"))])
    refused(lambda: bj.add_direction_error(endless, "magnetic", inclination=1.0), "problem")


def test_what_looks_at_other_data_refuses_a_tangent():
    unsure = bj.add_direction_error(world(), "magnetic", inclination=2.0)
    post = bj.posterior(unsure, method="dense")
    family = bj.Geology([bj.Bodies(contrasts={"susceptibility": bj.Signed(0.02)}, number=1, size=200.0)])
    for call in (lambda: bj.calibrate(unsure, n=20, draws=9), lambda: bj.assimilate(unsure), post.loo,
                 lambda: bj.recalibrate(post, family, worlds=60)):
        assert "no unknown by a tangent" in refused(call, "problem")


def test_the_problem_keeps_the_prior_as_stated():
    """What stands in for it is in the posterior's problem alone; results show what was stated."""
    unsure = bj.add_direction_error(world(), "magnetic", inclination=2.0, declination=3.0)
    post, bound = bj.posterior(unsure, method="dense"), unsure.by_name[NAME].bound_prior
    np.testing.assert_allclose(bound.covariance.diagonal(), [4.0, 9.0])
    np.testing.assert_array_equal(bound.mean, 0.0)
    assert np.abs(post.problem.by_name[NAME].bound_prior.mean).max() > 0.5
    np.testing.assert_allclose(post.prior_std()[NAME], [2.0, 3.0])
    draws = post.prior_state_draws(np.random.default_rng(0), 4000)[:, post.problem.slices[NAME]]
    np.testing.assert_allclose(draws.std(axis=0), [2.0, 3.0], rtol=0.05)
    assert np.abs(draws.mean(axis=0)).max() < 0.2
