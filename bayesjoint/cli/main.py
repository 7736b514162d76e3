"""Arguments, progress and exit codes of the command."""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

from .. import __version__
from ._completion import COMPLETE, SHELLS, Parser, script
from ._export import add_export
from ._init_arguments import add_init
from ._refuse import ConfigError, refuse
from ._signals import any_terminal, say, stoppable

DEBUG = "BAYESJOINT_DEBUG"  # set to 1 it lets an unexpected error show its traceback
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

KEYS = "<every key of a configuration>"

START = """
From two surveys to a report:

  1. bayesjoint init gravity.csv magnetic.grd    looks at them and writes survey.toml, every value with why
  2. read survey.toml; fill in what nobody but you knows (bayesjoint run --help shows every key)
  3. bayesjoint run survey.toml --out results
  4. open results/report.html; results/posterior.nc holds all numbers (xarray.open_datatree)
  5. bayesjoint conflict survey.toml --out agree      do the surveys agree, and what does each remedy change?
                                             (run --conflict puts the first of these into the page of step 3)
  6. bayesjoint export results --to vtk --out model.vtr      for ParaView; ubc, geotiff, csv, netcdf too
"""

EXAMPLE = """
A configuration in full:

  title = "My window"
  seed = 1

  [surveys.gravity]
  file = "gravity.nc"          # netCDF, CSV, a grid, ...
  kind = "gravity"
  parameter = "density"
  std = 0.5                    # mGal
  bias = "linear"              # regional field, inferred with the model
  bias_std = 20.0

  [surveys.magnetic]
  file = "magnetic.nc"
  kind = "magnetic"
  parameter = "susceptibility"
  std = 10.0                   # nT

  [mesh]
  depth = 12000.0
  layers = 12

  [parameters.density]
  std = 100.0                  # kg/m3
  range = 4000.0               # m

  [parameters.susceptibility]
  std = 0.02                   # SI
  range = 4000.0

  [coupling]
  kind = "coregionalization"
  correlation = 0.5

  [geology]                    # without it the report says "not checked against ground"
  family = "mixture"           # intervals are recalibrated on simulated worlds of this kind
  std = { density = 100.0, susceptibility = 0.02 }

Exit codes: 0 done; 1 the run failed; 2 the configuration or the command line is wrong; 130 interrupted.
DIR then holds posterior.nc (open it with xarray.open_datatree), report.html and run.log, or nothing new at all.
"""


def main(argv=None):
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; default those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 wrong configuration or usage, 130 interrupted.
    """
    with any_terminal(), stoppable(last=argv is None) as stopped:
        stopped.debug = False
        try:
            arguments = _parser().parse_args(argv)
            arguments.stopped, stopped.debug = stopped, arguments.debug
            return arguments.act(arguments)
        except KeyboardInterrupt:
            return _interrupted(stopped)
        except ConfigError as error:
            return _ended(USAGE, str(error), stopped)
        except (ValueError, TypeError, OSError, MemoryError) as error:
            return _ended(FAILED, f"{type(error).__name__}: {error}", stopped)
        except Exception as error:
            if os.environ.get(DEBUG) == "1":
                raise
            return _ended(FAILED, f"unexpected {type(error).__name__}: {error} (--debug shows where)", stopped)


def _ended(code, text, stopped):
    """Say on one line why it ended, under its traceback if that was asked for; an interrupt's doing is an interrupt."""
    if stopped.asked:
        return _interrupted(stopped)
    if stopped.debug:
        say(traceback.format_exc().rstrip(), sys.stderr)
    say("bayesjoint: " + " ".join(text.split()) + _kept(stopped), sys.stderr)
    return code


def _interrupted(stopped):
    say(f"bayesjoint: interrupted; nothing was left half-written{_kept(stopped)}", sys.stderr)
    return INTERRUPTED


def _kept(stopped):
    return f"; {stopped.kept}" if stopped.kept else ""


def _run(arguments):
    from .run import STAGES, run

    return _worked(run, STAGES, arguments, **({"conflict": True} if arguments.conflict else {}))


def _conflict(arguments):
    from ._disagreement import STAGES, examine

    options = {} if arguments.remedies else {"remedies": False}
    return _worked(examine, STAGES, arguments, **options)


def _worked(work, stages, arguments, **options):
    """Do what a configuration asks for, and say what came out and where it is."""
    from ._config import read_config
    from ._progress import Progress

    started = time.perf_counter()
    config = read_config(arguments.config)
    if arguments.dry_run:
        from ._plan import plan

        for line in plan(config, arguments.verb, arguments.out, **options):
            say(line)
        return OK
    if arguments.out is None:
        refuse("--out", None, "is required: the folder for the results, made if needed")
    with Progress(stages, arguments.quiet, arguments.stopped) as progress:
        found = work(config, arguments.out, progress, **options)
    say(f"{found['report']} and {found['posterior']} in {time.perf_counter() - started:.1f} s")
    return OK


def _init(arguments):
    from ._init import init

    for line in init(arguments):
        say(line)
    return OK


