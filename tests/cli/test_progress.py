"""How far a run is: lines without a terminal, a bar at one, nothing if quiet."""

import io
import re
import signal

import pytest

from bayesjoint.cli import _progress, main, run
from bayesjoint.cli._progress import Progress
from bayesjoint.cli._signals import Stopped

from .surveys import write_pair


class Clock:
    """A clock that is set."""

    now = 0.0

    def perf_counter(self):
        """Seconds."""
        return self.now


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self):
        """Yes."""
        return True


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(_progress, "time", made)
    return made


def counted(progress, clock, upto=100):
    """One stage whose hundred worlds take a second each."""
    progress.stage("recalibrate")
    for done in range(upto + 1):
        progress.count("worlds of bodies", done, 100)
        clock.now += 1.0


def test_a_line_every_ten_seconds_with_the_time_left(clock, capsys):
    counted(Progress(["recalibrate"], False, Stopped()), clock)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("0.0 s  recalibrate") and len(lines) == 11
    assert lines[1] == "     2.0 s    worlds of bodies: 2 of 100 worlds, about 98 s left"
    told = [re.fullmatch(r" +([\d.]+) s    worlds of bodies: (\d+) of 100 worlds, about (\d+) s left", line).groups()
            for line in lines[1:]]
    assert all(float(at) == int(done) == 100 - int(left) for at, done, left in told)


def test_another_count_is_told_soon_and_timed_anew(clock, capsys):
    progress = Progress(["recalibrate"], False, Stopped())
    counted(progress, clock, upto=12)
    for done in range(4):
        progress.count("answers", done, 4)
        clock.now += 5.0
    lines = [line.split(" s    ")[1] for line in capsys.readouterr().err.splitlines()[2:]]
    assert lines == ["worlds of bodies: 12 of 100 worlds, about 88 s left", "answers: 1 of 4 worlds, about 15 s left",
                     "answers: 3 of 4 worlds, about 5 s left"]


def test_a_bar_at_a_terminal_carries_the_count_and_no_lines(clock, monkeypatch):
    said = Terminal()
    monkeypatch.setattr("sys.stderr", said)
    with Progress(["recalibrate"], False, Stopped()) as progress:
        assert progress.shown
        counted(progress, clock)
        progress.piece("tempered", 2, 4)
    shown = said.getvalue()
    assert "recalibrate: worlds of bodies: 50 of 100 worlds, about 50 s left" in shown
    assert "recalibrate: tempered (2 of 4, 2 left after it)" in shown and "\n" not in shown


def test_quiet_says_nothing_but_results(clock, capsys):
    progress = Progress(["recalibrate"], True, Stopped())
    counted(progress, clock)
    progress.result("Verdict: agree.")
    assert capsys.readouterr() == ("Verdict: agree.\n", "")


def test_a_lost_request_to_stop_is_heard_at_the_next_world(clock):
    stopped = Stopped()
    progress = Progress(["recalibrate"], True, stopped)
    with pytest.raises(KeyboardInterrupt):
        stopped.stop(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        progress.count("worlds", 1, 2)


def test_run_counts_its_worlds(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
    monkeypatch.setattr(_progress, "EVERY", 0.0)
    monkeypatch.setattr(_progress, "SOON", 0.0)
    config = write_pair(tmp_path)
    config.write_text(config.read_text() + '\n[geology]\nfamily = "mixture"\nworlds = 40\nsensitivity_worlds = 2\n')
    assert main(["run", str(config), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err.split("recalibrate\n")[1].split("draws and dataset")[0]
    found = re.findall(r" s    (.+): (\d+) of (\d+) worlds", said)
    joint = [(int(done), int(total)) for what, done, total in found if " alone, " not in what]
    assert joint[0][0] == 0 and joint == sorted(joint) and {t for _, t in joint} == {joint[-1][0]} != {40}
    alone = [what for what, done, total in found if done == total == "40" and " alone, " in what]
    assert {what.split(" alone, ")[0] for what in alone} == {"gravity", "magnetic"}
