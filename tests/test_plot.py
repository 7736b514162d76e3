import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from bayesjoint import Mesh, plot
from bayesjoint.dataset import ModalityBlock, ParameterBlock, build_tree
from bayesjoint.plot._charts import layer_ratio
from bayesjoint.plot._maps import edges
from bayesjoint.plot._style import norm_for

from .trees import make_tree

SHAPE = (5, 18, 22)


@pytest.fixture(scope="module")
def tree():
    return make_tree(SHAPE)


@pytest.fixture(scope="module")
def scattered():
    return make_tree(SHAPE, "scattered", separate=False)


@pytest.fixture
def ax():
    return Figure().add_subplot()


def image(ax):
    return ax.images[0]


def test_data_map_has_equal_axes_kilometres_and_units(tree, ax):
    assert plot.data(tree, "gravity", ax=ax) is ax
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("easting (km)", "northing (km)")
    assert ax.figure.axes[1].get_ylabel() == "observed (mGal)"
    np.testing.assert_allclose(ax.get_xlim(), [354.0, 364.0 - 0.4])
    assert np.ma.getmaskarray(image(ax).get_array()).sum() == np.isnan(tree["observed_data"]["gravity"].values).sum()


def test_first_row_of_a_lattice_lies_in_the_south(tree, ax):
    plot.data(tree, "magnetic", ax=ax)
    assert image(ax).origin == "lower"
    np.testing.assert_array_equal(image(ax).get_array(), tree["observed_data"]["magnetic"].values)


@pytest.mark.parametrize(("what", "expected"), [
    ("residual", lambda o, p, s: o - p),
    ("standardized", lambda o, p, s: (o - p) / s),
    ("predicted", lambda o, p, s: p),
    ("noise_std", lambda o, p, s: s),
])
def test_what_is_drawn(tree, ax, what, expected):
    observed = tree["observed_data"]["magnetic"].values
    predicted = tree["predictive_summary"]["magnetic_mean"].values
    std = tree["constant_data"]["magnetic_noise_std"].values
    plot.data(tree, "magnetic", what, ax=ax)
    np.testing.assert_allclose(image(ax).get_array(), expected(observed, predicted, std))
    norm = image(ax).norm
    if what != "noise_std":
        assert norm.vmin == -norm.vmax


def test_scattered_stations_are_points_at_their_places(scattered, ax):
    plot.data(scattered, "gravity", ax=ax)
    places = ax.collections[0].get_offsets() * 1000
    np.testing.assert_allclose(places[:, 0], scattered["observed_data"]["gravity_easting"].values)
    assert ax.get_aspect() == 1.0


def test_data_from_arrays_and_surveys(ax):
    values, east, north = np.arange(6.0).reshape(2, 3), [0.0, 10.0, 20.0], [0.0, 10.0]
    plot.data(values, ax=ax, easting=east, northing=north, units="mGal")
    assert ax.get_xlabel() == "easting (m)"
    survey = SimpleNamespace(data=values, easting=np.array(east), northing=np.array(north), units="nT", name=None,
                             kind="magnetic", std=None)
    plot.data(survey, ax=(other := Figure().add_subplot()))
    assert other.figure.axes[1].get_ylabel() == "observed (nT)"


def test_data_without_positions_are_drawn_by_number(ax):
    block = ModalityBlock(name="sn", kind="supernovae", dims=("sn_id",), coords={}, observed=[1.0, 2.0], units="mag")
    plot.data(build_tree([ParameterBlock(name="H0", mean=70.0)], [block]), ax=ax)
    assert ax.get_xlabel() == "number of the datum"


def test_slice_and_sections_take_the_right_cells(tree):
    mean = tree["posterior_summary"]["density_mean"].values
    for plane, expected in (({"depth": 1000.0}, mean[-2]), ({"depth": 0.0}, mean[-1]), ({}, mean[-1]),
                            ({"northing": 6_501_000.0}, mean[:, 1]), ({"easting": 350_100.0}, mean[:, :, 0])):
        ax = plot.model(tree, "density", ax=Figure().add_subplot(), **plane)
        np.testing.assert_array_equal(image(ax).get_array(), expected)


