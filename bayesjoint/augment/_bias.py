"""Problems with a nuisance added: a bias of one survey."""

from __future__ import annotations

import numpy as np

from .._checks import as_positive, as_shape, checked, fail
from .._typing import ArrayLike, JointProblem
from ..priors import BiasPrior
from ..problem import Parameter, one_survey
from ._bias_basis import bias_basis
from ._bias_evidence import bias_std_evidence

HELD = 1e-6  # part of a column outside of a span, below which it lies within


@checked
def add_bias(problem: JointProblem, survey: str, basis: str | int | ArrayLike | dict | tuple = "constant",
             std: float | str | ArrayLike | None = None, name: str | None = None,
             units: str | None = None) -> JointProblem:
    """A problem in which one survey carries an additive bias b ~ N(0, std²) per basis column.

    A regional field that the mesh cannot hold, a datum shift, a tilt or the levels of flight lines are then
    marginalised with the model rather than subtracted beforehand, and their uncertainty reaches the posterior.
    `Posterior.nuisances` gives every coefficient by name, with what of the model it is confused with.

    Parameters
    ----------
    problem : JointProblem
        The problem to augment.
    survey : str
        Modality name.
    basis : str, int, array_like, dict or tuple, default "constant"
        "constant", "linear", "quadratic" or any degree: polynomials in the station coordinates, each column scaled to a
        largest value of 1. "rows" or "columns" of a lattice, or one label for each datum: one level for each flight
        line. Columns of your own, (n_data, q) or {name: column}. A tuple of these. See `bias_basis`.
    std : float, array_like of shape (q,), or "evidence"
        Prior standard deviation of each coefficient, in `units`. No default: it decides what counts as bias.
        "evidence": one τ for all, where the evidence of the problem as it stands is largest; curve, interval and
        verdict are kept in the new parameter's ``prior.evidence``. To have τ fitted together with other
        hyperparameters, to have it at survey size, or to integrate over it: give a rough number here and
        ``fit_hyperparameters(problem, free=["<name>_std", ...])``.
    name : str, optional
        Of the new parameter, default ``<survey>_bias``. A survey that has one already takes another under a name of
        its own, such as "air_tilt": columns that both hold share what the data say of them.
    units : str, optional
        Of the coefficients, where columns are data for a unit of something else. Default: those of the data.

    Returns
    -------
    JointProblem
        With one more vector parameter of that name, whose ``labels`` name the coefficients.

    Raises
    ------
    ValueError, TypeError
        If the survey is unknown, the name is taken, the basis does not fit the survey, or std is missing, not positive,
        or "evidence" where the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [2.0]], [3.0, 4.0], bj.DiagonalNoise([0.1, 0.1]), "slope")
    >>> biased = bj.add_bias(bj.JointProblem([slope], [line]), "line", basis={"datum": [1.0, 1.0]}, std=5.0)
    >>> biased.parameters[1].name, biased.parameters[1].labels
    ('line_bias', ('datum',))
    >>> drifting = bj.add_bias(biased, "line", basis={"drift": [0.0, 1.0]}, std=1.0, name="line_drift")
    >>> drifting.modalities[0].parameters
    ('slope', 'line_bias', 'line_drift')
    """
    modality = one_survey(problem, survey)
    label = f"{survey}_bias" if name is None else name
    if label in problem.by_name:
        fail("survey" if name is None else "name", "carry no bias yet" if name is None else "be free",
             f"{label} among the parameters", "Give another `name`, or all columns in one `basis`.")
    if std is None:
        fail("std", "be given", "None", 'Say how large the bias may be, in units of the data, or "evidence".')
    columns, labels = bias_basis(modality, basis)
    prior = _prior(problem, modality, columns, std)
    bias = Parameter(label, columns.shape[1], units=modality.units if units is None else units, prior=prior,
                     labels=labels)
    augmented = modality.with_term(bias.name, columns)
    modalities = [augmented if m.name == survey else m for m in problem.modalities]
    return problem.replace(parameters=[*problem.parameters, bias], modalities=modalities)


def biases_of(problem, survey):
    """Parameters that `add_bias` has given a survey."""
    seen = problem.surveys[survey].parameters
    return [problem.by_name[name] for name in seen if isinstance(problem.by_name[name].prior, BiasPrior)]


def held_by_biases(problem, survey, columns):
    """Whether the biases of a survey hold each of some columns already, so that it is part of the model.

    Parameters
    ----------
    problem : JointProblem
    survey : str
        Modality name.
    columns : ndarray, shape (n_data of the survey, q)

    Returns
    -------
    ndarray of bool, shape (q,)
        True where no more than 1e-6 of a column lies outside of what the biases' columns span.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [2.0]], [3.0, 4.0], bj.DiagonalNoise([0.1, 0.1]), "slope")
    >>> biased = bj.add_bias(bj.JointProblem([slope], [line]), "line", basis={"datum": [1.0, 1.0]}, std=5.0)
    >>> held_by_biases(biased, "line", np.array([[2.0, 0.0], [2.0, 1.0]])).tolist()
    [True, False]
    """
    held = [problem.surveys[survey].term(p.name).columns for p in biases_of(problem, survey)]
    if not held:
        return np.zeros(columns.shape[1], dtype=bool)
    held = np.hstack(held)
    left = columns - held @ np.linalg.lstsq(held, columns, rcond=None)[0]
    return np.linalg.norm(left, axis=0) <= HELD * np.linalg.norm(columns, axis=0)


def _prior(problem, modality, columns, std):
    count = columns.shape[1]
    if isinstance(std, str):
        if std != "evidence":
            fail("std", 'be numbers or "evidence"', repr(std), "Say how large the bias may be, in units of the data.")
        found = bias_std_evidence(problem, modality.name, columns, modality.units)
        return BiasPrior((found.value,) * count, found)
    return BiasPrior(tuple(as_shape("std", as_positive("std", std, (0, 1)), (count,)).tolist()))
