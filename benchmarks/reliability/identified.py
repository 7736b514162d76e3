"""How often a fit says "identified" and a Laplace approximation "valid", with the truth known.

Run: python benchmarks/reliability/identified.py [--surveys 100] [--json benchmarks/reliability/identified.json]

Simulated surveys without a field (white noise), with one, joint ones where one of two fields is missing, and sharp
bodies under noise of a known size; posteriors of one or two values that the Gaussian at their MAP is not, and others
that it is. Some six minutes on one core.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from laplace_cases import RIGHT, SINGLE, found

import bayesjoint as bj

BARS = {"identified without a field": 0.05, "identified with a field": 0.90, "valid on wrong cases": 0.0}
NOISE = 0.1  # mGal, nT over sharp bodies 1
BODIES = ("two blocks", "one block", "dyke", "five blocks", "fault")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surveys", type=int, default=100, help="simulated surveys of every kind")
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    began, rows = time.time(), []
    for label, curve in (("profiles", True), ("curvature", False)):
        for field in (False, True):
            rows.append(gravity(arguments.surveys, field, curve) | {"verdicts by": label})
            print(rows[-1], flush=True)
    rows.append(joint(arguments.surveys))
    print(rows[-1], flush=True)
    bodies = sharp(max(1, arguments.surveys // 20))
    print(bodies, flush=True)
    figures = {"bars": BARS, "surveys": arguments.surveys, "fields": rows, "sharp bodies": bodies,
               "laplace": laplace(), "seconds": round(time.time() - began)}
    print(figures["laplace"])
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def survey(seed, field, side=7):
    """Gravity over 7 x 7 stations, of a field or of none."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((2, side, side), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=60.0, range=250.0))
    forward = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    data = NOISE * rng.standard_normal(side**2)
    if field:
        data = data + forward @ (density.bound_prior.covariance.sample(rng, 1)[0] * density.scale)
    return density, bj.Modality("gravity", forward, data, bj.DiagonalNoise(np.full(side**2, 0.3)), "density")


def gravity(count, field, curve):
    """Rates over surveys of gravity alone."""
    tables = []
    for seed in range(count):
        density, data = survey(seed, field)
        tables.append(bj.fit_hyperparameters(bj.JointProblem([density], [data]), curve=curve).table)
    names = ["density_std", "density_range", "gravity_noise"]
    within = [t["low"][2] <= NOISE <= t["high"][2] for t in tables if t["identified"][2]]
    return {"case": "a field" if field else "no field", "identified": dict(zip(
        names, np.mean([t["identified"] for t in tables], axis=0).round(3).tolist(), strict=True)),
        "noise doubted over Gaussian ground": float(np.mean([t["gaussian_p"][2] < 0.01 for t in tables])),
        "noise within its interval where identified": round(float(np.mean(within)), 3) if within else None}


def joint(count):
    """A gravity survey with a field, a magnetic one without, coupled in the model."""
    hits = []
    for seed in range(count):
        density, data = survey(seed, True)
        mesh = density.mesh
        k = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=250.0))
        forward = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=5.0, inclination=60.0)
        noise = 5.0 * np.random.default_rng(10_000 + seed).standard_normal(forward.shape[0])
        other = bj.Modality("magnetic", forward, noise, bj.DiagonalNoise(np.full(noise.size, 5.0)), "susceptibility")
        fit = bj.fit_hyperparameters(bj.JointProblem([density, k], [data, other], [bj.Coregionalization(0.3)]),
                                     curve=False)
        hits.append([fit.table["identified"][fit.vector.names.index(name)] for name in
                     ("density_std", "susceptibility_std", "correlation")])
    rates = np.mean(hits, axis=0).round(3).tolist()
    return {"case": "joint, no magnetic field", "verdicts by": "curvature", "identified": dict(zip(
        ("density_std", "susceptibility_std", "correlation"), rates, strict=True))}


def blocky(kind, rng, shape):
    """Susceptibility of sharp bodies."""
    k = np.zeros(shape)
    if kind == "two blocks":
        k[2:5, 3:7, 3:7], k[2:5, 7:10, 6:10] = 0.005, 0.02
    elif kind == "one block":
        k[1:4, 5:9, 5:9] = 0.02
    elif kind == "dyke":
        k[2:6, 3:5, :] = 0.01
    elif kind == "fault":
        k[1:, :, shape[2] // 2 :] = 0.01
    else:
        for _ in range(5):
            z, y, x = rng.integers(0, 4), *rng.integers(1, shape[1] - 4, 2)
            k[z : z + 2, y : y + 3, x : x + 3] = rng.choice([1, -1]) * 0.02 * rng.uniform(0.2, 1)
    return k


def sharp(count):
    """1 nT over sharp bodies: how often the noise is called identified, and how often with a wrong interval."""
    out = {}
    for kind in BODIES:
        called, wrong = [], []
        for seed in range(count):
            rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((6, 14, 14), (50.0, 50.0, 50.0))
            forward = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=20.0, intensity=60000.0,
                                          inclination=84.0)
            data = forward.predict(blocky(kind, rng, mesh.shape)) + rng.standard_normal((14, 14))
            k = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.002, 150.0))
            m = bj.Modality("m", forward, data, bj.DiagonalNoise(np.ones(196)), "susceptibility")
            table = bj.fit_hyperparameters(bj.JointProblem([k], [m]), curve=False).table
            called.append(table["identified"][-1])
            wrong.append(called[-1] and not table["low"][-1] <= 1.0 <= table["high"][-1])
        out[kind] = {"identified": float(np.mean(called)), "identified and wrong": float(np.mean(wrong))}
    return out


def laplace():
    """Verdicts on posteriors that a grid knows."""
    out = {}
    for label, cases in (("wrong cases", SINGLE), ("right cases", RIGHT)):
        rows = {name: dict(zip(("std", "exact", "verdict"), found(case), strict=True)) for name, case in cases.items()}
        valid = np.mean([row["verdict"] == "valid" for row in rows.values()])
        out[label] = {"valid": round(float(valid), 3), "cases": rows}
    return out


if __name__ == "__main__":
    main()
