"""What a `Survey` accepts: every rule on its input, one function a rule."""

import numpy as np

from .._checks import as_finite, as_shape, fail
from ..quantities import FIELD, checked_field, component_of, known_names
from ._column_names import has_role

FIELD_ATTRIBUTES = {  # of a file: the inducing field
    "intensity": "inducing_field_intensity_nT",
    "inclination": "inducing_field_inclination_deg",
    "declination": "inducing_field_declination_deg",
}
RESERVED = ("easting", "northing", "upward", "station", "chain", "draw", "sample")


def word(argument, value):
    """Return `value`, a non-empty string."""
    if not isinstance(value, str) or not value.strip():
        fail(argument, "be a non-empty string", repr(value), "Pass a word such as 'gravity'.", TypeError)
    return value


def plain(data, easting=None, northing=None):
    """Plain array of data on a grid: a mask becomes NaN, a labelled array is laid out by the names of its dims."""
    dims = getattr(data, "dims", None)
    if isinstance(dims, tuple) and len(dims) == 2 and hasattr(data, "transpose"):
        return np.asarray(_laid_out(data, easting, northing))
    return data


def _laid_out(data, easting, northing):
    """A labelled grid with dims (northing, easting), turned round where its coordinates run against the axes."""
    roles = {}
    for role, axis in (("easting", easting), ("northing", northing)):
        of_axis = getattr(axis, "dims", ())
        named = [dim for dim in data.dims if (dim,) == of_axis] or [d for d in data.dims if has_role(str(d), role)]
        if len(named) == 1:
            roles[role] = named[0]
    if len(roles) == 1:
        role, dim = next(iter(roles.items()))
        other = "northing" if role == "easting" else "easting"
        roles[other] = next(d for d in data.dims if d != dim)
    if len(set(roles.values())) < 2:
        if data.shape[0] == data.shape[1]:
            fail("data", "have dims that tell easting from northing", f"{data.dims}",
                 "Rename them easting and northing (or x and y), or pass easting and northing as labelled arrays.")
        return data
    data = data.transpose(roles["northing"], roles["easting"])
    for dim, axis in ((roles["northing"], northing), (roles["easting"], easting)):
        data = _along(data, dim, axis)
    return data


def _along(data, dim, axis):
    """Data in the order of an axis: turned round if their own coordinates run against it."""
    if axis is None or dim not in data.coords:
        return data
    own, axis = np.asarray(data[dim]), np.asarray(axis)
    if own.shape != axis.shape or np.array_equal(own, axis) or own.dtype.kind not in "iuf":
        return data
    if np.array_equal(own[::-1], axis):
        return data.isel({dim: slice(None, None, -1)})
    if np.array_equal(np.sort(own), np.sort(axis)):
        fail("data", f"have their coordinates along {dim!r} in the order of the axis", "another order",
             "Pass the labelled array's own coordinates.")
    return data


def standard_units(kind, other=None):
    """Units of the kind's data, or `other` for a kind of other physics."""
    component = component_of(kind)
    return other if component is None else component.unit.symbol


def needs_field(kind):
    """Whether an inducing field belongs to data of the kind."""
    component = component_of(kind)
    return component is not None and component.kind.needs_field


def validated_units(kind, units):
    """Units of the data: fixed for what has an entry among the quantities, required for anything else."""
    own = standard_units(kind)
    if own is None and units is None:
        fail("units", f"be given for a kind other than {', '.join(known_names())}", f"kind {kind!r} and no units",
             "Correct the spelling of `kind`, or pass units=.")
    if own is not None and units not in (None, own):
        fail("units", f"be {own!r} for kind {kind!r}", repr(units),
             "Convert data and std first (`read_survey` does: 1 mGal = 10 um/s2 = 1e-5 m/s2).")
    return own or word("units", units)


def check_stations(shape, easting, northing):
    """Refuse coordinates that do not fit data of `shape`."""
    if len(shape) == 2 and shape != (northing.size, easting.size):
        fail("data", "have shape (northing.size, easting.size)",
             f"shape {shape} with {northing.size} northings and {easting.size} eastings",
             "Transpose it, or pass scattered data as 1-D arrays of one length.")
    if len(shape) == 1 and not shape[0] == northing.size == easting.size:
        fail("data, easting and northing", "have one length for scattered stations",
             f"{shape[0]}, {easting.size} and {northing.size}", "Pass data of shape (ny, nx) for a grid.")


def validated_height(upward, shape):
    """Return a float, or an array of `shape`, NaN where it is unknown; no height at all is an error."""
    if upward is None:
        fail("upward", "be the stations' height in metres", "None", "Pass a number, or an array of data's shape.")
    if np.ndim(upward) == 0:
        return float(as_finite("upward", upward, 0))
    return as_shape("upward", upward, shape, allow_nan=True).copy()


def validated_std(std, data):
    """Return an array of data's shape, > 0 at every datum and NaN in the gaps, or None."""
    if std is None:
        return None
    std = np.where(np.isnan(data), np.nan, as_shape("std", std, data.shape, allow_nan=True))
    bad = ~np.isnan(data) & ~(std > 0)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        fail("std", "be > 0 wherever there is a datum", f"{std[first]:g} at index {first}, {int(bad.sum())} in all",
             "Give a positive std, or mark the datum as a gap (NaN).")
    return std


def validated_lines(lines, shape):
    """Return the names of stations' lines as an array of text, or None; a grid has no lines."""
    if lines is None:
        return None
    lines = np.array(lines, dtype=str)
    if len(shape) != 1 or lines.shape != shape:
        fail("lines", "name the line of every one of scattered stations",
             f"shape {lines.shape} for data of shape {shape}", "Pass one name a station, and none for a grid.")
    return lines


def oriented(name, axis, position, *arrays):
    """Turn a descending axis round together with its data; refuse one that is not monotonic."""
    steps = np.diff(axis)
    if axis.size > 1 and steps[0] < 0:
        axis, steps = axis[::-1].copy(), -steps
        arrays = [np.flip(a, position).copy() if np.ndim(a) else a for a in arrays]
    if np.any(steps <= 0):
        fail(name, "be strictly monotonic on a grid", "a step of the other sign, or zero",
             "Sort the axis with its data, or pass scattered stations as 1-D arrays.")
    return axis, *arrays


def validated_field(kind, intensity, inclination, declination):
    """Inducing field as floats or None, in range, for kinds that need one only."""
    given = dict(zip(FIELD, (intensity, inclination, declination), strict=True))
    if not needs_field(kind) and any(value is not None for value in given.values()):
        able = ", ".join(repr(name) for name in known_names() if needs_field(name))
        fail(", ".join(FIELD), f"be given for kind {able} only", f"kind {kind!r}",
             "Leave them out.")
    return tuple(None if value is None else checked_field(key, value) for key, value in given.items())
