"""`bayesjoint init`: from data files to a commented configuration that `bayesjoint run` takes."""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .. import __version__
from ..dataset import beside
from ._config import read_config
from ._forecast import forecast, machine_speed
from ._given import paths_of
from ._igrf import field_at
from ._look import FIELD, look, summary, with_field
from ._proposals import mesh_of, prior_std, range_of, rounded
from ._refuse import ConfigError, keyed, refuse
from ._spoken import in_options
from ._tables import SEED, GeologyTable
from ._toml_text import FILL, Table, shown, text_of
from .run import build_problem

FIT_DATA = 1_500  # a gradient of the evidence takes a second there on one core
TYPICAL = {"density": (100.0, "sediments to greenstones differ by 100 to 400 kg/m3"),
           "susceptibility": (0.02, "most rocks lie below 0.05, iron formations above 0.5")}
FITTED = "; fit = true below starts from it and lets the evidence choose"
GROUND = {"family": "mixture", "std": "prior", "worlds": 200}  # proposed, and not asked for
START = 0.1  # correlation that a fit starts from


def init(arguments):
    """Write a configuration for some files.

    Parameters
    ----------
    arguments : Namespace
        Of the command.

    Returns
    -------
    list of str
        What was seen, guessed and left open, a line each.
    """
    out = _target(arguments.out, arguments.force)
    paths = paths_of(arguments.files)
    for path in paths:
        if out.exists() and os.path.samefile(path, out):
            refuse("--out", str(out), "must not be one of the data files")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen = look(paths, arguments)
        _state_field(seen, arguments)
        tables, problem, config = _filled(seen, arguments, out)
        cost = _cost(problem, config)
    tables[0].note += f"\nWhat a run would take: {cost}"
    with beside(out) as part:
        part.write_text(text_of(tables), encoding="utf-8")
    return [*_said(seen, out, cost), *dict.fromkeys(f"warning: {in_options(str(w.message))}" for w in caught)]


def _target(text, force):
    """Where the configuration goes; what is there is kept unless it is said."""
    out = Path(text)
    try:
        there, folder = out.exists(), out.absolute().parent
        if "\0" in text:
            refuse("--out", text, "must be a name that the file system takes")
        if out.is_dir() or not out.name:
            refuse("--out", text, "must be a file, not a folder")
        if not folder.is_dir():
            refuse("--out", text, "must lie in a folder that exists")
        if not os.access(folder, os.W_OK):
            refuse("--out", text, "must lie in a folder that may be written to")
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        refuse("--out", text, f"must be a name that the file system takes ({error})")
    if there and not force:
        refuse("--out", text, "is there already, and is kept; choose another name, or give --force to replace it")
    return out


def _state_field(seen, arguments):
    """The inducing field, as given, by date and place, or to be filled in."""
    if not any(s.component.kind.needs_field for s in seen):
        if arguments.date or arguments.field:
            refuse("--date" if arguments.date else "--field", arguments.date or arguments.field,
                   "means nothing without magnetic data")
        return
    if arguments.date and arguments.field:
        refuse("--date", arguments.date, "cannot go with --field; give one of them")
    if arguments.field:
        with_field(seen, arguments.field, "as given on the command line")
    elif arguments.date:
        with_field(seen, *field_at(arguments.date, [s.survey for s in seen], arguments.lonlat))
    else:
        with_field(seen, None, None)


def _filled(seen, arguments, out):
    """Tables with priors as large as the data ask for, the problem that they make, and its configuration."""
    tables, mesh, reach = _tables(seen, arguments, out)
    properties = {s.component.kind.property.name: TYPICAL[s.component.kind.property.name][0] for s in seen}
    found = keyed("parameters", prior_std, seen, mesh, reach, properties)
    for table in tables:
        name = table.name.removeprefix("parameters.")
        if name in found and table.name != name:
            fits = any(line[:2] == ("fit", True) for t in tables for line in t.lines)
            table.lines[0] = ("std", found[name][0], _why_std(name, *found[name]) + (FITTED if fits else ""))
    problem, config = _tried(tables, seen, out)
    return tables, problem, config


