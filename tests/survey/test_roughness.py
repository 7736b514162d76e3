"""Noise by the shortest wavelengths: found where it is, and refused where there is none to be seen."""

import numpy as np
import pytest

from bayesjoint import Survey
from bayesjoint.survey import contents, roughness

from .formats.files import oasis, ubc, ubc_magnetic


def smooth(x, y):
    return 40.0 * np.exp(-((x - 5e3) ** 2 + (y - 4e3) ** 2) / 2 / 2.5e3**2) + 1e-3 * x


def survey(layout, std, seed):
    """A smooth field with white noise on a grid, on scattered stations, or along lines."""
    rng = np.random.default_rng(seed)
    if layout == "grid":
        axis = np.arange(36) * 300.0
        data = smooth(*np.meshgrid(axis, axis))
        return Survey("gravity", data + std * rng.standard_normal(data.shape), axis, axis, 0.0)
    if layout == "stations":
        x, y = rng.uniform(0, 1e4, (2, 1200))
    else:
        x, y = np.tile(np.arange(120) * 80.0, 12), np.repeat(np.arange(12) * 800.0, 120) + rng.normal(0, 9, 1440)
    return Survey("gravity", smooth(x, y) + std * rng.standard_normal(x.size), x, y, 0.0)


@pytest.mark.parametrize("layout", ["grid", "stations", "lines"])
def test_the_stated_error_holds_the_truth(layout):
    found = [roughness(survey(layout, 0.5, seed)) for seed in range(20)]
    off = np.array([(f.std - 0.5) / f.error for f in found])
    assert all(f.is_noise for f in found)
    assert np.mean(np.abs(off) < 2) >= 0.8 and 0.2 < np.sqrt(np.mean(off**2)) < 1.6
    assert np.median([f.error for f in found]) < 0.05


@pytest.mark.parametrize("layout", ["grid", "stations"])
def test_a_smooth_field_has_none(layout):
    found = roughness(survey(layout, 0.0, 0))
    assert not found.is_noise and found.rms < 0.1


def test_an_interpolated_grid_has_none():
    from scipy.ndimage import zoom

    data = zoom(np.random.default_rng(1).standard_normal((14, 14)), 4, order=3)
    axis = np.arange(56.0) * 100
    assert not roughness(Survey("gravity", data, axis, axis, 0.0)).is_noise


def test_gaps_take_no_part_and_few_stations_tell_nothing():
    full = survey("grid", 0.5, 3)
    data = full.data.copy()
    data[5:9, 10:20] = np.nan
    found = roughness(full.replace(data=data))
    assert abs(found.std - 0.5) < 3 * found.error
    assert roughness(full.window(east=1000.0, north=1000.0)) is None
    assert roughness(Survey("gravity", np.ones(20), np.arange(20.0), np.arange(20.0) ** 2, 0.0)) is None


@pytest.mark.parametrize(("name", "data", "kind"), [
    ("a.obs", ubc(), "gravity"), ("a.obs", ubc_magnetic(), "magnetic"), ("Bouguer_2020.grd", oasis(), "gravity"),
    ("area_TMI.grd", oasis(), "magnetic"), ("x.csv", "x,y,z,tmi_nT\n0,0,1,2\n", "magnetic"),
    ("x.csv", "x,y,z,value_mGal\n0,0,1,2\n", "gravity"), ("mag.csv", "x,y,z,value\n0,0,1,2\n", "magnetic"),
    ("x.csv", "x,y,z,gzz_E\n0,0,1,2\n", "gzz")])
def test_what_a_file_holds_is_told_from_content_else_from_its_name(tmp_path, name, data, kind):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    found, = contents(path)
    assert found.kind == kind and found.why


@pytest.mark.parametrize(("name", "data"), [("grid.grd", oasis()), ("gravity_and_mag.grd", oasis()),
                                            ("x.csv", "x,y,z,value\n0,0,1,2\n")])
def test_what_nothing_tells_is_not_guessed(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    assert contents(path) == []
