"""Horizontal slices as GeoTIFF, for a GIS; needs rasterio."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, checked, fail, warn
from .._typing import Any, ArrayLike, Path, Sequence
from ._content import STATISTICS, content_of
from ._targets import folder_of

EQUAL = 1e-6  # of a cell: rounding in edges that were built by addition


@checked
def save_geotiff(source: Any, folder: str | Path, parameter: str | Sequence[str] | None = None, *,
                 upward: float | ArrayLike | None = None, statistics: str | Sequence[str] = STATISTICS,
                 probability: float = 0.9, crs: str | int | None = None, overwrite: bool = False) -> Path:
    """Write layers of properties as GeoTIFF, one file a property and layer, one band a statistic.

    A file is named by the heights it reaches between, ``density_up_-200_to_-100_m.tif``. Every band says what it is
    and in which units; air is NaN, which is also the declared no-data value. It needs rasterio:
    ``pip install 'bayesjoint[geotiff]'``.

    Parameters
    ----------
    source : Posterior, xarray.DataTree or path-like
        As of `save_vtk`. Columns of the mesh must have one width along each axis.
    folder : path-like
        Made if it is not there; other files in it stay.
    parameter, statistics, probability
        As of `save_vtk`.
    upward : float or array_like, optional
        Heights, positive up, metres: the layers that hold them. Default: all layers.
    crs : str or int, optional
        Coordinate reference system, such as "EPSG:28351". Default that of the surveys; a warning says where it is not
        known.
    overwrite : bool, default False
        Replace files of those names.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ImportError
        Without rasterio.
    ValueError, TypeError
        As of `save_vtk`; if columns differ in width, a height lies outside the mesh, or the system is not understood.
    """
    rasterio = _rasterio()
    content = content_of(source, parameter, statistics, probability, crs)
    mesh = content.mesh
    profile = {"driver": "GTiff", "dtype": "float64", "nodata": np.nan, "width": mesh.shape[2], "height": mesh.shape[1],
               "crs": _system(rasterio, content.crs), "transform": rasterio.Affine(
                   _width("easting", mesh), 0.0, mesh.easting_edges[0],
                   0.0, -_width("northing", mesh), mesh.northing_edges[-1])}
    layers = _layers(mesh, upward)
    with folder_of(folder, content.source, overwrite) as (target, scratch):
        for name in content.parameters:
            for k in layers:
                _write(rasterio, scratch, profile, content, name, k)
    return target


def _write(rasterio, scratch, profile, content, name, k):
    low, high = content.mesh.upward_edges[k:k + 2]
    bands = content.of(name)
    path = scratch / f"{name}_up_{low:.10g}_to_{high:.10g}_m.tif"
    with rasterio.open(path, "w", count=len(bands), **profile) as file:
        file.update_tags(software="bayesjoint", comment=" ".join(content.statements), upward_bottom_m=f"{low:.10g}",
                         upward_top_m=f"{high:.10g}")
        for number, f in enumerate(bands, 1):
            file.write(f.values[k, ::-1], number)  # rows run from north to south
            file.set_band_description(number, f"{f.name} [{f.units}]")
            file.set_band_unit(number, f.units)
            file.update_tags(number, long_name=f.words)


def _rasterio():
    try:
        import rasterio
    except ImportError:
        fail("rasterio", "be installed for GeoTIFF", "no module of that name", "pip install 'bayesjoint[geotiff]'.",
             ImportError)
    return rasterio


def _system(rasterio, crs):
    if crs is None:
        warn("the coordinate reference system is not known: the GeoTIFF has none; pass crs=")
        return None
    try:
        return rasterio.crs.CRS.from_user_input(crs)
    except (rasterio.errors.CRSError, ValueError):
        return fail("crs", "be a coordinate reference system that PROJ knows", repr(crs[:60]),
                    "Pass crs=, for example 'EPSG:28351'.")


def _width(axis, mesh):
    widths = np.diff(getattr(mesh, f"{axis}_edges"))
    if np.ptp(widths) > EQUAL * widths.mean():
        fail("source", f"have columns of one width along {axis} for a raster",
             f"{widths.min():g} to {widths.max():g} m", "Use save_vtk, save_ubc or save_netcdf.")
    return float(widths.mean())


def _layers(mesh, upward):
    """Numbers of the layers that hold some heights, each once; all where none is given."""
    edges = mesh.upward_edges
    if upward is None:
        return range(mesh.shape[0])
    heights = np.atleast_1d(as_finite("upward", upward, (0, 1)))
    if not heights.size or heights.min() < edges[0] or heights.max() > edges[-1]:
        fail("upward", f"lie within the mesh, {edges[0]:g} to {edges[-1]:g} m", f"{heights.tolist()}"[:80],
             "Heights are positive up: a depth of 100 m below 0 is -100.")
    return np.unique(np.clip(np.searchsorted(edges, heights, side="right") - 1, 0, mesh.shape[0] - 1)).tolist()
