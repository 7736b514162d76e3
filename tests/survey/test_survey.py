"""Surveys: what they refuse, what they keep, and what changes when they are cut, gridded or detrended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesjoint import Survey

NAN = float("nan")


def grid(**changes):
    settings = {
        "kind": "gravity", "data": np.arange(12.0).reshape(3, 4), "easting": [0.0, 10, 20, 30],
        "northing": [0.0, 5, 15], "upward": 2.0,
    }  # fmt: skip
    settings |= changes
    return Survey(**settings)


def scattered(**changes):
    settings = {
        "kind": "magnetic", "data": [1.0, 2.0, 3.0], "easting": [0.0, 7, 3], "northing": [1.0, 1, 9],
        "upward": [40.0, 41, 42], "std": 2.0, "intensity": 60e3, "inclination": 79.0, "declination": 11.0,
    }  # fmt: skip
    settings |= changes
    return Survey(**settings)


BAD = {
    "kind empty": ({"kind": ""}, TypeError, "kind"),
    "kind number": ({"kind": 3}, TypeError, "kind"),
    "kind misspelt": ({"kind": "gravty"}, ValueError, "units"),
    "wrong units": ({"units": "um/s2"}, ValueError, "units"),
    "name of a dim": ({"name": "northing"}, ValueError, "name"),
    "name with slash": ({"name": "a/b"}, ValueError, "name"),
    "name from kind": ({"kind": "travel time", "units": "s"}, ValueError, "name"),
    "inf": ({"data": np.full((3, 4), np.inf)}, ValueError, "data"),
    "text": ({"data": [["a"] * 4] * 3}, TypeError, "data"),
    "all gaps": ({"data": np.full((3, 4), NAN)}, ValueError, "data"),
    "3-D": ({"data": np.ones((1, 3, 4))}, ValueError, "data"),
    "transposed": ({"data": np.ones((4, 3))}, ValueError, "data"),
    "nan easting": ({"easting": [0, 10, NAN, 30]}, ValueError, "easting"),
    "zigzag": ({"easting": [0, 20, 10, 30]}, ValueError, "easting"),
    "repeated": ({"northing": [0, 5, 5]}, ValueError, "northing"),
    "2-D axis": ({"easting": np.ones((3, 4))}, ValueError, "easting"),
    "no height": ({"upward": None}, TypeError, "upward"),
    "nan height": ({"upward": NAN}, ValueError, "upward"),
    "height shape": ({"upward": np.zeros(4)}, ValueError, "upward"),
    "std zero": ({"std": 0.0}, ValueError, "std"),
    "std negative": ({"std": -1.0}, ValueError, "std"),
    "std nan": ({"std": NAN}, ValueError, "std"),
    "std inf": ({"std": np.inf}, ValueError, "std"),
    "std shape": ({"std": np.ones(4)}, ValueError, "std"),
    "field on gravity": ({"inclination": 3.0}, ValueError, "inclination"),
}


@pytest.mark.parametrize(("changes", "error", "argument"), BAD.values(), ids=BAD)
def test_bad_input_names_the_argument(changes, error, argument):
    with pytest.raises(error, match=f"{argument}.* must .*; found ") as caught:
        grid(**changes)
    assert str(caught.value).rstrip().endswith(".")  # the remedy


@pytest.mark.parametrize("changes", [{"intensity": 0.0}, {"intensity": -5.0}, {"inclination": 91.0},
                                     {"declination": 400.0}, {"intensity": NAN}])  # fmt: skip
def test_inducing_field_is_checked(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        scattered(**changes)


def test_scattered_lengths_must_agree():
    with pytest.raises(ValueError, match="one length"):
        scattered(easting=[0.0, 1.0])


def test_grid_attributes():
    survey = grid(std=0.5)
    assert survey.is_grid
    assert survey.dims == ("northing", "easting")
    assert (survey.shape, survey.size) == ((3, 4), 12)
    assert (survey.name, survey.units, survey.upward) == ("gravity", "mGal", 2.0)
    assert survey.observed.all()
    np.testing.assert_array_equal(survey.std, np.full((3, 4), 0.5))


def test_scattered_attributes():
    survey = scattered()
    assert not survey.is_grid
    assert survey.dims == ("station",)
    assert survey.units == "nT"
    np.testing.assert_array_equal(survey.upward, [40.0, 41.0, 42.0])


def test_other_kinds_bring_their_units():
    assert grid(kind="seismic", units="s").units == "s"


def test_mask_and_nan_mark_gaps_and_gaps_carry_no_std():
    values = np.ma.masked_less(np.arange(12).reshape(3, 4), 2)
    survey = grid(data=values, std=1.0)
    np.testing.assert_array_equal(survey.observed, ~values.mask)
    np.testing.assert_array_equal(np.isnan(survey.std), values.mask)


def test_std_may_be_anything_in_a_gap():
    data, std = np.ones((3, 4)), np.ones((3, 4))
    data[0, 0], std[0, 0] = NAN, -1.0
    assert grid(data=data, std=std).observed.sum() == 11


@pytest.mark.parametrize("axis", [0, 1])
def test_descending_axis_is_turned_with_everything_on_it(axis):
    height, std = np.arange(12.0).reshape(3, 4) + 50, np.arange(12.0).reshape(3, 4) + 1
    straight = grid(upward=height, std=std)
    name = ("northing", "easting")[axis]
    turned = grid(
        data=np.flip(straight.data, axis), upward=np.flip(height, axis), std=np.flip(std, axis),
        **{name: getattr(straight, name)[::-1]},
    )  # fmt: skip
    for key in ("data", "upward", "std", "easting", "northing"):
        np.testing.assert_array_equal(getattr(turned, key), getattr(straight, key))


def test_a_square_labelled_array_is_not_transposed_in_silence():
    import xarray as xr

    values = np.arange(9.0).reshape(3, 3)
    axes = {"easting": [0.0, 1, 2], "northing": [0.0, 1, 2]}
    other = xr.DataArray(values, axes, ("northing", "easting")).transpose("easting", "northing")
    np.testing.assert_array_equal(Survey("gravity", other, **axes, upward=0.0).data, values)


def test_a_survey_does_not_change_with_its_input_nor_in_place():
    data = np.ones((3, 4))
    survey = grid(data=data)
    data[0, 0] = 99.0
    assert survey.data[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        survey.data[0, 0] = 5.0


def test_coordinates_follow_the_flattening_order():
    survey = grid(data=np.arange(3)[:, None] * 100.0 + np.arange(4) * 10)
    easting, northing, upward = survey.coordinates()
    rows, columns = survey.data.ravel() // 100, survey.data.ravel() % 100 // 10
    np.testing.assert_array_equal(easting, survey.easting[columns.astype(int)])
    np.testing.assert_array_equal(northing, survey.northing[rows.astype(int)])
    np.testing.assert_array_equal(upward, np.full(12, 2.0))


def test_replace_keeps_the_rest_and_refuses_the_unknown():
    survey = scattered(crs="EPSG:32614", licence="MIT")
    changed = survey.replace(std=3.0)
    assert (changed.crs, changed.licence, changed.intensity) == ("EPSG:32614", "MIT", 60e3)
    np.testing.assert_array_equal(changed.std, [3.0, 3.0, 3.0])
    with pytest.raises(TypeError, match="sigma"):
        survey.replace(sigma=3.0)


def test_window_keeps_its_border_and_records_itself():
    survey = grid(std=np.arange(12.0).reshape(3, 4) + 1, upward=np.arange(12.0).reshape(3, 4))
    cut = survey.window(west=10, east=20, north=5)
    np.testing.assert_array_equal(cut.data, survey.data[:2, 1:3])
    np.testing.assert_array_equal(cut.std, survey.std[:2, 1:3])
    np.testing.assert_array_equal(cut.upward, survey.upward[:2, 1:3])
    assert "window" in cut.history[-1]
    line = scattered().window(east=5)
    np.testing.assert_array_equal(line.data, [1.0, 3.0])
    np.testing.assert_array_equal(line.upward, [40.0, 42.0])


def test_window_that_leaves_nothing_or_is_upside_down():
    with pytest.raises(ValueError, match="at least one observed"):
        grid().window(west=11, east=19)
    with pytest.raises(ValueError, match="ascending"):
        grid().window(south=10, north=0)


def test_to_grid_restores_an_exported_grid():
    survey = grid(std=np.arange(12.0).reshape(3, 4) + 1)
    easting, northing, upward = survey.coordinates()
    order = np.random.default_rng(0).permutation(12)
    table = Survey("gravity", survey.data.ravel()[order], easting[order], northing[order], upward[order],
                   survey.std.ravel()[order])  # fmt: skip
    again = table.to_grid()
    for key in ("data", "easting", "northing", "std", "upward"):
        np.testing.assert_array_equal(getattr(again, key), getattr(survey, key))
    holed = table.replace(**{k: getattr(table, k)[1:] for k in ("data", "easting", "northing", "upward", "std")})
    assert (~holed.to_grid().observed).sum() == 1
    assert survey.to_grid() is survey


def test_to_grid_refuses_scattered_and_repeated_stations():
    rng = np.random.default_rng(1)
    place = rng.uniform(0, 1e4, (2, 30))
    with pytest.raises(ValueError, match="lattice"):
        Survey("gravity", np.ones(30), *place, 0.0).to_grid()
    with pytest.raises(ValueError, match="1 repeat"):
        Survey("gravity", np.ones(3), [0, 0, 1], [0, 0, 1], 0.0).to_grid()
    with pytest.raises(ValueError, match="upward"):
        Survey("gravity", np.ones(3), [0, 1, 0], [0, 0, 1], [0.0, 1.0, 2.0]).to_grid()


@given(st.lists(st.floats(-50, 50), min_size=6, max_size=6))
def test_detrending_removes_a_surface_of_its_degree_and_nothing_else(coefficients):
    survey = grid(data=np.random.default_rng(3).normal(size=(3, 4)))
    x, y, _ = survey.coordinates()
    surface = sum(c * t for c, t in zip(coefficients, (1, x, y, x * y, x**2, y**2), strict=True))
    with_trend = survey.replace(data=survey.data + np.reshape(surface, survey.shape)).detrended(2)
    np.testing.assert_allclose(with_trend.data, survey.detrended(2).data, atol=1e-8 * (1 + np.abs(surface).max()))


def test_detrending_fits_the_observed_only_and_says_what_it_took():
    plane = 100.0 + 3 * np.array([0.0, 10, 20, 30]) - 2 * np.array([[0.0], [5], [15]])
    plane[0, 0] = NAN
    out = grid(data=plane, std=0.5).detrended(1)
    assert np.isnan(out.data[0, 0])
    np.testing.assert_allclose(out.data[out.observed], 0.0, atol=1e-10)
    np.testing.assert_array_equal(out.std[out.observed], 0.5)
    assert "degree 1" in out.history[-1]


def test_the_degree_is_a_total_degree():
    x, y, _ = grid().coordinates()
    left = grid(data=np.reshape(x * y, (3, 4))).detrended(1)
    assert np.std(left.data) > 0.1 * np.std(x * y)


@pytest.mark.parametrize("degree", [-1, 1.5, True, "1"])
def test_detrending_refuses_a_bad_degree(degree):
    with pytest.raises((ValueError, TypeError), match="degree"):
        grid().detrended(degree)


def test_detrending_refuses_what_the_stations_cannot_determine():
    with pytest.raises(ValueError, match="rank"):
        scattered().detrended(2)


@pytest.mark.parametrize("survey", [grid(std=0.1, crs="EPSG:28351", source="x", licence="y"), scattered()])
def test_dataset_describes_every_variable_with_numbers_and_strings(survey):
    dataset = survey.to_dataset()
    assert set(dataset.data_vars) == {survey.name, f"{survey.name}_std"}
    for variable in dataset.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    for attributes in (dataset.attrs, *(v.attrs for v in dataset.variables.values())):
        assert {type(value) for value in attributes.values()} <= {str, float}
    np.testing.assert_array_equal(dataset[survey.name], survey.data)
    assert not set(dataset.data_vars) & set(dataset.dims)


def test_repr_says_what_a_reader_needs_first():
    assert repr(scattered()) == "Survey('magnetic': 3 stations, 3 observed, nT, upward 40 to 42 m, std 2 nT)"
    assert "no std" in repr(grid())
