"""The door: hyperparameters by the evidence."""

import numpy as np

from .._checks import fail, one_of
from ..engines.base import Estimate
from ..problem import JointProblem
from .dense import DenseEvidence
from .parts import rough_gain, rough_std
from .profile import interval, profile, verdict
from .result import HyperparameterFit
from .search import Objective, at_bounds, covariance_of, curvature, distinct, maximise
from .vector import HyperVector
from .whittle import WhittleEvidence, whittle_suits

SUBSET = 300  # data of a modality on which the starts are tried


def fit_hyperparameters(problem, method="evidence", free=None, *, ranges="common", bounds=None, prior="weak",
                        curve=True, seed=0):
    """Prior std, ranges, cross-correlation and noise scales that the data themselves prefer.

    Maximises log p(d | θ) + log p(θ), the evidence with every constant and weak priors on the hyperparameters (see
    `hyperparameters.penalty`) which keep a std or a noise scale from running to zero in silence. Whatever ends at a
    bound, is held by its prior, or cannot be told from the data, is said to be so in ``table["verdict"]``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Matérn priors (others stay as they are), no bounds, no penalties. Its own values are one of
        the starts.
    method : {"evidence", "dense"}, default "evidence"
        "dense" by Cholesky factors, exact. "evidence" takes what suits the size.
    free : list of str, optional
        Which to fit, among names like "density_std", "density_range" ("range" where `Coregionalization` ties it),
        "correlation", "gravity_noise"; under `StationaryNoise(MaternKernel(...))` also "gravity_noise_correlated" and
        "gravity_noise_range". Default: all.
    ranges : {"common", "layered", "axes"}, default "common"
        One factor on all ranges; one on the vertical and one on the horizontal; or one on each axis. One is what a
        survey at one height can tell best.
    bounds : dict of {str: (low, high)}, optional
        Natural units. Default: std within a factor 1000 of what the data's size asks for, ranges from half a cell to
        twice the mesh, noise from 1e-4 to 3 times the data's std, correlation within ±0.995.
    prior : {"weak", "flat"}, default "weak"
        Priors of the hyperparameters; flat in log (atanh) values means maximum likelihood.
    curve : bool, default True
        Compute the profiles; without them there are no intervals, and verdicts come from the curvature alone.
    seed : int or numpy.random.Generator, default 0
        Chooses the subset of data on which starts are tried, where the surveys are no lattices.

    Returns
    -------
    HyperparameterFit

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, knows cells exactly, or a name or a bound is wrong.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> rng, mesh = np.random.default_rng(1), bj.Mesh.regular((2, 10, 10), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> truth = density.bound_prior.covariance.sample(rng, 1)[0] * 1000
    >>> data = gravity @ truth + 0.1 * rng.standard_normal(100)
    >>> stated = density.replace(prior=bj.Matern(std=30.0, range=500.0))
    >>> survey = bj.Modality("gravity", gravity, data, bj.DiagonalNoise(np.full(100, 0.5)), "density")
    >>> fit = fit_hyperparameters(bj.JointProblem([stated], [survey]))
    >>> [f"{name} {value:.3g}" for name, value in fit.estimate.items()]
    ['density_std 120', 'density_range 309', 'gravity_noise 0.114']
    >>> fit.table["verdict"][2]
    np.str_('identified: 95 % interval 0.0904 to 0.139 mGal')
    """
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)
    one_of("method", method, ("evidence", "dense"))
    one_of("prior", prior, ("weak", "flat"))
    vector = HyperVector(problem, free, ranges, bounds, flat=prior == "flat")
    evidence = DenseEvidence(vector)
    objective = Objective(evidence, vector)
    starts, how = _starts(vector, evidence, np.random.default_rng(seed))
    optima = distinct([maximise(objective, s) for s in starts])
    return summarise(objective, optima, curve, how)


def guesses(vector):
    """Starts in the search's coordinates: the problem's own, and two from the size of the data and the mesh."""
    problem = vector.problem
    gain, size = rough_gain(problem, np.random.default_rng(0)), dict(
        zip([m.name for m in problem.modalities], rough_std(problem), strict=True))
    out = [vector.start]
    for reach, noise in ((0.25, 0.1), (0.5, 0.02)):
        point = vector.start.copy()
        for i, c in enumerate(vector.coordinates):
            low, high = vector.bounds[i]
            if c.kind == "std":
                point[i] = np.log(c.value * gain[c.targets[0]])
            elif c.kind == "noise":
                point[i] = np.log(noise * size[c.targets[0]])
            elif c.kind == "correlation":
                point[i] = 0.0
            else:
                point[i] = low + reach * (high - low)
        out.append(np.clip(point, *vector.bounds.T))
    return out


