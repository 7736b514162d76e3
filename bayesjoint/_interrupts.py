"""Requests to stop (Ctrl-C, SIGTERM, SIGHUP), and moments in which they have to wait."""

import contextlib
import signal
import threading

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def handled(handler, after=None):
    """Let `handler` take requests to stop within a block, unless the caller had them ignored (as nohup does).

    Parameters
    ----------
    handler : callable
        As of `signal.signal`.
    after : optional
        Handler from then on; default the one before.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other gets signals
        before = {number: signal.getsignal(number) for number in STOPPING}
        before = {number: old for number, old in before.items() if old not in (None, signal.SIG_IGN)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old if after is None else after)


@contextlib.contextmanager
def held():
    """Let requests to stop wait until the block is over, as a library that is interrupted in a callback would break."""
    waiting = []
    try:
        with handled(lambda got, frame: waiting.append(got)):
            yield
    finally:
        if waiting:
            signal.raise_signal(waiting[0])
