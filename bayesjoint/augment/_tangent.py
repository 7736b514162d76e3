"""Unknowns that data are no linear function of: a tangent laid where the evidence puts them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._checks import checked, fail, warn
from .._shown import named, short
from .._typing import JointProblem
from ..gaussian import check_linear_gaussian
from ..priors import TangentPrior
from ..problem import check_problem
from ._marginal import EXACT_DATA, PURPOSE, slopes_of
from ._stand_in import SHARE, EndPoint, profiles_of, stand_in

MOST = 25  # steps: a problem that is fit for a tangent settles in three to seven
SETTLED = 0.01  # of a std: what the next step would still move


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
        Value of the unknown where it touches. 0 where there is no operator for another one.
    steps : int
        Taken until it settled.
    change : float
        What the last of them moved, in standard deviations: of the unknown, or of the noise.
    ends : tuple of EndPoint
        What the exact posterior given the unknown is a standard deviation away, both ways along every value.
    mean : ndarray, shape (q,), or None
        Of the unknown's posterior, by the exact evidence; None where it is not known beforehand.
    held : float
        What the 90 % interval of its Gaussian holds of the unknown's posterior; 0.9 where nobody looked.
    trace_error : float
        Standard error of its place from simulated data, in its standard deviations.
    evidence : float
        Nats that the log evidence of the problem with stand-ins lacks.
    """

    survey: str
    geometry: object
    error: np.ndarray
    steps: int = 0
    change: float = float("nan")
    ends: tuple = ()
    mean: np.ndarray | None = None
    held: float = SHARE
    trace_error: float = 0.0
    evidence: float = 0.0

    def words(self):
        """In words, for the record of a run."""
        place = "what is stated" if not self.error.any() else named(
            f"{name} {value:+.4g} {self.geometry.units}" for name, value in zip(self.geometry.labels, self.error,
                                                                                strict=True))
        return f"tangent at {place}, after {self.steps} steps, the last of {self.change:.1g} std"


def tangents_of(problem):
    """{parameter: its `Tangent`} of the unknowns that enter by a tangent."""
    return {p.name: p.prior.tangent for p in problem.parameters if isinstance(p.prior, TangentPrior)}


def standing_in(problem):
    """The problem with the stand-ins of its unknowns in the place of their priors: what posteriors are made of."""
    for name, tangent in tangents_of(problem).items():
        p, m = problem.by_name[name], problem.surveys[tangent.survey]
        if p.prior.standing:
            continue
        if p.prior.turn is not None:
            old = m.term(name)
            columns = old.columns @ p.prior.turn
            turned = m.replace(data=m.data + (columns - old.columns) @ tangent.error,
                               terms=[replace(t, columns=columns) if t is old else t for t in m.terms])
            problem = problem.replace(modalities=[turned if q is m else q for q in problem.modalities])
        problem = _with_prior(problem, name, replace(p.prior, standing=True))
    return problem


def stated_stds(problem):
    """[(place in x, stds there)] of the priors as stated, where stand-ins are in their place; their means are 0."""
    return [(problem.slices[p.name], np.asarray(p.prior.std) / p.scale) for p in problem.parameters
            if isinstance(p.prior, TangentPrior) and p.prior.standing]


def evidence_lacking(problem):
    """Nats that the log evidence of a problem with stand-ins lacks."""
    return sum((p.prior.tangent.evidence for p in problem.parameters
                if isinstance(p.prior, TangentPrior) and p.prior.standing), 0.0)


def refuse_tangents(problem, use):
    """Refuse unknowns that enter by a tangent, which belongs to the data, where other data are looked at."""
    if found := tangents_of(problem):
        fail("problem", f"have no unknown by a tangent for {use}, which looks at other data", ", ".join(found),
             "Ask the problem as it was before.")


def _with_prior(problem, name, prior):
    return problem.replace(parameters=[p.replace(prior=prior) if p.name == name else p for p in problem.parameters])


