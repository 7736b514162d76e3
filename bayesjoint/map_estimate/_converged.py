"""The converged MAP: a stationary point of Φ between its bounds, at given or at fitting regularisation weights."""

import time
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .._checks import as_count, as_positive, fail
from ..problem import check_density
from ..solvers import projected_newton
from ._objective import Objective, active_bounds
from ._result import MapResult
from ._rrcg_map import by_name, with_alpha

SLOPE = 0.5  # d log χ² / d log α assumed before two models are known
LONGEST = 3.0  # largest step in log α
WINDOW = 3.0  # standard deviations √(2 / n) of χ²/n that count as fitted
CENTRAL = 0.25  # part of that window within which the search for α stops
SEARCHES = 15  # models at most, each at another α
FAR = 100.0  # factor by which an α that moved and still leaves data misfitted, or no longer matters, has run away
SUSPECT = 1000.0  # factor by which an α has moved that is said in any case
DEAF = 0.02  # d log χ² / d log α below which χ² does not answer to α
NOTHING = 1e-6  # χ² over its target below which data count as fitted exactly


@dataclass(frozen=True, kw_only=True, repr=False)
class ConvergedMap(MapResult):
    """A `MapResult` whose model is a stationary point of Φ (if `converged`), with what that rests on.

    Attributes
    ----------
    value : float
        Φ at the model. Of Gaussian fields between bounds it is Φ at the point before that was put between them; the two
        may differ by some nats where the prior holds cells tightly together.
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
    ran_away : dict of float
        {parameter: α} where the search for α ended a hundred times or more from its start and data are misfitted
        still, or their χ² no longer answers to α. `converged` is then False: no α fits, and the model means nothing.
    """

    value: float
    criterion: float
    ratios: dict
    active: dict
    active_share: dict
    searches: int
    products: int
    ran_away: dict = field(default_factory=dict)


