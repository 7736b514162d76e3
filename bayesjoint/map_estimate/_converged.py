"""The converged MAP: a stationary point of Φ between its bounds, at given or at fitting regularisation weights."""

import time
from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, fail
from ..solvers import projected_newton
from ._objective import Objective
from ._result import MapResult
from ._rrcg_map import by_name, with_alpha

SLOPE = 0.5  # d log χ² / d log α assumed before two models are known
LONGEST = 3.0  # largest step in log α
WINDOW = 3.0  # standard deviations √(2 / n) of χ²/n that count as fitted
CENTRAL = 0.25  # part of that window within which the search for α stops
NOTHING = 1e-6  # χ² over its target below which data count as fitted exactly


@dataclass(frozen=True, kw_only=True, repr=False)
class ConvergedMap(MapResult):
    """A `MapResult` whose model is a stationary point of Φ (if `converged`), with what that rests on.

    Attributes
    ----------
    value : float
        Φ at the model.
    criterion : float
        Largest projected-gradient ratio over parameters and norms; `converged` asks it to be <= tolerance.
    ratios : dict of dict
        {"plain" | "scaled": {parameter: norm of the projected gradient over that at the reference model}}: plain in
        m̂, scaled in m̂ over the prior's length (depth-weighted m̂ for focusing priors).
    active : dict of ndarray of bool
        {parameter: cells at a bound towards which Φ still falls}.
    active_share : dict of float
        {parameter: their share}.
    searches : int
        Converged models computed on the way, one for each trial of α.
    products : int
        Products with the Hessian; each costs one A and one Aᵀ a survey.
    """

    value: float
    criterion: float
    ratios: dict
    active: dict
    active_share: dict
    searches: int
    products: int


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """How far a converged MAP goes.

    Parameters
    ----------
    tolerance : float, default 1e-3
        Largest projected gradient, over that at the reference model, for each parameter and in both norms.
    discrepancy : bool, optional
        Move α, one for each parameter that has one, both ways until every converged χ² is where it should be. Default:
        where some prior has an α (`Focusing`, `MinimumLength`); False takes α as given.
    target : float or dict of {modality: float}, default 1.0
        χ²/n aimed at. Data that determine r of their n directions leave χ² near n − r at the truth's own noise, so
        values a little below 1 are sound.
    max_iterations : int, default 200
        Newton steps for each model.
    max_searches : int, default 15
        Models, each at another α.
    """

    tolerance: float = 1e-3
    discrepancy: bool | None = None
    target: object = 1.0
    max_iterations: int = 200
    max_searches: int = 15

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("tolerance", self.tolerance, 0)
        for name in ("max_iterations", "max_searches"):
            value = getattr(self, name)
            if isinstance(value, bool) or int(value) != value or value < 1:
                fail(name, "be an integer >= 1", repr(value), "The default is enough for most problems.")
        for value in self.target.values() if isinstance(self.target, dict) else (self.target,):
            as_positive("target", value, 0)


def converged_map(problem, start=None, settings=None, seed=0, callback=None):
    """Minimise Φ between its bounds to a stated criterion, and find the α at which that minimum fits the data.

    Parameters
    ----------
    problem : JointProblem
        A proper density or a flat prior with enough data; couplings with one weight.
    start : ndarray, shape (problem.size,), optional
        First iterate; default the reference model. An RRCG iterate is a good one. Φ may have several minima (Gramian,
        p = 0): a different start may find a different one.
    settings : MapSettings, optional
        Default: `MapSettings()`.
    seed : int, default 0
        Of the random probes of the preconditioner.
    callback : callable, optional
        Called with (x, record) at every iterate; record holds the history's entries.

    Returns
    -------
    ConvergedMap

    Raises
    ------
    ValueError
        If a coupling is no density, or `discrepancy` is asked for without any α.

    Notes
    -----
    Each model is found by `solvers.projected_newton`. The discrepancy principle solves log(χ²_p / (n_p target)) = 0 by
    a secant in log α_p for each parameter p, χ²_p over all surveys that see p, warm-started from the last model, until
    all lie within a quarter of ± 3 √(2 / n) around their targets; 1 ± 3 √(2 / n) is what counts as fitted.
    """
    began, settings = time.perf_counter(), settings or MapSettings()
    _check_density(problem)
    search = _Search(problem, settings, seed, callback)
    answer = search.solve(problem.start() if start is None else start)
    while search.moves and not search.fitted() and len(search.trials) < settings.max_searches:
        if not search.step():
            break
        answer = search.solve(answer.x)
    return search.result(began)