def _compare(arguments):
    from ._compare import compare

    for path in compare(arguments.folders, arguments.out):
        say(str(path))
    return OK


def _report(arguments):
    from ..dataset import read_tree
    from ..reporting import report
    from ._results import mend

    source = Path(arguments.posterior)
    mend(source.parent)
    if not source.is_file():
        refuse("POSTERIOR", str(source), "must be an existing netCDF file written by bayesjoint")
    target = Path(arguments.out) if arguments.out else source.with_name("report.html")
    if target.exists() and os.path.samefile(source, target):
        refuse("--out", str(target), "must not be the posterior itself; name another file")
    if target.is_dir() or not target.parent.is_dir():
        refuse("--out", str(target), "must be a file in an existing folder")
    try:
        tree = read_tree(source)
    except (ValueError, OSError) as error:
        refuse("POSTERIOR", str(source), f"must be a file written by bayesjoint ({error})")
    try:
        report(tree, target)
    except ValueError as error:
        refuse("--out", str(target), str(error))
    except (FileNotFoundError, PermissionError) as error:
        refuse("--out", str(target), f"must be a file that can be written ({error.strerror})")
    say(str(target))
    return OK


def _export(arguments):
    from ._export import export
    from ._results import mend

    mend(Path(arguments.posterior))
    say(str(export(arguments)))
    return OK


class _Epilog(argparse.RawDescriptionHelpFormatter):
    """Help that looks up every key when it is shown, and not before: engines take a while to import."""

    def add_text(self, text):
        from ._config import describe

        super().add_text(text.replace(KEYS, describe()) if text and KEYS in text else text)


def _parser():
    parser = Parser(
        prog="bayesjoint", description="Joint Bayesian inversion of surveys of the same ground.", epilog=START,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bayesjoint {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_init(verbs, _init)
    run = _add_run(
        verbs, "run", _run, help="invert the surveys of a configuration jointly: posterior.nc and report.html",
        description="Invert the surveys of a TOML configuration jointly and write posterior.nc and report.html.",
        epilog=EXAMPLE + "\nEvery key:\n\n" + KEYS,
    )
    run.add_argument("--conflict", action="store_true", help="test whether the surveys agree too, without remedies: "
                     "the page then answers all four of its questions, if there is a [geology]")
    conflict = _add_run(
        verbs, "conflict", _conflict,
        help="test whether the surveys of a configuration agree, and what each remedy changes",
        description="Test whether the surveys of a TOML configuration agree, say the verdict and write posterior.nc "
        "(verdict and tests in it) and report.html; then apply the remedies that tests suggest, and write both anew "
        "with what each changes. What was written first stays if that is stopped. The exit code is 0 whatever the "
        "verdict.",
        epilog="The configuration is that of `bayesjoint run`: Gaussian priors, no bounds, two surveys or more; "
        "[geology] is not read: `bayesjoint run --conflict` puts tests and ground into one page. Every key:\n\n" + KEYS,
    )
    conflict.add_argument("--no-remedies", action="store_false", dest="remedies",
                          help="end with the verdict and its tests: apply no remedies, the longer part of the work")
    report = verbs.add_parser("report", help="write the HTML report of a saved posterior",
                              description="Write the HTML report of a saved posterior.")
    report.add_argument("posterior", metavar="POSTERIOR.nc", help="dataset written by `bayesjoint run`")
    report.add_argument("--out", metavar="FILE", help="default: report.html beside the dataset")
    report.set_defaults(act=_report)
    add_export(verbs, _export)
    compare = verbs.add_parser(
        "compare", help="set finished runs side by side: one page and one table",
        description="Set finished runs side by side: what was asked differently, fits, evidence where the data are the "
        "same, models where the cells are; comparison.html and comparison.csv.")
    compare.add_argument("folders", metavar="DIR", nargs="+",
                         help="folders with a posterior.nc; the others are compared with the first")
    compare.add_argument("--out", metavar="DIR", required=True, help="folder for both files, made if needed")
    compare.set_defaults(act=_compare)
    completion = verbs.add_parser("completion", help="print a script that completes verbs and options in a shell",
                                  description="Print a script that completes verbs, options and files in a shell.",
                                  epilog=COMPLETE, formatter_class=argparse.RawDescriptionHelpFormatter)
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(act=lambda arguments: say(script(parser, arguments.shell)) or OK)
    for verb in verbs.choices.values():
        verb.add_argument("--debug", action="store_true", help="show the traceback of an error, not its one line alone")
    return parser


def _add_run(verbs, name, act, **texts):
    """Add a verb that works on a configuration."""
    parser = verbs.add_parser(name, formatter_class=_Epilog, **texts)
    parser.add_argument("config", metavar="CONFIG.toml", help="the configuration; file names in it are relative to it")
    parser.add_argument("--out", metavar="DIR", help="folder for the results, made if needed; a dry run needs none")
    parser.add_argument("--dry-run", action="store_true",
                        help="show what would be read, built and written, the engine, memory and time; compute nothing")
    parser.add_argument("--quiet", action="store_true", help="no progress (a bar at a terminal, else a line a stage)")
    parser.set_defaults(act=act)
    return parser