@checked
def relinearised(problem: JointProblem) -> JointProblem:
    """The problem with the tangents of its unknowns laid anew where its evidence puts them now.

    `add_direction_error` and `add_height_error` lay tangents for the problem as it is then. After hyperparameters were
    fitted, or data were added, they belong elsewhere.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, with at least one such unknown.

    Returns
    -------
    JointProblem

    Raises
    ------
    ValueError
        If it has no such unknown or is not linear-Gaussian, or a tangent is no approximation: the unknown's posterior
        has no maximum nearby, or much of it lies far from that.

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
    tangents = tangents_of(problem)
    if not tangents:
        fail("problem", "have an unknown that enters by a tangent", "none", "Use bj.add_direction_error(...).")
    check_settles(problem)
    base, errors, bends = _without_movable(problem), {n: t.error for n, t in tangents.items()}, {}
    for steps in range(1, MOST + 1):
        here = _placed(base, tangents, errors)
        _, slopes = slopes_of(here, _asked(here, tangents, errors))
        base, change = _lined(base, slopes, here)
        for name in (n for n, t in tangents.items() if t.geometry.movable):
            step, size = _newton(problem.by_name[name].prior, errors[name], slopes[name], bends.setdefault(name, {}))
            errors, change = errors | {name: errors[name] + step}, max(change, size)
        figures = {"steps": steps, "change": float(change)}
        if change <= SETTLED:
            break
    else:
        warn(f"the tangent of {', '.join(tangents)} did not settle in {MOST} steps: the last was of {change:.2g} std; "
             "give a smaller prior std, and look at what the posterior states of it")
    return _assembled(problem, base, tangents, errors, figures)


def check_settles(problem):
    """Refuse problems whose evidence is not known in closed form, or that see what the mesh does not hold."""
    check_linear_gaussian(problem, PURPOSE)
    if problem.prior.continued:
        fail("problem", 'have fields of extent "mesh" for an unknown that enters by a tangent',
             f'"continued" for {", ".join(problem.prior.continued)}', "Data then feel hidden cells, whose part of the "
             "tangent is not known.")


def _newton(prior, error, slope, memory):
    """(next step, its size in standard deviations) towards the maximum of the unknown's posterior.

    The curvature begins as the misfit's and learns from every step (BFGS, Nocedal & Wright 2006, eq. 6.19).
    """
    weight = np.diag(1 / np.square(prior.std))
    gradient = slope.gradient - weight @ error
    curvature = memory.get("curvature", slope.information + weight)
    if "step" in memory:
        step, fall = memory["step"], memory["gradient"] - gradient
        pull = curvature @ step
        if fall @ step > 1e-3 * (step @ pull):
            curvature = curvature - np.outer(pull, pull) / (step @ pull) + np.outer(fall, fall) / (fall @ step)
    step = np.linalg.solve(curvature, gradient)
    memory |= {"curvature": curvature, "gradient": gradient, "step": step}
    return step, float(np.max(np.abs(step) / np.sqrt(np.diag(np.linalg.inv(curvature)))))


def _asked(problem, tangents, errors):
    """What to ask `slopes_of`: a trace for each station is worth it while it is a sum over all data."""
    few = problem.data_size <= EXACT_DATA
    return {name: (replace(t, error=errors[name]), few or t.geometry.labels is not None)
            for name, t in tangents.items()}


def _without_movable(problem):
    """The problem without the unknowns that operators can be built for, data and operators as stated."""
    tangents = {n: t for n, t in tangents_of(problem).items() if t.geometry.movable}
    surveys = dict(problem.surveys)
    for name, t in tangents.items():
        m = surveys[t.survey]
        data = m.data - m.term(name).columns @ t.error + t.geometry.offset(t.error)
        surveys[t.survey] = m.replace(forward=t.geometry.forward, data=data,
                                      terms=[each for each in m.terms if each.parameter != name])
    base = problem.replace(parameters=[p for p in problem.parameters if p.name not in tangents],
                           modalities=list(surveys.values()))
    for name in tangents_of(base):
        prior = base.by_name[name].prior
        base = _with_prior(base, name, replace(prior, standing=True, center=np.zeros(len(prior.std))))
    return base


def _placed(base, tangents, errors):
    """That with the operators for some errors, less what the data then have whatever the model."""
    surveys = dict(base.surveys)
    for name, t in tangents.items():
        if t.geometry.movable:
            m = surveys[t.survey]
            surveys[t.survey] = m.replace(forward=t.geometry.operator(errors[name]),
                                          data=m.data - t.geometry.offset(errors[name]))
    return base.replace(modalities=list(surveys.values()))


def _lined(base, slopes, here):
    """(the problem with the columns and places of its other unknowns laid anew, how far that moved its data)."""
    change = 0.0
    for name, t in tangents_of(here).items():
        m, p, slope = base.surveys[t.survey], base.by_name[name], slopes[name]
        std, old = np.asarray(p.prior.std), m.term(name)
        moved = (slope.columns - old.columns) ** 2 @ np.square(std)
        change = max(change, float(np.sqrt(np.mean(moved / m.noise.variance()))))
        laid = p.replace(prior=replace(p.prior, center=-np.square(std) * slope.traces))
        base = base.replace(
            parameters=[laid if q is p else q for q in base.parameters],
            modalities=[m.replace(terms=[replace(e, columns=slope.columns) if e is old else e for e in m.terms])
                        if q is m else q for q in base.modalities])
    return base, change


def _assembled(problem, base, tangents, errors, figures):
    """The linear problem: columns, data, and a stand-in for the prior of every unknown."""
    here = _placed(base, tangents, errors)
    _, slopes = slopes_of(here, _asked(here, tangents, errors))
    parameters, surveys = {p.name: p for p in problem.parameters}, dict(here.surveys)
    for name, tangent in tangents.items():
        p, slope = parameters[name], slopes[name]
        laid = replace(tangent, error=errors[name], **figures)
        if not tangent.geometry.movable:
            std = np.asarray(p.prior.std)
            parameters[name] = p.replace(prior=replace(base.by_name[name].prior, standing=False, tangent=replace(
                laid, evidence=0.5 * float(np.sum(np.square(std * slope.traces))),
                trace_error=float(np.max(slope.error * std)))))
            continue

        def at(error, name=name):
            moved = errors | {name: error}
            there = _placed(base, tangents, moved)
            model, found = slopes_of(there, {name: (replace(tangents[name], error=error), True)})
            own = parameters[name].prior.std
            return EndPoint(error=error, model=there.physical(tangents[name].survey, model),
                            gradient=found[name].gradient - error / np.square(own))

        profiles = profiles_of(name, at, p.prior.std, errors[name], slope)
        stood, shape = stand_in(name, p.prior, errors[name], slope, profiles)
        laid = replace(laid, ends=tuple(end for profile in profiles for end in profile.ends), **shape)
        parameters[name] = p.replace(prior=replace(p.prior, tangent=laid, standing=False, **stood))
        m = surveys[tangent.survey].with_term(name, slope.columns)
        surveys[tangent.survey] = m.replace(data=m.data + slope.columns @ errors[name],
                                            metadata=m.metadata | {"tangent": laid.words()})
    return problem.replace(parameters=[parameters[p.name] for p in problem.parameters],
                           modalities=[surveys[m.name] for m in problem.modalities])
