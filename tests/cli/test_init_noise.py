"""What `bayesjoint init` says of noise that is aliased ground, and of grids that look interpolated."""

import math
import re
import tomllib

import numpy as np
import pytest

from bayesjoint import Survey
from bayesjoint.cli import main
from bayesjoint.survey import aliased_share, spacing_of

from ..survey.formats.files import oasis

FIELD = ("--field", "51000", "-51", "6")


def grid(folder, data, name):
    """A table of x, y and value whose nodes are 1 km apart."""
    north, east = np.meshgrid(*(1000.0 * np.arange(n) for n in data.shape), indexing="ij")
    np.savetxt(folder / name, np.column_stack([east.ravel(), north.ravel(), data.ravel()]), fmt="%.5f", delimiter=",",
               header=f"x,y,{name.partition('.')[0]}", comments="")
    return folder / name


def reasons(folder, path, *options):
    """{survey: why its std is what it is}, of a configuration for one file."""
    out = folder / "survey.toml"
    assert main(["init", str(path), "--out", str(out), "--force", *options]) == 0
    text = out.read_text("utf-8")
    tomllib.loads(text)
    return " ".join(re.search(r"# (?:FILL IN )?std: (.*?)\n(?!#   )", text, re.DOTALL)[1].replace("\n#  ", "").split())


@pytest.fixture
def rough(tmp_path):
    rng = np.random.default_rng(2)
    x, y = np.meshgrid(np.arange(24.0), np.arange(22.0))
    return grid(tmp_path, 800 * np.sin(x / 5) * np.cos(y / 6) + 120 * rng.standard_normal(x.shape), "tmi_nT.csv")


def test_nodes_far_apart_and_low_show_aliased_ground_and_not_wrong_units(tmp_path, rough):
    why = reasons(tmp_path, rough, "--height", "80", *FIELD)
    for words in ("Aliased geology", "1000 m apart and 80 m above the ground", "60 % of the power",
                  "Do not drill bodies of one node", "upward continuation does not", "Aliasing and interpolated grids"):
        assert words in why, words
    assert "are the units right?" not in why


@pytest.mark.parametrize(("height", "said"), [
    ("520", False), ("-3", True), (None, True)])  # high enough for an elevation; below the datum; not stated
def test_where_the_height_above_the_ground_is_not_known_the_bound_is_said(tmp_path, rough, height, said):
    why = reasons(tmp_path, rough, *FIELD, *(() if height is None else ("--height", height)))
    assert "Aliased geology" not in why and "are the units right?" in why
    assert "Aliased ground too, if that is less than 500 m below" in why


def test_nodes_close_to_each_other_are_not_called_aliased(tmp_path):
    rng = np.random.default_rng(2)
    (tmp_path / "tmi.grd").write_bytes(oasis(20.0 * rng.standard_normal((24, 20))))  # 50 by 25 m
    assert "liased" not in reasons(tmp_path, tmp_path / "tmi.grd", "--height", "30", *FIELD)
    assert "25 m apart" not in (why := reasons(tmp_path, tmp_path / "tmi.grd", "--height", "20", *FIELD))
    assert "50 m apart and 20 m above" in why


def test_gravity_on_the_ground_is_not_called_aliased(tmp_path):
    rng = np.random.default_rng(3)
    path = grid(tmp_path, rng.standard_normal((24, 22)), "gravity_mGal.csv")
    assert "liased" not in reasons(tmp_path, path, "--height", "0")


def test_a_smooth_grid_looks_interpolated(tmp_path):
    x, y = np.meshgrid(np.arange(24.0), np.arange(22.0))
    path = grid(tmp_path, 30 * np.exp(-((x - 11) ** 2 + (y - 9) ** 2) / 60), "gravity_mGal.csv")
    why = reasons(tmp_path, path, "--height", "0")
    assert "a start and no estimate" in why
    assert "the grid looks interpolated: its nodes are not independent measurements" in why
    assert "Aliasing and interpolated grids" in why


def test_noise_far_below_any_instrument_looks_interpolated(tmp_path):
    rng = np.random.default_rng(4)
    path = grid(tmp_path, 1e-4 * rng.standard_normal((24, 22)), "gravity_mGal.csv")
    why = reasons(tmp_path, path, "--height", "0")
    assert "are the units right? Else the grid looks interpolated" in why


def test_values_of_a_lattice_are_said_to_be_placed_on_their_nodes(tmp_path, rough, capsys):
    reasons(tmp_path, rough, "--height", "80", *FIELD)
    said = " ".join(capsys.readouterr().out.split())
    assert "values are placed on their own nodes" in said and "interpolated" not in said.partition("'Aliasing")[0]


def test_the_share_is_that_of_the_spectrum():
    """By summing the spectrum of Spector and Grant beyond the Nyquist wavenumber."""
    for spacing, height in ((1000.0, 80.0), (200.0, 60.0), (100.0, 100.0)):
        k = np.linspace(0, 40 / height, 400_001)
        power = np.exp(-2 * k * height)
        beyond = power[k >= math.pi / spacing].sum() / power.sum()
        assert abs(beyond - aliased_share(spacing, height)) < 1e-3
    assert aliased_share(100.0, -5.0) == 1.0


def test_the_spacing_is_that_of_the_wider_axis_or_of_the_mean_area():
    data = np.zeros((4, 5))
    assert spacing_of(Survey("magnetic", data, 50.0 * np.arange(5), 80.0 * np.arange(4), 0.0, intensity=5e4,
                             inclination=60.0, declination=0.0)) == 80.0
    east, north = np.random.default_rng(0).uniform(0, 1000, (2, 400))
    assert abs(spacing_of(Survey("gravity", np.zeros(400), east, north, 0.0)) - 50.0) < 2.0
