"""Unknowns that data are no linear function of: a tangent at a reference model, moved to where the data put it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._checks import checked, fail, warn
from .._shown import named, short
from .._typing import Any, JointProblem
from ..gaussian import data_system, is_linear_gaussian
from ..priors import TangentPrior
from ..problem import check_problem

MOST = 20  # tangents: a problem that is fit for one settles in three to five
SETTLED = 0.01  # of a std: what the next tangent would still move
FEW = 64  # values of an unknown whose posterior stds are computed for that; of more, the prior's are taken


@short
@dataclass(frozen=True, kw_only=True, eq=False)
class Tangent:
    """Where the columns of an unknown touch the exact data.

    Parameters
    ----------
    survey : str
        Modality name.
    geometry : FieldDirection or StationHeights
        The exact data as a function of the model and of the unknown, its derivatives and operators.
    error : ndarray, shape (q,)
        Value of the unknown at the reference: the forward operator has it in. 0 where operators cannot be built for it.
    iterations : int
        Tangents laid until they settled; 0 where the reference model was given.
    change : float
        What the last of them still moved the posterior mean, in standard deviations: the unknown's, or the noise's.
        NaN where the reference model was given.
    """

    survey: str
    geometry: object
    error: np.ndarray
    iterations: int = 0
    change: float = float("nan")

    def words(self):
        """In words, for the record of a run."""
        place = "what is stated" if not self.error.any() else named(
            f"{name} {value:+.4g} {self.geometry.units}" for name, value in zip(self.geometry.labels, self.error,
                                                                                strict=True))
        how = (f"{self.iterations} tangents, the last of which moved the mean by {self.change:.1g} std"
               if self.iterations else "reference model as given")
        return f"tangent at {place}, {how}"


def tangents_of(problem):
    """{parameter: its `Tangent`} of the unknowns that enter by a tangent."""
    return {p.name: p.prior.tangent for p in problem.parameters if isinstance(p.prior, TangentPrior)}


@checked
def relinearised(problem: JointProblem, at: Any = None) -> JointProblem:
    """The problem with the tangents of its unknowns laid anew where its posterior mean is now.

    `add_direction_error` and `add_height_error` lay tangents at the mean of the problem as it is then. After
    hyperparameters were fitted, or data were added, the mean is elsewhere.

    Parameters
    ----------
    problem : JointProblem
        With at least one such unknown.
    at : MapResult, optional
        Model and unknowns to lay them at, needed where the problem is not linear-Gaussian. Default: iterate until the
        mean stays where it is, 20 times at most.

    Returns
    -------
    JointProblem

    Raises
    ------
    ValueError
        If it has no such unknown, or is not linear-Gaussian and `at` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 4, 4), (100.0, 100.0, 100.0))
    >>> chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=200.0))
    >>> field = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=50.0)
    >>> survey = bj.Modality("magnetic", field, np.eye(4) * 20, bj.DiagonalNoise(np.ones(16)), "susceptibility")
    >>> unsure = bj.add_direction_error(bj.JointProblem([chi], [survey]), "magnetic", inclination=2.0)
    >>> wider = unsure.replace(parameters=[chi.replace(prior=bj.Matern(std=0.02, range=200.0)), *unsure.parameters[1:]])
    >>> relinearised(wider).by_name["magnetic_direction_error"].prior.tangent.change < 0.01
    True
    """
    check_problem(problem)
    names = tangents_of(problem)
    if not names:
        fail("problem", "have an unknown that enters by a tangent", "none", "Use bj.add_direction_error(...).")
    if at is not None:
        missing = [p.name for p in problem.parameters if p.name not in at.model]
        if missing:
            fail("at", "hold every parameter of the problem", f"none of {', '.join(missing)}",
                 "Pass what find_map gives for this problem.")
        return laid(problem, names, problem.pack({p.name: at.model[p.name] for p in problem.parameters}))
    return settled(problem, names, mean_of(problem))


def mean_of(problem):
    """Posterior mean of x of a linear-Gaussian problem, (size,)."""
    return data_system(problem, purpose="unknowns by a tangent").mean()


def check_settles(problem, at):
    """Refuse problems whose mean is not known in closed form, or sees what the mesh does not hold, without `at`."""
    if problem.prior.continued:
        fail("problem", 'have fields of extent "mesh" for an unknown by a tangent',
             f'"continued" for {", ".join(problem.prior.continued)}', "Data then feel hidden cells, whose part of the "
             "tangent is not known.")
    if at is None and not is_linear_gaussian(problem):
        fail("at", "be given where the problem is not linear-Gaussian", "None", "Pass at=bj.find_map(problem).")


def settled(problem, names, x):
    """Tangents of the unknowns `names` laid at x, and again until the posterior mean stays where they touch.

    That is Gauss–Newton on the exact problem, whose steps are solves in data space.
    """
    for count in range(1, MOST + 1):
        problem = laid(problem, names, x)
        system = data_system(problem, purpose="unknowns by a tangent")
        mean = system.mean()
        change = _change(problem, names, system, mean - x)
        x = mean
        if change <= SETTLED:
            break
    else:
        warn(f"the tangent of {', '.join(names)} did not settle in {MOST}: the last moved the mean by {change:.2g} "
             "std; give a smaller prior std, or look at the statements of the posterior")
    return _recorded(problem, names, iterations=count, change=float(change))


def _change(problem, names, system, step):
    """The largest change of an unknown or of a survey's data, in standard deviations."""
    sizes = [0.0]
    for name in names:
        where, p = problem.slices[name], problem.by_name[name]
        std = np.asarray(p.prior.std) / p.scale
        if p.size <= FEW:
            unit = np.zeros((problem.size, p.size))
            unit[where] = np.eye(p.size)
            std = np.sqrt(np.diag(system.functionals_left(unit)[0]))
        sizes.append(float(np.max(np.abs(step[where]) / std)))
        survey = problem.surveys[p.prior.tangent.survey]
        moved = survey.noise.whiten(problem.operator(survey.name).matvec(step))
        sizes.append(float(np.sqrt(np.mean(moved**2))))
    return max(sizes)


