"""A commented TOML configuration as text: every key under a line that says why, and what is to be filled in."""

import json
import textwrap
from dataclasses import dataclass, field

WIDTH = 110
FILL = "FILL IN"


@dataclass(kw_only=True)
class Table:
    """A table of a configuration.

    Parameters
    ----------
    name : str
        "surveys.gravity"; empty for what stands before the first table.
    note : str
        What it is about.
    lines : list of tuple
        (key, value, why), (key, stand-in, why, True) for what is to be filled in, or a text: a comment of its own.
    """

    name: str
    note: str = ""
    lines: list = field(default_factory=list)


def text_of(tables, trial=False):
    """The configuration.

    Parameters
    ----------
    tables : list of Table
    trial : bool, default False
        Put stand-ins in the place of what is to be filled in: a configuration to be tried, not to be kept.
    """
    out = []
    for table in tables:
        out += _comment(table.note)
        if table.name:
            out.append(f"[{table.name}]")
        for line in table.lines:
            out += _lines(line, trial)
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def shown(value):
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {shown(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _lines(line, trial):
    if isinstance(line, str):
        return _comment(line)
    key, value, why, *missing = line
    if missing and not trial:
        return [*_comment(f"{FILL} {key}: {why}"), f"# {key} ="]
    return [*_comment(f"{key}: {why}" if why else ""), f"{key} = {shown(value)}"]


def _comment(text):
    """A comment in lines of a readable width."""
    return [line for part in filter(None, text.split("\n"))
            for line in textwrap.wrap(part, WIDTH, initial_indent="# ", subsequent_indent="#   ",
                                      break_long_words=False, break_on_hyphens=False)]
