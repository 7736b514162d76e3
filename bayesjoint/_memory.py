"""How much memory there is, and refusing what would take more, before anything is computed."""

import os
from pathlib import Path

from ._checks import fail

SHARE = 0.9  # of what is available: the rest is for temporaries
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
USED = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def available_memory():
    """Bytes that can be had: of the machine, of the container, of the process; None where nobody says."""
    found = [_of_machine(), _of_container(), _of_process()]
    return min((n for n in found if n is not None), default=None)


def check_memory(argument, size, what, remedy):
    """Refuse what takes more bytes than are available.

    Parameters
    ----------
    argument : str
        Name used in the error.
    size : float
        Bytes.
    what : str
        Words before the size, such as "200 draws would take".
    remedy : str
        What to do.
    """
    if not fits_memory(size):
        fail(argument, f"fit the memory, of which {in_words(available_memory())} can be had",
             f"{what} {in_words(size)}", remedy)


def fits_memory(size):
    """Whether so many bytes are available."""
    free = available_memory()
    return free is None or size <= SHARE * free


def in_words(size):
    """A number of bytes as people say it.

    Examples
    --------
    >>> in_words(2.5e9), in_words(10)
    ('2.5 GB', '10 B')
    """
    size, step = float(size), 0
    while size >= 1000 and step < len(UNITS) - 1:
        size, step = size / 1000, step + 1
    return f"{size:.3g} {UNITS[step]}"


def _of_machine():
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def _of_container():
    for limit, used in zip(LIMITS, USED, strict=True):
        try:
            return max(0, int(Path(limit).read_text(encoding="ascii")) - int(Path(used).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return None


def _of_process():
    try:
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return None
    return None if soft == resource.RLIM_INFINITY else max(0, soft - used)