def laid(problem, names, x):
    """The problem with the tangents of some unknowns at a state x, (size,)."""
    for name in names:
        problem = _touching(problem, name, problem.physical(problem.by_name[name].prior.tangent.survey, x),
                            problem.by_name[name].scale * x[problem.slices[name]])
    return _recorded(problem, names, iterations=0, change=float("nan"))


def _touching(problem, name, model, error):
    """The problem with one unknown's tangent at a model (n_cells,) and at an error (q,), where operators can be there.

    G(m, θ) ≈ A(θ₀) m + D (θ − θ₀): the constant goes over to the data.
    """
    parameter = problem.by_name[name]
    tangent, survey = parameter.prior.tangent, problem.surveys[parameter.prior.tangent.survey]
    term = survey.term(name)
    data = survey.data - term.columns @ tangent.error
    operator = tangent.geometry.operator(error)
    error = np.zeros_like(error) if operator is None else error
    columns = tangent.geometry.columns(model, error)
    terms = [replace(t, columns=columns) if t is term else t for t in survey.terms]
    laid = replace(tangent, error=error)
    survey = survey.replace(forward=survey.forward if operator is None else operator, terms=terms,
                            data=data + columns @ error, metadata=survey.metadata | {"tangent": laid.words()})
    return _with_tangent(problem, name, laid).replace(
        modalities=[survey if m.name == survey.name else m for m in problem.modalities])


def _recorded(problem, names, **figures):
    for name in names:
        problem = _with_tangent(problem, name, replace(problem.by_name[name].prior.tangent, **figures))
    return problem


def _with_tangent(problem, name, tangent):
    parameter = problem.by_name[name]
    changed = parameter.replace(prior=replace(parameter.prior, tangent=tangent))
    return problem.replace(parameters=[changed if p.name == name else p for p in problem.parameters])
