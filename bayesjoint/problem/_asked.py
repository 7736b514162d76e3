"""What a question is put to: a problem, one of its surveys."""

from .._checks import fail
from ..noise import is_gaussian
from ._joint_problem import JointProblem
from ._parameter import Parameter


def check_problem(problem):
    """Refuse what is no JointProblem."""
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)


def check_density(problem):
    """Refuse couplings that are multipliers and the gradient of nothing."""
    for coupling in problem.couplings:
        if not getattr(coupling, "is_density", True):
            fail("couplings", "be densities for a posterior and for method='map'", repr(coupling),
                 f"{coupling.no_density}.")


def check_gaussian_noise(problem, use):
    """Refuse noise that no covariance says all of; `use` begins with a preposition and ends the sentence."""
    names = [m.name for m in problem.modalities if not is_gaussian(m.noise)]
    if names:
        fail("noise", f"be Gaussian {use}", f"StudentNoise of {', '.join(names)}",
             'posterior(problem, method="gibbs") takes it. Else use DiagonalNoise(std), without the data that are '
             "light in post.datum_weights().")


def unweighted(problem):
    """The problem with Gaussian noise only: Student-t noise as it is given that every datum's weight is 1."""
    return problem if problem.gaussian_noise else problem.replace(modalities=[
        m if is_gaussian(m.noise) else m.replace(noise=m.noise.unweighted) for m in problem.modalities])


def check_field(parameter, remedy):
    """Refuse what is no Parameter on a mesh."""
    if not isinstance(parameter, Parameter) or parameter.mesh is None:
        fail("parameter", "be a Parameter on a mesh", repr(parameter)[:60], remedy, TypeError)


def one_survey(problem, survey):
    """The modality of that name of a JointProblem."""
    check_problem(problem)
    if survey not in problem.surveys:
        fail("survey", f"be one of {[*problem.surveys]}", repr(survey), "Give a modality's name.")
    return problem.surveys[survey]


def some_surveys(problem, surveys):
    """The modalities of some names, or of one, or all where `surveys` is None."""
    known = problem.surveys
    given = [*known] if surveys is None else [surveys] if isinstance(surveys, str) else list(surveys)
    if not given or len(set(given)) != len(given) or not set(given) <= set(known):
        fail("surveys", f"be different ones of {[*known]}", repr(surveys), "Give modality names.")
    return [known[name] for name in given]
