"""From a configuration to a verdict on whether its surveys agree, and what each remedy changes."""

from itertools import chain

from ..agreement import compare_remedies, conflict
from ..dataset import Approximation
from ..hyperparameters import fit_hyperparameters
from ._log import logged
from ._refuse import refuse
from ._results import results
from .run import fitted_problem, inputs_of, leave, paths_in, solve

STAGES = ("read surveys", "build operators", "fit hyperparameters", "posterior as stated", "tests of agreement",
          "remedies", "posterior under each remedy", "draws and dataset", "report")

MATRIX = "agreement_matrix"  # group of Bayes ratios and suspiciousness

TAKEN_FOR_KNOWN = Approximation(
    name="p-values of agreement", status="not validated",
    statement="Prior and noise were fitted to the data that are tested, and the tests take them for known: part of a "
    "conflict may have been fitted away as noise, so that p-values are too large. [conflict] refits = 99 fits "
    "simulated surveys anew and puts that right.")


def examine(config, out, stage=lambda name: None, progress=False):
    """Test whether the surveys of a configuration agree; leave ``posterior.nc``, ``report.html`` and ``run.log``.

    Parameters
    ----------
    config : Config
        Two surveys or more under Matérn priors, without bounds and without a Gramian.
    out : str or Path
        Folder, made if needed.
    stage : callable, optional
        Called with the name of each stage as it begins.
    progress : bool, default False
        Show the iterations of a search for the MAP, should an engine need one.

    Returns
    -------
    dict
        ``posterior``, ``report`` and ``log`` (Path), ``verdict`` (str).

    Raises
    ------
    ConfigError
        If there is but one survey, or the configuration makes the model anything but Gaussian.
    """
    check_testable(config)
    with results(out, inputs_of(config)) as scratch, logged("conflict", scratch, config, stage) as log:
        verdict = _examine(config, scratch, log, progress)
    return paths_in(out) | {"verdict": verdict}


def _examine(config, scratch, stage, progress):
    problem, fit = fitted_problem(config, stage)
    stage(STAGES[3])  # first: what it learns of surveys and fields the tests need too
    stated = solve(problem, config.posterior.method, config.seed, progress)[0]
    if fit is not None:
        stated.approximations += [fit.approximation(), *([] if config.conflict.refits else [TAKEN_FOR_KNOWN])]
    stage(STAGES[4])
    asked = config.conflict
    refitted = {"refit": _refit, "draws": asked.refits} if asked.refits else {}
    found = conflict(problem, level=asked.level, margins=asked.margins, places=asked.places, seed=config.seed,
                     **refitted)
    matrix = found.matrix  # now, while the factors of the tests are there
    stage(STAGES[5])
    problems = found.problems
    stage(STAGES[6])
    rest = iter(problems.items())
    label, _ = next(rest)
    others = _solved(rest, problems.untried, config, progress)
    table = compare_remedies(chain([(label, stated)], others), _worst(found), seed=config.seed, fits=problems.fits)
    untried = [f"{name}: {reason}" for name, reason in problems.untried.items()]
    diagnostics = {"remedies": table.assign_attrs(untried="\n".join(untried)), MATRIX: matrix}
    stage(STAGES[7])
    tree = stated.to_datatree(draws=config.posterior.draws, chains=config.posterior.chains, seed=config.seed,
                              conflict=found, diagnostics=diagnostics)
    tree.attrs |= {"verdict": found.verdict, "verdict_kind": found.kind}
    leave(tree, scratch, config, stage)
    return f"Verdict: {found.kind}. {found.verdict[:1].upper()}{found.verdict[1:]}"


def check_testable(config):
    """Refuse what no test of agreement can take before anything is computed."""
    if len(config.surveys) < 2:
        refuse("surveys", list(config.surveys), "must hold at least two, or there is nothing to agree with")
    for name, table in config.parameters.items():
        bounds = [key for key in ("lower", "upper") if getattr(table, key) is not None]
        if bounds:
            refuse(f"parameters.{name}", None, "must have no bounds for tests of agreement, whose nulls are those of a "
                   f"Gaussian model; found {' and '.join(bounds)}. Leave them out for the test, and keep them for "
                   "`bayesjoint run`.")
        if table.prior != "matern":
            refuse(f"parameters.{name}.prior", table.prior, "must be 'matern' for tests of agreement, whose nulls are "
                   "those of a Gaussian model. Test under a Matérn prior, and keep this one for `bayesjoint run`.")
    if config.coupling.kind == "gramian":
        refuse("coupling.kind", "gramian", "must be 'none' or 'coregionalization' for tests of agreement; a Gramian is "
               "no probability model of what two surveys share. Test under one of those.")


def _solved(problems, untried, config, progress):
    """(name, posterior) of each; what no engine takes joins what was not tried."""
    for name, problem in problems:
        try:
            yield name, solve(problem, config.posterior.method, config.seed, progress)[0]
        except ValueError as error:
            untried[name] = str(error)


def _worst(found):
    """The pair whose tests object most."""
    return min(found.pairs, key=lambda pair: min((t.log_p for t in found.pairs[pair].tests if t.testable), default=0.0))


def _refit(problem):
    return fit_hyperparameters(problem, curve=False).problem
