"""A draped survey over relief: mesh, operator, posterior, standard deviations, 50 draws and evidence, at size.

Run: python benchmarks/ground_and_air.py [--quick] [--engines ENGINE ...] [--json FILE]

3,200 gravity stations stand on rough ground over some 60,000 ground cells; what lies above the ground is air. Every
engine has a process of its own, so that peak memory is its own; by default the one that "auto" takes. --quick takes
400 stations and 6,500 cells.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj

SIZES = {"full": (3_200, 7_000.0, 11), "quick": (400, 2_000.0, 8)}  # stations, metres across, layers
SPACING = 100.0  # of the columns
RELIEF = 200.0  # metres up and down
DRAWS = 50
BARS = {"seconds": 600.0, "gigabytes": 6.0}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="400 stations")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--engines", nargs="+", default=["auto"], choices=("auto", "dense", "iterative"))
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = "quick" if arguments.quick else "full"
    if arguments.engine:
        print(json.dumps(measure(size, arguments.engine)))
        return
    figures = {"load_average": os.getloadavg(), "bars": BARS,
               "engines": [child(size, engine) for engine in arguments.engines]}
    print(table(figures))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")


def child(size, engine):
    """What this script prints when another process runs one engine."""
    command = [sys.executable, __file__, "--engine", engine, *(["--quick"] if size == "quick" else [])]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def height(easting, northing):
    """The ground: hills of several sizes, metres."""
    waves = np.sin(easting / 900.0) * np.cos(northing / 700.0) + 0.5 * np.sin((easting + 2 * northing) / 400.0)
    return RELIEF * waves / 1.5


def survey_of(stations, across):
    """Scattered stations 1.5 m above the ground."""
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0.0, across, (2, stations))
    return bj.Survey("gravity", np.zeros(stations), easting, northing, height(easting, northing) + 1.5, std=0.05)


def measure(size, engine):
    """Seconds of every step, and peak memory of the process."""
    stations, across, layers = SIZES[size]
    survey, steps, began = survey_of(stations, across), {}, time.perf_counter()
    grid = np.arange(-1_000.0, across + 1_001.0, 25.0)
    east, north = (a.ravel() for a in np.meshgrid(grid, grid))

    def done(step):
        nonlocal began
        steps[step] = round(time.perf_counter() - began, 2)
        began = time.perf_counter()

    mesh = bj.Mesh.from_surveys([survey], depth=1_000.0, layers=layers, spacing=SPACING,
                                topography=(east, north, height(east, north)))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=600.0))
    modality = survey.modality(density)
    done("mesh and operator")
    truth = density.from_hat(density.bound_prior.covariance.sample(np.random.default_rng(1), 1)[0])
    noise = survey.std * np.random.default_rng(2).standard_normal(stations)
    problem = bj.JointProblem([density], [modality.replace(data=modality.forward.predict(truth) + noise)])
    done("a truth and its data")
    post = bj.posterior(problem, engine)
    mean = post.mean()["density"]
    done("posterior mean")
    std = post.std()["density"]
    done("standard deviations")
    draws = post.sample(DRAWS, chains=1)["density"]
    done(f"{DRAWS} draws")
    evidence = post.log_evidence()
    done("evidence")
    ground = mesh.active
    score = (truth - mean)[ground] / std[ground]
    return {"engine": post.method, "stations": stations, "cells": mesh.size, "ground_cells": int(ground.sum()),
            "operator": modality.metadata["forward"], "steps": steps, "seconds": round(sum(steps.values()), 1),
            "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "log_evidence": float(evidence), "log_evidence_error": evidence.error,
            "rms_of_standardised_error": float(np.sqrt(np.mean(score**2))),
            "air_is_nan": bool(np.isnan(draws[..., ~ground]).all() and np.isfinite(draws[..., ground]).all())}


def table(figures):
    """A Markdown table of the engines side by side."""
    engines = figures["engines"]
    first = engines[0]
    lines = [f"{first['stations']:,} stations, {first['ground_cells']:,} ground cells of {first['cells']:,}; "
             f"{first['operator']}", "", f"| | {' | '.join(e['engine'] for e in engines)} |",
             f"|---|{'---|' * len(engines)}"]
    lines += [f"| {step}, s | {' | '.join(format(e['steps'][step], 'g') for e in engines)} |"
              for step in first["steps"]]
    for key, words in (("seconds", f"**all, s** (bar {BARS['seconds']:g})"),
                       ("gigabytes", f"**peak memory, GB** (bar {BARS['gigabytes']:g})"),
                       ("log_evidence", "log evidence, nats"), ("log_evidence_error", "its error"),
                       ("rms_of_standardised_error", "rms of (truth − mean) / std")):
        lines.append(f"| {words} | {' | '.join(format(e[key], '.6g') for e in engines)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
