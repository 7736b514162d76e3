"""Pick one survey out of a netCDF file: its variable, axes, height, standard deviation and attributes."""

import numpy as np

from .._checks import fail
from ._column_names import GEOGRAPHIC, has_role, is_data, plain_unit, to_metres

ENGINES = {b"CDF\x01": "scipy", b"CDF\x02": "scipy", b"\x89HDF": "h5netcdf"}


def load(path, engine):
    """Read a whole netCDF file into memory and close it; fill values become NaN."""
    import xarray as xr

    with xr.open_dataset(path, engine=engine, decode_times=False) as dataset:
        return dataset.load()


def read_netcdf(path, engine, kind, columns):
    """Contents of a netCDF file as a dict of plain arrays, in the file's own data units.

    Parameters
    ----------
    path : Path
        File.
    engine : str
        xarray engine that reads it.
    kind : str
        Kind of the survey, which also names the variable unless `columns` does.
    columns : dict
        Explicit names by role: data, easting, northing, upward, std.

    Returns
    -------
    dict
        data, easting, northing, upward, std (None where the file has none), units, std_units, attributes, notes.
    """
    dataset = load(path, engine)
    variable = _squeezed(dataset[_data_name(dataset, kind, columns.get("data"))])
    grid = variable.ndim == 2
    axes = {role: _axis(dataset, variable, role, columns.get(role)) for role in ("easting", "northing")}
    if grid:
        variable = variable.transpose(axes["northing"].dims[0], axes["easting"].dims[0])
    std_name = columns.get("std") or _first(dataset, variable, (f"{variable.name}_std",))
    upward_name = columns.get("upward") or _first(dataset, variable, (f"{variable.name}_upward", "upward", "height"))
    upward, upward_note = _height(dataset, variable, upward_name, kind)
    std = None if std_name is None else _like(dataset, std_name, variable, "std")
    notes = {"data": repr(variable.name), **{role: repr(axis.name) for role, axis in axes.items()},
             "upward": upward_note, "std": repr(std_name)}
    return {
        "data": variable.to_numpy().astype(float),
        **{role: axis.to_numpy() * to_metres(axis.attrs.get("units"), axis.name) for role, axis in axes.items()},
        "upward": upward,
        "std": None if std is None else std.to_numpy().astype(float),
        "units": variable.attrs.get("units"),
        "std_units": None if std is None else std.attrs.get("units"),
        "attributes": {**dataset.attrs, **{k: v for k, v in variable.attrs.items() if k in ("source", "crs")}},
        "notes": notes,
    }


def _names(dataset):
    return ", ".join(map(repr, dataset.variables)) or "none"


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
    found = [str(v) for v in dataset.data_vars if dataset[v].attrs.get("kind") == kind]
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


def _axis(dataset, variable, role, name):
    """1-D coordinate of `variable` for easting or northing: named, or recognised by name or CF standard_name."""
    if name is not None:
        found = [_named(dataset, name, role)]
    else:
        fits = [dataset[v] for v in dataset.variables if dataset[v].ndim == 1 and dataset[v].dims[0] in variable.dims]
        found = [v for v in fits if has_role(str(v.attrs.get("standard_name", v.name)), role)]
        found = found or [v for v in fits if has_role(str(v.name), role)]
        marks = {plain_unit(str(t)) for v in fits for t in (v.name, v.attrs.get("units", ""))}
        if not found and marks & GEOGRAPHIC:
            fail(f"{role} of {variable.name!r}", "be in metres", "longitude and latitude",
                 "Project the survey first (pyproj, gdalwarp).")
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
        values = found.to_numpy() * to_metres(found.attrs.get("units"), name)
        return (float(values) if np.ndim(values) == 0 else values), repr(name)
    attributes = {"height_m": variable.attrs.get("height_m", dataset.attrs.get("height_m")), **dataset.attrs}
    for key in (f"{variable.name}_height_m", f"{kind}_height_m", "height_m"):
        if attributes.get(key) is not None:
            return float(attributes[key]), f"{float(attributes[key]):g} m (attribute {key!r})"
    return None, ""
