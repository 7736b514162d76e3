"""Figures of agreement draw the numbers they were given."""

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint import plot

from .agreement.overlapping import overlapping
from .agreement.pairs import scalars
from .refusals import refused


def axes():
    return Figure().add_subplot()


@pytest.fixture(scope="module")
def found():
    return bj.conflict(overlapping(shape=(3, 10, 11), disturb=lambda m: 1.0))


@pytest.fixture(scope="module")
def scattered():
    rng = np.random.default_rng(9)
    mesh = bj.Mesh.regular((2, 6, 6), (300.0, 500.0, 500.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=1500.0))
    east, north = rng.uniform(0, 3000, (2, 60))
    op = bj.GravityOperator.at_stations(mesh, east, north, np.full(60, 50.0))
    noise = bj.DiagonalNoise(np.full(60, 0.1))
    return bj.JointProblem([density], [bj.Modality("a", op, np.zeros(60), noise, "density"),
                                       bj.Modality("b", op, 2.0 * (east > 2000.0), noise, "density")])


def test_bands_lie_at_their_wavelengths(found):
    source = found.pairs["ground", "air"].bands["air"]
    ax = plot.bands(source, ax=axes())
    drawn = np.concatenate([line.get_xydata()[::3] for line in ax.lines if line.get_linewidth() == 3])
    drawn = drawn[np.argsort(-drawn[:, 0])]  # longest wavelengths first
    np.testing.assert_allclose(drawn[:, 1], source.ratio)
    np.testing.assert_allclose(drawn[:, 0], source.wavelength_short)
    assert ax.get_xlim()[0] > ax.get_xlim()[1] and ax.get_title() == "air given ground"
    assert "p < 10⁻⁶" in [t.get_text() for t in ax.texts]
    ax = plot.bands(source, "rms", ax=axes())
    drawn = next(line for line in ax.lines if line.get_linestyle() == ":")
    np.testing.assert_allclose(drawn.get_ydata()[::3], source.detectable_rms)
    assert ax.get_ylabel() == "root mean square (mGal)"
    own = bj.spectral_conflict(found.problem, "air", ())
    assert plot.bands(own, ax=axes()).get_title() == "air against its own model"


def test_places_draw_their_values_and_outline_discoveries(found):
    source = found.pairs["ground", "air"].maps["air"]
    radius = float(source.patch[1])
    ax = plot.places(source, patch=radius, ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array().filled(np.nan), source.z[1])
    assert f"{int(source.flagged[1].sum())} flagged" in ax.get_title()
    assert len(ax.collections) == 1
    ax = plot.places(source, "anomaly_detectable", patch=radius, ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array().filled(np.nan), source.anomaly_detectable[1])
    assert len(ax.collections) == 0
    plain = plot.places(source, "residual", ax=axes())
    np.testing.assert_allclose(plain.images[0].get_array().filled(np.nan), source.residual)


def test_scattered_places_are_ringed(scattered):
    source = bj.local_conflict(scattered, "b")
    ax = plot.places(source, "anomaly_z", patch=0.0, ax=axes())
    np.testing.assert_allclose(ax.collections[0].get_array(), source.anomaly_z[0])
    assert len(ax.collections[1].get_offsets()) == int(source.anomaly_flagged[0].sum()) > 0


def test_a_matrix_has_a_cell_a_pair_and_a_column_for_the_rest():
    problem = scalars({"a": (0.0, 1.0), "b": (0.5, 1.0), "c": (9.0, 1.0)}, bj.GaussianPrior(0.0, 100.0))
    source = bj.conflict_matrix(problem)
    ax = plot.matrix(source, "bayes ratio", ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array().filled(np.nan)[:, :3], source.log_bayes_ratio)
    np.testing.assert_allclose(ax.images[0].get_array()[:, 3], source.rest_log_bayes_ratio)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c", "the rest"]
    for what in ("ratio", "split", "suspiciousness"):
        ax = plot.matrix(source, what, ax=axes())
        assert len(ax.texts) == 9
    assert len(plot.matrix(bj.conflict_matrix(found_two()), ax=axes()).texts) == 2


def found_two():
    return scalars({"a": (0.0, 1.0), "b": (0.5, 1.0)})


def test_tests_stand_at_their_adjusted_p_values(found):
    ax = plot.verdict(found, ax=axes())
    points = sorted((line.get_ydata()[0], line.get_xdata()[0]) for line in ax.lines if line.get_marker() in "<o")
    np.testing.assert_allclose([x for _, x in points], np.maximum(found.p_adjusted, 1e-6))
    assert len(ax.get_yticklabels()) == len(found.tests)
    words = " ".join(t.get_text() for t in ax.texts)
    assert "mGal" in words and "an offset of" in words
    untestable = bj.JointProblem([bj.Parameter("a", 1), bj.Parameter("b", 1)], [
        bj.Modality(f"of_{k}", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), k) for k in "ab"])
    ax = plot.verdict(bj.conflict(untestable).table)
    assert "not testable" in [t.get_text() for t in ax.texts]


def test_trees_are_read_by_group(found):
    tree = bj.posterior(found.problem).to_datatree(draws=2, diagnostics=found.datasets())
    assert len(plot.verdict(tree, ax=axes()).get_yticklabels()) == len(found.tests)
    assert plot.bands(tree, group="agreement_bands_ground_air_air", ax=axes()).get_title() == "air given ground"
    refused(lambda: plot.bands(tree, group="nothing"), "group")


def test_refusals(found):
    maps = found.pairs["ground", "air"].maps["air"]
    refused(lambda: plot.bands(xr.Dataset()), "source")
    refused(lambda: plot.places(xr.Dataset()), "source")
    refused(lambda: plot.matrix(xr.Dataset()), "source")
    refused(lambda: plot.verdict(xr.Dataset()), "source")
    refused(lambda: plot.places(maps, patch=1.0), "patch")
    refused(lambda: plot.places(maps, "loud"), "what")
    refused(lambda: plot.matrix(found.matrix, "loud"), "what")
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    alone = bj.local_conflict(bj.JointProblem([slope], [line]), "line", ())
    refused(lambda: plot.places(alone), "source")


def test_small_p_values_are_written_as_powers():
    from bayesjoint.plot._agreement import _p_words

    assert [_p_words(p) for p in (0.017, 4e-5, 9.6e-4, 1e-9)] == [
        "p = 0.017", "p = 4 × 10⁻⁵", "p = 1 × 10⁻³", "p < 10⁻⁶"]


def test_powers_of_ten_under_tests_are_written_out(found):
    ax = plot.verdict(found, ax=axes())
    ax.figure.canvas.draw()
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert "10⁻⁵" in words and not any("$" in text for text in words)


def test_a_drawing_keeps_what_a_backend_sets_while_it_is_loaded():
    with matplotlib.rc_context({"interactive": False, "text.parse_math": True}):
        plot.plainly(lambda source: matplotlib.rcParams.update(interactive=True))(None)  # as in a notebook
        assert matplotlib.rcParams["interactive"] and matplotlib.rcParams["text.parse_math"]
