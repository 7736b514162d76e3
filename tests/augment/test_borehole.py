"""Boreholes, their table, and maps of outcrops as data."""

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj

from ..refusals import refused


@pytest.fixture
def density():
    mesh = bj.Mesh.regular((4, 3, 5), (50, 100, 100)).with_topography(([50.0, 450.0], [150.0, 150.0], [-60.0, 0.0]))
    return bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))


def hole(**changes):
    given = {"name": "one", "values": [10.0, 20.0], "std": 5.0, "easting": 420.0, "northing": 150.0, "top": [0, -60],
             "bottom": [-60, -110], **changes}
    return bj.Borehole(**{k: v for k, v in given.items() if v is not None})


def test_a_hole_becomes_data_of_its_parameter(density):
    m = hole(metadata={"source": "x"}).modality(density)
    assert (m.units, m.kind, m.parameters, m.metadata) == ("kg/m3", "density", ("density",), {"source": "x"})
    np.testing.assert_allclose(m.forward.to_dense().reshape(2, *density.shape)[:, :, 1, 4],
                               [[0, 0, 1 / 6, 5 / 6], [0, 0.2, 0.8, 0]])
    np.testing.assert_allclose(m.noise.std, 5.0)


def test_gaps_are_left_out_and_a_path_gives_the_same_as_columns(density):
    path = [[420, 150, 0], [420, 150, -60], [420, 150, -80], [420, 150, -110]]
    one = hole(values=[10.0, np.nan, 20.0], std=[1.0, 2.0, 3.0], easting=None, northing=None, top=None, bottom=None,
               path=path).modality(density)
    two = hole(std=[1.0, 3.0], top=[0, -80]).modality(density)
    np.testing.assert_allclose(one.forward.to_dense(), two.forward.to_dense())
    np.testing.assert_allclose((one.data, one.noise.std), (two.data, two.noise.std))


def test_offsets_are_joined_and_shift_a_log_as_a_whole(density):
    p = density.replace(mesh=density.mesh.with_active(None))
    survey = bj.Modality("pin", np.eye(60)[:2] * 1.0, [0.0, 0.0], bj.DiagonalNoise([1.0, 1.0]), "density")
    problem = bj.add_boreholes(bj.JointProblem([p], [survey]), [hole(offset_std=1e4), hole(name="two", std=0.01)])
    assert list(problem.by_name) == ["density", "one_bias"]
    assert problem.modalities[1].parameters == ("density", "one_bias")
    shifted = bj.add_boreholes(bj.JointProblem([p], [survey]),
                               [hole(offset_std=1e4, values=[510.0, 520.0]), hole(name="two", std=0.01)])
    one, other = (bj.posterior(k).mean() for k in (problem, shifted))
    np.testing.assert_allclose(other["one_bias"] - one["one_bias"], 500.0, rtol=1e-3)
    assert np.abs(other["density"] - one["density"]).max() < 0.1


