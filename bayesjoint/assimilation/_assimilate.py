"""The door to the assimilation of surveys."""

from __future__ import annotations

from .._checks import checked, fail, one_of
from .._typing import Any, JointProblem, MapResult
from ..augment import refuse_tangents
from ..engines import dense_fits
from ..problem import check_problem
from ._ensemble import EnsemblePosterior
from ._order import in_order, read_order
from ._sequential import SequentialPosterior
from ._state_model import StateModel
from ._tangent import tangent_error
from ._time_lapse import TimeLapsePosterior

METHODS = ("auto", "exact", "ensemble")


@checked
def assimilate(problem: JointProblem, order: list | tuple | None = None, state: StateModel | None = None,
               method: str = "auto", at: MapResult | dict | None = None, **options: Any):
    """Take surveys up one after another.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds, no penalties.
    order : list of (str or tuple of str), optional
        Modality names, each once; those in a tuple are taken up together. Default: one by one, as in the problem.
    state : StateModel, optional
        How the unknowns change between the steps; by default they do not. Proper priors, and fields that end with the
        mesh.
    method : {"auto", "exact", "ensemble"}, default "auto"
        - "exact": Kalman updates in square-root form, up to 20,000 data.
        - "ensemble": exact draws carried from step to step, at survey size; every number with its error. Not for a
          state that changes.
        - "auto": exact up to 6,000 data and matrices of 2 GB, else ensemble.
    at : MapResult or dict of {str: array_like}, optional
        Where forward models that are not linear (a survey of unknown gain, say) are linearised: what `find_map`
        returns, or physical values. How far the posterior lies from the tangent is measured and stated. Not for a state
        that changes, for which ``problem.linearised(x)`` gives the tangent.
    **options
        Of the ensemble: ``members``, ``tolerance``, ``evidence``, ``seed``; see `EnsemblePosterior`.

    Returns
    -------
    SequentialPosterior, EnsemblePosterior or TimeLapsePosterior
        All with ``.history``: for every step χ² of the innovation and its p-value, bits gained, std left, log evidence
        gained. Of the first, ``.after(k)`` is the posterior after k steps and ``.then(survey)`` that with one more
        survey; of the last, ``.smoothed(k)`` and ``.filtered(k)`` are the states and ``.change(j, k)`` what lies
        between.

    Notes
    -----
    Sequential equals batch where the noise of one survey tells nothing of another's, as every `Modality` has it. Errors
    that surveys have in common are added by `add_discrepancy`, which makes them part of the state: they are then
    carried from step to step and whitened jointly, and the order still does not matter.

    Raises
    ------
    ValueError, TypeError
        If the problem is bounded or not linear-Gaussian, `order` does not name every survey once, the first step does
        not determine every parameter with a flat prior, or the state model does not fit the problem.

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
    check_problem(problem)
    refuse_tangents(problem, "assimilation")
    one_of("method", method, METHODS)
    steps = read_order(problem, order)
    ordered = in_order(problem, steps)
    if at is not None:
        return _at(ordered, steps, state, method, at, options)
    if state is not None and not isinstance(state, StateModel):
        fail("state", "be a StateModel", type(state).__name__, "Try StateModel(noise=Matern(...)).", TypeError)
    if state is not None and method == "ensemble":
        fail("method", 'be "exact" where the state changes', repr(method), "Use a coarser mesh, or thin the surveys.")
    if state is None and method != "exact" and (method == "ensemble" or not dense_fits(problem)):
        _check_options(options)
        return EnsemblePosterior(ordered, steps, **options)
    _check_options(options, ())
    return SequentialPosterior(ordered, steps) if state is None else TimeLapsePosterior(ordered, steps, state)


def _at(problem, steps, state, method, at, options):
    """Assimilation of the tangent, labelled as such."""
    if state is not None or not problem.nonlinear:
        fail("at", "be left out unless forward models are nonlinear and the state stays",
             "a state model" if state is not None else "linear forward models", "Ask problem.linearised(x) yourself.")
    tangent = problem.linearised(problem.pack(getattr(at, "model", at)))
    post = assimilate(tangent, steps, method=method, **options)
    post.note(tangent_error(post, problem))
    return post


def _check_options(options, known=("members", "tolerance", "evidence", "seed")):
    unknown = sorted(set(options) - set(known))
    if unknown:
        fail("options", f"be among {list(known)} here", f"{unknown}", 'Leave them out, or use method="ensemble".',
             TypeError)
