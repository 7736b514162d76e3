"""Coordinates from one reference system to another, in metres, by pyproj."""

import numpy as np

from .._checks import fail

WGS84 = "EPSG:4326"


def projected(found, crs, to_crs):
    """What a reader found, its stations in another system, and a note for the history.

    Parameters
    ----------
    found : dict
        As of `read_netcdf`; ``geographic`` where its coordinates are called longitude and latitude.
    crs : str, int or None
        System of its coordinates.
    to_crs : str or int
        System wanted, in metres.

    Returns
    -------
    found : dict
        A grid becomes stations, for its rows and columns are no longer straight.
    note : str
    """
    pyproj, assumed = _pyproj(), ""
    last = _in_metres(pyproj, to_crs)
    if crs is None and not found.get("geographic"):
        fail("crs", "be known of coordinates that are to be projected", "none stated", "Pass crs=: what they are in.")
    if crs is None:
        crs, assumed = WGS84, ", which nothing stated"
    first = _system(pyproj, "crs", crs)
    if found.get("geographic") and not first.is_geographic:
        fail("crs", "be that of the file's longitude and latitude", repr(str(crs))[:60],
             f"Pass to_crs={to_crs!r} and leave crs out, or say crs='EPSG:4283', for example.")
    if first == last:
        return found, ""
    flat = _stations(found)
    change = pyproj.Transformer.from_crs(first, last, always_xy=True)
    known = np.isfinite(flat["easting"]) & np.isfinite(flat["northing"])
    place = change.transform(np.where(known, flat["easting"], 0.0), np.where(known, flat["northing"], 0.0))
    if not all(np.isfinite(axis[known]).all() for axis in place):
        fail("the stations", f"lie where {_named(last)} is defined", "some that have no place in it",
             "Check crs and to_crs, and whether longitude and latitude are swapped.")
    flat |= {role: np.where(known, axis, np.nan) for role, axis in zip(("easting", "northing"), place, strict=True)}
    how = f" (stated accuracy {change.accuracy:g} m)" if change.accuracy >= 0 else ""
    return flat, f"; projected from {_named(first)}{assumed} to {_named(last)} by pyproj{how}, heights as they were"


def _stations(found):
    """A grid as stations; stations as they are."""
    shape = np.shape(found["data"])
    if len(shape) < 2:
        return dict(found)
    east, north = found["easting"], found["northing"]
    if np.ndim(east) == 1:
        north, east = np.meshgrid(north, east, indexing="ij")
    flat = {"data": np.ravel(found["data"]), "easting": np.ravel(east), "northing": np.ravel(north)}
    flat |= {role: np.broadcast_to(found[role], shape).ravel() for role in ("upward", "std") if np.ndim(found[role])}
    return found | flat


def _system(pyproj, argument, crs):
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return fail(argument, "be a coordinate reference system that PROJ knows", repr(str(crs))[:60],
                    "Pass for example 'EPSG:32751'.")


def _in_metres(pyproj, to_crs):
    found = _system(pyproj, "to_crs", to_crs)
    if not found.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in found.axis_info[:2]):
        fail("to_crs", "be a projected system in metres", repr(found.name)[:60], "Pass for example 'EPSG:32751'.")
    return found


def _named(crs):
    code = crs.to_epsg()
    return crs.name if code is None else f"EPSG:{code}"


def _pyproj():
    try:
        import pyproj
        import pyproj.exceptions
    except ImportError:
        fail("pyproj", "be installed for to_crs", "no module of that name", "pip install 'bayesjoint[crs]'.",
             ImportError)
    return pyproj
