"""Coordinate reference systems by their texts: what code they have, whether they are in metres, whether two agree."""

import re
from numbers import Integral

from ._checks import fail, warn

GEOGRAPHIC_CODES = {4326, 4979, 4258, 4267, 4269, 4283, 7843, 7844, 4230, 4324, 4322, 4617, 4674, 4167, 4148, 6318}
GEOGRAPHIC = re.compile(
    r"\s*(GEOGCS|GEOGCRS|GEODCRS|GEODETICCRS|GEOGRAPHICCRS)\s*\[|.*\+proj=(longlat|latlong|latlon|lonlat)\b"
    r"|\s*(OGC:)?CRS84\s*$", re.IGNORECASE | re.DOTALL)
CODE = re.compile(r"EPSG[\"\s:,/]+(?:[\d.]+/)?(\d{4,6})", re.IGNORECASE)
UTM = re.compile(r"\+proj=utm\s.*\+zone=(\d+)", re.DOTALL)
FOOT = re.compile(r"UNIT\[\s*\"([^\"]*(?:foot|feet|ft|yard|link|chain)[^\"]*)\"", re.IGNORECASE)
MAPPINGS = ("crs_wkt", "spatial_ref", "proj4", "proj4_params", "proj4text", "srid")


def checked_crs(crs):
    """The text of a coordinate reference system, or None; one that is not in metres is refused.

    Parameters
    ----------
    crs : str, int or None
        Any text ("EPSG:28351", WKT, PROJ), or an EPSG code; an object of pyproj is taken by its text.

    Returns
    -------
    str or None
    """
    if crs is None:
        return None
    if isinstance(crs, Integral) and not isinstance(crs, bool):
        crs = f"EPSG:{crs}"
    elif hasattr(crs, "to_string"):
        crs = crs.to_string()
    if not isinstance(crs, str) or not crs.strip():
        fail("crs", "be a text such as 'EPSG:28351'", repr(crs)[:60], "Leave it out if it is not known.", TypeError)
    if GEOGRAPHIC.match(crs) or code_of(crs) in GEOGRAPHIC_CODES:
        fail("crs", "be a projected one, in metres", repr(crs[:60]),
             "Project longitude and latitude to metres first: read_survey(..., to_crs=) does.")
    foot = FOOT.search(crs)
    if foot:
        fail("crs", "be in metres", f"a unit of {foot[1]!r}", "Project the survey to a system in metres first.")
    return crs


def code_of(crs):
    """EPSG code of a text, or None: of WKT the last authority, which is that of the whole.

    Examples
    --------
    >>> code_of("EPSG:28351"), code_of("+proj=utm +zone=51 +south +datum=WGS84"), code_of("local grid")
    (28351, 32751, None)
    """
    codes = CODE.findall(crs)
    if codes:
        last = crs.rstrip().endswith("]") and not re.search(r"EPSG[\"\s:,]+\d+\s*\"?\s*\]\s*\]\s*$", crs, re.IGNORECASE)
        return None if last else int(codes[-1])
    zone = UTM.search(crs)
    if zone and re.search(r"\+(datum|ellps)=WGS84", crs):
        return (32700 if "+south" in crs else 32600) + int(zone[1])
    return None


def of_grid_mapping(attributes):
    """Text of the system that the attributes of a CF grid mapping describe, or None.

    Parameters
    ----------
    attributes : dict
        Of the grid mapping variable.

    Returns
    -------
    str or None
    """
    code = attributes.get("epsg_code", attributes.get("spatial_epsg"))
    if code not in (None, ""):
        return f"EPSG:{str(code).upper().removeprefix('EPSG:').strip()}"
    found = next((str(attributes[key]) for key in MAPPINGS if str(attributes.get(key, "")).strip()), None)
    if found is not None:
        return found
    name = str(attributes.get("grid_mapping_name", ""))
    if name in ("latitude_longitude", "rotated_latitude_longitude"):
        fail("the grid mapping", "be of a projected system, in metres", repr(name),
             "Project longitude and latitude to metres first: read_survey(..., to_crs=) does.")
    return None


def check_one_crs(argument, systems):
    """Refuse surveys in different systems; warn of texts that differ and cannot be compared.

    Parameters
    ----------
    argument : str
        Name used in the error.
    systems : dict of {str: str or None}
        System of each survey by its name.
    """
    known = [(name, crs) for name, crs in systems.items() if crs]
    for name, crs in known[1:]:
        first, other = known[0]
        if _plain(crs) == _plain(other):
            continue
        codes = code_of(other), code_of(crs)
        if codes[0] is not None and codes[0] == codes[1]:
            continue
        found = f"{_named(other, codes[0])} of {first!r} and {_named(crs, codes[1])} of {name!r}"
        if None in codes:
            warn(f"{argument}: {found} are two texts that cannot be compared; make sure that both surveys are "
                          "in one coordinate system")
        else:
            fail(argument, "be in one coordinate reference system", found, "Reproject one of them (pyproj, gdalwarp).")


def _named(crs, code):
    return repr(crs[:60]) if code is None else f"EPSG:{code}"


def _plain(crs):
    return re.sub(r"[\s\"']", "", crs).lower()
