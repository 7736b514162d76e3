"""Units that a file states in words: in a row under its header, in a comment, in the description of a variable."""

import re
from dataclasses import dataclass

from .._text_table import MISSING, is_number
from ..quantities import COMPONENTS, component_of, plain_unit
from ._column_names import DEVIATION, GEOGRAPHIC, words
from ._units import FEET, TO_METRES

ANGLES = GEOGRAPHIC | {"deg", "degrees", "degree", "°"}
NOISE = DEVIATION | {"noise", "accuracy", "precision", "errors", "rms", "repeatability"}
SHORT = {"e", "t", "ut", "nt", "gu", "gal", "gamma"}  # words and initials as often as units
SPELLED = {"nT", "µT", "μT", "GU"}  # which nothing else is spelled like
SAID = {"unit", "units", "einheit", "einheiten", "unité", "unités"}  # before which any unit is one


@dataclass(frozen=True, kw_only=True)
class SaidUnits:
    """Units that words give.

    Parameters
    ----------
    units : str or None
        As they are spelled; None where words name none, or several that differ.
    where : str
        The words; where they name several, what is ambiguous.
    """

    units: str | None = None
    where: str = ""


def unit_row(cells):
    """Units of the cells of a row, or None if it is no row of units: it has numbers, or few that are a unit."""
    units = [cell.strip("[](){} ") for cell in cells]
    said = [unit for unit in units if unit.lower() not in MISSING]
    if any(map(is_number, said)):
        return None
    return units if 2 * sum(is_unit(unit) for unit in said) > len(said) else None


def is_unit(text):
    """Whether a text is a unit of some data, of length, or of angles."""
    return plain_unit(text) in KNOWN


def said_units(texts, kind, name=""):
    """Units of the data of a kind that texts speak of.

    Parameters
    ----------
    texts : list of (str, str)
        Where each stands, and the text.
    kind : str
    name : str, optional
        Of the column: of several units those of texts that speak of it are taken.

    Returns
    -------
    SaidUnits
    """
    component = component_of(kind)
    if component is None:
        return SaidUnits()
    spellings = component.unit.spellings
    found = [(unit, where, text) for where, text in texts for unit in _named(text, spellings)]
    own = (set(words(name)) | set(component.spoken)) - set(spellings)
    for some in (found, [hit for hit in found if own & set(words(hit[2].replace(":", " ")))]):
        if some and len({spellings[plain_unit(unit)] for unit, *_ in some}) == 1:
            unit, where, text = some[0]
            return SaidUnits(units=unit, where=f"{where}, {_short(text)!r}")
    quotes = " and ".join(f"{unit} ({where}, {_short(text)!r})" for unit, where, text in found[:4])
    return SaidUnits(where=f"it names {quotes}" if quotes else "")


def _named(text, spellings):
    """Units that a text names for its data: no amount of something, nor of the noise, nor what they are not."""
    tokens = [token.strip(".,;") for token in re.split(r"[\s:=,;_\[\](){}\"']+", text) if token.strip(".,;")]
    lower = [token.lower() for token in tokens]
    if NOISE & set(lower) or "not" in lower:
        return []
    out = []
    for k, token in enumerate(tokens):
        before = lower[k - 1] if k else ""
        if re.fullmatch(r"[+-]?[\d.,]+(e[+-]?\d+)?", before):
            continue
        after = tokens[k + 1] if k + 1 < len(tokens) else ""
        if re.fullmatch(r"s(\^?-2|⁻²)", after) and plain_unit(token + after) in spellings:
            out.append(f"{token} {after}")
        elif plain_unit(token) in spellings and _is_meant(text, token, before):
            out.append(token)
    return out


def _is_meant(text, token, before):
    """Whether a token that may be a unit is one here; short ones are where they are said to be."""
    return (plain_unit(token) not in SHORT or token in SPELLED or before in SAID
            or (before == "in" and plain_unit(token) in ("gal", "gu", "gamma"))
            or re.search(rf"[\[(]\s*{re.escape(token)}\s*[\])]", text) is not None)


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


KNOWN = {spelling for component in COMPONENTS.values() for spelling in component.unit.spellings} | set(
    TO_METRES) | set(FEET) | ANGLES
