"""What the library says of its arguments, in the words of a configuration's keys or of the command's options."""

import re

OPTIONS = {"units": "--units", "height": "--height", "std": "--std", "format": "--format", "missing": "--missing",
           "crs": "--crs", "columns": "--column", "variable": "--column data=NAME", "intensity": "--field",
           "inclination": "--field", "declination": "--field", "title": "--title"}
QUOTED = r"'[^']*'|\"[^\"]*\""
VALUE = rf"\{{[^}}]*\}}|\[[^\]]*\]|\([^)]*\)|{QUOTED}|[-+\w.]*\w"
CALL = re.compile(rf"(?:bj\.)?read_survey\(\.\.\., (\w+)=({VALUE})?\)")
ARGUMENT = re.compile(rf"(?<!--column )\b([a-z_]+)=(?!=)({VALUE})?")
ASKED = re.compile(rf"\b([Pp])ass (e\.g\. )?([a-z_]+)=(?!=)({VALUE})?")
ITEM = re.compile(r"\b([a-z_]+)\['(\w+)'\]")


def in_keys(text, where):
    """A message of the library, for the table of a configuration that it is about.

    Parameters
    ----------
    text : str
    where : str
        The table, or one of its keys: "surveys.gravity", "surveys.gravity.bias".

    Examples
    --------
    >>> in_keys("units must be known. Pass units=, e.g. units='mGal': what they are in.", "surveys.gravity")
    'units must be known. Give units in [surveys.gravity], e.g. units = "mGal": what they are in.'
    """
    table = f"[{'.'.join(where.split('.')[:2 if where.startswith(('surveys.', 'parameters.')) else 1])}]"

    def said(key, value):
        return key if value is None or value.startswith("(") else f"{key} = {_as_toml(value)}"

    return _changed(text, said, f" in {table}")


def in_options(text):
    """A message of the library, in the options of `bayesjoint init`.

    Examples
    --------
    >>> in_options("units must be known. Pass units=, e.g. units='mGal': what they are in.")
    'units must be known. Give --units, e.g. --units mGal: what they are in.'
    """
    def said(key, value):
        option = OPTIONS.get(key)
        if option is None:
            return f"{key}{'' if value is None else f' = {_as_toml(value)}'} in the configuration"
        if value is None or "=" in option:
            return option
        return f"{option} {_plain(value)}"

    return _changed(text, said, "")


def _changed(text, said, where):
    text = re.sub(r"`([a-z_]+=)`", r"\1", text)
    text = ITEM.sub(r"\1.\2", text)
    text = CALL.sub(lambda m: said(m[1], m[2]) + where, text)
    text = ASKED.sub(lambda m: f"{'G' if m[1] == 'P' else 'g'}ive {m[2] or ''}{said(m[3], m[4])}{where}", text)
    text = ARGUMENT.sub(lambda m: said(m[1], m[2]), text)
    return re.sub(r"\b([Pp])ass (?=[a-z'\d(])", lambda m: "Give " if m[1] == "P" else "give ", text)


def _as_toml(value):
    """A value of Python as TOML has it."""
    value = re.sub(r"'([^']*)'", r'"\1"', value)
    if value.startswith("{"):
        inner = re.sub(r'"(\w+)":', r"\1 =", value[1:-1])
        return f"{{ {inner.strip()} }}"
    return {"True": "true", "False": "false"}.get(value, value)


def _plain(value):
    """A value of Python as it is typed in a shell."""
    inner = re.sub(r"^\{'?(\w+)'?: *'?<?(.*?)>?'?\}$", r"\1=\2", value)
    return " ".join(re.sub(r"[\[\]',]", " ", inner).split())
