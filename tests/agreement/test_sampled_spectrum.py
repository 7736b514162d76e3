"""Canonical correlations without their matrix: against the matrix, and errors that cover what is off."""

import numpy as np
import pytest
from scipy.optimize import brentq

import bayesjoint as bj
from bayesjoint.agreement import _sampled_spectrum as sampled_spectrum
from bayesjoint.agreement._likelihood_ratio_null import CanonicalSpectrum
from bayesjoint.agreement._pair import make_pair
from bayesjoint.agreement._sampled_spectrum import lanczos_spectrum

from .pairs import two_gravity

TAILS = (0.5, 1e-3, 1e-10)
PAIRS = {
    "one property": {"shape": (2, 11, 12)},
    "strong": {"shape": (2, 11, 12), "std": 1000.0},
    "tied": {"shape": (2, 11, 12), "inclined": 60.0, "correlation": 0.9},
    "weak": {"shape": (2, 11, 12), "inclined": 60.0, "correlation": 0.2},
    "few": {"shape": (2, 8, 9)},
}


def dense_pair(**options):
    return make_pair(two_gravity(**options), ("gravity", "magnetic") if "inclined" in options else ("ground", "air"))


def statistic_at(null, p):
    spread = np.sqrt(null.variance)
    low = null.mean - 2 * spread
    return brentq(lambda x: float(null.tail(x)[0]) / p - 1.0, low, null.mean + 15 * spread, xtol=1e-9 * spread)


@pytest.mark.parametrize("name", PAIRS)
def test_stated_errors_cover(name, monkeypatch):
    """z-scores of the p-value and of the information, with neither time nor steps enough to make them small."""
    made = dense_pair(**PAIRS[name])
    exact = made.spectrum()
    points = np.array([statistic_at(exact.null(), p) for p in TAILS])
    wanted, nats = exact.tail(points)[0], exact.information()[0]
    monkeypatch.setattr(sampled_spectrum, "FEW", 0)
    monkeypatch.setattr(sampled_spectrum, "BUDGET", 60)
    z = []
    for seed in range(32):
        found = lanczos_spectrum(made, seed=seed)
        p, error = found.tail(points)
        value, doubt = found.information()
        z.append([*(p - wanted) / error, (value - nats) / doubt])
        assert found.replicas
    z = np.array(z)
    assert np.all(np.sqrt(np.mean(z**2, axis=0)) <= 1.2)
    assert np.abs(z).max() <= 4.0
    assert np.sqrt(np.mean(z[:, 3] ** 2)) >= 0.2  # nor is an error any number that is large


@pytest.mark.parametrize("name", PAIRS)
def test_errors_are_useful(name):
    """As many random vectors, or so much of it deflated, as it takes."""
    made = dense_pair(**PAIRS[name])
    point = statistic_at(made.spectrum().null(), 1e-3)
    found = lanczos_spectrum(made, seed=1, statistic=point)
    p, error = found.tail(point)
    nats, doubt = found.information()
    assert abs(p / 1e-3 - 1) < 0.1
    assert error < 1e-4
    assert doubt <= max(0.3, 0.01 * nats)
    assert found.settled(point)


def test_more_deflation_where_that_is_more_than_more_vectors(monkeypatch):
    made = dense_pair(**PAIRS["strong"])
    monkeypatch.setattr(sampled_spectrum, "FEW", 0)
    monkeypatch.setattr(sampled_spectrum, "BUDGET", 131)
    found = lanczos_spectrum(made, seed=0)
    assert "64 strong directions" in found.words
    assert found.information()[0] == pytest.approx(made.spectrum().information()[0], abs=3 * found.information()[1])


@pytest.mark.parametrize("which", ["first", "second"])
def test_whole_spectrum_by_solves(which):
    problem = two_gravity((2, 5, 6), inclined=60.0, correlation=0.9)
    if which == "second":  # the smaller group is the second
        gaps = problem.modalities[1].replace(noise=bj.DiagonalNoise(np.ones(30)), data=np.zeros(30))
        problem = problem.replace(modalities=[problem.modalities[0], gaps])
    solved = make_pair(problem, ("gravity", "magnetic"), "iterative")
    exact = make_pair(problem, ("gravity", "magnetic")).spectrum().correlations
    found = solved.spectrum(seed=3)
    np.testing.assert_allclose(np.sort(found.correlations), np.sort(exact), atol=1e-6)
    assert np.all(found.counts == pytest.approx(1.0))


def test_the_statistic_has_an_error():
    problem = two_gravity((2, 11, 12))
    exact = bj.likelihood_ratio_test(problem, ("ground", "air"))
    found = bj.likelihood_ratio_test(problem, ("ground", "air"), null="iterative", probes=4)
    assert 0.0 < found.statistic_error < 0.2 * abs(exact.statistic)
    assert abs(found.statistic - exact.statistic) < 4 * found.statistic_error
    assert exact.statistic_error < 1e-9 * abs(exact.statistic)


def test_what_is_estimated_moves_a_far_tail_by_a_factor():
    """Three errors of a tail cover what three errors of the spectrum do to it."""
    rho = np.full(40, 0.6)
    exact = CanonicalSpectrum(correlations=rho, counts=np.ones(40), excess=0, words="")
    estimates = tuple((np.array([0.6]), np.array([n])) for n in (30.0, 50.0, 35.0, 45.0))
    found = CanonicalSpectrum(correlations=rho, counts=np.ones(40), excess=0, words="", replicas=estimates)
    point = statistic_at(exact.null(), 1e-12)
    p, error = found.tail(point)
    spread = np.std([30.0, 50.0, 35.0, 45.0], ddof=1) / 2
    off = CanonicalSpectrum(correlations=rho, counts=np.full(40, 1 + 3 * spread / 40), excess=0, words="")
    assert off.tail(point)[0] < p + 3 * error < 4 * off.tail(point)[0]
    assert found.settled(statistic_at(exact.null(), 0.5)) is False
