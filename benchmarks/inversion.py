"""RRCG: time per iteration against its own matrix products, peak memory, growth with size, and compilation.

Run: python benchmarks/inversion.py [--json FILE] [--largest CELLS]

The problem is the paper's: gravity and magnetic stations at the centres of all columns, focusing priors, bounds and a
Gramian. Every size has a process of its own, which first runs a small problem, so that imports and compilation count
neither in time nor in memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.sparse.linalg import LinearOperator

import bayesjoint as bj

SHAPES = [(10, 30, 50), (10, 54, 84), (10, 100, 150), (20, 148, 146), (20, 201, 338), (25, 400, 400)]  # (nz, ny, nx)
SMALL = (4, 12, 12)
LARGE = 200_000  # cells from which the counts below are the second ones
ITERATIONS = 20, 6  # of a timed run; 20 are about as many as it takes to fit
ROUNDS = 9, 3  # of runs and products in turn
VECTORS = 12  # beside four times the spectra: what memory may hold


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--largest", type=int, default=4_000_000,
                        help="leave out larger sizes (default 4 million cells)")
    parser.add_argument("--part", choices=("size", "first"), help=argparse.SUPPRESS)
    parser.add_argument("--shape", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(measure(tuple(arguments.shape)) if arguments.part == "size" else first_calls()))
        return
    load = os.getloadavg()
    sizes = [child("size", shape) for shape in SHAPES if np.prod(shape) <= arguments.largest]
    figures = {"rrcg": sizes, "growth": growth(sizes), "compilation": compilation(),
               "load_average": {"before": load, "after": os.getloadavg()}}
    print(tables(figures))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")


def child(part, shape=SMALL, **environment):
    """What this script prints when another process runs a part of it."""
    command = [sys.executable, __file__, "--part", part, "--shape", *map(str, shape)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    return json.loads(run.stdout)


class Watched(LinearOperator):
    """An operator that counts its products."""

    def __init__(self, operator):
        super().__init__(operator.dtype, operator.shape)
        self.operator, self.counts = operator, [0, 0]

    def _matvec(self, x):
        self.counts[0] += 1
        return self.operator.matvec(x)

    def _rmatvec(self, y):
        self.counts[1] += 1
        return self.operator.rmatvec(y)

    def add_adjoint(self, y, out):
        self.counts[1] += 1
        self.operator.add_adjoint(y, out)


def problem(shape, watch=False):
    """Two boxes under a lattice of stations; the operators too."""
    mesh = bj.Mesh.regular(shape=shape, spacing=(100.0, 100.0, 100.0))
    nz, ny, nx = shape
    body = np.zeros(shape)
    body[nz // 2 : nz - 1, ny // 3 : ny // 2, nx // 5 : nx // 3] = 1.0
    body[nz // 3 : nz - 2, ny // 2 : 2 * ny // 3, nx // 2 : 3 * nx // 4] = 1.0
    rng, parameters, surveys, operators = np.random.default_rng(0), [], [], []
    for kind, make, name, top in (("gravity", bj.GravityOperator, "density", 1000.0),
                                  ("magnetic", bj.MagneticOperator, "susceptibility", 0.1)):
        operator = make(mesh, mesh.easting, mesh.northing)
        operators.append(Watched(operator) if watch else operator)
        clean = operator.predict(top * body)
        std = bj.noise_std(clean, 0.02, 0.01)
        parameters.append(bj.Parameter(name, mesh, prior=bj.Focusing(20_000.0), bounds=(0.0, top)))
        surveys.append(bj.Modality(kind, operators[-1], clean + std * rng.standard_normal(clean.shape),
                                   bj.DiagonalNoise(std), name))
    return bj.JointProblem(parameters, surveys, [bj.Gramian(weights=(2, 100))]), operators


def solve(joint):
    large = joint.size // 2 >= LARGE
    return bj.find_map(joint, method="rrcg", max_iterations=ITERATIONS[large], stop_at_target=False)


def measure(shape):
    """One size: memory of building and solving, then time of runs and of their products in turn."""
    solve(problem(SMALL)[0])
    before = kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    began = time.perf_counter()
    joint, operators = problem(shape)
    build = time.perf_counter() - began
    vector, spectra = 8 * joint.size, sum(op.nbytes for op in operators)
    solve(joint)
    own = 1024 * (kilobytes("VmHWM") - before)
    del joint, operators
    joint, watched = problem(shape, watch=True)
    rng = np.random.default_rng(1)
    vectors = [tuple(rng.standard_normal(n) for n in op.shape[::-1]) for op in watched]
    rows = [one_round(joint, watched, vectors) for _ in range(ROUNDS[joint.size // 2 >= LARGE])]
    iteration, beside = np.median([row[:2] for row in rows], axis=0)
    dense = 8 * sum(op.shape[0] * op.shape[1] for op in watched)
    return {
        "shape": shape, "cells": int(np.prod(shape)), "unknowns": joint.size, "build_s": build,
        "iteration_ms": 1e3 * iteration, "products_ms": 1e3 * beside,
        "products_per_iteration": rows[-1][2:], "ratio": iteration / beside,
        "spectra_bytes": spectra, "vector_bytes": vector, "peak_bytes": own,
        "allowed_bytes": 4 * spectra + VECTORS * vector, "dense_bytes": dense,
    }


def one_round(joint, watched, vectors):
    """Seconds an iteration and of as many products in a row, and products of either kind an iteration."""
    for op in watched:
        op.counts = [0, 0]
    run = solve(joint)
    beside, counts = 0.0, np.sum([op.counts for op in watched], axis=0) / run.iterations
    for op, (x, y) in zip(watched, vectors, strict=True):
        for product, argument, count in zip((op.operator.matvec, op.operator.rmatvec), (x, y), op.counts, strict=True):
            began = time.perf_counter()
            for _ in range(count):
                product(argument)
            beside += time.perf_counter() - began
    return run.seconds / run.iterations, beside / run.iterations, *map(float, counts)


def first_calls():
    """Seconds of the first inversion in this process beyond the second, and of the second."""
    first, again = solve_small(), solve_small()
    return {"first_s": first - again, "again_s": again}


def solve_small():
    began = time.perf_counter()
    solve(problem(SMALL)[0])
    return time.perf_counter() - began


def compilation():
    """First and second inversion with an empty and with a filled Numba cache on disk."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (child("first", NUMBA_CACHE_DIR=cache) for _ in range(2))
    return {"cold": cold, "warm": warm}


