"""How well each hyperparameter is known: its profile, the interval that implies, and what to say of it."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..augment import DROP, PROBABILITY

FURTHEST, MOST = DROP + 1.5, 12  # nats below the top, and points on a side, where a profile ends
FIRST, GROWTH = 0.7, 1.25  # steps, in standard deviations
UNKNOWN = 0.5  # first step where the curvature gives none: a factor 1.6
FURTHER = 1.0, 2.0, 4.0  # times 1.96 standard deviations, where a parabola is checked
SURE = 0.1  # standard deviation in log value below which a parabola is taken at its word
FLAT = 0.3  # nats: a profile that changes less between its bounds says nothing


def profile(objective, top, matrix, index):
    """Log posterior along one coordinate, the others at their best.

    From point to point the others move along the ridge that the curvature predicts, then by one Newton step, which
    is kept if it helps. What it misses makes the profile too low and the interval too narrow, by terms of third order.

    Parameters
    ----------
    objective : EvidenceObjective
    top : Optimum
    matrix : ndarray, shape (size, size)
        Negative Hessian there.
    index : int
        Which coordinate.

    Returns
    -------
    dict of ndarray
        ``theta`` (n, size), ``log_posterior`` (n,), ``log_evidence`` (n,), ascending in the coordinate.
    """
    ridge, solve = _ridge(matrix, index)
    spread = 1.0 / np.sqrt(max(matrix[index, index] + matrix[index] @ ridge, 0.0) or np.inf)
    step = FIRST * spread if 0 < spread < 5 else UNKNOWN
    value, _, evidence = objective.evaluate(top.theta)
    sides = [_walk(objective, top, index, side * step, ridge, solve, evidence) for side in (-1, 1)]
    rows = [*sides[0][::-1], (top.theta, value, evidence), *sides[1]]
    return {"theta": np.array([r[0] for r in rows]), "log_posterior": np.array([r[1] for r in rows]),
            "log_evidence": np.array([r[2] for r in rows])}


def _ridge(matrix, index):
    """(how the others follow this coordinate, their curvature's inverse), zero where they have none."""
    others = np.flatnonzero(np.arange(len(matrix)) != index)
    values, vectors = np.linalg.eigh(matrix[np.ix_(others, others)])
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > 1e-8)
    solve = np.zeros_like(matrix)
    solve[np.ix_(others, others)] = (vectors * inverse) @ vectors.T
    ridge = -solve @ matrix[:, index]
    return ridge, solve


def _walk(objective, top, index, step, ridge, solve, best):
    """Until log posterior and log evidence, `best` at the top, have both fallen far enough."""
    low, high = objective.vector.bounds.T
    point, out = top.theta, []
    for _ in range(MOST):
        move = np.clip(point[index] + step, low[index], high[index]) - point[index]
        if move == 0:
            break
        trial = point + move * ridge
        trial[index] = point[index] + move
        trial = np.clip(trial, low, high)
        value, gradient, evidence = objective.evaluate(trial)
        better = np.clip(trial + solve @ gradient, low, high)
        again, _, its = objective.evaluate(better) if np.isfinite(value) else (-np.inf, None, -np.inf)
        point, value, evidence = (better, again, its) if again > value else (trial, value, evidence)
        if not np.isfinite(value):
            break
        out.append((point, value, evidence))
        if value < top.value - FURTHEST and evidence < best - FURTHEST:
            break
        step *= GROWTH
    return out


def interval(curve, index, key="log_evidence"):
    """Ends of the profile above its top less 1.92 nats, in the search's coordinate; NaN on a side that stays open."""
    at, value = curve["theta"][:, index], curve[key]
    best = int(np.argmax(value))
    ends = []
    for part in (slice(None, best + 1), slice(best, None)):
        t, v = at[part], value[best] - value[part]
        t, v = (t[::-1], v[::-1]) if part.start is None else (t, v)
        beyond = np.flatnonzero(v > DROP)
        if not beyond.size:
            ends.append(np.nan)
            continue
        last = beyond[0] + 1
        depth, where = np.sqrt(np.maximum(v[:last], 0)), t[:last]  # a parabola's root is a straight line
        rising = np.concatenate([[True], np.diff(depth) > 0]).cumprod().astype(bool)
        rising[-1] = depth[-1] > depth[:-1].max(initial=-1)
        ends.append(float(PchipInterpolator(depth[rising], where[rising])(np.sqrt(DROP)))
                    if rising.sum() > 1 else float(where[-1]))
    return tuple(ends)


