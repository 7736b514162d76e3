"""The test of equivalence of a gain: its error is its scatter over simulations."""

import numpy as np
import pytest

from bayesjoint.agreement._gain_test import GainFit, GainScore
from bayesjoint.agreement._pair import make_pair

from .overlapping import overlapping


@pytest.fixture(scope="module")
def score():
    return GainScore(make_pair(overlapping(shape=(2, 5, 6), gaps=False), ("ground", "air")).both, "air")


def test_with_matrices_it_is_that_of_a_share_of_simulations(score):
    rng = np.random.default_rng(7)
    null = score.null(199, rng)
    found = np.array([GainFit(score, null.mean(), null, np.random.default_rng(seed)).equivalence(60.0)
                      for seed in range(24)])
    p, error = found.T
    assert 0.02 < p.mean() < 0.4  # where it has an error to speak of
    assert p.std() == pytest.approx(error.mean(), rel=0.45)
    assert GainFit(score, null.mean(), null, np.random.default_rng(3)).equivalence(60.0)[0] == p[3]


def test_with_few_scores_it_is_that_of_their_mean_and_spread(score):
    found, rng = [], np.random.default_rng(0)
    for observed in (0.0, 0.5):
        for _ in range(400):
            null = 0.05 * rng.standard_normal(39)  # a score whose spread is 1 / (20 %)
            fit = GainFit(score, 0.05 * observed, null)
            found.append(fit.equivalence(2000.0 * 1.5))
    p, error = np.array(found).T.reshape(2, 2, 400)
    np.testing.assert_allclose(p.std(axis=1), error.mean(axis=1), rtol=0.3)
