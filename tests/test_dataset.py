from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayesjoint.dataset import (
    Approximation,
    ModalityBlock,
    ParameterBlock,
    build_tree,
    read_attributes,
    read_tree,
    without_gaps,
    write_tree,
)

from .trees import make_tree

SMALL = (3, 18, 20)
MASS = ParameterBlock(name="mass", mean=1.0, units="kg")


@pytest.fixture(scope="module", params=["grid", "scattered"])
def tree(request):
    return make_tree(SMALL, request.param)


def test_groups_are_flat_and_arviz_named(tree):
    expected = {"posterior", "posterior_summary", "prior_summary", "separate_summary", "observed_data", "constant_data",
                "posterior_predictive", "predictive_summary", "log_likelihood", "sample_stats", "history"}
    assert set(tree.children) == expected
    assert all(not node.children for node in tree.children.values())
    assert tree["posterior"]["density"].dims == ("chain", "draw", "upward", "northing", "easting")
    assert tree["posterior"]["density"].dtype == np.float32
    assert not tree.coords


def test_every_variable_has_units_and_long_name_and_attributes_are_plain(tree):
    for node in tree.subtree:
        for value in node.attrs.values():
            assert isinstance(value, int | float | str) and not isinstance(value, bool)
        for name, variable in node.variables.items():
            assert {"units", "long_name"} <= set(variable.attrs), name
            assert all(isinstance(v, int | float | str) and not isinstance(v, bool) for v in variable.attrs.values())


def test_no_variable_shares_a_dimension_name(tree):
    dims = {d for node in tree.children.values() for d in node.dims}
    variables = {v for node in tree.children.values() for v in node.data_vars}
    assert not dims & variables
    assert not {"sample", "pred_id"} & (dims | variables)


def test_gap_is_nan_everywhere_and_counted(tree):
    observed = tree["observed_data"]["gravity"]
    gaps = np.isnan(observed.values)
    assert gaps.any() == (observed.ndim == 2)
    assert observed.attrs["n_data"] == gaps.size - gaps.sum()
    np.testing.assert_array_equal(np.isnan(tree["posterior_predictive"]["gravity"].values[0, 0]), gaps)
    np.testing.assert_array_equal(np.isnan(tree["constant_data"]["gravity_noise_std"].values), gaps)


@pytest.mark.parametrize("options", [{}, {"keep_bits": 10}, {"draw_dtype": "float64"}])
def test_round_trip(tmp_path, options):
    tree = make_tree(SMALL, **options)
    path = write_tree(tree, tmp_path / "posterior.nc")
    back = read_tree(path)
    assert back.identical(tree)
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]
    for group, node in tree.children.items():
        for name, variable in node.variables.items():
            assert back[group].variables[name].dtype == variable.dtype
            assert back[group].variables[name].attrs == variable.attrs
    assert read_attributes(back) == read_attributes(tree)
    assert read_attributes(back)["settings"]["coupling"]["correlation"] == 0.6


def test_string_and_boolean_values_survive(tmp_path):
    block = ParameterBlock(name="H0", dims=("H0_id",), coords={"H0_id": ("H0_id", ["early", "läte"], {})},
                           units="km/s/Mpc", mean=[67.0, 73.0])
    extra = xr.Dataset({"moved": ("survey", [True, False], {"units": "1", "long_name": "moved", "note": None})},
                       attrs={"tested": True})
    tree = build_tree([block], extra={"conflict": extra})
    back = read_tree(write_tree(tree, tmp_path / "a.nc"))
    assert back.identical(tree)
    assert back["posterior_summary"]["H0_id"].values.tolist() == ["early", "läte"]
    assert back["conflict"]["moved"].dtype == bool
    assert back["conflict"].attrs == {"tested": "true"}