class _Search:
    """Models at a sequence of α."""

    def __init__(self, problem, settings, seed, callback):
        self.problem, self.settings, self.callback = problem, settings, callback
        self.names = [p.name for p in problem.parameters if hasattr(p.prior, "alpha")]
        wanted = bool(self.names) if settings.discrepancy is None else settings.discrepancy
        if wanted and not self.names:
            fail("discrepancy", "be False where no prior has an α", "True", "Fix the prior's std by evidence instead.")
        self.surveys = {name: [m for m in problem.modalities if name in m.parameters] for name in self.names}
        self.names = [name for name in self.names if self.surveys[name]]
        self.moves = wanted and bool(self.names)
        self.targets = by_name("target", settings.target, [m.name for m in problem.modalities], 1.0)
        self.alpha = {name: float(problem.by_name[name].prior.alpha) for name in self.names}
        self.slope = dict.fromkeys(self.names, SLOPE)
        self.trials, self.rows, self.seed, self.data_diagonal = [], [], seed, None

    def solve(self, start):
        """Converge at the present α, and keep the trial."""
        problem = with_alpha(self.problem, self.alpha)
        objective = Objective(problem, self.data_diagonal, self.seed)
        self.data_diagonal = objective.data_diagonal
        origin = problem.start()
        held = ~problem.free

        def watch(x, record):
            self._record(objective, x, record)

        answer = projected_newton(
            objective, start, np.where(held, origin, problem.lower), np.where(held, origin, problem.upper),
            reference=origin, groups=[problem.slices[p.name] for p in problem.parameters], metric=objective.metric(),
            tolerance=self.settings.tolerance, max_iterations=self.settings.max_iterations, callback=watch)
        chi2 = objective.chi2(answer.x)
        self.trials.append({"alpha": dict(self.alpha), "answer": answer, "chi2": chi2, "problem": problem,
                            "excess": self._excess(chi2)})
        return answer

    def fitted(self):
        """Whether every parameter's χ² is near enough to its target."""
        return self._worst(self.trials[-1]) <= CENTRAL

    def step(self):
        """Move each α by a secant in log α; False if they no longer move."""
        now, moved = self.trials[-1], False
        for name in self.names:
            excess, _ = now["excess"][name]
            if len(self.trials) > 1:
                before = self.trials[-2]
                change = np.log(now["alpha"][name] / before["alpha"][name])
                if abs(change) > 1e-3:
                    slope = (excess - before["excess"][name][0]) / change
                    self.slope[name] = float(np.clip(slope, 0.15, 2.0))
            length = float(np.clip(-excess / self.slope[name], -LONGEST, LONGEST))
            self.alpha[name] *= np.exp(length)
            moved |= abs(length) > 1e-6
        return moved

    def _excess(self, chi2):
        """{parameter: (log of χ² over its target, half width of the window around it, as a share)}."""
        out = {}
        for name in self.names:
            size = sum(m.size for m in self.surveys[name])
            wanted = sum(self.targets[m.name] * m.size for m in self.surveys[name])
            total = sum(self.problem.weights[m.name] * chi2[m.name] for m in self.surveys[name])
            out[name] = (float(np.log(max(total / wanted, NOTHING))), WINDOW * np.sqrt(2 / size) * size / wanted)
        return out

    def _worst(self, trial):
        return max((abs(np.expm1(excess)) / width for excess, width in trial["excess"].values()), default=0.0)

    def _record(self, objective, x, record):
        row = {"search": len(self.trials)} | record
        row |= {f"chi2_{name}": value for name, value in objective.chi2(x).items()}
        row |= {f"alpha_{name}": value for name, value in self.alpha.items()}
        self.rows.append(row)
        if self.callback is not None:
            self.callback(x, row)

    # -- answer ------------------------------------------------------------------------------------------------------
    def result(self, began):
        """The trial that fits best, as a `ConvergedMap`."""
        trial = min(self.trials, key=self._worst) if self.moves else self.trials[-1]
        answer, problem = trial["answer"], trial["problem"]
        active = {name: (answer.at_lower | answer.at_upper)[where].reshape(problem.by_name[name].shape)
                  for name, where in problem.slices.items()}
        names = [p.name for p in problem.parameters]
        ratio = {m.name: problem.weights[m.name] * trial["chi2"][m.name] / m.size for m in problem.modalities}
        fits = {m.name: abs(ratio[m.name] - 1) <= WINDOW * np.sqrt(2 / m.size) for m in problem.modalities}
        return ConvergedMap(
            model=problem.unpack(answer.x), chi2=trial["chi2"], converged=answer.converged,
            target_met=all(fits.values()), message=self._message(trial, fits),
            history={key: np.array([row[key] for row in self.rows]) for key in self.rows[0]}, problem=problem,
            method="map", x=answer.x, iterations=len(self.rows) - len(self.trials),
            seconds=time.perf_counter() - began, value=answer.value, criterion=answer.projected_gradient_ratio,
            ratios={key: dict(zip(names, map(float, r), strict=True)) for key, r in answer.ratios.items()},
            active=active, active_share={name: float(mask[problem.by_name[name].ground.reshape(mask.shape)].mean())
                                         for name, mask in active.items()},
            searches=len(self.trials), products=sum(t["answer"].products for t in self.trials))

    def _message(self, trial, fits):
        answer = trial["answer"]
        first = "a stationary point of Phi: " if answer.converged else "not a stationary point of Phi: "
        parts = [first + answer.message]
        outside = [name for name, fit in fits.items() if not fit]
        said = ", ".join(f"{m.name} {trial['chi2'][m.name] / m.size:.3f}" for m in self.problem.modalities)
        if self.moves:
            how = f"alpha moved {len(self.trials) - 1} time(s)"
            where = "each within" if not outside else f"{', '.join(outside)} outside"
            parts.append(f"{how}; chi2/n {said}, {where} 1 +- 3 sqrt(2/n)")
        else:
            parts.append(f"hyperparameters as given; chi2/n {said}")
        return "; ".join(parts)


def _check_density(problem):
    for coupling in problem.couplings:
        if not getattr(coupling, "is_density", True):
            fail("couplings", "be densities for method='map'", repr(coupling), f"{coupling.no_density}.")
