"""Tests of agreement beside a posterior: what `bayesjoint run --conflict` puts into the same dataset and page."""

from dataclasses import dataclass, replace

from ..agreement import conflict
from ..hyperparameters import fit_hyperparameters
from ._disagreement import MATRIX, TAKEN_FOR_KNOWN

UNTRIED = "Remedies: not compared by this command. bayesjoint conflict, with the same configuration, compares them."


@dataclass(frozen=True)
class Beside:
    """What the tests found, in the forms that a dataset takes it in.

    Parameters
    ----------
    found : Conflict
        What `bj.conflict` returned.
    matrix : xarray.Dataset
        Bayes ratios and suspiciousness of pairs of surveys.
    approximations : list of Approximation
        What p-values take for known.
    """

    found: object
    matrix: object
    approximations: list

    def groups(self):
        """Arguments of ``to_datatree``."""
        return {"conflict": replace(self.found, details=(*self.found.details, UNTRIED)),
                "diagnostics": {MATRIX: self.matrix}}

    def attributes(self):
        """Of the dataset itself."""
        return {"verdict": self.found.verdict, "verdict_kind": self.found.kind, "remedies": UNTRIED}


def tests_beside(problem, config, fitted, say):
    """Test whether the surveys agree, and say the verdict.

    Parameters
    ----------
    problem : JointProblem
        As stated or fitted; the one that the posterior is of.
    config : Config
        With its table of the tests.
    fitted : bool
        Whether hyperparameters were fitted to the data that are tested.
    say : callable
        Told the verdict.

    Returns
    -------
    Beside
    """
    asked = config.conflict
    refitted = {"refit": _refit, "draws": asked.refits} if asked.refits else {}
    found = conflict(problem, level=asked.level, margins=asked.margins, places=asked.places, seed=config.seed,
                     **refitted)
    say(f"Verdict: {found.kind}. {found.verdict[:1].upper()}{found.verdict[1:]}")
    return Beside(found, found.matrix, [TAKEN_FOR_KNOWN] if fitted and not asked.refits else [])


def _refit(problem):
    return fit_hyperparameters(problem, curve=False).problem
