"""`read_survey`: from a netCDF file or a text table to a `Survey`, with nothing assumed in silence."""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import Path

import numpy as np

from .._checks import as_file, checked, fail, one_of
from .._typing import Any, ArrayLike, Sequence
from ..quantities import component_of
from ._column_names import Columns
from ._doubts import check_size, check_strays, check_times
from ._exchanged import check_names, check_order
from ._no_data import listed, refuse_suspects, without
from ._objects import InMemory, in_memory
from ._projected import projected
from ._rules import FIELD_ATTRIBUTES, needs_field, standard_units
from ._survey import Survey
from ._units import to_standard
from .formats import format_of

COLUMN_ROLES = ("data", "easting", "northing", "upward", "std")

@checked
def read_survey(path: str | Path | Any, kind: str, std: float | ArrayLike | None = None,
                height: float | ArrayLike | None = None, columns: dict | None = None, crs: str | int | None = None, *,
                variable: str | None = None, name: str | None = None, units: str | None = None,
                missing: ArrayLike | Sequence | None = None, intensity: float | None = None,
                inclination: float | None = None, declination: float | None = None, source: str | None = None,
                licence: str | None = None, format: str | None = None,
                to_crs: str | int | None = None) -> Survey:
    """Read a survey from a file of one of these formats, told by its content, else by its ending.

    - ``"netcdf"``: netCDF 3 or 4.
    - ``"table"``: a text table, CSV and its kin, Geosoft XYZ with its lines.
    - ``"oasis"``: a grid of Oasis montaj (.grd, version 2, plain or compressed).
    - ``"surfer"``: a grid of Surfer (.grd: DSAA, DSBB, DSRB).
    - ``"esri"``: an ESRI ASCII grid (.asc), with the system of the .prj beside it.
    - ``"geotiff"``: a grid as GeoTIFF; needs rasterio: ``pip install 'bayesjoint[geotiff]'``.
    - ``"icgem"``: a grid of the ICGEM service (.gdf), projected.
    - ``"ubc"``: gravity or magnetic observations of UBC-GIF (.obs, .grv, .mag): mGal positive down, nT; elevations.
    - ``"tomofast"``: data of Tomofast-x: z positive down, units to be given. Must be named by `format`.

    What an argument gives wins over what the file says; what was taken from where, and what was guessed, is the first
    line of the survey's `history`. A DataFrame (its columns, and ``attrs``), a DataArray or a Dataset (names of dims,
    attributes, grid mapping) is read like a file. NaN, fill values, dummies and empty cells mark gaps. Grids other than
    netCDF and ICGEM state neither units nor height: give them.

    Parameters
    ----------
    path : str, Path, pandas.DataFrame, xarray.DataArray or xarray.Dataset
        File, or what was read from one.
    kind : str
        ``"gravity"``, ``"magnetic"``, one of their components such as ``"gzz"``, or another word.
    std : float or array_like, optional
        Standard deviation of the noise in mGal or nT. Default: a netCDF variable ``<data>_std``, or the one
        column whose name says std, sigma, uncertainty or error; otherwise unknown (None).
    height : float or array_like, optional
        Height of the stations in metres, positive up. Default: a netCDF variable ``<data>_upward``, ``upward`` or
        ``height``, an attribute ``<kind>_height_m`` or ``height_m``, or the one column whose name says height,
        elevation, altitude or upward. An unknown height is an error.
    columns : dict, optional
        Names by role, ``{"easting": "easting_m", "data": "gravity_noisy_mGal", ...}``; roles are data, easting,
        northing, upward and std. Positions count from 0 in a table without header. Default: by name, CF standard name
        (netCDF) or an unambiguous header; a choice between two columns is never made for you. Bands of a GeoTIFF, data
        and std, go by number or description.
    crs : str, optional
        Coordinate reference system. Default: the attribute ``crs``, a grid mapping, or the .prj beside an ESRI grid.
    variable : str, optional
        Short for ``columns={"data": variable}``. Default for netCDF: the variable named like the kind, or the only one
        that sounds like it.
    name : str, optional
        Name of the survey. Default: `kind`.
    units : str, optional
        Units that the file's data really have (mGal, um/s2, m/s2, ...; nT, T); data and std are converted to
        mGal or nT. Default: the attribute ``units``, or the end of the column's name. Unknown units are an error.
    missing : float or sequence of float, optional
        Numbers that mark gaps, such as -99999, besides NaN and declared fill values: in data, heights, coordinates and
        std alike, as the file's precision holds them. Numbers that many files use so (-9999, 1e32, ...) are refused
        unless they are given here.
    intensity, inclination, declination : float, optional
        Inducing field (nT, degrees) of a magnetic survey. Default: attributes ``inducing_field_intensity_nT``,
        ``inducing_field_inclination_deg``, ``inducing_field_declination_deg``, or the head of a UBC file.
    source, licence : str, optional
        Default: the attributes title and citation (else source); licence or license.
    format : str, optional
        Name of the format, as above, where content and ending leave it open.
    to_crs : str or int, optional
        System in metres, such as "EPSG:32751", to project the stations to, from `crs` or what the file states;
        longitude and latitude without a stated system are taken for WGS 84, and the history says so. Heights stay as
        they are; a grid becomes scattered stations. It needs pyproj: ``pip install 'bayesjoint[crs]'``.

    Returns
    -------
    Survey
        A grid for a 2-D variable, scattered stations otherwise (`Survey.to_grid` lays an exported grid out again).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If variable, coordinates, units or height cannot be settled, or the values are bad; the message lists what the
        file holds.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "line.csv"
    ...     _ = path.write_text("easting_m,northing_m,height_m,gravity_um/s2,sigma_um/s2" + chr(10) + "0,0,5,12,1")
    ...     survey = read_survey(path, "gravity")
    >>> survey
    Survey('gravity': 1 stations, 1 observed, mGal, upward 5 m, std 0.1 mGal)
    """
    path = in_memory(path) or as_file("path", path)
    columns, marks = Columns(_roles(columns, variable, height), degrees=to_crs is not None), listed(missing)
    with named(path):
        return _read(path, kind, columns, marks, {
            "std": std, "height": height, "crs": crs, "name": name, "units": units, "source": source,
            "licence": licence, "format": format, "to_crs": to_crs,
            "field": {"intensity": intensity, "inclination": inclination, "declination": declination}})


