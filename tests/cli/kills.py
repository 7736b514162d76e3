"""Signals to the command at any moment, and what its folder looks like afterwards. Rerun all 50 with one command:

    python -m tests.cli.kills 50

Each trial starts from finished results, starts `run` or `conflict` into the same folder with slow writes, sends one of
SIGINT, SIGTERM, SIGHUP and SIGKILL at a random moment (three of five while files are written or moved; of `conflict`
also once its first results are there and remedies are compared), looks at the folder, then makes the next start and
looks again.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bayesjoint.cli._results import mend
from bayesjoint.dataset import read_tree

from .surveys import CONFIG, write_pair

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP)
MOMENTS = ("writing", "moving", "writing", "working", "moving")  # of every five
CODE = "from bayesjoint.cli import main; import sys; sys.exit(main())"
QUICK = """
import sys
from bayesjoint.cli import main, run
page = 'name="bayesjoint-run" content="%s"'
run.report = lambda tree, path, title=None: path.write_text(page % tree.attrs["run_id"])
sys.exit(main())
"""  # without figures
OURS = {"posterior.nc", "report.html", "run.log"}


class Ground:
    """A configuration with its files, and the results of a first run."""

    def __init__(self, folder, quick=False):
        self.folder, self.code = Path(folder), QUICK if quick else CODE
        self.config = write_pair(self.folder)
        self.config.write_text(CONFIG + "\n[conflict]\nplaces = false\n")
        self.first = self.folder / "first"
        code, errors = finished(start("run", self.config, self.first, self.code))
        assert code == 0, errors
        self.inputs = self.digests()

    def digests(self):
        """Checksums of what is read."""
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.folder.iterdir() if p.is_file()}


def start(verb, config, out, source=CODE, slow=None):
    """The command in a process of its own, with default handlers whatever the caller's are."""
    environment = dict(os.environ) | ({} if slow is None else {"BAYESJOINT_SLOW_WRITES": str(slow)})

    def reset():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    return subprocess.Popen([sys.executable, "-c", source, verb, str(config), "--out", str(out), "--quiet"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
                            preexec_fn=reset)


def finished(process):
    """(exit code, what it said on stderr)."""
    _, errors = process.communicate(timeout=180)
    return process.returncode, errors


def await_moment(process, out, moment, rng, before):
    """Wait until the process works, writes or moves files, or compares remedies; whether it lived to see it."""
    patterns = {"working": ".unfinished-*", "writing": ".unfinished-*/.*.part", "moving": ".finished-*"}
    while process.poll() is None:
        if moment == "comparing":
            if before not in (out / "run.log").read_text("utf-8") and not list(out.glob(".finished-*")):
                time.sleep(rng.uniform(0, 2.0))
                return process.poll() is None
        elif any(True for _ in out.glob(patterns[moment])):
            time.sleep(rng.uniform(0, {"working": 1.0, "writing": 0.5, "moving": 0.015}[moment]))
            return process.poll() is None
        time.sleep(0.002)
    return False


def run_of(out):
    """The id of the run that all files carry."""
    of_tree = read_tree(out / "posterior.nc").attrs["run_id"]
    of_page = re.search(r'name="bayesjoint-run" content="(\w+)"', (out / "report.html").read_text("utf-8"))[1]
    of_log = re.search(r"\nrun +(\w+)\n", (out / "run.log").read_text("utf-8"))[1]
    assert of_tree == of_page == of_log, f"posterior.nc is of run {of_tree}, report.html of {of_page}, log of {of_log}"
    return of_tree


def look(out):
    """Nothing but three whole files of one run and the user's own."""
    names = {p.name for p in out.iterdir()}
    assert names == OURS | {"notes.txt"}, f"the folder holds {sorted(names)}"
    assert (out / "notes.txt").read_text() == "mine"
    return run_of(out)


def trial(ground, number, quick=False, seed=0):
    """One signal; what it was, when, and how the process ended. An AssertionError says what was wrong.

    `quick` leaves out the figures, and makes the next start in this process.
    """
    rng = random.Random(f"{seed} {number}")
    for moment in (MOMENTS[(number // 5 + number) % 5], "writing", "working"):  # should it have passed too soon
        found = _tried(ground, number, moment, quick, rng)
        if found["sent"]:
            break
    return found


def _tried(ground, number, moment, quick, rng):
    verb = "run" if quick else ("run", "run", "conflict")[number % 3]
    sent = SIGNALS[number % 5]
    out = ground.folder / f"out{number}"
    shutil.copytree(ground.first, out)
    (out / "notes.txt").write_text("mine")
    before = run_of(out)
    if verb == "conflict" and moment == "working":
        moment = "comparing"
    process = start(verb, ground.config, out, ground.code, slow=0.002 if quick else 0.004)
    alive = await_moment(process, out, moment, rng, before)
    if alive:
        process.send_signal(sent)
    code, errors = finished(process)
    assert code in ((-signal.SIGKILL, 0) if sent == signal.SIGKILL else (130, 0)), f"exit code {code}: {errors}"
    assert "Traceback" not in errors, errors
    if code == -signal.SIGKILL:
        for name in OURS:
            assert (out / name).exists() or list(out.glob(".finished-*")), f"{name} is gone"
    if code == -signal.SIGKILL and quick:
        mend(out)
    elif code == -signal.SIGKILL:
        code_next, errors = finished(subprocess.Popen(
            [sys.executable, "-c", CODE, "report", str(out / "posterior.nc"), "--out", str(ground.folder / "x.html")],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        assert code_next == 0, f"the next start ended with {code_next}: {errors}"
    after = look(out)
    assert code != 0 or after != before, "it ended with 0 and left the earlier results"
    assert moment != "comparing" or not alive or after != before, "the first results were lost with the remedies"
    assert moment != "comparing" or code != 130 or " are in " in errors.splitlines()[-1], errors
    assert {k: v for k, v in ground.digests().items() if k != "x.html"} == ground.inputs, "what is read has changed"
    shutil.rmtree(out)
    return {"verb": verb, "signal": sent.name, "moment": moment, "sent": alive, "code": code,
            "results": "new" if after != before else "old"}


def main(count):
    """Trials from 0 to `count`; their records and what failed."""
    failed, records = [], []
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(folder)
        for number in range(count):
            try:
                records.append(trial(ground, number))
                print(number, records[-1], flush=True)
            except AssertionError as error:
                failed.append(number)
                print(number, "FAILED", error, flush=True)
        code, errors = finished(start("run", ground.config, ground.first))
        assert code == 0, errors
        run_of(ground.first)
    sent = sum(r["sent"] for r in records)
    writing = sum(r["sent"] and r["moment"] in ("writing", "moving") for r in records)
    print(f"{count} trials, {sent} signals sent, {writing} of them while files were written or moved, "
          f"{len(failed)} failed {failed}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