def test_rounding_is_within_what_is_stated():
    exact = make_tree(SMALL, draw_dtype="float64")["posterior"]["density"].values
    for options, bound in (({}, 2.0**-24), ({"keep_bits": 10}, 2.0**-11)):
        tree = make_tree(SMALL, **options)
        error = np.abs(tree["posterior"]["density"].values / exact - 1).max()
        assert 0.5 * bound < error <= bound * (1 + 1e-6)
        assert f"{bound:.1e}" in tree.attrs["draw_storage"]


def test_rounded_file_is_smaller(tmp_path):
    sizes = [write_tree(make_tree((3, 30, 30), keep_bits=k), tmp_path / f"{k}.nc").stat().st_size for k in (None, 10)]
    assert sizes[1] < 0.75 * sizes[0]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError("disk full")])
def test_nothing_half_written(tmp_path, monkeypatch, interruption):
    path = tmp_path / "posterior.nc"
    old, new = build_tree([MASS]), build_tree([replace(MASS, mean=2.0)])
    write_tree(old, path)
    write = xr.DataTree.to_netcdf

    def interrupted(self, target, **options):
        write(self, target, **options)
        raise interruption

    monkeypatch.setattr(xr.DataTree, "to_netcdf", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write_tree(new, path)
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]
    assert read_tree(path).identical(old)


def test_reading_refuses_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.nc"):
        read_tree(tmp_path / "nowhere.nc")
    (tmp_path / "text.nc").write_text("not netCDF")
    with pytest.raises(ValueError, match="netCDF 4"):
        read_tree(tmp_path / "text.nc")
    xr.Dataset({"a": 1.0}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="bayesjoint posterior"):
        read_tree(tmp_path / "other.nc")
    with pytest.raises(FileNotFoundError, match="existing folder"):
        write_tree(build_tree([MASS]), tmp_path / "missing" / "a.nc")


def test_arviz_opens_the_file(tmp_path):
    """The user's next step: ``import arviz as az`` on the file, under ArviZ 0.23 and 1.x alike."""
    az = pytest.importorskip("arviz")
    tree = read_tree(write_tree(make_tree(SMALL, draws=100), tmp_path / "posterior.nc"))
    pick = xr.DataArray([0, 7, 100], dims="cell")
    cells = tree["posterior"].to_dataset().drop_vars(["upward", "northing", "easting"])
    subset = cells.stack(all=["upward", "northing", "easting"], create_index=False).isel(all=pick)
    small = xr.DataTree.from_dict({"/posterior": subset, "/sample_stats": tree["sample_stats"].to_dataset()})
    if hasattr(az, "from_datatree"):
        inference, probability = az.from_datatree(small), {"hdi_prob": 0.9}
        whole = az.from_datatree(tree)
        assert set(tree.children) <= set(whole.groups())
    else:
        inference, probability = small, {"prob": 0.9}
    table = az.summary(inference)
    assert len(table) == 6
    values = subset["density"].values.astype(float)
    np.testing.assert_allclose(table["mean"].to_numpy(dtype=float)[:3], values.mean((0, 1)), rtol=0.05)
    ess, rhat = az.ess(inference), az.rhat(inference)
    hdi = az.hdi(inference, **probability)
    for result in (ess, rhat, hdi):
        assert np.isfinite(result["density"].values).all()
    assert (ess["density"].values > 50).all()


def test_arviz_stats_loo_needs_and_gets_a_tree_without_gaps():
    loo = pytest.importorskip("arviz_stats").loo
    flat = without_gaps(make_tree(SMALL, draws=100))
    observed = flat["observed_data"]["gravity"]
    assert observed.dims == ("gravity_datum",) and np.isfinite(observed.values).all()
    assert flat["log_likelihood"]["gravity"].dims == ("chain", "draw", "gravity_datum")
    assert flat["observed_data"]["magnetic"].dims == ("magnetic_northing", "magnetic_easting")
    assert np.isfinite(loo(flat, var_name="gravity").elpd)