def test_section_is_the_right_way_up_and_states_its_exaggeration(tree, ax):
    plot.model(tree, "density", ax=ax, northing=6_505_000.0)
    low, high = ax.get_ylim()
    assert (low, high) == (-4.0, 0.0) and image(ax).origin == "lower"
    assert ax.get_aspect() == 2.0 and "vertical exaggeration 2×" in ax.get_xlabel()
    cube = Mesh.regular((4, 4, 4), (100.0, 100.0, 100.0))
    plot.model(np.ones(cube.shape), mesh=cube, easting=50.0, ax=(other := Figure().add_subplot()))
    assert other.get_aspect() == 1.0 and "exaggeration" not in other.get_title()


def test_uneven_layers_keep_their_thickness(ax):
    mesh = Mesh([0, 100, 200], [0, 100, 200], [-700, -100, 0])
    plot.model(np.zeros(mesh.shape), mesh=mesh, northing=50.0, ax=ax)
    assert ax.get_ylim() == (-700, 0)
    assert type(image(ax)).__name__ == "PcolorImage"


def test_contrast_is_diverging_about_zero_and_std_is_sequential(tree):
    mean = image(plot.model(tree, "density", "mean", ax=Figure().add_subplot()))
    std = image(plot.model(tree, "density", "std", ax=Figure().add_subplot()))
    assert mean.norm.vmin == -mean.norm.vmax and mean.get_cmap().name == "RdBu_r"
    drawn = tree["posterior_summary"]["density_std"].values[-1]
    assert (std.norm.vmin, std.norm.vmax) == (0.0, drawn.max()) and std.get_cmap().name == "viridis"
    assert std.axes.figure.axes[1].get_ylabel() == "std (kg/m³)"


def test_given_limits_hold_and_the_bar_shows_what_is_beyond(tree, ax):
    plot.model(tree, "density", ax=ax, limits=(-1.0, 1.0))
    assert (image(ax).norm.vmin, image(ax).norm.vmax) == (-1.0, 1.0)
    assert image(ax).colorbar.extend == "both"


def test_one_odd_value_does_not_bleach_the_map():
    values = np.r_[np.linspace(-1, 1, 5000), 1000.0]
    assert norm_for("diverging", values).vmax < 1.01
    assert norm_for("diverging", np.linspace(-1, 3, 100)).vmax == 3.0


def test_compare_is_joint_over_separate_centred_on_one(tree, ax):
    plot.compare(tree, "density", ax=ax, depth=1000.0)
    joint = tree["posterior_summary"]["density_std"].values[-2]
    alone = tree["separate_summary"]["density_std__gravity_only"].values[-2]
    np.testing.assert_allclose(image(ax).get_array(), joint / alone)
    norm = image(ax).norm
    np.testing.assert_allclose(0.5 * (norm.vmin + norm.vmax), 1.0)
    plot.compare(tree, "density", what="mean", ax=(other := Figure().add_subplot()), depth=1000.0)
    mean = [tree[g][v].values[-2] for g, v in (("posterior_summary", "density_mean"),
                                               ("separate_summary", "density_mean__gravity_only"))]
    np.testing.assert_allclose(image(other).get_array(), mean[0] - mean[1])


def test_residual_histogram_counts_everything_once(ax):
    plot.residuals(np.r_[np.zeros(8), 100.0, np.nan], ax=ax, reach=5.0)
    area = sum(p.get_height() * p.get_width() for p in ax.patches)
    assert area == pytest.approx(1.0)
    assert ax.get_legend().get_title().get_text() == "1 of 9 (11 %) beyond ±5"


@pytest.mark.parametrize(("values", "reach", "words"), [
    (np.linspace(-0.3, 0.2, 50), 4.0, "none beyond ±4"),
    (np.linspace(-8.2, 30.0, 500), 30.0, "none beyond ±30"),
    (np.r_[np.linspace(-6.5, 6.5, 999), -200.0], 7.0, "1 of 1000 (0.1 %) beyond ±7"),
])
def test_residual_histogram_covers_the_data_and_states_the_rest(ax, values, reach, words):
    plot.residuals(values, ax=ax)
    assert ax.get_xlim() == (-reach, reach)
    assert ax.get_legend().get_title().get_text() == words
    assert min(p.get_x() for p in ax.patches) == -reach  # bars fill the axis
    assert sum(p.get_height() * p.get_width() for p in ax.patches) == pytest.approx(1.0)


