"""Pick one survey out of a netCDF file: its variable, axes, height, standard deviation and attributes."""

import numpy as np

from .._checks import as_finite, fail
from .._crs import of_grid_mapping
from .._damaged import attempt, attempt_hdf5
from .._memory import check_memory, fits_memory
from .._text_table import is_number
from ..quantities import plain_unit
from ._column_names import GEOGRAPHIC, has_role, is_data, is_degrees
from ._said_units import SaidUnits, said_units
from ._units import to_metres

ENGINES = {b"CDF\x01": "scipy", b"CDF\x02": "scipy", b"\x89HDF": "h5netcdf"}


DESCRIPTIONS = ("long_name", "description", "comment", "title")  # of a variable


def variant_of(head):
    """The first bytes of a file where they say netCDF, else nothing."""
    return head[:4] if head[:4] in ENGINES or head[:3] == b"CDF" else b""


def load(path, engine):
    """Read a whole netCDF file into memory and close it; fill values become NaN. An unreadable one is refused."""
    import xarray as xr

    def read():
        with xr.open_dataset(path, engine=engine, decode_times=False) as dataset:
            return dataset.load() if fits_memory(dataset.nbytes) else dataset.nbytes

    found, cause = attempt_hdf5(path, read) if engine == "h5netcdf" else attempt(read)
    if cause is not None:
        fail("path", "name a readable netCDF file", f"{path.name!r}, which cannot be read ({cause})",
             "It is damaged or cut short: fetch or write it again.")
    if isinstance(found, int):
        check_memory("path", found, f"{path.name!r} would take", "Cut a window out of it first.")
    return found


