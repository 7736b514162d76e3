"""Checks of input that several tests of agreement share."""

import numpy as np

from .._checks import as_positive, fail
from .marginal import check_problem


def as_share(name, value):
    """A number between 0 and 1, such as a level, as a float."""
    value = float(as_positive(name, value, 0))
    if value >= 1:
        fail(name, "lie between 0 and 1", f"{value:g}", "Give a share such as 0.05.")
    return value


def as_count(name, value, least, remedy):
    """An integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        fail(name, f"be an integer of at least {least}", repr(value), remedy)
    return int(value)


def check_proper(problem, use):
    """Refuse flat priors: "be proper " and what they are used for."""
    if problem.prior.flat:
        fail("prior", f"be proper {use}", f"flat priors on {', '.join(problem.prior.flat)}",
             "Give GaussianPrior(mean, covariance), however broad.")


def survey_names(problem):
    """Names of the surveys of a `JointProblem`, two or more."""
    check_problem(problem)
    names = [m.name for m in problem.modalities]
    if len(names) < 2:
        fail("problem", "hold at least two surveys", f"{names}", "One survey has nothing to disagree with.")
    return names
