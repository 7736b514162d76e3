"""Files written beside their target and put in place whole; what killed processes have left beside it is swept."""

import contextlib
import io
import os
import re
import time
from pathlib import Path

SLOW = "BAYESJOINT_SLOW_WRITES"  # seconds to wait at every write and rename: for tests that interrupt them


class SteadyFile(io.FileIO):
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
        super().__init__(path, mode)
        self._error, self._end = None, os.fstat(self.fileno()).st_size

    def seek(self, offset, whence=os.SEEK_SET):
        """Go to a place, in a file as long as it would be if all had been written."""
        return super().seek(self._end + offset) if whence == os.SEEK_END else super().seek(offset, whence)

    def readinto(self, buffer):
        """Read; what could not be written reads as zeros."""
        view, place = memoryview(buffer).cast("B"), self.tell()
        want = max(0, min(len(view), self._end - place))
        done = 0
        while done < want:
            count = super().readinto(view[done:want])
            if not count:
                view[done:want] = bytes(want - done)
                break
            done += count
        self.seek(place + want)
        return want

    def write(self, data):
        """Write, or remember why not."""
        view, place = memoryview(data).cast("B"), self.tell()
        if self._error is None:
            wait()
            try:
                done = 0
                while done < len(view):
                    done += super().write(view[done:])
            except OSError as error:
                self._error = error
        self._end = max(self._end, self.seek(place + len(view)))
        return len(view)

    def truncate(self, size=None):
        """Cut or lengthen the file, or remember why not."""
        self._end = self.tell() if size is None else size
        if self._error is None:
            try:
                super().truncate(self._end)
            except OSError as error:
                self._error = error
        return self._end

    def check(self):
        """Raise what went wrong so far."""
        if self._error is not None:
            raise self._error


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
            os.fsync(file.fileno())
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