def _why_std(name, std, spread):
    unit = "kg/m3" if name == "density" else "SI"
    typical = TYPICAL[name][1]
    return (f"{std:g} {unit}, so that data of this prior are as large as those measured, within a factor of "
            f"{np.exp(spread):.2g} (1 standard deviation over draws of the prior: one ground is one draw). Else: rock "
            f"samples ({typical})")


def _tried(tables, seen, out):
    """Problem and configuration of tables with stand-ins: what `run` would make of them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / out.name
        absolute = [Table(name=t.name, lines=[
            ("file", str(s.path.resolve()), "") if line[0] == "file" else line for line in t.lines])
            for t in tables for s in [next((s for s in seen if t.name == f"surveys.{s.name}"), None)]]
        path.write_text(text_of(absolute, trial=True), encoding="utf-8")
        config = read_config(path)
        return build_problem(config), config


def _tables(seen, arguments, out):
    """Tables with priors of any size, arguments of the mesh, and the range of the priors."""
    surveys = [s.survey for s in seen]
    mesh = mesh_of(surveys, any("height" not in s.missing for s in seen))
    reach = range_of(next(value for key, value, _ in mesh if key == "depth"))
    properties = list(dict.fromkeys(s.component.kind.property.name for s in seen))
    lattice = _on_one_lattice(seen, mesh)
    fits = lattice or sum(int(s.survey.observed.sum()) for s in seen) <= FIT_DATA
    for each in seen if fits else ():
        each.begin_from_starts()
    title = arguments.title or " and ".join(dict.fromkeys(s.kind for s in seen)).capitalize()
    tables = [
        Table(name="", note=f"Written by bayesjoint init {__version__}. Read it once: every value says why it is so. "
              f"Lines with {FILL} must be filled in first, and bayesjoint run refuses until they are.", lines=[
                  ("title", title, "heading of the report"), ("seed", SEED, "the same seed gives the same numbers")]),
        *[_survey(s, out) for s in seen],
        Table(name="mesh", note="Cells under the surveys.", lines=list(mesh)),
        *[_parameter(name, reach, lattice, fits) for name in properties],
        _coupling(properties, fits), _posterior(fits), _geology(),
    ]
    return tables, {key: value for key, value, _ in mesh}, reach


def _on_one_lattice(seen, mesh):
    """Whether all surveys are level grids whose nodes are columns of the mesh: continued fields are fast there."""
    return all(s.survey.is_grid and np.ptp(s.survey.upward) == 0 for s in seen) and "spacing" not in {
        key for key, *_ in mesh}


def _survey(seen, out):
    """The table of one survey."""
    sure = "" if seen.sure else " (a guess: --quantity says another)"
    table = Table(name=f"surveys.{seen.name}", note=f"{seen.path.name}: {summary(seen.survey)}.")
    table.lines += [
        ("file", Path(os.path.relpath(seen.path.resolve(), out.resolve().parent)).as_posix(), "relative to this file"),
        ("kind", seen.kind, f"{seen.why}{sure}"),
        ("parameter", seen.component.kind.property.name, "the property that it sees"),
    ]
    if seen.columns:
        table.lines.append(("columns", seen.columns, "which columns or variables are read"))
    for key in ("format", "crs", "units", "missing", "to_grid", "height", *FIELD, "std"):
        if key in seen.keys:
            table.lines.append((key, seen.keys[key], seen.notes.get(key, "")))
        elif key in seen.missing:
            table.lines.append((key, *seen.missing[key], True))
        elif key in seen.notes:
            table.lines.append(f"{key}: {seen.notes[key]}.")
    if seen.survey.crs is None:
        table.lines.append('crs: not known, and not needed. crs = "EPSG:28351" would be recorded and compared.')
    data = seen.survey.data[seen.survey.observed]
    spread = max(float(np.abs(data).max()), float(np.ptp(data)))
    table.lines += [
        ("bias", "linear", "a plane is inferred with the model: fields of sources beyond the mesh, and the datum. "
         'Else: "none" for data that are surely free of it, "quadratic" over wide areas'),
        ("bias_std", rounded(spread, 1), f"{seen.survey.units}, prior std of coefficients: about the largest datum, "
         "so that it can be whatever the data show"),
    ]
    return table


def _parameter(name, reach, lattice, fits):
    """The table of one property; its std is set by the data afterwards."""
    extent = ("continued", "the field goes on beyond the mesh, as ground does; fits then are fast on one lattice. "
              'Else: "mesh", it ends with the mesh') if lattice else (
              "mesh", 'the field ends with the mesh, and its padding stands for what lies beyond. Else: "continued", '
              "it goes on for ever: for level grids of one lattice")
    return Table(name=f"parameters.{name}", lines=[
        ("std", TYPICAL[name][0], ""),
        ("range", reach, "metres, over which the property stays alike: a third of the depth, a guess within a "
         f"factor of three. Else: the size of the bodies you expect{FITTED if fits else ''}"),
        ("extent", *extent)])


def _coupling(properties, fits):
    """What ties two properties."""
    alternative = ('[coupling] kind = "coregionalization", correlation = 0.3 (−1 to 1) ties the properties by a '
                   'linear law of that correlation; kind = "gramian" with a weight asks for a law of unknown sign.')
    if len(properties) < 2:
        return Table(name="coupling", lines=[("kind", "none", "there is one property")])
    if fits:
        return Table(name="coupling", note="What the properties have in common. Else: " + alternative, lines=[
            ("kind", "coregionalization", "a linear law between the properties, as strong as the evidence says"),
            ("correlation", START, "where the fit below starts; not a statement about the ground")])
    return Table(name="coupling", note="What the properties have in common. Else: " + alternative, lines=[
        ("kind", "none", "nothing is known of a law between them: then each survey informs its own property alone")])


def _posterior(fits):
    why = ("std, ranges, correlation and noise are first fitted by the evidence, with the values above as a start, and "
           "then held: that they were fitted is in no interval. Tests of agreement (run --conflict, or conflict) hold "
           'them too, and say that their p-values are "not validated" unless a table [conflict] has refits = 99, which '
           "takes as long as 99 fits. Else: false takes the values as they stand" if fits else
           f"the values above are taken as they stand: a fit to more than {FIT_DATA} data off one lattice can take "
           "an hour. Else: true")
    return Table(name="posterior", note="How it is computed.", lines=[
        ("method", "auto", "the engine is chosen by the problem, and the report says why"), ("fit", fits, why)])


def _geology():
    """A commented table: which ground intervals are to hold on is the user's to say."""
    return Table(name="", lines=[
        "Intervals are exact for the prior above, and real ground is not like a prior. Take the # off the four lines "
        "below to have them recalibrated on simulated worlds of bodies, layers, units and dykes (minutes). Without it "
        'the report says "not checked against ground". Else: state your own structures, see bayesjoint run --help.',
        "[geology]", *(f"{key} = {shown(value)}" for key, value in GROUND.items())])


