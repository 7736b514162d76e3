"""What is done to a survey: the IGRF, fewer stations, filters that forward operators check."""

import builtins
import datetime
import re

import numpy as np
import pytest

import bayesjoint as bj

pytest.importorskip("ppigrf", reason="ppigrf, the extra 'igrf', is not installed")


def magnetic(**options):
    return bj.Survey("magnetic", [1.0, 2.0], [355_000.0, 355_100.0], [6_546_000.0, 6_546_100.0], 400.0, **options)


def test_bergen_by_the_published_value():
    """51,413 nT, inclination 73.03°, declination 2.54° on 2025-01-01 (ppigrf's own documentation of IGRF-14)."""
    found = bj.Survey("magnetic", [1.0, 2.0], [0, 1], [0, 1], 0.0).igrf("2025-01-01", 5.32, 60.39)
    assert found.intensity == pytest.approx(51_413, abs=15)
    assert found.inclination == pytest.approx(73.03, abs=0.02)
    assert found.declination == pytest.approx(2.54, abs=0.03)
    assert "2025-01-01" in found.history[-1]


def test_declination_is_against_the_grid_s_north():
    pytest.importorskip("pyproj", reason="pyproj, the extra 'crs', is not installed")
    grid = magnetic(crs="EPSG:28351").igrf(datetime.date(2009, 6, 30))
    place = grid.history[-1].split(" at ")[1]
    east, south = (float(degrees) for degrees in re.match(r"([\d.]+)° E, ([\d.]+)° S", place).groups())
    longitude, latitude = east, -south
    true = magnetic().igrf(datetime.date(2009, 6, 30), longitude, latitude)
    # convergence on a transverse Mercator grid: atan(tan(longitude from the central meridian) sin latitude)
    convergence = np.degrees(np.arctan(np.tan(np.radians(longitude - 123.0)) * np.sin(np.radians(latitude))))
    assert grid.declination == pytest.approx(true.declination - convergence, abs=1e-3)
    assert grid.inclination == pytest.approx(true.inclination, abs=1e-4)
    assert -70 < grid.inclination < -60


@pytest.mark.parametrize(("given", "words"), [
    (("yesterday",), "date must"), ((5,), "date must"), (("1850-01-01",), "years of the IGRF"),
    (("2009-06-30",), "no crs"), (("2009-06-30", 400.0, 0.0), "degrees"), (("2009-06-30", 0.0, np.nan), "latitude")])
def test_what_igrf_refuses(given, words):
    with pytest.raises((ValueError, TypeError), match=words):
        magnetic().igrf(*given)


def test_without_ppigrf_the_install_line(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **options):
        if name.split(".")[0] == "ppigrf":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr("importlib.import_module", lambda name, *rest: missing(name))
    with pytest.raises(ImportError, match=r"pip install 'bayesjoint\[igrf\]'"):
        magnetic().igrf("2009-06-30", 121.5, -31.2)


def test_decimated_stations_are_some_of_them_one_a_square():
    rng = np.random.default_rng(0)
    east, north = rng.uniform(0, 10_000, (2, 500))
    survey = bj.Survey("gravity", east + north, east, north, upward=0.0, std=rng.uniform(0.1, 1, 500),
                       lines=[f"L{k // 50}" for k in range(500)])
    few = survey.decimate(1000.0)
    where = {(e, n): k for k, (e, n) in enumerate(zip(east, north, strict=True))}
    index = [where[pair] for pair in zip(few.easting, few.northing, strict=True)]
    np.testing.assert_array_equal(few.data, survey.data[index])
    np.testing.assert_array_equal(few.std, survey.std[index])
    assert few.lines.tolist() == survey.lines[index].tolist()
    squares = set(zip((east - east.min()) // 1000, (north - north.min()) // 1000, strict=True))
    assert few.size == len(squares)


def test_a_decimated_grid_keeps_every_nth_row_and_column():
    grid = bj.Survey("gravity", np.arange(63.0).reshape(7, 9), np.arange(9) * 50.0, np.arange(7) * 100.0, 0.0)
    few = grid.decimate(200.0)
    np.testing.assert_array_equal(few.data, grid.data[::2, ::4])
    assert grid.decimate(10.0).shape == grid.shape
    with pytest.raises(ValueError, match="spacing"):
        grid.decimate(0.0)


def wide(operator, **options):
    """A grid over a body in the middle of 40 x 40 columns."""
    mesh = bj.Mesh.regular((5, 40, 40), (100.0, 100.0, 100.0))
    model = np.zeros(mesh.shape)
    model[1:3, 17:23, 16:22] = 1.0
    made = operator(mesh, mesh.easting, mesh.northing, 80.0, **options)
    return made.predict(model).reshape(40, 40), mesh


def test_upward_continuation_is_the_field_there():
    data, mesh = wide(bj.GravityOperator)
    survey = bj.Survey("gravity", data, mesh.easting, mesh.northing, 80.0, std=0.1)
    higher = bj.GravityOperator(mesh, mesh.easting, mesh.northing, 280.0)
    model = np.zeros(mesh.shape)
    model[1:3, 17:23, 16:22] = 1.0
    found = survey.upward_continued(200.0)
    assert found.upward == 280.0 and found.std is None
    np.testing.assert_allclose(found.data[10:30, 10:30], higher.predict(model).reshape(40, 40)[10:30, 10:30],
                               atol=0.03 * data.max())


def test_reduction_to_the_pole_is_the_anomaly_under_a_vertical_field():
    field = {"intensity": 50_000.0, "inclination": -62.0, "declination": 10.0}
    data, mesh = wide(bj.MagneticOperator, **field)
    pole, _ = wide(bj.MagneticOperator, intensity=50_000.0, inclination=-90.0, declination=0.0)
    found = bj.Survey("magnetic", data, mesh.easting, mesh.northing, 80.0, **field).reduced_to_pole()
    assert found.inclination == -90.0
    assert np.corrcoef(found.data[8:32, 8:32].ravel(), pole[8:32, 8:32].ravel())[0, 1] > 0.998
    np.testing.assert_allclose(found.data[10:30, 10:30], pole[10:30, 10:30], atol=0.05 * pole.max())
    assert np.corrcoef(data.ravel(), pole.ravel())[0, 1] < 0.95  # which it was not before


def test_what_filters_refuse():
    axis = np.arange(6) * 100.0
    gaps = np.ones((6, 6))
    gaps[2, 2] = np.nan
    with pytest.raises(ValueError, match="without gaps"):
        bj.Survey("gravity", gaps, axis, axis, 0.0).upward_continued(100.0)
    with pytest.raises(ValueError, match="equally spaced"):
        bj.Survey("gravity", np.ones((6, 6)), axis**1.1, axis, 0.0).upward_continued(100.0)
    with pytest.raises(ValueError, match="be known"):
        bj.Survey("magnetic", np.ones((6, 6)), axis, axis, 50.0).reduced_to_pole()
    with pytest.raises(ValueError, match="at least 20"):
        bj.Survey("magnetic", np.ones((6, 6)), axis, axis, 50.0, intensity=4e4, inclination=10.0,
                  declination=0.0).reduced_to_pole()
