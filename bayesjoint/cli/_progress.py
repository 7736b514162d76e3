"""How far a run is: a bar at a terminal, else lines with the time since the start."""

import sys
import time

from ._forecast import in_time
from ._signals import say

EVERY, SOON = 10.0, 2.0  # seconds between lines of one count, and before the first of another


class Progress:
    """The stages of a run as they begin, and how far each is.

    Parameters
    ----------
    stages : sequence of str
        All that may come, in their order.
    quiet : bool
        Say nothing.
    stopped : Stopped
        Looked at whenever something is told: a library may have swallowed a request to stop.

    Attributes
    ----------
    shown : bool
        Whether there is a bar.
    """

    def __init__(self, stages, quiet, stopped):
        from tqdm import tqdm

        self._stages, self._started, self._stopped = stages, time.perf_counter(), stopped
        self.shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._plain, self._stage = not quiet and not self.shown, ""
        self._what, self._told = "", 0.0  # of the last line
        self._done, self._since = 0, 0.0  # of the count that goes on
        self._bar = tqdm(total=len(stages), disable=not self.shown, file=sys.stderr, leave=False,
                         bar_format="{desc:<22} |{bar:30}| {n_fmt}/{total_fmt} {elapsed}")

    def stage(self, name):
        """Begin a stage, unless a request to stop was lost in the one before."""
        self._line(name)
        self._stage, self._done, self._since = name, 0, time.perf_counter()
        self._bar.update(self._stages.index(name) - self._bar.n)  # stages that a run does not need are passed over
        self._bar.set_description_str(name)

    def piece(self, name, number, total):
        """Begin one of several pieces of a stage, the first of which is number 1."""
        words = f"{name} ({number} of {total}, {total - number} left after it)"
        self._line(f"  {words}")
        self._bar.set_description_str(f"{self._stage}: {words}")

    def count(self, what, done, total, unit="worlds"):
        """Tell how many of the equal pieces of a stage are done, and when all will be: now and then."""
        self._stopped.check()
        now = time.perf_counter()
        if not done or done < self._done:
            self._since = now
        self._done = done
        pause = EVERY if what == self._what else SOON
        if now - self._told < (pause if self._plain else 0.1):
            return
        self._what = what
        left = f", about {in_time((now - self._since) * (total - done) / done)} left" if 0 < done < total else ""
        words = f"{what}: {done} of {total} {unit}{left}"
        self._line(f"  {words}")
        self._bar.set_description_str(f"{self._stage}: {words}")

    def draws(self, what, done, total):
        """Tell how a dataset comes about: a line for each piece, a count of the draws."""
        if what == "draws":
            self.count(what, done, total, "draws")
        else:
            self.piece(what, done + 1, total)

    def result(self, text):
        """Say on stdout what was found while work goes on."""
        self._bar.clear()
        say(text)
        self._bar.refresh()

    def keep(self, words):
        """What to say stays, should the rest be stopped or fail."""
        self._stopped.kept = words

    def _line(self, text):
        self._stopped.check()
        self._told = time.perf_counter()
        if self._plain:
            say(f"{self._told - self._started:8.1f} s  {text}", sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()
