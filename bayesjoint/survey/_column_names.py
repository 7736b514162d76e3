"""What the name of a column or variable says about its role and its units."""

import re

from ..quantities import component_of, plain_unit
from ._units import FEET, TO_METRES

ROLES = {
    "easting": {"easting", "east", "x", "utmx", "projection_x_coordinate"},
    "northing": {"northing", "north", "y", "utmy", "projection_y_coordinate"},
    "upward": {"upward", "height", "elevation", "altitude", "z", "up", "elev", "alt"},
}
GEOGRAPHIC = {"longitude", "latitude", "lon", "lat", "degrees_east", "degrees_north", "degree_east", "degree_north"}
DEGREES = {"easting": {"longitude", "lon", "long", "lng"}, "northing": {"latitude", "lat"}}
DEVIATION = {"std", "sigma", "sd", "stdev", "uncertainty", "error", "err"}


class Columns(dict):
    """Names of columns by role, as the caller gave them.

    Parameters
    ----------
    names : dict
    degrees : bool
        Whether longitude and latitude may be the coordinates, for they will be projected.
    """

    def __init__(self, names=(), degrees=False):
        super().__init__(names)
        self.degrees = degrees


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


def length_in_name(name):
    """Unit of length that ends a column's name, or None."""
    last = words(name)[-1:]
    return last[0] if last and last[0] in (*TO_METRES, *FEET) else None


def has_role(name, role):
    """Whether a column or variable named `name` is a coordinate of this role (or, as a dim, ends with it)."""
    parts = [word for word in words(name) if word not in (*TO_METRES, *FEET, "utm")]
    return name in ROLES[role] or (len(parts) == 1 and parts[0] in ROLES[role]) or parts[-1:] == [role]


def is_degrees(name, role=None):
    """Whether a name is that of a longitude (easting) or a latitude (northing); with no role, of either."""
    known = set().union(*DEGREES.values()) if role is None else DEGREES[role]
    return words(name)[:1] != [] and words(name)[0] in known


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