def confirmed(objective, line, index, best):
    """Ends of the interval that a parabola predicts, where the log evidence itself falls by 1.92 nats; else NaN.

    It is asked at 1.96 standard deviations, the others on their ridge; where it has not fallen there, at twice and four
    times as far, and the end is sought between. A value known to a tenth is not asked for: its parabola is good.

    Parameters
    ----------
    objective : EvidenceObjective
    line : dict
        The parabola.
    index : int
    best : float
        Log evidence at the top.

    Returns
    -------
    low, high : float
        In the search's coordinate.
    """
    return tuple(_confirmed_end(objective, line, index, best, part) for part in (0, -1))


def _confirmed_end(objective, line, index, best, part):
    low, high = objective.vector.bounds.T
    middle = line["theta"][int(np.argmax(line["log_posterior"]))]
    depth = np.sqrt(line["log_posterior"].max() - line["log_posterior"][part])  # a parabola's root is a straight line
    if not depth:
        return np.nan
    slope = (line["theta"][part] - middle) / depth
    if abs(slope[index]) < np.sqrt(2) * SURE:
        return interval(line, index)[part]
    at, fallen = middle, 0.0
    for k in FURTHER:
        point = np.clip(middle + k * np.sqrt(DROP) * slope, low, high)
        value = objective.evidence.evaluate(point, gradient=False)[0]
        drop = np.sqrt(max(best - value, 0.0))
        if drop > np.sqrt(DROP):
            share = 1.0 if k == 1 or not np.isfinite(drop) else (np.sqrt(DROP) - fallen) / (drop - fallen)
            return float(at[index] + share * (point - at)[index])
        if np.array_equal(point, at):
            break
        at, fallen = point, drop
    return np.nan


def verdict(coordinate, curve, index, side, ends, own, doubt=None):
    """What the data say of one hyperparameter, in words.

    Parameters
    ----------
    coordinate : Coordinate
    curve : dict
        Its profile.
    index : int
    side : {-1, 0, 1}
        Whether the optimum lies at a bound.
    ends : (low, high)
        Interval in natural units, NaN where open.
    own : float
        Share of the curvature of its profile that the data supply; the rest is its prior's.
    doubt : str, optional
        What speaks against it however the evidence falls.
    """
    unit = "" if coordinate.units == "1" else f" {coordinate.units}"
    said = f"{100 * PROBABILITY:.0f} % interval"
    if doubt and side == 0 and own >= 0.5 and np.isfinite(ends).all():
        return f"not identified: {doubt}; were it so, {said} {ends[0]:.3g} to {ends[1]:.3g}{unit}"
    found = _by_interval(coordinate, curve, index, side, ends, own, unit)
    return f"{found}; {doubt}" if doubt else found


def _by_interval(coordinate, curve, index, side, ends, own, unit):
    known = [np.isfinite(e) for e in ends]
    said = f"{100 * PROBABILITY:.0f} % interval"
    if len(curve["theta"]) == 1:
        return _bound_note(coordinate, side, unit) if side else (
            "not resolved by the curvature at the mode, which is flat or not a maximum: ask for the profile "
            "(curve=True)")
    change = float(np.ptp(curve["log_evidence"]))
    if not any(known) and change < FLAT:
        judged = ", judged by the curvature at the mode" if curve.get("predicted") else ""
        return f"not identifiable: the log evidence changes by {change:.2g} nats between its bounds{judged}"
    note = ""
    if side:
        note = _bound_note(coordinate, side, unit) + "; "
    elif own < 0.5 or (not all(known) and np.isfinite(interval(curve, index, "log_posterior")).all()):
        note = "held more by its prior than by the data; "
    if all(known):
        return f"{note}{'identified' if own >= 0.5 else 'known'}: {said} {ends[0]:.3g} to {ends[1]:.3g}{unit}"
    if any(known):
        low = known[0]
        other = "as large as" if low else "as small as"
        reach = coordinate.high if low else coordinate.low
        limit = f"at least {ends[0]:.3g}" if low else f"at most {ends[1]:.3g}"
        return f"{note}known on one side: {limit}{unit} at 95 %, and it may be {other} its bound, {reach:.3g}{unit}"
    return f"{note}not identified: no value between {coordinate.low:.3g} and {coordinate.high:.3g}{unit} is excluded"


def _bound_note(coordinate, side, unit):
    which, value = ("lower", coordinate.low) if side < 0 else ("upper", coordinate.high)
    return f"at its {which} bound, {value:.3g}{unit}, where the data would have it go on"
