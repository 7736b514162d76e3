"""Results in the formats of other programs: UBC-GIF, VTK, GeoTIFF, CSV and CF netCDF.

Every file holds the mean of a property with its standard deviation and the ends of its interval, states units, and
marks air. Files are written beside their target and put in place whole; an existing one is replaced only if asked.
"""

from ._content import STATISTICS
from ._csv import save_csv
from ._geotiff import save_geotiff
from ._netcdf import save_netcdf
from ._ubc import save_ubc
from ._vtk import save_vtk

FORMATS = {"ubc": save_ubc, "vtk": save_vtk, "geotiff": save_geotiff, "csv": save_csv, "netcdf": save_netcdf}