def test_crossplot_counts_cells_and_states_the_correlation(tree, ax):
    plot.crossplot(tree, ax=ax)
    x, y = (tree["posterior_summary"][f"{n}_mean"].values.ravel() for n in ("density", "susceptibility"))
    assert image(ax).get_array().sum() == x.size
    assert isinstance(image(ax).norm, LogNorm)
    assert f"{np.corrcoef(x, y)[0, 1]:.2f}" in ax.get_title()


def test_profile_is_the_median_of_each_layer(tree, ax):
    plot.profile(tree, "density", ax=ax)
    joint = ax.lines[0].get_xdata()
    ratio = tree["posterior_summary"]["density_std"].values / tree["prior_summary"]["density_std"].values
    np.testing.assert_allclose(joint, np.median(ratio.reshape(ratio.shape[0], -1), axis=1))
    assert ax.get_ylim() == (4.0, 0.0)
    np.testing.assert_array_equal(layer_ratio(np.zeros((2, 1, 1)), np.zeros((2, 1, 1))), np.full((3, 2), np.nan))


def test_convergence_divides_chi2_by_the_number_of_data(tree, ax):
    plot.convergence(tree, "chi2", ax=ax)
    count = tree["observed_data"]["gravity"].attrs["n_data"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), tree["history"]["gravity_chi2"].values / count)
    plot.convergence(tree, "gradient_norm", ax=(other := Figure().add_subplot()))
    assert other.get_yscale() == "log"


def test_edges_lie_between_centres():
    np.testing.assert_array_equal(edges(np.array([0.0, 2.0, 6.0])), [-1.0, 1.0, 4.0, 8.0])
    np.testing.assert_array_equal(edges(np.array([3.0])), [2.5, 3.5])


def test_new_axes_are_made_without_touching_a_display(tree):
    code = ("import matplotlib; matplotlib.use('agg'); from bayesjoint import plot; import numpy as np\n"
            "ax = plot.data(np.eye(2), easting=[0, 1], northing=[0, 1]); print(type(ax).__name__)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "Axes\n"


@pytest.mark.parametrize(("call", "message"), [
    (lambda t: plot.data(t, "seismic"), "'gravity', 'magnetic'"),
    (lambda t: plot.data(t, "gravity", "truth"), "'observed'"),
    (lambda t: plot.data(np.eye(2)), "easting and northing"),
    (lambda t: plot.data(np.eye(2), easting=[0, 1, 2], northing=[0, 1]), "shape"),
    (lambda t: plot.model(t, "velocity"), "'density', 'susceptibility'"),
    (lambda t: plot.model(t, "density", depth=1.0, easting=2.0), "one at a time"),
    (lambda t: plot.model(t, "density", depth=1e6), "inside the mesh"),
    (lambda t: plot.model(t, "density", label="seismic_only"), "'gravity_only'"),
    (lambda t: plot.model(np.ones((1, 2, 2))), "mesh"),
    (lambda t: plot.model(np.ones((1, 2, 2)), mesh=Mesh.regular((1, 2, 3), (1, 1, 1))), "mesh's shape"),
    (lambda t: plot.compare(t, "density", label="nobody"), "'gravity_only'"),
    (lambda t: plot.convergence(t, "nothing"), "'chi2'"),
])
def test_bad_input_is_refused_in_words(tree, call, message):
    with pytest.raises(ValueError, match=message):
        call(tree)


def test_what_a_tree_does_not_hold_is_named(scattered):
    with pytest.raises(ValueError, match="no separate inversion"):
        plot.compare(scattered, "density")
    bare = build_tree([ParameterBlock(name="H0", mean=70.0)])
    for call in (plot.crossplot, plot.convergence, plot.data):
        with pytest.raises(ValueError, match="source"):
            call(bare)
