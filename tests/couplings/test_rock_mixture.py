from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

import bayesjoint as bj
from bayesjoint.testing import check_gradient

MESH = bj.Mesh.regular((2, 4, 5), (100.0, 100.0, 100.0))
TABLE = bj.RockTable([
    bj.RockUnit("host", 2650.0, 40.0, 0.002, 0.4, correlation=0.3, share=0.7),
    bj.RockUnit("gabbro", 3000.0, 60.0, 0.03, 0.3, correlation=0.5, share=0.2),
    bj.RockUnit("sediment", 2450.0, 50.0, 0.0005, 0.5, share=0.1)], background=2670.0)
STD = {"density": 150.0, "susceptibility": 0.02}


def gaussians(shares, means, stds):
    """A table of uncorrelated Gaussians."""
    covariances = np.stack([np.diag(np.square(s)) for s in stds])
    found = np.array(shares, dtype=float), np.array(means, dtype=float), covariances
    return SimpleNamespace(names=tuple(f"rock {k}" for k in range(len(shares))), components=lambda parameters: found)


def fields(mesh=MESH, flat=False, **options):
    return [bj.Parameter(name, mesh, prior=None if flat else bj.Matern(std=std, range=60.0), **options)
            for name, std in STD.items()]


def problem_of(mixture, values=None, noise=0.5, parameters=None, seed=0):
    """Every cell of every property seen, with a noise of so many of its standard deviations."""
    rng, surveys = np.random.default_rng(seed), []
    parameters = fields() if parameters is None else parameters
    for p in parameters:
        truth = np.zeros(p.size) if values is None else np.ravel(values[p.name])
        std = noise * STD[p.name]
        surveys.append(bj.Modality(f"of_{p.name}", np.eye(p.size), truth + std * rng.standard_normal(p.size),
                                   bj.DiagonalNoise(np.full(p.size, std)), p.name))
    return bj.JointProblem(parameters, surveys, [] if mixture is None else [mixture])


def ground(table, mesh, seed):
    """A ground of rocks in cells, as the table has them, and which they are."""
    rng = np.random.default_rng(seed)
    shares, means, covariances = table.components(tuple(STD))
    unit = rng.choice(len(shares), mesh.size, p=shares / shares.sum())
    rows = np.stack([rng.multivariate_normal(means[k], covariances[k]) for k in unit])
    return {name: column.reshape(mesh.shape) for name, column in zip(STD, rows.T, strict=True)}, unit


def joined(parts):
    return np.concatenate([parts[name] for name in STD])


def split(x):
    return dict(zip(STD, np.reshape(x, (2, -1)), strict=True))


def density_of(mean, covariance, rows):
    """Of a Gaussian, by scipy, in units of each property's size."""
    size = np.array([*STD.values()])
    return multivariate_normal(mean / size, covariance / np.outer(size, size)).pdf(rows / size)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0))
def test_gradient_and_hessian_are_those_of_the_value(seed, weight):
    bound, rng = bj.RockMixture(TABLE, weight=weight).bind(fields()), np.random.default_rng(seed)
    x, v, w = rng.standard_normal((3, 2 * MESH.size)) * np.repeat([0.2, 0.3], MESH.size)  # among the rocks
    options = {"seed": seed, "step": 1e-6}  # responsibilities change over thousandths of m̂
    check_gradient(lambda y: bound.value(split(y)), lambda y: joined(bound.gradient(split(y))), x, **options)
    product = joined(bound.hessian_product(split(x), split(v)))
    turned = joined(bound.hessian_product(split(x), split(w))) @ v
    assert abs(turned - product @ w) < 1e-12 * np.linalg.norm(product) * np.linalg.norm(w)
    check_gradient(lambda y: joined(bound.gradient(split(y))) @ v,
                   lambda y: joined(bound.hessian_product(split(y), split(v))), x, **options)


def test_value_is_the_log_of_the_mixture():
    mixture, parameters = bj.RockMixture(TABLE, weight=0.3), fields()
    bound, problem = mixture.bind(parameters), problem_of(None)
    shares, means, covariances = TABLE.components()
    worlds = [ground(TABLE, MESH, seed)[0] for seed in (1, 2)]
    found = [bound.value(problem.parts(problem.pack(w))) for w in worlds]
    exact = [-0.3 * np.sum(np.log(sum(
        s * density_of(m, c, np.stack([w[name].ravel() for name in STD], axis=1))
        for s, m, c in zip(shares, means, covariances, strict=True)))) for w in worlds]
    assert found[0] - found[1] == pytest.approx(exact[0] - exact[1])


