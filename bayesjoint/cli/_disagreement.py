"""From a configuration to a verdict on whether its surveys agree, and what each remedy changes."""

from itertools import chain

import xarray as xr

from ..agreement import compare_remedies
from ._agreement_tests import tested
from ._log import logged
from ._refuse import refuse
from ._results import results
from ._tables import PENALTIES
from .run import fitted_problem, inputs_of, leave, paths_in, solve

STAGES = ("read surveys", "build operators", "fit hyperparameters", "posterior as stated", "tests of agreement",
          "draws and dataset", "report without remedies", "remedies", "posterior under each remedy", "report")
OF_REMEDIES = STAGES[7:]

NOT_YET = ("Remedies: not compared yet. This page was written when the tests were done; it is replaced once remedies "
           "are compared, and stays if that is stopped.")
SKIPPED = "Remedies: not compared, as was asked for (--no-remedies)."
UNREAD_GEOLOGY = ("Intervals and standard deviations here are exact for the stated prior at best, and real ground is "
                  "not like that. `bayesjoint conflict` does not read the [geology] table of the configuration; "
                  "`bayesjoint run` does, and checks them.")


def examine(config, out, progress, remedies=True):
    """Test whether the surveys of a configuration agree; leave ``posterior.nc``, ``report.html`` and ``run.log``.

    The verdict is said, and all three are left with it, before any remedy is tried; those with the remedies, if any is
    called for, then take their place.

    Parameters
    ----------
    config : Config
        Two surveys or more under Matérn priors, without bounds and without a Gramian.
    out : str or Path
        Folder, made if needed.
    progress : Progress
        Told of stages and remedies, of the verdict, and of what stays if the rest is stopped.
    remedies : bool, default True
        Compare them.

    Returns
    -------
    dict of Path
        ``posterior``, ``report`` and ``log``.

    Raises
    ------
    ConfigError
        If there is but one survey, or the configuration makes the model anything but Gaussian.
    """
    check_testable(config)
    paths, inputs = paths_in(out), inputs_of(config)
    where = f"{paths['report']} and {paths['posterior']}"
    with logged("conflict", out, config, progress.stage, () if remedies else ("--no-remedies",)) as log:
        with results(out, inputs, lambda: progress.keep(f"the verdict and its tests are in {where}, without remedies")
                     ) as scratch:
            stated, found, tree = _examined(config, log, progress, remedies)
            leave(tree, scratch, config, log, STAGES[6])
        if remedies and not found.no_remedy:
            with results(out, inputs, lambda: progress.keep(f"all results are in {where}")) as scratch:
                _add_remedies(tree, config, stated, found, log, progress)
                leave(tree, scratch, config, log)
    return paths


def _examined(config, stage, progress, remedies):
    """(posterior as stated, what the tests found, the tree of both), the verdict said on the way."""
    problem, fit = fitted_problem(config, stage)
    stage(STAGES[3])  # first: what it learns of surveys and fields the tests need too
    stated = solve(problem, config.posterior.method, config.seed, progress.shown)[0]
    if fit is not None:
        stated.approximations.append(fit.approximation())
    stage(STAGES[4])
    tests = tested(problem, config, fit is not None, progress)
    stated.approximations += tests.approximations
    of_remedies = (tests.found.no_remedy or NOT_YET) if remedies else SKIPPED
    stage(STAGES[5])
    tree = stated.to_datatree(draws=config.posterior.draws, chains=config.posterior.chains, seed=config.seed,
                              progress=progress.draws, **tests.groups(of_remedies))
    tree.attrs |= tests.attributes(of_remedies)
    if config.geology is not None:
        tree.attrs["unchecked"] = UNREAD_GEOLOGY
    return stated, tests.found, tree


def _add_remedies(tree, config, stated, found, stage, progress):
    """Put what each remedy changes into a tree that says they were not compared."""
    def tell(name, done, total):
        progress.piece(name, done + 1, total or len(problems))

    stage(STAGES[7])
    problems = found.remedied(tell)
    stage(STAGES[8])
    rest = iter(problems.items())
    label, _ = next(rest)
    others, worst = _solved(rest, problems, config, progress), _worst(found)
    table = compare_remedies(chain([(label, stated)], others), worst, seed=config.seed, fits=problems.fits,
                             tested=tuple(found.pairs[worst].tests[:3]), progress=tell)
    untried = [f"{name}: {reason}" for name, reason in problems.untried.items()]
    tree["remedies"] = xr.DataTree(table.assign_attrs(untried="\n".join(untried)))
    tree["agreement"].attrs["details"] = "\n".join(found.details)
    tree.attrs["remedies"] = "compared"


def check_testable(config):
    """Refuse what no test of agreement can take before anything is computed."""
    if len(config.surveys) < 2:
        refuse("surveys", list(config.surveys), "must hold at least two, or there is nothing to agree with")
    for name, table in config.surveys.items():
        if table.noise == "student":
            refuse(f"surveys.{name}.noise", "student", "must be 'gaussian' for tests of agreement, whose nulls are "
                   "those of a Gaussian model. Test without the outliers, and keep it for `bayesjoint run`.")
    for name, table in config.parameters.items():
        bounds = [key for key in ("lower", "upper") if getattr(table, key) is not None]
        if bounds:
            refuse(f"parameters.{name}", None, "must have no bounds for tests of agreement, whose nulls are those of a "
                   f"Gaussian model; found {' and '.join(bounds)}. Leave them out for the test, and keep them for "
                   "`bayesjoint run`.")
        if table.prior != "matern":
            refuse(f"parameters.{name}.prior", table.prior, "must be 'matern' for tests of agreement, whose nulls are "
                   "those of a Gaussian model. Test under a Matérn prior, and keep this one for `bayesjoint run`.")
    if config.coupling.kind in PENALTIES:
        refuse("coupling.kind", config.coupling.kind, "must be 'none' or 'coregionalization' for tests of agreement; a "
               "penalty is no Gaussian model of what two surveys share. Test under one of those; of a linear law ask "
               "bj.node_split of bj.law_as_data(problem).")


def _solved(rest, problems, config, progress):
    """(name, posterior) of each of the rest; what no engine takes joins what was not tried."""
    for number, (name, problem) in enumerate(rest, 2):
        progress.piece(f"{name}: posterior", number, len(problems))
        try:
            yield name, solve(problem, config.posterior.method, config.seed, progress.shown)[0]
        except ValueError as error:
            problems.untried[name] = str(error)


def _worst(found):
    """The pair whose tests object most."""
    return min(found.pairs, key=lambda pair: min((t.log_p for t in found.pairs[pair].tests if t.testable), default=0.0))
