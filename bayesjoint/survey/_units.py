"""Conversion of units: factors that take what files hold to the units of `quantities` and to metres."""


from .._checks import fail
from ..quantities import component_of, plain_unit

TO_METRES = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1e3, "kilometre": 1e3,
             "kilometer": 1e3}  # fmt: skip
FEET = ("ft", "feet", "foot")  # refused, not converted: survey feet differ by country


def to_standard(kind, units, what):
    """Factor that takes values in `units` to the standard units of `kind` (1 for kinds that have none)."""
    component = component_of(kind)
    if component is None:
        return 1.0
    return _factor(units, component.unit.spellings, what, f" for kind {kind!r}",
                   f"Pass units= to say what the file really holds, e.g. units={component.unit.symbol!r}.")


def to_metres(units, what):
    """Factor that takes lengths in `units` to metres; None counts as metres."""
    if units is None:
        return 1.0
    remedy = ("Project longitude and latitude to metres first: read_survey(..., to_crs=) does."
              if "degree" in plain_unit(units) else "Convert the coordinates to metres first.")
    return _factor(units, TO_METRES, what, "", remedy)


def _factor(units, table, what, of_kind, remedy):
    """The factor of a spelling among a table of them."""
    factor = table.get(plain_unit(units))
    if factor is None:
        fail(f"units of {what}", f"be one of {', '.join(table)}{of_kind}", repr(units[:60]), remedy)
    return factor
