"""Kinds of files that are known and not read: what each is, and what makes of it one that is read."""

from ..._checks import fail

GDAL, TABLE = "gdal_translate -of GS7BG IN OUT.grd makes a Surfer grid of it.", "Save the table as CSV."
ARRAYS, UNPACK = "Load it in Python and pass the arrays to bj.Survey(...).", "Unpack it, and read what is in it."
PICTURE = "It shows numbers and holds none: ask for the grid or the table that it was drawn from."
FEATURES = "ogr2ogr -f CSV -lco GEOMETRY=AS_XYZ OUT.csv IN makes a table of it."
UNREAD = (  # endings, what it is, remedy, first bytes by which it is known whatever its name
    ((".gdb",), "a Geosoft database", "Export its channels as Geosoft XYZ or CSV (Oasis montaj).", ()),
    ((".gxf",), "a grid of Grid eXchange Format", GDAL, ()),
    ((".ers",), "an ER Mapper grid", GDAL, ()),
    ((".img", ".bil", ".flt", ".hdr", ".vrt", ".adf", ".kea"), "a raster of a GIS", GDAL, (b"EHFA_HEADER_TAG",)),
    ((".dfn", ".des"), "a description of ASEG-GDF2 columns", "Write the data as CSV (aseg_gdf2 for Python).", ()),
    ((".ggf",), "a Trimble geoid grid", "Export it as CSV or ESRI ASCII from the program that wrote it.", ()),
    ((".shp", ".shx", ".dbf", ".gpkg", ".kml", ".geojson", ".dxf", ".mif"), "a layer of a GIS", FEATURES,
     (b"\0\0\x27\x0a", b"SQLite format 3", b"!table")),
    ((".las", ".laz"), "a LAS file (laser points, or a well log)",
     "pdal translate makes CSV of points; lasio.read(path).df().to_csv(...) of a log.", (b"LASF",)),
    ((".segy", ".sgy"), "a SEG-Y file", "segyio reads its traces and headers; write place and datum as CSV.", ()),
    ((".geoh5",), "a GEOH5 workspace", "Export its points or grid as CSV (geoh5py, Geoscience ANALYST).", ()),
    ((".xlsx", ".xls", ".ods"), "a spreadsheet", TABLE, (b"\xd0\xcf\x11\xe0",)),
    ((".parquet", ".feather"), "a table of pandas", "pandas: write it by df.to_csv(...).", (b"PAR1", b"ARROW1")),
    ((".mat", ".npy", ".npz", ".pkl"), "arrays of a program", ARRAYS, (b"MATLAB 5.0 MAT", b"\x93NUMPY")),
    ((".gz", ".zip", ".bz2", ".xz", ".7z", ".rar", ".tar"), "a packed file", UNPACK,
     (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")),
    ((".png", ".jpg", ".jpeg", ".gif", ".pdf"), "a picture", PICTURE, (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF")),
    ((".docx", ".doc", ".html", ".htm", ".xml", ".json"), "a document", TABLE, ()),
)


def refuse_unread(path, head):
    """Refuse a file that is known, by its ending or else its first bytes, to be of a kind that is not read."""
    ending = path.suffix.lower()
    entry = next((e for e in UNREAD if ending in e[0]), None) or next(
        (e for e in UNREAD if e[3] and head.startswith(e[3])), None)
    if entry is not None:
        fail("path", "be of a kind that is read", f"{entry[1]}, {path.name!r}", entry[2])
