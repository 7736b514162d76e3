"""The MAP of linear-Gaussian fields by the data's covariance: the posterior mean, or its mode between bounds."""

import time

import numpy as np

from ..gaussian import DENSE_DATA, data_system
from ..priors import DiagonalCovariance
from ..solvers import bounded_gaussian, distances_to_bounds
from ._converged import ConvergedMap, within_noise
from ._split_map import multipliers_by_splitting, splits

SOLVED = 1e-8  # whitened relative residual of the solve
STEPS = 10  # of splitting, for each Newton step that is allowed: they are cheaper


def is_gaussian_field(problem, discrepancy=None):
    """Whether only bounds keep the MAP from being a posterior mean that one solve gives, and no α is to move.

    Cells that are independent under the prior are left to Newton's method where there are bounds or above 6,000 data:
    it knows their inverse.
    """
    moves = any(hasattr(p.prior, "alpha") for p in problem.parameters) if discrepancy is None else discrepancy
    if moves or problem.nonlinear or problem.penalties or not all(bound.gaussian for _, bound in problem.prior.blocks):
        return False
    fields = any(p.mesh is not None for p in problem.parameters)
    if not problem.bounded and problem.data_size <= DENSE_DATA:
        return fields or not problem.prior.flat  # Newton's method needs no data for every flat value
    return fields and any(not isinstance(bound.covariance, DiagonalCovariance) for _, bound in problem.prior.blocks)


def gaussian_map(problem, tolerance=1e-3, max_iterations=200, callback=None):
    """MAP of a linear-Gaussian problem as a `ConvergedMap`, hidden cells of continued fields included.

    Parameters
    ----------
    problem : JointProblem
        See `is_gaussian_field`.
    tolerance : float, default 1e-3
        Of bounds: see `bounded_gaussian`; without them the solve is closer than any tolerance of use.
    max_iterations : int, default 200
        Newton steps between bounds, and a tenth of the steps of splitting before them.
    callback : callable, optional
        Called with (x, record): once for a posterior mean; between bounds at every Newton step and every twentieth
        step of splitting.

    Returns
    -------
    ConvergedMap
        Its value is Φ over all cells that there are: ½ yᵀPy, and what the bounds add to it as the dual function of
        their multipliers tells, which is never above the minimum. Without bounds its ratios are of Γ times the
        gradient, which is the step that a residual of the solve still asks for, over that from the prior mean. With
        bounds they are distances in prior standard deviations, root mean square and largest, between the bounds and
        the values that they hold or clipped.
    """
    began, free = time.perf_counter(), problem
    if problem.bounded:
        free = problem.replace(parameters=[p.replace(bounds=None) for p in problem.parameters])
    mean = _Mean(free)
    return (_between_bounds if problem.bounded else _closed_form)(problem, mean, tolerance, max_iterations, callback,
                                                                  began)


class _Mean:
    """The posterior mean, and products with the posterior covariance."""

    def __init__(self, problem):
        self.problem = problem
        self.system = data_system(problem, tolerance=SOLVED, purpose="the MAP in closed form")
        self.model, self.white = self.system.model, self.system.residual[:, None]
        solved, self.left = self.system.solve(self.white, SOLVED)
        self.weights, flat = self.system.flat.eliminate(solved, self.white)  # whitened residuals of the mean
        self.x = self.model.prior_mean + self.gain(self.weights)
        self.x[self.system.flat.index] += flat[:, 0]
        self.products = 0  # with the posterior covariance
        self.value = 0.5 * float(self.white[:, 0] @ self.weights[:, 0])

    def gain(self, weights):
        """Cov(x, d̃) times whitened data (n_data, 1), shape (size,)."""
        return self.model.gain(self.model.whiten_adjoint(weights))[:, 0]

    def product(self, v):
        """Posterior covariance of x times v, shape (size,)."""
        return self.moved(v)[0]

    def moved(self, v):
        """(`product`, weights of the data that v is seen in)."""
        self.products += 1
        moved, weights, flat = self.respond(v)
        out = moved - self.gain(weights)
        out[self.system.flat.index] = -flat[:, 0]
        return out, weights

    def respond(self, v):
        """(Γv, weights of the data that v is seen in, flat values)."""
        moved, seen = self.model.prior_and_seen(v[:, None])
        seen = self.model.whiten(seen)
        weights, flat = self.system.flat.eliminate(self.system.solve(seen)[0], seen, v[self.system.flat.index, None])
        return moved[:, 0], weights, flat

    def std(self):
        """Prior std of x; of flat values the posterior's."""
        variance = self.model.prior_variance()
        variance[self.system.flat.index] = np.diag(self.system.flat.inverse)
        return np.sqrt(variance)

    def chi2(self, weights):
        """{modality: χ²} of whitened residuals."""
        return {m.name: float(weights[where, 0] @ weights[where, 0]) / self.problem.weights[m.name]
                for m, where in zip(self.problem.modalities, self.model.data_slices, strict=True)}


