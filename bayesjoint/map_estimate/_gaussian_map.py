"""The MAP of an unbounded linear-Gaussian problem: its posterior mean, from one solve with the data's covariance."""

import time

import numpy as np

from ..gaussian import DENSE_DATA, data_system, is_linear_gaussian
from ..priors import DiagonalCovariance
from ._converged import ConvergedMap, within_noise

SOLVED = 1e-8  # whitened relative residual of the solve


def is_posterior_mean(problem, discrepancy=None):
    """Whether the MAP is a posterior mean that one solve gives: no bounds, and no α that is to move.

    Cells that are independent under the prior are left to Newton's method above 6,000 data, which knows their inverse.
    """
    moves = any(hasattr(p.prior, "alpha") for p in problem.parameters) if discrepancy is None else discrepancy
    if moves or not is_linear_gaussian(problem):
        return False
    fields = any(p.mesh is not None for p in problem.parameters)
    tied = any(not isinstance(bound.covariance, DiagonalCovariance) for _, bound in problem.prior.blocks)
    return fields and (tied or problem.data_size <= DENSE_DATA)


def gaussian_map(problem, callback=None):
    """Posterior mean of a linear-Gaussian problem as a `ConvergedMap`, hidden cells of continued fields included.

    Parameters
    ----------
    problem : JointProblem
        See `is_posterior_mean`.
    callback : callable, optional
        Called once, with (x, record).

    Returns
    -------
    ConvergedMap
        Its ratios are of Γ times the gradient, which is the step that a residual of the solve still asks for, over
        that from the prior mean; its value ½ yᵀPy is Φ over all cells that there are.
    """
    began, system = time.perf_counter(), data_system(problem, tolerance=SOLVED, purpose="the MAP in closed form")
    model, white = system.model, system.residual[:, None]
    solved, left = system.solve(white, SOLVED)
    weights, flat = system.flat.eliminate(solved, white)
    x = model.prior_mean + model.gain(model.whiten_adjoint(weights))[:, 0]
    x[system.flat.index] += flat[:, 0]
    chi2 = {m.name: float(weights[where, 0] @ weights[where, 0]) / problem.weights[m.name]
            for m, where in zip(problem.modalities, model.data_slices, strict=True)}
    moves = model.gain(model.whiten_adjoint(np.hstack([left, white])))
    std = np.sqrt(model.prior_variance())[:, None]
    scaled = np.divide(moves, std, out=np.zeros_like(moves), where=std > 0)
    ratios = {key: {name: _ratio(values[where]) for name, where in problem.slices.items()}
              for key, values in (("plain", moves), ("scaled", scaled))}
    criterion = max(max(r.values()) for r in ratios.values())
    value = 0.5 * float(white[:, 0] @ weights[:, 0])
    record = {"search": 0, "value": value, "ratio": criterion, "share_active": 0.0, "products": 0, "damping": 0.0}
    record |= {f"chi2_{name}": v for name, v in chi2.items()}
    if callback is not None:
        callback(x, record)
    return ConvergedMap(
        model=problem.unpack(x), chi2=chi2, converged=True, target_met=all(within_noise(problem, chi2).values()),
        message=_message(problem, chi2, criterion), history={k: np.array([v]) for k, v in record.items()},
        problem=problem, method="map", x=x, iterations=0, seconds=time.perf_counter() - began, value=value,
        criterion=criterion, ratios=ratios,
        active={name: np.zeros(problem.by_name[name].shape, dtype=bool) for name in problem.slices},
        active_share=dict.fromkeys(problem.slices, 0.0), searches=1, products=0)


def _ratio(moves):
    rest, first = np.linalg.norm(moves, axis=0)
    return float(rest / first) if first > 0 else 0.0


def _message(problem, chi2, criterion):
    said = ", ".join(f"{m.name} {chi2[m.name] / m.size:.3f}" for m in problem.modalities)
    return (f"a stationary point of Phi: the posterior mean in closed form, residual {criterion:.1g}; hyperparameters "
            f"as given; chi2/n {said}")
