"""The door to the assimilation of surveys."""

from .._checks import fail
from ..problem import JointProblem
from .order import in_order, read_order
from .sequential import SequentialPosterior
from .state_model import StateModel
from .time_lapse import TimeLapsePosterior


def assimilate(problem, order=None, state=None):
    """Take surveys up one after another.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds, no penalties.
    order : list of (str or tuple of str), optional
        Modality names, each once; those in a tuple are taken up together. Default: one by one, as in the problem.

    Returns
    -------
    SequentialPosterior
        With ``.history``: for every step χ² of the innovation and its p-value, bits gained, std left, log evidence
        gained; ``.after(k)`` is the posterior after k steps and ``.then(survey)`` that with one more survey.

    Raises
    ------
    ValueError, TypeError
        If the problem is bounded or not linear-Gaussian, `order` does not name every survey once, or the first step
        does not determine every parameter with a flat prior.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 4.0))
    >>> old = bj.Modality("old", [[1.0]], [1.0], bj.DiagonalNoise([2.0]), "level")
    >>> new = bj.Modality("new", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "level")
    >>> post = assimilate(bj.JointProblem([level], [old, new]), order=["new", "old"])
    >>> post.mean()["level"].round(6), post.std()["level"].round(4)
    (array([2.166667]), array([0.8165]))
    >>> [round(float(step.chi2), 3) for step in post.history]
    [1.8, 0.408]
    """
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)
    steps = read_order(problem, order)
    ordered = in_order(problem, steps)
    if state is None:
        return SequentialPosterior(ordered, steps)
    if not isinstance(state, StateModel):
        fail("state", "be a StateModel", type(state).__name__, "Try StateModel(noise=Matern(...)).", TypeError)
    return TimeLapsePosterior(ordered, steps, state)
