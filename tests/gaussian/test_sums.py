"""Sums of Matérns, alone and tied by a part that they share, against plain matrices."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.gaussian import linear_gaussian
from bayesjoint.gaussian._lattice_preconditioner import channel_sets

from ..refusals import refused
from ..sums import on_mesh, on_torus, sum_problem

CASES = {
    "one": ("mesh", None, ("density",)), "two, not tied": ("mesh", None, ("density", "susceptibility")),
    "tied": ("mesh", -0.6, ("density", "susceptibility")), "one, continued": ("continued", None, ("density",)),
    "tied, continued": ("continued", 0.7, ("density", "susceptibility")),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    """(problem, prior std, mean, std, Cov(x, d), Cov(d, d), log evidence), m̂."""
    extent, correlation, names = request.param
    problem = sum_problem(extent, correlation, shape=(2, 4, 5) if extent == "mesh" else (2, 3, 3), names=names)
    if extent == "mesh":
        matrix, prior, cells = on_mesh(problem)
    else:
        tori = {group.torus for group in linear_gaussian(problem).groups}
        assert len(tori) == 1
        matrix, prior, cells = on_torus(problem, tori.pop())
    through = prior @ matrix.T
    clean = matrix @ through
    noise = np.concatenate([m.noise.variance() for m in problem.modalities])
    data, level = np.concatenate([m.data for m in problem.modalities]), np.sqrt(noise)
    k = clean + np.diag(noise)
    gain = through[cells]
    spread = np.sqrt(np.diag(prior)[cells])
    std = np.sqrt(spread**2 - np.einsum("ij,ji->i", gain, np.linalg.solve(k, gain.T)))
    white = k / np.outer(level, level)  # else magnetics in nT² drown gravity in mGal² to rounding
    evidence = -0.5 * (data / level) @ np.linalg.solve(white, data / level) - 0.5 * np.linalg.slogdet(
        2 * np.pi * white)[1] - np.log(level).sum()
    return problem, spread, gain @ np.linalg.solve(k, data), std, gain, clean, evidence


def test_dense_posterior_is_that_of_brute_force(case):
    problem, spread, mean, std, *_, evidence = case
    post = bj.posterior(problem, method="dense")
    assert np.abs(post.state_mean() - mean).max() < 1e-9 * spread.max()
    assert np.sqrt(post.state_variance()) == pytest.approx(std, rel=1e-8)
    assert float(post.log_evidence()) == pytest.approx(evidence, abs=1e-7)


def test_iterative_posterior_is_that_of_brute_force_within_its_stated_errors(case):
    problem, spread, mean, std, *_, evidence = case
    post = bj.posterior(problem, method="iterative")
    assert np.abs((post.state_mean() - mean) / spread).max() < 1e-5
    away = (np.sqrt(post.state_variance()) - std) / np.maximum(post.state_std_error(), 1e-9 * std)
    assert np.sqrt(np.mean(away**2)) < 2  # cells share their draws
    assert np.abs(away).max() < 5
    found = post.log_evidence()
    assert abs(found - evidence) < 4 * found.error + abs(found.bias) + 1e-6


def test_draws_have_the_joint_covariance(case):
    problem, spread, _, _, gain, clean, _ = case
    x, data = linear_gaussian(problem).draw(np.random.default_rng(0), 10_000)
    level = np.sqrt(np.diag(clean))
    assert np.abs(x.T @ data / 10_000 - gain).max() < 0.06 * (spread[:, None] * level).max()
    assert np.abs(data.T @ data / 10_000 - clean).max() < 0.06 * np.outer(level, level).max()
    assert x.var(axis=0) == pytest.approx(spread**2, rel=0.08)


def test_rows_of_the_gain_are_those_of_all_terms(case):
    problem, *_, gain, clean, _ = case
    model = linear_gaussian(problem)
    unit = np.eye(len(clean))
    assert np.abs(model.gain(unit) - gain).max() < 1e-9 * np.abs(gain).max()
    assert np.abs(model.gain_adjoint(np.eye(len(gain))) - gain.T).max() < 1e-9 * np.abs(gain).max()
    assert np.abs(model.signal(unit) - clean).max() < 1e-9 * np.abs(clean).max()


def test_lags_of_fields_that_add_up_are_those_of_their_covariance(case):
    problem, *_, clean, _ = case
    groups = linear_gaussian(problem).groups
    for surveys, channels, lags in channel_sets(groups):
        for c, (k, _) in enumerate(channels):
            middle = tuple(n // 2 for n in lags[c, c].shape)
            assert lags[c, c][middle] == pytest.approx(clean[surveys[k].rows.start, surveys[k].rows.start], rel=1e-9)


def test_parts_of_one_range_give_the_posterior_of_one_field():
    problem = sum_problem("continued", None, names=("density",))
    parts = [bj.Matern(s, 250.0, extent="continued") for s in (60.0, 80.0, 100.0)]
    found = [bj.posterior(problem.replace(parameters=[problem.parameters[0].replace(prior=p)]), method="dense")
             for p in (parts[0] + parts[1], parts[2])]
    assert found[0].state_mean() == pytest.approx(found[1].state_mean(), abs=1e-12)
    assert found[0].state_variance() == pytest.approx(found[1].state_variance(), rel=1e-9)


def test_known_cells_and_a_log_see_the_whole_sum():
    problem = sum_problem("mesh", None, names=("density",))
    p = problem.parameters[0]
    fixed = np.full(p.shape, np.nan)
    fixed[0, 1, 1] = 90.0
    matrix, prior, _ = on_mesh(problem)
    place = int(np.flatnonzero(~np.isnan(fixed.ravel()))[0])
    rows = np.vstack([np.eye(p.size)[place], matrix])
    k = rows @ prior @ rows.T + np.diag(np.concatenate([[0.0], problem.modalities[0].noise.variance()]))
    mean = prior @ rows.T @ np.linalg.solve(k, np.concatenate([[0.09], problem.modalities[0].data]))
    post = bj.posterior(problem.replace(parameters=[p.replace(fixed=fixed)]), method="dense")
    assert post.state_mean() == pytest.approx(mean, abs=1e-10)


def test_bounded_posterior_of_a_sum_is_sampled():
    problem = sum_problem("mesh", None, shape=(2, 2, 2), names=("density",))
    bounded = problem.replace(parameters=[problem.parameters[0].replace(bounds=(0.0, None))])
    assert bj.posterior(bounded, method="truncated", draws=100, chains=2, thin=2).mean()["density"].min() >= 0


def test_spectral_engine_says_what_is_missing():
    text = refused(lambda: bj.posterior(sum_problem("continued", None, names=("density",)), "spectral"), "prior")
    assert "one range" in text
