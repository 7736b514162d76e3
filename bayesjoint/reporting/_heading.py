"""What stands at the top of the page: a title that says what it is, and the coordinate system."""

import re
import tomllib

from ._words import listing, plain

LONGEST = 40  # characters of a coordinate system that is written out


def title(stated, root, fits):
    """The title as stated; where none was, or only a file's name stands for one, the surveys and that name.

    Parameters
    ----------
    stated : str or None
    root : dict
        The tree's attributes; with ``configuration``, its text tells whether somebody chose the title.
    fits : list of Fit
    """
    if stated and not _is_file_name(stated, root):
        return stated
    made = "Bayesian inversion"
    if fits:
        made = f"{'Joint inversion of' if len(fits) > 1 else 'Inversion of'} {listing(plain(f.name) for f in fits)}"
    return f"{made} ({stated})" if stated else made


def _is_file_name(stated, root):
    """Whether the title is what the command takes where a configuration states none: the file's name."""
    try:
        return "title" not in tomllib.loads(root["configuration"]) and stated == root.get("title", stated)
    except (KeyError, tomllib.TOMLDecodeError):
        return False


def system(fits):
    """The coordinate system of the surveys in a few words, or that none was stated."""
    stated = dict.fromkeys(str(f.attributes["crs"]) for f in fits if f.attributes.get("crs"))
    return f"coordinate system {listing(map(_short, stated))}" if stated else "no coordinate system stated"


def _short(crs):
    """A name instead of well-known text."""
    if len(crs) <= LONGEST:
        return crs
    named = re.search(r'^\w+\["([^"]+)"', crs)
    return named[1] if named else f"{crs[:LONGEST]} …"
