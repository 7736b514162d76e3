"""Grids and splits through source layers: simulated fields lie in their errors, and the covariance is harmonic."""

import numpy as np
import pytest
from scipy.stats import chi2

import bayesjoint as bj
from bayesjoint.preparation import equivalent_sources, regional_split
from bayesjoint.preparation._source_layers import Kriged, Layers, fitted_layers

SPACING = 500.0


def layers(*pairs, noise=0.05, n=1):
    depths, stds = np.array(pairs).T
    return Layers(depths, stds, np.full(n, noise), {})


def drawn(rng, made, where, level=(0.0, 0.0)):
    """A draw of the field at places (n, 3)."""
    matrix = made.covariance(where, where, level)
    return np.linalg.cholesky(matrix + 1e-9 * np.eye(len(where))) @ rng.standard_normal(len(where))


def places(rng, n, side=8000.0, height=0.0):
    return np.column_stack([rng.uniform(0, side, (n, 2)), np.full(n, height)])


def test_the_covariance_is_harmonic_and_of_its_variance():
    made = layers((700.0, 3.0))
    point, h = np.array([[300.0, -200.0, 150.0]]), 5.0
    assert made.covariance(np.zeros((1, 3)), np.zeros((1, 3)), (0.0, 0.0))[0, 0] == pytest.approx(9.0)
    at = [made.covariance(point + h * np.array(step), np.zeros((1, 3)), (0.0, 0.0))[0, 0] for step in (
        [0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1])]
    assert sum(at[1:]) - 6 * at[0] == pytest.approx(0.0, abs=1e-6 * at[0])


def test_depth_strength_and_noise_come_back_within_their_errors():
    rng, scores = np.random.default_rng(3), []
    for _ in range(6):
        where = places(rng, 400)
        truth = layers((900.0, 2.0), noise=0.1)
        data = drawn(rng, truth, where) + 0.1 * rng.standard_normal(400) + 1e-3 * where[:, 0]
        found = fitted_layers(where, data, None, 1, SPACING)
        scores += [(np.log(found.depths[0] / 900.0)) / found.errors["depth 1"],
                   np.log(found.stds[0] / 2.0) / found.errors["std 1"],
                   np.log(found.noise[0] / 0.1) / found.errors["noise std"]]
    assert np.abs(scores).max() < 5
    assert np.sqrt(np.mean(np.square(scores))) < 2


def test_a_grid_s_errors_have_the_covariance_that_is_stated():
    rng, sizes, count = np.random.default_rng(5), [], []
    for _ in range(12):
        where, made = places(rng, 250), layers((1200.0, 2.0))
        nodes = np.array([[x, y, 0.0] for y in (2000.0, 3500.0, 5000.0) for x in (1500.0, 3000.0, 4500.0, 6000.0)])
        both = drawn(rng, made, np.vstack([where, nodes]))
        std = 0.2
        survey = bj.Survey("gravity", both[:250] + std * rng.standard_normal(250) + 2e-4 * where[:, 0],
                           where[:, 0], where[:, 1], upward=0.0, std=std)
        data = survey.data
        kriged = Kriged(fitted_layers(where, data, np.full(250, std), 1, SPACING), where, data)
        mean, covariance = kriged.predict(nodes)
        off = both[250:] + 2e-4 * nodes[:, 0] - mean
        sizes.append(off @ np.linalg.solve(covariance, off))
        count.append(nodes.shape[0])
    low, high = chi2.ppf([0.001, 0.999], sum(count))
    assert low < sum(sizes) < high


def test_a_grid_at_another_height_is_the_field_continued():
    mesh = bj.Mesh.regular((6, 30, 30), (300.0, 300.0, 300.0))
    model = np.zeros(mesh.shape)
    model[1:4, 12:17, 13:18] = 400.0
    rng = np.random.default_rng(1)
    where = rng.uniform(1000, 8000, (500, 2))
    low = bj.GravityOperator.at_stations(mesh, where[:, 0], where[:, 1], np.full(500, 50.0))
    survey = bj.Survey("gravity", low.predict(model), where[:, 0], where[:, 1], upward=50.0, std=0.005)
    grid = equivalent_sources(survey, 1000.0, upward=400.0).survey
    east, north = np.meshgrid(grid.easting, grid.northing)
    high = bj.GravityOperator.at_stations(mesh, east.ravel(), north.ravel(), np.full(east.size, 400.0))
    off = (grid.data - high.predict(model).reshape(grid.shape))[grid.observed] / grid.std[grid.observed]
    assert np.sqrt(np.mean(off**2)) < 2
    assert np.abs(grid.data[grid.observed]).max() > 20 * np.median(grid.std[grid.observed])


