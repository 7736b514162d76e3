"""Functionals, diagnostics, calibration, dataset, figures and report: air is counted by nothing and drawn blank."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.calibration._truths import simulate
from bayesjoint.plot._fields import mesh_of

from ..refusals import refused
from .hill import STD, gaussian, hill


@pytest.fixture(scope="module")
def posts():
    return tuple(bj.posterior(p, "dense") for p in gaussian(hill()))


def test_excess_mass_and_moment_sum_the_ground(posts):
    mesh, (whole, restricted) = hill(), posts
    found = bj.excess_mass(whole, background=np.where(mesh.active, 5.0, 7.0), draws=50)
    ground = whole.mean()["density"][mesh.active]
    assert float(found.excess_mass_mean_closed_form) == pytest.approx((ground - 5.0).sum() * 1e6, rel=1e-9)
    ones = {"density": np.ones(restricted.problem.by_name["density"].size),
            "susceptibility": np.zeros(restricted.problem.by_name["density"].size)}
    variance = restricted.covariance_product(ones)["density"].sum()
    assert float(found.excess_mass_std_closed_form) == pytest.approx(1e6 * np.sqrt(variance), rel=1e-6)
    assert np.isfinite(found.excess_mass_draws).all()
    moment = bj.magnetic_moment(whole, draws=50, intensity=50_000.0)
    total = whole.mean()["susceptibility"][mesh.active].sum() * 1e6 * 5e-5 / (4e-7 * np.pi)
    assert float(moment.magnetic_moment_mean_closed_form) == pytest.approx(total, rel=1e-6)
    refused(lambda: bj.excess_mass(whole, box=(200, 400, 0, 300, 0, 100)), "box")


def test_exceedance_is_blank_in_air(posts):
    found = bj.exceedance(posts[0], "density", 50.0, draws=50)
    for name in found.data_vars:
        np.testing.assert_array_equal(np.isnan(found[name]), ~hill().active)


def test_depth_to_top_counts_from_the_ground_of_the_column():
    mesh = bj.Mesh.regular((3, 1, 3), (100, 100, 100), top=100.0)
    active = np.ones(mesh.shape, dtype=bool)
    active[2, :, 0], active[:, :, 2] = False, False
    mesh = mesh.with_active(active)
    body = np.full(mesh.shape, -500.0)
    body[1] = 500.0
    cells = bj.Modality("cells", np.eye(9), body.ravel(), bj.DiagonalNoise(np.full(9, 1.0)), "density")
    density = bj.Parameter("density", mesh, prior=bj.GaussianPrior(0.0, 1e6))
    found = bj.depth_to_top(bj.posterior(bj.JointProblem([density], [cells])), 100.0, draws=20)
    assert found.column_depth_mean.values.ravel()[:2].tolist() == [0.0, 100.0]
    assert np.isnan(found.column_presence.values[0, 2])
    assert float(found.depth_to_top_mean) == 0.0


def test_diagnostics_mean_over_the_ground(posts):
    active, (whole, restricted) = hill().active, posts
    for kwargs, tolerance in (({}, 1e-8), ({"method": "stochastic", "probes": 64}, None)):
        found = bj.resolution(whole, **kwargs)
        np.testing.assert_array_equal(np.isnan(found.density_diagonal), ~active)
        if tolerance:
            expected = bj.resolution(restricted)
            np.testing.assert_allclose(found.density_diagonal.values[active], expected.density_diagonal, atol=tolerance)
            layer = [found.density_diagonal.values[k][active[k]].mean() for k in range(3)]
            np.testing.assert_allclose(found.density_diagonal_profile, layer, atol=tolerance)
        assert np.isfinite(found.density_diagonal_profile).all()
    found, expected = bj.leakage(whole), bj.leakage(restricted)
    np.testing.assert_allclose(found.rms, expected.rms, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.norm, expected.norm, rtol=1e-6, atol=1e-12)
    for a, b in zip((bj.compare(p, p.separate()) for p in posts), ("median_ratio", "helped"), strict=True):
        assert np.isfinite(a[b].values).any()
    biased = bj.posterior(bj.add_bias(whole.problem, "gravity", std=1.0))
    table = biased.nuisances()
    mean = np.concatenate([active.ravel() / active.sum(), np.zeros(active.size)])
    place = table.average.values.tolist().index("density, all")
    assert table.gravity_bias_correlation.values[0, place] == pytest.approx(_correlation(biased, mean), rel=1e-6)


def _correlation(post, weights):
    """Posterior correlation of the bias, last in x, with an average of cells."""
    column = np.concatenate([weights, [0.0]])
    unit = np.eye(column.size)[-1]
    cross, own = unit @ post.state_product(column), unit @ post.state_product(unit)
    other = column @ post.state_product(column)
    return cross / np.sqrt(own * other)


def test_calibration_asks_of_the_ground():
    found = bj.calibrate(gaussian(hill())[0], n=20, draws=19, seed=1)
    assert np.isfinite(found.p_value).all()
    focusing = bj.Focusing(20.0, epsilon=1e-2, depth_exponent=0)
    problem = gaussian(hill())[0]
    problem = problem.separate()["gravity"].replace(
        parameters=[problem.by_name["density"].replace(prior=focusing)])
    truths = simulate(problem, 3, None, np.random.default_rng(0))[0]
    assert not truths[:, ~problem.ground].any()
    assert truths[:, problem.ground].all()


def test_dataset_carries_the_mask_and_the_report_says_so(posts, tmp_path):
    whole, mesh = posts[0], hill()
    separate = whole.separate()
    tree = whole.to_datatree(draws=10, separate=separate, diagnostics={
        "resolution": bj.resolution(whole), "leakage": bj.leakage(whole), "comparison": bj.compare(whole, separate),
        "functionals": bj.depth_to_top(whole, 50.0, draws=20),
        "functionals_exceed": bj.exceedance(whole, "density", 50.0, draws=20)})
    for name in STD:
        mask = tree["constant_data"][f"{name}_ground"]
        assert mask.dtype == np.int8
        np.testing.assert_array_equal(mask == 1, mesh.active)
    assert mesh_of(tree) == mesh
    path = tmp_path / "air.html"
    bj.report(tree, path)
    text = path.read_text()
    assert "7 of them are air" in text
    assert ">nan<" not in text.lower()
    ax = bj.plot.model(tree, "density", northing=150.0)
    drawn = ax.images[0] if ax.images else ax.collections[0]
    assert np.ma.getmaskarray(np.ma.asarray(drawn.get_array())).any()
    assert bj.plot.best_sections(tree)["depth"] > 0
    bj.plot.crossplot(tree)
    found = bj.find_map(whole.problem)
    bj.report(found.to_datatree(), path)


def test_a_tree_of_ground_has_no_mask():
    mesh = bj.Mesh.regular((1, 2, 2), (100, 100, 100))
    cells = bj.Modality("cells", np.eye(4), np.zeros(4), bj.DiagonalNoise(np.ones(4)), "density")
    density = bj.Parameter("density", mesh, prior=bj.Matern(10.0, 50.0))
    tree = bj.posterior(bj.JointProblem([density], [cells])).to_datatree(draws=5)
    assert "density_ground" not in tree["constant_data"]


def test_nan_on_ground_is_still_refused_in_a_dataset():
    from bayesjoint.dataset import ParameterBlock, build_tree

    mesh = hill()
    mean = np.where(mesh.active, 1.0, np.nan)
    block = {"name": "density", "dims": mesh.dims, "coords": mesh.coords(), "ground": mesh.active}
    build_tree([ParameterBlock(**block, mean=mean)])
    mean[0, 0, 0] = np.nan
    refused(lambda: build_tree([ParameterBlock(**block, mean=mean)]), "density_mean")
