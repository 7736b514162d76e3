"""The converged MAP of problems with nonlinear forward models, by damped Gauss–Newton."""

import time
from dataclasses import dataclass

import numpy as np

from .._checks import fail
from ..problem import check_density
from ..solvers import gauss_newton
from ._objective import Objective, active_bounds
from ._result import MapResult
from ._rrcg_map import discrepancy_target

MATRIX_LIMIT = 400  # unknowns up to which the normal matrix is formed: its eigenvectors then take a tenth of a second


@dataclass(frozen=True, kw_only=True, repr=False)
class GaussNewtonMap(MapResult):
    """A `MapResult` of a nonlinear problem: a stationary point of Φ (if `converged`), with what that rests on.

    Attributes
    ----------
    value : float
        Φ at the model.
    criterion : float
        How far off the minimum is, in posterior standard deviations of the linearised problem; `converged` asks it to
        be <= tolerance. Φ is then within half its square of the minimum.
    value_error : float
        What Φ may still lose. Where there is no minimum (parameters run off while Φ falls to a limit) `converged` is
        False and this is extrapolated, see `solvers.gauss_newton.GaussNewtonResult`; inf where nothing can be said.
    undetermined : int or None
        Directions that neither data nor priors determine; None for more than 400 unknowns, where nobody counted them.
    active : dict of ndarray of bool
        {parameter: values at a bound towards which Φ still falls}.
    """

    value: float
    criterion: float
    value_error: float
    undetermined: int | None
    active: dict


class _Guarded(Objective):
    """Φ, infinite where a forward model makes no sense."""

    _counted, _chi2 = None, None

    def chi2(self, x):
        """{modality: χ²}, from memory where x is the last point asked for."""
        residuals = self.residuals(x)
        if residuals is not self._counted:
            self._counted, self._chi2 = residuals, super().chi2(x)
        return self._chi2

    def value(self, x):
        """Φ(x)."""
        with np.errstate(over="ignore"):
            return super().value(x) if all(np.isfinite(r).all() for r in self.residuals(x)) else np.inf


class _SmallObjective(_Guarded):
    """Φ with its Gauss–Newton Hessian as a matrix."""

    def __init__(self, problem):
        super().__init__(problem, data_diagonal=np.zeros(problem.size))  # it preconditions products, of which are none

    def hessian(self, x):
        """Gauss–Newton Hessian of Φ at x, shape (size, size)."""
        out, free = np.zeros((x.size, x.size)), np.flatnonzero(self.problem.free)
        out[np.ix_(free, free)] = self.problem.hessian_matrix(x, free)
        return out


def nonlinear_map(problem, start, tolerance=1e-3, max_iterations=100, discrepancy=None, seed=0, callback=None):
    """Minimise Φ between its bounds, at the hyperparameters given.

    Parameters
    ----------
    problem : JointProblem
        At least one nonlinear forward model; couplings with one weight.
    start : ndarray, shape (problem.size,)
        First iterate.
    tolerance : float, default 1e-3
        Largest distance from the minimum, posterior standard deviations.
    max_iterations : int, default 100
    discrepancy : bool, optional
        Only False or None: α is taken as given.
    seed : int, default 0
        Of the probes of the preconditioner, beyond 400 unknowns.
    callback : callable, optional
        Called with (x, record) at every iterate; record holds the history's entries.

    Returns
    -------
    GaussNewtonMap
    """
    began = time.perf_counter()
    check_density(problem)
    if discrepancy:
        fail("discrepancy", "be left out where a forward model is not linear", "True",
             "Give alpha, or fit it on the linearised problem.")
    objective = _SmallObjective(problem) if problem.size <= MATRIX_LIMIT else _Guarded(problem, seed=seed)
    rows = []

    def watch(x, record):
        rows.append(record | {f"chi2_{name}": value for name, value in objective.chi2(x).items()})
        if callback is not None:
            callback(x, rows[-1])

    answer = gauss_newton(objective, start, *objective.box(), tolerance=tolerance, callback=watch,
                          max_iterations=max_iterations)
    chi2 = objective.chi2(answer.x)
    return GaussNewtonMap(
        model=problem.unpack(answer.x), chi2=chi2, converged=answer.converged, message=_message(answer),
        target_met=all(problem.weights[m.name] * chi2[m.name] <= discrepancy_target(m.size)
                       for m in problem.modalities),
        history={key: np.array([row[key] for row in rows]) for key in rows[0]}, problem=problem, method="gauss-newton",
        x=answer.x, iterations=answer.iterations, seconds=time.perf_counter() - began, value=answer.value,
        criterion=answer.decrement, value_error=answer.value_error, undetermined=answer.undetermined,
        active=active_bounds(problem, answer))


def _message(answer):
    first = "a stationary point of Phi: " if answer.converged else "not a stationary point of Phi: "
    valley = f"{answer.undetermined} direction(s) that neither data nor priors determine; "
    return f"{first}{answer.message}; {valley if answer.undetermined else ''}hyperparameters as given"