def _cost(problem, config):
    """What a run would take, as proposed and with the ground that is proposed but not asked for."""
    grounded = replace(config, geology=GeologyTable(**GROUND))
    speed = machine_speed()  # which may be another one a second later
    bare, whole = (keyed("posterior", forecast, problem, each, speed) for each in (config, grounded))
    return f"{bare.sentence()} That is without [geology]; with the one proposed it is {whole.duration()}."


def _said(seen, out, cost):
    """Lines for the terminal."""
    lines = []
    for s in seen:
        lines.append(f"{s.name}: {s.path.name}, {summary(s.survey)}")
        lines.append(f"  {s.kind}: {s.why}{'' if s.sure else ' (a guess; --quantity says another)'}")
        lines += [f"  {key} = {s.keys[key]:g}: {s.notes[key]}" for key in ("std",) if key in s.keys]
        lines += [f"  {key} = {shown(s.keys[key])}: {s.notes[key]}" for key in ("units", "to_grid", "intensity")
                  if key in s.keys and key in s.notes]
    lines.append(f"a run would take {cost}")
    missing = [f"surveys.{s.name}.{key}" for s in seen for key in s.missing]
    first = f"fill in {', '.join(missing)}" if missing else "read it"
    lines.append(f"{out} written; {first}, then: bayesjoint run {out} --out results")
    return lines
