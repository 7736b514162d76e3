"""Gibbs sweeps under Student-t noise: against quadrature, NUTS, simulated truths, and what outliers do to them."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

import bayesjoint as bj
from bayesjoint.engines._gibbs_weights import WeightSampler

from ..refusals import refused
from .test_gibbs import consistent, focusing, pair
from .test_nuts import agree

WILD = np.array([0.05, -0.6, 0.4, 6.0])


@pytest.mark.parametrize("dof", [3.0, "unknown"])
def test_one_value_against_quadrature(dof):
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 4.0))
    noise = bj.StudentNoise(np.full(4, 0.4), dof)
    post = bj.posterior(bj.JointProblem([m], [bj.Modality("s", np.ones((4, 1)), WILD, noise, "m")]), draws=4000)
    x = np.linspace(-8, 10, 40_001)
    log = noise.log_density(WILD[:, None] - x)
    log = (log.sum(axis=0) if dof != "unknown" else log) - x**2 / 8
    w = np.exp(log - log.max())
    mean = np.array([w @ x / w.sum()])
    consistent(post, mean, np.sqrt([w @ (x - mean) ** 2 / w.sum()]))
    assert post.method == "gibbs"
    assert "Student-t" in post.reason
    expected = noise.expected_weights(WILD[:, None] - x) @ (w / w.sum())
    found = post.datum_weights()
    z = (found["s_weight"] - expected) / found["s_weight_error"]
    assert np.abs(z).max() < 4.2


@cache
def gravity(dof=4.0, prior=None, bounds=None, known=False):
    """Twelve stations over 24 cells, one datum far off, one cell known perhaps."""
    mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    fixed = np.full(mesh.shape, np.nan)
    fixed[0, 0, 0] = 50.0
    density = bj.Parameter("density", mesh, prior=prior or bj.Matern(std=200.0, range=200.0), bounds=bounds,
                           fixed=fixed if known else None)
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    truth = np.zeros(mesh.shape)
    truth[1, 1, 1:3] = 400.0
    data = operator.predict(truth).ravel() + 0.05 * np.random.default_rng(0).standard_normal(12)
    data[5] += 0.6
    return bj.JointProblem([density], [bj.Modality("g", operator, data, bj.StudentNoise(np.full(12, 0.05), dof),
                                                   "density")])


CASES = {
    "Gaussian": {}, "unknown dof, a known cell": {"dof": "unknown", "known": True},
    "focusing": {"prior": bj.Focusing(60.0, epsilon=2e-3)},
    "bounds": {"bounds": (0.0, 600.0)}, "focusing, bounds": {"prior": bj.Focusing(60.0, epsilon=2e-3),
                                                             "bounds": (0.0, 600.0)},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_nuts(case):
    p = gravity(**case)
    agree(bj.posterior(p, draws=1000), bj.posterior(p, method="nuts", draws=300))


def test_a_gramian_and_a_survey_with_gaussian_noise_against_nuts():
    p, _ = pair(3.0, n=6, prior=focusing(2.0, 0.1))
    first, *rest = p.modalities
    p = p.replace(modalities=[first.replace(noise=bj.StudentNoise(first.noise.std, 3.0)), *rest])
    agree(bj.posterior(p, draws=1500), bj.posterior(p, method="nuts", draws=400, chains=2))


def test_an_offset_and_two_surveys_between_bounds_against_nuts():
    """Offsets of surveys are integrated out of chains between bounds, but not where weights change what is left."""
    p = gravity(bounds=(0.0, 600.0))
    second = p.modalities[0].replace(name="h", noise=bj.DiagonalNoise(np.full(12, 0.1)))
    p = p.replace(modalities=[*p.modalities, second])
    for name in ("g", "h"):
        p = bj.add_bias(p, name, basis="constant", std=0.2)
    agree(bj.posterior(p, draws=1000), bj.posterior(p, method="nuts", draws=300))


def test_many_degrees_of_freedom_are_gaussian():
    p = gravity(dof=1e7)
    exact = bj.posterior(p.replace(modalities=[m.replace(noise=m.noise.unweighted) for m in p.modalities]))
    assert exact.method == "dense"
    consistent(bj.posterior(p, draws=2000), exact.state_mean(), np.sqrt(exact.state_variance()))


@pytest.mark.parametrize("dof", [4.0, "unknown"])
def test_ranks_of_200_truths_are_uniform(dof):
    """Simulation-based calibration (Talts et al. 2018) of the sweeps: 99 chains a truth, the last state of each."""
    rng, rows = np.random.default_rng(11), np.random.default_rng(1).standard_normal((10, 3))
    m, noise = bj.Parameter("m", 3, prior=bj.GaussianPrior(0.0, 1.0)), bj.StudentNoise(np.full(10, 0.7), dof)
    ranks = np.empty((200, 4), dtype=int)
    for k in range(200):
        truth = rng.standard_normal(3)
        data = rows @ truth + noise.sample(rng, 1)[0]
        sampler = WeightSampler(bj.JointProblem([m], [bj.Modality("s", rows, data, noise, "m")]))
        state = sampler.start(rng, 99)
        for _ in range(30):
            state = sampler.sweep(state, rng)
        drawn = sampler.states(state, rng)
        asked = np.column_stack([drawn, noise.log_density(data[:, None] - rows @ drawn.T).reshape(-1, 99).sum(axis=0)])
        true = [*truth, noise.log_density((data - rows @ truth)[:, None]).sum()]
        ranks[k] = np.sum(asked < true, axis=0)
    counts = np.apply_along_axis(lambda r: np.histogram(r, 10, (0, 100))[0], 0, ranks)
    chi2 = np.sum((counts - 20) ** 2 / 20, axis=0)
    assert np.all(chi2 < 27.9)  # 9 degrees of freedom: exceeded by one in 1,000
    for share in (0.5, 0.9):
        inside = np.sum(np.abs(ranks - 49.5) < 50 * share, axis=0)
        assert np.all((binom.ppf(0.005, 200, share) <= inside) & (inside <= binom.ppf(0.995, 200, share)))


def survey_scale(reach=600.0, seed=0):
    """196 stations over 784 cells: (fit of data and noise, clean data with Gaussian noise, 5 % of it off by 10 std)."""
    mesh = bj.Mesh.regular((4, 14, 14), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=reach))
    operator, rng = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0), np.random.default_rng(seed)
    clean = operator @ (density.bound_prior.covariance.sample(rng, 1)[0] * density.scale)
    std = np.full(196, 0.1 * clean.std())
    data = clean + std * rng.standard_normal(196)
    bad = rng.choice(196, 10, replace=False)
    off = data.copy()
    off[bad] += 10 * std[bad] * rng.choice([-1, 1], 10)

    def fit(y, noise, **options):
        survey = bj.Modality("g", operator, y, noise(std), "density")
        return bj.posterior(bj.JointProblem([density], [survey]), **options)

    return fit, data, off, bad


def test_what_outliers_do_and_what_the_law_costs_without_any():
    """Means move by at most 0.2 posterior std, root mean square; without outliers std grow by at most 5 %."""
    fit, data, off, bad = survey_scale()
    gaussian, wild = fit(data, bj.DiagonalNoise), fit(off, bj.DiagonalNoise)
    clean, outliers = (fit(y, bj.StudentNoise, draws=800) for y in (data, off))
    mean, std = gaussian.mean()["density"], gaussian.std()["density"]

    def moved(post):
        return np.sqrt(np.mean(((post.mean()["density"] - mean) / std) ** 2))

    assert moved(wild) > 0.4
    assert moved(outliers) < 0.2
    growth, error = clean.std()["density"] / std, clean.std_error()["density"] / std
    assert 0.98 < np.median(growth) < 1.02
    assert np.all(growth < 1.05 + 3 * error)
    weights = outliers.datum_weights()["g_weight"].values.ravel()
    assert weights[bad].max() < 0.1 < np.delete(weights, bad).min()
    assert clean.datum_weights()["g_weight"].min() > 0.4


def test_engines_and_questions_that_rest_on_a_covariance_refuse_it():
    p = gravity()
    post, gaussian = bj.posterior(p, draws=100), p.replace(modalities=[m.replace(noise=m.noise.unweighted)
                                                                      for m in p.modalities])
    for method in ("dense", "iterative", "lowrank", "spectral", "truncated", "bodies", "laplace"):
        assert "StudentNoise of g" in refused(lambda method=method: bj.posterior(p, method=method), "noise")
    refused(lambda: bj.posterior(p, at=bj.find_map(gaussian)), "at")  # or its Gaussian would be taken in silence
    other = p.modalities[0].replace(name="other")
    two = p.replace(modalities=[*p.modalities, other])
    for call in (lambda: bj.find_map(p), lambda: bj.find_map(p, method="rrcg"), lambda: bj.fit_hyperparameters(p),
                 lambda: bj.conflict(two), lambda: bj.likelihood_ratio_test(two, ("g", "other")),
                 lambda: bj.node_split(two, ("g", "other")), lambda: bj.local_conflict(two, "other"),
                 lambda: bj.nuisance_test(two, "other", basis="constant"), lambda: bj.temper(two),
                 lambda: bj.assimilate(two), lambda: bj.identifiability(two), lambda: bj.resolution(post),
                 lambda: bj.expected_information(gaussian, other), lambda: p.value(p.start()),
                 lambda: p.chi2(p.start()), lambda: p.gradient(p.start()),
                 lambda: post.mean_response(np.ones((12, 1)))):
        refused(call, "noise")
    refused(lambda: post.loo(), "method")
    refused(lambda: p.replace(weights={"g": 0.5}), "weights")
    tied, _ = pair(3.0, prior=bj.GaussianPrior(np.zeros(3), np.eye(3) + 0.5))
    first, *rest = tied.modalities
    tied = tied.replace(modalities=[first.replace(noise=bj.StudentNoise(first.noise.std, 3.0)), *rest])
    assert "MinimumLength" in refused(lambda: bj.posterior(tied), "priors under a Gramian")


def test_calibration_draws_its_noise_from_the_law():
    found = bj.calibrate(gravity(dof=2.5), n=20, draws=19, method=lambda problem, seed: bj.posterior(
        problem, draws=100, seed=seed))
    assert found.attrs["engine"] == "gibbs"
    assert found.verdict.startswith("calibrated")


@pytest.mark.parametrize("dof", [4.0, "unknown"])
def test_dataset_report_and_file(dof, tmp_path):
    post = bj.posterior(gravity(dof), draws=200)
    tree = post.to_datatree(draws=12, chains=2)
    found = tree["datum_weights"].to_dataset()
    lightest = int(np.argmin(found["g_weight"].values))
    assert lightest == 5
    assert found["g_weight"].values.ravel()[5] < 0.2
    kind = tree["log_likelihood"]["g"].attrs["kind"]
    assert kind == ("pointwise" if dof == 4.0 else "total")
    np.testing.assert_allclose(tree["constant_data"]["g_noise_std"], 0.05)
    page = bj.report(tree, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Weights of single data" in page
    assert "easting 150, northing 150 m" in page.replace("\xa0", " ")  # row 1, column 1 of 3 x 4 stations
    path = tmp_path / "posterior.nc"
    post.to_file(path, draws=12, chains=2)
    loaded = bj.load(path)
    assert loaded.problem.surveys["g"].noise.dof == dof
    np.testing.assert_allclose(loaded.datum_weights()["g_weight"], found["g_weight"])
    assert loaded.chi2() == pytest.approx(post.chi2())
    assert bj.posterior(gravity().replace(modalities=[m.replace(noise=m.noise.unweighted) for m in gravity().modalities]
                                          )).datum_weights() is None


def test_chi_squared_of_a_fit_counts_outliers_by_their_weight():
    """Draws of the posterior of data as stated have χ² of about the number of data, outliers in it or not."""
    fit, _, off, _ = survey_scale()
    post = fit(off, bj.StudentNoise, draws=200)
    tree = post.to_datatree(draws=50)
    assert tree["sample_stats"]["chi2_g"].values.mean() == pytest.approx(196, abs=3 * np.sqrt(2 * 196))
