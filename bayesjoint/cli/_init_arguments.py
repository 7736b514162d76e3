"""Arguments of `bayesjoint init`."""

import argparse

EPILOG = """
Options marked [FILE=] may be given for all files or for one by its name, and more than once:

  bayesjoint init gravity.csv tmi.grd --height tmi=80 --units gravity=um/s2 --date 1998-07-01 --crs EPSG:28351

What the files, the command line and the data themselves do not tell is left as a line to be filled in, with what it is,
and `bayesjoint run` refuses the configuration until then. Nothing is overwritten without --force.

Exit codes: 0 the configuration is written; 2 a file or an option is wrong, and nothing was written.
"""
SAID = (
    ("--quantity", "[FILE=]KIND", "what was measured: gravity, magnetic, gzz, b_u, ...; default from names and units"),
    ("--column", "[FILE=]ROLE=NAME", "column or variable of a role: data, easting, northing, upward, std"),
    ("--units", "[FILE=]UNITS", "units of the data, e.g. mGal, um/s2, nT; default what the file says"),
    ("--height", "[FILE=]METRES", "height of the stations, positive up; default what the file says"),
    ("--std", "[FILE=]STD", "noise, units of the data; default the file's, else an estimate if the data allow one"),
    ("--format", "[FILE=]FORMAT", "format of the file, where neither content nor ending tells"),
)


def add_init(verbs, act):
    """Add the verb."""
    parser = verbs.add_parser(
        "init", help="look at data files and write a commented configuration for them", epilog=EPILOG,
        description="Look at data files (netCDF, CSV, Oasis, Surfer, ESRI, ICGEM, UBC) and write a commented TOML "
        "configuration that `bayesjoint run` takes: what was read, an estimate of the noise, a mesh, priors, each with "
        "why and what else could be.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", metavar="FILES", nargs="+", help="files with surveys; one may hold several")
    parser.add_argument("--out", metavar="FILE.toml", default="survey.toml", help="default: survey.toml")
    parser.add_argument("--force", action="store_true", help="replace the configuration that is there")
    for option, shown, text in SAID:
        parser.add_argument(option, metavar=shown, action="append", help=text)
    parser.add_argument("--missing", metavar="NUMBER", type=float, nargs="+", help="numbers that mark gaps, e.g. -9999")
    parser.add_argument("--crs", metavar="CRS", help="coordinate reference system of the files, e.g. EPSG:28351")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="date of the magnetic survey: the inducing field is then "
                        "from the IGRF (needs bayesjoint[igrf])")
    parser.add_argument("--lonlat", metavar=("LON", "LAT"), type=float, nargs=2,
                        help="place for the IGRF, degrees, where the system is not known")
    parser.add_argument("--field", metavar=("NT", "INC", "DEC"), type=float, nargs=3,
                        help="inducing field: nT, degrees (positive down), degrees (clockwise from north)")
    parser.add_argument("--title", metavar="TEXT", help="heading of the report")
    parser.set_defaults(act=act)