@contextlib.contextmanager
def named(path):
    """Let every refusal name the file."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if path.name in str(error):
            raise
        if " must " not in str(error):
            _unreadable(path, error)
        kind = TypeError if isinstance(error, TypeError) else ValueError
        msg = f"{str(error).rstrip()} (While reading {path.name!r}.)"
        raise kind(msg) from error
    except (MemoryError, OSError, RuntimeError, LookupError, AttributeError, ArithmeticError) as error:
        _unreadable(path, error)


def _unreadable(path, error):
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    fail("path", "name a readable file", f"{path.name!r}, which cannot be read ({cause})",
         "Check its permissions, or fetch it again.")


def _read(path, kind, columns, marks, given):
    """The survey of a file; `given` holds the caller's words, which win."""
    found = _found(path, given["format"], kind, columns)
    dropped = _mark(found, marks, kind)
    crs = given["crs"]
    crs = _stated_crs(found["attributes"]) if crs is None else crs
    check_times(found["units"], given["units"], kind)
    if not found.get("geographic"):
        check_order(found["easting"], found["northing"], crs, found["notes"])
    if given["to_crs"] is not None:
        found, note = projected(found, crs, given["to_crs"])
        crs, dropped = given["to_crs"], dropped + note
    std, height, field = given["std"], given["height"], given["field"]
    units, factor, note = _conversion(kind, given["units"], found, path)
    data, noise = _values(found, factor, std, kind)
    if height is None and found["upward"] is None:
        fail("height", "be known", f"none in {path.name!r} (no height variable, column or attribute)",
             "Pass height= in metres, positive up, in the datum of the mesh (0 for stations on its top face).")
    attributes = found["attributes"]
    if needs_field(kind):
        field = {key: attributes.get(FIELD_ATTRIBUTES[key]) if v is None else v for key, v in field.items()}
    survey = Survey(
        kind, data, found["easting"], found["northing"], found["upward"] if height is None else height, noise,
        name=given["name"], units=units, crs=crs, **field,
        source=given["source"] or _source(attributes),
        licence=_text(given["licence"], attributes, "licence", "license"), lines=found.get("lines"),
        history=(_taken(path, found, height, std) + note + dropped, *_previous(attributes)),
    )  # fmt: skip
    if not survey.is_grid:
        check_strays(survey.easting[survey.observed], survey.northing[survey.observed])
    check_size(survey, found["units"] if given["units"] is None else given["units"])
    return survey


