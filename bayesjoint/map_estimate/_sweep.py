"""How strongly to couple: a sweep over the Gramian's weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .._checks import as_finite, checked, fail
from .._progress import progress_bar
from .._shown import cut
from .._typing import Any, JointProblem, Sequence
from ..couplings import Gramian
from ._find_map import find_map
from ._result import MapResult
from ._rrcg_map import discrepancy_target

STEPS = (0.03, 0.1, 0.2, 0.4, 0.8, 1.6)  # of the balance of coupling and data; beyond it the data cannot be fitted


@dataclass(frozen=True, kw_only=True)
class CoupleResult:
    """A sweep over coupling weights, and the one chosen.

    Attributes
    ----------
    problem : JointProblem
        With the chosen weights and the hyperparameters used at them.
    result : MapResult
        The model there.
    table : dict of ndarray, shape (n_runs, ...)
        One row for each run, the uncoupled one first: ``weights`` (n_runs, n_parameters), ``chi2_*`` (χ²/n),
        ``correlation`` (smallest |Pearson correlation| of two models over free cells), ``dependence`` (S_G / Π ‖g‖²:
        1 for orthogonal models, 0 for dependent ones), ``iterations``, ``fits`` (every χ² <= n + √(2n)), ``converged``.
    curve : dict of ndarray
        ``weight`` (geometric mean of each row's weights), ``correlation``, ``chi2`` (largest χ²/n), sorted by weight.
    chosen : int
        Row of the table.
    message : str
        Why this one.
    """

    problem: object
    result: MapResult
    table: dict
    curve: dict
    chosen: int
    message: str

    def __repr__(self):
        weights = ", ".join(f"{w:.4g}" for w in self.table["weights"][self.chosen])
        count = len(self.table["weights"])
        return cut(f"CoupleResult(run {self.chosen} of {count}, weights {weights}: {self.message})")


@checked
def couple(problem: JointProblem, weights: Sequence | None = None, *, correlation: float = 0.95, space: str = "model",
           method: str = "auto", progress: bool = False, **options: Any):
    """Sweep the Gramian's weights and choose the smallest at which the models correlate while the data still fit.

    That is how the paper recommends to set them: too little and the models differ, too much and one is a copy of the
    other that no longer fits its data (Vatankhah et al. 2022, arXiv 2112.15562, section 4).

    Parameters
    ----------
    problem : JointProblem
        At least two parameters on one mesh. A Gramian among its couplings is replaced; others stay.
    weights : list of float or of tuple of float, optional
        What to try: numbers make the density `Gramian(weight=λ)`, tuples the paper's `Gramian(weights=(λ1, λ2))`.
        Default: tuples at 0.03 to 1.6 times a balance where the multipliers of orthogonal models would push each
        parameter, in the weighted space, as hard as its data do.
    correlation : float, default 0.95
        |Pearson correlation| of the models, over the cells free in both, from which on they count as correlated. A
        choice: it is how alike the geology is believed to be.
    space : str, default "model"
        See `Gramian`; that of the problem's own Gramian if it has one.
    method : str, default "auto"
        See `find_map`; "auto" is one method for all runs, "rrcg" where tuples are among the weights.
    progress : bool, default False
        Show a bar over the runs.
    **options
        Passed on to `find_map`.

    Returns
    -------
    CoupleResult

    Raises
    ------
    ValueError
        If fewer than two parameters share a mesh, or a weight or the correlation is out of range.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((3, 6, 6), (100, 100, 100))
    >>> truth = np.zeros(mesh.shape)
    >>> truth[1, 2:4, 2:4] = 1.0
    >>> rng, parameters, surveys = np.random.default_rng(0), [], []
    >>> noise, prior = bj.DiagonalNoise(np.ones(40)), bj.Focusing(10.0, depth_exponent=0.8)
    >>> for name in ("a", "b"):
    ...     parameters.append(bj.Parameter(name, mesh, prior=prior, bounds=(0, 2)))
    ...     matrix = rng.standard_normal((40, mesh.size))
    ...     surveys.append(bj.Modality(f"of_{name}", matrix, matrix @ truth.ravel(), noise, name))
    >>> sweep = couple(bj.JointProblem(parameters, surveys), weights=[(1.0, 1.0), (10.0, 10.0)], method="rrcg")
    >>> sweep.table["weights"].tolist()
    [[0.0, 0.0], [1.0, 1.0], [10.0, 10.0]]
    """
    if not 0 < float(as_finite("correlation", correlation, 0)) < 1:
        fail("correlation", "lie between 0 and 1", repr(correlation), "0.95 asks for nearly proportional models.")
    if method == "auto":  # multipliers are no density: all rows by the one method that takes them
        method = "rrcg" if weights is None or any(np.ndim(w) for w in weights) else "map"
    found = [c for c in problem.couplings if isinstance(c, Gramian)]
    base = problem.replace(couplings=[c for c in problem.couplings if c not in found])
    gramian = found[0] if found else Gramian(weight=0.0, space=space)
    names = _members(base, gramian)
    given = None if weights is None else _candidates(weights, len(names))
    alone = find_map(base, method=method, **options)
    candidates = given or _around_balance(alone, gramian)
    rows, runs = [_row(alone, gramian, names, (0.0,) * len(names))], [alone]
    for strength in progress_bar(progress, candidates, desc="coupling", unit="run"):
        coupling = _with_strength(gramian, strength)
        runs.append(find_map(base.replace(couplings=[*base.couplings, coupling]), method=method, **options))
        full = strength if isinstance(strength, tuple) else (strength,) * len(names)
        rows.append(_row(runs[-1], gramian, names, full))
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    chosen, message = _choose(table, correlation)
    return CoupleResult(problem=runs[chosen].problem, result=runs[chosen], table=table, curve=_curve(table),
                        chosen=chosen, message=message)


def _members(problem, gramian):
    names = gramian.parameters or tuple(p.name for p in problem.parameters if p.mesh is not None)
    if len(names) < 2:
        fail("problem", "have two or more parameters on one mesh", f"{list(names)}", "There is nothing to couple.")
    return names


def _with_strength(gramian, strength):
    if isinstance(strength, tuple):
        return replace(gramian, weight=None, weights=strength)
    return replace(gramian, weight=strength, weights=None)


def _candidates(weights, count):
    out = []
    for entry in weights:
        values = as_finite("weights", entry, (0, 1))
        if (values.size and values.min() < 0) or (values.ndim and values.size != count):
            fail("weights", f"hold numbers >= 0, or tuples of {count} of them", repr(entry), "One λ per parameter.")
        out.append(tuple(float(v) for v in values) if values.ndim else float(values))
    if not out:
        fail("weights", "hold at least one", "an empty list", "Leave it out for an automatic sweep.")
    return sorted(out, key=_strength)


def _strength(weights):
    return float(np.exp(np.mean(np.log(np.maximum(np.atleast_1d(weights), 1e-300)))))


def _around_balance(alone, gramian):
    """Weights in steps around the balance of coupling and data.

    Balance for a parameter is ‖W⁻¹ Aᵀ C⁻¹ A m̂‖ over the multipliers that partners orthogonal to it would exert,
    ‖LᵀL m̂‖ Π_others ‖g‖², at the uncoupled models; W is taken at the reference, where the iteration begins.
    """
    problem, parts = alone.problem, alone.problem.parts(alone.x)
    bound = replace(gramian, weight=1.0, weights=None).bind(
        [problem.by_name[name] for name in _members(problem, gramian)])
    data = problem.add_pull(np.zeros(problem.size), [problem.predict(m.name, alone.x) for m in problem.modalities])
    sizes = dict(zip(bound.names, np.diag(bound.gram(parts)), strict=True))
    balance = []
    for name in bound.names:
        prior, where = problem.by_name[name].bound_prior, problem.slices[name]
        if not hasattr(prior, "scaling"):
            fail("weights", "be given for these priors", f"{type(prior).__name__} of {name}", "Pass a list of λ.")
        free = problem.free[where]
        push = (data[where] / prior.scaling(prior.reference))[free]
        own = np.linalg.norm(bound.self_product(name, parts[name])[free])
        others = np.prod([size for other, size in sizes.items() if other != name])
        if not own * others > 0:
            fail("weights", "be given here", f"an uncoupled model of {name} that is zero", "Pass a list of λ.")
        balance.append(float(np.linalg.norm(push) / (own * others)))
    return [tuple(step * b for b in balance) for step in STEPS]


def _row(run, gramian, names, weights):
    parts = run.problem.parts(run.x)
    free = np.all([run.problem.free[run.problem.slices[n]] for n in names], axis=0)
    bound = replace(gramian, weight=2.0, weights=None).bind([run.problem.by_name[n] for n in names])
    size = float(np.prod(np.diag(bound.gram(parts))))
    sizes = {m.name: m.size for m in run.problem.modalities}
    row = {"weights": weights}
    row |= {f"chi2_{name}": value / sizes[name] for name, value in run.chi2.items()}
    fits = all(run.problem.weights[n] * v <= discrepancy_target(sizes[n]) for n, v in run.chi2.items())
    return row | {
        "correlation": min(_correlation(parts[a][free], parts[b][free]) for a, b in combinations(names, 2)),
        "dependence": bound.value(parts) / size if size > 0 else np.nan,
        "iterations": run.iterations, "fits": fits, "converged": run.converged,
    }


def _correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return abs(float(a @ b) / size) if size > 0 else 0.0


def _choose(table, wanted):
    correlated = table["correlation"] >= wanted
    good = np.flatnonzero(table["fits"] & correlated)
    if good.size:
        return int(good[0]), f"the smallest weights with correlation >= {wanted:g} and every data set fitted"
    fitted = np.flatnonzero(table["fits"])
    if fitted.size:
        best = int(fitted[np.argmax(table["correlation"][fitted])])
        return best, (f"no weights reached correlation {wanted:g} with every data set fitted; these came nearest "
                      f"({table['correlation'][best]:.3f})")
    worst = np.max([table[key] for key in table if key.startswith("chi2_")], axis=0)
    return int(np.argmin(worst)), "no run fitted every data set; this one came nearest"


def _curve(table):
    weight = np.array([_strength(row) if np.any(row) else 0.0 for row in table["weights"]])
    order = np.argsort(weight, kind="stable")
    worst = np.max([table[key] for key in table if key.startswith("chi2_")], axis=0)
    return {"weight": weight[order], "correlation": table["correlation"][order], "chi2": worst[order]}