def test_responsibilities_are_bayes_rule_and_nan_in_air():
    model, _ = ground(TABLE, MESH, 3)
    model = {name: values.copy() for name, values in model.items()}
    for values in model.values():
        values[0, 0, 0] = np.nan
    found = bj.RockMixture(TABLE).responsibilities(model)
    assert list(found) == ["host", "gabbro", "sediment"] and found["host"].shape == MESH.shape
    assert all(np.isnan(share[0, 0, 0]) for share in found.values())
    np.testing.assert_allclose(sum(found.values()).ravel()[1:], 1.0)
    shares, means, covariances = TABLE.components()
    at = [model[name][1, 2, 3] for name in STD]
    each = [s * density_of(m, c, at) for s, m, c in zip(shares, means, covariances, strict=True)]
    np.testing.assert_allclose([share[1, 2, 3] for share in found.values()], np.array(each) / sum(each))


def test_a_mixture_of_one_rock_is_a_gaussian_prior():
    """With flat priors beside it, the posterior is that of the Gaussian; laplace says that it is exact."""
    table = gaussians([1.0], [[30.0, 0.004]], [[60.0, 0.01]])
    values, _ = ground(TABLE, MESH, 4)
    problem = problem_of(bj.RockMixture(table), values, parameters=fields(flat=True))
    post = bj.posterior(problem, method="laplace", at=bj.find_map(problem))
    plain = [p.replace(prior=bj.GaussianPrior(np.full(p.shape, mean), np.full(p.shape, std) ** 2)) for p, mean, std in
             zip(problem.parameters, (30.0, 0.004), (60.0, 0.01), strict=True)]
    dense = bj.posterior(problem_of(None, values, parameters=plain))
    for name, size in STD.items():
        np.testing.assert_allclose(post.mean()[name], dense.mean()[name], atol=1e-8 * size)
        np.testing.assert_allclose(post.std()[name], dense.std()[name], rtol=1e-8)
    assert any(a.status == "exact" and a.name == "Laplace approximation" for a in post.approximations)


def test_a_rock_known_apart_is_found_again():
    table = gaussians([0.8, 0.2], [[0.0, 0.0], [300.0, 0.05]], [[30.0, 0.005], [30.0, 0.005]])
    values, unit = ground(table, MESH, 5)
    mixture = bj.RockMixture(table)
    problem = problem_of(mixture, values, noise=0.5)
    result, plain = bj.find_map(problem), bj.find_map(problem_of(None, values, noise=0.5))
    assert result.converged
    found = mixture.responsibilities(result.model)["rock 1"].ravel()
    assert np.mean((found > 0.5) == (unit == 1)) >= 0.95
    for name in STD:
        off = [np.linalg.norm(r.model[name] - values[name]) for r in (result, plain)]
        assert off[0] < 0.8 * off[1]


def test_learned_means_approach_the_truth():
    truth = gaussians([0.6, 0.4], [[0.0, 0.0], [300.0, 0.05]], [[30.0, 0.005], [30.0, 0.005]])
    believed = gaussians([0.6, 0.4], [[40.0, 0.004], [220.0, 0.035]], [[30.0, 0.005], [30.0, 0.005]])
    mesh = bj.Mesh.regular((2, 8, 8), (100.0, 100.0, 100.0))  # means of 50 to 80 cells
    values, _ = ground(truth, mesh, 6)
    mixture = bj.RockMixture(believed, learn=True, confidence=1.0)
    problem = problem_of(mixture, values, noise=0.1, parameters=fields(mesh))
    result = bj.find_map(problem)
    assert result.converged and "learned" in result.message
    learned = result.problem.couplings[0]
    assert learned.is_density and not problem.couplings[0].is_density
    means = [learned.components()[1], believed.components(())[1]]
    stds = np.array([30.0, 0.005])
    off = [np.abs((m - truth.components(())[1]) / stds).max() for m in means]
    assert off[1] > 2.5 and off[0] < 0.4
    left = result.rounds["coupling 0, largest move of a learned mean, standard deviations of its rock"]
    assert left[0] > left[-1] and left[-1] <= 0.01
    post = bj.posterior(result.problem, method="laplace", at=result)
    assert np.isfinite(post.std()["density"]).all()


def test_laplace_says_in_how_many_cells_the_rock_is_undecided():
    apart = gaussians([0.5, 0.5], [[-100.0, -0.01], [100.0, 0.01]], [[50.0, 0.006]] * 2)
    stated = {}
    for noise in (0.05, 1.5):
        values, _ = ground(apart, MESH, 7)
        problem = problem_of(bj.RockMixture(apart), values, noise=noise)
        result = bj.find_map(problem)
        post = bj.posterior(problem, method="laplace", at=result)
        stated[noise] = next(a for a in post.approximations if a.name == "rocks of the mixture").error
        shares = np.stack([*problem.couplings[0].responsibilities(result.model).values()])
        assert stated[noise] == pytest.approx(np.mean(shares.max(axis=0) < 0.9), abs=1e-12)
        if noise == 1.5:
            assert post.validity.verdict != "valid"
    assert stated[0.05] < 0.3


