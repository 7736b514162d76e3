"""From a joint problem to the arrays of `solvers.rrcg` and back."""

import time
from dataclasses import replace

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._checks import as_finite, fail
from ..solvers import Block, Misfit, NoCoupling, rrcg
from ._result import MapResult


class WhitenedOperator(LinearOperator):
    """√w C^{-1/2} A: a modality's operator on the state vector, to whitened data.

    Parameters
    ----------
    operator : LinearOperator, shape (n_data, n)
        A, to physical data.
    noise : noise
        C.
    exponent : float
        w, the likelihood's exponent.
    """

    def __init__(self, operator, noise, exponent):
        super().__init__(np.dtype(np.float64), operator.shape)
        self.operator, self.noise, self.root = operator, noise, np.sqrt(exponent)

    def whiten(self, data):
        """√w C^{-1/2} d."""
        return self.root * self.noise.whiten(data)

    def _matvec(self, x):
        return self.whiten(self.operator.matvec(np.ravel(x)))

    def add_adjoint(self, y, out):
        """Add √w Aᵀ C^{-1/2} y to `out`, shape (n,)."""
        self.operator.add_adjoint(self.root * self.noise.whiten_adjoint(np.ravel(y)), out)


class PenaltyForces(NoCoupling):
    """A problem's penalties as `solvers.rrcg` wants them.

    Densities give gradients and curvatures; a Gramian with one weight for each parameter gives multipliers.

    Parameters
    ----------
    problem : JointProblem
        Its penalties are used.
    """

    def __init__(self, problem):
        self.problem = problem
        bound = problem.penalties
        self.densities = [b for b in bound if getattr(b, "is_density", True)]
        self.others = [b for b in bound if b not in self.densities]
        self._sums = {True: np.zeros(problem.size if self.densities else 0),  # of densities, reused at every look
                      False: np.zeros(problem.size if self.others else 0)}

    def look(self, x):
        """({coupling_i: value}, gradient of the densities or None, multipliers of the others or None).

        The arrays are overwritten at the next look.
        """
        parts, values, sums = self.problem.parts(x), {}, {True: None, False: None}
        for i, bound in enumerate(self.problem.penalties):
            density = bound not in self.others
            first, total = sums[density] is None, self._sums[density]
            into = self.problem.parts(total)
            whole = {"out": into} if first and hasattr(bound, "look") and set(bound.names) == set(into) else {}
            value, slopes = bound.look(parts, **whole) if hasattr(bound, "look") else (
                bound.value(parts), bound.gradient(parts))
            values[f"coupling_{i}"] = value
            if not all(slope is into[name] for name, slope in slopes.items()):
                total[:] = 0.0 if first else total
                for name, slope in slopes.items():
                    into[name] += slope
            sums[density] = total
        return values, sums[True], sums[False]

    def curvature(self, x, where, direction):
        """Curvature of the densities along a direction in one block, at least 0."""
        if not self.densities:
            return 0.0
        whole = np.zeros(x.size)
        whole[where] = direction
        parts, directions = self.problem.parts(x), self.problem.parts(whole)
        name = next(name for name, place in self.problem.slices.items() if place == where)
        along = (bound.hessian_product(parts, directions).get(name) for bound in self.densities)
        return max(0.0, sum(float(direction @ v) for v in along if v is not None))


def rrcg_map(problem, start, settings, alpha_floor=None, tolerance=1e-3, callback=None):
    """The paper's iteration on a joint problem.

    Parameters
    ----------
    problem : JointProblem
        Parameters on a mesh need `Focusing` or `MinimumLength` priors.
    start : ndarray, shape (problem.size,)
        First iterate.
    settings : RRCGSettings
        How the iteration goes.
    alpha_floor : float or dict of {parameter: float}, optional
        α never falls below it. Default 0.
    tolerance : float, default 1e-3
        Projected gradient, relative to that of the start, below which the iterate counts as stationary.
    callback : callable, optional
        Called with (iteration, {modality: χ²}).

    Returns
    -------
    MapResult
    """
    began = time.perf_counter()
    forces = PenaltyForces(problem)
    answer = rrcg(start, [_misfit(problem, k) for k in range(len(problem.modalities))],
                  _blocks(problem, alpha_floor), coupling=forces, lower=problem.lower, upper=problem.upper,
                  free=problem.free, settings=settings, callback=callback)
    stationary = not forces.others and answer.projected_gradient <= tolerance
    return MapResult(
        model=problem.unpack(answer.x), converged=stationary,
        chi2={name: value / problem.weights[name] for name, value in answer.chi2.items()},
        target_met=answer.target_met, message=_message(answer, bool(forces.others), tolerance),
        history=answer.history, problem=with_alpha(problem, answer.alpha), method="rrcg", x=answer.x,
        iterations=answer.iterations, seconds=time.perf_counter() - began)


