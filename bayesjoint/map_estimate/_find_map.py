"""The door to the model estimates."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, as_positive, checked, fail, one_of
from .._progress import progress_bar
from .._typing import Callable, JointProblem, MapResult
from ..problem import check_gaussian_noise
from ..solvers import RRCGSettings
from ._converged import converged_map
from ._gaussian_map import gaussian_map, is_gaussian_field
from ._nonlinear import nonlinear_map
from ._rounds import in_rounds, map_in_rounds, refuse_rounds
from ._rrcg_map import rrcg_map

METHODS = ("auto", "map", "rrcg")


@checked
def find_map(problem: JointProblem, method: str = "auto", *, start: dict | None = None, seed: int = 0,
             max_iterations: int | None = None, tolerance: float = 1e-3, progress: bool = False,
             callback: Callable | None = None, discrepancy: bool | None = None, target: float | dict = 1.0,
             alpha_decay: float = 0.95, alpha_floor: float | dict | None = None, conjugacy: str = "polak-ribiere",
             hold_bounds: bool = True, stop_at_target: bool = True) -> MapResult:
    """Find the most probable model of a problem, or one that fits all data.

    Parameters
    ----------
    problem : JointProblem
        What is asked.
    method : {"auto", "map", "rrcg"}, default "auto"
        "map": the converged MAP, a stationary point of Φ between its bounds, at the α at which it fits the data (see
        `discrepancy`). "rrcg": the re-weighted regularised conjugate gradients of Vatankhah et al. (2022, arXiv
        2112.15562). α falls until the data fit; what it returns is an iterate, not a minimum of Φ, and says so.
        "auto": "map", or "rrcg" where a coupling is no density. With a nonlinear `ForwardModel` the "map" is found by
        damped Gauss–Newton steps (`solvers.gauss_newton`), with α as given; there may be other minima. Linear-Gaussian
        fields have one answer, whatever the start: the posterior mean, by one solve with the data's covariance at any
        size, or between bounds the mode, by splitting on the fields' tori and Newton's steps with products alone
        (minutes at 100,000 cells; see the benchmarks).
    start : dict of array_like, optional
        {parameter: physical array} to begin from. Default: the reference model, put between the bounds; under a
        `RockMixture`, which has many minima, the "map" without it.
    seed : int, default 0
        Of the probes that precondition "map"; "rrcg" draws nothing.
    max_iterations : int, optional
        Default: 200 Newton steps for each model of "map", and ten times as many of splitting where it applies;
        100 Gauss–Newton steps; K_max = 150, the paper's, for "rrcg".
    tolerance : float, default 1e-3
        `.converged` is True where the projected gradient is at most this much of that at the start ("rrcg"), of that
        at the reference model for each parameter, plain and in depth-weighted coordinates ("map"). With a nonlinear
        model: where the minimum is at most this many posterior standard deviations away, as the linearised problem has
        them. With linear-Gaussian fields between bounds: where values are at most this many prior standard deviations,
        root mean square, from the bounds that hold them.
    progress : bool, default False
        Show a progress bar.
    callback : callable, optional
        For "map": called with (x, record) at every iterate, x the state vector, record a row of the history.
    discrepancy : bool, optional
        For "map": move the α of each parameter both ways until every converged χ² is right. Default: where priors have
        an α (`Focusing`, `MinimumLength`); False holds them.
    target : float or dict of {modality: float}, default 1.0
        For "map": χ²/n aimed at.
    alpha_decay : float, default 0.95
        q: α is multiplied by it each iteration until every survey that sees the parameter fits.
    alpha_floor : float or dict of {parameter: float}, optional
        α never falls below it. Default 0.
    conjugacy : {"polak-ribiere", "fletcher-reeves"}, default "polak-ribiere"
        See `RRCGSettings`; the paper's is "fletcher-reeves".
    hold_bounds : bool, default True
        Keep cells that press against a bound out of the search direction. The paper's is False.
    stop_at_target : bool, default True
        Stop when every χ² <= n + √(2n). False goes on to `max_iterations`, to look at semi-convergence.

    Returns
    -------
    MapResult
        A `ConvergedMap`, which adds the criterion and the active bounds, from "map"; a `GaussNewtonMap` where a
        forward model is not linear.

    Raises
    ------
    ValueError
        On a prior, coupling or noise (`StudentNoise`) the method cannot handle, a start outside the bounds, or bad
        settings.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((3, 6, 6), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Focusing(20_000), bounds=(0, 1000))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> truth = np.zeros(mesh.shape)
    >>> truth[1, 2:4, 2:4] = 1000.0
    >>> survey = bj.Modality("gravity", gravity, gravity.predict(truth), bj.DiagonalNoise(np.full(36, 0.02)), "density")
    >>> result = find_map(bj.JointProblem([density], [survey]), method="rrcg")
    >>> result.target_met, result.converged
    (True, False)
    >>> result = find_map(bj.JointProblem([density], [survey]), method="map", discrepancy=False)
    >>> result.converged, result.criterion <= 1e-3
    (True, True)
    """
    check_gaussian_noise(problem, "for find_map")
    tolerance = float(as_positive("tolerance", tolerance, 0))
    if max_iterations is not None:
        as_count("max_iterations", max_iterations, 0, "The default is enough for most problems.")
    if one_of("method", method, METHODS) == "auto":
        densities = in_rounds(problem) or all(getattr(c, "is_density", True) for c in problem.couplings)
        method = "map" if densities else "rrcg"
    if problem.nonlinear and method == "rrcg":
        fail("method", 'be "map" where a forward model is not linear', repr(method), "RRCG is for linear operators.")
    settings = RRCGSettings(alpha_decay=alpha_decay, max_iterations=150 if max_iterations is None else max_iterations,
                            conjugacy=conjugacy, hold_bounds=hold_bounds, stop_at_target=stop_at_target)
    x = _start(problem, start)
    if method == "map":
        most = 200 if max_iterations is None else max_iterations
        with _Bar(problem, None, progress, "Gauss-Newton" if problem.nonlinear else "MAP") as bar:
            options = {"discrepancy": discrepancy, "seed": seed, "callback": bar.watching(callback)}

            def solve(asked, x, share=1.0):
                if asked.nonlinear:
                    return nonlinear_map(asked, x, share * tolerance,
                                         100 if max_iterations is None else max_iterations, **options)
                if is_gaussian_field(asked, discrepancy):
                    return gaussian_map(asked, share * tolerance, most, options["callback"])
                return converged_map(asked, x, share * tolerance, target=target, max_iterations=most, **options)

            convex = [c for c in problem.couplings if not getattr(c, "many_minima", False)]
            if start is None and len(convex) < len(problem.couplings):  # begin where the data and the rest want to be
                x = solve(problem.replace(couplings=convex), x).x
            return map_in_rounds(problem, x, solve) if in_rounds(problem) else solve(problem, x)
    refuse_rounds(problem, method)
    with _Bar(problem, settings.max_iterations, progress, "RRCG") as bar:
        return rrcg_map(problem, x, settings, alpha_floor, tolerance, bar.update)


def _start(problem, start):
    if start is None:
        return problem.start()
    x = problem.pack(start)
    slack = 1e-9 * np.maximum(1.0, np.abs(x))
    outside = int(np.sum((x < problem.lower - slack) | (x > problem.upper + slack)))
    if outside:
        fail("start", "lie within the bounds", f"{outside} value(s) outside", "Clip it first.")
    return np.where(problem.free, np.clip(x, problem.lower, problem.upper), problem.start())


class _Bar:
    """A progress bar with χ²/n of each survey, or nothing."""

    def __init__(self, problem, total, shown, label):
        self.sizes, self.count = {m.name: m.size for m in problem.modalities}, 0
        self.bar = progress_bar(shown, total=total, desc=label, unit="it")

    def __enter__(self):
        return self

    def update(self, iteration, chi2):
        self.count = iteration
        self.bar.set_postfix({name: f"{value / self.sizes[name]:.3g}" for name, value in chi2.items()})
        self.bar.update(iteration - self.bar.n)

    def watching(self, callback):
        """A callback (x, record) that moves the bar and calls another, if there is one."""
        def watch(x, record):
            self.update(self.count + 1, {name: record[f"chi2_{name}"] for name in self.sizes})
            if callback is not None:
                callback(x, record)

        return watch

    def __exit__(self, *exception):
        self.bar.close()