def test_laplace_refuses_a_point_between_two_rocks():
    """One cell in the middle: a stationary point of Φ by symmetry, and a maximum of it."""
    mesh = bj.Mesh.regular((1, 1, 1), (100.0, 100.0, 100.0))
    table = gaussians([0.5, 0.5], [[-300.0, 0.0], [300.0, 0.0]], [[30.0, 0.01]] * 2)
    parameters = [bj.Parameter(name, mesh, prior=bj.GaussianPrior(0.0, std**2)) for name, std in STD.items()]
    seen = bj.Modality("of_density", [[1.0]], [0.0], bj.DiagonalNoise([100.0]), "density")
    problem = bj.JointProblem(parameters, [seen], [bj.RockMixture(table)])
    middle = bj.find_map(problem, start=dict.fromkeys(STD, np.zeros(mesh.shape)))
    assert middle.converged
    with pytest.raises(ValueError, match="a mixture of rocks"):
        bj.posterior(problem, method="laplace", at=middle)
    aside = bj.find_map(problem, start={"density": np.full(mesh.shape, 50.0), "susceptibility": np.zeros(mesh.shape)})
    post = bj.posterior(problem, method="laplace", at=aside)
    assert post.mean()["density"].item() > 200 and post.validity.verdict == "not valid"  # the other rock is as likely


def test_nuts_holds_both_rocks_of_a_cell_that_data_leave_open():
    """One cell, two rocks: exact by a grid."""
    pytest.importorskip("nutpie")
    mesh = bj.Mesh.regular((1, 1, 1), (100.0, 100.0, 100.0))
    table = gaussians([0.5, 0.5], [[-60.0, 0.0], [60.0, 0.0]], [[40.0, 0.01]] * 2)
    density, susceptibility = (bj.Parameter(name, mesh, prior=bj.GaussianPrior(0.0, std**2)) for name, std in
                               STD.items())
    seen = bj.Modality("of_density", [[1.0]], [20.0], bj.DiagonalNoise([80.0]), "density")
    problem = bj.JointProblem([density, susceptibility], [seen], [bj.RockMixture(table)])
    post = bj.posterior(problem, method="nuts", seed=2)
    x = np.linspace(-600, 600, 6001)
    p = np.exp(-0.5 * (x / 150) ** 2 - 0.5 * ((x - 20) / 80) ** 2) * (
        np.exp(-0.5 * ((x + 60) / 40) ** 2) + np.exp(-0.5 * ((x - 60) / 40) ** 2))
    mean = np.sum(p * x) / np.sum(p)
    std = np.sqrt(np.sum(p * (x - mean) ** 2) / np.sum(p))
    assert abs(post.mean()["density"].item() - mean) < 4 * post.mean_error()["density"].item()
    assert abs(post.std()["density"].item() - std) < 4 * post.std_error()["density"].item()


def test_air_counts_for_nothing():
    active = np.ones(MESH.shape, dtype=bool)
    active[-1, 0] = False
    bound = bj.RockMixture(TABLE).bind(fields(MESH.with_active(active)))
    flat = {name: np.full(MESH.size, 0.1) for name in STD}
    before, slopes = bound.look(flat)
    flat["density"][~active.ravel()] = 5.0
    assert bound.value(flat) == before and not slopes["density"][~active.ravel()].any()


@pytest.mark.parametrize(("settings", "message"), [
    ({"table": 3.0}, "table"), ({"weight": -1.0}, "weight"), ({"confidence": 0.0}, "confidence"),
    ({"means": [[1.0, 2.0]]}, "means"), ({"parameters": ("density", "density")}, "parameters"),
    ({"parameters": ("velocity",)}, "parameters"),
    ({"table": gaussians([1.0], [[0.0, 0.0]], [[0.0, 1.0]])}, "positive definite"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        bj.RockMixture(**{"table": TABLE} | settings)


def test_a_mixture_to_learn_is_no_density_and_engines_say_so():
    problem = problem_of(bj.RockMixture(TABLE, learn=True))
    with pytest.raises(ValueError, match=r"result\.problem"):
        bj.posterior(problem, method="nuts")
    with pytest.raises(ValueError, match="Gramian"):
        bj.posterior(problem_of(bj.RockMixture(TABLE)), method="gibbs")
