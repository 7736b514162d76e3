"""The verb `export`: every format from a saved posterior, and one line where it cannot."""

import sys

import numpy as np
import pandas as pd
import pytest

from bayesjoint.cli import main
from bayesjoint.cli._export import TAKES
from bayesjoint.io import FORMATS

from ..io.ground import posterior


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with a posterior.nc, and the posterior."""
    folder, post = tmp_path_factory.mktemp("results"), posterior()
    post.to_file(folder / "posterior.nc", draws=10, chains=2)
    return folder, post


def test_the_command_knows_every_format():
    assert set(TAKES) == set(FORMATS)


@pytest.mark.filterwarnings("ignore:the grid mapping of")
@pytest.mark.parametrize("form", [name for name in TAKES if name != "geotiff"])
def test_a_folder_of_results_is_exported(results, tmp_path, capsys, form):
    target = tmp_path / "out.vtr"
    assert main(["export", str(results[0]), "--to", form, "--out", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n" and target.exists()


def test_layers_for_a_gis(tmp_path, capsys):
    pytest.importorskip("rasterio", reason="GeoTIFF is written by it: pip install 'bayesjoint[geotiff]'")
    posterior(equal=True).to_file(tmp_path / "posterior.nc", draws=10, chains=2)
    assert main(["export", str(tmp_path), "--to", "geotiff", "--out", str(tmp_path / "tif")]) == 0
    assert len(list((tmp_path / "tif").glob("*.tif"))) == 4 and str(tmp_path / "tif") in capsys.readouterr().out


def test_one_property_from_the_file_itself(results, tmp_path):
    folder, post = results
    assert main(["export", str(folder / "posterior.nc"), "--to", "csv", "--out", str(tmp_path / "c.csv"),
                 "--parameter", "density"]) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    assert not any("susceptibility" in column for column in table)
    np.testing.assert_array_equal(table["density_std_kg/m3"].to_numpy(), post.std()["density"].ravel())


def test_wrong_arguments_are_one_line_and_leave_nothing(results, tmp_path, capsys):
    folder, _ = results
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "not_ours.nc").write_text("text")
    cases = {
        "DIR = ": [str(tmp_path), "--to", "csv", "--out", str(tmp_path / "a.csv")],
        "must be free": [str(folder), "--to", "csv", "--out", str(tmp_path / "there.csv")],
        "--out = ": [str(folder), "--to", "vtk", "--out", str(tmp_path / "a.vtk")],
        "be one of 'density', 'susceptibility'": [
            str(folder), "--to", "csv", "--out", str(tmp_path / "a.csv"), "--parameter", "porosity"],
        "netCDF 4": [str(tmp_path / "not_ours.nc"), "--to", "csv", "--out", str(tmp_path / "a.csv")],
        "none of the files that are read": [
            str(folder), "--to", "csv", "--out", str(folder / "posterior.nc"), "--overwrite"],
    }
    before = sorted(tmp_path.iterdir())
    for words, arguments in cases.items():
        assert main(["export", *arguments]) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "there.csv").read_text() == "mine"


def test_an_extra_that_is_missing_is_one_line_with_how_to_install_it(results, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    assert main(["export", str(results[0]), "--to", "geotiff", "--out", str(tmp_path / "tif")]) == 2
    said = capsys.readouterr().err
    assert "pip install 'bayesjoint[geotiff]'" in said and said.count("\n") == 1 and list(tmp_path.iterdir()) == []
