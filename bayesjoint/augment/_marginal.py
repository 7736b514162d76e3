"""How likely data make an unknown of the measurement, the model integrated out: the log evidence's slope."""

from dataclasses import dataclass

import numpy as np

from .._places import blocks, unit_columns
from ..gaussian import data_system

EXACT_DATA = 1000  # up to which a trace is a sum over all data
PROBES = 64  # simulated data sets beyond that: an eighth of the unknown's std
COLUMNS = 64  # at once
PURPOSE = "an unknown that enters by a tangent"


@dataclass(frozen=True, kw_only=True, eq=False)
class Slope:
    """Of log p(d | θ) for one unknown.

    Parameters
    ----------
    columns : ndarray or sparse array, shape (n_data, q)
        D: derivatives of the data of the mean model.
    gradient : ndarray, shape (q,)
        Dᵀα − tr(K⁻¹ A′ Γ Aᵀ).
    traces : ndarray, shape (q,)
        The second term.
    error : ndarray, shape (q,)
        Standard error of the traces; 0 where they are sums over all data.
    information : ndarray, shape (q, q), or None
        DᵀK⁻¹D; None where there is one value for each datum.
    """

    columns: object
    gradient: np.ndarray
    traces: np.ndarray
    error: np.ndarray
    information: np.ndarray | None


def slopes_of(problem, unknowns):
    """(posterior mean of the problem's x, {name: `Slope`}) of unknowns, at the errors that its operators have in.

    With K = A Γ Aᵀ + C and α = K⁻¹(d − Aμ), the derivative of log N(d; Aμ, K) by θ_j is αᵀ A′_j m̄ − tr(K⁻¹ A′_j Γ Aᵀ).
    The first term is the misfit's; the second is the evidence's: without it the stronger field would win, whose model
    is the smaller one. Flat values are eliminated.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, without those of the unknowns that operators can be built for.
    unknowns : dict of {str: (Tangent, bool)}
        What to find the slope for, and whether its traces are wanted.
    """
    system = data_system(problem, purpose=PURPOSE)
    mean, pull = system.mean_and_pull()
    alpha = system.model.whiten_adjoint(pull[:, None])[:, 0]
    traces = _traces(system, {name: tangent for name, (tangent, wanted) in unknowns.items() if wanted})
    out = {}
    for name, (tangent, _) in unknowns.items():
        columns = tangent.geometry.columns(problem.physical(tangent.survey, mean), tangent.error)
        trace, error = traces.get(name, (0.0, 0.0))
        size = columns.shape[1]
        out[name] = Slope(
            columns=columns, gradient=columns.T @ alpha[system.rows[tangent.survey]] - trace,
            traces=np.broadcast_to(trace, (size,)), error=np.broadcast_to(error, (size,)),
            information=None if tangent.geometry.labels is None else _information(system, tangent.survey, columns))
    return mean, out


def _information(system, survey, columns):
    wide = np.zeros((system.size, columns.shape[1]))
    wide[system.rows[survey]] = columns
    white = system.model.whiten(wide)
    found = white.T @ system.project(white)
    return 0.5 * (found + found.T)


def _traces(system, tangents):
    """{name: (tr K⁻¹ A′_j Γ Aᵀ for every j, their standard error)}, by unit vectors or by simulated data.

    With y ~ N(0, K) and u = K⁻¹y the expectation of uᵀ A′_j Γ Aᵀ u is that trace, and its variance the information on
    θ_j that such data have: N of them leave 1/√N of the std that they give it.
    """
    model, problem = system.model, system.model.problem
    exact = system.size <= EXACT_DATA
    count = system.size if exact else PROBES
    drawn = None if exact else system.draw(np.random.default_rng(0), count)
    found, names = {name: [] for name in tangents}, [m.name for m in problem.modalities]
    for part in blocks(count if tangents else 0, COLUMNS):
        left = unit_columns(system.size, np.arange(part.start, part.stop)) if exact else drawn[:, part]
        solved = system.project(left)
        moved = model.gain(model.whiten_adjoint(left if exact else solved))
        for name, tangent in tangents.items():
            survey = problem.surveys[tangent.survey]
            seen, rows = problem.by_name[survey.seen[0]], system.rows[survey.name]
            fields = tangent.geometry.slopes(seen.scale * moved[problem.slices[seen.name]], tangent.error)
            found[name].append(tangent.geometry.gather(np.stack([
                solved[rows] * model.whiten_survey(names.index(survey.name), field) for field in fields])))
    joined = {name: np.concatenate(parts, axis=1) for name, parts in found.items()}
    if exact:
        return {name: (each.sum(axis=1), np.zeros(len(each))) for name, each in joined.items()}
    return {name: (each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(count)) for name, each in joined.items()}
