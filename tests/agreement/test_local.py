"""Local maps: nulls that hold at every station, false discoveries in bounds, patches found where they are."""

import numpy as np
import pytest
from scipy.stats import binom, kstest, norm

import bayesjoint as bj
from bayesjoint.agreement._local_conflict import local_conflict, map_residual, patch_weights, smallest
from bayesjoint.agreement._multiple_testing import false_discovery
from bayesjoint.agreement._residuals import residual_of

from ..refusals import refused
from .overlapping import overlapping


def patch(modality, height=1.5, radius=500.0):
    east, north, _ = modality.forward.coordinates()
    return height * (np.hypot(east - 2625.0, north - 2125.0) <= radius)


@pytest.mark.parametrize("two", [False, True])
def test_residuals_are_standard_normal_and_false_discoveries_rare(two):
    # many data sets at once: the maps are linear in the data
    problem = overlapping(two)
    residual, repeats = residual_of(problem, "air"), 1500
    _, weights = patch_weights(residual.modality)
    draws = residual.root @ np.random.default_rng(4).standard_normal(
        (residual.value.size, repeats))
    precision = residual.weighted_root @ residual.weighted_root.T
    for project, values in ((residual.project, draws), (residual.project_weighted, precision @ draws)):
        z = np.concatenate([(w @ values) / project(w)[1][:, None] for w in weights])
        p = 2 * norm.sf(np.abs(z))
        assert kstest(p[::37].ravel()[::23], "uniform").pvalue > 1e-3
        assert kstest(0.9 * p[::37].ravel()[::23], "uniform").pvalue < 1e-3  # a map of wrong size would be seen
        alarms = np.sum(np.min(np.sort(p, axis=0) * len(p) / np.arange(1, len(p) + 1)[:, None], axis=0) <= 0.05)
        assert alarms <= binom.isf(1e-3, repeats, 0.05)


def test_iterative_maps_are_students_t():
    problem = overlapping(gaps=False)
    residual = residual_of(problem, "air", draws=20, method="iterative")
    p = []
    held = np.column_stack([residual.value, np.sqrt(20) * residual.root])
    for k in range(21):  # observed and simulated ones are exchangeable: every one in turn against the others
        residual.value, residual.root = held[:, k], np.delete(held, k, axis=1) / np.sqrt(20)
        found = map_residual(residual, [0.0])
        p.append(found.p_value.values.ravel()[::31])
    assert "Student's t with 20" in found.attrs["null"]
    p = np.array(p)
    assert kstest(p.ravel(), "uniform").pvalue > 1e-3
    normal = 2 * norm.sf(np.abs(found.z.values))
    assert np.all(found.p_value.values >= normal)


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_a_patch_is_found_where_it_is_and_weighed(method):
    problem = overlapping(disturb=patch, gaps=method == "dense")
    found = local_conflict(problem, "air", patches=[0.0, 500.0], method=method, draws=60)
    east, north = np.meshgrid(found.air_easting, found.air_northing)
    inside = np.hypot(east - 2625.0, north - 2125.0)
    for name in ("flagged", "anomaly_flagged"):
        flags = found[name].values[1].astype(bool)
        assert flags[inside < 260.0].mean() >= 0.5 and np.median(inside[flags]) < 900.0
    center = np.unravel_index(np.argmin(inside), inside.shape)
    height, error = found.anomaly.values[1][center], found.anomaly_error.values[1][center]
    assert abs(height - 1.5) < 4 * error and error < 0.3
    assert found.attrs["p_value"] < 0.01 and found.attrs["anomaly_p_value"] < 0.01
    assert found.attrs["verdict"].startswith("air disagrees with ground in places")
    assert found.anomaly_detectable.values[1][center] == pytest.approx(
        smallest(found.attrs["dof"] if method == "iterative" else np.inf) * error)


def test_maps_keep_to_the_stations_and_say_nothing_in_gaps():
    problem = overlapping()
    found = local_conflict(problem, "air")
    mask = problem.modalities[1].forward.processing.mask
    assert found.z.dims == ("patch", "air_northing", "air_easting")
    np.testing.assert_array_equal(np.isfinite(found.z.values[0]), mask)
    assert not found.flagged.values[:, ~mask].any()
    np.testing.assert_allclose(found.patch, [0.0, 625.0, 1500.0])
    residual = residual_of(problem, "air")
    np.testing.assert_allclose(found.residual.values[mask], residual.value)
    np.testing.assert_allclose(found.z.values[0][mask],
                               residual.value / np.linalg.norm(residual.root, axis=1))
    near = patch_weights(problem.modalities[1], [625.0])[1][0].toarray()
    east, north, _ = problem.modalities[1].forward.coordinates()
    distance = np.hypot(east[:, None] - east, north[:, None] - north)
    np.testing.assert_array_equal(near, distance <= 625.0)
    mean = near / near.sum(axis=1, keepdims=True)
    spread = np.sqrt(np.diag(mean @ residual.root @ (mean @ residual.root).T))
    np.testing.assert_allclose(found.z.values[1][mask], mean @ residual.value / spread)
    assert "shows no place" in found.attrs["verdict"]


def test_dependence_may_be_arbitrary_at_a_price():
    problem = overlapping(disturb=lambda m: patch(m, 0.7))
    sharp, safe = (local_conflict(problem, "air", control=c) for c in ("hochberg", "yekutieli"))
    assert 0 < safe.anomaly_flagged.values.sum() < sharp.anomaly_flagged.values.sum()
    flat = sharp.anomaly_p_value.values
    np.testing.assert_array_equal(safe.anomaly_flagged.values == 1, np.nan_to_num(
        false_discovery(flat, "yekutieli"), nan=1.0) <= 0.05)
    assert safe.attrs["anomaly_p_value"] == sharp.attrs["anomaly_p_value"]


def test_the_power_of_a_single_test_is_as_stated():
    shift = smallest()
    assert norm.sf(norm.isf(0.025) - shift) == pytest.approx(0.8)


def test_refusals():
    problem = overlapping()
    refused(lambda: local_conflict(problem, "air", patches=[-1.0]), "patches")
    refused(lambda: local_conflict(problem, "air", level=1.0), "level")
    refused(lambda: local_conflict(problem, "air", control="loose"), "control")
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    refused(lambda: local_conflict(bj.JointProblem([slope], [line]), "line", patches=[10.0]), "patches")
