"""Columns of a survey's error: polynomials, levels of lines, columns of one's own, and their names."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.augment._bias_basis import bias_basis

from ..linear import small_mesh
from ..refusals import refused


def gravity(mask=None):
    mesh = small_mesh((2, 3, 4))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    return bj.Modality("gravity", operator, np.arange(12.0), bj.DiagonalNoise(np.full(12, 0.1)), "density")


def plain(count=4):
    return bj.Modality("plain", np.ones((count, 1)), np.zeros(count), bj.DiagonalNoise(np.ones(count)), "slope")


@pytest.mark.parametrize(("basis", "names"), [
    ("constant", ["constant"]), (0, ["constant"]), ("linear", ["constant", "north", "east"]),
    (2, ["constant", "north", "north^2", "east", "east north", "east^2"])])
def test_polynomials_are_named_by_what_they_are(basis, names):
    columns, found = bias_basis(gravity(), basis)
    assert list(found) == names
    easting, northing, _ = gravity().forward.coordinates()
    e, n = (np.interp(c, [c.min(), c.max()], [-1, 1]) for c in (easting, northing))
    values = {"constant": np.ones(12), "north": n, "east": e, "north^2": n**2, "east north": e * n, "east^2": e**2}
    for name, column in zip(found, columns.T, strict=True):
        np.testing.assert_allclose(column, values[name], atol=1e-12)


@pytest.mark.parametrize("degree", [3, 4])
def test_a_polynomial_has_all_monomials_of_its_degree(degree):
    columns, names = bias_basis(gravity(), degree)
    assert columns.shape[1] == (degree + 1) * (degree + 2) // 2 == len(set(names))
    np.testing.assert_allclose(np.abs(columns).max(axis=0), 1.0)


@pytest.mark.parametrize(("basis", "axis", "count"), [("rows", 1, 3), ("columns", 0, 4)])
def test_lines_of_a_lattice(basis, axis, count):
    columns, names = bias_basis(gravity(), basis)
    place = np.stack(gravity().forward.coordinates()[:2])[axis]
    assert columns.shape == (12, count)
    for name, column in zip(names, columns.T, strict=True):
        assert set(place[column == 1]) == {float(name.split()[-1])}
    np.testing.assert_array_equal(columns.sum(axis=1), 1.0)


@pytest.mark.parametrize("labels", [["L7", "L2", "L7", "L2"], [7, 2, 7, 2], np.array([7, 2, 7, 2])])
def test_labels_of_lines(labels):
    columns, names = bias_basis(plain(), labels)
    assert [n.removeprefix("line ").removeprefix("L") for n in names] == ["2", "7"]
    np.testing.assert_array_equal(columns, [[0, 1], [1, 0], [0, 1], [1, 0]])


def test_own_columns_and_their_names():
    own = np.random.default_rng(0).standard_normal((4, 2))
    columns, names = bias_basis(plain(), own)
    assert names == ("column 0", "column 1")
    np.testing.assert_array_equal(columns, own)
    columns, names = bias_basis(plain(), {"drift": own[:, 0], "tide": own[:, 1]})
    assert names == ("drift", "tide")
    np.testing.assert_array_equal(columns, own)


def test_several_side_by_side():
    columns, names = bias_basis(gravity(), ("linear", "rows"))
    assert columns.shape == (12, 6)
    assert names[:3] == ("constant", "north", "east") and names[3].startswith("row at northing")


BAD = {
    "spelling": (gravity, "cubic", ValueError), "degree": (gravity, -1, ValueError), "huge": (gravity, 50, ValueError),
    "truth value": (gravity, True, TypeError), "no stations": (plain, "linear", ValueError),
    "rows without": (plain, "rows", ValueError), "floats as labels": (plain, np.ones(4), ValueError),
    "too few labels": (plain, [1, 2], ValueError), "short": (plain, np.ones((3, 1)), ValueError),
    "no columns": (plain, np.ones((4, 0)), ValueError), "nan": (plain, np.full((4, 1), np.nan), ValueError),
    "no names": (plain, {}, TypeError), "numbers as names": (plain, {1: np.ones(4)}, TypeError),
    "short named": (plain, {"a": np.ones(3)}, ValueError), "twice": (gravity, ("constant", "linear"), ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("survey", "basis", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(survey, basis, error):
    refused(lambda: bias_basis(survey(), basis), "basis", error)


def test_scattered_stations_have_no_rows():
    mesh = small_mesh((2, 3, 4))
    operator = bj.GravityOperator.at_stations(mesh, [10.0, 20.0, 30.0], [11.0, 12.0, 13.0], [50.0] * 3)
    survey = bj.Modality("points", operator, np.zeros(3), bj.DiagonalNoise(np.ones(3)), "density")
    refused(lambda: bias_basis(survey, "rows"), "basis")
