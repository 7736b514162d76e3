"""CF netCDF of the fields alone, for GIS and viewers: the dataset with draws is `Posterior.to_file`."""

from __future__ import annotations

import numpy as np

from .._checks import checked, warn
from .._crs import of_grid_mapping
from .._typing import Any, Path, Sequence
from ..dataset import write_dataset
from ._content import STATISTICS, content_of
from ._targets import free

CF_UNITS = {"kg/m3": "kg m-3", "SI": "1"}
AXES = {
    "upward": {"axis": "Z", "positive": "up", "long_name": "height of the cell centre, positive up"},
    "northing": {"axis": "Y", "standard_name": "projection_y_coordinate", "long_name": "northing of the cell centre"},
    "easting": {"axis": "X", "standard_name": "projection_x_coordinate", "long_name": "easting of the cell centre"},
}
INSTALL = "pip install 'bayesjoint[crs]'"


@checked
def save_netcdf(source: Any, path: str | Path, parameter: str | Sequence[str] | None = None, *,
                statistics: str | Sequence[str] = STATISTICS, probability: float = 0.9, crs: str | int | None = None,
                overwrite: bool = False) -> Path:
    """Write properties as netCDF by the CF conventions (1.11), for QGIS, Panoply, xarray and others.

    One variable a statistic, ``density_mean``, ``density_std``, ``density_lower``, ``density_upper``, with UDUNITS
    (kg m-3; 1 for SI susceptibility), cell bounds, ``ancillary_variables`` from the mean to its errors, a grid mapping
    where the coordinate reference system is known, and NaN in air. Draws are not in it: see `Posterior.to_file`.

    Parameters
    ----------
    source : Posterior, xarray.DataTree or path-like
        As of `save_vtk`.
    path : path-like
        Target.
    parameter, statistics, probability, overwrite
        As of `save_vtk`.
    crs : str or int, optional
        Coordinate reference system, such as "EPSG:28351". Default that of the surveys. The grid mapping needs pyproj
        (``pip install 'bayesjoint[crs]'``): without it a warning says so, and the system is kept as text.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> import tempfile, numpy as np, bayesjoint as bj, xarray as xr
    >>> mesh = bj.Mesh.regular((2, 2, 3), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> survey = bj.Survey("gravity", np.ones((2, 3)), mesh.easting, mesh.northing, 10.0, std=0.1)
    >>> post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     xr.load_dataset(save_netcdf(post, folder + "/d.nc"), engine="h5netcdf")["density_std"].attrs["units"]
    'kg m-3'
    """
    content = content_of(source, parameter, statistics, probability, crs)
    target = free(path, content.source, overwrite)
    return write_dataset(_dataset(content), target)


def _dataset(content):
    import xarray as xr

    mesh, variables = content.mesh, {}
    for axis, attributes in AXES.items():
        edges = getattr(mesh, f"{axis}_edges")
        variables[axis] = (axis, getattr(mesh, axis), {"units": "m", "bounds": f"{axis}_bounds", **attributes})
        variables[f"{axis}_bounds"] = ((axis, "bounds"), np.column_stack([edges[:-1], edges[1:]]))
    mapping = grid_mapping(content.crs)
    if mapping:
        variables["spatial_ref"] = ((), 0, mapping)
    for f in content.fields:
        attributes = {"units": CF_UNITS.get(f.units, f.units), "long_name": f.words}
        if f.statistic == "mean":
            attributes["ancillary_variables"] = " ".join(
                other.name for other in content.of(f.parameter) if other.statistic != "mean")
        if f.statistic in ("lower", "upper"):
            attributes["probability"] = content.probability
        if mapping:
            attributes["grid_mapping"] = "spatial_ref"
        variables[f.name] = (mesh.dims, f.values, attributes)
    variables["ground"] = (mesh.dims, mesh.active.astype("i1"), {
        "long_name": "whether a cell is ground", "flag_values": np.array([0, 1], "i1"), "flag_meanings": "air ground"})
    about = {"Conventions": "CF-1.11", "title": f"Posterior of {', '.join(content.parameters)}",
             "source": "bayesjoint", "comment": " ".join(content.statements)}
    if content.crs:
        about["crs"] = content.crs
    return xr.Dataset(variables, attrs=about)


def grid_mapping(crs):
    """Attributes of a CF grid mapping, or {} where the system is not known or pyproj is not there."""
    if crs is None:
        return {}
    try:
        from pyproj import CRS
        from pyproj.exceptions import CRSError
    except ImportError:
        warn(f"the grid mapping of {crs!r} needs pyproj ({INSTALL}); the system is kept as text alone")
        return {}
    try:
        found = CRS.from_user_input(crs).to_cf()
    except CRSError:
        warn(f"pyproj does not know {crs!r}; it is kept as text alone, without a grid mapping")
        return {}
    return found if of_grid_mapping(found) else {}
