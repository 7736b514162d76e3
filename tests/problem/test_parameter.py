"""Parameters: units and scales, bounds, known cells, references, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesjoint import GaussianPrior, Matern, Mesh, Parameter

from ..linear import small_mesh
from ..refusals import refused

MESH, NAN, INF = small_mesh(), float("nan"), float("inf")
FIELD = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(("name", "units", "scale"), [
    ("density", "kg/m3", 1000.0), ("susceptibility", "SI", 1.0), ("velocity", "1", 1.0)])
def test_units_and_scale_follow_the_name(name, units, scale):
    parameter = Parameter(name, MESH)
    assert (parameter.units, parameter.scale) == (units, scale)
    assert Parameter(name, MESH, scale=2.0).scale == 2.0


@pytest.mark.parametrize(("name", "units", "kept"), [
    ("density", "kg/m^3", "kg/m3"), ("density", "kg m-3", "kg/m3"), ("susceptibility", "1", "SI"),
    ("velocity", "km/s", "km/s")])
def test_units_may_be_spelled_as_one_likes(name, units, kept):
    assert Parameter(name, MESH, units=units).units == kept


@pytest.mark.parametrize(("name", "units"), [
    ("density", "g/cm3"), ("density", "t/m3"), ("density", "SI"), ("susceptibility", "1e-5 SI"),
    ("susceptibility", "cgs"), ("susceptibility", "A/m")])
def test_units_that_nothing_converts_are_refused(name, units):
    refused(lambda: Parameter(name, MESH, units=units), f"units of {name}")


@given(arrays(float, (2, 3, 4), elements=st.floats(-1e6, 1e6, allow_subnormal=False)), st.floats(1e-6, 1e6))
def test_to_hat_and_back(field, scale):
    parameter = Parameter("m", MESH, scale=scale)
    flat = parameter.to_hat(field)
    np.testing.assert_allclose(flat, field.ravel() / scale, rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(parameter.from_hat(flat), field, rtol=1e-14, atol=1e-300)
    several = parameter.from_hat(np.stack([[flat, 2 * flat]]))
    assert several.shape == (1, 2, 2, 3, 4)
    np.testing.assert_allclose(several[0, 1], 2 * field, rtol=1e-14, atol=1e-300)


def test_scalars_fill_the_shape():
    np.testing.assert_array_equal(Parameter("density", MESH).to_hat(500), np.full(24, 0.5))
    np.testing.assert_array_equal(Parameter("H0", 3).to_hat(2.0), [2.0] * 3)


def test_a_vector():
    parameter = Parameter("H0", 3, units="km/s/Mpc")
    assert (parameter.mesh, parameter.shape, parameter.size) == (None, (3,), 3)


def test_bounds():
    free = Parameter("density", MESH)
    assert free.lower is None and free.upper is None
    both = Parameter("density", MESH, bounds=(-100, FIELD * 100))
    np.testing.assert_allclose(both.lower, -0.1)
    np.testing.assert_allclose(both.upper, FIELD.ravel() / 10)
    for bounds in ((None, 5.0), (-INF, 5.0), (np.full((2, 3, 4), -INF), 5.0)):
        half = Parameter("density", MESH, bounds=bounds)
        assert np.all(half.lower == -INF) and np.all(half.upper == 0.005)
    assert np.all(Parameter("density", MESH, bounds=(2.0, 2.0)).lower == 0.002)  # equal bounds leave one value


def test_known_cells():
    fixed = np.full((2, 3, 4), NAN)
    fixed[1, 2, 3], fixed[0, 0, 0] = 300.0, -50.0
    parameter = Parameter("density", MESH, fixed=fixed, bounds=(-50.0, 300.0))
    np.testing.assert_array_equal(np.flatnonzero(parameter.fixed_mask), [0, 23])
    np.testing.assert_allclose(parameter.fixed_values[[0, 23]], [-0.05, 0.3])
    assert np.isfinite(parameter.fixed_values).all()
    masked = np.ma.array(np.nan_to_num(fixed), mask=np.isnan(fixed))
    np.testing.assert_array_equal(Parameter("density", MESH, fixed=masked).fixed_mask, parameter.fixed_mask)
    assert not Parameter("density", MESH).fixed_mask.any()


def test_reference_is_scaled():
    np.testing.assert_allclose(Parameter("density", MESH, reference=FIELD).reference_hat, FIELD.ravel() / 1000)
    np.testing.assert_array_equal(Parameter("density", MESH).reference_hat, 0.0)


def test_replace_keeps_the_rest():
    fixed = np.where(FIELD == 3, 10.0, NAN)
    first = Parameter("velocity", MESH, prior=Matern(std=1.0, range=100.0), bounds=(-20, 20), scale=7.0, units="x",
                      fixed=fixed, reference=2.0)  # fmt: skip
    second = first.replace(name="other")
    assert second.name == "other" and second.mesh == MESH and second.prior is first.prior
    assert (second.units, second.scale) == ("x", 7.0)
    for key in ("lower", "upper", "fixed_mask", "fixed_values", "reference_hat"):
        np.testing.assert_array_equal(getattr(first, key), getattr(second, key))
    assert first.replace(bounds=None).lower is None
    assert Parameter("H0", 2).replace(units="m").shape == (2,)


def test_settings_are_text_and_numbers():
    parameter = Parameter("density", MESH, prior=Matern(std=1.0, range=100.0), bounds=(None, FIELD + 1))
    settings = parameter.settings()
    assert all(isinstance(v, (str, int, float)) and not isinstance(v, bool) for v in settings.values())
    assert settings["bounds"] == "open to array[1..24]" and "Matern" in settings["prior"]
    assert Parameter("H0", 1).settings()["prior"] == "flat"


BAD = {
    "name number": ({"name": 3}, "name", TypeError),
    "name with space": ({"name": "bulk density"}, "name", TypeError),
    "name empty": ({"name": ""}, "name", TypeError),
    "mesh none": ({"mesh": None}, "mesh", TypeError),
    "mesh zero": ({"mesh": 0}, "mesh", TypeError),
    "mesh bool": ({"mesh": True}, "mesh", TypeError),
    "mesh shape": ({"mesh": (2, 3, 4)}, "mesh", TypeError),
    "prior class": ({"prior": "matern"}, "prior", TypeError),
    "scale zero": ({"scale": 0.0}, "scale", ValueError),
    "scale negative": ({"scale": -1000.0}, "scale", ValueError),
    "scale nan": ({"scale": NAN}, "scale", ValueError),
    "scale bool": ({"scale": True}, "scale", TypeError),
    "scale array": ({"scale": [1.0, 2.0]}, "scale", TypeError),
    "bounds number": ({"bounds": 5}, "bounds", TypeError),
    "three bounds": ({"bounds": (0, 1, 2)}, "bounds", ValueError),
    "bounds turned": ({"bounds": (1.0, 0.0)}, "bounds", ValueError),
    "bounds turned in a cell": ({"bounds": (3.5, FIELD)}, "bounds", ValueError),
    "bound nan": ({"bounds": (NAN, 1.0)}, "lower bound", ValueError),
    "bound nan in a cell": ({"bounds": (None, np.where(FIELD == 3, NAN, 1.0))}, "upper bound", ValueError),
    "lower bound inf": ({"bounds": (INF, None)}, "lower bound", ValueError),
    "upper bound minus inf": ({"bounds": (None, -INF)}, "upper bound", ValueError),
    "bound shape": ({"bounds": (np.zeros(24), 1.0)}, "lower bound", ValueError),
    "bound transposed": ({"bounds": (0, FIELD.T + 1)}, "upper bound", ValueError),
    "bound text": ({"bounds": ("0", 1)}, "lower bound", TypeError),
    "bound bool": ({"bounds": (False, True)}, "lower bound", TypeError),
    "fixed scalar": ({"fixed": 3.0}, "fixed", ValueError),
    "fixed shape": ({"fixed": np.zeros(24)}, "fixed", ValueError),
    "fixed inf": ({"fixed": np.where(FIELD == 3, INF, NAN)}, "fixed", ValueError),
    "fixed mask": ({"fixed": FIELD > 3}, "fixed", TypeError),
    "fixed beyond bounds": ({"fixed": FIELD, "bounds": (0, 22.0)}, "fixed", ValueError),
    "reference shape": ({"reference": np.zeros(24)}, "reference", ValueError),
    "reference nan": ({"reference": NAN}, "reference", ValueError),
    "reference text": ({"reference": "zero"}, "reference", TypeError),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(changes, argument, error):
    refused(lambda: Parameter(**({"name": "density", "mesh": MESH} | changes)), argument, error)


@pytest.mark.parametrize("prior", [Matern(std=1.0, range=5.0), GaussianPrior(0.0, np.eye(23))])
def test_a_prior_that_does_not_suit_is_refused_at_once(prior):
    mesh = Mesh.regular((1, 1, 2), (1, 1, 1)) if isinstance(prior, GaussianPrior) else 3
    with pytest.raises((ValueError, TypeError), match="must"):
        Parameter("m", mesh, prior=prior)
