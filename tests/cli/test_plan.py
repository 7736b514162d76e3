"""--dry-run, --debug, the log of a run, and completion."""

import re
import shutil
import subprocess
import time
import warnings
from itertools import pairwise

import numpy as np
import pytest

from bayesjoint import read_survey
from bayesjoint._places import blocks
from bayesjoint.calibration import _cost
from bayesjoint.cli import main, run
from bayesjoint.cli._completion import SHELLS
from bayesjoint.dataset import read_tree
from bayesjoint.forward import StationOperator, _direct

from .surveys import write_pair


@pytest.fixture
def config(tmp_path):
    return write_pair(tmp_path)


@pytest.fixture
def quick_report(monkeypatch):
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))


@pytest.mark.parametrize("verb", ["run", "conflict"])
def test_a_dry_run_shows_the_plan_and_leaves_nothing(config, tmp_path, capsys, monkeypatch, verb):
    monkeypatch.setattr(run, "solve", lambda *_: pytest.fail("a dry run must solve nothing"))
    before = sorted(tmp_path.rglob("*"))
    assert main([verb, str(config), "--dry-run", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for words in ("survey gravity: gravity.nc, gravity, 6 x 7 grid, 42 data", "noise std 0.05 mGal", "forward: lattice",
                  "mesh: Mesh(3 x 8 x 9 cells", "216 cells", "parameter density: ", "coupling: coregionalization 0.5",
                  "engine: dense, chosen because", "84 data and 433 unknowns", "of memory", "within a factor",
                  str(tmp_path / "out" / "report.html"), "nothing was computed, and nothing written"):
        assert words in said
    assert ("remedies" in said) == (verb == "conflict") and "fit hyperparameters" not in said
    assert sorted(tmp_path.rglob("*")) == before


BROKEN = {"no file": ('file = "gravity.nc"', 'file = "gone.nc"'), "no std": ("std = 0.05\n", "\n"),
          "a mesh above the stations": ("depth = 400.0", "depth = 400.0\ntop = 10.0"),
          "too many draws": ("draws = 3", "draws = 100000000"), "a coupling": ("correlation = 0.5", "weight = 1.0")}


@pytest.mark.parametrize("case", BROKEN)
def test_a_dry_run_finds_what_run_finds(config, tmp_path, capsys, case):
    text = config.read_text()
    assert BROKEN[case][0] in text
    config.write_text(text.replace(*BROKEN[case], 1))
    codes = [main(["run", str(config), *more]) for more in (["--out", str(tmp_path / "out"), "--quiet"], ["--dry-run"])]
    one, two = capsys.readouterr().err.splitlines()
    assert codes == [2, 2] and re.sub(r"\d\S* [kMG]?B", "", one) == re.sub(r"\d\S* [kMG]?B", "", two)


def test_a_run_needs_a_folder_and_a_dry_run_none(config, capsys):
    assert main(["run", str(config)]) == 2 and "--out" in capsys.readouterr().err
    assert main(["run", str(config), "--dry-run"]) == 0 and "into the folder of --out" in capsys.readouterr().out


def test_the_plan_says_what_would_be_replaced(config, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("<html>old")
    assert main(["run", str(config), "--dry-run", "--out", str(tmp_path / "out")]) == 0
    assert "in the place of report.html there" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").read_text() == "<html>old"


def test_the_log_tells_version_stages_warnings_and_configuration(config, tmp_path, quick_report, monkeypatch):
    real = run.solve

    def solve(*arguments):
        for _ in range(2):
            warnings.warn("the ground\nis wet", UserWarning, stacklevel=1)
        return real(*arguments)

    monkeypatch.setattr(run, "solve", solve)
    with pytest.warns(UserWarning, match="is wet"):
        assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    log = (tmp_path / "out" / "run.log").read_text("utf-8")
    stages = re.findall(r"^ +(\d+\.\d) s  (\w[\w ]+\w) +(\d+\.\d) s$", log, re.MULTILINE)
    assert [name for _, name, _ in stages] == ["read surveys", "build operators", "joint posterior",
                                               "separate posteriors", "draws and dataset", "report"]
    assert all(float(begun) + float(took) <= float(after) + 0.11
               for (begun, _, took), (after, _, _) in pairwise(stages))
    assert log.startswith("bayesjoint run log: Two bodies\n") and "  the ground is wet (" in log
    run_id = read_tree(tmp_path / "out" / "posterior.nc").attrs["run_id"]
    assert "  draws = 3\n" in log and f"run          {run_id}\n" in log


def test_a_run_that_fails_leaves_no_log(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "solve", lambda *_: (_ for _ in ()).throw(ValueError("no")))
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    assert not (tmp_path / "out").exists() and capsys.readouterr().err == "bayesjoint: ValueError: no\n"


@pytest.mark.parametrize("error", [ValueError("no"), RuntimeError("odd")])
def test_debug_shows_the_traceback_above_the_line(config, tmp_path, monkeypatch, capsys, error):
    def solve(*_):
        raise error

    monkeypatch.setattr(run, "solve", solve)
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet", "--debug"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback") and ", in solve\n" in said and str(error) in said.splitlines()[-1]
    assert main(["run", str(tmp_path / "none.toml"), "--dry-run", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def completed(script, words):
    """What bash offers after words of a command line."""
    line = f"{script}\nCOMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\n_bayesjoint\n"
    line += 'echo "${COMPREPLY[@]}"'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_verbs_options_and_words(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert completed(script, ["bayesjoint", "in"]) == ["init"]
    assert "--dry-run" in completed(script, ["bayesjoint", "run", "--d"])
    assert completed(script, ["bayesjoint", "completion", "f"]) == ["fish"]
    assert completed(script, ["bayesjoint", "conflict", "--no"]) == ["--no-remedies"]
    assert completed(script, ["bayesjoint", "run", "--no"]) == []
    assert "pyproject.toml" not in completed(script, ["bayesjoint", "run", "--ou"])


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_name_every_verb_and_parse_where_the_shell_is_there(capsys, tmp_path, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("init", "run", "conflict", "report", "completion", "dry-run", "quantity"):
        assert word in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        assert subprocess.run([shell, "-n", str(tmp_path / "script")], check=False).returncode == 0


def write_scattered(folder, worlds):
    """The pair of surveys at stations on no lattice, and ground to recalibrate on."""
    config = write_pair(folder)
    for kind in ("gravity", "magnetic"):
        survey = read_survey(folder / f"{kind}.nc", kind)
        east, north = (a.ravel() for a in np.meshgrid(survey.easting, survey.northing))
        table = np.column_stack([east + 7.0, north, np.full(east.size, 20.0), np.ravel(survey.data)])
        np.savetxt(folder / f"{kind}.csv", table, delimiter=",", header=f"easting,northing,upward,{kind}", comments="")
    text = config.read_text().replace("layers = 3", "layers = 3\nspacing = 100.0")
    for kind, units, more in (("gravity", "mGal", ""), ("magnetic", "nT", "\nintensity = 50000.0\ninclination = 60.0\n"
                                                        "declination = 5.0")):
        text = text.replace(f'file = "{kind}.nc"', f'file = "{kind}.csv"\nunits = "{units}"\nforward = "direct"'
                            f'\ncolumns = {{ data = "{kind}" }}{more}')
    config.write_text(f'{text}\n[geology]\nfamily = "mixture"\nworlds = {worlds}\nsensitivity = false\n')
    return config


def test_worlds_seen_by_stations_on_no_lattice_are_timed_beforehand(tmp_path, capsys, monkeypatch):
    """Of a station that is slow by a known time the forecast says so, in proportion to worlds and stations."""
    real, said = StationOperator.rows, {}

    def slow(operator, index):
        time.sleep(0.01 * len(index))
        return real(operator, index)

    monkeypatch.setattr(StationOperator, "rows", slow)
    monkeypatch.setattr(_cost, "blocks", lambda count, _: blocks(count, 20))
    monkeypatch.setattr(_direct, "KEPT_BYTES", 0.0)  # entries are evaluated in every product
    for worlds in (40, 200):
        assert main(["run", str(write_scattered(tmp_path, worlds)), "--dry-run"]) == 0
        words = re.search(r"about .+? \(.+? to .+? at the machine's present speed\), (\d+) s of it for the worlds of "
                          "ground as stations on no lattice", capsys.readouterr().out)
        said[worlds] = float(words[1])
    assert said[40] == pytest.approx(84 * 0.01 * 2, abs=1.0) and said[200] == pytest.approx(84 * 0.01 * 10, rel=0.3)


def test_a_lattice_has_nothing_to_time(config, capsys):
    config.write_text(config.read_text() + '\n[geology]\nfamily = "mixture"\n')
    assert main(["run", str(config), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "no lattice" not in said and re.search(r"about \d+ s \(\d+ s to .+ at the machine's present speed\)", said)


def test_a_run_between_bounds_says_its_chains_and_keeps_to_the_bounds(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bayesjoint.engines._until_mixed.MOST", 2)  # short chains will do here, mixed or not
    text = config.read_text()
    assert "[parameters.susceptibility]" in text
    config.write_text(text.replace("[parameters.susceptibility]", "[parameters.susceptibility]\nlower = 0.0"))
    assert main(["run", str(config), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "engine: truncated" in said and "if the chains mix at once" in said
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    assert tree["posterior"]["susceptibility"].min() >= 0 > tree["posterior"]["density"].min()
    assert tree.attrs["method"] == "truncated"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Gibbs sweeps over single unknowns" in page