def _found(path, form, kind, columns):
    if not isinstance(path, InMemory):
        return format_of(path, form, columns).read(path, kind, columns)
    if form is not None:
        fail("format", f"be left out for {path.name}", repr(form), "It is of no file.")
    return path.read(kind, columns)


def _mark(found, marks, kind):
    """Make gaps of the caller's missing values, in place; drop stations of which nothing is known; say how many."""
    for role in ("data", "easting", "northing", "upward", "std"):
        if found[role] is not None:
            found[role] = without(found[role], marks)
    if np.ndim(found["upward"]) == 0 and found["upward"] is not None and np.isnan(found["upward"]):
        found["upward"] = None
    if component_of(kind) is not None:
        refuse_suspects("data", found["data"], "Pass missing=[{marks}] to make gaps of them.")
    if found["data"].ndim != 1:
        return ""
    nowhere = np.isnan(found["data"]) & (np.isnan(found["easting"]) | np.isnan(found["northing"]))
    for role in ("data", "easting", "northing", "upward", "std", "lines"):
        if np.ndim(found.get(role)):
            found[role] = found[role][~nowhere]
    return f"; {int(nowhere.sum())} row(s) without datum and place left out" if nowhere.any() else ""


def _roles(columns, variable, height):
    columns = {} if columns is None else dict(columns)
    for role in columns:
        one_of("columns", role, COLUMN_ROLES)
    check_names(columns)
    if variable is not None:
        if columns.get("data", variable) != variable:
            fail("variable", "agree with columns['data']", f"{variable!r} and {columns['data']!r}", "Give one of them.")
        columns["data"] = variable
    if height is not None and "upward" in columns:
        fail("height", "be left out when columns names the heights", f"column {columns['upward']!r} too",
             "Give one of them.")
    return columns


def _conversion(kind, units, found, path):
    """Units of the survey, the factor that takes the file's data there, and a note for the history."""
    stated = found["units"]
    given = stated if units is None else units
    if given is None:
        unclear = f" without ambiguity: {found['units_from']}" if found.get("units_from") else ""
        fail("units", "be known", f"none stated in {path.name!r}{unclear}",
             f"Pass units=, e.g. units={standard_units(kind, 'km/s')!r}: what the file's numbers are in.")
    factor = to_standard(kind, given, "the data")
    standard = standard_units(kind, given)
    note = "" if factor == 1.0 else f"; converted from {given} to {standard} (x {factor:g})"
    if units is not None and stated is not None and units != stated:
        note += f"; the file's own units {stated!r} set aside for {units!r}"
    return standard, factor, note


def _values(found, factor, std, kind):
    if std is None and found["std"] is not None:
        # An explicit `units` says what the data are in; a std with units of its own keeps them.
        own = found["std_units"]
        std = found["std"] * (factor if own is None else to_standard(kind, own, "the std"))
    return found["data"] * factor, std


def _taken(path, found, height, std):
    """Which variable, column, attribute or argument each role came from."""
    notes = {role: text for role, text in found["notes"].items()
             if role not in ("std", "lines") or found[role] is not None}
    notes |= {role: "given" for role, value in (("upward", height), ("std", std)) if value is not None}
    parts = ", ".join(f"{role} {text}" for role, text in notes.items())
    if isinstance(path, InMemory):
        return f"taken from {path.name[4:]}: {parts}"
    return f"read from {path.name} (sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}): {parts}"


def _text(given, attributes, *keys):
    """What is given, or the first attribute of some that says anything; one of several parts says them all."""
    found = [given, *(attributes.get(key) for key in keys)]
    said = (". ".join(map(str, np.ravel(value))) for value in found if value is not None)
    return next((text for text in said if text), None)


def _stated_crs(attributes):
    stated = attributes.get("crs")
    return None if isinstance(stated, str) and not stated.strip() else stated


def _source(attributes):
    """Title and citation, the citation replaced by a plainer source where there is none."""
    origin = _text(None, attributes, "citation", "source", "source_repository", "references")
    parts = [part for part in (_text(None, attributes, "title"), origin) if part]
    return ". ".join(re.sub(r"\.\s*$", "", part) for part in parts) or None


def _previous(attributes):
    history = _text(None, attributes, "history")
    return (f"file's history: {history}",) if history else ()
