"""Noise that is known comes back within its error: from repeats, from crossings of lines, from a grid."""

import numpy as np
import pytest

import bayesjoint as bj


def field(east, north):
    return 20 * np.sin(east / 3000.0) * np.cos(north / 4000.0)


def crossing(rng, std=0.5, level=0.0, n=400):
    """Ten lines north and five tie lines across them."""
    east, north, line = [], [], []
    for k in range(10):
        along = np.sort(rng.uniform(0, 10_000, n))
        east.append(np.full(n, 500.0 + 1000 * k) + rng.normal(0, 5, n)), north.append(along), line.append([f"L{k}"] * n)
    for k in range(5):
        along = np.sort(rng.uniform(0, 10_000, n))
        north.append(np.full(n, 900.0 + 2000 * k)), east.append(along), line.append([f"T{k}"] * n)
    east, north, line = (np.concatenate(v) for v in (east, north, line))
    off = level * rng.standard_normal(15)[np.unique(line, return_inverse=True)[1]]
    data = field(east, north) + std * rng.standard_normal(east.size) + off
    return bj.Survey("magnetic", data, east, north, upward=80.0, lines=line)


@pytest.mark.parametrize("how", ["repeats", "crossings", "wavelengths"])
def test_the_error_holds_the_truth_as_often_as_it_should(how):
    scores = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        if how == "crossings":
            survey = crossing(rng)
        elif how == "repeats":
            east, north = np.repeat(rng.uniform(0, 1e4, (2, 60)), 2, axis=1)
            survey = bj.Survey("gravity", field(east, north) + 0.5 * rng.standard_normal(120), east, north, upward=0.0)
        else:
            axis = np.arange(30) * 100.0
            survey = bj.Survey("gravity", field(axis, axis[:, None]) + 0.5 * rng.standard_normal((30, 30)), axis, axis,
                               upward=0.0)
        found = bj.noise_estimate(survey, how=how)
        assert found.how == how
        scores.append((found.std - 0.5) / found.error)
    assert np.mean(np.abs(scores) < 2) >= 0.8
    assert np.abs(scores).max() < 5


def test_levels_of_lines_count_at_crossings():
    plain, off = (bj.noise_estimate(crossing(np.random.default_rng(1), level=level)) for level in (0.0, 2.0))
    assert plain.how == off.how == "crossings" and plain.count == off.count > 40
    assert off.std > 2.5 * plain.std


def test_what_tells_nothing():
    axis = np.arange(30) * 100.0
    smooth = bj.Survey("gravity", field(axis, axis[:, None]), axis, axis, upward=0.0)
    with pytest.raises(ValueError, match="tell its noise"):
        bj.noise_estimate(smooth)
    with pytest.raises(ValueError, match="by crossings"):
        bj.noise_estimate(smooth, how="crossings")
    with pytest.raises(ValueError, match="be one of auto"):
        bj.noise_estimate(smooth, how="magic")
