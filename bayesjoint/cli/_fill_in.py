"""Lines of a configuration that are still to be filled in, all of them at once."""

import re

from ._refuse import refuse
from ._toml_text import FILL

TABLE = re.compile(r"\s*\[([\w.]+)\]")
MARK = re.compile(rf"#\s*{FILL}\s+(\w+):")
OTHERWISE = {"std": ("relative_std",)}  # keys that say the same


def check_filled_in(text, raw):
    """Refuse a configuration with lines to be filled in, and name every one.

    Parameters
    ----------
    text : str
        The configuration.
    raw : dict
        Its tables.
    """
    table, wanted, found = "", None, []
    for number, line in enumerate(text.splitlines(), start=1):
        if TABLE.match(line):
            table = TABLE.match(line)[1]
        mark = MARK.match(line)
        wanted = mark[1] if mark else wanted
        open_line = wanted and re.match(rf"#\s*{wanted}\s*=(.*)", line)
        if open_line and not _given(raw, table, wanted):
            still = ", still behind its #" if open_line[1].strip() else ""
            found.append(f"{table}.{wanted} (line {number}{still})".lstrip("."))
        wanted = None if open_line else wanted
    if found:
        refuse(", ".join(found), None, f"{FILL}: write the value behind the = and take the # off. What each is stands "
               "above its line; one that another key gives can be deleted")


def _given(raw, table, key):
    for part in filter(None, table.split(".")):
        raw = raw.get(part, {}) if isinstance(raw, dict) else {}
    return isinstance(raw, dict) and any(each in raw for each in (key, *OTHERWISE.get(key, ())))