def _starts(vector, evidence, rng):
    """Where to start on all the data: few data all guesses, many the optima of something cheaper."""
    sizes = [m.size for m in vector.problem.modalities]
    if max(sizes) <= SUBSET:
        return guesses(vector), f"exact evidence of {evidence.count} data, {len(guesses(vector))} starts"
    if whittle_suits(vector.problem):
        rough = Objective(WhittleEvidence(vector), vector)
        optima = [maximise(rough, s, tolerance=1e-2) for s in guesses(vector)]
        best = max(optima, key=lambda o: o.value).theta
        return [best], f"exact evidence of {evidence.count} data, started by the debiased Whittle likelihood"
    rows = [np.sort(rng.permutation(n)[:SUBSET]) for n in sizes]
    rough = Objective(DenseEvidence(vector, rows), vector)
    optima = distinct([maximise(rough, s, tolerance=1e-2) for s in guesses(vector)])
    how = (f"exact evidence of {evidence.count} data, started from {len(optima)} maximum(s) of the evidence of "
           f"{sum(r.size for r in rows)} of them")
    return [o.theta for o in optima], how


def summarise(objective, optima, curve, how):
    """Hessian, profiles and verdicts at the best optimum."""
    vector, top = objective.vector, optima[0]
    matrix = curvature(objective, top.theta)
    sides = at_bounds(vector, top.theta)
    covariance = covariance_of(matrix, sides == 0)
    curves, rows = {}, []
    for i, c in enumerate(vector.coordinates):
        line = profile(objective, top, matrix, i) if curve else _parabola(top, covariance, i)
        rows.append(_row(c, line, i, sides[i], _own_share(vector, top.theta, covariance, i)))
        curves[c.name] = {"value": np.asarray(c.natural(line["theta"][:, i])), **line}
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    notes, problem = [how], vector.rebuild(top.theta)
    if len(optima) > 1:
        notes.append(f"{len(optima) - 1} other maximum(s), the next {top.value - optima[1].value:.1f} nats lower")
    if not top.converged:
        notes.append(f"the search did not converge ({top.message})")
    if curve and any(line["log_posterior"].max() > top.value + 0.1 for line in curves.values()):
        notes.append("a profile climbs above the maximum: start again from there")
    weak = [c.name for c, ok in zip(vector.coordinates, table["identified"], strict=True) if not ok]
    if weak:
        notes.append(f"not settled by the data: {', '.join(weak)}, see the verdicts")
    return HyperparameterFit(
        problem=problem, estimate=vector.natural(top.theta), table=table, curve=curves,
        log_evidence=_stated(objective, top.theta, problem),
        covariance=covariance, hessian=-matrix, theta=top.theta, vector=vector, converged=top.converged,
        message="; ".join(notes) + ".", evaluations=objective.evidence.calls,
        objective=objective)


def _stated(objective, theta, problem):
    """The evidence at the mode with its error: none, or that of the torus of continued fields."""
    _, _, value = objective.evaluate(theta)
    if not problem.prior.continued:
        return Estimate(value, error=0.0, method="exact, data-space Cholesky")
    again = HyperVector(problem, objective.vector.names[:1])
    other, _ = DenseEvidence(again).evaluate(again.start, gradient=False)
    return Estimate(value, error=abs(other - value), method="data-space Cholesky on the search's periodic lattice; "
                    "error: the difference from one laid out for the fitted ranges")


def _own_share(vector, theta, covariance, index):
    """Share of the curvature along one profile that the data supply."""
    prior = -vector.log_prior(theta)[2][index]
    return 1.0 - prior * covariance[index, index] if np.isfinite(covariance[index, index]) else 1.0


def _row(coordinate, line, index, side, own):
    ends = tuple(float(coordinate.natural(e)) for e in interval(line, index))
    return {
        "name": coordinate.name, "units": coordinate.units, "value": float(coordinate.natural(
            line["theta"][int(np.argmax(line["log_posterior"])), index])),
        "stated": coordinate.value, "low": ends[0], "high": ends[1], "lower_bound": coordinate.low,
        "upper_bound": coordinate.high, "identified": bool(np.isfinite(ends).all() and side == 0 and own >= 0.5),
        "verdict": verdict(coordinate, line, index, side, ends, own),
    }


def _parabola(top, covariance, index):
    """The profile that the curvature alone predicts."""
    steps = np.linspace(-3, 3, 13)
    theta = np.repeat(top.theta[None], steps.size, axis=0)
    variance = covariance[index, index]
    if not np.isfinite(variance):
        return {"theta": top.theta[None], "log_posterior": np.array([top.value]), "log_evidence": np.array([top.value])}
    theta += steps[:, None] * covariance[:, index] / np.sqrt(variance)
    value = top.value - 0.5 * steps**2
    return {"theta": theta, "log_posterior": value, "log_evidence": value}
