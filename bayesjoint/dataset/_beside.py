"""Files written beside their target and put in place whole; what killed processes have left beside it is swept."""

import contextlib
import io
import os
import re
import time
from pathlib import Path

SLOW = "BAYESJOINT_SLOW_WRITES"  # seconds to wait at every write and rename: for tests that interrupt them


class SteadyFile(io.RawIOBase):
    """A file whose failures to write are kept rather than raised, for a library that cannot bear them.

    HDF5 crashes the process when a file cannot be closed because the disk is full. It writes here, is told that all
    went well, and `check` raises what really happened.

    Parameters
    ----------
    path : path-like
        The file.
    mode : {"w+b", "r+b", "rb"}
        As of `open`.
    """

    def __init__(self, path, mode):
        super().__init__()
        self._file, self._error, self._end = open(path, mode, buffering=0), None, 0  # noqa: SIM115
        self._end = os.fstat(self._file.fileno()).st_size
        self._place = 0

    def readable(self):
        """Yes."""
        return True

    def writable(self):
        """As the mode says."""
        return self._file.writable()

    def seekable(self):
        """Yes."""
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        """Go to a place, in a file as long as it would be if all had been written."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        self._place = start + offset
        return self._place

    def tell(self):
        """The place."""
        return self._place

    def readinto(self, buffer):
        """Read; what could not be written reads as zeros."""
        view = memoryview(buffer).cast("B")
        want = max(0, min(len(view), self._end - self._place))
        self._file.seek(self._place)
        done = 0
        while done < want:
            count = self._file.readinto(view[done:want])
            if not count:
                view[done:want] = bytes(want - done)
                break
            done += count
        self._place += want
        return want

    def write(self, data):
        """Write, or remember why not."""
        view = memoryview(data).cast("B")
        if self._error is None:
            wait()
            try:
                self._file.seek(self._place)
                done = 0
                while done < len(view):
                    done += self._file.write(view[done:])
            except OSError as error:
                self._error = error
        self._place += len(view)
        self._end = max(self._end, self._place)
        return len(view)

    def truncate(self, size=None):
        """Cut or lengthen the file, or remember why not."""
        self._end = self._place if size is None else size
        if self._error is None:
            try:
                self._file.truncate(self._end)
            except OSError as error:
                self._error = error
        return self._end

    def check(self):
        """Raise what went wrong so far."""
        if self._error is not None:
            raise self._error

    def close(self):
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


@contextlib.contextmanager
def steady(path, mode):
    """A `SteadyFile` to be written within the block; whatever the block met, a failure of the disk comes first."""
    file = SteadyFile(path, mode)
    try:
        try:
            yield file
        except Exception:
            file.check()  # it broke because of what could not be written
            raise
        file.check()
        if mode != "rb":
            os.fsync(file._file.fileno())
    finally:
        file.close()


@contextlib.contextmanager
def beside(path):
    """A name beside `path` to write to: put in its place at the end, gone if anything went wrong."""
    path = Path(path)
    sweep(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        wait()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sweep(path):
    """Remove what processes that are no more have left beside a target."""
    mark = re.compile(rf"\.+{re.escape(path.name)}\.(\d+)\.part.*")
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            found = mark.fullmatch(entry.name)
            if found and not _lives(int(found[1])):
                path.with_name(entry.name).unlink(missing_ok=True)


def wait():
    """Nothing, unless a test asks for slow writes."""
    seconds = os.environ.get(SLOW)
    if seconds:
        time.sleep(float(seconds))


def _lives(number):
    if os.name == "nt":
        return True  # asking would end the process there
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
