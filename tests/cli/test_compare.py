"""`bayesjoint compare`: what is said of two runs, and what is not."""

import csv
import re

import numpy as np
import pytest

from bayesjoint.cli import main, run
from bayesjoint.dataset import read_tree, write_tree

from .surveys import write_pair

OTHER = (("std = 200.0", "std = 300.0"), ("correlation = 0.5", "correlation = 0.0"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders: one; the same data under another prior; other data; another mesh; one survey left out."""
    folder = tmp_path_factory.mktemp("runs")
    text = write_pair(folder).read_text()
    other, moved = text, folder / "moved.nc"
    for pair in OTHER:
        other = other.replace(*pair)
    tree = read_tree_of(folder / "gravity.nc")
    tree["gravity"] = tree["gravity"] + 0.01
    tree.to_netcdf(moved, engine="h5netcdf")
    alone = re.sub(r"(?s)\[surveys.magnetic\].*?(?=\[mesh\])", "", text)
    alone = re.sub(r"(?s)\[parameters.susceptibility\].*?(?=\[posterior\])", "", alone)
    texts = {"one": text, "other": other, "moved": text.replace('"gravity.nc"', '"moved.nc"'),
             "finer": text.replace("layers = 3", "layers = 4"), "alone": alone}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
        for name, each in texts.items():
            (folder / f"{name}.toml").write_text(each)
            assert main(["run", str(folder / f"{name}.toml"), "--out", str(folder / name), "--quiet"]) == 0
    return folder


def read_tree_of(path):
    import xarray as xr

    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def compared(runs, tmp_path, *names):
    """(page, rows of the table) of some runs."""
    assert main(["compare", *(str(runs / name) for name in names), "--out", str(tmp_path / "both")]) == 0
    with (tmp_path / "both" / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(p.name for p in (tmp_path / "both").iterdir()) == ["comparison.csv", "comparison.html"]
    return (tmp_path / "both" / "comparison.html").read_text("utf-8"), rows


def of(rows, part, item=None, run=None):
    return [row for row in rows if row["part"] == part and item in (None, row["item"]) and run in (None, row["run"])]


def test_two_priors_of_the_same_data(runs, tmp_path):
    page, rows = compared(runs, tmp_path, "one", "other")
    trees = [read_tree(runs / name / "posterior.nc") for name in ("one", "other")]
    evidence, = of(rows, "evidence")
    expected = trees[1].attrs["log_evidence"] - trees[0].attrs["log_evidence"]
    assert float(evidence["value"]) == pytest.approx(expected) and 0 < float(evidence["error"]) < 1e-6
    means = [tree["posterior_summary"]["density_mean"].values for tree in trees]
    rms, = of(rows, "model", "density: rms difference of means")
    assert float(rms["value"]) == pytest.approx(np.sqrt(np.mean((means[1] - means[0]) ** 2))) and rms["error"]
    ratio, = of(rows, "model", "density: ratio of std, median")
    stds = [tree["posterior_summary"]["density_std"].values for tree in trees]
    assert float(ratio["value"]) == pytest.approx(np.median(stds[1] / stds[0])) and float(ratio["value"]) > 1.2
    asked = {row["item"]: row["value"] for row in of(rows, "asked", run="other")}
    assert asked["parameters.density.std"] == "300.0" and asked["coupling.correlation"] == "0.0"
    assert "mesh.depth" not in asked and "data of gravity" not in asked
    fit = of(rows, "fit", "chi2/n of gravity")
    assert [row["run"] for row in fit] == ["one", "other"] and all(0 < float(row["error"]) < 0.3 for row in fit)
    assert page.count("<img") == 12 and not re.search(r"(src|href)=.https?:|<script", page)
    assert "not checked against ground" in page and len(of(rows, "status")) == 8


@pytest.mark.parametrize(("name", "why"), [("moved", "data of gravity differ"), ("alone", "surveys are")])
def test_evidences_of_different_data_are_not_compared(runs, tmp_path, name, why):
    page, rows = compared(runs, tmp_path, "one", name)
    evidence, = of(rows, "evidence")
    assert evidence["value"] == "" and why in evidence["note"] and why in page
    assert of(rows, "model", "density: rms difference of means")


def test_maps_on_different_meshes_are_not_subtracted(runs, tmp_path):
    page, rows = compared(runs, tmp_path, "one", "finer", "other")
    row, = of(rows, "model", "maps")
    assert row["run"] == "finer" and "meshes differ" in row["note"] and "maps are not subtracted" in page
    assert {r["run"] for r in of(rows, "model")} == {"finer", "other"} and len(of(rows, "evidence")) == 2
    assert all(r["value"] for r in of(rows, "evidence"))


def test_a_fitted_prior_is_said_to_flatter_the_evidence(runs, tmp_path):
    (tmp_path / "fitted").mkdir()
    tree = read_tree(runs / "one" / "posterior.nc")
    tree.attrs["configuration"] = tree.attrs["configuration"].replace("[posterior]", "[posterior]\nfit = true")
    write_tree(tree, tmp_path / "fitted" / "posterior.nc")
    page, rows = compared(runs, tmp_path, "other", tmp_path / "fitted")
    assert "fitted: prior and noise were fitted" in of(rows, "evidence")[0]["note"] and "a maximum" in page


def test_folders_of_one_name_are_told_apart(runs, tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "out").mkdir(parents=True)
        write_tree(read_tree(runs / "one" / "posterior.nc"), tmp_path / parent / "out" / "posterior.nc")
    page, rows = compared(runs, tmp_path, tmp_path / "a" / "out", tmp_path / "b" / "out")
    assert {row["run"] for row in of(rows, "fit")} == {"a/out", "b/out"} and "are the same" in page


REFUSED = {"one": (["one"], "both"), "none": (["one", "nowhere"], "both"), "no results": (["one", "empty"], "both"),
           "twice": (["one", "one"], "both"), "another's file": (["one", "foreign"], "both"),
           "a file for a folder": (["one", "other"], "one.toml"), "null": (["one", "other"], "a\0b"),
           "under a file": (["one", "other"], "one.toml/out")}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_one_line_and_nothing_is_written(runs, tmp_path, capsys, case):
    for name in ("empty", "foreign"):
        (runs / name).mkdir(exist_ok=True)
    (runs / "foreign" / "posterior.nc").write_text("words")
    names, out = REFUSED[case]
    before = sorted(runs.rglob("*"))
    assert main(["compare", *(str(runs / name) for name in names), "--out", str(runs / out)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and ("DIR" in said.err or "--out" in said.err or "foreign" in said.err)
    assert said.out == "" and sorted(runs.rglob("*")) == before
