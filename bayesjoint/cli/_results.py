"""The folder of results: nothing but our files changes, all of them or none, whatever ends the process.

A run works in a scratch folder ``.unfinished-*`` inside it. When all is written, the scratch is renamed
``.finished-*``: from then on the results count as there, and are moved over. A process that dies before leaves the
scratch, which the next start removes; one that dies between two moves leaves the rest of them, which the next start
makes. Scratch folders of processes that live are locked, and left alone.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from .._interrupts import held
from ..dataset import wait
from ._log import LOG, is_log
from ._refuse import refuse

try:
    import fcntl
except ImportError:  # Windows: a folder in use cannot be removed there anyway
    fcntl = None

UNFINISHED, FINISHED, OLD = ".unfinished-", ".finished-", ".old"
NAMES = ("posterior.nc", "report.html", LOG)


def check_folder(out, inputs=()):
    """Refuse a place that cannot take results before hours are spent on them, or that holds what is read.

    Parameters
    ----------
    out : str or Path
        Folder, there or not.
    inputs : sequence of Path
        Files that the run reads.
    """
    out = Path(out)
    if not out.name and not str(out).strip():
        refuse("--out", str(out), "must name a folder")
    try:
        if out.exists() and not out.is_dir():
            refuse("--out", str(out), "must be a folder or a name free for one; it is a file")
        nearest = next(parent for parent in (out.absolute(), *out.absolute().parents) if parent.exists())
    except (OSError, ValueError) as error:
        refuse("--out", str(out), f"must be a name that the file system takes ({error})")
    if not nearest.is_dir():
        refuse("--out", str(out), f"must lie in a folder; {str(nearest)!r} is a file")
    if not os.access(nearest, os.W_OK):
        refuse("--out", str(out), f"must be writable; {str(nearest)!r} is not")
    if (out / LOG).is_file() and not is_log(out / LOG):
        refuse("--out", str(out), f"must leave the name {LOG} free for the results; the file there was not written by "
               "bayesjoint. Rename it, or send the command's own output elsewhere")
    for name in NAMES:
        target = out / name
        if target.is_dir():
            refuse("--out", str(out), f"must leave the name {name} free for the results; it is a folder there")
        for path in inputs:
            if _is_same(path, target):
                refuse("--out", str(out), f"must not hold what the run reads; {name} there is the input {str(path)!r}. "
                       "Choose another folder")


@contextlib.contextmanager
def results(out, inputs=(), moved=lambda: None):
    """A scratch folder inside `out`; what was finished in it is moved over at the end, all or nothing.

    Parameters
    ----------
    out : str or Path
        Folder, made if needed and removed again if nothing came of it.
    inputs : sequence of Path
        Files that are read, and never replaced.
    moved : callable, optional
        Called once the files are in their place, before a request to stop that came meanwhile is heard.

    Yields
    ------
    Path
        The scratch folder.
    """
    out = Path(out)
    check_folder(out, inputs)
    made = _made(out)
    try:
        mend(out)
        scratch, lock = _scratch(out)
        try:
            yield scratch
            check_folder(out, inputs)
            with held(), _locked(out):
                _move(scratch, out)
                moved()
        finally:
            with held():
                shutil.rmtree(scratch, ignore_errors=True)
                _let_go(lock)
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def mend(out):
    """Make the moves that a dead process has left undone, and remove what it left unfinished."""
    out = Path(out)
    if not out.is_dir():
        return
    with held(), _locked(out):
        for folder in sorted(out.glob(f"{FINISHED}*")) + sorted(out.glob(f"{UNFINISHED}*")):
            lock = _take(folder) if _is_ours(folder) else None
            if lock is None:
                continue
            if folder.name.startswith(FINISHED):
                for path in _files(folder):
                    if not (out / path.name).is_dir():
                        os.replace(path, out / path.name)
            shutil.rmtree(folder, ignore_errors=True)
            _let_go(lock)


def _is_ours(folder):
    """Whether a folder with such a name holds nothing but what a run puts there; another's is left alone."""
    return folder.is_dir() and not folder.is_symlink() and all(
        path.name == OLD or any(name in path.name for name in NAMES) for path in folder.iterdir())


def _made(out):
    """Make a folder; return those that had to be made, the innermost first."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        refuse("--out", str(out), f"must be a folder that can be made ({why})")
    return missing


def _scratch(out):
    try:
        scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=out))
    except OSError as error:
        refuse("--out", str(out), f"must be writable ({error.strerror or error})")
    return scratch, _take(scratch)


def _move(scratch, out):
    """Move finished files over. Before the renaming of the scratch nothing counts; after it all does."""
    names = [path.name for path in _files(scratch)]
    for name in names:
        _sync(scratch / name)
    (scratch / OLD).mkdir()
    for name in names:
        if (out / name).exists():
            _kept(out / name, scratch / OLD / name)
    ready = scratch.with_name(FINISHED + scratch.name.removeprefix(UNFINISHED))
    os.rename(scratch, ready)
    _sync(out)
    try:
        for name in names:
            wait()
            os.replace(ready / name, out / name)
    except BaseException:
        _undo(ready, out, names)
        os.rename(ready, scratch)
        raise
    wait()
    shutil.rmtree(ready, ignore_errors=True)


def _undo(ready, out, names):
    """Put back what was there, without losing what was to come: should this fail, the next start moves forward."""
    for name in names:
        if not (ready / name).exists():
            os.rename(out / name, ready / name)
            if (ready / OLD / name).exists():
                os.rename(ready / OLD / name, out / name)


def _files(folder):
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name in NAMES)


def _kept(path, copy):
    try:
        os.link(path, copy)
    except OSError:
        shutil.copy2(path, copy)


def _sync(path):
    """Bring a file or a folder to the disk, where that can be asked for."""
    with contextlib.suppress(OSError):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _is_same(path, target):
    try:
        return os.path.samefile(path, target)
    except (OSError, ValueError):
        return Path(path).absolute() == target.absolute()


@contextlib.contextmanager
def _locked(folder):
    """The folder for this process alone; where it cannot be locked, without."""
    lock = _take(folder, wait_for_it=True)
    try:
        yield
    finally:
        _let_go(lock)


def _take(folder, wait_for_it=False):
    """A lock on a folder, -1 where the system has none, None where a living process holds it."""
    if fcntl is None:
        return -1
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return -1
    try:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait_for_it else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(number)
        return None
    except OSError:  # a file system without locks
        os.close(number)
        return -1
    return number


def _let_go(lock):
    if lock is not None and lock >= 0:
        os.close(lock)
