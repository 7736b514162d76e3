"""Products of the lattice operators against the bare transforms they need, and against a dense matrix.

Run: python benchmarks/operators.py [--json FILE] [--repeat 30]

A x needs one real 2-D transform a layer and one inverse; Aᵀ y one transform and an inverse a layer. "Bare" is exactly
that and nothing else: `scipy.fft.rfft2` of the layers already zero-padded, `irfft2` of the spectra, same size and type,
the better of one and all workers. All are alternated in one run, and medians are compared, so that a busy machine slows
everything alike. Then: time against cells, peak memory, and the first call against the second.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import tracemalloc

import numpy as np
import scipy
from scipy import fft

from bayesjoint import GravityOperator, MagneticOperator, Mesh

SHAPES = [(10, 30, 50), (10, 100, 150), (20, 148, 146), (20, 201, 338)]  # (nz, ny, nx); the first three are the paper's
CASES = [("gravity", "float64"), ("magnetic", "float64"), ("magnetic", "float32")]
SCALING = [(10, 30, 50), (10, 70, 70), (10, 120, 120), (15, 180, 180), (20, 275, 275), (20, 450, 450)]
DENSE_LIMIT = 1 << 28  # bytes of the largest dense matrix built; of larger ones part of the rows, and the time scaled
FIRST_CALL = """
import time, numpy as np
from bayesjoint import MagneticOperator, Mesh
mesh = Mesh.regular(shape=(10, 30, 50), spacing=(100, 100, 100))
times = []
for _ in range(2):
    start = time.perf_counter()
    operator = MagneticOperator(mesh, mesh.easting, mesh.northing)
    operator.rmatvec(operator.matvec(np.ones(mesh.size)))
    times.append(time.perf_counter() - start)
print(*times)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--repeat", type=int, default=30, help="runs of each (default 30)")
    arguments = parser.parse_args()
    print_heading()
    rows = []
    for shape in SHAPES:
        for kind, dtype in CASES:
            rows.append(measure(shape, kind, dtype, arguments.repeat))
            print_row(rows[-1])
    print("column: A X with 16 columns, per column.  * timed on part of the rows and scaled up.")
    figures = {"machine": machine(), "products": rows, "scaling": scaling(), "first_call": first_call()}
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file, indent=1)


def machine():
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpus": os.cpu_count(), "load_average": load, "python": platform.python_version(),
            "numpy": np.__version__, "scipy": scipy.__version__}


def build(shape, kind, dtype="float64"):
    mesh = Mesh.regular(shape=shape, spacing=(100, 100, 100))
    make = GravityOperator if kind == "gravity" else MagneticOperator
    return make(mesh, mesh.easting, mesh.northing, 0.0, dtype=dtype)


