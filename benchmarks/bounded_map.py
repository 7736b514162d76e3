"""Bounded MAPs of Matérn fields: seconds, memory and how near they are to the optimum, each in a process of its own.

python benchmarks/bounded_map.py             # all settings, some fifteen minutes; rewrites bounded_map.json
python benchmarks/bounded_map.py --quick     # up to 40,500 cells, nothing written
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj

TABLE = Path(__file__).with_name("bounded_map.json")
CELL, STD = 100.0, 0.02
SETTINGS = [  # shape, extent, range in metres, noise as a share of the data's std
    ((4, 40, 40), "mesh", 200.0, 1.0),
    ((4, 40, 40), "mesh", 800.0, 0.02),
    ((4, 40, 40), "continued", 800.0, 0.02),
    ((10, 45, 90), "mesh", 200.0, 0.1),
    ((10, 45, 90), "mesh", 600.0, 0.3),
    ((10, 45, 90), "continued", 600.0, 0.3),
    ((4, 90, 90), "mesh", 200.0, 0.1),
    ((8, 80, 120), "mesh", 400.0, 0.1),
    ((16, 100, 160), "continued", 400.0, 0.1),
]
QUICK = 45_000


def problem(shape, extent, reach, noise):
    """A positive body under magnetic data at every column, susceptibility not below zero."""
    rng, mesh = np.random.default_rng(1), bj.Mesh.regular(shape, (CELL, CELL, CELL))
    parameter = bj.Parameter("susceptibility", mesh, prior=bj.Matern(STD, reach, extent=extent), bounds=(0.0, None))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 30.0, inclination=60.0, declination=5.0)
    truth = np.zeros(mesh.shape)
    truth[1:, 2:4, 2:4] = 3 * STD
    data = operator.predict(truth)
    std = noise * data.std()
    survey = bj.Modality("magnetic", operator, data + std * rng.standard_normal(data.shape),
                         bj.DiagonalNoise(np.full(data.size, std)), "susceptibility")
    return bj.JointProblem([parameter], [survey])


def measure(number):
    """One row of the table."""
    shape, extent, reach, noise = SETTINGS[number]
    asked = problem(shape, extent, reach, noise)
    began = time.perf_counter()
    result = bj.find_map(asked)
    return {"cells": asked.size, "data": asked.data_size, "extent": extent, "range_m": reach, "noise_share": noise,
            "seconds": round(time.perf_counter() - began, 1), "criterion": float(f"{result.criterion:.2g}"),
            "converged": result.converged, "products": result.products,
            "at_a_bound": round(result.active_share["susceptibility"], 3),
            "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)}


def main():
    """Measure every setting in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one)))
        return
    rows = []
    for number, (shape, *_) in enumerate(SETTINGS):
        if options.quick and np.prod(shape) > QUICK:
            continue
        found = subprocess.run([sys.executable, __file__, "--one", str(number)], check=True, capture_output=True,
                               text=True)
        rows.append(json.loads(found.stdout))
        print(rows[-1], flush=True)
    if not options.quick:
        TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
