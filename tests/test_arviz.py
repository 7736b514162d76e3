"""ArviZ's statistics on our dataset: summary, ESS, R-hat, HDI, LOO and its PIT, against what is known exactly."""

import arviz_stats
import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj

from .linear import make


@pytest.fixture(scope="module")
def gaussian():
    """(posterior, matrix, noise variance) of a regression with far more data than unknowns."""
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((60, 5))
    p = bj.Parameter("m", 5, prior=bj.GaussianPrior(0.0, 4.0))
    data = rows @ rng.standard_normal(5) + 1.5 * rng.standard_normal(60)
    post = bj.posterior(bj.JointProblem([p], [bj.Modality("line", rows, data, bj.DiagonalNoise([1.5] * 60), "m")]))
    return post, rows, 1.5**2


@pytest.fixture(scope="module")
def tree(gaussian):
    return gaussian[0].to_datatree(draws=1000, chains=4)


@pytest.fixture(scope="module")
def some():
    post = bj.posterior(make(correlation=0.6, vector=True, counts=(8, 6))[0])
    return bj.subset(post.to_datatree(draws=500, chains=4), cells=6, directions=3), post


def leave_one_out(gaussian):
    """(mean, std) of every datum given all others, in closed form from the inverse covariance of the data."""
    post, rows, noise = gaussian
    data = post.problem.modalities[0].data
    precision = np.linalg.inv(4.0 * rows @ rows.T + noise * np.eye(60))
    return data - (precision @ data) / np.diag(precision), 1 / np.sqrt(np.diag(precision))


def test_summary_takes_the_subset_and_states_our_numbers(some):
    subset, post = some
    table = arviz_stats.summary(subset, round_to="none")
    assert len(table) == 6 + 3 + 6 + 3 + 2 + 2
    cells = subset["posterior"]["density_cell"].values
    mean, std = (a["density"].ravel()[cells] for a in (post.mean(), post.std()))
    rows = [f"density[{cell}]" for cell in cells]
    assert np.all(np.abs(table.loc[rows, "mean"].to_numpy(float) - mean) < 4.5 * std / np.sqrt(2000))
    assert np.all(np.abs(table.loc[rows, "sd"].to_numpy(float) / std - 1) < 4.5 / np.sqrt(4000))


def test_independent_draws_look_so(some):
    subset, _ = some
    for method in ("bulk", "tail"):
        ess = arviz_stats.ess(subset, method=method)
        assert min(float(v.min()) for v in ess.data_vars.values()) > 1200
    assert max(float(v.max()) for v in arviz_stats.rhat(subset).data_vars.values()) < 1.01


def test_highest_density_intervals_have_the_stated_width(some):
    subset, post = some
    hdi = arviz_stats.hdi(subset, prob=0.9)["density"]
    std = post.std()["density"].ravel()[subset["posterior"]["density_cell"].values]
    np.testing.assert_allclose(np.diff(hdi.values, axis=-1).ravel() / std, 2 * norm.ppf(0.95), rtol=0.12)


def test_loo_is_the_leave_one_out_density(gaussian, tree):
    mean, std = leave_one_out(gaussian)
    exact = norm.logpdf(gaussian[0].problem.modalities[0].data, mean, std)
    found = arviz_stats.loo(tree, var_name="line", pointwise=True)
    assert float(np.max(found.pareto_k)) < 0.7
    assert found.elpd == pytest.approx(exact.sum(), abs=0.5)
    np.testing.assert_allclose(found.elpd_i, exact, atol=0.15)


def test_loo_pit_is_the_leave_one_out_probability(gaussian, tree):
    mean, std = leave_one_out(gaussian)
    exact = norm.cdf(gaussian[0].problem.modalities[0].data, mean, std)
    found = arviz_stats.loo_pit(tree, var_names="line")["line"]
    np.testing.assert_allclose(found, exact, atol=0.06)


def test_answers_do_not_stand_in_the_way(gaussian):
    post = gaussian[0]
    whole = post.to_datatree(draws=250, diagnostics={"resolution": bj.resolution(post), "functionals": bj.exceedance(
        post, "m", 0.0, draws=20)})
    assert np.isfinite(arviz_stats.ess(whole)["m"]).all()
    assert np.isfinite(arviz_stats.loo(whole, var_name="line").elpd)
