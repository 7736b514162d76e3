"""What a run would take, asked before anything is computed."""

from .._checks import fail
from .._memory import check_memory
from ..dataset import check_name

NUTS_UNKNOWNS = 500
DRAW, MATRIX = 12.0, 8.0  # bytes of a number: a draw as computed and as stored; an entry of a matrix


def check_cost(problem, config):
    """Refuse names that results cannot hold, and draws or matrices that the memory cannot.

    Parameters
    ----------
    problem : JointProblem
        Not solved yet.
    config : Config
        Of the run.
    """
    for thing in (*problem.parameters, *problem.modalities):
        check_name("a name", thing.name)
    asked = config.posterior
    numbers = problem.size + problem.data_size
    check_memory("posterior.draws", DRAW * asked.draws * asked.chains * numbers,
                 f"{asked.draws} draws in {asked.chains} chain(s) of {numbers} numbers would take",
                 "Ask for fewer draws or chains: means, standard deviations and intervals need none.")
    if asked.method == "dense":
        data = problem.data_size
        check_memory("posterior.method", MATRIX * data * (2.0 * data + problem.size),
                     f"the matrices of {data} data and {problem.size} unknowns would take",
                     "Choose 'iterative', or leave it at 'auto'.")
    if asked.method == "nuts" and problem.size > NUTS_UNKNOWNS:
        fail("posterior.method", f"be another one for more than {NUTS_UNKNOWNS} unknowns",
             f"'nuts' with {problem.size}", "Leave it at 'auto'.")