def read_netcdf(path, kind, columns):
    """Contents of a netCDF file as a dict of plain arrays, in the file's own data units.

    Parameters
    ----------
    path : Path
        File.
    kind : str
        Kind of the survey, which also names the variable unless `columns` does.
    columns : dict
        Explicit names by role: data, easting, northing, upward, std.

    Returns
    -------
    dict
        data, easting, northing, upward, std (None where the file has none), units, std_units, attributes, notes.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic not in ENGINES:
        fail("path", "be netCDF-3 (classic, 64-bit offset) or netCDF-4", f"netCDF variant {magic!r}",
             "Convert it: nccopy -k nc4.")
    return of_dataset(load(path, ENGINES[magic]), kind, columns)


def of_dataset(dataset, kind, columns):
    """Contents of an `xarray.Dataset` as `read_netcdf` gives them."""
    degrees = getattr(columns, "degrees", False)
    variable = _squeezed(dataset[_data_name(dataset, kind, columns.get("data"))])
    axes = {role: _axis(dataset, variable, role, columns.get(role), degrees) for role in ("easting", "northing")}
    if variable.ndim == 2 and axes["easting"].ndim == 1:
        variable = variable.transpose(axes["northing"].dims[0], axes["easting"].dims[0])
    std_name = columns.get("std") or _first(dataset, variable, (f"{variable.name}_std",))
    upward_name = columns.get("upward") or _first(dataset, variable, (f"{variable.name}_upward", "upward", "height"))
    upward, upward_note = _height(dataset, variable, upward_name, kind)
    std = None if std_name is None else _like(dataset, std_name, variable, "std")
    data, bounded = _within_valid(variable)
    notes = {"data": repr(variable.name) + bounded, **{role: repr(axis.name) for role, axis in axes.items()},
             "upward": upward_note, "std": repr(std_name)}
    units = _units(variable, kind)
    if units.where and units.units:
        notes["units"] = f"{units.units!r} ({units.where})"
    found = {
        "lines": _lines(dataset, variable),
        "data": data, **{role: _metres(axis, degrees) for role, axis in axes.items()}, "upward": upward,
        "geographic": _is_degrees(axes["easting"]),
        "std": None if std is None else _values(std), "notes": notes, "units": units.units, "units_from": units.where,
        "std_units": None if std is None else std.attrs.get("units"),
        "attributes": {**dataset.attrs, **_system(dataset, variable),
                       **{k: v for k, v in variable.attrs.items() if k in ("source", "crs")}},
    }  # fmt: skip
    return found if axes["easting"].ndim == 1 else _scattered(found)


def _units(variable, kind):
    """Units of a variable: its attribute, else what its description says."""
    stated = variable.attrs.get("units")
    if stated is not None:
        return SaidUnits(units=stated)
    return said_units([(f"attribute {key}", str(variable.attrs[key])) for key in DESCRIPTIONS if key in variable.attrs],
                      kind, str(variable.name))


def _lines(dataset, variable):
    """Names of the lines of stations, of a variable "line" beside the data, or None."""
    lines = dataset.variables.get("line")
    beside = lines is not None and variable.ndim == 1 and lines.dims == variable.dims != ("line",)
    return lines.to_numpy().astype(str) if beside else None


def _values(variable):
    return as_finite(f"variable {variable.name!r}", _checked_type(variable), allow_nan=True)


def _checked_type(variable):
    """The array of a variable; truth values and texts that stand for numbers are refused."""
    values = variable.to_numpy()
    if values.dtype.kind not in "iuf":
        fail(f"variable {variable.name!r}", "hold real numbers", f"dtype {values.dtype}",
             "Write it as numbers, or name another variable.", TypeError)
    return values


def _is_degrees(axis):
    return is_degrees(str(axis.name)) or plain_unit(str(axis.attrs.get("units", ""))) in GEOGRAPHIC


def _metres(axis, degrees):
    """Coordinates in metres; in degrees where these will be projected."""
    factor = 1.0 if degrees and _is_degrees(axis) else to_metres(axis.attrs.get("units"), axis.name)
    return _checked_type(axis) * factor


def _within_valid(variable):
    """Data with what lies outside the attributes valid_min, valid_max or valid_range as gaps, and a note."""
    values = np.array(_checked_type(variable), dtype=float)
    if {"scale_factor", "add_offset"} & set(variable.encoding):
        return values, ""  # the limits are those of packed numbers
    limits = np.atleast_1d(variable.attrs.get("valid_range", ()))
    low, high = limits if limits.size == 2 else (-np.inf, np.inf)
    low, high = variable.attrs.get("valid_min", low), variable.attrs.get("valid_max", high)
    low, high = (as_finite(f"{name} of {variable.name!r}", np.nan_to_num(value), 0) for name, value in (
        ("valid_min", low), ("valid_max", high)))
    outside = (values < low) | (values > high)
    note = f" ({int(outside.sum())} outside its valid range)" if outside.any() else ""
    return np.where(outside, np.nan, values), note


def _system(dataset, variable):
    """{"crs": text} from the grid mapping of CF conventions that the variable names."""
    name = str(variable.attrs.get("grid_mapping", variable.encoding.get("grid_mapping", ""))).split(":")[0].strip()
    name = name or next((key for key in ("spatial_ref", "crs") if key in dataset.coords), "")  # as rioxarray has it
    if name not in dataset.variables:
        return {}
    attributes = dataset[name].attrs
    turn = [float(x) for x in str(attributes.get("GeoTransform", "")).split() if is_number(x)]
    if len(turn) == 6 and (turn[2] or turn[4]):
        fail("the grid", "have its axes along east and north, or coordinates in two dimensions",
             f"a GeoTransform turned by {np.degrees(np.arctan2(turn[4], turn[1])):.3g} degrees",
             "Warp it to a grid along east and north (gdalwarp), or pass the stations as a table.")
    crs = of_grid_mapping(attributes)
    return {} if crs is None else {"crs": crs}


def _scattered(found):
    """A grid with coordinates in two dimensions (a turned one) as stations."""
    shape = found["data"].shape
    flat = {role: np.broadcast_to(found[role], shape).ravel() for role in ("data", "easting", "northing")}
    flat |= {role: found[role] if found[role] is None or np.ndim(found[role]) == 0 else found[role].ravel()
             for role in ("upward", "std")}
    found["notes"]["easting"] += " (coordinates in two dimensions: read as stations)"
    return found | flat


def _names(dataset):
    return ", ".join(map(repr, dataset.variables))[:400] or "none"


def _named(dataset, name, role):
    if name not in dataset.variables:
        fail(f"columns[{role!r}]", "name a variable of the file", f"{name!r}; the file holds {_names(dataset)}",
             "Correct the name.")
    return dataset[name]


def _first(dataset, variable, names):
    return next((n for n in names if n in dataset.variables and set(dataset[n].dims) <= set(variable.dims)), None)


def _data_name(dataset, kind, name):
    """The named variable, or the one called like the kind, or the only one that speaks of it."""
    if name is not None:
        return _named(dataset, name, "data").name
    if kind in dataset.data_vars:
        return kind
    found = [str(v) for v in dataset.data_vars if str(dataset[v].attrs.get("kind")) == kind]
    found = found or [str(v) for v in dataset.data_vars if is_data(str(v), kind)]
    if len(found) != 1:
        fail("variable", f"be given: the file has {len(found)} variables that sound like {kind!r}",
             f"variables {_names(dataset)}", f"Pass variable=, e.g. variable={next(iter(dataset.variables), 'gz')!r}.")
    return found[0]


def _squeezed(variable):
    variable = variable.squeeze(drop=True) if variable.ndim > 2 else variable
    if variable.ndim not in (1, 2):
        fail(f"variable {variable.name!r}", "have one or two dimensions (stations, or northing and easting)",
             f"dims {variable.dims}", "Select a slice and save it first.")
    return variable


def _axis(dataset, variable, role, name, degrees):
    """1-D coordinate of `variable` for easting or northing: named, or recognised by name or CF standard_name."""
    if name is not None:
        found = [_named(dataset, name, role)]
    else:
        fits = [dataset[v] for v in dataset.variables if dataset[v].ndim == 1 and dataset[v].dims[0] in variable.dims]
        turned = [dataset[v] for v in dataset.variables if dataset[v].ndim == 2 and v != variable.name
                  and set(dataset[v].dims) == set(variable.dims)]
        named = [v for v in turned if has_role(str(v.attrs.get("standard_name", v.name)), role)]
        if len(named) == 1:
            fits = named  # coordinates in two dimensions say more than the numbers of rows and columns
        found = [v for v in fits if has_role(str(v.attrs.get("standard_name", v.name)), role)]
        found = found or [v for v in fits if has_role(str(v.name), role)]
        if not found and degrees:
            fits = fits + turned
            found = [v for v in fits if is_degrees(str(v.attrs.get("standard_name", v.name)), role)
                     or is_degrees(str(v.name), role)]
        marks = {plain_unit(str(t)) for v in fits for t in (v.name, v.attrs.get("units", ""))}
        if not found and marks & GEOGRAPHIC:
            fail(f"{role} of {variable.name!r}", "be in metres", "longitude and latitude",
                 "Project the survey: pass to_crs=, for example 'EPSG:32751'.")
    if len(found) == 1 and found[0].ndim == 2 and set(found[0].dims) == set(variable.dims):
        return found[0].transpose(*variable.dims)
    if len(found) != 1 or found[0].ndim != 1 or found[0].dims[0] not in variable.dims:
        fail(f"columns[{role!r}]", f"name the 1-D {role} of {variable.name!r}, whose dims are {variable.dims}",
             f"{len(found)} candidate(s) {[v.name for v in found]} among {_names(dataset)}",
             f"Pass columns={{{role!r}: ...}}.")
    return found[0]


def _like(dataset, name, variable, role):
    """A variable broadcast to the dims of the data, or an error."""
    found = _named(dataset, name, role)
    found = found.squeeze(drop=True) if found.ndim > 2 else found
    if not set(found.dims) <= set(variable.dims):
        fail(f"columns[{role!r}]", f"have dims among {variable.dims}", f"dims {found.dims}", "Name another variable.")
    attributes = found.attrs
    return found.broadcast_like(variable).transpose(*variable.dims).assign_attrs(attributes)


def _height(dataset, variable, name, kind):
    if name is not None:
        found = _like(dataset, name, variable, "upward") if dataset[name].ndim else dataset[name]
        if str(found.attrs.get("positive", "up")).lower() == "down":
            fail(f"variable {name!r}", "be heights, positive up", "positive = 'down', a depth",
                 "Turn its sign and its attribute round, or pass height=.")
        values = _values(found) * to_metres(found.attrs.get("units"), name)
        return (float(values) if np.ndim(values) == 0 else values), repr(name)
    attributes = {"height_m": variable.attrs.get("height_m", dataset.attrs.get("height_m")), **dataset.attrs}
    for key in (f"{variable.name}_height_m", f"{kind}_height_m", "height_m"):
        if attributes.get(key) is not None:
            height = float(as_finite(f"attribute {key!r}", attributes[key], 0))
            return height, f"{height:g} m (attribute {key!r})"
    return None, ""
