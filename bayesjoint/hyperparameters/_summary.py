"""From a mode to a fit: Hessian, profiles, verdicts, and what to heed."""

import numpy as np

from ..engines import Estimate
from ._dense_evidence import DenseEvidence
from ._doubts import field_doubts, noise_doubts
from ._profile import confirmed, interval, profile, verdict
from ._result import HyperparameterFit
from ._search import Optimum, at_bounds, covariance_of, curvature
from ._vector import HyperVector


def summarise(objective, optima, curve, how):
    """Hessian, profiles and verdicts at the best optimum."""
    top, notes = optima[0], [how]
    matrix = curvature(objective, top.theta)
    lines = [profile(objective, top, matrix, i) for i in range(top.theta.size)] if curve else None
    if len(optima) > 1:
        notes.append(f"{len(optima) - 1} other maximum(s), the next {top.value - optima[1].value:.1f} nats lower")
    if curve and any(line["log_posterior"].max() > top.value + 0.1 for line in lines):
        notes.append("a profile climbs above the maximum: start again from there")
    problem = objective.vector.rebuild(top.theta)
    return _fit(objective, top, matrix, lines, _stated(objective, top.theta, problem), problem, notes)


def summarise_noisy(objective, top, how):
    """The same at a mode found by noisy gradients: intervals by the average information."""
    vector, evidence = objective.vector, objective.evidence.log_evidence(top.theta)
    peak = Optimum(theta=top.theta, value=float(evidence), converged=top.converged, message=f"{top.steps} steps")
    covariance = covariance_of(top.information, at_bounds(vector, top.theta) == 0)
    noise = np.nanmax(top.error / np.sqrt(np.diag(covariance)))
    notes = [how, f"probes move the mode by {noise:.2f} of its standard deviation at most (one standard error)"]
    return _fit(objective, peak, top.information, None, evidence, vector.rebuild(top.theta), notes, top.error)


def _fit(objective, top, matrix, lines, evidence, problem, notes, error=0.0):
    """The fit at a mode; `error` is what noise in the gradients makes of the mode.

    `lines` are the profiles, None where the curvature predicts them.
    """
    vector, sides = objective.vector, at_bounds(objective.vector, top.theta)
    covariance, errors = covariance_of(matrix, sides == 0), np.broadcast_to(error, top.theta.shape)
    lines = lines or [_parabola(vector, top, covariance, i) for i in range(vector.size)]
    best = max([float(evidence), *(line["log_evidence"].max() for line in lines if "predicted" not in line)])
    doubts, without = field_doubts(objective, top.theta, best)
    noisy, tails = noise_doubts(objective, top.theta)
    doubts |= noisy
    curves, rows = {}, []
    for i, (c, line) in enumerate(zip(vector.coordinates, lines, strict=True)):
        ends = _ends(objective, line, i, best)
        own = _own_share(vector, top.theta, covariance, i)
        rows.append(_row(c, line, i, sides[i], ends, own, doubts.get(i)) | {
            "search_error": float(errors[i]), "no_field": without[i], "gaussian_p": tails[i]})
        curves[c.name] = {"value": np.asarray(c.natural(line["theta"][:, i])), **line}
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    weak = [c.name for c, ok in zip(vector.coordinates, table["identified"], strict=True) if not ok]
    notes += [] if top.converged else [f"the search did not converge ({top.message})"]
    notes += [f"not settled by the data: {', '.join(weak)}, see the verdicts"] if weak else []
    return HyperparameterFit(
        problem=problem, estimate=vector.natural(top.theta), table=table, curve=curves, log_evidence=evidence,
        covariance=covariance, hessian=-matrix, theta=top.theta, vector=vector, converged=top.converged,
        message="; ".join(notes) + ".", evaluations=objective.evidence.calls, objective=objective)


def _stated(objective, theta, problem):
    """The evidence at the mode with its error: none, or that of the torus of continued fields."""
    value, _ = objective.evidence.evaluate(theta, gradient=False)
    if not problem.prior.continued:
        return Estimate(value, error=0.0, method="exact, data-space Cholesky")
    used = objective.vector
    again = HyperVector(used.rebuild(theta, used.problem), used.names[:1])
    other, _ = DenseEvidence(again).evaluate(again.start, gradient=False)
    return Estimate(value, error=abs(other - value), method="data-space Cholesky on the search's periodic lattice; "
                    "error: the difference from one laid out for the fitted ranges")


def _own_share(vector, theta, covariance, index):
    """Share of the curvature along one profile that the data supply."""
    prior = -vector.log_prior(theta)[2][index]
    return 1.0 - prior * covariance[index, index] if np.isfinite(covariance[index, index]) else 1.0


def _ends(objective, line, index, best):
    """Interval by the log evidence, natural units; of a parabola only what the evidence confirms where it is exact."""
    ends = interval(line, index)
    if "predicted" in line and len(line["theta"]) > 1 and isinstance(objective.evidence, DenseEvidence):
        ends = confirmed(objective, line, index, best)
    return tuple(float(objective.vector.coordinates[index].natural(e)) for e in ends)


def _row(coordinate, line, index, side, ends, own, doubt):
    return {
        "name": coordinate.name, "units": coordinate.units, "value": float(coordinate.natural(
            line["theta"][int(np.argmax(line["log_posterior"])), index])),
        "stated": coordinate.value, "low": ends[0], "high": ends[1], "lower_bound": coordinate.low,
        "upper_bound": coordinate.high,
        "identified": bool(np.isfinite(ends).all() and side == 0 and own >= 0.5 and doubt is None),
        "verdict": verdict(coordinate, line, index, side, ends, own, doubt),
    }


def _parabola(vector, top, covariance, index):
    """The profile that the curvature alone predicts."""
    steps = np.linspace(-3, 3, 13)
    theta = np.repeat(top.theta[None], steps.size, axis=0)
    variance = covariance[index, index]
    if not np.isfinite(variance):
        return {"theta": top.theta[None], "log_posterior": np.array([top.value]), "log_evidence": np.array([top.value]),
                "predicted": True}
    theta += steps[:, None] * np.nan_to_num(covariance[:, index]) / np.sqrt(variance)  # what is at a bound stays
    value = top.value - 0.5 * steps**2
    low, high = vector.bounds[index]
    inside = (theta[:, index] >= low) & (theta[:, index] <= high)
    return {"theta": theta[inside], "log_posterior": value[inside], "log_evidence": value[inside], "predicted": True}
