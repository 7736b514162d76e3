import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from bayesjoint.cli import main, run
from bayesjoint.dataset import read_tree

from .surveys import CONFIG, write_pair


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of one finished run."""
    folder = tmp_path_factory.mktemp("finished")
    assert main(["run", str(write_pair(folder)), "--out", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def quick_report(monkeypatch):
    """Write a line instead of the figures, where the page is not what is tested."""
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))


def test_run_leaves_a_dataset_and_a_report(finished):
    out = finished / "out"
    assert sorted(p.name for p in out.iterdir()) == ["posterior.nc", "report.html", "run.log"]
    tree = read_tree(out / "posterior.nc")
    assert tree.attrs["title"] == "Two bodies"
    assert tree["posterior"]["density"].sizes["chain"] == 2
    assert "density_mean__gravity_only" in tree["separate_summary"]
    assert "magnetic_bias" in tree["posterior"]
    page = (out / "report.html").read_text()
    assert "Two bodies" in page
    assert not re.search(r"(src|href)=.https?:", page)


def test_a_survey_with_student_noise_runs(tmp_path, quick_report):
    path = write_pair(tmp_path)
    path.write_text(CONFIG.replace("std = 0.05\n", 'std = 0.05\nnoise = "student"\ndof = 4\n', 1).replace(
        "[posterior]", "[posterior]\nseparate = false"))
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    assert tree.attrs["method"] == "gibbs"
    assert tree["datum_weights"]["gravity_weight"].shape == (6, 7)
    assert "independent Student-t, scale 0.05, dof 4" in tree["observed_data"]["gravity"].attrs["noise"]


def test_the_same_configuration_gives_the_same_numbers(finished, quick_report):
    assert main(["run", str(finished / "run.toml"), "--out", str(finished / "two"), "--quiet"]) == 0
    one, two = (read_tree(finished / name / "posterior.nc")["posterior"]["density"].values for name in ("out", "two"))
    np.testing.assert_array_equal(one, two)


def test_without_a_terminal_every_stage_is_a_plain_line_with_its_time(finished, quick_report, capsys):
    assert main(["run", str(finished / "run.toml"), "--out", str(finished / "three")]) == 0
    said = capsys.readouterr().err
    lines = [re.fullmatch(r" *(\d+\.\d) s  (.+)", line).groups() for line in said.splitlines()]
    # parts of a stage are set in below it
    assert [name for _, name in lines if not name.startswith(" ")] == [name for name in run.STAGES if name not in (
        "fit hyperparameters", "tests of agreement", "recalibrate")]
    times = [float(seconds) for seconds, _ in lines]
    assert times == sorted(times) and "\r" not in said and "\x1b" not in said


def test_quiet_says_nothing_on_the_way(finished, quick_report, capsys):
    assert main(["run", str(finished / "run.toml"), "--out", str(finished / "four"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_the_report_verb_rebuilds_the_page(finished, capsys):
    assert main(["report", str(finished / "out" / "posterior.nc"), "--out", str(finished / "again.html")]) == 0
    assert (finished / "again.html").stat().st_size > 10_000
    assert "again.html" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["run.toml", "gravity.nc", "folder", "pipe"])
def test_the_report_verb_replaces_nothing_but_reports(finished, tmp_path, capsys, name):
    target = tmp_path / name
    if name == "folder":
        target.mkdir()
    elif name == "pipe":
        os.mkfifo(target)
    else:
        target.write_bytes((finished / name).read_bytes())
    before = target.read_bytes() if target.is_file() else None
    assert main(["report", str(finished / "out" / "posterior.nc"), "--out", str(target)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert target.read_bytes() == before if before else not target.is_file()


def test_bounded_minimum_length_is_sampled_between_its_bounds(tmp_path, quick_report, monkeypatch):
    monkeypatch.setattr("bayesjoint.engines._until_mixed.MOST", 2)  # short chains will do here, mixed or not
    config = write_pair(tmp_path)
    text = CONFIG.replace("std = 200.0\nrange = 200.0", 'prior = "minimum_length"\nalpha = 100.0\nlower = 0.0')
    text = text.replace("std = 0.05\nrange = 200.0", 'prior = "minimum_length"\nalpha = 1000.0\nlower = 0.0')
    text = text.replace('kind = "coregionalization"\ncorrelation = 0.5', 'kind = "none"')
    config.write_text(text)
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    assert tree.attrs["method"] == "truncated"
    assert tree["posterior"]["density"].min() >= 0


def test_engine_extent_and_a_fit_are_chosen_in_the_configuration(tmp_path):
    config = write_pair(tmp_path)
    text = config.read_text().replace("range = 200.0", 'range = 200.0\nextent = "continued"')
    config.write_text(text.replace("[posterior]", '[posterior]\nmethod = "iterative"\nfit = true'))
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    assert tree.attrs["method"] == "iterative"
    assert '"hyperparameters"' in tree.attrs["approximations_json"]
    assert "Fitted to the same data by the evidence" in (tmp_path / "out" / "report.html").read_text()
    assert "continued" in tree.attrs["settings_json"]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("depth = 400.0", "depth = -4.0", 2, "mesh.depth = -4.0"),
        ('file = "gravity.nc"', 'file = "absent.nc"', 2, "surveys.gravity.file = 'absent.nc'"),
        ("std = 0.05\n\n[surveys.m", "\n[surveys.m", 2, "surveys.gravity.std"),
        ("range = 200.0", "range = 90000.0", 2, "range"),
    ],
)
def test_failures_have_their_exit_code_and_leave_nothing(tmp_path, capsys, old, new, code, words):
    config = write_pair(tmp_path)
    config.write_text(config.read_text().replace(old, new, 1))
    out = tmp_path / "out"
    assert main(["run", str(config), "--out", str(out), "--quiet"]) == code
    assert words in capsys.readouterr().err
    assert not out.exists() or not list(out.iterdir())


def test_a_file_in_the_way_of_the_folder_is_refused_at_once(finished, capsys):
    assert main(["run", str(finished / "run.toml"), "--out", str(finished / "run.toml"), "--quiet"]) == 2
    assert "must be a folder" in capsys.readouterr().err


def test_an_interrupt_while_writing_leaves_earlier_results_untouched(finished, monkeypatch, capsys):
    before = {p.name: p.read_bytes() for p in (finished / "out").iterdir()}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "report", interrupted)
    assert main(["run", str(finished / "run.toml"), "--out", str(finished / "out"), "--quiet"]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in (finished / "out").iterdir()} == before


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_end_the_process_with_130(tmp_path, sent):
    config = write_pair(tmp_path, shape=(24, 24))
    config.write_text(config.read_text().replace("layers = 3", "layers = 12"))
    out = tmp_path / "out"
    # a process started in the background of a script inherits an ignored SIGINT; a user's terminal does not ignore it
    command = ("import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
               "from bayesjoint.cli import main; sys.exit(main())")
    process = subprocess.Popen([sys.executable, "-c", command, "run", str(config), "--out", str(out)],
                               stderr=subprocess.PIPE, env=os.environ, text=True)
    assert process.stderr.readline().endswith(f"{run.STAGES[0]}\n")  # it is at work, however slow the machine
    assert process.poll() is None, "the run was over before it could be interrupted"
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert not out.exists() or not list(out.iterdir())


def test_help_teaches_the_configuration(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "[surveys.gravity]" in text
    assert "Exit codes" in text
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "bayesjoint run survey.toml --out results" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["walk"])
    assert stop.value.code == 2
