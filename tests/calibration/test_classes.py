"""Classes of cells: they find what differs, know their Monte Carlo errors over worlds, and keep the distribution."""

import numpy as np
import pytest
from scipy.stats import norm

from bayesjoint.calibration._classes import LEVELS, TAIL_ERROR, Classes, level_of, tail_error


def cells(worlds=200, each=200, seed=0):
    """Scores whose spread depends on the first feature; the second is noise; a shift common to a world's cells."""
    rng = np.random.default_rng(seed)
    features = rng.uniform(size=(worlds * each, 2))
    world = np.repeat(np.arange(worlds), each)
    spread = np.where(features[:, 0] < 0.3, 1.0, 4.0)
    scores = spread * (rng.standard_normal(worlds * each) + 0.3 * rng.standard_normal(worlds)[world])
    return features, scores, world


def test_the_feature_that_matters_is_cut_where_it_matters():
    features, scores, world = cells()
    found = Classes(features, scores, world, np.ones(scores.size))
    root = found._root
    assert root.feature == 0
    assert root.threshold == pytest.approx(0.3, abs=0.05)
    index = found.of(features)
    assert set(index) == set(range(found.size))
    for low in (True, False):
        inside = (features[:, 0] < 0.25) if low else (features[:, 0] > 0.35)
        expected = (1.0 if low else 4.0) * np.sqrt(1.09) * norm.ppf(0.95)
        np.testing.assert_allclose(level_of(found.quantiles, 0.95)[index[inside]].mean(), expected, rtol=0.1)


def test_every_class_knows_its_tails_over_worlds():
    features, scores, world = cells()
    found = Classes(features, scores, world, np.ones(scores.size))
    assert found.error.max() <= TAIL_ERROR
    index = found.of(features)
    for k in range(found.size):
        part = index == k
        assert part.sum() == found.count[k]
        assert np.mean(scores[part] <= level_of(found.quantiles, 0.05)[k]) == pytest.approx(0.05, abs=1e-2)


def test_cells_of_one_world_count_as_one():
    """Where all cells of a world are alike, the error is that of so many worlds: sqrt(q (1 - q) / worlds)."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.standard_normal(400), 50)
    world = np.repeat(np.arange(400), 50)
    end = np.quantile(scores, 0.95)
    error = tail_error(scores <= end, world, np.full(400, 50), 0.95)
    assert error == pytest.approx(np.sqrt(0.05 * 0.95 / 400), rel=0.1)
    alone = tail_error(scores <= end, np.arange(scores.size), np.ones(scores.size), 0.95)
    assert alone == pytest.approx(error / np.sqrt(50), rel=0.05)


def test_few_worlds_make_one_class():
    features, scores, world = cells(worlds=10)
    assert Classes(features, scores, world, np.ones(scores.size)).size == 1


def test_boundaries_hold_the_cells_of_a_class():
    features, scores, world = cells()
    found = Classes(features, scores, world, np.ones(scores.size))
    bounds, index = found.boundaries(2), found.of(features)
    assert np.all((features >= bounds[index][..., 0]) & (features <= bounds[index][..., 1]))


def test_the_distribution_is_kept():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal(40_000)
    found = Classes(np.zeros((scores.size, 1)), scores, np.arange(scores.size) % 400, np.ones(scores.size))
    assert found.size == 1
    np.testing.assert_allclose(found.quantiles[0], norm.ppf(LEVELS), atol=0.15)
    assert float(found.level(0.5)[0]) == pytest.approx(0.0, abs=0.02)