def test_flat_values_are_placed_by_the_mask():
    mask = np.array([[True, False, True], [True, True, False]])
    block = ModalityBlock(name="g", kind="gravity", dims=("g_northing", "g_easting"), coords={}, mask=mask,
                          observed=[1.0, 2.0, 3.0, 4.0], std=0.5, predictive_draws=np.arange(8.0).reshape(1, 2, 4),
                          upward=[5.0, 6.0, 7.0, 8.0])
    tree = build_tree([ParameterBlock(name="m", mean=0.0)], [block])
    nan = np.nan
    np.testing.assert_array_equal(tree["observed_data"]["g"], [[1, nan, 2], [3, 4, nan]])
    np.testing.assert_array_equal(tree["posterior_predictive"]["g"][0, 1], [[4, nan, 5], [6, 7, nan]])
    np.testing.assert_array_equal(tree["constant_data"]["g_upward"], [[5, nan, 6], [7, 8, nan]])
    assert tree["observed_data"]["g"].attrs["n_data"] == 4


def gravity(**changes):
    given = {"name": "g", "kind": "gravity", "dims": ("g_station",), "coords": {}, "observed": [1.0, 2.0]} | changes
    return ModalityBlock(**given)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: build_tree([]), "at least one"),
    (lambda: build_tree([ParameterBlock(name="sample", mean=1.0)]), "'sample'"),
    (lambda: build_tree([ParameterBlock(name="pred_id", mean=1.0, draws=[[1.0]])]), "'pred_id'"),
    (lambda: build_tree([ParameterBlock(name="a b", draws=[[1.0]])]), "'a b'"),
    (lambda: build_tree([ParameterBlock(name="H0", dims=("H0",), draws=np.ones((1, 2, 3)))]), "dimension"),
    (lambda: build_tree([MASS, MASS]), "only variable of that name"),
    (lambda: build_tree([ParameterBlock(name="m", mean=np.nan)]), "no NaN"),
    (lambda: build_tree([ParameterBlock(name="m", draws=[[np.inf]])]), "no NaN or Inf"),
    (lambda: build_tree([ParameterBlock(name="m", dims=("m_id",), mean=np.ones(3), std=np.ones(4))]), "size 3"),
    (lambda: build_tree([ParameterBlock(name="m", dims=("m_id",))]), "cover dim 'm_id'"),
    (lambda: build_tree([ParameterBlock(name="m", mean="high")]), "numeric"),
    (lambda: build_tree([ParameterBlock(name="m", mean=1.0, separate={"g_only": {"median": 1.0}})]), "'median'"),
    (lambda: build_tree([ParameterBlock(name="m", draws=[[1.0, 2.0]]), ParameterBlock(name="n", draws=[[1.0]])]),
     "Draw all parameters together"),
    (lambda: build_tree([MASS], [gravity(std=[1.0, 2.0, 3.0])]), "data's shape"),
    (lambda: build_tree([MASS], [gravity(log_likelihood_kind="guess")]), "'pointwise'"),
    (lambda: build_tree([MASS], [gravity(coords={"g_station": ("g_station", [0, 1, 2], {})})]), "size 3"),
    (lambda: build_tree([MASS], [gravity(), gravity(name="h", coords={"g_station": ("g_station", [5, 6], {})})]),
     "turn data into NaN"),
    (lambda: build_tree([MASS], draw_dtype="float16"), "'float32'"),
    (lambda: build_tree([MASS], keep_bits=30), "keep_bits"),
    (lambda: build_tree([MASS], attributes={"mesh": object()}), "numbers, strings"),
    (lambda: build_tree([MASS], extra={"conflict": xr.Dataset({"p": 0.5})}), "units and long_name"),
    (lambda: build_tree([MASS], extra={"posterior_summary": xr.Dataset()}), "not repeat"),
    (lambda: Approximation(name="a", status="perfect", statement=""), "'exact'"),
    (lambda: Approximation(name="a", status="measured", statement=""), "error"),
])
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
