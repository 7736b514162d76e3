from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayesjoint import Mesh
from bayesjoint.forward import forward_prisms

FIELD = {"intensity": 52_000.0, "inclination": 63.0, "declination": -17.0}
DATA = Path(__file__).parents[2] / "case_studies" / "flin_flon" / "data"


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_agrees_with_direct_prism_sums(kind, direct_sums):
    """Scattered overlapping prisms, a block of equal cells whose inner corners cancel, and stations on faces."""
    rng = np.random.default_rng(0)
    low = rng.uniform(-300, 200, (30, 3)) - [0, 0, 400]
    loose = np.stack([low, low + rng.uniform(5, 80, (30, 3))], axis=2).reshape(30, 6)
    block = Mesh.regular(shape=(3, 4, 5), spacing=(10, 10, 10), west=500, south=500, top=-5).prisms()
    prisms = np.concatenate([loose, block])
    properties = np.concatenate([rng.standard_normal(30), np.full(60, 0.2)])
    stations = np.concatenate([rng.uniform(-400, 600, (30, 3)) * [1, 1, 0] + [0, 0, 3],
                               [[505, 505, -5], [550, 515, -12], [535, 540, -12], [500, 515, -12], [515, 505, -35]]])
    field = FIELD if kind == "magnetic" else {}
    expected = direct_sums(stations.T, prisms, properties, kind, **field)
    found = forward_prisms(prisms, properties, tuple(stations.T), kind, **field)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_gravity_is_finite_inside_and_zero_prisms_do_not_count():
    cube = [[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]]
    stations = ([0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0])
    centre, corner, face = forward_prisms(cube, [1000.0], stations, "gravity")
    assert centre == pytest.approx(0.0, abs=1e-12) and 0 < corner < face
    np.testing.assert_array_equal(forward_prisms(cube, [0.0], stations, "magnetic"), 0.0)


@pytest.mark.parametrize("kind", ["gravity", "magnetic"])
def test_prisms_without_volume_give_nothing(kind):
    """As an octree or a pinched-out layer has them; a station may even be on one."""
    prisms = [[-50, 50, -50, 50, -150, -50], [-50, 50, -50, 50, -40, -40], [3, 3, 0, 9, -9, 0], [0, 0, 0, 0, 0, 0]]
    station = ([0.0, 3.0], [0.0, 4.0], 0.0)
    np.testing.assert_array_equal(forward_prisms(prisms, np.full(4, 0.3), station, kind),
                                  forward_prisms(prisms[:1], [0.3], station, kind))


@pytest.mark.parametrize(
    ("station", "message"),
    [((1, 1, 1), "inside"), ((2, 1, 1), "inside"), ((0, 1, 0), "on an edge"), ((1, 0, 0), "on an edge"),
     ((2, 1, 2), "on an edge"), ((4, 1, 1), None), ((3, 1, 2), None), ((1, 1, 0), None)],
)
def test_magnetic_stations_in_prisms_are_refused(station, message):
    prisms = [[0, 2, 0, 2, 0, 2], [2, 4, 0, 2, 0, 2]]
    stations = np.array([[9.0, 9.0, 9.0], station], float).T
    if message is None:
        assert np.isfinite(forward_prisms(prisms, [0.1, 0.2], stations, "magnetic")).all()
        return
    with pytest.raises(ValueError, match=f"{message}.*number 1"):
        forward_prisms(prisms, [0.1, 0.2], stations, "magnetic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prisms": np.zeros((2, 5))}, "prisms must have shape"),
        ({"prisms": [[0, 1, 0, 1, 0, 1], [1, 0, 0, 1, 0, 1]]}, "prisms must have west <= east"),
        ({"prisms": [[0, 1, 0, 1, 0, np.inf]] * 2}, "prisms must hold finite"),
        ({"properties": [1.0, 2.0, 3.0]}, "properties must be a scalar or have shape"),
        ({"stations": ([1.0], [2.0])}, "stations must be"),
        ({"stations": ([1.0], [2.0], [np.nan])}, r"stations\[2\] must hold finite"),
        ({"kind": "seismic"}, "kind must be one of"),
        ({"kind": "magnetic", "intensity": -1.0}, "intensity must be > 0"),
    ],
)
def test_bad_input_is_refused_at_once(change, message):
    good = {"prisms": [[0, 1, 0, 1, 0, 1]] * 2, "properties": [1.0, 2.0], "stations": ([5.0], [5.0], 5.0)}
    with pytest.raises(ValueError, match=message):
        forward_prisms(**{**good, "kind": "gravity", **change})


@pytest.mark.parametrize(
    ("kind", "name", "scale", "misfit"), [("gravity", "density_contrast", 1000.0, 0.0012),
                                          ("magnetic", "susceptibility", 1.0, 0.00034)])
def test_flin_flon_truth_gives_the_supplied_data(kind, name, scale, misfit):
    """A third party's octree and its noise-free surveys: 88,260 prisms, 160 and 1,312 stations."""
    with xr.open_dataset(DATA / "truth_octree.nc", engine="scipy") as truth:
        index = np.stack([truth[k].values.astype(float) for k in "ijk"], axis=1)
        size, cell = truth["n"].values.astype(float)[:, None], truth.attrs["cell_m"]
        origin = np.array([truth.attrs[f"origin_{k}_m"] for k in ("easting", "northing", "height")])
        properties = scale * truth[name].values.astype(float)
    prisms = np.stack([origin + index * cell, origin + (index + size) * cell], axis=2).reshape(-1, 6)
    survey = np.genfromtxt(DATA / f"{kind}.csv", delimiter=",", names=True)
    stations = tuple(survey[k] for k in ("easting_m", "northing_m", "height_m"))
    found = forward_prisms(prisms, properties, stations, kind, 60_000.0, 79.0, 11.0)
    supplied = survey["gravity_mGal" if kind == "gravity" else "magnetic_nT"]
    assert np.sqrt(np.mean((found - supplied) ** 2)) < misfit
