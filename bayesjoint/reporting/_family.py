"""A family of grounds as the record of a run describes it, in words that need no knowledge of the program."""

import math
import re

from ._words import capital, listing, readable

BEGINS = re.compile(r"(?:^|(?<=\. ))(?:(\d+) % )?(?!Rocks: |Host: )((?:(?!\. )[^:()])+): (?=[A-Z]\w+ \(|a function)")
TITLES = {"Bodies": "Compact bodies", "Layers": "Folded and faulted layers", "Dykes": "Dykes", "Cover": "Cover",
          "Plurigaussian": "Units with winding borders", "GaussianField": "Smooth variation within every rock"}
LENGTHS = ("size", "thickness", "length", "width", "depth", "range", "fold", "wavelength", "throw")
ANGLES = ("strike", "dip", "tilt")
WORDS = {"number": "how many", "soft": "softness of the edge", "fold": "height of the folds",
         "across": "width over length", "exponent": "squareness (exponent)", "variation": "variation of the thickness"}
UNITS = {"density": "kg/m³", "susceptibility": "SI"}
HOST = re.compile(r"^Host (\w+): (.*)$")
TIMES = re.compile(r"^Contrasts of a property times exp\((\S+) N\(0, 1\)\) in each world$")
KEY = re.compile(r"^(std of log \w+|std of \w+|[a-z ]+?) (?=[\d(])")


def family_of(text):
    """What the description of a family holds.

    Returns
    -------
    dict
        ``kinds``, each with ``share`` (None of a single family), ``name``, ``structures`` (title, [(what, how much)])
        and ``notes``; ``short``, one phrase for all; or None where the text is no such description.

    Examples
    --------
    >>> found = family_of("hills: Bodies (number (2 to 9 (log)) on average; dip 30 to 90; density 86 × or / exp(0.5)). "
    ...                   "Properties share their geometry in 50 % of the worlds.")
    >>> found["short"], found["kinds"][0]["structures"][0]
    ('hills', ('Compact bodies', [('how many', '2 to 9 (log scale) on average'), ('dip', '30 to 90°'), \
('density', 'about 86 kg/m³, mostly within a factor of 1.6')]))
    """
    starts = list(BEGINS.finditer(text))
    if not starts:
        return None
    ends = [found.start() for found in starts[1:]] + [len(text)]
    kinds = [_kind(found[1], found[2], text[found.end():end]) for found, end in zip(starts, ends, strict=True)]
    return {"kinds": kinds, "short": listing(
        kind["name"] + ("" if kind["share"] is None else f" ({kind['share']} %)") for kind in kinds)}


def _kind(share, name, text):
    structures, notes = [], []
    body, *sentences = [s.strip() for s in _cut(text.strip().removesuffix("."), ". ")]
    for part in body.split("; then "):
        found = re.match(r"^(\w+) \((.*)\)$", part)
        if found:
            structures.append((TITLES.get(found[1], found[1]), [_item(i) for i in _cut(found[2], "; ")]))
        else:
            notes.append(f"{capital(readable(part))}.")
    for sentence in sentences:
        host, times = HOST.match(sentence), TIMES.match(sentence)
        if host:
            notes.append(f"{host[1].capitalize()} of the rock around them: {_law(host[2], UNITS.get(host[1], ''))}.")
        elif times:
            notes.append(f"In each world all contrasts of a property are larger or smaller together, mostly within a "
                         f"factor of {_factor(times[1])}.")
        elif sentence:
            notes.append(f"{readable(sentence)}.")
    return {"share": share, "name": name, "structures": structures, "notes": notes}


def _cut(text, separator):
    """Parts between separators that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for n, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and text.startswith(separator, n):
            parts.append(text[start:n])
            start = n + len(separator)
    return [*parts, text[start:]]


def _item(text):
    """(what, how much) of one number of a structure."""
    found = KEY.match(text)
    if found is None:
        return text, ""
    key, law = found[1], text[found.end():]
    if key.startswith("std of log "):
        return f"{key.removeprefix('std of log ')} varies by a factor of", _law(law, "", math.exp)
    if key.startswith("std of "):
        return f"{key.removeprefix('std of ')} varies by", _law(law, UNITS.get(key.removeprefix("std of "), ""))
    units = "m" if key in LENGTHS else "°" if key in ANGLES else UNITS.get(key, "")
    return WORDS.get(key, key), _law(law, units)


def _law(text, units, each=float):
    """How a number varies; `each` is done to every bound before it is written."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _bracketed(text):
        text = text[1:-1]
    for separator, words in (
            (", centred", lambda a, _: f"{a}, their mean taken away"),
            (", plus with probability ", lambda a, b: f"{a}, {b}"),
            (" on average", lambda a, _: f"{a} on average"),
            (" × or / ", lambda a, b: f"about {a}, {b}"), (" ± ", lambda a, b: f"{a}, give or take {b}"),
            (" (log)", lambda a, _: f"{a} (log scale)")):
        first, *rest = _cut(text, separator)
        if rest:
            return words(_law(first, units, each), _second(separator, separator.join(rest), units))
    ends = [_number(each(float(end)), units) if _is_number(end) else readable(end) for end in text.split(" to ")]
    if units == "m" and len(ends) == 2 and all(end.endswith(" km") for end in ends):
        ends[0] = ends[0].removesuffix(" km")
    same = f" {units}" if units not in ("", "°", "m") else units if units == "°" else ""
    return f"{' to '.join(ends)}{same}"


def _second(separator, text, units):
    if separator == " × or / ":
        return f"mostly within a factor of {_factor(text.removeprefix('exp(').removesuffix(')'))}"
    if separator == ", plus with probability ":
        low, _, high = text.strip("()").partition(" to ")
        shares = [f"{100 * float(end):.0f}" for end in (low, high) if end]
        always = {("0",): "always negative", ("100",): "always positive"}
        return always.get(tuple(shares), f"positive in {' to '.join(shares)} % of cases")
    return _law(text, units)


def _bracketed(text):
    """Whether the first bracket closes at the end."""
    depth = 0
    for n, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return n == len(text) - 1
    return False


def _is_number(text):
    return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text) is not None


def _number(value, units):
    if units == "m" and (value >= 1000 or value == 0):
        return f"{value / 1000:.3g} km"
    return readable(f"{value:.3g}") + (" m" if units == "m" else "")


def _factor(log_std):
    return f"{math.exp(float(log_std)):.2g}" if _is_number(log_std) else readable(log_std)