def discrepancy_target(size):
    """χ² at which `size` data count as fitted: n + √(2n), one standard deviation above what noise alone gives."""
    return size + np.sqrt(2.0 * size)


def with_alpha(problem, alpha):
    """The problem with other regularisation weights.

    Parameters
    ----------
    problem : JointProblem
    alpha : dict of {parameter: float}
        New α of the parameters named.

    Returns
    -------
    JointProblem
    """
    return problem.replace(parameters=[
        p.replace(prior=replace(p.prior, alpha=float(alpha[p.name]))) if p.name in alpha else p
        for p in problem.parameters])


def _misfit(problem, k):
    modality = problem.modalities[k]
    operator = WhitenedOperator(problem.operator(k), modality.noise, problem.weights[modality.name])
    return Misfit(name=modality.name, operator=operator, data=operator.whiten(modality.data),
                  blocks=modality.parameters, target=discrepancy_target(modality.size))


def _blocks(problem, alpha_floor):
    floors = by_name("alpha_floor", alpha_floor or 0.0, [p.name for p in problem.parameters], 0.0)
    if min(floors.values()) < 0:
        fail("alpha_floor", "be >= 0", f"{min(floors.values()):g}", "0 means no floor.")
    if any(hasattr(c, "joint_covariance") for c in problem.couplings):
        fail("couplings", "hold penalties only for method='rrcg'", "a joint covariance",
             "A linear-Gaussian problem has its exact answer: posterior(problem).mean().")
    return [_block(p, problem.slices[p.name], floors[p.name]) for p in problem.parameters]


def _block(parameter, where, floor):
    prior = parameter.bound_prior
    if hasattr(prior, "touch"):
        kind = {"parabola": prior} if prior.gradient_operator is None else {"prior": prior.look}
        return Block(name=parameter.name, where=where, alpha=prior.alpha, floor=floor, **kind)
    if parameter.mesh is not None:
        fail(f"prior of {parameter.name}", "be Focusing or MinimumLength for method='rrcg'", repr(parameter.prior),
             "Give it one of those, or ask posterior(problem) for a Gaussian problem.")
    if prior is None:
        return Block(name=parameter.name, where=where)

    def look(m):
        return prior.value(m), prior.gradient(m), lambda v: float(v @ prior.hessian_product(m, v)), 1.0

    return Block(name=parameter.name, where=where, prior=look)


def by_name(argument, given, names, default):
    """{name: number} from one number for all, or a dict that may leave names out."""
    given = given if isinstance(given, dict) else dict.fromkeys(names, given)
    unknown = sorted(set(given) - set(names))
    if unknown:
        fail(argument, f"be keyed by names among {names}", f"{unknown}", "Correct the key.")
    return {name: float(as_finite(argument, given.get(name, default), 0)) for name in names}


def _message(answer, multipliers, tolerance):
    if answer.target_met:
        stop = f"every data set fits (chi2 <= n + sqrt(2 n)) after {answer.iterations} iterations"
    else:
        stop = f"stopped at the limit of {answer.iterations} iterations before every data set fitted"
    if multipliers:
        return f"{stop}; no MAP: Gramian(weights=...) is the gradient of nothing, so there is no density to maximise"
    size = f"projected gradient at {answer.projected_gradient:.2g} of its start"
    if answer.projected_gradient <= tolerance:
        return f"{stop}; a stationary point ({size}, criterion {tolerance:g})"
    return f"{stop}; an iterate and no MAP ({size}, a stationary point needs {tolerance:g})"
