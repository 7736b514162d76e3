import re

import numpy as np
import pytest

from bayesjoint import GravityOperator, Matern, Mesh, Parameter, Survey
from bayesjoint.cli import disagreement, main
from bayesjoint.dataset import read_attributes, read_tree

CONFIG = """
title = "Ground and air"
seed = 3

[surveys.ground]
file = "ground.nc"
kind = "gravity"
parameter = "density"
std = 0.1

[surveys.air]
file = "air.nc"
kind = "gravity"
parameter = "density"
std = 0.1

[mesh]
depth = 900.0
layers = 3
padding = 0

[parameters.density]
std = 100.0
range = 900.0

[posterior]
draws = 3
chains = 2
"""


def write_pair(folder, shift):
    """Two gravity surveys of a ground drawn from the prior, the second off by `shift` mGal."""
    mesh = Mesh.regular((3, 8, 9), (300.0, 300.0, 300.0))
    rng = np.random.default_rng(5)
    density = Parameter("density", mesh, prior=Matern(std=100.0, range=900.0))
    truth = density.from_hat(density.bound_prior.covariance.sample(rng, 1)[0])
    for name, height, off in (("ground", 0.0, 0.0), ("air", 250.0, shift)):
        operator = GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        data = operator.predict(truth) + 0.1 * rng.standard_normal(operator.data_shape) + off
        survey = Survey("gravity", data, mesh.easting, mesh.northing, upward=height, licence="none")
        survey.to_dataset().to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    config = folder / "agree.toml"
    config.write_text(CONFIG)
    return config


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """Folder of a finished examination of surveys 2 mGal apart."""
    folder = tmp_path_factory.mktemp("shifted")
    assert main(["conflict", str(write_pair(folder, 2.0)), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_a_shift_is_found_named_and_mended(shifted):
    tree = read_tree(shifted / "posterior.nc")
    assert "disagree" in tree.attrs["verdict"] and tree["agreement"].attrs["verdict"] == tree.attrs["verdict"]
    found = tree["remedies"].to_dataset()
    assert found.remedy.values[0] == "as stated" and len(found.remedy) > 1
    offset = next(str(r) for r in found.remedy.values if str(r).startswith("offset of air"))
    assert found.p_value.sel(remedy="as stated").min() < 1e-3 < found.p_value.sel(remedy=offset).min()
    value, std = map(float, re.search(r"constant ([\d.-]+) ± ([\d.-]+)", str(
        found.words.sel(remedy=offset).values)).groups())
    assert abs(value - 2.0) < 4 * std and std < 1.0


def test_the_report_says_so(shifted):
    page = (shifted / "report.html").read_text()
    assert "Do the surveys agree?" in page and "Remedies, and what each changes" in page
    assert read_tree(shifted / "posterior.nc").attrs["verdict"][1:] in page


def test_surveys_that_agree_exit_with_0_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(disagreement, "report", lambda tree, path, title=None: path.write_text(title))
    assert main(["conflict", str(write_pair(tmp_path, 0.0)), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    verdict = read_tree(tmp_path / "out" / "posterior.nc").attrs["verdict"]
    assert "disagree" not in verdict and verdict in capsys.readouterr().out


def test_fitted_hyperparameters_are_said_to_be_taken_for_known(tmp_path, monkeypatch):
    monkeypatch.setattr(disagreement, "report", lambda tree, path, title=None: path.write_text(title))
    config = write_pair(tmp_path, 0.0)
    config.write_text(CONFIG.replace("[posterior]", "[conflict]\nplaces = false\n\n[posterior]\nfit = true"))
    assert main(["conflict", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    said = read_attributes(read_tree(tmp_path / "out" / "posterior.nc"))["approximations"]
    assert any(a["name"] == "p-values of agreement" and "refits = 99" in a["statement"] for a in said)


@pytest.mark.parametrize(("table", "words"), [
    ("refits = 99", "posterior.fit"), ("margins = { shift = 1.0 }", "offset, tilt, patch, gain"),
    ("margins = { offset = 0 }", "a number > 0"), ("level = 2.0", "conflict.level"),
])
def test_wrong_settings_are_refused(tmp_path, capsys, table, words):
    config = write_pair(tmp_path, 0.0)
    config.write_text(f"{CONFIG}\n[conflict]\n{table}\n")
    assert main(["conflict", str(config), "--out", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err


def test_what_matters_is_the_users_to_say(tmp_path, monkeypatch):
    monkeypatch.setattr(disagreement, "report", lambda tree, path, title=None: path.write_text(title))
    config = write_pair(tmp_path, 0.0)
    config.write_text(f"{CONFIG}\n[conflict]\nplaces = false\nmargins = {{ offset = 7.5 }}\n")
    assert main(["conflict", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    found = read_tree(tmp_path / "out" / "posterior.nc")["agreement_detectable_ground_air"].to_dataset()
    assert found.margin.sel(disturbance="offset of air").item() == 7.5


def test_one_survey_is_refused_before_anything_is_computed(tmp_path, capsys):
    config = write_pair(tmp_path, 0.0)
    config.write_text(re.sub(r"\[surveys.air\].*?\n\n", "", CONFIG, flags=re.S))
    assert main(["conflict", str(config), "--out", str(tmp_path / "out")]) == 2
    assert "at least two" in capsys.readouterr().err and not (tmp_path / "out").exists()
