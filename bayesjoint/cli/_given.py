"""Options of `bayesjoint init` that may be for one file or for all: VALUE or FILE=VALUE."""

import math
from pathlib import Path

from ._refuse import refuse


class Given:
    """What one option says of files.

    Parameters
    ----------
    option : str
        As it is written, "--units".
    texts : list of str
        Its values.
    paths : list of Path
        Files of the command.
    number : bool, default False
        Whether values are numbers.
    """

    def __init__(self, option, texts, paths, number=False):
        self._option, self._of, self._all, self._names = option, {}, None, [path.stem for path in paths]
        for text in texts or ():
            path, value = _parted(text, paths)
            if number:
                value = self._number(text, value)
            if path is None:
                self._all = value
            else:
                self._of[path] = value

    def of(self, path):
        """Value for a file, or None."""
        return self._of.get(path, self._all)

    def _number(self, text, value):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            refuse(self._option, text, "must be a number, or FILE=NUMBER with the name of one of the files, or its "
                   f"beginning: {', '.join(self._names)}")
        return number


def columns_of(texts, paths):
    """{path: {role: name}} of --column, given as ROLE=NAME or FILE=ROLE=NAME."""
    out = {path: {} for path in paths}
    for text in texts or ():
        path, value = _parted(text, paths)
        role, equals, name = value.partition("=")
        if not equals or not name:
            refuse("--column", text, "must be ROLE=NAME or FILE=ROLE=NAME; roles are data, easting, northing, upward, "
                   "std, e.g. --column data=gobs")
        for each in paths if path is None else [path]:
            out[each][role] = int(name) if name.isdecimal() else name
    return out


def _parted(text, paths):
    """(file or None for all, value) of a text."""
    head, equals, rest = text.partition("=")
    named = [path for path in paths if head in (str(path), path.name, path.stem)] or [
        path for path in paths if head and path.stem.lower().startswith(head.lower())]
    if equals and len(named) == 1:
        return named[0], rest
    return None, text


def paths_of(texts):
    """Files of the command, each once and there."""
    paths = [Path(text) for text in texts]
    for path in paths:
        try:
            there = path.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            refuse("FILES", str(path), "must be an existing file with a survey in it")
    if len({path.resolve() for path in paths}) < len(paths):
        refuse("FILES", [str(path) for path in paths], "must be different files; one that holds two quantities is "
               "named once")
    return paths
