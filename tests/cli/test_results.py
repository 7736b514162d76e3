"""The folder of results: all of a run's files or none, whatever happens between two of them."""

import os
import re
import subprocess
import sys

import pytest

from bayesjoint.cli import main, run
from bayesjoint.cli._refuse import ConfigError
from bayesjoint.cli._results import mend, results
from bayesjoint.dataset import read_tree

from . import kills
from .surveys import write_pair

NAMES = ("posterior.nc", "report.html", "run.log")
OURS = "bayesjoint run log: "  # or a log is another's, and kept


def fill(folder, text):
    for name in NAMES:
        (folder / name).write_text(OURS + text)


def held_in(folder):
    return [(folder / name).read_text().removeprefix(OURS) if (folder / name).exists() else None for name in NAMES]


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    fill(folder, "old")
    (folder / "notes.txt").write_text("mine")
    return folder


def only_ours(folder):
    return sorted(p.name for p in folder.iterdir()) == ["notes.txt", *NAMES]


def test_finished_files_replace_the_earlier_ones_and_nothing_else(old):
    with results(old) as scratch:
        fill(scratch, "new")
        (scratch / "rubbish").write_text("x")
        assert held_in(old) == ["old"] * 3
    assert held_in(old) == ["new"] * 3 and only_ours(old)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_a_fault_between_two_moves_puts_the_first_back(old, monkeypatch, at, error):
    real, count = os.replace, [0]

    def replace(source, target):
        count[0] += 1
        if count[0] >= at:
            raise error
        return real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(error), results(old) as scratch:
        fill(scratch, "new")
    assert count[0] == at and held_in(old) == ["old"] * 3 and only_ours(old)


def test_a_fault_before_there_were_results_leaves_no_folder(tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError), results(tmp_path / "a" / "b") as scratch:
        fill(scratch, "new")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moved", [(), NAMES[:1], NAMES[:2], NAMES[1:], NAMES])
def test_the_next_start_completes_what_a_killed_process_left(old, moved):
    left = old / ".finished-dead"
    (left / ".old").mkdir(parents=True)
    fill(left, "new")
    for name in moved:
        os.replace(left / name, old / name)
    (old / ".unfinished-dead").mkdir()
    mend(old)
    assert held_in(old) == ["new"] * 3 and only_ours(old)


def test_scratch_of_a_living_process_is_left_alone(old):
    code = ("import sys, time; from bayesjoint.cli._results import results\n"
            "with results(sys.argv[1]) as scratch: print(scratch, flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code, str(old)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as other:
        scratch = other.stdout.readline().strip()
        mend(old)
        assert os.path.isdir(scratch)
        other.kill()
    mend(old)
    assert not os.path.exists(scratch) and held_in(old) == ["old"] * 3


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_never_replaced(tmp_path, old, name, link):
    source = old / name
    if link != "same":
        source = tmp_path / "input"
        (os.symlink if link == "symbolic" else os.link)(old / name, source)
    with pytest.raises(ConfigError, match="must not hold what the run reads"), results(old, [source]):
        pass
    assert held_in(old) == ["old"] * 3 and only_ours(old)


def test_a_folder_in_the_place_of_a_result_is_refused_before(tmp_path):
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"leave the name report\.html free"), results(tmp_path / "out"):
        pass


@pytest.mark.parametrize("out", ["a\0b", "x" * 300, "file/out"])
def test_names_that_no_folder_can_have_are_refused(tmp_path, out):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="--out"), results(tmp_path / out):
        pass


def test_a_log_of_another_is_never_replaced(tmp_path):
    (tmp_path / "run.log").write_text("nohup: ignoring input\n")
    with pytest.raises(ConfigError, match=r"leave the name run\.log free"), results(tmp_path):
        pass
    assert (tmp_path / "run.log").read_text() == "nohup: ignoring input\n"


def test_the_report_verb_never_writes_over_the_posterior(tmp_path, capsys):
    (tmp_path / "posterior.nc").write_text("precious")
    assert main(["report", str(tmp_path / "posterior.nc"), "--out", str(tmp_path / "posterior.nc")]) == 2
    assert (tmp_path / "posterior.nc").read_text() == "precious"
    assert main(["report", str(tmp_path / "posterior.nc")]) == 2 and "posterior.nc" in capsys.readouterr().err


def test_all_results_carry_one_run_id(tmp_path, monkeypatch):
    assert main(["run", str(write_pair(tmp_path)), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    first = kills.run_of(tmp_path / "out")
    real = run.report
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(tree.attrs["run_id"]))
    assert main(["run", str(tmp_path / "run.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    second = (tmp_path / "out" / "report.html").read_text()
    assert real is not run.report and second != first
    assert read_tree(tmp_path / "out" / "posterior.nc").attrs["run_id"] == second


def test_four_signals_leave_whole_results_of_one_run(tmp_path):
    """Fifty of them: ``python -m tests.cli.kills 50``."""
    ground = kills.Ground(tmp_path, quick=True)
    found = [kills.trial(ground, number, quick=True) for number in range(4)]
    assert sum(r["sent"] for r in found) >= 3 and sum(r["moment"] != "working" for r in found) >= 2


@pytest.mark.parametrize(("shell", "code"), [
    ("ulimit -f {size}; exec {run}", 1), ("{run} >&-", 0), ("{run} 2>&-", 0), ("{run} >/dev/full", 0),
    ("{run} | true; exit ${{PIPESTATUS[0]}}", 0), ("PYTHONIOENCODING=ascii {run}", 0), ("LC_ALL=C {run}", 0)])
def test_limits_and_terminals(tmp_path, shell, code):
    config = write_pair(tmp_path)
    config.write_text(config.read_text().replace("Two bodies", "Zwei Körper λ"))
    (tmp_path / "command.py").write_text(kills.QUICK)
    command = f"{sys.executable} {tmp_path}/command.py run {config} --out {tmp_path}/out"
    done = subprocess.run(["bash", "-c", shell.format(run=command, size=20)], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() if code else kills.run_of(tmp_path / "out")


def test_half_a_run_that_ignores_hangups_goes_on(tmp_path):
    config = write_pair(tmp_path)
    done = subprocess.run(["bash", "-c", f"trap '' HUP; {sys.executable} -c 'import os, signal, sys; "
                           "from bayesjoint.cli import main, run; real = run.solve; "
                           "run.solve = lambda *a: (os.kill(os.getpid(), signal.SIGHUP), real(*a))[1]; "
                           f"sys.exit(main())' run {config} --out {tmp_path}/out"], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0 and re.search("report.html", done.stdout), done.stderr


def test_a_folder_of_another_with_such_a_name_is_left_alone(tmp_path):
    mine = tmp_path / "out" / ".unfinished-thesis"
    mine.mkdir(parents=True)
    (mine / "thesis.tex").write_text("years")
    with results(tmp_path / "out") as scratch:
        (scratch / "report.html").write_text("new")
    assert (mine / "thesis.tex").read_text() == "years"
    assert (tmp_path / "out" / "report.html").read_text() == "new"


def test_names_that_the_locale_cannot_read_are_written_all_the_same(tmp_path):
    write_pair(tmp_path).rename(tmp_path / "é.toml")
    (tmp_path / "é.toml").write_text((tmp_path / "é.toml").read_text().replace('title = "Two bodies"', ""))
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code = "import sys; from bayesjoint.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "run", "é.toml", "--out", "ö", "--quiet"], cwd=tmp_path,
                          env=plain, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert r"\udcc3" in read_tree(tmp_path / "ö" / "posterior.nc").attrs["command"]