def measure(shape, kind, dtype, repeat):
    start = time.perf_counter()
    operator = build(shape, kind, dtype)
    elapsed = time.perf_counter() - start
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(n).astype(dtype) for n in operator.shape[::-1])
    block = rng.standard_normal((x.size, 16)).astype(dtype)
    dense, share = dense_matrix(operator, dtype)
    tasks = {"A x": lambda: operator.matvec(x), "A' y": lambda: operator.rmatvec(y)}
    times = alternate(tasks | bare_transforms(operator, x.reshape(shape)), repeat)
    against = alternate({"A x": tasks["A x"], "dense": lambda: dense @ x}, max(3, repeat // 3))
    wide = alternate({"A X": lambda: operator.matmat(block)}, max(3, repeat // 6))["A X"] / block.shape[1]
    bare = {k: min(v for name, v in times.items() if name.startswith(f"bare {k}")) for k in ("A x", "A' y")}
    return {
        "shape": shape, "kind": kind, "dtype": dtype, "cells": x.size, "build_s": elapsed,
        "forward_ms": 1e3 * times["A x"], "adjoint_ms": 1e3 * times["A' y"], "column_ms": 1e3 * wide,
        "bare_forward_ms": 1e3 * bare["A x"], "bare_adjoint_ms": 1e3 * bare["A' y"],
        "forward_ratio": times["A x"] / bare["A x"], "adjoint_ratio": times["A' y"] / bare["A' y"],
        "dense_ms": 1e3 * against["dense"] / share, "dense_ratio": against["dense"] / share / against["A x"],
        "dense_scaled": share < 1, "memory_ratio": x.size * y.size * dense.itemsize / operator.nbytes,
        "work_over_spectra": peak_work(operator, x, y) / operator.nbytes,
    }


def bare_transforms(operator, layers):
    """The transforms A x and Aᵀ y need, for one and for all workers."""
    padded = np.zeros((layers.shape[0], *operator.padded), dtype=layers.dtype)
    padded[:, : layers.shape[1], : layers.shape[2]] = layers
    spectra = fft.rfft2(padded)
    one = spectra[0].copy()
    tasks = {}
    for n in sorted({1, os.cpu_count()}):
        tasks[f"bare A x, {n}"] = lambda n=n: (fft.rfft2(padded, workers=n), fft.irfft2(one, workers=n))
        tasks[f"bare A' y, {n}"] = lambda n=n: (fft.rfft2(padded[0], workers=n), fft.irfft2(spectra, workers=n))
    return tasks


def dense_matrix(operator, dtype):
    """The matrix, or as many of its rows as fit, and their share."""
    row = operator.shape[1] * np.dtype(dtype).itemsize
    kept = min(operator.shape[0], max(1, DENSE_LIMIT // row))
    dense = np.empty((kept, operator.shape[1]), dtype=dtype)
    for start in range(0, kept, 100):
        index = np.arange(start, min(start + 100, kept))
        dense[index] = operator.rows(index)
    return dense, kept / operator.shape[0]


def peak_work(operator, x, y):
    """Bytes allocated at the peak of a product and its adjoint, results included."""
    tracemalloc.start()
    operator.rmatvec(operator.matvec(x))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def alternate(tasks, repeat):
    """Median time of each task; all run every turn, in random order: what ran before decides what caches hold."""
    times, order = {name: [] for name in tasks}, np.random.default_rng(0)
    for turn in range(repeat + 2):
        for name in order.permutation(list(tasks)):
            start = time.perf_counter()
            tasks[name]()
            if turn > 1:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def scaling():
    """Time of A x and Aᵀ y together against the number of cells, and the exponent of the fitted power law."""
    sizes, seconds = [], []
    for shape in SCALING:
        operator = build(shape, "magnetic")
        x = np.ones(operator.shape[1])
        sizes.append(x.size)
        seconds.append(alternate({"both": lambda op=operator, x=x: op.rmatvec(op.matvec(x))}, 7)["both"])
        print(f"{x.size:>9,} cells: A x and A' y {1e3 * seconds[-1]:8.1f} ms, spectra {operator.nbytes / 1e6:6.1f} MB")
    exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    print(f"time ~ cells^{exponent:.2f}")
    return {"cells": sizes, "seconds": seconds, "exponent": exponent}


def first_call():
    """Seconds to build and use an operator: compiling, the second time in that process, and from a warm cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        runs = [subprocess.run([sys.executable, "-c", FIRST_CALL], env=environment, check=True, capture_output=True,
                               text=True).stdout.split() for _ in range(2)]
    figures = {"compiling": float(runs[0][0]), "second": float(runs[0][1]), "from_cache": float(runs[1][0])}
    print("first call {compiling:.1f} s, second {second:.3f} s, from the cache {from_cache:.2f} s".format(**figures))
    return figures


def print_heading():
    print(f"{'shape':>14} {'kind':>9} {'type':>8} {'A x ms':>8} {'/ bare':>7} {'Aty ms':>8} {'/ bare':>7} "
          f"{'column ms':>9} {'dense ms':>9} {'faster':>7} {'smaller':>8} {'work':>5} {'build s':>8}")


def print_row(r):
    print(f"{'x'.join(map(str, r['shape'])):>14} {r['kind']:>9} {r['dtype']:>8} {r['forward_ms']:8.2f} "
          f"{r['forward_ratio']:7.2f} {r['adjoint_ms']:8.2f} {r['adjoint_ratio']:7.2f} {r['column_ms']:9.2f} "
          f"{r['dense_ms']:8.1f}{'*' if r['dense_scaled'] else ' '} {r['dense_ratio']:6.0f}x {r['memory_ratio']:7.0f}x "
          f"{r['work_over_spectra']:5.2f} {r['build_s']:8.2f}", flush=True)


if __name__ == "__main__":
    main()
