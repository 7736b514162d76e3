"""What an answer is worth: one number a truth for every score, and what they come to."""

import numpy as np
from bench import PROPERTIES
from grounds import MESH
from methods import functionals

from bayesjoint.calibration._coverage import interval_score, ratio_and_error

LEVELS = np.arange(1, 20) / 20
PROBABILITIES = (0.5, 0.9)
INSIDE = 0.1  # of the ground's std, away from the median of the world


def scored(answer, truths, seen, spread):
    """{property: {score: one value a truth}}; NaN where a world has no such cell."""
    return {p: _property(answer, p, truths[p].astype(float), seen[p], spread[p]) for p in PROPERTIES} | {
        "functionals": _functionals(answer, truths["density"])}


def _property(answer, name, truth, seen, spread):
    away = np.abs(truth - np.median(truth, axis=1, keepdims=True)) > INSIDE * spread
    masks = {"all": np.ones_like(away), "seen": np.broadcast_to(seen, away.shape), "inside": away}
    out = {}
    for probability, (lower, upper) in zip(PROBABILITIES, answer.intervals(name, PROBABILITIES), strict=True):
        cells = {"coverage": (truth >= lower) & (truth <= upper), "width": upper - lower,
                 "score": interval_score(lower, upper, truth, probability)}
        out |= {f"{key} {probability:.0%} {where}": _mean(values, mask)
                for key, values in cells.items() for where, mask in masks.items()}
    quantiles = answer.quantiles(name, LEVELS)
    ranked = crps(quantiles, truth)
    out |= {f"crps {where}": _mean(ranked, mask) for where, mask in masks.items()}
    size = np.sqrt(np.sum(truth**2, axis=1))
    for centre, values in (("mean", answer.mean[name]), ("median", quantiles[LEVELS.size // 2])):
        out[f"error of the {centre}"] = (np.sqrt(np.sum((values - truth) ** 2, axis=1)) / size).tolist()
    return out


def crps(quantiles, truth):
    """Continuous ranked probability score from 19 quantiles: twice the mean pinball loss (Gneiting & Ranjan 2011).

    For a Gaussian 1 % below the closed form.
    """
    levels = LEVELS[:, None, None]
    away = truth - quantiles
    return 2 * np.sum(np.maximum(levels * away, (levels - 1) * away), axis=0) / (LEVELS.size + 1)


def _mean(values, mask):
    count = mask.sum(axis=1)
    total = np.sum(np.where(mask, values, 0.0), axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).tolist()


def _functionals(answer, density):
    out = {}
    for name, functional in functionals().items():
        truth = functional.evaluate({"density": density.astype(float).reshape(-1, *MESH.shape)})
        lower, upper = answer.functional(functional, 0.9)
        known = np.isfinite(truth)
        held = (truth >= lower) & (truth <= upper)  # no interval holds nothing
        out |= {f"{name} coverage": np.where(known, held, np.nan).tolist(),
                f"{name} width": np.where(known, upper - lower, np.nan).tolist()}
    return out


def summary(values):
    """[mean over truths, its standard error]."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if known.size < 2:
        return [float(known.mean()) if known.size else None, None]
    return [_short(known.mean()), _short(known.std(ddof=1) / np.sqrt(known.size))]


def ratio(above, below):
    """[ratio of means over the truths that both have, its standard error]."""
    above, below = (np.asarray(v, dtype=float)[: min(len(above), len(below))] for v in (above, below))
    known = np.isfinite(above) & np.isfinite(below)
    return [_short(v) for v in ratio_and_error(above[known], below[known])]


def _short(value):
    return float(f"{value:.4g}")
