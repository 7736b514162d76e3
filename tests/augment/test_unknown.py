"""Direction of the field and heights of stations as unknowns: against quadrature, over simulated worlds, refusals."""

import numpy as np
import pytest
from scipy.stats import binom, norm

import bayesjoint as bj

from ..refusals import refused
from ..unsure import by_quadrature, magnetic, mesh, problem, truths

NOISE, STD = 2.0, 0.02  # nT, SI


def world(inclination=59.0, declination=8.0, seed=0, noise=NOISE, **options):
    """A problem whose field is stated at 55°, 8°, of a world with another one."""
    rng = np.random.default_rng(seed)
    models, data = truths([magnetic(inclination=inclination, declination=declination, **options)], STD, noise, rng,
                          "susceptibility")
    return problem(magnetic(**options), data[:, 0], noise), models[:, 0]


def test_the_direction_against_quadrature():
    plain, _ = world()
    post = bj.posterior(bj.add_direction_error(plain, "magnetic", inclination=5.0), method="dense")
    nodes = np.linspace(-15, 15, 121)
    weights, mean, std = by_quadrature(
        [problem(magnetic(inclination=55 + e), plain.modalities[0].data, NOISE) for e in nodes], norm.pdf(nodes, 0, 5.0))
    cells = slice(0, mesh().size)
    exact = weights @ nodes, np.sqrt(weights @ nodes**2 - (weights @ nodes) ** 2)
    assert 0.2 < exact[1] < 2.5 and abs(exact[0]) > exact[1]  # the data do say something, and the stated one is wrong
    assert post.mean()["magnetic_direction_error"][0] == pytest.approx(exact[0], abs=0.1 * exact[1])
    assert post.std()["magnetic_direction_error"][0] == pytest.approx(exact[1], rel=0.05)
    assert np.abs(post.state_mean()[cells] - mean).max() < 0.1 * std.min()
    np.testing.assert_allclose(np.sqrt(post.state_variance()[cells]), std, rtol=0.05)
    plain_error = np.abs(bj.posterior(plain).state_mean() - mean) / std
    assert plain_error.max() > 1.0  # without it the answer is another one