def growth(sizes):
    """Exponents of iteration time and memory in the number of cells, by least squares on logarithms."""
    if len(sizes) < 2:
        return {}
    cells = np.log([row["cells"] for row in sizes])
    return {name: float(np.polyfit(cells, np.log([row[key] for row in sizes]), 1)[0])
            for name, key in (("iteration", "iteration_ms"), ("products", "products_ms"), ("peak", "peak_bytes"))}


def kilobytes(key):
    """A line of Linux's /proc; `ru_maxrss` would not do, as a child inherits its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(row.split()[1] for row in status.splitlines() if row.startswith(key)))


def tables(figures):
    """Markdown of all figures."""
    rows = ["| cells (nz × ny × nx) | iteration (ms) | its products alone (ms) | ratio "
            "| A, Aᵀ an iteration | build (s) |", "|---|---|---|---|---|---|---|"]
    for r in figures["rrcg"]:
        counts = ", ".join(f"{c:.1f}" for c in r["products_per_iteration"])
        rows.append(f"| {r['cells']:,} ({' × '.join(map(str, r['shape']))}) | {r['iteration_ms']:.1f} "
                    f"| {r['products_ms']:.1f} | {r['ratio']:.2f} | {counts} "
                    f"| {r['build_s']:.2f} |")
    rows += ["", "| cells | spectra (MB) | one model vector (MB) | peak, measured (MB) | 4 × spectra + 12 vectors (MB) "
             "| peak over that | dense pair (GB) | dense over spectra | dense over peak |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in figures["rrcg"]:
        spectra, vector, peak, allowed = (r[f"{k}_bytes"] for k in ("spectra", "vector", "peak", "allowed"))
        rows.append(f"| {r['cells']:,} | {spectra / 1e6:.2f} | {vector / 1e6:.2f} | {peak / 1e6:.1f} "
                    f"| {allowed / 1e6:.1f} | {peak / allowed:.2f} | {r['dense_bytes'] / 1e9:,.1f} "
                    f"| {r['dense_bytes'] / spectra:,.0f} | {r['dense_bytes'] / peak:,.0f} |")
    if figures["growth"]:
        g = figures["growth"]
        rows += ["", f"Growth with the number of cells: iteration time ∝ cells^{g['iteration']:.2f}, its products "
                 f"^{g['products']:.2f}, peak memory ^{g['peak']:.2f}."]
    rows += ["", "| Numba cache on disk | first inversion, beyond the second (s) | second (s) |", "|---|---|---|"]
    rows += [f"| {name} | {c['first_s']:.2f} | {c['again_s']:.3f} |" for name, c in figures["compilation"].items()]
    load = figures["load_average"]
    rows += ["", f"Load average before and after: {load['before'][0]:.1f}, {load['after'][0]:.1f}."]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
