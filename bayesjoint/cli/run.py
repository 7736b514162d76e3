"""From a configuration to a posterior and a report."""

import dataclasses
import os
from pathlib import Path

from ..augment import add_bias, add_direction_error, add_height_error, relinearised, tangents_of
from ..couplings import (
    Coregionalization,
    CrossGradient,
    Gramian,
    JointTotalVariation,
    Petrophysical,
    RockMixture,
)
from ..dataset import write_tree
from ..engines import needs_a_map, posterior
from ..geology import RockTable
from ..hyperparameters import fit_hyperparameters
from ..map_estimate import find_map
from ..mesh import Mesh
from ..noise import StudentNoise, noise_std
from ..preparation import terrain_effect
from ..priors import Focusing, Matern, MinimumLength
from ..problem import JointProblem, Parameter
from ..quantities import FIELD
from ..reporting import report
from ..survey import read_survey
from ._forecast import check_cost
from ._ground import recalibrated, stated_family
from ._log import LOG, logged, storable
from ._refuse import keyed, refuse
from ._results import results

AS_READ = ("std", "height", "variable", "columns", "units", "crs", "to_crs", "missing", "format", *FIELD)
STAGES = ("read surveys", "build operators", "fit hyperparameters", "joint posterior", "separate posteriors",
          "tests of agreement", "recalibrate", "draws and dataset", "report")
UNTRIED = "Remedies: not compared by this command. bayesjoint conflict, with the same configuration, compares them."


def read_surveys(config):
    """{name: Survey} of a configuration."""
    return {name: keyed(f"surveys.{name}", _survey, name, table, config.folder)
            for name, table in config.surveys.items()}


def build_problem(config, stage=lambda name: None, surveys=None):
    """Surveys and joint problem of a configuration.

    Parameters
    ----------
    config : Config
        As `read_config` returns it.
    stage : callable, optional
        Called with the name of each stage as it begins.
    surveys : dict of {str: Survey}, optional
        As `read_surveys` gives them, if they were read.

    Returns
    -------
    JointProblem
    """
    stage(STAGES[0])
    surveys = read_surveys(config) if surveys is None else surveys
    stage(STAGES[1])
    mesh = keyed("mesh", lambda: Mesh.from_surveys(list(surveys.values()), **dataclasses.asdict(config.mesh)))
    parameters = {name: keyed(f"parameters.{name}", _parameter, name, table, mesh)
                  for name, table in config.parameters.items()}
    modalities = [_with_tails(table, keyed(f"surveys.{name}", lambda name=name, table=table: surveys[name].modality(
        parameters[table.parameter], forward=table.forward, name=name))) for name, table in config.surveys.items()]
    problem = keyed("coupling", lambda: JointProblem(
        list(parameters.values()), modalities, _couplings(config.coupling, config.folder),
        weights={name: table.exponent for name, table in config.surveys.items()}))
    for name, table in config.surveys.items():
        if table.bias != "none":
            problem = keyed(f"surveys.{name}.bias", lambda name=name, table=table, problem=problem: add_bias(
                problem, name, table.bias, std=table.bias_std))
        if table.reduction_density_std is not None:
            problem = keyed(f"surveys.{name}.topography", _with_density, problem, surveys[name], table, config.folder)
    keyed("posterior", check_cost, problem, config)
    return problem


def run(config, out, progress, conflict=False):
    """Run a configuration and leave ``posterior.nc``, ``report.html`` and ``run.log`` in a folder, whole or not at all.

    Parameters
    ----------
    config : Config
        What to do.
    out : str or Path
        Folder, made if needed.
    progress : Progress
        Told of stages and worlds, and of the verdict.
    conflict : bool, default False
        Test whether the surveys agree too, and put that into the same dataset and page.

    Returns
    -------
    dict of Path
        ``posterior``, ``report`` and ``log``.
    """
    check_geology(config)
    if conflict:
        from ._disagreement import check_testable  # which builds on this module

        check_testable(config)
    with results(out, inputs_of(config)) as scratch, logged(
            "run", out, config, progress.stage, ("--conflict",) if conflict else ()) as log:
        _run(config, scratch, log, progress, conflict)
    return paths_in(out)


def check_geology(config):
    """Meet an error in the table of the ground before hours are spent."""
    if config.geology is not None and config.geology.structures:
        stated_family(config.geology)


def _run(config, scratch, stage, progress, conflict):
    problem, fit = fitted_problem(config, stage)
    stage(STAGES[3])
    method = config.posterior.method
    post, result = solve(problem, method, config.seed, progress.shown)
    if fit is not None:
        post.approximations.append(fit.approximation())
    separate = None
    if config.posterior.separate and len(problem.modalities) > 1:
        stage(STAGES[4])
        separate = _alone(post, problem, method, config.seed, progress.shown)
    found = None
    if conflict:
        stage(STAGES[5])
        from ._agreement_tests import tested

        found = tested(problem, config, fit is not None, progress)
        post.approximations += found.approximations
    if config.geology is not None:
        stage(STAGES[6])
        post, separate = recalibrated(config, post, separate, progress.count)
    stage(STAGES[7])
    tree = post.to_datatree(draws=config.posterior.draws, chains=config.posterior.chains, seed=config.seed,
                            separate=separate, result=result, progress=progress.draws,
                            **({} if found is None else found.groups(UNTRIED)))
    tree.attrs |= {} if found is None else found.attributes(UNTRIED)
    leave(tree, scratch, config, stage)


def inputs_of(config):
    """Files that a configuration is made of and reads."""
    files = [name for table in config.surveys.values() for name in (table.file, table.topography) if name is not None]
    files += [] if config.coupling.rocks is None else [config.coupling.rocks]
    return [config.path, *(config.folder / name for name in files)]


