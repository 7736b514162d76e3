"""The door to the model estimates."""

import numpy as np

from .._checks import fail, one_of
from ..solvers.rrcg import RRCGSettings
from .rrcg_map import rrcg_map

METHODS = ("auto", "rrcg")


def find_map(problem, method="auto", *, start=None, seed=0, alpha_decay=0.95, alpha_floor=None, max_iterations=150,
             conjugacy="polak-ribiere", hold_bounds=True, stop_at_target=True, tolerance=1e-3, progress=False):
    """Find a model that fits all data of a problem.

    Parameters
    ----------
    problem : JointProblem
        What is asked.
    method : {"auto", "rrcg"}, default "auto"
        "rrcg": the re-weighted regularised conjugate gradients of Vatankhah et al. (2022, arXiv 2112.15562). α falls
        until the data fit; what it returns is an iterate, not a minimum of Φ, and says so.
    start : dict of array_like, optional
        {parameter: physical array} to begin from. Default: the reference model, put between the bounds.
    seed : int, default 0
        Kept for methods that draw random numbers; "rrcg" draws none.
    alpha_decay : float, default 0.95
        q: α is multiplied by it each iteration until every survey that sees the parameter fits.
    alpha_floor : float or dict of {parameter: float}, optional
        α never falls below it. Default 0.
    max_iterations : int, default 150
        K_max.
    conjugacy : {"polak-ribiere", "fletcher-reeves"}, default "polak-ribiere"
        See `RRCGSettings`; the paper's is "fletcher-reeves".
    hold_bounds : bool, default True
        Keep cells that press against a bound out of the search direction. The paper's is False.
    stop_at_target : bool, default True
        Stop when every χ² <= n + √(2n). False goes on to `max_iterations`, to look at semi-convergence.
    tolerance : float, default 1e-3
        Projected gradient over that of the start at which `.converged` is True.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    MapResult

    Raises
    ------
    ValueError
        On a prior or coupling the method cannot handle, a start outside the bounds, or bad settings.

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
    """
    one_of("method", method, METHODS)
    settings = RRCGSettings(alpha_decay=alpha_decay, max_iterations=max_iterations, conjugacy=conjugacy,
                            hold_bounds=hold_bounds, stop_at_target=stop_at_target)
    x = _start(problem, start)
    with _Bar(problem, max_iterations, progress) as bar:
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

    def __init__(self, problem, total, shown):
        self.sizes = {m.name: m.size for m in problem.modalities}
        self.total, self.shown, self.bar = total, shown, None

    def __enter__(self):
        if self.shown:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=self.total, desc="RRCG", unit="it")
        return self

    def update(self, iteration, chi2):
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value / self.sizes[name]:.3g}" for name, value in chi2.items()})
            self.bar.update(iteration - self.bar.n)

    def __exit__(self, *exception):
        if self.bar is not None:
            self.bar.close()
