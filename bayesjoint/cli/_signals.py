"""How the command ends when it is asked to stop, and how it speaks to terminals of any kind."""

import contextlib
import os
import signal
import sys

from .._interrupts import handled


class Stopped:
    """Whether the command was asked to stop: a library may have swallowed the exception that said so.

    Attributes
    ----------
    asked : bool
        True from the first request on.
    kept : str
        What stays although the work did not come to its end.
    """

    def __init__(self):
        self.asked, self.kept = False, ""

    def stop(self, number, frame):
        """Take a request: the handler of the signals."""
        self.asked = True
        raise KeyboardInterrupt

    def check(self):
        """Stop now if that was asked for."""
        if self.asked:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stoppable(last):
    """Let requests to stop end the work as Ctrl-C does, unless the caller had them ignored (as nohup does).

    Parameters
    ----------
    last : bool
        Whether the process ends afterwards: then later requests change nothing any more.

    Yields
    ------
    Stopped
    """
    state = Stopped()
    with handled(state.stop, signal.SIG_IGN if last else None):
        yield state


@contextlib.contextmanager
def any_terminal():
    """Write what a terminal's encoding lacks as escapes, instead of failing."""
    before = []
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            before.append((stream, stream.errors))
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in before:
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=errors)


def say(text, stream=None):
    """Write a line; a terminal that is gone, closed or full is no failure of the work."""
    stream = sys.stdout if stream is None else stream
    if stream is None:
        return
    try:
        stream.write(text + "\n")
        stream.flush()
    except UnicodeError:
        with contextlib.suppress(OSError, ValueError):
            stream.write(text.encode("ascii", "backslashreplace").decode("ascii") + "\n")
    except ValueError:
        return
    except OSError:
        _silence(stream)


def _silence(stream):
    """Let nothing more be written to a stream that is broken, at the end of the process either."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