def test_nodes_far_from_stations_are_gaps_and_the_noise_is_the_covariance():
    rng = np.random.default_rng(2)
    where = places(rng, 120)
    where = where[~((where[:, 0] > 3000) & (where[:, 1] > 3000))]
    data = drawn(rng, layers((600.0, 2.0)), where)
    grid = equivalent_sources(bj.Survey("gravity", data, where[:, 0], where[:, 1], upward=0.0, std=0.05), 1000.0)
    assert not grid.survey.observed[-2, -2]
    assert grid.survey.observed[1, 1]
    mesh = bj.Mesh.regular((2, 10, 10), (500.0, 1000.0, 1000.0))
    made = grid.modality(bj.Parameter("density", mesh, prior=bj.Matern(100.0, 2000.0)), forward="direct")
    assert made.size == grid.survey.observed.sum()
    np.testing.assert_allclose(made.noise.apply(np.eye(made.size)), grid.covariance, rtol=1e-12)


def test_a_split_holds_the_regional_field_in_its_errors():
    rng, scores = np.random.default_rng(8), []
    for _ in range(8):
        where = places(rng, 300, side=20_000.0)
        shallow, deep = layers((800.0, 1.0)), layers((8000.0, 5.0))
        regional, residual = drawn(rng, deep, where), drawn(rng, shallow, where)
        survey = bj.Survey("gravity", regional + residual + 0.05 * rng.standard_normal(300), where[:, 0], where[:, 1],
                           upward=0.0, std=0.05)
        split = regional_split(survey, depth=8000.0)
        scores += [np.mean(np.abs(split.regional.data - regional) < 2 * split.regional.std),
                   np.mean(np.abs(split.residual.data - residual) < 2 * split.residual.std)]
        np.testing.assert_allclose(split.regional.data + split.residual.data, survey.data, atol=0.3)
    assert 0.8 < np.mean(scores) <= 1.0


def test_a_split_keeps_a_wide_body_that_subtraction_would_take():
    """With the regional field in the noise the interval of a wide body's mean density holds the truth."""
    mesh = bj.Mesh.regular((3, 12, 12), (500.0, 1000.0, 1000.0))
    model = np.zeros(mesh.shape)
    model[:, 3:9, 3:9] = 150.0
    rng = np.random.default_rng(4)
    where = np.column_stack([rng.uniform(0, 12_000, (200, 2)), np.full(200, 20.0)])
    body = bj.GravityOperator.at_stations(mesh, *where.T).predict(model)
    data = body + drawn(rng, layers((15_000.0, 5.0)), where, (20.0, 20.0)) + 0.05 * rng.standard_normal(200)
    survey = bj.Survey("gravity", data, where[:, 0], where[:, 1], upward=20.0, std=0.05)
    split = regional_split(survey, depth=15_000.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(150.0, 3000.0))
    post = bj.posterior(bj.JointProblem([density], [split.modality(density)]))
    inside = np.zeros(mesh.shape)
    inside[:, 3:9, 3:9] = 1 / 108
    mean = float((inside * post.mean()["density"]).sum())
    std = float(np.sqrt((inside * post.covariance_product({"density": inside})["density"]).sum()))
    assert abs(mean - 150.0) < 3 * std
    assert std < 100.0


@pytest.mark.parametrize(("change", "words"), [
    ({"spacing": 0.0}, "spacing must be"), ({"spacing": 1e6}, "smaller than the survey"),
    ({"spacing": 10.0}, "at most 6000 nodes"), ({"upward": -5000.0}, "above the equivalent sources")])
def test_what_cannot_be_gridded(change, words):
    rng = np.random.default_rng(0)
    where = places(rng, 30)
    survey = bj.Survey("gravity", drawn(rng, layers((900.0, 2.0)), where), where[:, 0], where[:, 1], 0.0, std=0.1)
    with pytest.raises(ValueError, match=words):
        equivalent_sources(survey, **({"spacing": 1000.0} | change))
    with pytest.raises(ValueError, match="at least 10"):
        equivalent_sources(bj.Survey("gravity", np.ones(5), np.arange(5.0), np.arange(5.0), 0.0, std=0.1), 1.0)


def test_more_data_than_can_be_solved_for_are_refused_at_once():
    n = 6001
    steps = np.arange(n)
    survey = bj.Survey("gravity", steps % 7.0, steps * 10.0, steps % 100 * 10.0, 0.0, std=0.1)
    for ask in (lambda: equivalent_sources(survey, 1000.0), lambda: regional_split(survey)):
        with pytest.raises(ValueError, match="at most 6000 data; found 6001"):
            ask()
