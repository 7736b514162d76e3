"""`bayesjoint run --conflict`: ground and agreement in one dataset and one page."""

import re

import pytest

import bayesjoint as bj
from bayesjoint.cli import _agreement_tests, _rules, main, run
from bayesjoint.cli._config import read_config
from bayesjoint.dataset import read_attributes, read_tree

from .surveys import CONFIG, write_pair
from .test_ground import GROUND


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of one run with a table of the ground and tests of agreement."""
    folder = tmp_path_factory.mktemp("both")
    config = write_pair(folder)
    config.write_text(CONFIG + GROUND)
    assert main(["run", str(config), "--out", str(folder / "out"), "--conflict", "--quiet"]) == 0
    return folder / "out"


def test_one_dataset_holds_the_answers_to_all_four_questions(finished):
    tree = read_tree(finished / "posterior.nc")
    assert tree.attrs["verdict_kind"] in ("agree", "disagree", "cannot say") and tree.attrs["verdict"]
    assert {"agreement", "agreement_matrix", "recalibration_joint"} <= set(tree.children)
    assert "bayesjoint conflict" in tree.attrs["remedies"]


def test_its_page_leaves_no_question_open(finished):
    page = (finished / "report.html").read_text("utf-8")
    assert "Do the surveys agree?" in page and "What did inverting jointly buy?" in page
    for status in ("Not tested.", "Not checked against ground.", "Not compared."):
        assert f"<strong>{status}</strong>" not in page
    assert "Remedies: not compared by this command" in page


def test_the_log_has_the_option_and_the_stage(finished):
    log = (finished / "run.log").read_text("utf-8")
    assert re.search(r"command +bayesjoint run .* --conflict\n", log)
    stages = re.findall(r"^ +\d+\.\d s  (\w[\w ]+\w) +\d+\.\d s$", log, re.MULTILINE)
    assert stages == [name for name in run.STAGES if name != "fit hyperparameters"]


def test_the_verdict_is_that_of_conflict(finished, tmp_path, capsys):
    config = finished.parent / "run.toml"
    assert main(["conflict", str(config), "--out", str(tmp_path / "agree"), "--no-remedies", "--quiet"]) == 0
    capsys.readouterr()
    alone, beside = (read_tree(folder / "posterior.nc") for folder in (tmp_path / "agree", finished))
    assert alone.attrs["verdict"] == beside.attrs["verdict"]


def test_p_values_after_a_fit_say_what_they_take_for_known(tmp_path, capsys, monkeypatch):
    """And with refits, asked for and handed on, they need not."""
    asked = []

    def conflict(problem, refit=None, draws=None, **how):
        asked.append(draws)
        return real(problem, **how)

    real = _agreement_tests.conflict
    monkeypatch.setattr(_agreement_tests, "conflict", conflict)
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
    config = write_pair(tmp_path)
    for refits, doubted in ((None, True), (99, False)):
        more = "places = false\n" if refits is None else f"places = false\nrefits = {refits}\n"
        config.write_text(f"{CONFIG}fit = true\n\n[conflict]\n{more}")
        assert main(["run", str(config), "--out", str(tmp_path / "out"), "--conflict", "--quiet"]) == 0
        assert capsys.readouterr().out.startswith("Verdict: ")
        said = read_attributes(read_tree(tmp_path / "out" / "posterior.nc"))["approximations"]
        assert any(a["name"] == "p-values of agreement" for a in said) == doubted
        assert asked.pop() == refits


def test_a_dry_run_names_the_tests_only_where_they_are_asked_for(tmp_path, capsys):
    config = write_pair(tmp_path)
    for more, there in (([], False), (["--conflict"], True)):
        assert main(["run", str(config), "--dry-run", *more]) == 0
        said = capsys.readouterr().out
        assert ("tests of agreement" in said) == there == ("The tests come on top of it" in said)
        assert "remedies" not in said


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_what_no_test_can_take_is_refused_at_once(tmp_path, capsys, monkeypatch, more):
    monkeypatch.setattr(run, "solve", lambda *_: pytest.fail("nothing must be solved"))
    config = write_pair(tmp_path)
    config.write_text(CONFIG.replace("[parameters.density]", "[parameters.density]\nlower = -300.0"))
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--conflict", *more]) == 2
    assert "parameters.density" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_too_few_refits_are_refused_before_anything_is_fitted(tmp_path, capsys):
    """The number is the one that the tests themselves ask for."""
    config = write_pair(tmp_path)
    for refits, code in ((_rules.REFITS - 1, 2), (_rules.REFITS, 0)):
        config.write_text(f"{CONFIG}fit = true\n\n[conflict]\nrefits = {refits}\n")
        assert main(["run", str(config), "--conflict", "--dry-run"]) == code
    assert "conflict.refits" in capsys.readouterr().err
    with pytest.raises(ValueError, match=f"draws must be an integer >= {_rules.REFITS}"):
        problem = run.build_problem(read_config(config))
        bj.conflict(problem, refit=lambda problem: problem, draws=_rules.REFITS - 1)
