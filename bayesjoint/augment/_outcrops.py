"""What a geological map says of the cells at the surface."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, checked, fail
from .._typing import Any, ArrayLike, Parameter
from ..forward import IntervalOperator
from ..noise import DiagonalNoise
from ..problem import Modality, check_field


@checked
def outcrops(parameter: Parameter, unit_map: ArrayLike, values: Any, *,
             name: str = "outcrops", fixed: bool = False) -> Modality | np.ndarray:
    """A plan map of units as data on the highest ground cell of each column, or as cells that are known.

    Parameters
    ----------
    parameter : Parameter
        On a mesh; its name, mesh and units count, not its prior.
    unit_map : array_like or xarray.DataArray, shape (ny, nx)
        Unit of each column: integers, of which negative ones mean that none is known, or text, "" for none; or
        numbers, NaN for none. A DataArray with coordinates northing and easting may have another spacing: a column
        takes the unit of the nearest node, none where that is further than half a step of the map away.
    values : dict or RockTable
        {unit: (mean, std)} in units of the parameter: the unit's property and how it varies within the unit, from one
        cell to another. An object with ``moments_of(unit)`` is asked for {property: (mean, std)} or (mean, std).
    name : str, default "outcrops"
        Of the modality.
    fixed : bool, default False
        False: the map tilts the surface, each cell by its unit's mean and std, independently of its neighbours.
        True: the cells are known to be their unit's mean.

    Returns
    -------
    Modality or ndarray, shape (nz, ny, nx)
        A modality of one sample for each column whose unit is known; or, `fixed`, the array for ``Parameter(...,
        fixed=)``, NaN where nothing is known.

    Raises
    ------
    ValueError, TypeError
        If shapes disagree, a unit of the map has no value, no column has a unit, or a std is not positive.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> density = bj.Parameter("density", bj.Mesh.regular((2, 2, 3), (50, 100, 100)), prior=bj.Matern(100.0, 300.0))
    >>> units = [[0, 0, 1], [0, -1, 1]]
    >>> found = outcrops(density, units, {0: (0.0, 30.0), 1: (250.0, 60.0)})
    >>> found.size, found.data.tolist()
    (5, [0.0, 0.0, 250.0, 0.0, 250.0])
    >>> known = outcrops(density, units, {0: (0.0, 30.0), 1: (250.0, 60.0)}, fixed=True)
    >>> int(np.isfinite(known).sum()), density.replace(fixed=known).settings()["known_cells"]
    (5, 5)
    """
    check_field(parameter, "Give the field whose surface it is.")
    mesh = parameter.mesh
    units, known = _on_mesh(unit_map, mesh)
    known &= mesh.active.any(axis=0)
    if not known.any():
        fail("unit_map", "know the unit of at least one column of ground", "none", "Check its place and its units.")
    labels, which = np.unique(units[known], return_inverse=True)
    moments = np.array([_moments(values, label.item(), parameter) for label in labels])
    mean, std = moments[which.ravel()].T
    row, column = np.nonzero(known)
    layer = mesh.shape[0] - 1 - np.argmax(mesh.active[::-1], axis=0)[known]
    if fixed:
        out = np.full(mesh.shape, np.nan)
        out[layer, row, column] = mean
        return out
    if std.min() <= 0:
        fail("values", "have a std > 0", f"{std.min():g}", "Use fixed=True for cells that are known exactly.")
    centres = np.stack([mesh.easting[column], mesh.northing[row], mesh.upward[layer]], axis=1)
    forward = IntervalOperator(mesh, centres, kind=parameter.name, units=parameter.units)
    return Modality(name, forward, mean, DiagonalNoise(std), parameter.name)


def _on_mesh(unit_map, mesh):
    """Units by column of the mesh, and where one is known."""
    if hasattr(unit_map, "dims") and {"northing", "easting"} <= set(unit_map.coords):
        if set(unit_map.dims) != {"northing", "easting"}:
            fail("unit_map", "have the dims northing and easting", f"{unit_map.dims}", "Select one map.")
        unit_map = unit_map.transpose("northing", "easting")
        (row, north), (column, east) = (_nearest(unit_map[d].values, getattr(mesh, d), d)
                                        for d in ("northing", "easting"))
        units, inside = np.asarray(unit_map.values)[np.ix_(row, column)], north[:, None] & east
    else:
        units, inside = np.asarray(unit_map), True
    if units.shape != mesh.shape[1:]:
        fail("unit_map", f"have shape {mesh.shape[1:]}", f"shape {units.shape}",
             "One unit a column, or a DataArray with coordinates northing and easting.")
    if units.dtype.kind not in "iufUSO" or units.dtype == bool:
        fail("unit_map", "hold integers, numbers or text", f"{units.dtype}", "Number the units.", TypeError)
    if units.dtype.kind == "O":
        units = np.array(["" if u is None or u != u else str(u) for u in units.ravel()]).reshape(units.shape)
    known = units != "" if units.dtype.kind in "US" else ~(np.isnan(units) | (units < 0))
    return units, known & inside


def _nearest(nodes, centres, dim):
    """(nearest node of each centre, whether it is within half a step of the map)."""
    nodes = as_finite(f"{dim} of unit_map", nodes, 1)
    order = np.argsort(nodes)
    ordered = nodes[order]
    if np.any(np.diff(ordered) <= 0):
        fail(f"{dim} of unit_map", "be different nodes", "one twice", "Drop repeats.")
    middles = 0.5 * (ordered[1:] + ordered[:-1])
    place = np.searchsorted(middles, centres)
    reach = np.diff(ordered).max() / 2 if nodes.size > 1 else np.inf
    return order[place], np.abs(ordered[place] - centres) <= reach * (1 + 1e-9)


def _moments(values, unit, parameter):
    """(mean, std) of a unit."""
    if hasattr(values, "moments_of"):
        found = values.moments_of(unit)
        found = found[parameter.name] if isinstance(found, dict) else found
    elif not isinstance(values, dict):
        fail("values", "be a dict {unit: (mean, std)} or a RockTable", type(values).__name__, "Give one.", TypeError)
    elif unit not in values:
        fail("values", "have every unit of the map", f"no {unit!r}", "Add it, or mark its columns as not known.")
    else:
        found = values[unit]
    found = as_finite(f"values[{unit!r}]", found, 1)
    if found.shape != (2,):
        fail(f"values[{unit!r}]", "be (mean, std)", f"shape {found.shape}", "Units of the parameter.")
    return found
