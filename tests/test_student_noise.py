"""Student-t noise: its law, its weights, and what no covariance can say."""

import numpy as np
import pytest
from scipy.stats import kstest, norm, t

import bayesjoint as bj
from bayesjoint.noise import standardised

from .refusals import refused

STD = np.array([0.5, 2.0, 1.0])
UNKNOWN = bj.StudentNoise(STD)


def mixture(residual):
    """Log density under an unknown dof: the mean density over equally likely ones."""
    return np.log(np.mean([np.prod(t.pdf(residual / STD, dof) / STD) for dof in UNKNOWN.dofs]))


def test_the_density_is_the_laws():
    residual = np.random.default_rng(0).standard_normal((3, 5)) * 3
    np.testing.assert_allclose(bj.StudentNoise(STD, 4.5).log_density(residual),
                               t.logpdf(residual, 4.5, scale=STD[:, None]), rtol=1e-12)
    np.testing.assert_allclose(UNKNOWN.log_density(residual), [mixture(r) for r in residual.T], rtol=1e-12)


@pytest.mark.parametrize("noise", [bj.StudentNoise(STD, 3.0), UNKNOWN], ids=["known dof", "unknown dof"])
def test_the_penalty_is_the_density_and_its_gradient(noise):
    residual, step = np.array([0.3, -9.0, 2.5]), 1e-6
    value, slope = noise.penalty(residual)
    other = residual * 0.5
    assert value - noise.penalty(other)[0] == pytest.approx(
        np.sum(noise.log_density(other[:, None])) - np.sum(noise.log_density(residual[:, None])), rel=1e-10)
    found = [(noise.penalty(residual + e)[0] - noise.penalty(residual - e)[0]) / (2 * step) for e in step * np.eye(3)]
    np.testing.assert_allclose(slope, found, rtol=1e-7)


def test_draws_have_the_law():
    drawn = bj.StudentNoise(STD, 4.0).sample(np.random.default_rng(1), 4000)
    assert all(kstest(column / std, t(4.0).cdf).pvalue > 1e-3 for column, std in zip(drawn.T, STD, strict=True))
    assert np.mean(bj.StudentNoise(np.ones(50), 6.0).sample(np.random.default_rng(2), 20_000) ** 2) == pytest.approx(
        float(bj.StudentNoise([1.0], 6.0).variance()[0]), rel=0.02)


@pytest.mark.parametrize("noise", [bj.StudentNoise(STD, 3.0), UNKNOWN], ids=["known dof", "unknown dof"])
def test_weights_are_drawn_from_their_law(noise):
    """Of residuals that are draws of the noise, weights drawn given them make t √w normal; their mean is the stated."""
    rng = np.random.default_rng(3)
    residual = noise.sample(rng, 4000).T
    weights = noise.draw_weights(rng, residual)
    assert kstest((residual / STD[:, None] * np.sqrt(weights)).ravel(), norm.cdf).pvalue > 1e-3
    one = np.tile(np.array([[0.1], [-8.0], [1.0]]), (1, 20_000))
    drawn, mean = noise.draw_weights(rng, one), noise.expected_weights(one[:, 0])
    np.testing.assert_allclose(drawn.mean(axis=1), mean, rtol=0, atol=4.5 * drawn.std(axis=1).max() / np.sqrt(20_000))


def test_the_probability_of_a_dof_is_bayes_rule():
    residual = np.array([0.2, 7.0, -1.0])
    expected = np.array([np.prod(t.pdf(residual / STD, dof)) for dof in UNKNOWN.dofs])
    np.testing.assert_allclose(UNKNOWN.dof_probability(residual)[:, 0], expected / expected.sum(), rtol=1e-10)


def test_further_data_of_a_survey_have_the_dof_of_these():
    """Wild residuals make wild replicates, tame ones tame; their first rows are the same however many there are."""
    noise = bj.StudentNoise(np.ones(400))
    rng = np.random.default_rng(4)
    wild, tame = t.rvs(2.5, size=(400, 6), random_state=1), norm.rvs(size=(400, 6), random_state=2)
    kurt = [np.mean(noise.sample_given(np.random.default_rng(5), each, 6) ** 4) for each in (wild, tame)]
    assert kurt[1] < 6 < kurt[0]
    whole = noise.sample_given(np.random.default_rng(6), wild, 6)
    np.testing.assert_array_equal(noise.sample_given(np.random.default_rng(6), wild[:, :2], 6), whole[:2])
    assert noise.sample(rng, 3).shape == (3, 400)


def test_chi_squared_has_the_number_of_data_for_its_mean():
    for noise in (bj.StudentNoise(np.full(200, 0.3), 3.0), bj.StudentNoise(np.full(200, 0.3))):
        residual = noise.sample(np.random.default_rng(7), 400).T
        chi2 = np.sum(standardised(noise, residual) ** 2, axis=0)
        assert chi2.mean() == pytest.approx(200, abs=4.5 * chi2.std() / 20)
    gaussian = bj.DiagonalNoise(STD)
    np.testing.assert_array_equal(standardised(gaussian, STD), gaussian.whiten(STD))


def test_what_a_covariance_would_say_is_refused():
    noise = bj.StudentNoise(STD, 4.0)
    for call in (noise.whiten, noise.whiten_adjoint, noise.solve, noise.apply, noise.colour):
        assert "StudentNoise" in refused(lambda call=call: call(STD), "noise")
    for call in (noise.covariance, noise.logdet):
        assert "StudentNoise" in refused(call, "noise")


def test_what_it_takes_and_how_it_shows():
    assert bj.StudentNoise([0.1, 0.2], 4).settings() == "independent Student-t, scale 0.1 to 0.2, dof 4"
    assert repr(bj.StudentNoise([0.1])) == "StudentNoise(1 data, independent Student-t, scale 0.1, dof unknown)"
    for dof in (2.0, 0.5, np.nan, "many", [3.0, 4.0]):
        refused(lambda dof=dof: bj.StudentNoise(STD, dof), "dof", TypeError if isinstance(dof, list) else ValueError)
    refused(lambda: bj.StudentNoise([1.0, -1.0]), "std")
    np.testing.assert_allclose(bj.StudentNoise(STD, 4.0).variance(), 2 * STD**2)
