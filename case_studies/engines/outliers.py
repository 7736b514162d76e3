"""Outliers: what Student-t noise makes of them, what it costs without any, and how well leave-one-out finds them.

python outliers.py PART ...    # moved calibration found; each writes its part of outliers.json

moved: 5 % of the data off by 10 noise std, and none, at three ranges of the field: how far means move, in posterior
std of the Gaussian fit to the clean data, and how much std grows. Beside them the Gaussian fit to the same data, and to
the data that are left without the outliers: what nobody knows, and what could be had at best.
calibration: 200 truths under Gaussian, focusing and bounded priors, Gibbs refitted to each; cases that the file holds
are kept.
found: false alarms of leave-one-out on clean data, and outliers found, over many sets of data.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import bayesjoint as bj

FILE = Path(__file__).parent / "outliers.json"
SIDE, NOISE, SHARE, SIZE = 14, 0.1, 0.05, 10.0  # stations a side; of the signal's std; of the data; in noise std
RANGES, SEEDS, DRAWS = (300.0, 600.0, 1500.0), 3, 2000
CLEAN, DIRTY = 1000, 200  # sets of data of "found"
DOFS = {"dof found": "unknown", "dof 4": 4.0}


def ground(reach, seed):
    """(density, operator, clean data, noise std, generator) of a field drawn from its prior."""
    mesh = bj.Mesh.regular((4, SIDE, SIDE), (100, 100, 100))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=reach))
    operator, rng = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0), np.random.default_rng(seed)
    clean = operator @ (density.bound_prior.covariance.sample(rng, 1)[0] * density.scale)
    return density, operator, clean, np.full(clean.size, NOISE * clean.std()), rng


def contaminated(clean, std, rng):
    """(data, the same with outliers, places of these)."""
    data = clean + std * rng.standard_normal(clean.size)
    bad = rng.choice(clean.size, round(SHARE * clean.size), replace=False)
    dirty = data.copy()
    dirty[bad] += SIZE * std[bad] * rng.choice([-1, 1], bad.size)
    return data, dirty, bad


def beside(post, reference):
    """How far means are from those of a fit, in its std, and how much larger std are; largest values with MC errors."""
    mean, std = reference.mean()["density"], reference.std()["density"]
    move, growth = np.abs(post.mean()["density"] - mean) / std, post.std()["density"] / std
    worst = int(np.argmax(growth))
    return {"move_rms": float(np.sqrt(np.mean(move**2))), "move_median": float(np.median(move)),
            "move_within_0.2": float(np.mean(move <= 0.2)), "move_largest": float(move.max()),
            "std_median": float(np.median(growth)), "std_largest": float(growth.ravel()[worst]),
            "std_largest_error": float((post.std_error()["density"] / std).ravel()[worst]),
            "move_error_largest": float((post.mean_error()["density"] / std).max())}


def moved():
    out = {}
    for reach in RANGES:
        rows = []
        for seed in range(SEEDS):
            density, operator, clean, std, rng = ground(reach, seed)
            data, dirty, bad = contaminated(clean, std, rng)

            def fit(y, noise, density=density, operator=operator, **options):
                survey = bj.Modality("gravity", operator, y, noise, "density")
                return bj.posterior(bj.JointProblem([density], [survey]), **options)

            gaussian = fit(data, bj.DiagonalNoise(std))
            lost = std.copy()
            lost[bad] *= 1e4
            row = {"informed_directions": float(np.sum((gaussian.prediction_std()["gravity"] / std) ** 2)),
                   "Gaussian, outliers": beside(fit(dirty, bj.DiagonalNoise(std)), gaussian),
                   "Gaussian, outliers left out": beside(fit(data, bj.DiagonalNoise(lost)), gaussian)}
            for name, dof in DOFS.items():
                for label, y in (("clean", data), ("outliers", dirty)):
                    began = time.perf_counter()
                    post = fit(y, bj.StudentNoise(std, dof), draws=DRAWS, seed=seed)
                    weight = post.datum_weights()["gravity_weight"].values.ravel()
                    row[f"Student-t, {name}, {label}"] = beside(post, gaussian) | {
                        "mixed": post.mixing.passed, "seconds": time.perf_counter() - began,
                        "heaviest_outlier": float(weight[bad].max()),
                        "lightest_other": float(np.delete(weight, bad).min())}
            rows.append(row)
            print(reach, seed, row, flush=True)
        out[f"{reach:g} m"] = {"mean_of_seeds": averaged(rows), "rows": rows}
    keep("moved", {"stations": SIDE**2, "cells": 4 * SIDE**2, "noise_over_signal": NOISE, "share": SHARE,
                   "size": SIZE, "draws": DRAWS, "seeds": SEEDS, "ranges": out})


def averaged(rows):
    """Means over seeds of every figure, and the largest of the largest."""
    def over(get, key):
        return float((np.max if "largest" in key else np.mean)([get(row) for row in rows]))

    return {name: {key: over(lambda row, name=name, key=key: row[name][key], key) for key in found}
            if isinstance(found, dict) else over(lambda row, name=name: row[name], name)
            for name, found in rows[0].items()}


def calibration():
    mesh = bj.Mesh.regular((2, 4, 4), (100, 100, 100))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    out = held().get("calibration", {})  # what is there is kept
    field, sharp = bj.Matern(std=200.0, range=300.0), bj.Focusing(20.0, epsilon=2e-3)
    for name, prior, bounds, dof, draws, seed in (
            ("Gaussian, dof 4", field, None, 4.0, 250, 0), ("Gaussian, dof 4, other truths", field, None, 4.0, 250, 1),
            ("Gaussian, dof found", field, None, "unknown", 250, 0),
            ("focusing, dof found, short chains", sharp, None, "unknown", 250, 0),
            ("focusing, dof found, short chains, other truths", sharp, None, "unknown", 250, 1),
            ("focusing, dof found", sharp, None, "unknown", 1000, 0),
            ("bounded, dof found", field, (0.0, 500.0), "unknown", 250, 0)):
        if name in out:
            continue
        density, began = bj.Parameter("density", mesh, prior=prior, bounds=bounds), time.perf_counter()
        survey = bj.Modality("gravity", operator, np.zeros(16), bj.StudentNoise(np.full(16, 0.1), dof), "density")
        found = bj.calibrate(bj.JointProblem([density], [survey]), n=200, seed=seed,
                             method=lambda problem, seed, draws=draws: bj.posterior(
                                 problem, method="gibbs", draws=draws, seed=seed))
        out[name] = {"draws": draws, "verdict": found.verdict,
                     "inside": int(found.inside.sum()), "of": int(found.inside.size),
                     "coverage_of_50": [float(f(found.coverage[:, 0])) for f in (np.min, np.max)],
                     "coverage_of_90": [float(f(found.coverage[:, 1])) for f in (np.min, np.max)],
                     "least_p": float(found.p_value.min()), "seconds": time.perf_counter() - began}
        print(name, out[name], flush=True)
        keep("calibration", out)


def found():
    out = {}
    for reach in RANGES:
        density, operator, _, std, _ = ground(reach, 0)
        alarms, hits, wrong = [], [], []
        for seed in range(CLEAN):
            rng = np.random.default_rng(1000 + seed)
            truth = density.bound_prior.covariance.sample(rng, 1)[0] * density.scale
            data, dirty, bad = contaminated(operator @ truth, std, rng)
            alarms.append(bool(standing_out(density, operator, data, std).size))
            if seed >= DIRTY:
                continue
            named = standing_out(density, operator, dirty, std)
            hits.append(np.isin(bad, named).mean())
            wrong.append(np.setdiff1d(named, bad).size)
        out[f"{reach:g} m"] = {"clean_sets": CLEAN, "sets_with_outliers": DIRTY,
                               "false_alarm_rate": float(np.mean(alarms)),
                               "false_alarm_error": float(np.std(alarms) / np.sqrt(CLEAN)),
                               "outliers_found": float(np.mean(hits)), "others_named_per_set": float(np.mean(wrong))}
        print(reach, out[f"{reach:g} m"], flush=True)
    keep("found", out)


def standing_out(density, operator, data, std):
    """Places of data that leave-one-out names."""
    problem = bj.JointProblem([density], [bj.Modality("gravity", operator, data, bj.DiagonalNoise(std), "density")])
    tree = bj.posterior(problem, method="dense").extra_groups()["leave_one_out"]
    return np.flatnonzero(np.isfinite(tree["gravity_outlier"].values.ravel()))


def held():
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def keep(part, found):
    FILE.write_text(json.dumps(held() | {part: found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for part in sys.argv[1:] or ("moved", "calibration", "found"):
        {"moved": moved, "calibration": calibration, "found": found}[part]()
