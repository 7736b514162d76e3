"""The log of a run: which version did what, how long each stage took, and what was warned of."""

import contextlib
import datetime
import os
import platform
import shlex
import time
import uuid
import warnings

from .. import __version__

LOG = "run.log"
FIRST = "bayesjoint run log"  # first words of each


class Log:
    """The stages of a run as they begin, and warnings as they come.

    Parameters
    ----------
    verb : str
    folder : str or Path
        Of the results.
    config : Config
    stage : callable
        Told of each stage too.
    options : sequence of str, optional
        Of the command, beside the folder.

    Attributes
    ----------
    run_id, command : str
        Of one set of results, as its files carry them.
    """

    def __init__(self, verb, folder, config, stage, options=()):
        self._config, self._stage, self._begun = config, stage, []
        self._at, self._clock, self._warned = datetime.datetime.now(datetime.UTC), time.perf_counter(), {}
        self.run_id = uuid.uuid4().hex
        self.command = storable(shlex.join(["bayesjoint", verb, str(config.path), "--out", str(folder), *options]))

    def __call__(self, name):
        """Begin a stage."""
        self._begun.append((name, time.perf_counter()))
        self._stage(name)

    def warned(self, message):
        """Take a warning."""
        text = " ".join(storable(str(message)).split())
        self._warned[text] = self._warned.get(text, 0) + 1

    def write(self, scratch):
        """Leave all of it beside results; those that come after are another set, with an id of their own."""
        (scratch / LOG).write_text(self.text(), encoding="utf-8")
        self.run_id = uuid.uuid4().hex

    def text(self):
        """All of it."""
        end = time.perf_counter()
        ends = [at for _, at in self._begun[1:]] + [end]
        stages = [f"{at - self._clock:10.1f} s  {name:<28} {until - at:.1f} s"
                  for (name, at), until in zip(self._begun, ends, strict=True)]
        warned = [f"  {text}{f' ({count} times)' if count > 1 else ''}" for text, count in self._warned.items()]
        return "\n".join([
            f"{FIRST}: {storable(self._config.title)}", f"bayesjoint   {__version__}", f"run          {self.run_id}",
            f"command      {self.command}", f"began        {self._at:%Y-%m-%d %H:%M:%S} UTC",
            f"took         {end - self._clock:.1f} s",
            f"machine      Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors",
            "", "Stages: when each began, and how long it took", *stages,
            "", "Warnings", *(warned or ["  none"]),
            "", "Configuration", *(f"  {line}".rstrip() for line in self._config.text.splitlines()), ""])


@contextlib.contextmanager
def logged(*what):
    """A `Log`, made of the same, of what happens within the block; whoever leaves results writes it beside them.

    Yields
    ------
    Log
    """
    log = Log(*what)
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message, *where, **more):
            log.warned(message)
            show(message, *where, **more)

        warnings.showwarning = note
        yield log


def is_log(path):
    """Whether a file is a log of ours."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(FIRST)) == FIRST.encode()
    except OSError:
        return False


def storable(text):
    """A text as files hold it: bytes of a name that the locale could not read are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
