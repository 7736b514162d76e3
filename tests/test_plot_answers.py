"""Figures of diagnostics and calibration: they draw the numbers they were given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint import plot
from bayesjoint.dataset import DatasetBuilder

from .refusals import refused


def axes():
    return Figure().add_subplot()


@pytest.fixture(scope="module")
def found():
    slope = bj.Parameter("slope", 2, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", np.eye(2), [3.0, 1.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    return bj.calibrate(bj.JointProblem([slope], [line]), n=40)


@pytest.fixture(scope="module")
def tree():
    mesh = bj.Mesh.regular((3, 4, 5), (100.0, 200.0, 300.0), west=1000.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=500.0))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    survey = bj.Modality("gravity", gravity, np.ones((4, 5)), bj.DiagonalNoise(np.full((4, 5), 0.1)), "density")
    post = bj.posterior(bj.JointProblem([density], [survey]))
    return post.to_datatree(draws=5, diagnostics={"resolution": bj.resolution(post),
                                                  "functionals": bj.depth_to_top(post, 50.0, draws=20)})


def test_bars_count_every_simulation(found):
    ax = plot.ranks(found, "slope_cell_1", ax=axes())
    assert sum(bar.get_height() for bar in ax.patches if hasattr(bar, "get_height") and bar.get_width() == 5) == 40
    assert "slope cell 1: p = " in ax.get_title()


def test_curves_are_ecdf_less_uniform(found):
    ax = plot.ecdf(found, ax=axes())
    curves = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 99]
    np.testing.assert_allclose(curves[0], found.ecdf[0] - found.point)
    assert ax.get_title() == "2 functionals, 0 leave the band"


def test_curves_that_leave_the_band_are_named(found):
    wrong = found.assign(ecdf=found.ecdf.where(found.functional != "slope_cell_0", 0.0))
    wrong.attrs = found.attrs
    ax = plot.ecdf(wrong, ax=axes())
    assert "1 leave" in ax.get_title()
    assert "slope cell 0" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_cells_and_columns_draw_their_values(tree):
    ax = plot.cells(tree, "density_diagonal", "resolution", depth=50.0, ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array(), tree["resolution"]["density_diagonal"][-1])
    alone = plot.cells(tree["resolution"].to_dataset(), "density_diagonal", northing=100.0, ax=axes())
    np.testing.assert_allclose(alone.images[0].get_array(), tree["resolution"]["density_diagonal"][:, 0])
    np.testing.assert_allclose(alone.images[0].get_extent(), [*ax.images[0].get_extent()[:2], -0.3, 0.0])
    ax = plot.columns(tree, "column_depth_mean", "functionals", ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array().filled(np.nan), tree["functionals"]["column_depth_mean"])


def test_layers_lie_at_their_depth_with_their_errors():
    table = DatasetBuilder()
    table.along("upward", [-250.0, -150.0, -50.0], "height", "m")
    table.add("a_profile", ("upward",), [0.1, 0.2, 0.4], "1", "a", [0.01, 0.0, 0.02])
    ax = plot.layers(table.dataset(), "a_profile", ax=axes())
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.1, 0.2, 0.4])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [200.0, 100.0, 0.0])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert len(ax.collections) == 1


def test_refusals(tree, found):
    refused(lambda: plot.ranks(xr.Dataset()), "source")
    refused(lambda: plot.ranks(found, "gold"), "functional")
    refused(lambda: plot.cells(tree, "density_diagonal", "nothing"), "group")
    refused(lambda: plot.cells(tree, "gold", "resolution"), "variable")
    refused(lambda: plot.cells(tree, "density_degrees_of_freedom", "resolution"), "variable")
    refused(lambda: plot.columns(tree, "density_diagonal", "resolution"), "variable")
    refused(lambda: plot.layers(tree, "density_diagonal", "resolution"), "variables")
    refused(lambda: plot.cells(tree, "density_diagonal", "resolution", kind="loud"), "kind")
