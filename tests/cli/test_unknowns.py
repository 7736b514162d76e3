"""Unknowns of the measurement in a configuration."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.cli import main
from bayesjoint.cli._config import read_config
from bayesjoint.cli._refuse import ConfigError
from bayesjoint.cli.run import build_problem, read_surveys
from bayesjoint.dataset import read_tree

from .surveys import CONFIG, write_pair

DIRECTION, HEIGHT = "inclination_std = 2.0\ndeclination_std = 3.0\n", "height_std = 0.2\nheight_per = 'station'\n"
GRAVITY, MAGNETIC = 'parameter = "density"\n', 'parameter = "susceptibility"\n'


def with_keys(gravity="", magnetic=""):
    return CONFIG.replace(GRAVITY, GRAVITY + gravity).replace(MAGNETIC, MAGNETIC + magnetic)


@pytest.mark.filterwarnings("ignore:the tangent of")
def test_a_run_finds_them(tmp_path, capsys):
    path = write_pair(tmp_path)
    path.write_text(with_keys(HEIGHT + "height_reduction = 0.3086\n", DIRECTION))
    assert main(["run", str(path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "unknown: inclination (std 2 degrees), declination (std 3 degrees)" in said
    assert "unknown: height of each station (std 0.2 m)" in said
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    found = tree["posterior_summary"]["magnetic_direction_error_mean"]
    assert found["magnetic_direction_error_id"].values.tolist() == ["inclination", "declination"]
    assert found.attrs["units"] == "degree"
    assert tree["posterior_summary"]["gravity_height_error_std"].size == 42
    assert "magnetic_direction_error_cost" in tree["nuisances"]
    assert "susceptibility_mean__magnetic_only" in tree["separate_summary"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "tangent of magnetic_direction_error" in page and "magnetic direction error" in page


def test_the_reduction_density_by_a_file_of_heights(tmp_path):
    path, rng = write_pair(tmp_path), np.random.default_rng(0)
    east, north = (c.ravel() for c in np.meshgrid(np.arange(-500.0, 1300.0, 100.0), np.arange(-500.0, 1300.0, 100.0)))
    heights = -60.0 * rng.random(east.size)  # below the stations, which are at 0
    np.savetxt(tmp_path / "ground.csv", np.stack([east, north, heights], axis=1), delimiter=",", comments="",
               header="easting,northing,topography")
    path.write_text(with_keys("reduction_density_std = 150.0\ntopography = 'ground.csv'\ntopography_cell = 100.0\n"))
    problem = build_problem(read_config(path))
    assert problem.by_name["gravity_reduction_density"].units == "kg/m3"
    survey = read_surveys(read_config(path))["gravity"]
    wanted = bj.terrain_effect(survey, (east, north, heights), cell=100.0).column
    np.testing.assert_allclose(problem.surveys["gravity"].term("gravity_reduction_density").columns[:, 0], wanted,
                               rtol=1e-3)
    path.write_text(path.read_text().replace("ground.csv", "gone.csv"))
    with pytest.raises(ConfigError, match="existing file"):
        build_problem(read_config(path))


@pytest.mark.parametrize(("gravity", "magnetic", "other", "key", "words"), [
    ("reduction_density_std = 100.0\n", "", (), "surveys.gravity.reduction_density_std", "needs topography"),
    ("", "reduction_density_std = 100.0\ntopography = 'g.csv'\ntopography_cell = 9.0\n", (),
     "surveys.magnetic.reduction_density_std", "is of gravity alone"),
    (DIRECTION, "", (), "surveys.gravity.inclination_std = 2.0", "needs a kind with an inducing field"),
    (HEIGHT, "", (), "surveys.gravity.height_reduction", "is required for height_std of gravity"),
    ("height_per = 'line'\n", "", (), "surveys.gravity.height_per = 'line'", "means nothing without height_std"),
    ("", DIRECTION + HEIGHT, (), "surveys.magnetic.height_std = 0.2", "one survey takes one"),
    ("", DIRECTION, ("range = 200.0", "range = 200.0\nlower = 0.0"), "surveys.magnetic.inclination_std", "bounds"),
    ("", HEIGHT, ("range = 200.0", "range = 200.0\nextent = 'continued'"), "surveys.magnetic.height_std", "extent"),
    ("", DIRECTION, ("[posterior]", "[geology]\nfamily = 'mixture'\n[posterior]"), "surveys.magnetic.inclination_std",
     "cannot go with [geology]"),
])
def test_what_they_need_is_said_before_anything_is_computed(tmp_path, gravity, magnetic, other, key, words):
    text = with_keys(gravity, magnetic)
    text = text.replace(*other, 1) if other else text
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "run.toml")
    assert key in str(caught.value) and words in str(caught.value)
