"""Scores against the truth, which nothing upstream has seen."""

import numpy as np
from ground import UNITS
from scipy.stats import norm

PROBABILITIES = (0.5, 0.9)  # equal-tailed intervals
SEEN = 0.9  # posterior std / prior std of the separate inversion below which the data are said to see a cell
LEVELS = np.linspace(0.05, 0.95, 19)


def half_width(probability):
    """Standard deviations on each side of the mean."""
    return norm.isf(0.5 * (1 - probability))


def weighted(values, volume):
    return float(np.sum(values * volume) / np.sum(volume))


def relative_error(model, truth, volume):
    """‖m − truth‖ / ‖truth‖, weighted by volume; a model of zero has 1."""
    return float(np.sqrt(weighted((model - truth) ** 2, volume) / weighted(truth**2, volume)))


def correlation(model, truth, volume):
    """Correlation over cells, weighted by volume."""
    a, b = (v - weighted(v, volume) for v in (model, truth))
    return weighted(a * b, volume) / np.sqrt(weighted(a**2, volume) * weighted(b**2, volume))


def agreement(model, truth, volume):
    """Relative error, the same with both means taken off (a level is hard to tell from a bias), and correlation."""
    centred = [v - weighted(v, volume) for v in (model, truth)]
    return {"relative_error": relative_error(model, truth, volume),
            "relative_error_without_level": relative_error(*centred, volume),
            "correlation": correlation(model, truth, volume)}


def covered(mean, std, values, probability):
    """Share of cells whose interval holds the value; `values` may have a leading axis of draws."""
    return np.mean(np.abs(values - mean) <= half_width(probability) * std, axis=-1)


def coverage(mean, std, truth, draws):
    """Coverage at each probability, beside what it would be if the truth were a draw of this posterior.

    Cells are correlated, so the spread of the draws' own coverage, not √(p(1−p)/n), says how far from nominal the
    share may lie by chance.
    """
    rows = {}
    for p in PROBABILITIES:
        chance = covered(mean, std, draws, p)
        rows[f"{p:.0%}"] = {"truth": float(covered(mean, std, truth, p)), "expected": float(chance.mean()),
                            "expected_std": float(chance.std(ddof=1))}
    return rows


def by_unit(unit, models, stds, draws, truth, volume):
    """Mean of each property over each rock unit: truth, and posterior mean ± std, the std from draws.

    Parameters
    ----------
    unit : ndarray of int, shape of the mesh
        Unit of each cell, −1 outside the cells scored.
    models, stds, draws : dict
        {inversion: {property: array, draws with a leading axis}}.
    truth : dict
        {property: array}.
    volume : ndarray
    """
    rows = []
    for number, label in enumerate(UNITS):
        cells = unit == number
        if number == 0 or cells.sum() < 5:
            continue
        weights = volume[cells] / volume[cells].sum()
        row = {"unit": label, "cells": int(cells.sum()), "volume_million_m3": float(volume[cells].sum() / 1e6)}
        for name, values in truth.items():
            row[name] = {"truth": float(weights @ values[cells])}
            for inversion, model in models.items():
                inside = model[name][cells]
                row[name][inversion] = float(weights @ inside)
                row[name][f"{inversion}_std"] = float(np.std(draws[inversion][name][:, cells] @ weights, ddof=1))
                row[name][f"{inversion}_covered_90%"] = float(
                    covered(inside, stds[inversion][name][cells], values[cells], 0.9))
                row[name][f"{inversion}_rms_error"] = float(np.sqrt(weights @ (inside - values[cells]) ** 2))
        rows.append(row)
    return rows


def by_layer(mesh, cells, models, truth, volume):
    """Rms of the truth and of each inversion's error in each layer with at least 50 of `cells`."""
    rows = []
    for k in range(mesh.shape[0])[::-1]:
        inside = cells[k]
        if inside.sum() < 50:
            continue
        rows.append({"upward_m": float(mesh.upward[k]), "cells": int(inside.sum()),
                     "truth_rms": weighted(truth[k][inside] ** 2, volume[k][inside]) ** 0.5} | {
            inversion: weighted((model[k][inside] - truth[k][inside]) ** 2, volume[k][inside]) ** 0.5
            for inversion, model in models.items()})
    return rows
