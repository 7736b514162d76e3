"""Units met in files, and what the name of a column or variable says about its role and its units."""

import re

from .._checks import fail
from ..quantities import component_of

TO_METRES = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1e3, "kilometre": 1e3,
             "kilometer": 1e3}  # fmt: skip
ROLES = {
    "easting": {"easting", "east", "x", "utmx", "projection_x_coordinate"},
    "northing": {"northing", "north", "y", "utmy", "projection_y_coordinate"},
    "upward": {"upward", "height", "elevation", "altitude", "z", "up", "elev", "alt"},
}
FEET = ("ft", "feet", "foot")  # refused, not converted: survey feet differ by country
GEOGRAPHIC = {"longitude", "latitude", "lon", "lat", "degrees_east", "degrees_north", "degree_east", "degree_north"}
DEVIATION = {"std", "sigma", "sd", "stdev", "uncertainty", "error", "err"}


def plain_unit(text):
    """Spell a unit the one way the tables do: ``"µm s^-2"`` becomes ``"ums-2"``."""
    if not isinstance(text, str):
        fail("units", "be a text", f"{text!r:.60} of type {type(text).__name__}",
             "Mend the units attribute, or pass units= to say what the file really holds.", TypeError)
    for old, new in (("µ", "u"), ("μ", "u"), ("²", "2"), ("⁻", "-")):
        text = text.replace(old, new)
    return re.sub(r"[\s*^·.]", "", text).lower()


def to_standard(kind, units, what):
    """Factor that takes values in `units` to the standard units of `kind` (1 for kinds that have none)."""
    component = component_of(kind)
    if component is None:
        return 1.0
    table = component.unit.spellings
    factor = table.get(plain_unit(units))
    if factor is None:
        fail(f"units of {what}", f"be one of {', '.join(table)} for kind {kind!r}", repr(units),
             f"Pass units= to say what the file really holds, e.g. units={component.unit.symbol!r}.")
    return factor


def to_metres(units, what):
    """Factor that takes lengths in `units` to metres; None counts as metres."""
    if units is None:
        return 1.0
    factor = TO_METRES.get(plain_unit(units))
    if factor is None:
        remedy = "Convert the coordinates to metres first."
        if "degree" in plain_unit(units):
            remedy = "Project longitude and latitude to metres first (pyproj, gdalwarp)."
        fail(f"units of {what}", f"be one of {', '.join(TO_METRES)}", repr(units), remedy)
    return factor


def words(name):
    """Lower-case words of a column's name: ``"Gravity_noisy [mGal]"`` gives gravity, noisy, mgal."""
    return [word for word in re.split(r"[\s_\[\]()]+", name.lower()) if word]


def unit_in_name(name, kind):
    """Units that end a column's name, or None."""
    component = component_of(kind)
    known = set(TO_METRES) | (set() if component is None else
                              set(component.unit.spellings) - set(component.unit.words))
    parts = words(name)
    return parts[-1] if len(parts) > 1 and plain_unit(parts[-1]) in known else None


def has_role(name, role):
    """Whether a column or variable named `name` is a coordinate of this role (or, as a dim, ends with it)."""
    parts = [word for word in words(name) if word not in (*TO_METRES, *FEET, "utm")]
    return name in ROLES[role] or (len(parts) == 1 and parts[0] in ROLES[role]) or parts[-1:] == [role]


def is_deviation(name):
    """Whether a name speaks of a standard deviation."""
    return bool(DEVIATION & set(words(name)))


def is_data(name, kind):
    """Whether a name speaks of data of `kind`, and not of their noise, height or place."""
    parts = words(name)
    other = any(has_role(name, role) for role in ROLES) or is_deviation(name) or "height" in parts
    component = component_of(kind)
    spoken = {kind.lower()} if component is None else component.spoken
    return "_".join([*parts, ""]).startswith(tuple(f"{word}_" for word in spoken)) and not other
