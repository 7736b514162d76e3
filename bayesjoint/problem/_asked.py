"""What a question is put to: a problem, one of its surveys."""

from .._checks import fail
from .joint import JointProblem


def check_problem(problem):
    """Refuse what is no JointProblem."""
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)


def one_survey(problem, survey):
    """The modality of that name of a JointProblem."""
    check_problem(problem)
    names = [m.name for m in problem.modalities]
    if survey not in names:
        fail("survey", f"be one of {names}", repr(survey), "Give a modality's name.")
    return problem.modalities[names.index(survey)]
