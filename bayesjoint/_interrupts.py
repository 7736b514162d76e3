"""Requests to stop (Ctrl-C, SIGTERM, SIGHUP), and moments in which they have to wait."""

import contextlib
import signal
import threading

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def held():
    """Let requests to stop wait until the block is over, as a library that is interrupted in a callback would break."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting, before = [], {}
    try:
        for number in STOPPING:
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN):
                before[number] = handler
                signal.signal(number, lambda got, frame: waiting.append(got))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])