def _closed_form(problem, mean, tolerance, max_iterations, callback, began):
    """The posterior mean."""
    moves = np.column_stack([mean.gain(part) for part in (mean.left, mean.white)])
    std = np.sqrt(mean.model.prior_variance())[:, None]
    scaled = np.divide(moves, std, out=np.zeros_like(moves), where=std > 0)
    ratios = {key: {name: _ratio(values[where]) for name, where in problem.slices.items()}
              for key, values in (("plain", moves), ("scaled", scaled))}
    criterion = max(max(r.values()) for r in ratios.values())
    chi2 = mean.chi2(mean.weights)
    row = _row(mean.value, criterion, 0.0, 0, chi2)
    if callback is not None:
        callback(mean.x, row)
    nowhere = np.zeros(problem.size, dtype=bool)
    return _result(problem, mean.x, chi2, [row], ratios, nowhere, True, began,
                   f"a stationary point of Phi: the posterior mean in closed form, residual {criterion:.1g}")


def _between_bounds(problem, mean, tolerance, max_iterations, callback, began):
    """The posterior's mode between the bounds."""
    search = _Search(problem, mean, tolerance, callback)
    if not search.look(search.best[1]) and splits(problem):
        multipliers_by_splitting(problem, search.look, STEPS * max_iterations)
    found = bounded_gaussian(mean.x, mean.product, search.lower, search.upper, search.std, start=search.best[1],
                             tolerance=tolerance, max_iterations=max_iterations, callback=search.newton)
    ratios = {key: {name: float(size(found.gap[where][search.bounded[where]]))
                    for name, where in problem.slices.items()}
              for key, size in (("plain", _size), ("scaled", lambda g: np.abs(g).max(initial=0.0)))}
    first = "a stationary point of Phi: " if found.converged else "not a stationary point of Phi: "
    chi2 = mean.chi2(mean.weights - mean.respond(found.multipliers)[1])
    criterion = max(ratios["plain"].values())
    return _result(problem, found.x, chi2, search.rows, ratios, found.multipliers != 0, found.converged, began,
                   f"{first}the mode between bounds, {criterion:.1g} prior std from those that hold", criterion)


class _Search:
    """The history of a search for the multipliers of bounds, and the best so far: (criterion, multipliers)."""

    def __init__(self, problem, mean, tolerance, callback):
        self._mean, self._tolerance, self._callback, self.rows, self.std = mean, tolerance, callback, [], mean.std()
        self.lower, self.upper = (np.where(self.std > 0, side, none)
                                  for side, none in ((problem.lower, -np.inf), (problem.upper, np.inf)))
        self.bounded = np.isfinite(self.lower) | np.isfinite(self.upper)
        self.best = np.inf, np.zeros(problem.size)

    def look(self, multipliers):
        """Whether multipliers will do."""
        moved, weights = self._mean.moved(multipliers)
        x = self._mean.x + moved
        gap = distances_to_bounds(x, multipliers, self.lower, self.upper) / np.where(self.std > 0, self.std, 1.0)
        self._record(x, multipliers, gap, weights)
        if self.rows[-1]["ratio"] < self.best[0]:
            self.best = self.rows[-1]["ratio"], multipliers
        return self.rows[-1]["ratio"] <= self._tolerance

    def newton(self, x, multipliers, gap, _):
        """Record a Newton step."""
        self._record(x, multipliers, gap, self._mean.respond(multipliers)[1])

    def _record(self, x, multipliers, gap, weights):
        mean, bounded = self._mean, self.bounded
        held = float((gap * self.std)[bounded] @ multipliers[bounded])
        value = mean.value + 0.5 * float((x - mean.x) @ multipliers) - held
        self.rows.append(_row(value, _size(gap[bounded]), float(np.mean(multipliers != 0)), mean.products,
                              mean.chi2(mean.weights - weights)))
        if self._callback is not None:
            self._callback(x, self.rows[-1])


def _size(distances):
    """Root mean square."""
    return float(np.sqrt(np.mean(distances**2))) if distances.size else 0.0


def _row(value, ratio, active, products, chi2):
    return {"search": 0, "value": value, "ratio": ratio, "share_active": active, "products": products,
            "damping": 0.0} | {f"chi2_{name}": v for name, v in chi2.items()}


def _result(problem, x, chi2, rows, ratios, active, converged, began, first, criterion=None):
    said = ", ".join(f"{m.name} {chi2[m.name] / m.size:.3f}" for m in problem.modalities)
    active = {name: active[where].reshape(problem.by_name[name].shape) for name, where in problem.slices.items()}
    return ConvergedMap(
        model=problem.unpack(x), chi2=chi2, converged=converged, target_met=all(within_noise(problem, chi2).values()),
        message=f"{first}; hyperparameters as given; chi2/n {said}",
        history={k: np.array([row[k] for row in rows]) for k in rows[0]}, problem=problem, method="map", x=x,
        iterations=len(rows) - 1, seconds=time.perf_counter() - began, value=rows[-1]["value"],
        criterion=max(max(r.values()) for r in ratios.values()) if criterion is None else criterion, ratios=ratios,
        active=active, active_share={name: float(mask[problem.by_name[name].ground.reshape(mask.shape)].mean())
                                     for name, mask in active.items()},
        searches=1, products=int(rows[-1]["products"]))


def _ratio(moves):
    rest, first = np.linalg.norm(moves, axis=0)
    return float(rest / first) if first > 0 else 0.0
