"""Where files go: never over what is read, never over what is there unless asked, all of them or none."""

import contextlib
import os
import shutil
import tempfile

from .._checks import as_path, as_target, fail
from .._interrupts import held
from ..dataset import beside

AGAIN = "Pass overwrite=True, or choose another name."


@contextlib.contextmanager
def one_file(path, source, overwrite):
    """(target, name to write to): put in place when the block ends well, gone when it does not."""
    path = free(path, source, overwrite)
    with beside(path) as part:
        yield path, part


def free(path, source, overwrite):
    """A target as a Path, refused where it may not be written to."""
    path = as_target("path", path)
    refuse_taken(path, source, overwrite)
    return path


@contextlib.contextmanager
def folder_of(path, source, overwrite):
    """(folder, scratch to write files to): a new folder is put in place whole; files go into an old one at the end.

    Files of another name that are in the folder stay.
    """
    path = as_path("folder", path)
    if path.exists() and not path.is_dir():
        fail("folder", "be a folder, or nothing yet", f"{str(path)!r}, a file", "Choose another name.")
    parent = path.absolute().parent
    if not parent.is_dir():
        fail("folder", "lie in an existing folder", str(parent), "Create that one first.", FileNotFoundError)
    scratch = parent.joinpath(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=parent))
    try:
        yield path, scratch
        scratch.chmod(0o777 & ~_umask())
        names = sorted(os.listdir(scratch))
        for name in names:
            refuse_taken(path / name, source, overwrite, "folder")
        with held():
            if not path.exists():
                scratch.rename(path)
            else:
                for name in names:
                    (scratch / name).replace(path / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def refuse_taken(target, source, overwrite, argument="path"):
    """Refuse a target that is read, that is no file, or that is there though nobody said to replace it."""
    if not target.exists():
        return
    if not target.is_file():
        fail(argument, "leave that name free for a file", f"{str(target)!r}, a folder or a device", AGAIN)
    if source is not None and source.exists() and os.path.samefile(target, source):
        fail(argument, "be none of the files that are read", repr(str(target)), "Choose another name.")
    if not overwrite:
        fail(argument, "be free", f"{str(target)!r}, which exists", AGAIN)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
