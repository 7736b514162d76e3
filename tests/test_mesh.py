"""Meshes: geometry against brute force, refusals, and columns that really lie under the stations."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesjoint import GravityOperator, Mesh, Survey
from bayesjoint._surface_height import surface_over

STEPS = st.lists(st.floats(0.1, 1e4), min_size=1, max_size=6)
ORIGIN = st.floats(-1e6, 1e6)
NAN = float("nan")


def edges_from(origin, steps):
    return origin + np.concatenate([[0.0], np.cumsum(steps)])


@st.composite
def meshes(draw):
    return Mesh(*(edges_from(draw(ORIGIN), draw(STEPS)) for _ in range(3)))


def gridded(nx=5, ny=4, step=100.0, west=0.0, south=0.0, upward=0.0, rows=None):
    northing = south + step * np.arange(ny) if rows is None else np.asarray(rows, float)
    return Survey("gravity", np.ones((northing.size, nx)), west + step * np.arange(nx), northing, upward)


def scattered(easting, northing, upward=0.0):
    return Survey("gravity", np.ones(len(easting)), easting, northing, upward)


def centred(values, centres, tolerance=1e-6):
    """Whether every value is the centre of some column."""
    return bool(np.all(np.abs(np.asarray(values)[:, None] - centres).min(axis=1) <= tolerance))


# -- geometry ----------------------------------------------------------------------------------------------------------


@given(meshes())
def test_centres_edges_and_counts_agree(mesh):
    nz, ny, nx = mesh.shape
    assert mesh.size == nz * ny * nx
    for name, count in (("upward", nz), ("northing", ny), ("easting", nx)):
        centres, edges = getattr(mesh, name), getattr(mesh, f"{name}_edges")
        assert centres.shape == (count,)
        assert edges.shape == (count + 1,)
        assert np.all((edges[:-1] < centres) & (centres < edges[1:]))
    np.testing.assert_allclose(mesh.depth, mesh.upward_edges[-1] - mesh.upward)
    assert np.all(np.diff(mesh.depth) < 0)  # bottom layer first
    assert mesh.thickness.sum() == pytest.approx(np.ptp(mesh.upward_edges))


@given(meshes())
def test_prisms_are_the_cells_in_flattening_order(mesh):
    prisms = mesh.prisms()
    assert prisms.shape == (mesh.size, 6)
    nz, ny, nx = mesh.shape
    for flat in {0, mesh.size // 2, mesh.size - 1}:
        k, j, i = np.unravel_index(flat, (nz, ny, nx))
        np.testing.assert_array_equal(
            prisms[flat],
            [*mesh.easting_edges[i : i + 2], *mesh.northing_edges[j : j + 2], *mesh.upward_edges[k : k + 2]],
        )
    whole = np.prod([np.ptp(getattr(mesh, f"{d}_edges")) for d in mesh.dims])
    assert np.prod(prisms[:, 1::2] - prisms[:, ::2], axis=1).sum() == pytest.approx(whole, rel=1e-6)


@given(st.tuples(*[st.integers(1, 5)] * 3), st.tuples(*[st.floats(0.5, 5e3)] * 3), ORIGIN, ORIGIN, ORIGIN)
def test_regular_reaches_down_from_the_top_and_is_equal(shape, spacing, west, south, top):
    mesh = Mesh.regular(shape, spacing, west=west, south=south, top=top)
    assert mesh.shape == shape
    assert (mesh.easting_edges[0], mesh.northing_edges[0], mesh.upward_edges[-1]) == (west, south, top)
    np.testing.assert_allclose(mesh.thickness, spacing[0], rtol=1e-6)
    np.testing.assert_allclose(mesh.horizontal_spacing(), spacing[1:], rtol=1e-6)


def test_horizontal_spacing_is_northing_then_easting_and_refuses_unequal_columns():
    assert Mesh([0, 10, 20], [0, 7, 14], [-5, 0]).horizontal_spacing() == (7.0, 10.0)
    with pytest.raises(ValueError, match=r"easting_edges must be equally spaced.*at_stations"):
        Mesh([0, 10, 21], [0, 7, 14], [-5, 0]).horizontal_spacing()


def test_a_mesh_does_not_change_with_its_input():
    edges = np.array([0.0, 1.0, 2.0])
    mesh = Mesh(edges, edges, edges)
    edges[0] = -9.0
    assert mesh.easting_edges[0] == 0.0


def test_equality_is_by_edges():
    one, same = Mesh([0, 1], [0, 1], [0, 1]), Mesh([0.0, 1.0], [0, 1], [0, 1])
    assert one == same
    assert one != Mesh([0, 2], [0, 1], [0, 1])
    assert one != "mesh"


def test_coords_are_ready_for_xarray():
    import xarray as xr

    mesh = Mesh.regular((2, 3, 4), (10, 20, 30), top=5)
    array = xr.DataArray(np.zeros(mesh.shape), mesh.coords(), mesh.dims)
    assert array.shape == mesh.shape
    assert all({"units", "long_name"} <= set(array[d].attrs) for d in mesh.dims)


def test_repr_names_the_extent():
    assert repr(Mesh.regular((2, 3, 4), (10, 20, 30))) == (
        "Mesh(2 x 3 x 4 cells; east 0 to 120, north 0 to 60, up -20 to 0 m)"
    )


@pytest.mark.parametrize("edges", [[0, 1, 1], [1, 0], [0], [], [0, NAN], [0, np.inf], [[0, 1]], 3.0])
@pytest.mark.parametrize("position", range(3))
def test_bad_edges_name_their_axis(edges, position):
    arguments = [[0, 1], [0, 1], [0, 1]]
    arguments[position] = edges
    name = ("easting_edges", "northing_edges", "upward_edges")[position]
    with pytest.raises(ValueError, match=f"^{name} must .*; found "):
        Mesh(*arguments)


def test_edges_that_are_no_numbers():
    with pytest.raises(TypeError, match="upward_edges must be numeric"):
        Mesh([0, 1], [0, 1], ["low", "high"])


@pytest.mark.parametrize("shape", [(1, 2), (0, 1, 1), (1.5, 1, 1), ("a", 1, 1), 3, (NAN, 1, 1), (True, 1, 1), None])
def test_regular_refuses_a_bad_shape(shape):
    with pytest.raises((ValueError, TypeError), match=r"^shape must be (three positive|an integer >= 1|a tuple)"):
        Mesh.regular(shape, (1, 1, 1))


@pytest.mark.parametrize("spacing", [(1, 1), 1.0, (0, 1, 1), (-1, 1, 1), (NAN, 1, 1), (np.inf, 1, 1)])
def test_regular_refuses_a_bad_spacing(spacing):
    with pytest.raises((ValueError, TypeError), match=r"^spacing must "):
        Mesh.regular((1, 1, 1), spacing)


def test_regular_refuses_a_bad_corner():
    with pytest.raises(ValueError, match=r"^top must "):
        Mesh.regular((1, 1, 1), (1, 1, 1), top=NAN)


# -- under surveys -----------------------------------------------------------------------------------------------------


def test_columns_are_centred_on_the_stations_with_padding_around():
    survey = gridded(west=1000.0, south=-300.0)
    mesh = Mesh.from_surveys([survey], depth=900.0, layers=3, padding=2)
    assert mesh.shape == (3, 4 + 4, 5 + 4)
    np.testing.assert_allclose(mesh.easting[2:-2], survey.easting)
    np.testing.assert_allclose(mesh.northing[2:-2], survey.northing)
    np.testing.assert_allclose(mesh.upward_edges, [-900, -600, -300, 0])


def test_growth_thickens_downwards_and_keeps_the_depth():
    mesh = Mesh.from_surveys([gridded(upward=50.0)], depth=700.0, layers=3, growth=2.0, top=50.0)
    np.testing.assert_allclose(mesh.thickness, [400, 200, 100])
    np.testing.assert_allclose(mesh.upward_edges[[0, -1]], [-650, 50])


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 6), st.integers(0, 3), st.floats(20, 2000), ORIGIN)
def test_windows_of_one_lattice_share_a_mesh(shift_east, shift_north, count, padding, step, origin):
    first = gridded(step=step, west=origin)
    second = gridded(nx=count, ny=count, step=step, west=origin + shift_east * step, south=shift_north * step)
    mesh = Mesh.from_surveys([first, second], depth=100.0, padding=padding)
    for survey in (first, second):
        assert centred(survey.easting, mesh.easting, 1e-3 * step)
        assert centred(survey.northing, mesh.northing, 1e-3 * step)
    both = np.concatenate([first.easting, second.easting])
    assert mesh.shape[2] == round(np.ptp(both) / step) + 1 + 2 * padding
    np.testing.assert_allclose(mesh.horizontal_spacing(), step, rtol=1e-6)


@given(st.lists(st.tuples(st.floats(-5e3, 5e3), st.floats(-5e3, 5e3)), min_size=1, max_size=8), st.integers(0, 3))
def test_scattered_stations_lie_over_the_mesh_inside_its_padding(places, padding):
    survey = scattered(*np.transpose(places))
    mesh = Mesh.from_surveys([survey], depth=100.0, spacing=(50.0, 80.0), padding=padding)
    np.testing.assert_allclose(mesh.horizontal_spacing(), (50.0, 80.0))
    for axis, step in (("easting", 80.0), ("northing", 50.0)):
        values, edges = getattr(survey, axis), getattr(mesh, f"{axis}_edges")
        assert values.min() - edges[0] >= (padding + 0.5) * step - 1e-2 * step
        assert edges[-1] - values.max() >= (padding + 0.5) * step - 1e-2 * step
        assert values.min() - edges[0] <= (padding + 1.5) * step  # and no wider than it needs to be


def test_a_scattered_survey_widens_the_lattice_of_the_gridded_one():
    survey = gridded()
    other = scattered([-130.0, 500.0], [55.0, 60.0])
    for surveys in ([survey, other], [other, survey]):
        for spacing in (None, 100.0, (100.0, 100.0)):  # a stated spacing must not shift the columns off the grid
            mesh = Mesh.from_surveys(surveys, depth=100.0, padding=0, spacing=spacing)
            assert centred(survey.easting, mesh.easting)
            assert centred(survey.northing, mesh.northing)
            assert mesh.easting_edges[0] <= -130.0
            assert mesh.easting_edges[-1] >= 500.0


def test_a_single_line_takes_its_missing_spacing_from_another_survey_or_the_caller():
    line = gridded(ny=1)
    with pytest.raises(ValueError, match="spacing must be given when no survey is gridded along northing"):
        Mesh.from_surveys([line], depth=100.0)
    assert Mesh.from_surveys([line, gridded()], depth=100.0, padding=1).shape[1] == 6
    assert Mesh.from_surveys([line], depth=100.0, spacing=100.0, padding=1).shape[1] == 3
    with pytest.raises(ValueError, match="share one lattice in northing"):
        Mesh.from_surveys([line.replace(northing=[30.0]), gridded()], depth=100.0)


def test_single_precision_coordinates_are_a_lattice():
    axis = np.float32(6.5e6) + np.arange(40, dtype=np.float32) * np.float32(800.3)
    survey = Survey("gravity", np.ones((40, 40)), axis, axis, 0.0)
    assert np.ptp(np.diff(survey.easting)) > 0
    assert Mesh.from_surveys([survey], depth=100.0, padding=1).shape[1:] == (42, 42)


@pytest.mark.parametrize(("other", "message"), [
    (gridded(step=110.0), "equal spacing"),
    (gridded(west=33.0), "share one lattice in easting"),
    (gridded(south=50.0), "share one lattice in northing"),
    (gridded(rows=[0.0, 100.0, 220.0, 300.0]), "equal spacing in northing"),
    (gridded(nx=2000, step=100.01), "equal spacing in easting"),
])  # fmt: skip
def test_lattices_that_disagree_are_refused_and_spacing_lets_them_in(other, message):
    with pytest.raises(ValueError, match=f"{message}.*spacing="):
        Mesh.from_surveys([gridded(), other], depth=100.0)
    assert Mesh.from_surveys([gridded(), other], depth=100.0, spacing=100.0).size > 0


def test_a_station_below_the_top_is_refused():
    with pytest.raises(ValueError, match=r"^top must not lie above any station; found top 10 m, lowest station 3 m"):
        Mesh.from_surveys([scattered([0, 1], [0, 1], [3.0, 20.0])], depth=100.0, spacing=10.0, top=10.0)


@pytest.mark.parametrize(("changes", "name"), [
    ({"surveys": []}, "surveys"), ({"surveys": [3]}, "surveys"), ({"surveys": "abc"}, "surveys"),
    ({"depth": 0.0}, "depth"), ({"depth": NAN}, "depth"), ({"depth": [1.0, 2.0]}, "depth"),
    ({"layers": 0}, "layers"), ({"layers": 2.5}, "layers"), ({"layers": "3"}, "layers"),
    ({"padding": -1}, "padding"), ({"padding": NAN}, "padding"), ({"top": NAN}, "top"),
    ({"growth": 0.0}, "growth"), ({"spacing": 0.0}, "spacing"), ({"spacing": (1.0, 2.0, 3.0)}, "spacing"),
])  # fmt: skip
def test_bad_settings_name_themselves(changes, name):
    settings = {"surveys": [gridded()], "depth": 100.0} | changes
    with pytest.raises((ValueError, TypeError), match=f"^{name} must "):
        Mesh.from_surveys(**settings)


def test_one_survey_need_not_be_in_a_list():
    assert Mesh.from_surveys(gridded(), depth=100.0) == Mesh.from_surveys([gridded()], depth=100.0)


# -- ground and air ----------------------------------------------------------------------------------------------------


def test_topography_marks_the_cells_whose_centres_lie_below_it():
    mesh = Mesh.regular((4, 5, 6), (50, 100, 100), top=100.0)
    axis = {"northing": np.arange(5.0, 500, 10), "easting": np.arange(5.0, 600, 10)}
    grid = xr.DataArray(np.broadcast_to(0.2 * axis["northing"][:, None], (50, 60)), axis, ("northing", "easting"))
    hill = mesh.with_topography(grid.T)  # dims go by name
    expected = mesh.upward[:, None, None] < 0.2 * mesh.northing[:, None]  # the mean of a slope is that of the centre
    np.testing.assert_array_equal(hill.active, np.broadcast_to(expected, mesh.shape))
    assert hill != mesh
    assert hill.same_cells(mesh)
    top = np.array([np.max(mesh.upward_edges[1:][column]) for column in hill.active[:, :, 0].T])
    np.testing.assert_array_equal(hill.surface[:, 0], top)
    depth = hill.depth_below_ground
    assert np.array_equal(np.isnan(depth), ~hill.active)
    assert np.nanmin(depth) == 25.0
    assert not mesh.has_air and hill.has_air


def test_points_interpolate_linearly_and_the_nearest_counts_beyond_them():
    mesh = Mesh.regular((10, 3, 9), (10, 100, 100), top=100.0)
    corners = ([100.0, 800.0, 100.0, 800.0], [0.0, 0.0, 300.0, 300.0], [0.0, 70.0, 0.0, 70.0])
    found = surface_over(mesh.easting_edges, mesh.northing_edges, corners)
    np.testing.assert_allclose(found[1], [0, 5, 15, 25, 35, 45, 55, 65, 70])
    assert mesh.with_topography(([150.0], [50.0], [40.0])).surface.max() == 40.0


def test_a_mesh_from_surveys_follows_the_topography_and_leaves_stations_outside():
    east, north = (a.ravel() for a in np.meshgrid(np.arange(50.0, 600, 100), np.arange(50.0, 500, 100)))
    ground = (east, north, 0.3 * east)
    station = Survey("gravity", np.ones(east.size), east, north, 0.3 * east, std=0.1)
    mesh = Mesh.from_surveys([station], depth=400.0, layers=9, spacing=100.0, padding=2, topography=ground)
    assert mesh.upward_edges[-1] == 165.0 and mesh.upward_edges[0] == 15.0 - 400.0
    GravityOperator.at_stations(mesh, east, north, 0.3 * east, active=mesh.active)  # refuses stations in the ground
    plain = Mesh.from_surveys([station], depth=400.0, layers=9, spacing=100.0, padding=2, top=0.0)
    assert not plain.has_air


@pytest.mark.parametrize(("topography", "words", "error"), [
    (([5e3], [5e3], [0.0]), "topography must cover", ValueError),
    (([50.0], [50.0], [NAN]), "topography must hold", ValueError),
    (7.0, "topography must be a DataArray", TypeError),
    (([50.0], [50.0], [-1e4]), "active must mark", ValueError),
    (([50.0, 60.0], [50.0], [0.0]), "northing", ValueError),
])
def test_topographies_that_are_none_are_refused(topography, words, error):
    with pytest.raises(error, match=words):
        Mesh.regular((2, 2, 2), (50, 100, 100)).with_topography(topography)


def test_masks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="active must be a boolean array"):
        Mesh.regular((2, 2, 2), (50, 100, 100)).with_active(np.ones((2, 2, 2)))
