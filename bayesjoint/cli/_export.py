"""`bayesjoint export`: a saved posterior in the format of another program."""

from pathlib import Path

from ._refuse import refuse

TAKES = {"ubc": "a folder", "geotiff": "a folder", "vtk": "a file (.vtr)", "csv": "a file", "netcdf": "a file"}
ENDINGS = {"vtk": (".vtr",)}  # by which readers know what they are given


def add_export(verbs, act):
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "export", help="write a saved posterior for another program: UBC-GIF, VTK, GeoTIFF, CSV, CF netCDF",
        description="Write the properties of a saved posterior, mean, standard deviation and interval, with their "
        "units, in the format of another program.")
    parser.add_argument("posterior", metavar="DIR", help="folder of `bayesjoint run`, or a posterior.nc")
    parser.add_argument("--to", metavar="FORMAT", required=True, choices=sorted(TAKES), help=", ".join(sorted(TAKES)))
    parser.add_argument("--out", metavar="FILE", required=True, help="target; a folder for ubc and geotiff")
    parser.add_argument("--parameter", metavar="NAME", action="append", help="property; default all, may be repeated")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there; never what is read")
    parser.set_defaults(act=act)


def export(arguments):
    """Do what the command line asks for.

    Returns
    -------
    Path
        What was written.
    """
    from ..io import FORMATS

    source, target = Path(arguments.posterior), Path(arguments.out)
    if source.is_dir():
        source = source / "posterior.nc"
    if not source.is_file():
        refuse("DIR", str(source), "must be a folder of `bayesjoint run`, or the file of a posterior")
    known = ENDINGS.get(arguments.to)
    if known and target.suffix.lower() not in known:
        refuse("--out", str(target), f"must end in {' or '.join(known)}, by which readers know it")
    try:
        return FORMATS[arguments.to](source, target, arguments.parameter, overwrite=arguments.overwrite)
    except (ValueError, TypeError, FileNotFoundError, ImportError) as error:
        return refuse("export", None, str(error))