def converged_map(problem, start, tolerance=1e-3, discrepancy=None, target=1.0, max_iterations=200, seed=0,
                  callback=None):
    """Minimise Φ between its bounds to a stated criterion, and find the α at which that minimum fits the data.

    Parameters
    ----------
    problem : JointProblem
        A proper density or a flat prior with enough data; couplings with one weight.
    start : ndarray, shape (problem.size,)
        First iterate. An RRCG iterate is a good one. Φ may have several minima (Gramian, p = 0): a different start may
        find a different one.
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
    began = time.perf_counter()
    check_density(problem)
    as_count("max_iterations", max_iterations, 1, "The default is enough for most problems.")
    search = _Search(problem, discrepancy, target, seed, callback)
    search.stop = {"tolerance": tolerance, "max_iterations": max_iterations}
    answer = search.solve(start)
    while search.moves and not search.fitted() and len(search.trials) < SEARCHES:
        if not search.step():
            break
        answer = search.solve(answer.x)
    return search.result(began)


def within_noise(problem, chi2):
    """{modality: whether w χ²/n lies as near to 1 as noise alone brings it}."""
    return {m.name: abs(problem.weights[m.name] * chi2[m.name] / m.size - 1) <= WINDOW * np.sqrt(2 / m.size)
            for m in problem.modalities}


class _Search:
    """Models at a sequence of α."""

    def __init__(self, problem, discrepancy, target, seed, callback):
        self.problem, self.callback = problem, callback
        self.names = [p.name for p in problem.parameters if hasattr(p.prior, "alpha")]
        wanted = bool(self.names) if discrepancy is None else discrepancy
        if wanted and not self.names:
            fail("discrepancy", "be False where no prior has an α", "True", "Fix the prior's std by evidence instead.")
        self.surveys = {name: [m for m in problem.modalities if name in m.parameters] for name in self.names}
        self.names = [name for name in self.names if self.surveys[name]]
        self.moves = wanted and bool(self.names)
        self.targets = by_name("target", target, [m.name for m in problem.modalities], 1.0)
        as_positive("target", list(self.targets.values()), 1)
        self.alpha = {name: float(problem.by_name[name].prior.alpha) for name in self.names}
        self.slope = dict.fromkeys(self.names, SLOPE)
        self.trials, self.rows, self.seed, self.data_diagonal = [], [], seed, None

    def solve(self, start):
        """Converge at the present α, and keep the trial."""
        problem = with_alpha(self.problem, self.alpha)
        objective = Objective(problem, self.data_diagonal, self.seed)
        self.data_diagonal = objective.data_diagonal
        answer = projected_newton(
            objective, start, *objective.box(), reference=problem.start(), groups=list(problem.slices.values()),
            metric=objective.metric(), callback=partial(self._record, objective), **self.stop)
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
        answer, problem, ran = trial["answer"], trial["problem"], self._ran_away(trial)
        active = active_bounds(problem, answer)
        names = [p.name for p in problem.parameters]
        fits = within_noise(problem, trial["chi2"])
        return ConvergedMap(
            model=problem.unpack(answer.x), chi2=trial["chi2"], converged=answer.converged and not ran,
            target_met=all(fits.values()), message=self._message(trial, fits, ran),
            history={key: np.array([row[key] for row in self.rows]) for key in self.rows[0]}, problem=problem,
            method="map", x=answer.x, iterations=len(self.rows) - len(self.trials),
            seconds=time.perf_counter() - began, value=answer.value, criterion=answer.projected_gradient_ratio,
            ratios={key: dict(zip(names, map(float, r), strict=True)) for key, r in answer.ratios.items()},
            active=active, active_share={name: float(mask[problem.by_name[name].ground.reshape(mask.shape)].mean())
                                         for name, mask in active.items()},
            searches=len(self.trials), products=sum(t["answer"].products for t in self.trials), ran_away=ran)

    def _moved(self, trial, name):
        """Factor by which α was moved, one way or the other."""
        return float(np.exp(abs(np.log(trial["alpha"][name] / self.trials[0]["alpha"][name]))))

    def _ran_away(self, trial):
        """{parameter: α where the search for it ended} of those that ran away."""
        out, last = {}, self.trials[-1]
        for name in self.names if self.moves else ():
            excess, width = trial["excess"][name]
            if abs(np.expm1(excess)) > width:
                if max(self._moved(t, name) for t in self.trials) >= FAR:
                    out[name] = float(last["alpha"][name])
            elif self._moved(trial, name) >= FAR and self._deaf(name):
                out[name] = float(trial["alpha"][name])
        return out

    def _deaf(self, name):
        """Whether χ² did not answer to the last move of α."""
        for before, after in zip(self.trials[-2::-1], self.trials[:0:-1], strict=True):
            change = np.log(after["alpha"][name] / before["alpha"][name])
            if abs(change) > 1e-3:
                return abs((after["excess"][name][0] - before["excess"][name][0]) / change) < DEAF
        return False

    def _message(self, trial, fits, ran):
        answer = trial["answer"]
        first = "a stationary point of Phi: " if answer.converged else "not a stationary point of Phi: "
        if ran:
            first = (f"no usable estimate, alpha ran away ({self._journey(ran)}): none fits; look at the noise std, "
                     "bounds and couplings, or hold alpha by discrepancy=False; ")
        parts = [first + answer.message]
        far = {name: trial["alpha"][name] for name in self.names
               if self._moved(trial, name) >= SUSPECT and name not in ran}
        if far:
            parts.append(f"alpha moved far, {self._journey(far)}: look at the noise std")
        outside = [name for name, fit in fits.items() if not fit]
        said = ", ".join(f"{m.name} {trial['chi2'][m.name] / m.size:.3f}" for m in self.problem.modalities)
        if self.moves:
            how = f"alpha moved {len(self.trials) - 1} time(s)"
            where = "each within" if not outside else f"{', '.join(outside)} outside"
            parts.append(f"{how}; chi2/n {said}, {where} 1 +- 3 sqrt(2/n)")
        else:
            parts.append(f"hyperparameters as given; chi2/n {said}")
        return "; ".join(parts)

    def _journey(self, ends):
        return ", ".join(f"{name} from {self.trials[0]['alpha'][name]:.2g} to {end:.2g}" for name, end in ends.items())
