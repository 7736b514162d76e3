"""Tests of agreement as a configuration asks for them, in the forms that a dataset takes them in."""

from dataclasses import dataclass, replace

from ..agreement import conflict
from ..dataset import Approximation
from ..hyperparameters import fit_hyperparameters

MATRIX = "agreement_matrix"  # group of Bayes ratios and suspiciousness

TAKEN_FOR_KNOWN = Approximation(
    name="p-values of agreement", status="not validated",
    statement="Prior and noise were fitted to the data that are tested, and the tests take them for known: part of a "
    "conflict may have been fitted away as noise, so that p-values are too large. [conflict] refits = 99 fits "
    "simulated surveys anew and puts that right.")


@dataclass(frozen=True)
class Tested:
    """What the tests found.

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

    def groups(self, of_remedies):
        """Arguments of ``to_datatree``, with a sentence on remedies."""
        return {"conflict": replace(self.found, details=(*self.found.details, of_remedies)),
                "diagnostics": {MATRIX: self.matrix}}

    def attributes(self, of_remedies):
        """Of the dataset itself."""
        return {"verdict": self.found.verdict, "verdict_kind": self.found.kind, "remedies": of_remedies}


def tested(problem, config, fitted, progress):
    """Test whether the surveys agree, and say the verdict.

    Parameters
    ----------
    problem : JointProblem
        As stated or fitted; the one that the posterior is of.
    config : Config
        With its table of the tests.
    fitted : bool
        Whether hyperparameters were fitted to the data that are tested.
    progress : Progress
        Told of each group of tests, and of the verdict.

    Returns
    -------
    Tested
    """
    def tell(name, done, total):
        progress.piece(name, done + 1, total)

    asked = config.conflict
    refitted = {"refit": _refit, "draws": asked.refits} if asked.refits else {}
    found = conflict(problem, level=asked.level, margins=asked.margins, places=asked.places, seed=config.seed,
                     progress=tell, **refitted)
    progress.result(f"Verdict: {found.kind}. {found.verdict[:1].upper()}{found.verdict[1:]}")
    tell("Bayes ratio and suspiciousness", 0, 1)
    # the matrix now, while the factors of the tests are there
    return Tested(found, found.matrix, [TAKEN_FOR_KNOWN] if fitted and not asked.refits else [])


def _refit(problem):
    return fit_hyperparameters(problem, curve=False).problem