def paths_in(out):
    """Where the results are."""
    return {"posterior": Path(out) / "posterior.nc", "report": Path(out) / "report.html", "log": Path(out) / LOG}


def fitted_problem(config, stage):
    """The problem of a configuration and, where it asks for it, the fit of its hyperparameters, else None."""
    problem = build_problem(config, stage)
    fit = None
    if config.posterior.fit:
        stage(STAGES[2])
        fit = fit_hyperparameters(problem, seed=config.seed)
    return with_unknowns(problem if fit is None else fit.problem, config), fit


def with_unknowns(problem, config):
    """The problem with the unknowns of the measurement that a configuration asks for, where its evidence puts them."""
    for name, table in config.surveys.items():
        where = f"surveys.{name}"
        if table.inclination_std is not None or table.declination_std is not None:
            problem = keyed(where, add_direction_error, problem, name, table.inclination_std, table.declination_std)
        if table.height_std is not None:
            problem = keyed(where, add_height_error, problem, name, table.height_std, table.height_per,
                            table.height_reduction)
    return problem


def leave(tree, scratch, config, log, last=STAGES[-1]):
    """Write a result's dataset, report (the stage `last`) and log to the scratch folder, all under one name."""
    title = storable(config.title)
    tree.attrs |= {"title": title, "configuration": config.text, "run_id": log.run_id, "command": log.command}
    write_tree(tree, scratch / "posterior.nc")
    log(last)
    report(tree, scratch / "report.html", title=title)
    log.write(scratch)


def _with_density(problem, survey, table, folder):
    """The problem with the density of a survey's terrain reduction as an unknown."""
    path = folder / table.topography
    if not path.is_file():
        refuse(f"surveys.{survey.name}.topography", table.topography, "must be an existing file, relative to the "
               "configuration's folder")
    ground = read_survey(path, "topography", units="m", height=0.0)
    seen = ground.observed.ravel()
    points = (*(axis[seen] for axis in ground.coordinates()[:2]), ground.data.ravel()[seen])
    return terrain_effect(survey, points, table.topography_cell).add_to(problem, survey.name,
                                                                       table.reduction_density_std)


def _survey(name, table, folder):
    path = folder / table.file
    if not path.is_file():
        refuse(f"surveys.{name}.file", table.file, "must be an existing file, relative to the configuration's folder")
    if not os.access(path, os.R_OK):
        refuse(f"surveys.{name}.file", table.file, "must be a file that may be read; its permissions forbid it")
    survey = read_survey(path, table.kind, name=name, **{key: getattr(table, key) for key in AS_READ})
    if table.to_grid:
        survey = keyed(f"surveys.{name}.to_grid", survey.to_grid)
    if table.relative_std is not None:
        survey = survey.replace(std=noise_std(survey.data, table.relative_std, table.floor_std))
    if survey.std is None:
        refuse(f"surveys.{name}.std", None,
               "is required, for the file states no noise (or give relative_std and floor_std)")
    return survey


def _with_tails(table, modality):
    """The survey with the law of noise that its table asks for."""
    if table.noise == "gaussian":
        return modality
    dof = "unknown" if table.dof is None else table.dof
    return modality.replace(noise=StudentNoise(modality.noise.std, dof))


def _parameter(name, table, mesh):
    bounds = None if table.lower is None and table.upper is None else (table.lower, table.upper)
    return Parameter(name, mesh, prior=_prior(table), bounds=bounds, reference=table.mean)


def _prior(table):
    if table.prior == "minimum_length":
        return MinimumLength(table.alpha, table.depth_exponent)
    if table.prior == "focusing":
        return Focusing(table.alpha, p=table.p, depth_exponent=table.depth_exponent)
    parts = [{"std": table.std, "range": table.range, "smoothness": table.smoothness, "dip": table.dip,
              "strike": table.strike}, *(table.plus or ())]
    first, *others = [Matern(**{**part, "range": _reach(part["range"])}, extent=table.extent) for part in parts]
    return sum(others, start=first)


def _reach(value):
    return tuple(value) if isinstance(value, list) else value


def _couplings(table, folder):
    if table.kind == "coregionalization":
        return [Coregionalization(table.correlation)]
    if table.kind == "petrophysical":
        return [Petrophysical("linear", (table.intercept, table.slope), std=table.std)]
    if table.kind == "rock_mixture":
        path = folder / table.rocks
        if not path.is_file():
            refuse("coupling.rocks", table.rocks, "must be an existing file, relative to the configuration's folder")
        weight = 1.0 if table.weight is None else table.weight
        return [RockMixture(RockTable.from_units(path, table.background), weight)]
    if table.kind == "gramian":
        return [Gramian(weight=table.weight, space=table.space)]
    make = {"cross_gradient": CrossGradient, "joint_total_variation": JointTotalVariation}.get(table.kind)
    return [] if make is None else [make(table.weight, spread=table.spread)]


def solve(problem, method, seed, progress):
    """Posterior, and the MAP it stands on where it needs one."""
    if not needs_a_map(problem, method):
        return posterior(problem, method=method), None
    result = find_map(problem, method="map", seed=seed, progress=progress)
    return posterior(problem, method=method, at=result), result


def _alone(post, problem, method, seed, progress):
    """Posteriors of the separate inversions, with what the joint one already knows where that is enough."""
    if hasattr(post, "separate") and not tangents_of(problem):
        return post.separate()
    each = {name: relinearised(alone) if tangents_of(alone) else alone for name, alone in problem.separate().items()}
    return {name: solve(alone, method, seed, progress)[0] for name, alone in each.items()}
