"""Compact bodies: likelihood, moves and tempering against brute force, the prior and quadrature."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import chisquare, ks_2samp, kstest, multivariate_normal

import bayesjoint as bj
from bayesjoint.engines._body_family import draw_bodies, ground_of, law_of, put, settled
from bayesjoint.engines._body_kernels import (
    describe,
    draw_all_contrasts,
    factorise,
    fill,
    highest,
    set_column,
    set_products,
)
from bayesjoint.engines._body_ladder import BodyLadders
from bayesjoint.engines._body_moves import DEATH, NORMALS, UNIFORMS, propose, refresh
from bayesjoint.engines.bodies import BodiesPosterior
from bayesjoint.engines.dense import DensePosterior
from bayesjoint.geology._structure import axes_of

from ..refusals import refused

FIELD = {"intensity": 50_000.0, "inclination": 60.0, "declination": 10.0}
MOVES = {"translate": 0, "axes": 1, "face": 2, "shape": 3, "angles": 4, "difference": 5, "relabel": 6,
         "redraw": 7}


def gravity_problem(shape=(3, 6, 6), noise=0.02, std=20.0, seed=0, mesh=None, **parameter):
    """A body of 600 kg/m³ in a texture of `std`."""
    mesh = bj.Mesh.regular(shape, (50.0, 50.0, 50.0)) if mesh is None else mesh
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    body = np.zeros(mesh.shape)
    body[1, 2:4, 2:4] = 600.0
    data = operator.predict(body) + noise * np.random.default_rng(seed).standard_normal(mesh.shape[1:])
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=std, range=100.0), **parameter)
    survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(data.size, noise)), "density")
    return bj.JointProblem([density], [survey])


def joint_problem(coupled=True):
    """Both properties, correlated textures, and an offset of gravity that nothing is known of."""
    alone = gravity_problem()
    density, mesh = alone.parameters[0], alone.parameters[0].mesh
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.002, range=100.0))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=5.0, **FIELD)
    data = np.random.default_rng(1).normal(0.0, 5.0, 36)
    magnetic = bj.Modality("magnetic", operator, data, bj.DiagonalNoise(np.full(36, 2.0)), "susceptibility")
    offset = bj.Parameter("offset", 1, prior=None, scale=1.0)
    gravity = alone.modalities[0]
    matrix = np.hstack([gravity.forward.to_dense().reshape(36, -1), np.ones((36, 1))])
    gravity = bj.Modality("gravity", matrix, gravity.data, gravity.noise, ("density", "offset"))
    return bj.JointProblem([density, chi, offset], [gravity, magnetic],
                           [bj.Coregionalization(0.5)] if coupled else [])


def prepared(problem, **family):
    family = settled(bj.BodyFamily(**family), problem)
    dense = DensePosterior(problem)
    return (family, dense, *ground_of(problem, dense.system, family))


def likelihood(bodies, ground):
    """Of the kernels, relative to no body."""
    count, kinds = len(bodies), ground.variance.size
    columns = np.zeros((count, kinds, ground.data.size))
    gram, pull = np.zeros((count * kinds,) * 2), np.zeros(count * kinds)
    for b, body in enumerate(bodies):
        set_column(body, ground, columns[b])
        set_products(columns[b], b, b + 1, ground, columns, gram, pull)
    return factorise(gram, pull, count, ground.variance, np.zeros_like(gram), np.zeros_like(pull))


@pytest.mark.parametrize("make", [gravity_problem, joint_problem, lambda: joint_problem(coupled=False)],
                         ids=["alone", "coupled", "uncoupled"])
def test_the_likelihood_is_that_of_a_dense_gaussian(make):
    problem = make()
    family, dense, ground, places = prepared(problem)
    bodies, counts = draw_bodies(family, problem.parameters[0].mesh, np.random.default_rng(3), 12)
    model = dense.system.model
    flat = model.flat_columns * 10.0  # mGal: broad enough to be flat
    clean = model.signal(np.eye(problem.data_size)) + np.diag(model.noise_variance()) + flat @ flat.T
    zero, data = np.zeros(problem.data_size), model.data - model.data_mean
    without = multivariate_normal(zero, clean, allow_singular=False).logpdf(data)
    for own, count in zip(bodies, counts, strict=True):
        unit = np.zeros((count * len(places), problem.size))
        for b in range(count):
            for p in range(len(places)):
                contrast = np.zeros((1, 1, len(places)))
                contrast[0, 0, p] = np.sqrt(ground.variance[p])
                put(own[None, b : b + 1], [1], contrast, ground, places, unit[b * len(places) + p][None])
        columns = model.predict(unit.T)
        wanted = multivariate_normal(zero, clean + columns @ columns.T).logpdf(data) - without
        assert likelihood(own[:count], ground) == pytest.approx(wanted, rel=1e-5, abs=5e-3)


def test_shares_are_those_of_fine_sampling():
    mesh = bj.Mesh.regular((12, 12, 12), (50.0, 50.0, 50.0))
    problem = gravity_problem(mesh=mesh)
    _, _, ground, places = prepared(problem)
    rng = np.random.default_rng(0)
    shares, cells = np.empty(places.shape[1]), np.empty(places.shape[1], dtype=np.int64)
    offsets = (np.arange(10) + 0.5) / 10 * 50.0 - 25.0
    for _ in range(5):
        body = np.array([-300.0, 300.0, 300.0, *np.log(rng.uniform(80.0, 180.0, 3)), rng.uniform(0, 6),
                         rng.uniform(0, 1.5), rng.uniform(2, 8)])
        count = fill(body, ground, shares, cells)
        found = np.zeros(mesh.size)
        found[cells[:count]] = shares[:count]
        axes = axes_of(np.rad2deg(body[6]), np.rad2deg(body[7]))
        coords = mesh.upward, mesh.northing, mesh.easting
        points = [(c[:, None] + offsets - body[d]).ravel() for d, c in enumerate(coords)]
        inside = 0.0
        for a in range(3):
            along = (axes[a, 0] * points[0][:, None, None] + axes[a, 1] * points[1][:, None] + axes[a, 2] * points[2])
            inside = inside + np.abs(along / np.exp(body[3 + a])) ** body[8]
        inside = inside <= 1
        exact = inside.reshape(12, 10, 12, 10, 12, 10).mean(axis=(1, 3, 5)).ravel()
        assert np.abs(found - exact).max() < 0.35
        assert np.sqrt(np.mean((found - exact)[(exact > 0) | (found > 0)] ** 2)) < 0.1
        assert found.sum() == pytest.approx(exact.sum(), rel=0.04)
        top = points[0][inside.any(axis=(1, 2))].max() + body[0]
        assert 0.0 <= highest(body) - top < 10.0


def test_only_ground_is_filled():
    mesh = bj.Mesh.regular((3, 6, 6), (50.0, 50.0, 50.0))
    active = np.ones(mesh.shape, dtype=bool)
    active[2, :3] = False
    mesh = mesh.with_active(active)
    problem = gravity_problem(mesh=mesh)
    family, _, ground, places = prepared(problem)
    bodies, counts = draw_bodies(family, mesh, np.random.default_rng(0), 50)
    x = put(bodies, counts, np.ones((*counts.shape, family.most, 1)), ground, places, np.zeros((50, mesh.size)))
    assert np.all(x[:, ~active.ravel()] == 0.0)
    assert np.all(x[:, active.ravel()].any(axis=0))


@cache
def prior_states(count=6000):
    problem = gravity_problem()
    family = prepared(problem, most=3)[0]
    mesh = problem.parameters[0].mesh
    bodies, counts = draw_bodies(family, mesh, np.random.default_rng(0), count)
    return law_of(family, mesh), bodies, counts


def after(kinds, steps=6, seed=1):
    """Prior states after moves that see no data."""
    law, bodies, counts = prior_states()
    bodies, counts, rng = bodies.copy(), counts.copy(), np.random.default_rng(seed)
    spans, out = [50, 50, 50, 0.5, 0.5, 0.5, 1, 0.5, 2], np.empty(9)
    differences = np.random.default_rng(2).normal(0, spans, (50, 9))
    for s in range(counts.size):
        for _ in range(steps):
            u, g, kind = rng.random(UNIFORMS), rng.standard_normal(NORMALS), kinds[rng.integers(len(kinds))]
            place = int(u[8] * counts[s])
            log = propose(kind, 0.3, bodies[s], counts[s], place, u, g, law, differences, out)
            if np.log(u[9]) >= log:
                continue
            if kind == DEATH:
                counts[s] -= 1
                bodies[s, place] = bodies[s, counts[s]]
            else:
                bodies[s, counts[s] if kind == DEATH - 1 else place] = out
                counts[s] += kind == DEATH - 1
    return bodies, counts


@pytest.mark.parametrize("kinds", [*((k,) for k in MOVES.values()), (DEATH - 1, DEATH)],
                         ids=[*MOVES, "birth and death"])
def test_each_move_keeps_the_prior(kinds):
    law, before, counts_before = prior_states()
    bodies, counts = after(kinds)
    share = 0.5 ** np.arange(3)
    assert chisquare(np.bincount(counts, minlength=4)[1:], counts.size * share / share.sum()).pvalue > 1e-3
    one = bodies[np.arange(counts.size), np.random.default_rng(3).integers(counts)]
    assert not np.array_equal(one, before[np.arange(counts.size), np.random.default_rng(3).integers(counts)])
    for d in (0, 1, 2, 6, 7, 8):
        assert kstest(one[:, d], "uniform", (law.low[d], law.high[d] - law.low[d])).pvalue > 1e-3
    for d in (3, 4, 5):
        assert kstest((one[:, d] - law.size) / law.spread, "norm").pvalue > 1e-3
    fresh = before[np.arange(counts.size), np.random.default_rng(4).integers(counts_before)]
    far = [np.linalg.norm(b[:, :3] - b[:, :3].mean(axis=0), axis=1) + 50 * b[:, 3] for b in (one, fresh)]
    assert ks_2samp(*far).pvalue > 1e-3
    pairs = [b[n > 1] for b, n in ((bodies, counts), (before, counts_before))]
    apart = [np.linalg.norm(b[:, 0, :3] - b[:, 1, :3], axis=1) for b in pairs]  # births near a body must be paid for
    assert ks_2samp(*apart).pvalue > 1e-3


def ladders_of(problem, levels=4, seed=0, **family):
    family, _, ground, _ = prepared(problem, **family)
    mesh = problem.parameters[0].mesh
    ladders = BodyLadders(ground, law_of(family, mesh), family, mesh, 2, levels, np.random.default_rng(seed))
    return ladders, ground, family


def test_ladders_without_data_give_the_prior():
    problem = gravity_problem()
    ladders, _, family = ladders_of(problem, most=3)
    ladders.exponents[:] = 0.0
    ladders.archive(200)
    bodies, counts = np.zeros((2, 1500, 3, 9)), np.zeros((2, 1500), dtype=np.int64)
    ladders.run(bodies, counts, 2, lambda: None)
    assert np.all(ladders.swap_rates == 1.0)
    share = 0.5 ** np.arange(3)
    found = np.bincount(counts.ravel(), minlength=4)[1:] / counts.size
    np.testing.assert_allclose(found, share / share.sum(), atol=0.05)
    first = bodies[:, :, 0].reshape(-1, 9)
    law = law_of(family, problem.parameters[0].mesh)
    np.testing.assert_allclose(first[:, 3:6].mean(axis=0), law.size, atol=0.08)
    np.testing.assert_allclose(first[:, 3:6].std(axis=0), law.spread, atol=0.05)
    even = [0, 1, 2, 6, 7, 8]
    quantile = (first[:, even] - law.low[even]) / (law.high - law.low)[even]
    np.testing.assert_allclose(quantile.mean(axis=0), 0.5, atol=0.05)
    np.testing.assert_allclose(quantile.std(axis=0), 12**-0.5, atol=0.03)


def test_a_dip_beyond_upright_is_the_same_solid_seen_from_the_other_side():
    law, bodies, _ = prior_states()
    rng, out, crossed = np.random.default_rng(0), np.empty(9), 0
    for body in bodies[:300, :1]:
        u, g = rng.random(UNIFORMS), rng.standard_normal(NORMALS)
        u[1], g[5] = 0.0, 0.0  # all three, at the median step
        if propose(MOVES["angles"], 1.0, body, 1, 0, u, g, law, np.zeros((0, 9)), out) == -np.inf:
            continue
        strike, dip = (body[0, 6 + d] + 0.5 * (law.high[6 + d] - law.low[6 + d]) * g[d] for d in range(2))
        crossed += not 0 <= dip <= np.pi / 2
        one, other = (axes_of(np.rad2deg(s), np.rad2deg(d)) for s, d in ((strike, dip), (out[6], out[7])))
        np.testing.assert_allclose(np.abs(np.sum(one * other, axis=1)), 1.0, atol=1e-12)
    assert crossed > 20


def test_what_a_ladder_keeps_is_what_its_bodies_say():
    ladders, ground, _ = ladders_of(joint_problem())
    ladders.warm_up(100)
    for (replicas, ladder), scratch in zip(ladders._chains, ladders._scratch, strict=True):
        like, size = replicas.like.copy(), replicas.count * ground.variance.size
        gram = [g[:n, :n].copy() for g, n in zip(replicas.gram, size, strict=True)]
        for r in range(4):
            refresh(r, replicas, ground, scratch)
        np.testing.assert_allclose(replicas.like, like, rtol=1e-9, atol=1e-9)
        for found, g, n in zip(gram, replicas.gram, size, strict=True):
            np.testing.assert_allclose(found, g[:n, :n], rtol=1e-9, atol=1e-9)
        assert sorted(ladder.order) == list(range(4))
    assert ladders.exponents[0] == 1.0
    assert np.all(np.diff(ladders.exponents) < 0)


def test_a_sphere_against_quadrature_over_its_centre():
    """One ball of known size: all that is left is where it lies, and its contrast."""
    problem = gravity_problem((2, 4, 4), noise=0.15)
    family = bj.BodyFamily(contrast={"density": 600.0}, most=1, size=70.0, log_std=1e-6, exponent=(2.0, 2.0 + 1e-9))
    post = BodiesPosterior(problem, family, temperatures=6, thin=6, draws=500, keep=True)
    own, _, ground, _ = prepared(problem, **{k: getattr(family, k) for k in
                                                 ("contrast", "most", "size", "log_std", "exponent")})
    law = law_of(own, problem.parameters[0].mesh)
    axes = [law.low[d] + (np.arange(n) + 0.5) / n * (law.high[d] - law.low[d]) for d, n in enumerate((16, 32, 32))]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    bodies = np.zeros((len(centres), 1, 9))
    bodies[:, 0, :3], bodies[:, 0, 3:6], bodies[:, 0, 8] = centres, np.log(70.0), 2.0
    log = np.array([likelihood(b, ground) for b in bodies])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = weight @ centres
    std = np.sqrt(weight @ (centres - mean) ** 2)
    found = post.bodies[:, :, 0, :3].reshape(-1, 3)
    np.testing.assert_allclose((found.mean(axis=0) - mean) / std, 0.0, atol=0.12)
    np.testing.assert_allclose(found.std(axis=0) / std, 1.0, atol=0.1)
    contrasts = np.zeros((len(centres), 1, 1))
    draw_all_contrasts(bodies, np.ones(len(centres), dtype=np.int64), ground, np.zeros((len(centres), 1)), contrasts)
    wanted = weight @ contrasts[:, 0, 0] * problem.parameters[0].scale
    values = post.contrasts["density"][:, :, 0]
    assert abs(values.mean() - wanted) < 0.12 * values.std()


def test_number_and_field_against_weighed_draws_of_the_prior():
    problem = gravity_problem(noise=0.4)
    family = bj.BodyFamily(contrast={"density": 600.0}, most=3)
    post = BodiesPosterior(problem, family, temperatures=5, thin=6, draws=600, keep=True)
    own, dense, ground, places = prepared(problem, contrast={"density": 600.0}, most=3)
    bodies, counts = draw_bodies(own, problem.parameters[0].mesh, np.random.default_rng(5), 20_000)
    log = np.array([likelihood(b[:n], ground) for b, n in zip(bodies, counts, strict=True)])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    assert 1 / np.sum(weight**2) > 1500
    shares = np.bincount(counts, weight, 4)[1:]
    np.testing.assert_allclose(np.bincount(post.counts.ravel(), minlength=4)[1:] / post.counts.size, shares, atol=0.05)
    contrasts, figures = np.zeros((len(counts), 3, 1)), np.zeros((len(counts), 4))
    draw_all_contrasts(bodies, counts, ground, np.random.default_rng(6).standard_normal((len(counts), 3)), contrasts)
    describe(bodies, counts, contrasts, ground, 0.0, figures)
    x = put(bodies, counts, contrasts, ground, places, np.zeros((len(counts), problem.size)))
    seen = weight @ x
    wanted = seen + dense.state_mean() - dense.mean_response(dense.data_sensitivity(seen[:, None]))[:, 0]
    off = (post.state_mean() - wanted) / np.sqrt(post.state_variance())
    assert np.abs(off).max() < 0.15
    mass = weight @ figures[:, 2] * problem.parameters[0].scale
    assert abs(post.figures["mass of density"].mean() - mass) < 0.15 * post.figures["mass of density"].std()


@cache
def small(seed=0):
    family = bj.BodyFamily(contrast={"density": 500.0}, most=2)
    return bj.posterior(gravity_problem(), method="bodies", family=family, temperatures=8, draws=150, thin=4, keep=True,
                        seed=seed)


def test_the_posterior_answers_like_others():
    post = small()
    truth = np.zeros(post.problem.parameters[0].shape)
    truth[1, 2:4, 2:4] = 600.0
    lower, upper = post.interval(0.9)["density"]
    assert np.mean((lower <= truth) & (truth <= upper)) > 0.8
    assert post.mean()["density"][truth != 0].mean() > 100.0
    assert post.sample(draws=40, chains=4)["density"].shape == (4, 40, 3, 6, 6)
    tree = post.to_datatree(draws=20, chains=4)
    assert tree["prior"].density.shape == (4, 20, 3, 6, 6)
    assert tree["mixing"].functional.values.tolist() == list(post.figures)
    assert tree["mixing"].rhat_limit == 1.05
    assert tree["tempering"].swap_rate == pytest.approx(post.mixing.swap_rate)
    assert post.prior_std() is None
    assert post.covariance_product({"density": truth})["density"].shape == truth.shape
    assert bj.excess_mass(post, draws=100, chains=4).excess_mass_std > 0


def test_draws_predict_the_data():
    post = small()
    noise = post.problem.modalities[0].noise
    for x in (post.chains[0, :20], post.chains[3, -20:]):
        white = noise.whiten(post.data_sensitivity(x.T) - post.problem.modalities[0].data[:, None])
        assert 15 < np.mean(np.sum(white**2, axis=0)) < 80  # 36 data


def test_two_properties_and_a_flat_offset():
    post = BodiesPosterior(joint_problem(), temperatures=5, draws=100, thin=1, keep=True)
    assert set(post.contrasts) == {"density", "susceptibility"}
    assert "mass of susceptibility" in post.mixing.names
    assert np.all(post.std()["offset"] > 0)
    white = post.problem.modalities[0].noise.whiten(post.data_sensitivity(post.chains[0, -5:].T)[:36]
                                                    - post.problem.modalities[0].data[:, None])
    assert np.sum(white**2, axis=0).mean() < 100


def test_a_seed_gives_the_same_numbers():
    options = {"temperatures": 3, "draws": 100, "thin": 1, "keep": True}
    one, two, other = (BodiesPosterior(gravity_problem(), seed=s, **options) for s in (4, 4, 5))
    np.testing.assert_array_equal(one.chains, two.chains)
    assert not np.array_equal(one.chains, other.chains)


def test_chains_that_do_not_agree_are_refused_or_labelled():
    problem = gravity_problem(noise=0.001)
    options = {"temperatures": 3, "draws": 100, "thin": 1}
    with pytest.raises(ValueError, match=r"chains of bodies must agree.*largest R-hat.*keep=True"):
        BodiesPosterior(problem, **options)
    kept = BodiesPosterior(problem, keep=True, **options)
    assert not kept.mixing.passed
    assert kept.approximations[0].status == "not validated"
    assert "Do not use these numbers" in kept.approximations[0].statement


def test_it_says_what_it_holds_for():
    statement = small().approximations[0].statement
    if small().mixing.passed:
        assert "holds for its family" in statement
        assert "65 ± 7 %" in statement
        assert "recalibrate" in statement
    assert "recalibrate" in BodiesPosterior.__doc__


def test_auto_does_not_choose_it():
    assert bj.posterior(gravity_problem()).method == "dense"


def test_defaults_come_from_the_mesh_and_the_prior():
    family = settled(bj.BodyFamily(), gravity_problem(std=30.0))
    assert family.size == pytest.approx(100.0)
    assert family.soft == pytest.approx(50.0)
    assert family.contrast["density"] == pytest.approx(150.0)


def test_refusals():
    good = gravity_problem()
    density, survey = good.parameters[0], good.modalities[0]
    start = lambda problem, **options: lambda: bj.posterior(problem, method="bodies", **options)  # noqa: E731
    refused(start(good.replace(parameters=[density.replace(bounds=(0, None))])), "problem")
    two = bj.Parameter("susceptibility", density.mesh, prior=bj.Matern(0.01, 100.0))
    refused(start(bj.JointProblem([density, two], [survey], [bj.Gramian(weight=1.0)])), "problem")
    model = bj.ForwardModel(lambda x: x[:3] ** 2, (3, density.size))
    bent = bj.Modality("bent", model, [1.0, 1.0, 1.0], bj.DiagonalNoise(np.ones(3)), "density")
    refused(start(bj.JointProblem([density], [bent])), "problem")
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "slope")
    refused(start(bj.JointProblem([slope], [line])), "problem")
    ones = np.ones(2001)
    many = bj.Modality("many", np.ones((2001, density.size)), ones, bj.DiagonalNoise(ones), "density")
    refused(start(bj.JointProblem([density], [many])), "problem")
    fixed = np.full(density.shape, np.nan)
    fixed[0, 0, 0] = 100.0
    refused(start(good.replace(parameters=[density.replace(fixed=fixed)])), "problem")
    other = bj.Parameter("susceptibility", bj.Mesh.regular((3, 6, 5), (50, 50, 50)), prior=bj.Matern(0.01, 100.0))
    refused(start(bj.JointProblem([density, other], [survey])), "parameters")
    refused(start(good, family=3), "family", TypeError)
    refused(start(good, family=bj.BodyFamily(contrast={"mass": 1.0})), "contrast")
    refused(start(good, temperatures=2), "temperatures")
    refused(lambda: bj.BodyFamily(contrast={"density": -1.0}), "contrast of density")
    refused(lambda: bj.BodyFamily(exponent=(1.0, 8.0)), "exponent")
    refused(lambda: bj.BodyFamily(most=0), "most")
    refused(lambda: bj.BodyFamily(size=0.0), "size")


def test_truths_of_the_problem_alone_do_not_calibrate_it():
    refused(lambda: bj.calibrate(gravity_problem(), n=20, method="bodies"), "truths")
