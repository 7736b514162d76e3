import contextlib
import io
import re
import signal

import numpy as np
import pytest
import xarray as xr

from bayesjoint import (
    DiagonalNoise,
    GaussianPrior,
    GravityOperator,
    JointProblem,
    Matern,
    Mesh,
    Modality,
    Parameter,
    Survey,
)
from bayesjoint.agreement._conflict_matrix import conflict_matrix
from bayesjoint.cli import _disagreement, main, run
from bayesjoint.cli._disagreement import STAGES
from bayesjoint.dataset import read_attributes, read_tree
from bayesjoint.reporting import _agreement as accord
from bayesjoint.reporting import report
from bayesjoint.reporting._words import readable

from . import kills

NOT_YET_SAID = "Remedies: not compared yet"
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
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as found:
        assert main(["conflict", str(write_pair(folder, 2.0)), "--out", str(folder / "out")]) == 0
    (folder / "out" / "said.txt").write_text(said.getvalue())
    (folder / "out" / "said.out").write_text(found.getvalue())
    return folder / "out"


def test_stages_are_told_without_a_terminal(shifted):
    said = (shifted / "said.txt").read_text()
    told = [line.split(" s  ")[1] for line in said.splitlines()]
    assert [name for name in told if name[0] != " "] == [name for name in STAGES if name != "fit hyperparameters"]
    assert "\r" not in said
    # each remedy as it is begun, and how many are left: built, solved for, looked at, tested
    built = told[told.index("remedies") + 1 : told.index("posterior under each remedy")]
    names = [re.fullmatch(r"  (.+) \((\d+) of (\d+), (\d+) left after it\)", line).groups() for line in built]
    assert [int(k) for _, k, *_ in names] == list(range(1, len(built) + 1)) and names[-1][3] == "0"
    total = len(built) + 1  # with the problem as stated
    for k, (name, *_) in enumerate(names, 2):
        for what in ("posterior", "mean and std", "tests"):
            assert f"  {name}: {what} ({k} of {total}, {total - k} left after it)" in told


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
    page = (shifted / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "Do the surveys agree?" in page and "Remedies, and what each changes" in page
    tree = read_tree(shifted / "posterior.nc")
    assert readable(tree.attrs["verdict"][1:]) in page
    # what a test's null is has a row of its own: as a column it was cut off
    tests = page.split('<section id="agreement">')[1].split("</section>")[0]
    assert tests.count('<tr class="under">') == tree["agreement"].sizes["agreement_test"]


def test_bayes_ratio_and_suspiciousness_are_kept_and_told(shifted):
    found = read_tree(shifted / "posterior.nc")["agreement_matrix"].to_dataset()
    pair = found.sel(survey="ground", other="air")
    assert pair.log_suspiciousness < -5 and np.isfinite(pair.log_bayes_ratio) and "log_bayes_ratio_error" in found
    page = (shifted / "report.html").read_text()
    assert "Bayes ratio and suspiciousness" in page and str(pair.words.values) in page
    assert "They differ where the prior is so wide" in page and "not adjusted for them" in page


def test_of_three_surveys_each_stands_against_the_rest():
    level = Parameter("level", 1, prior=GaussianPrior(0.0, 1e4))
    rows = {"a": 0.0, "b": 9.0, "c": 0.5}
    surveys = [Modality(k, [[1.0]], [d], DiagonalNoise([1.0]), "level") for k, d in rows.items()]
    found = conflict_matrix(JointProblem([level], surveys))
    rows = accord.matrix(xr.DataTree.from_dict({"/agreement_matrix": found}))["rows"]
    assert [r["pair"] for r in rows] == ["a and b", "a and c", "b and c", "a and the rest", "b and the rest",
                                         "c and the rest"]
    assert rows[4]["ratio_p"] == found.rest_ratio_p_holm.sel(survey="b") and rows[4]["p"][0] < 1e-6
    assert rows[0]["split_p"] == min(found.split_p_holm.values[0, 1], found.split_p_holm.values[1, 0])


def test_what_could_not_be_tried_is_in_dataset_and_report(tmp_path, monkeypatch):
    def refuse(*arguments):
        msg = "surveys must have lines"
        raise ValueError(msg)

    monkeypatch.setattr("bayesjoint.agreement._compare_remedies._with_bias", refuse)
    config = write_pair(tmp_path, 2.0)
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
    config.write_text(f"{CONFIG}\n[conflict]\nplaces = false\n")
    assert main(["conflict", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    wanted = "offset of air: surveys must have lines"
    assert wanted in tree["remedies"].attrs["untried"].split("\n") and wanted in accord.remedies(tree)["untried"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None])
def test_the_verdict_stays_when_remedies_are_stopped_or_fail(tmp_path, monkeypatch, capsys, number):
    def broken(*_, **__):
        assert re.match("Verdict: disagree. ", capsys.readouterr().out)  # said before
        assert kills.run_of(out) and not list(out.glob(".finished*"))  # and three whole files of one run
        if number is None:
            msg = "no room"
            raise MemoryError(msg)
        signal.raise_signal(number)

    out = tmp_path / "out"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    monkeypatch.setattr(_disagreement, "compare_remedies", broken)
    code = main(["conflict", str(write_pair(tmp_path, 2.0)), "--out", str(out), "--quiet"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == (130 if number else 1) and ("interrupted; " if number else "MemoryError: no room; ") in last
    where = f"{out / 'report.html'} and {out / 'posterior.nc'}"
    assert last.endswith(f"; the verdict and its tests are in {where}, without remedies")
    assert {p.name for p in out.iterdir()} == {"posterior.nc", "report.html", "run.log"}
    tree, page = read_tree(out / "posterior.nc"), (out / "report.html").read_text()
    kills.run_of(out)
    assert "remedies" not in tree.children and tree.attrs["remedies"] == _disagreement.NOT_YET
    assert "disagree" in tree.attrs["verdict"] and "agreement_matrix" in tree.children and NOT_YET_SAID in page


def test_the_first_result_makes_way_for_the_full_one(shifted):
    tree, page = read_tree(shifted / "posterior.nc"), (shifted / "report.html").read_text()
    assert tree.attrs["remedies"] == "compared" and NOT_YET_SAID not in page
    assert kills.run_of(shifted) and (shifted / "said.out").read_text().count("Verdict: ") == 1


def test_remedies_can_be_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_disagreement, "compare_remedies", lambda *_, **__: pytest.fail("remedies were compared"))
    config, out = write_pair(tmp_path, 2.0), tmp_path / "out"
    assert main(["conflict", str(config), "--no-remedies", "--dry-run"]) == 0
    assert "remedies" not in capsys.readouterr().out.split("stages: ")[1].replace("report without remedies", "")
    assert main(["conflict", str(config), "--out", str(out), "--no-remedies"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Verdict: disagree. ") and said.err.splitlines()[-1].endswith("report without remedies")
    tree = read_tree(out / "posterior.nc")
    assert "remedies" not in tree.children and "--no-remedies" in tree.attrs["command"]
    assert "not compared, as was asked for (--no-remedies)" in (out / "report.html").read_text()
    kills.run_of(out)


@pytest.mark.parametrize(("found", "wanted", "words"), [
    ("range = 900.0", "range = 900.0\nlower = -500.0", "must have no bounds"),
    ("std = 100.0\nrange = 900.0", 'prior = "minimum_length"\nalpha = 1.0', "must be 'matern'"),
    ("[posterior]", '[coupling]\nkind = "gramian"\nweight = 1.0\n\n[posterior]', "coupling.kind = 'gramian'"),
])
def test_what_is_no_gaussian_model_is_refused_before_anything_is_computed(tmp_path, capsys, found, wanted, words):
    config = write_pair(tmp_path, 0.0)
    config.write_text(CONFIG.replace(found, wanted))
    assert main(["conflict", str(config), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert words in said and "for the test" in said.replace("Test under", "for the test") and "laplace" not in said
    assert not (tmp_path / "out").exists()


def test_surveys_that_agree_exit_with_0_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
    assert main(["conflict", str(write_pair(tmp_path, 0.0)), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    verdict = read_tree(tmp_path / "out" / "posterior.nc").attrs["verdict"]
    assert "disagree" not in verdict and verdict in capsys.readouterr().out


def test_fitted_hyperparameters_are_said_to_be_taken_for_known(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
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
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
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


def test_where_no_remedy_is_called_for_there_is_one_page_that_says_why(tmp_path, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: written.append(path.write_text(title)))
    monkeypatch.setattr(_disagreement, "compare_remedies", lambda *_, **__: pytest.fail("there is nothing to compare"))
    config = write_pair(tmp_path, 0.0)
    config.write_text(f"{CONFIG}\n[geology]\nfamily = \"mixture\"\nstd = \"prior\"\nworlds = 100\n\n[conflict]\n"
                      "places = false\n")
    assert main(["conflict", str(config), "--out", str(tmp_path / "out")]) == 0
    said, tree = capsys.readouterr().err, read_tree(tmp_path / "out" / "posterior.nc")
    assert len(written) == 1 and "remedies" not in tree.children
    assert tree.attrs["remedies"].startswith("No remedy is offered, because ")
    assert tree.attrs["remedies"] in tree["agreement"].attrs["details"]
    # each group of tests, each draw, each standard deviation
    told = [line.split(" s  ")[1] for line in said.splitlines() if " s  " in line]
    assert "  ground and air: offset, tilt, gain and levels (1 of 5, 4 left after it)" in told
    assert "  air by itself: prior and noise (5 of 5, 0 left after it)" in told
    assert told.index("draws and dataset") < told.index("  standard deviations (1 of 1, 0 left after it)")
    # a geology that this command does not read is not asked for
    page = report(tree, tmp_path / "again.html").read_text()
    assert "does not read the [geology] table" in page and "state a geology" not in page


def test_tests_as_stated_are_not_done_again(shifted):
    assert "as stated: tests" not in (shifted / "said.txt").read_text()
    page = (shifted / "report.html").read_text()
    assert "R and S decide nothing in it" in page and "believe S" not in page