BAD = {
    "upside down": ({"bottom": [60, 110]}, "bottom must not lie above top"),
    "sizes": ({"top": [0.0, -10.0, -20.0]}, "top must be a scalar or have shape"),
    "std sizes": ({"std": [1.0, 2.0, 3.0]}, "std must be a scalar or have shape"),
    "std": ({"std": 0.0}, "std must be > 0"),
    "nothing": ({"values": [np.nan, np.nan]}, "values must hold at least one"),
    "no place": ({"easting": None}, "easting must be given"),
    "path too": ({"path": [[0, 0, 0]] * 3}, "path must stand without"),
    "path": ({"path": [[0, 0, 0]] * 2, "easting": None, "northing": None, "top": None, "bottom": None},
             r"path must have shape \(3, 3\)"),
    "offset": ({"offset_std": -1.0}, "offset_std must be > 0"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_bad_holes_are_refused(changes, message):
    refused(lambda: hole(**changes), message)


def test_holes_of_another_property_or_place_are_refused(density):
    refused(lambda: hole(property="susceptibility").modality(density), "parameter must be 'susceptibility'")
    refused(lambda: hole(easting=50.0, top=[0.0, -20.0], bottom=[-20.0, -40.0]).modality(density),
            "intervals must lie in the ground; found 2 in air, first number 0")
    survey = bj.Modality("pin", np.eye(60)[:1], [0.0], bj.DiagonalNoise([1.0]), "density")
    problem = bj.JointProblem([density], [survey])
    refused(lambda: bj.add_boreholes(problem, [hole(property="porosity")]), "property of one must be among")
    refused(lambda: bj.add_boreholes(problem, ["one"]), "holes must be a list", TypeError)


HEAD = "hole,easting,northing,top,bottom,value,std"


def written(tmp_path, *rows, head=HEAD):
    path = tmp_path / "holes.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def test_tables_are_read_hole_by_hole(tmp_path):
    path = written(tmp_path, "B-2,10,20,0,-5,2700,20", "1a,30,40,-5,-5,2600,30", "B-2,11,21,-5,-9,,20",
                   "B-2,12,22,-9,-12,2900,25")
    two, one = bj.read_boreholes(path, background=2670.0, offset_std=15.0)
    assert (two.name, one.name, two.metadata["hole"], two.offset_std) == ("B_2", "hole_1a", "B-2", 15.0)
    np.testing.assert_allclose(two.values, [30.0, 230.0])
    np.testing.assert_allclose(two.std, [20.0, 25.0])
    np.testing.assert_allclose(two.start, [[10, 20, 0], [12, 22, -9]])
    np.testing.assert_allclose(one.start, one.end)
    other = written(tmp_path, "A,1,2,0,-1,0.5", head="id,easting,northing,from,to,chi")
    found, = bj.read_boreholes(other, "susceptibility", std=0.1, columns={"hole": "id", "top": "from", "bottom": "to",
                                                                          "value": "chi"})
    assert (found.property, found.values[0], found.std[0]) == ("susceptibility", 0.5, 0.1)


TABLES = {
    "no column": (("A,1,2,0,-1,5",), "hole,easting,northing,depth_from,depth_to,value", {"std": 1.0}, "column 'top'"),
    "twice": (("A,1,2,0,-1,5,6",), "hole,easting,northing,top,bottom,value,value", {"std": 1.0},
              "path must name each column once"),
    "no std": (("A,1,2,0,-1,5",), "hole,easting,northing,top,bottom,value", {}, "std must be given once"),
    "std twice": (("A,1,2,0,-1,5,6",), HEAD, {"std": 1.0}, "std must be given once"),
    "text": (("A,1,x,0,-1,5,6",), HEAD, {}, "column 'northing' must hold numbers"),
    "depths": (("A,1,2,0,10,5,6",), HEAD, {}, "bottom must not lie above top"),
    "row": (("A,1,2,0,-1,5",), HEAD, {}, "path must have the same columns"),
    "empty": ((), HEAD, {}, "path must hold data"),
    "no name": ((",1,2,0,-1,5,6",), HEAD, {}, "column 'hole' must name the hole"),
    "names": (("A-1,1,2,0,-1,5,6", "A.1,1,2,0,-1,5,6"), HEAD, {}, "hole must have names that differ"),
    "roles": (("A,1,2,0,-1,5,6",), HEAD, {"columns": {"depth": "top"}}, "columns must be keyed by"),
    "shared": (("A,1,2,0,-1,5,6",), HEAD, {"columns": {"top": "bottom"}}, "columns must name each column once"),
}


@pytest.mark.parametrize(("rows", "head", "options", "message"), TABLES.values(), ids=TABLES)
def test_ambiguous_tables_are_refused(tmp_path, rows, head, options, message):
    path = written(tmp_path, *rows, head=head)
    refused(lambda: bj.read_boreholes(path, **options), message)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must name an existing file"):
        bj.read_boreholes(tmp_path / "none.csv")


UNITS = {0: (0.0, 30.0), 3: (250.0, 60.0)}


def test_a_map_tilts_or_fixes_the_highest_ground_of_each_column(density):
    units = np.array([[0, 0, 3, 3, -1]] * 3)
    m, known = bj.outcrops(density, units, UNITS), bj.outcrops(density, units, UNITS, fixed=True)
    assert (m.size, m.kind, m.units) == (12, "density", "kg/m3")
    layer, row, column = np.nonzero(np.isfinite(known))
    np.testing.assert_allclose(density.mesh.upward_edges[layer + 1], density.mesh.surface[row, column])
    np.testing.assert_allclose(known[layer, row, column], np.where(units[row, column] == 3, 250.0, 0.0))
    np.testing.assert_allclose(sorted(m.noise.std), [30.0] * 6 + [60.0] * 6)
    np.testing.assert_allclose(m.forward.to_dense().sum(axis=0), np.isfinite(known).ravel())
    np.testing.assert_allclose(m.forward.predict(np.nan_to_num(known)), m.data)


def test_maps_may_be_named_text_or_on_another_grid(density):
    names = np.array([["a", "a", "b", "b", ""]] * 3)
    other = {"a": UNITS[0], "b": UNITS[3]}
    reference = bj.outcrops(density, np.array([[0, 0, 3, 3, -1]] * 3), UNITS, fixed=True)
    np.testing.assert_array_equal(bj.outcrops(density, names, other, fixed=True), reference)
    np.testing.assert_array_equal(bj.outcrops(density, names.astype(object), other, fixed=True), reference)
    fine = xr.DataArray(np.repeat([[0.0, 0.0, 3.0, 3.0]], 6, axis=0).repeat(2, axis=1), dims=("northing", "easting"),
                        coords={"northing": 275.0 - 50 * np.arange(6), "easting": 25.0 + 50 * np.arange(8)})
    np.testing.assert_array_equal(bj.outcrops(density, fine.T, UNITS, fixed=True), reference)

    class Table:
        def moments_of(self, unit):
            return {"density": UNITS[unit], "susceptibility": (0.0, 1.0)}

    np.testing.assert_array_equal(bj.outcrops(density, fine, Table(), fixed=True), reference)


def test_bad_maps_are_refused(density):
    refused(lambda: bj.outcrops(density, np.zeros((5, 3), int), UNITS), "unit_map must have shape")
    refused(lambda: bj.outcrops(density, np.full((3, 5), 7), UNITS), "values must have every unit")
    refused(lambda: bj.outcrops(density, np.full((3, 5), -1), UNITS), "unit_map must know the unit")
    refused(lambda: bj.outcrops(density, np.zeros((3, 5), int), {0: (1.0, 0.0)}), "values must have a std > 0")
    refused(lambda: bj.outcrops(density, np.zeros((3, 5), int), {0: 1.0}), r"values\[0\] must have 1 dimension")
    refused(lambda: bj.outcrops(density, np.zeros((3, 5), bool), UNITS), "unit_map must hold integers", TypeError)
